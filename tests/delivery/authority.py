"""A hospital's own certificate authority, for one test: it signs servers, clients, and what should not be trusted."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

A_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Signed:
    """A certificate and its private key, in PEM."""

    certificate_pem: str
    key_pem: str

    def write(self, directory: Path) -> Path:
        """Both in one file, as OpenSSL reads them."""
        path = directory / "certificate.pem"
        path.write_text(self.certificate_pem + self.key_pem, encoding="ascii")
        return path


@dataclass(frozen=True)
class Authority:
    """Who signs."""

    name: str = "Hospital CA"
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def pem(self) -> str:
        """The certificate others trust it by."""
        usage = x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=True,
            crl_sign=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        key_id = x509.SubjectKeyIdentifier.from_public_key(self.key.public_key())
        built = (
            self._builder(self.name, self.key, datetime.now(UTC) + A_DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(key_id, critical=False)
        )
        return built.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()

    def sign(self, name: str, *, address: str | None = None, ends_in: timedelta = A_DAY) -> Signed:
        """A certificate for a name, or for a name and an address."""
        key = ec.generate_private_key(ec.SECP256R1())
        known: list[x509.GeneralName] = [x509.DNSName(name)]
        if address is not None:
            known.append(x509.IPAddress(ipaddress.ip_address(address)))
        issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        built = (
            self._builder(name, key, datetime.now(UTC) + ends_in)
            .add_extension(x509.SubjectAlternativeName(known), critical=False)
            .add_extension(issuer_key, critical=False)
        )
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        return Signed(built.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM).decode(), pem)

    def _builder(self, name: str, key: ec.EllipticCurvePrivateKey, ends_at: datetime) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(_named(name))
            .issuer_name(_named(self.name))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime.now(UTC) - 30 * A_DAY)
            .not_valid_after(ends_at)
        )


def listening_as(signed: Signed, directory: Path, *, clients_of: Authority | None = None) -> ssl.SSLContext:
    """What a server presents; with `clients_of` it takes clients of that authority alone."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(signed.write(directory))
    if clients_of is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=clients_of.pem)
    return context


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
