"""What is wrong with the shape of a workflow file, in words: unknown keys, missing ones, wrong types, unknown kinds.

Promises: every fault is found in one pass and named by the key a reader finds in the file - rules by their id, not by
their place; the nearest known word is offered. The types that read the file are the only source of what is known. Does
not: accept or refuse (`workflow.parse_workflow` does, and asks here only why).
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from msgspec import inspect

from infusion_service.clinical.definition import WorkflowFile
from infusion_service.clinical.vocabulary import texts

Fault = tuple[str, str, str]
"""Key, problem, remedy."""

SEE = "See `infusion workflow schema`"
_LISTED_MAX = 40


def shape_faults(tree: Mapping[str, Any]) -> tuple[Fault, ...]:
    """Return every fault of a decoded file; empty when its shape is sound."""
    return tuple(_faults(tree, inspect.type_info(WorkflowFile), ""))


def _faults(value: Any, kind: inspect.Type, key: str) -> Iterator[Fault]:
    handler = _KINDS.get(type(kind))
    if handler is not None:
        yield from handler(value, kind, key)


def _struct(value: Any, kind: inspect.StructType, key: str) -> Iterator[Fault]:
    if not isinstance(value, Mapping):
        yield _wrong(key, value, "a table")
        return
    fields = {field.encode_name: field for field in kind.fields}
    known = [*fields, *((kind.tag_field,) if kind.tag_field else ())]
    for name in value:
        if name not in known:
            yield key, f"has the unknown key `{name}`", _instead(name, known)
    for name, field in fields.items():
        if name in value:
            yield from _faults(value[name], field.type, _under(key, name))
        elif field.required:
            yield key, f"has no `{name}`", f"add it: {_wanted(field.type)}. {SEE}"


def _union(value: Any, kind: inspect.UnionType, key: str) -> Iterator[Fault]:
    """Look at the member that is meant: the struct with the tag, else whatever fits, else the first that is no null."""
    tagged = {each.tag: each for each in kind.types if isinstance(each, inspect.StructType) and each.tag is not None}
    members = [each for each in kind.types if not isinstance(each, inspect.NoneType)]
    if not tagged:
        if not any(_fits(value, each) for each in members):
            yield from _faults(value, members[0], key) if len(members) == 1 else (_wrong(key, value, _wanted(kind)),)
        return
    tag_field = next(iter(tagged.values())).tag_field or ""
    if not isinstance(value, Mapping):
        yield _wrong(key, value, "a table")
    elif tag_field not in value:
        yield key, f"says no `{tag_field}`", f"use one of {texts(sorted(map(str, tagged)))}"
    elif not isinstance(value[tag_field], str) or value[tag_field] not in tagged:
        kinds = sorted(map(str, tagged))
        yield _under(key, tag_field), f"{value[tag_field]!r} is not known", _instead(str(value[tag_field]), kinds)
    else:
        yield from _faults(value, tagged[value[tag_field]], key)


def _fits(value: Any, kind: inspect.Type) -> bool:
    return next(iter(_faults(value, kind, "")), None) is None


def _table(value: Any, kind: inspect.DictType, key: str) -> Iterator[Fault]:
    if not isinstance(value, Mapping):
        yield _wrong(key, value, "a table")
        return
    for name, item in value.items():
        yield from _faults(item, kind.value_type, _under(key, name))


def _list(value: Any, kind: inspect.VarTupleType, key: str) -> Iterator[Fault]:
    if not isinstance(value, list):
        yield _wrong(key, value, "a list")
        return
    for index, item in enumerate(value):
        name = item.get("id") if isinstance(item, Mapping) else None
        yield from _faults(item, kind.item_type, f"{key}.{name}" if isinstance(name, str) else f"{key}[{index}]")


def _pair(value: Any, kind: inspect.TupleType, key: str) -> Iterator[Fault]:
    if not isinstance(value, list) or len(value) != len(kind.item_types):
        yield _wrong(key, value, f"a list of {len(kind.item_types)}")
        return
    for index, (item, each) in enumerate(zip(value, kind.item_types, strict=True)):
        yield from _faults(item, each, f"{key}[{index}]")


def _literal(value: Any, kind: inspect.LiteralType, key: str) -> Iterator[Fault]:
    if isinstance(value, bool) or value not in kind.values:
        yield key, f"{value!r} is not known", _instead(str(value), [str(each) for each in kind.values])


def _scalar(words: str, *accepted: type) -> Callable[[Any, inspect.Type, str], Iterator[Fault]]:
    def judge(value: Any, _kind: inspect.Type, key: str) -> Iterator[Fault]:
        if not isinstance(value, accepted) or (isinstance(value, bool) and bool not in accepted):
            yield _wrong(key, value, words)

    return judge


_KINDS: dict[type, Callable[[Any, Any, str], Iterator[Fault]]] = {
    inspect.StructType: _struct,
    inspect.UnionType: _union,
    inspect.DictType: _table,
    inspect.VarTupleType: _list,
    inspect.TupleType: _pair,
    inspect.LiteralType: _literal,
    inspect.StrType: _scalar("a text", str),
    inspect.BoolType: _scalar("true or false", bool),
    inspect.IntType: _scalar("a whole number", int),
    inspect.DecimalType: _scalar("a number", int, Decimal),
}
_WORDS: dict[type, str] = {
    inspect.StructType: "a table",
    inspect.UnionType: "a table",
    inspect.DictType: "a table",
    inspect.VarTupleType: "a list",
    inspect.TupleType: "a list",
    inspect.LiteralType: "one of a few words",
    inspect.StrType: "a text",
    inspect.BoolType: "true or false",
    inspect.IntType: "a whole number",
    inspect.DecimalType: "a number",
}
_TOML_WORDS = ((bool, "true or false"), (str, "a text"), (int, "a whole number"), (Decimal, "a decimal number"))


def _wanted(kind: inspect.Type) -> str:
    if isinstance(kind, inspect.UnionType):
        named = [_WORDS.get(type(each), "") for each in kind.types if not isinstance(each, inspect.NoneType)]
        return " or ".join(dict.fromkeys(filter(None, named)))
    return _WORDS.get(type(kind), "a value")


def _wrong(key: str, value: Any, wanted: str) -> Fault:
    is_a = next((words for kind, words in _TOML_WORDS if isinstance(value, kind)), None)
    found = is_a or (
        "a table" if isinstance(value, Mapping) else "a list" if isinstance(value, list) else "a date or time"
    )
    return key, f"is {found}", f"{wanted} is wanted here. {SEE}"


def _instead(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return f"did you mean `{near[0]}`? {SEE}"
    return f"known here: {texts(sorted(known)[:_LISTED_MAX])}. {SEE}"


def _under(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name
