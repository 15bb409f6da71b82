"""On the wire: TLS, addresses that are refused, headers of every answer, and no door for pages of others."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from infusion_service.limits import Limits
from infusion_service.settings import Settings
from infusion_service.web.routes import ROUTES
from tests.cli.running import Site
from tests.web.conftest import WARDS, HttpWard, opened_ward
from tests.web.test_server import connect, served

PATIENCE_S = 10


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate of `localhost` that nobody has signed, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = tmp_path / "certificate.pem", tmp_path / "key.pem"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


async def test_with_a_certificate_it_speaks_tls_alone(ward: HttpWard, certificate: tuple[Path, Path]) -> None:
    settings = replace(
        ward.service.settings, tls_certificate_file=certificate[0], tls_key_file=certificate[1], host="localhost"
    )
    service = replace(ward.service, settings=settings)
    trust = ssl.create_default_context(cafile=str(certificate[0]))
    old = ssl.create_default_context(cafile=str(certificate[0]))
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    old.minimum_version = ssl.TLSVersion.TLSv1_2
    async with served(replace(ward, service=service)) as (url, _), aiohttp.ClientSession() as client:
        by_name = url.replace("127.0.0.1", "localhost").replace("[::1]", "localhost")
        for context in (trust, old):
            async with client.get(f"{by_name}/health/live", ssl=context) as response:
                assert (url[:8], response.status) == ("https://", 200)
                assert response.headers["Strict-Transport-Security"].startswith("max-age=")
        with pytest.raises(aiohttp.ClientError):
            await client.get(f"{by_name}/health/live".replace("https", "http"))


async def test_who_begins_tls_and_says_nothing_more_is_cut_off(ward: HttpWard, certificate: tuple[Path, Path]) -> None:
    settings = replace(ward.service.settings, tls_certificate_file=certificate[0], tls_key_file=certificate[1])
    service = replace(ward.service, settings=settings)
    async with served(replace(ward, service=service), Limits(header_wait_s=1)) as (url, _):
        reader, writer = await connect(url.replace("https", "http"))
        writer.write(b"\x16\x03\x01")
        async with asyncio.timeout(PATIENCE_S):
            assert await reader.read() == b""
        writer.close()


@pytest.mark.parametrize(
    ("environ", "code"),
    [
        ({"INFUSION_HTTP_HOST": "0.0.0.0"}, 2),
        ({"INFUSION_HTTP_HOST": "::"}, 2),
        ({"INFUSION_HTTP_HOST": "ward.example"}, 2),
        ({"INFUSION_HTTP_TLS_CERTIFICATE_FILE": "certificate.pem"}, 2),
        ({"INFUSION_OIDC_ISSUER": "https://login.example"}, 2),
    ],
)
def test_serve_refuses_to_start_in_the_clear(tmp_path: Path, environ: dict[str, str], code: int) -> None:
    site = Site(tmp_path)
    ended = site.run("serve", "--port", "0", env=environ)

    assert ended.code == code
    assert next(iter(environ)).removeprefix("INFUSION_").split("_")[0].lower() in ended.err
    assert not site.database.exists()


async def test_behind_a_proxy_cookies_and_pages_know_of_tls() -> None:
    async with opened_ward(Settings(wards=WARDS, clock="simulated", behind_proxy=True)) as ward:
        headers = {"Authorization": f"Bearer {ward.tokens['device']}"}
        enrolled = await ward.client.post("/v1/devices/current/cookie", headers=headers)

        assert enrolled.cookies["infusion_device"]["secure"] is True
        assert enrolled.headers["Strict-Transport-Security"] == "max-age=31536000"


async def test_every_answer_of_every_route_carries_the_headers_and_opens_nothing_to_others(ward: HttpWard) -> None:
    origin = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"}
    for route in ROUTES:
        address = route.path.replace("{file}", "ward.css").replace("{", "").replace("}", "")
        for method in (route.method, "OPTIONS"):
            if method == "GET" and route.path == "/v1/log/stream":
                headers = {**origin, "Authorization": "Bearer forged"}
            else:
                headers = {**origin, "Authorization": f"Bearer {ward.tokens['nurse']}"}
            async with ward.client.request(method, address, headers=headers) as response:
                found = response.headers
            assert found["X-Content-Type-Options"] == "nosniff", route.path
            assert found["Referrer-Policy"] == "no-referrer"
            assert "frame-ancestors 'none'" in found["Content-Security-Policy"]
            assert found["Cache-Control"] in ("no-store", "no-cache")
            assert found["Server"] == "infusion"
            assert not [name for name in found if name.startswith("Access-Control")]
            if method == "OPTIONS":
                assert response.status in (404, 405)
            if route.method == "DELETE" and method == "DELETE" and route.path.endswith("/current"):
                break  # the session is over
