"""What is delivered before judges written for Node, and before what their packages hold.

standardwebhooks for signatures, cloudevents and the CloudEvents schema for bodies, AsyncAPI's schema for the document.
"""

from __future__ import annotations

import copy
import json

from jsonschema import Draft7Validator

from infusion_service.clinical.workflow import load_workflow
from infusion_service.delivery import asyncapi
from infusion_service.delivery.rendering import render_own
from infusion_service.delivery.signing import Signer, new_secret, shown_secret
from infusion_service.settings import Settings
from tests.delivery.test_bodies import BASE, body_of, headers_of
from tests.node_judges import packages, verdicts

SIGNATURES = """
const { Webhook } = require('standardwebhooks');
const given = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const verdicts = given.map(({ secret, headers, body }) => {
  try { return new Webhook(secret).verify(body, headers).id; } catch (error) { return 'refused'; }
});
console.log(JSON.stringify(verdicts));
"""
EVENTS = """
const { HTTP } = require('cloudevents');
const fits = require('cloudevents/dist/schema/v1.js'); // the specification's JSON Schema, compiled by its authors
const given = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const verdicts = given.map(({ headers, body }) => {
  try {
    const event = HTTP.toEvent({ headers, body });
    return event.validate() === true && fits(JSON.parse(body)) ? event.id : 'refused';
  } catch (error) { return 'refused'; }
});
console.log(JSON.stringify(verdicts));
"""


def test_standardwebhooks_takes_what_is_signed_now_with_a_live_secret_and_nothing_else() -> None:
    new, old = new_secret(), new_secret()
    body = body_of()
    headers = headers_of(body, Signer([new, old], [new_secret()]))
    late = headers_of(body, Signer([new]), int(headers["webhook-timestamp"]) - 301)
    early = headers_of(body, Signer([new]), int(headers["webhook-timestamp"]) + 310)
    other_id = {**headers, "webhook-id": "0197c0de-7000-7000-8000-0a0000000002"}
    text = body.decode()
    said = verdicts(
        SIGNATURES,
        [
            {"secret": shown_secret(new), "headers": headers, "body": text},
            {"secret": shown_secret(old), "headers": headers, "body": text},
            {"secret": shown_secret(new), "headers": headers, "body": text.replace("122", "123")},
            {"secret": shown_secret(new_secret()), "headers": headers, "body": text},
            {"secret": shown_secret(new), "headers": late, "body": text},
            {"secret": shown_secret(new), "headers": early, "body": text},
            {"secret": shown_secret(new), "headers": other_id, "body": text},
        ],
    )
    assert said == [headers["webhook-id"]] * 2 + ["refused"] * 5


def test_cloudevents_and_its_schema_take_every_kind_of_body_and_refuse_a_broken_one() -> None:
    signer = Signer([new_secret()])
    ping = render_own(
        "webhook.ping",
        event_id="0197c0de-7000-7000-8000-0b0000000001",
        subject="0197c0de-7000-7000-8000-0b0000000009",
        time="2026-11-23T07:20:00.000Z",
        base=BASE,
        data={"name": "engine"},
    )
    good = [body_of(), body_of(payload="thin"), body_of(data={"text": "Zoë \u2028 \U0001f9ea"}), ping]
    whole = json.loads(good[0])
    broken = [
        {name: value for name, value in whole.items() if name != "source"},
        {**whole, "time": "yesterday"},
        {**whole, "dataschema": "not an address"},
        {**whole, "Bad_Name": "x"},
    ]
    cases = [{"headers": headers_of(body, signer), "body": body.decode()} for body in good]
    cases += [{"headers": cases[0]["headers"], "body": json.dumps(event)} for event in broken]
    said = verdicts(EVENTS, cases)
    assert said[: len(good)] == [json.loads(body)["id"] for body in good]
    assert said[len(good) :] == ["refused"] * len(broken)


def test_the_asyncapi_document_is_one_by_the_schema_of_its_authors() -> None:
    schema = json.loads((packages() / "@asyncapi" / "specs" / "schemas" / "3.0.0.json").read_text(encoding="utf-8"))
    judge = Draft7Validator(schema)
    files = sorted(Settings().workflows_dir.glob("*.toml"))
    document = asyncapi.document([load_workflow(path.read_bytes(), file=path.name) for path in files], base=BASE)
    assert [error.message for error in judge.iter_errors(document)] == []
    for broken in ("info", "asyncapi"):
        incomplete = copy.deepcopy(document)
        del incomplete[broken]
        assert not judge.is_valid(incomplete)
    next(iter(document["operations"].values()))["action"] = "shout"
    assert not judge.is_valid(document)
