"""How one value of the settings is read, from the file (already typed by TOML) or from a variable (always text).

Each reader returns the value or raises Unreadable with what is wrong and what to write instead. Which key uses which
reader is `settings.py`'s business.
"""

import contextlib
import difflib
import ipaddress
import re
import zoneinfo
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


class Unreadable(Exception):
    """A value is not what its key asks for."""

    def __init__(self, problem: str, remedy: str) -> None:
        """Keep both halves of what the operator is told."""
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy


SIGNATURE_ALGORITHMS = frozenset({"ES256", "ES384", "Ed25519", "EdDSA", "PS256", "PS384", "RS256", "RS384"})
GROUP_ROLES = ("nurse", "charge_nurse", "prescriber", "pharmacist", "integration", "auditor", "admin")

Reader = Callable[[object], Any]
"""Turns a value of the file, or the text of a variable, into the setting; raises Unreadable."""

_IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_HOST_SUFFIX = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_WEB_ADDRESS = re.compile(r"https?://[A-Za-z0-9.\[\]:-]{1,255}(/[A-Za-z0-9._~/-]*)?")
_PORT_MAX = 65535
_WALL_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


def text(value: object) -> str:
    """Read a text that is not empty, without the blanks around it."""
    if isinstance(value, str) and value.strip():
        return value.strip()
    raise Unreadable(f"{value!r} is not a text", "Write a text that is not empty.")


def identifier(value: object) -> str:
    """Read a name that may stand in a URL, a file name and a log leaf."""
    if isinstance(value, str) and _IDENTIFIER.fullmatch(value):
        return value
    raise Unreadable(f"{value!r} is not an identifier", "Use a-z, 0-9 and -, at most 63, not beginning with -.")


def one_of(*choices: str) -> Reader:
    """Return a reader of one of `choices`, whatever the case."""

    def read(value: object) -> str:
        if isinstance(value, str) and value.lower() in choices:
            return value.lower()
        raise Unreadable(f"{value!r} is not a choice", f"Write one of {', '.join(choices)}.")

    return read


def whole(lowest: int, highest: int | None = None) -> Reader:
    """Return a reader of whole numbers from `lowest` to `highest` (None: no upper bound)."""
    span = f"of at least {lowest}" if highest is None else f"from {lowest} to {highest}"

    def read(value: object) -> int:
        number = int(value) if isinstance(value, str) and re.fullmatch(r"[0-9]{1,12}", value) else value
        if isinstance(number, bool) or not isinstance(number, int):
            raise Unreadable(f"{value!r} is not a whole number", f"Write a whole number {span}.")
        if number < lowest or (highest is not None and number > highest):
            raise Unreadable(f"{value!r} does not fit", f"Write a whole number {span}.")
        return number

    return read


def truth(value: object) -> bool:
    """Read true or false."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise Unreadable(f"{value!r} is neither true nor false", "Write true or false.")


def path(value: object) -> Path:
    """Read a path as it is written; nothing is looked up."""
    return Path(text(value))


def listed(value: object) -> list[object]:
    """Read a list; in a variable its items are separated by commas."""
    if isinstance(value, str):
        return [item.strip() for item in value.split(",") if item.strip()]
    if isinstance(value, list):
        return value
    raise Unreadable(f"{value!r} is not a list", "Write a list, or in a variable items separated by commas.")


def signature_algorithms(value: object) -> tuple[str, ...]:
    """Read JWS algorithms; only those in which checking a signature does not take the key that makes it."""
    found = tuple(str(item) for item in listed(value))
    if not found or not set(found) <= SIGNATURE_ALGORITHMS:
        known = ", ".join(sorted(SIGNATURE_ALGORITHMS))
        raise Unreadable(f"{value!r} are not algorithms to be trusted", f"Choose among {known}.")
    return found


def group_roles(value: object) -> tuple[str, ...]:
    """Read what groups of an issuer may do: `group=role`."""
    found = tuple(str(item) for item in listed(value))
    for item in found:
        group, _, role = item.rpartition("=")
        if not group or role not in GROUP_ROLES:
            raise Unreadable(f"{item!r} gives no role", f"Write group=role; roles are {', '.join(GROUP_ROLES)}.")
    return found


def networks(value: object) -> tuple[str, ...]:
    """Read IP networks in CIDR notation."""
    found = []
    for item in listed(value):
        try:
            found.append(str(ipaddress.ip_network(str(item))))
        except ValueError:
            raise Unreadable(f"{item!r} is not a network", "Write networks as 10.20.0.0/16 or fd00::/8.") from None
    return tuple(found)


def ports(value: object) -> tuple[int, ...]:
    """Read TCP ports."""
    read = whole(1, _PORT_MAX)
    return tuple(read(item) for item in listed(value))


def host_suffixes(value: object) -> tuple[str, ...]:
    """Read endings of host names."""
    found = tuple(str(item).lower().strip(".") for item in listed(value))
    if not all(_HOST_SUFFIX.fullmatch(item) for item in found):
        raise Unreadable(f"{value!r} are not endings of host names", "Write endings such as hospital.example.")
    return found


def web_address(value: object) -> str:
    """Read the beginning of a URL, without a slash at its end."""
    address = text(value).rstrip("/")
    if not _WEB_ADDRESS.fullmatch(address):
        raise Unreadable(f"{value!r} is not a web address", "Write https://<host>, with a path if there is one.")
    return address


def moment(value: object) -> datetime:
    """Read a moment with its offset; returned in UTC."""
    if isinstance(value, str):
        with contextlib.suppress(ValueError):  # refused below, with the remedy
            value = datetime.fromisoformat(value)
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC)
    raise Unreadable(f"{str(value)!r} is not a moment", "Write a time with its offset: 2026-11-23T07:00:00Z.")


def time_zone(value: object) -> str:
    """Read an IANA time zone that this machine knows."""
    name = text(value)
    known = zoneinfo.available_timezones()
    if name in known:
        return name
    raise Unreadable(f"there is no time zone {name!r}", f"Write an IANA name.{did_you_mean(name, known)}")


def wall_time(value: object) -> str:
    """Read a wall time HH:MM."""
    if isinstance(value, str) and _WALL_TIME.fullmatch(value):
        return value
    raise Unreadable(f"{value!r} is not a wall time", 'Write hours and minutes: "12:00".')


def wall_time_or_never(value: object) -> str | None:
    """Read a time of day, or `never`."""
    return None if value == "never" else wall_time(value)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ` Did you mean X?` for the nearest of `known`, or nothing where none is near."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean {close[0]}?" if close else ""
