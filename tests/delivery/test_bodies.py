"""Bodies and signatures before foreign judges in Python: standardwebhooks, cloudevents, JSON Schema."""

from __future__ import annotations

import json
from base64 import b64decode
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_structured
from cloudevents.core.formats.json import JSONFormat
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker
from standardwebhooks import Webhook, WebhookVerificationError

from infusion_service.clinical.workflow import load_workflow
from infusion_service.delivery.rendering import BODY_BYTES_MAX, CONTENT_TYPE, DayFacts, render_entry
from infusion_service.delivery.schemas import delivered_types, schema_of
from infusion_service.delivery.scrubbing import excerpt
from infusion_service.delivery.signing import Signer, new_secret, read_secret, shown_public, shown_secret
from infusion_service.delivery.vault import KEY_BYTES, Vault, VaultUnusable
from infusion_service.log.entry import LogEntry
from infusion_service.settings import Settings
from tests.log.given import DAY_1, Scribe, an_entry

DAY = DayFacts(ward="neuro-day", patient={"id": "P-1", "family": "Müller-Lüdenscheidt", "given": "Zoë"})
BASE = "https://demo"

CLOUDEVENTS_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["id", "source", "specversion", "type"],
    "properties": {
        "id": {"type": "string", "minLength": 1},
        "source": {"type": "string", "format": "uri-reference", "minLength": 1},
        "specversion": {"type": "string", "minLength": 1},
        "type": {"type": "string", "minLength": 1},
        "datacontenttype": {"type": ["string", "null"], "minLength": 1},
        "dataschema": {"type": ["string", "null"], "format": "uri", "minLength": 1},
        "subject": {"type": ["string", "null"], "minLength": 1},
        "time": {"type": ["string", "null"], "format": "date-time", "minLength": 1},
        "data": {"type": ["object", "string", "number", "array", "boolean", "null"]},
        "data_base64": {"type": ["string", "null"], "contentEncoding": "base64"},
    },
    "propertyNames": {"pattern": "^([a-z0-9]{1,20}|data_base64)$"},
}
"""The rules of CloudEvents 1.0 (JSON format 3, and 3.1 of the core on attribute names), written as a schema."""


def body_of(*, payload: str = "full", number: int = 1, **changes: Any) -> bytes:
    scribe = Scribe()
    batch = scribe.write(an_entry(number, DAY_1, **changes))
    entry = LogEntry.of(batch.rows[0]).as_json()
    kind: Any = payload
    return render_entry(entry, DAY, base=BASE, epsequence=42, payload=kind)


def headers_of(body: bytes, signer: Signer, timestamp_s: int | None = None) -> dict[str, str]:
    webhook_id = json.loads(body)["id"]
    timestamp_s = timestamp_s or int(datetime.now(UTC).timestamp())
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": signer.header(webhook_id, timestamp_s, body),
        "content-type": CONTENT_TYPE,
    }


def test_a_body_is_what_the_contract_says() -> None:
    event = json.loads(body_of())
    data = event.pop("data")
    assert event == {
        "specversion": "1.0",
        "id": "0197c0de-7000-7000-8000-0a0000000001",
        "source": f"{BASE}/infusion-days/{DAY_1}",
        "type": "infusion.vitals.recorded.v1",
        "subject": DAY_1,
        "time": "2026-11-23T07:20:00.000Z",
        "recordedtime": "2026-11-23T07:20:01.000Z",
        "sequence": "0000000001",
        "epsequence": "0000000042",
        "partitionkey": DAY_1,
        "dataschema": f"{BASE}/schemas/infusion.vitals.recorded.v1.json",
    }
    assert data["patient"] == DAY.patient
    assert data["data"]["temperature_celsius"] == "36.8"


def test_a_thin_body_names_the_day_and_nobody() -> None:
    body = body_of(payload="thin")
    assert set(json.loads(body)["data"]) == {"entry_id", "seq", "kind", "type", "day_id", "ward", "href"}
    assert b"staff" not in body
    assert b"P-1" not in body


def test_a_body_too_large_for_intermediaries_refers_to_where_it_can_be_read() -> None:
    body = body_of(data={"text": "x" * BODY_BYTES_MAX})
    event = json.loads(body)
    assert len(body) < 2000
    assert event["dataref"] == event["data"]["href"]


@given(text=st.text(max_size=60))
def test_every_text_is_escaped_to_ascii_and_comes_back(text: str) -> None:
    if any("\ud800" <= char <= "\udfff" for char in text):
        return
    body = body_of(data={"text": text})
    assert body.isascii()
    assert json.loads(body)["data"]["data"]["text"] == text
    assert body.decode("latin-1") == body.decode("utf-8")


