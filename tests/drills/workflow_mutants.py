"""Every small change that could be made to a workflow file by mistake, one at a time.

Promises: each number that a rule reads is moved by one step of its scale, down and up; each comparison of an alert rule
is made strict or lax, or left out; each degree, action and way of closing is another; each list of a rule loses each of
its members. Does not: judge (`workflow_mutation`).
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from infusion_service.clinical.alert_definition import SEVERITIES

Path = tuple[str | int, ...]

RULES = ("alerts", "guards", "course_rules", "course_flags", "checks", "actions", "escalations")
"""Where not only numbers are changed, but also comparisons, lists, switches and what is optional."""
NUMBERS = (*RULES, "plan", "time", "facts", "analytes", "grace", "scores", "safety")
"""Where the numbers are that rules read; all others are in `NOT_MUTATED`."""
NOT_MUTATED = {
    "format": "says how to read the file, not what a ward does",
    "version": "is the name of the file",
    "rehearsal": "how an unremarkable day is played; no clinical rule reads it",
}
"""Where the numbers are that no rule reads, and why they are left alone."""
OF_NO_EFFECT: dict[str, str] = {
    "alerts[reaction].bands[1].closes: review -> auto": "each grade is of some band: no later one ends another",
    "alerts[reaction].bands[2].closes: review -> auto": "the same",
    "alerts[reaction].bands[3].closes: review -> auto": "the same",
    "alerts[reaction].bands[1].when.at_least: left out": "no grade lies below 1",
    "safety[platelets-before-discharge].when.of[2].of[2].other_than[1]: 1 -> 0": "said of course 1 beside it",
    "safety[courses-and-days].when.of[2].where[1].at_most: 1 -> 2": "course 2 has a test of its own",
}
"""Changes after which the file means what it meant before, and why. One that a test does notice may not stand here."""
OF_THE_READER = ("id", "source", "title", "says", "class", "kind", "test", "clock", "sign", "check", "fact", "field")
"""Keys whose texts name something: to leave one out is another rule or no rule, which is not a slip of a limit."""
SWAPPED = {"at_least": "above", "above": "at_least", "at_most": "below", "below": "at_most"}
OTHER_CLOSING = {"auto": "review", "review": "auto"}
_CLOCK_TIME = re.compile(r"\d\d:\d\d")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change. `key` is the path as a reader of the file finds it, `change` says what became of the value."""

    key: str
    change: str
    path: Path
    make: Callable[[Any], None]
    """Makes the change on a decoded file."""

    @property
    def section(self) -> str:
        """The part of the file."""
        return str(self.path[0])

    def raw(self, tree: dict[str, Any]) -> bytes:
        """Return the bytes of the file with this change."""
        changed = deepcopy(tree)
        self.make(changed)
        return written(changed)

    def __str__(self) -> str:
        return f"{self.key}: {self.change}"


def decoded(raw: bytes) -> dict[str, Any]:
    """Read a workflow file as its loader does."""
    return tomllib.loads(raw.decode("utf-8"), parse_float=Decimal)


