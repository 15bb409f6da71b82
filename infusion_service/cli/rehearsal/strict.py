"""Strict reading of a TOML table: every key is asked for by name and type, what is left over is an error.

Promises: an error names file, step and key. Does not: know what the keys mean.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, TypeVar

from infusion_service.clinical.vocabulary import JSON

T = TypeVar("T")


class ScriptInvalid(Exception):
    """A rehearsal file or routine that cannot be played as written. `where` is the step or table, `key` the key."""

    def __init__(self, file: str, where: str, key: str, problem: str) -> None:
        super().__init__(f"{file}: {where}: {key}: {problem}")
        self.file = file
        self.where = where
        self.key = key
        self.problem = problem


class Table:
    """One TOML table being read. Each `take_*` removes a key; `finish` refuses what nobody took."""

    def __init__(self, raw: object, *, file: str, where: str) -> None:
        self.file = file
        self.where = where
        if not isinstance(raw, Mapping):
            raise ScriptInvalid(file, where, "(all of it)", "must be a table")
        self._left: dict[str, Any] = dict(raw)
        self._known: list[str] = []

    def __contains__(self, key: str) -> bool:
        return key in self._left

    def invalid(self, key: str, problem: str) -> ScriptInvalid:
        """Return the error for `key` of this table."""
        return ScriptInvalid(self.file, self.where, key, problem)

    def take(self, key: str) -> JSON:
        """Remove and return the raw value; `None` when the key is absent."""
        self._known.append(key)
        return self._left.pop(key, None)

    def required(self, key: str, reader: Callable[[str], T | None]) -> T:
        """Read `key` with one of the readers below; raises `ScriptInvalid` when it is absent."""
        value = reader(key)
        if value is None:
            raise self.invalid(key, "is required")
        return value

    def text(self, key: str) -> str | None:
        """Read a string."""
        return self._typed(key, str, "a string")

    def whole(self, key: str) -> int | None:
        """Read a whole number."""
        return self._typed(key, int, "a whole number")

    def number(self, key: str) -> Decimal | None:
        """Read a number, whole or decimal."""
        value = self.take(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise self.invalid(key, "must be a number")
        return Decimal(value)

    def flag(self, key: str) -> bool | None:
        """Read true or false."""
        value = self.take(key)
        if value is not None and not isinstance(value, bool):
            raise self.invalid(key, "must be true or false")
        return value

    def day(self, key: str) -> date | None:
        """Read a date, written as a TOML date or as a "YYYY-MM-DD" string."""
        value = self.take(key)
        if isinstance(value, str):
            try:
                return date.fromisoformat(value)
            except ValueError:
                raise self.invalid(key, f"{value!r} is not a date") from None
        if value is None or (isinstance(value, date) and not isinstance(value, datetime)):
            return value
        raise self.invalid(key, "must be a date")

    def texts(self, key: str) -> tuple[str, ...] | None:
        """Read a list of strings."""
        value = self.take(key)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.invalid(key, "must be a list of strings")
        return tuple(value)

    def tables(self, key: str) -> list[dict[str, Any]] | None:
        """Read a list of tables, left raw."""
        value = self.take(key)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self.invalid(key, "must be a list of tables")
        return value

    def mapping(self, key: str) -> dict[str, Any] | None:
        """Read a table, left raw."""
        return self._typed(key, dict, "a table")

    def table(self, key: str, where: str) -> Table | None:
        """Read a table to be read strictly in turn."""
        value = self.take(key)
        return None if value is None else Table(value, file=self.file, where=where)

    def finish(self) -> None:
        """Refuse every key that nobody asked for, with the nearest known one."""
        for key in self._left:
            near = difflib.get_close_matches(key, self._known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; known here: {', '.join(sorted(set(self._known)))}"
            raise self.invalid(key, "unknown key" + hint)

    def _typed(self, key: str, kind: type[T], name: str) -> T | None:
        value = self.take(key)
        if value is None:
            return None
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self.invalid(key, f"must be {name}")
        return value


def as_json(value: JSON) -> JSON:
    """Turn decoded TOML into what a JSON body holds: dates and times become text, the rest stays as it is."""
    if isinstance(value, dict):
        return {key: as_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_json(item) for item in value]
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return value
