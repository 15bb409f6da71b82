"""Query parameters, read strictly: an unknown one, one given twice or one that cannot be read is refused."""

from __future__ import annotations

from datetime import datetime

from aiohttp import web

from infusion_service.web.payloads import to_utc
from infusion_service.web.problems import Problem, malformed

INTEGER_MAX = 2**53


class Query:
    """The query of one request; every parameter that may be asked for is named up front."""

    def __init__(self, request: web.Request, *names: str) -> None:
        """Take the query of `request`. Raises `Problem` 400 for parameters not among `names` or given twice."""
        given = request.query
        for name in given:
            if name not in names:
                known = ", ".join(names) or "none"
                raise malformed(f"Unknown query parameter; known here: {known}.", [_at("", "unknown parameter")])
            if len(given.getall(name)) > 1:
                raise _refused(name, "given twice")
        self._given = given

    def text(self, name: str, *, chars_max: int = 120) -> str | None:
        """Return a parameter as it stands, or None where it is not given."""
        value = self._given.get(name)
        if value is not None and (not value or len(value) > chars_max or not value.isprintable()):
            raise _refused(name, f"1 to {chars_max} printable characters are expected")
        return value

    def whole(self, name: str, *, least: int, most: int = INTEGER_MAX) -> int | None:
        """Return a whole number within bounds, or None where it is not given."""
        value = self._given.get(name)
        if value is None:
            return None
        if not (value.isascii() and value.isdigit() and len(value) <= len(str(most))):
            raise _refused(name, "a whole number is expected")
        number = int(value)
        if not least <= number <= most:
            raise _refused(name, f"must be from {least} to {most}")
        return number

    def flag(self, name: str) -> bool | None:
        """Return `true` or `false`, or None where it is not given."""
        value = self._given.get(name)
        if value is None:
            return None
        if value not in ("true", "false"):
            raise _refused(name, "true or false is expected")
        return value == "true"

    def day(self, name: str) -> str | None:
        """Return a calendar date `YYYY-MM-DD`, or None where it is not given."""
        value = self._given.get(name)
        if value is None:
            return None
        try:
            return datetime.strptime(value, "%Y-%m-%d").date().isoformat()  # noqa: DTZ007 - a date has no zone
        except ValueError:
            raise _refused(name, "a date YYYY-MM-DD is expected") from None

    def moment(self, name: str) -> datetime | None:
        """Return a time with offset in UTC, or None where it is not given."""
        value = self._given.get(name)
        if value is None:
            return None
        try:
            # A plus sign arrives as a space where the client forgot to escape it.
            moment = datetime.fromisoformat(value.replace(" ", "+"))
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            raise _refused(name, "an RFC 3339 time with offset is expected")
        return to_utc(moment, f"?{name}")


def _refused(name: str, detail: str) -> Problem:
    return malformed(f"Query parameter {name}: {detail}.", [_at(f"?{name}", detail)])


def _at(pointer: str, detail: str) -> dict[str, str]:
    return {"pointer": pointer, "detail": detail}
