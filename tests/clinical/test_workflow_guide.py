"""The guide to workflow files names every key and every kind there is, and its example is a file that is tested."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, get_args

from msgspec import inspect

from infusion_service.clinical.definition import FieldType, Meaning, WorkflowFile
from tests.clinical.workflow_copies import INVENTED, ROOT

TEXT = (ROOT / "docs" / "workflow-files.md").read_text(encoding="utf-8")
NAMED = {word for span in re.findall(r"`([^`\n]+)`", TEXT) for word in re.findall(r"[a-z0-9_]+", span)}


def structs(kind: Any, seen: dict[str, inspect.StructType]) -> Iterator[inspect.StructType]:
    """Yield every table that a workflow file may hold, each once."""
    if isinstance(kind, inspect.StructType):
        if kind.cls.__qualname__ + kind.cls.__module__ in seen:
            return
        seen[kind.cls.__qualname__ + kind.cls.__module__] = kind
        yield kind
        for field in kind.fields:
            yield from structs(field.type, seen)
    for name in ("item_type", "value_type"):
        if hasattr(kind, name):
            yield from structs(getattr(kind, name), seen)
    for name in ("item_types", "types"):
        for each in getattr(kind, name, ()):
            yield from structs(each, seen)


EVERY = list(structs(inspect.type_info(WorkflowFile), {}))


def test_every_key_is_named() -> None:
    assert not {field.encode_name for kind in EVERY for field in kind.fields} - NAMED


def test_every_kind_of_guard_rule_test_and_clock_is_named() -> None:
    assert not {str(kind.tag) for kind in EVERY if kind.tag is not None} - NAMED


def test_every_meaning_and_type_of_field_is_named() -> None:
    assert not {*get_args(Meaning), *get_args(FieldType)} - NAMED


def test_the_example_is_the_file_that_is_tested() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)

    assert example == (INVENTED / "saline.v1.toml").read_text(encoding="utf-8")
