"""The JSON Schema of workflow files: what loads fits it, what has the wrong shape does not."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from infusion_service.clinical.workflow_schema import workflow_schema
from tests.clinical.test_workflow_malformed import SHAPE
from tests.clinical.workflow_copies import INVENTED, SHIPPED, edited

SCHEMA = workflow_schema()
VALIDATOR = Draft202012Validator(SCHEMA)

OF_SHAPE = {name: malformed for name, malformed in SHAPE.items() if name != "bad TOML"}


def as_json(raw: bytes) -> Any:
    """Return a TOML file as an editor sees it: plain JSON types."""
    return json.loads(json.dumps(tomllib.loads(raw.decode()), default=str))


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"].endswith("2020-12/schema")


@pytest.mark.parametrize("path", [SHIPPED, *sorted(INVENTED.glob("*.toml"))], ids=lambda path: path.stem)
def test_what_loads_fits(path: Path) -> None:
    assert not [error.message for error in VALIDATOR.iter_errors(as_json(path.read_bytes()))]


@pytest.mark.parametrize("name", OF_SHAPE)
def test_what_has_the_wrong_shape_does_not(name: str) -> None:
    assert list(VALIDATOR.iter_errors(as_json(edited(*OF_SHAPE[name].edits))))


def test_numbers_are_numbers_and_nothing_is_null() -> None:
    text = json.dumps(SCHEMA)

    assert '"decimal"}' not in text
    assert '"null"' not in text


def test_every_type_says_what_it_means() -> None:
    silent = [name for name, kind in SCHEMA["$defs"].items() if not kind.get("description")]

    assert not silent