@pytest.mark.parametrize("payload", ["full", "thin"])
def test_cloudevents_takes_it(payload: str) -> None:
    body = body_of(payload=payload)
    event = from_structured(HTTPMessage({"content-type": CONTENT_TYPE}, body), JSONFormat())
    assert event.get_id() == "0197c0de-7000-7000-8000-0a0000000001"
    assert event.get_extension("epsequence") == "0000000042"
    validator = Draft202012Validator(CLOUDEVENTS_SCHEMA, format_checker=FormatChecker())
    assert not list(validator.iter_errors(json.loads(body)))


def test_standardwebhooks_takes_it_with_either_secret_and_nothing_else() -> None:
    new, old, other = new_secret(), new_secret(), new_secret()
    body = body_of()
    headers = headers_of(body, Signer([new, old], [new_secret()]))
    for secret in (new, old):
        assert Webhook(shown_secret(secret)).verify(body, headers)["id"] == headers["webhook-id"]
    for bad_body, bad_headers, secret in (
        (body.replace(b"122", b"123"), headers, new),
        (body, headers, other),
        (body, headers_of(body, Signer([new]), int(headers["webhook-timestamp"]) - 301), new),
        (body, {**headers, "webhook-id": "0197c0de-7000-7000-8000-0a0000000002"}, new),
    ):
        with pytest.raises(WebhookVerificationError):
            Webhook(shown_secret(secret)).verify(bad_body, bad_headers)
    assert read_secret(shown_secret(new)) == new


def test_the_asymmetric_signature_is_ed25519_over_the_same_bytes() -> None:
    seed = new_secret()
    body = body_of()
    headers = headers_of(body, Signer([new_secret()], [seed]))
    (entry,) = [part for part in headers["webhook-signature"].split() if part.startswith("v1a,")]
    public = Ed25519PublicKey.from_public_bytes(b64decode(shown_public(seed).removeprefix("whpk_")))
    signed = b".".join((headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body))
    public.verify(b64decode(entry[4:]), signed)
    with pytest.raises(InvalidSignature):
        public.verify(b64decode(entry[4:]), signed + b" ")


def test_every_type_of_the_shipped_workflow_has_a_schema_its_facts_satisfy() -> None:
    workflows = [
        load_workflow(path.read_bytes(), file=path.name) for path in sorted(Settings().workflows_dir.glob("*.toml"))
    ]
    for entry_type in delivered_types(workflows):
        Draft202012Validator.check_schema(schema_of(entry_type, workflows, base=BASE))
    schema = schema_of("vitals.recorded", workflows, base=BASE)
    full = json.loads(body_of(data={"source": "manual", "systolic_mmhg": 122, "temperature_celsius": "36.8"}))
    assert not list(Draft202012Validator(schema).iter_errors(full))
    assert not list(Draft202012Validator(schema).iter_errors(json.loads(body_of(payload="thin"))))
    full["data"]["data"]["systolic_mmhg"] = "122"
    assert list(Draft202012Validator(schema).iter_errors(full))


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (b"ok", "ok"),
        ("no patient Müller-Lüdenscheidt".encode(), "no patient [...]"),
        (rb'{"error": "M\u00fcller-L\u00fcdenscheidt"}', '{"error": "[...]"}'),
        (b"MRN 00123456 unknown", "MRN [...] unknown"),
        (b"bad token Bearer abc.def", "bad token Bearer [...]"),
        (b"line\x00one\r\n\x1b[31mtwo", "line one [31mtwo"),
    ],
)
def test_an_excerpt_tells_what_went_wrong_and_nobody_who_was_ill(said: bytes, kept: str) -> None:
    assert excerpt(said, body_of()) == kept


def test_a_vault_opens_what_it_sealed_for_the_same_purpose_alone(tmp_path: Path) -> None:
    path = tmp_path / "secrets.key"
    vault = Vault(path)
    sealed = vault.seal(b"secret", purpose="endpoint a v1")
    assert path.stat().st_mode & 0o777 == 0o400
    assert len(b64decode(path.read_text())) == KEY_BYTES
    assert "secret" not in sealed
    assert Vault(path).open(sealed, purpose="endpoint a v1") == b"secret"
    with pytest.raises(VaultUnusable):
        vault.open(sealed, purpose="endpoint b v1")
    with pytest.raises(VaultUnusable):
        Vault(tmp_path / "other.key").open(sealed, purpose="endpoint a v1")