def written(tree: dict[str, Any]) -> bytes:
    """Write a decoded file again, each part on a line."""
    return "".join(f"{json.dumps(key)} = {_value(value)}\n" for key, value in tree.items()).encode()


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {_value(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, Decimal):
        return format(value, "f")
    return json.dumps(value, ensure_ascii=False)


def mutants(tree: dict[str, Any]) -> Iterator[Mutant]:
    """Yield every mutant of a decoded file, in the order of the file."""
    for section, value in tree.items():
        for path, item in _places(value, (section,)):
            if section in NUMBERS:
                yield from _numbers(tree, path, item)
            if section in RULES:
                yield from _rules(tree, path, item)


def _places(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    yield path, value
    members: Iterator[tuple[str | int, Any]] = iter(())
    if isinstance(value, dict):
        members = iter(value.items())
    elif isinstance(value, list):
        members = iter(enumerate(value))
    for name, item in members:
        yield from _places(item, (*path, name))


def _numbers(tree: dict[str, Any], path: Path, value: Any) -> Iterator[Mutant]:
    """Yield the value one step down and one step up; a number that is a key is one too."""
    if isinstance(value, Decimal) or (isinstance(value, int) and not isinstance(value, bool)):
        step = Decimal(1).scaleb(int(Decimal(value).as_tuple().exponent)) if isinstance(value, Decimal) else 1
        for other in (value - step, value + step):
            yield _set(tree, path, other)
    elif isinstance(value, str) and _CLOCK_TIME.fullmatch(value):
        for minutes in (-1, 1):
            moved = datetime.strptime(value, "%H:%M") + timedelta(minutes=minutes)  # noqa: DTZ007 - a time of day
            yield _set(tree, path, f"{moved:%H:%M}")
    if isinstance(value, dict):
        for name in value:
            if name.isdigit():
                for by in (-1, 1):
                    yield _renamed(tree, path, name, str(int(name) + by))


def _rules(tree: dict[str, Any], path: Path, value: Any) -> Iterator[Mutant]:
    """Yield what a slip of the pen makes of a part of a rule that is no number."""
    if isinstance(value, list):
        for index, member in enumerate(value):
            yield _without(tree, (*path, index), f"without {_told(member, index)}")
    elif isinstance(value, dict):
        for key in value:
            if key in SWAPPED and path[0] == "alerts":
                yield _renamed(tree, path, key, SWAPPED[key])
            if key not in OF_THE_READER:
                yield _without(tree, (*path, key), "left out")
    else:
        for other in _others(tree, path[-1], value):
            yield _set(tree, path, other)


def _others(tree: dict[str, Any], name: str | int, value: Any) -> list[Any]:
    """What a switch, a degree, an action or a way of closing may be instead."""
    if isinstance(value, bool):
        return [not value]
    if name == "severity":
        place = SEVERITIES.index(value)
        return [SEVERITIES[other] for other in (place - 1, place + 1) if 0 <= other < len(SEVERITIES)]
    if name == "action":
        return [action for action in tree["actions"] if action != value]
    return [OTHER_CLOSING[value]] if name == "closes" else []


def _set(tree: dict[str, Any], path: Path, other: Any) -> Mutant:
    def make(changed: Any) -> None:
        _at(changed, path[:-1])[path[-1]] = other

    return Mutant(_key(tree, path), f"{_shown(_at(tree, path))} -> {_shown(other)}", path, make)


def _without(tree: dict[str, Any], path: Path, change: str) -> Mutant:
    def make(changed: Any) -> None:
        del _at(changed, path[:-1])[path[-1]]

    return Mutant(_key(tree, path[:-1] if isinstance(path[-1], int) else path), change, path, make)


def _renamed(tree: dict[str, Any], path: Path, name: str, other: str) -> Mutant:
    def make(changed: Any) -> None:
        table = _at(changed, path)
        kept = {(other if key == name else key): item for key, item in table.items() if key != other}
        table.clear()
        table.update(kept)

    return Mutant(_key(tree, (*path, name)), f"now `{other}`", (*path, name), make)


def _at(tree: Any, path: Path) -> Any:
    for name in path:
        tree = tree[name]
    return tree


def _key(tree: dict[str, Any], path: Path) -> str:
    """Name a place as a reader of the file finds it: rules by their id, other members by their place from 1."""
    found: Any = tree
    told: list[str] = []
    for name in path:
        found = found[name]
        if isinstance(name, int):
            told[-1] += f"[{_told(found, name)}]" if isinstance(found, dict) else f"[{name + 1}]"
        else:
            told.append(name)
    return ".".join(told)


def _told(member: Any, index: int) -> str:
    if not isinstance(member, dict):
        return _shown(member)
    name = member.get("id") or member.get("sign") or member.get("alert") or ""
    return str(name) if member.get("id") or member.get("alert") else f"{index + 1}{' ' if name else ''}{name}"


def _shown(value: Any) -> str:
    return format(value, "f") if isinstance(value, Decimal) else str(value).lower() if value is True else str(value)
