"""What changed between two versions of a workflow, in words a clinician can sign.

Promises: every difference of the definitions is named once, with the key and what it was and is; a rule that only moved
in the file is not a change, unless its order means something (moves, bands). Does not: judge whether a change is safe
(`model_check`), or compare comments.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from infusion_service.clinical.definition import Check, WorkflowFile
from infusion_service.clinical.facts import shortest
from infusion_service.clinical.vocabulary import texts

_NAMED_LISTS = {"guards": "id", "course_rules": "id", "alerts": "id", "safety": "id", "facts": "", "states": ""}
"""Lists (or tables) whose items are known by a name, not by their place."""
_PARTS = {
    "states": "state",
    "facts": "fact",
    "guards": "guard",
    "course_rules": "course rule",
    "checks": "check",
    "alerts": "alert",
    "safety": "safety property",
    "actions": "action",
    "scores": "score",
    "escalations": "escalation",
    "roles": "role",
    "code_groups": "code group",
    "analytes": "analyte",
}
_WORDS = {"sources": "from", "since": "from", "event_class": "class"}
"""Fields whose key in the file is another word than in Python."""


@dataclass(frozen=True, slots=True)
class Change:
    """One difference: the part of the file, the key within, and what became of it."""

    part: str
    key: str
    words: str

    def as_json(self) -> dict[str, str]:
        """Return it for programs."""
        return {"part": self.part, "key": self.key, "change": self.words}


def changes(before: WorkflowFile, after: WorkflowFile) -> tuple[Change, ...]:
    """Return what changed, in the order of the file; the version number alone is no change."""
    return tuple(_changes(before, after))


def _changes(before: WorkflowFile, after: WorkflowFile) -> Iterator[Change]:
    for part in WorkflowFile.__struct_fields__:
        old, new = getattr(before, part), getattr(after, part)
        if part == "version" or old == new:
            continue
        if isinstance(old, Mapping) and part != "rehearsal":
            yield from _named(part, dict(old), dict(new))
        elif part in _NAMED_LISTS:
            yield from _named(part, {rule.id: rule for rule in old}, {rule.id: rule for rule in new})
        elif part in ("checks", "escalations"):
            yield from _unnamed(part, old, new)
        elif part == "rehearsal":
            yield Change(part, "", "the unremarkable day of rehearsals is played otherwise")
        else:
            yield from (Change(part, key, words) for key, words in _differences("", old, new))


def _named(part: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Change]:
    word = _PARTS.get(part, part)
    yield from (Change(part, name, f"{word} taken out") for name in old if name not in new)
    for name, item in new.items():
        if name not in old:
            yield Change(part, name, f"{word} added{_summary(item)}")
        else:
            for key, words in _differences("", old[name], item):
                yield Change(part, f"{name}{_joint(key)}", words)


def _joint(key: str) -> str:
    return f".{key}" if key and not key.startswith("[") else key


def _unnamed(part: str, old: tuple[Any, ...], new: tuple[Any, ...]) -> Iterator[Change]:
    """Compare lists whose items have no name: what is in both is no change, and what differs little is the same."""
    word = _PARTS[part]
    gone = [item for item in old if item not in new]
    for item in (item for item in new if item not in old):
        was = min(gone, key=lambda other: _distance(other, item), default=None)
        if was is not None and _distance(was, item) <= ALIKE_DIFFERENCES_MAX:
            gone.remove(was)
            yield from (Change(part, f"{_called(was)}.{key}", words) for key, words in _differences("", was, item))
        else:
            yield Change(part, _called(item), f"{word} added: {_told(item)}")
    yield from (Change(part, _called(item), f"{word} taken out: {_told(item)}") for item in gone)


ALIKE_DIFFERENCES_MAX = 2


def _distance(one: Any, other: Any) -> int:
    return sum(getattr(one, name) != getattr(other, name) for name in one.__struct_fields__)


def _called(item: Any) -> str:
    """Call a check or escalation by what a reader would look for."""
    if isinstance(item, Check):
        states = f" ({', '.join(item.states)})" if item.states else ""
        return f"{item.check}{states}"
    return f"{item.severity} to {item.to}"


def _differences(key: str, old: Any, new: Any) -> Iterator[tuple[str, str]]:
    """Yield (key, words) of each difference between two values of one key."""
    if old == new:
        return
    if type(old) is type(new) and isinstance(old, msgspec.Struct):
        for name in old.__struct_fields__:
            yield from _differences(_under(key, _WORDS.get(name, name)), getattr(old, name), getattr(new, name))
    elif isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in dict.fromkeys((*old, *new)):
            yield from _differences(_under(key, name), old.get(name), new.get(name))
    elif _all_texts(old) and _all_texts(new):
        yield key, _codes_changed(old, new)
    elif isinstance(old, tuple) and isinstance(new, tuple) and len(old) == len(new):
        for index, (was, now) in enumerate(zip(old, new, strict=True)):
            yield from _differences(f"{key}[{index}]", was, now)
    elif isinstance(old, tuple) and isinstance(new, tuple):
        yield from ((key, f"without {_told(item)}") for item in old if item not in new)
        yield from ((key, f"now also {_told(item)}") for item in new if item not in old)
    else:
        yield key, _replaced(old, new)


def _under(key: str, name: str) -> str:
    shown = f'"{name}"' if "." in name else name
    return f"{key}.{shown}" if key else shown


def _all_texts(value: Any) -> bool:
    return isinstance(value, tuple) and all(isinstance(item, str) for item in value)


def _codes_changed(old: tuple[str, ...], new: tuple[str, ...]) -> str:
    gone, come = [item for item in old if item not in new], [item for item in new if item not in old]
    told = ([f"without {texts(gone)}"] if gone else []) + ([f"with {texts(come)}"] if come else [])
    return "now " + " and ".join(told) if told else "in another order"


def _replaced(old: Any, new: Any) -> str:
    if old in (None, "", (), {}):
        return f"now {_told(new)}"
    if new in (None, "", (), {}):
        return f"no longer {_told(old)}"
    return f"from {_told(old)} to {_told(new)}"


def _summary(item: Any) -> str:
    said = getattr(item, "says", "") or getattr(item, "title", "")
    return f": {said}" if said else ""


def _told(value: Any) -> str:
    """Write a value the way the file would, structures by what they say that is not left to the default."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return shortest(value)
    if isinstance(value, msgspec.Struct):
        return _told(msgspec.to_builtins(value, builtin_types=(Decimal,)))
    if isinstance(value, Mapping):
        said = {name: item for name, item in value.items() if item not in (None, False, "", (), [], {})}
        return "{ " + ", ".join(f"{name} = {_told(item)}" for name, item in said.items()) + " }"
    if isinstance(value, tuple | list):
        return "[" + ", ".join(map(_told, value)) + "]"
    return str(value)
