"""The channel for Mirth and Open Integration Engine: its script verifies, with stand-ins for the Java it calls."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from infusion_service.delivery.signing import Signer, new_secret, shown_secret
from tests.delivery.test_bodies import body_of, headers_of

FOLDER = Path(__file__).parents[2] / "examples" / "mirth"

STAND_INS = """
const { createHmac } = require('node:crypto');
const given = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const map = (values) => ({ get: (key) => values[key], put: (key, value) => { values[key] = value; } });
const Packages = {
  java: {
    lang: { String: function (text) { this.getBytes = () => Buffer.from(text, 'utf8'); } },
    util: { Base64: {
      getDecoder: () => ({ decode: (text) => Buffer.from(text, 'base64') }),
      getEncoder: () => ({ encodeToString: (bytes) => bytes.toString('base64') }),
    } },
  },
  javax: { crypto: {
    Mac: { getInstance: () => ({
      init(key) { this.key = key.bytes; },
      doFinal(bytes) { return createHmac('sha256', this.key).update(bytes).digest(); },
    }) },
    spec: { SecretKeySpec: function (bytes) { this.bytes = bytes; } },
  } },
};
const removed = [];
const destinationSet = { removeAll: () => removed.push(true) };
const globalChannelMap = map({});
const names = ['message', 'sourceMap', 'configurationMap', 'globalChannelMap', 'destinationSet', 'Packages'];
const script = new Function(...names, given.script);
const verdicts = given.cases.map(({ secret, headers, body }) => {
  const before = removed.length;
  try {
    const sourceMap = map({ headers: { getHeader: (name) => headers[name] } });
    script(body, sourceMap, map({ infusionSecret: secret }), globalChannelMap, destinationSet, Packages);
    return removed.length > before ? 'again' : 'taken';
  } catch (error) { return 'refused'; }
});
console.log(JSON.stringify(verdicts));
"""


def channel() -> ET.Element:
    return ET.fromstring((FOLDER / "channel.xml").read_text(encoding="utf-8"))  # noqa: S314 - our own file


def test_the_channel_carries_the_script_beside_it() -> None:
    script = (FOLDER / "verify.js").read_text(encoding="utf-8")
    assert channel().findtext("preprocessingScript") == script
    assert len([line for line in script.splitlines() if not line.startswith("//")]) <= 15


def test_the_channel_answers_when_its_destinations_are_done_and_reads_utf_8() -> None:
    properties = channel().find("sourceConnector/properties")
    assert properties is not None
    assert properties.findtext("sourceConnectorProperties/responseVariable") == "Auto-generate (Destinations completed)"
    assert properties.findtext("charset") == "UTF-8"


def test_the_channel_has_what_the_engine_will_not_deploy_one_without() -> None:
    (destination,) = channel().findall("destinationConnectors/connector")
    for transformer in (
        channel().find("sourceConnector/transformer"),
        destination.find("transformer"),
        destination.find("responseTransformer"),
    ):
        assert transformer is not None
        assert transformer.find("inboundProperties") is not None
        assert transformer.find("outboundProperties") is not None
    assert int(channel().findtext("nextMetaDataId") or 0) > int(destination.findtext("metaDataId") or 0)


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node on this machine")
def test_the_script_verifies_and_dedupes() -> None:
    secret, body = new_secret(), body_of()
    headers = headers_of(body, Signer([new_secret(), secret]))
    late = headers_of(body, Signer([secret]), int(headers["webhook-timestamp"]) - 400)
    shown = shown_secret(secret)
    cases = [
        {"secret": shown, "headers": headers, "body": body.decode()},
        {"secret": shown, "headers": headers, "body": body.decode()},
        {"secret": shown, "headers": headers, "body": body.decode().replace("122", "123")},
        {"secret": shown_secret(new_secret()), "headers": headers, "body": body.decode()},
        {"secret": shown, "headers": late, "body": body.decode()},
    ]
    script = channel().findtext("preprocessingScript")
    ended = subprocess.run(
        ["node", "-e", STAND_INS],
        input=json.dumps({"script": script, "cases": cases}),
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(ended.stdout) == ["taken", "again", "refused", "refused", "refused"]
