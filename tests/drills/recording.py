"""What a service wrote, synced and said, in the order in which it did: read from a trace of its system calls."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import pytest

from infusion_service.log.sqlite import Synchronous

needs_strace = pytest.mark.skipif(
    shutil.which("strace") is None, reason="no strace on this machine: power cuts and faults of the disk"
)

TRACED = "openat,pwrite64,write,writev,sendto,sendmsg,fsync,fdatasync,ftruncate,unlink"

_LINE = re.compile(r"(?P<thread>\d+)\s+(?P<call>\w+)\((?P<rest>.*)", re.DOTALL)
_RESUMED = re.compile(r"(?P<thread>\d+)\s+<\.\.\. (?P<call>\w+) resumed>(?P<rest>.*)", re.DOTALL)
_UNFINISHED = " <unfinished ...>"
_BYTES = re.compile(r"\\x([0-9a-f]{2})")
_PLACE = re.compile(r"^\d+<(?P<path>[^>]*)>(?:, )?(?P<arguments>.*)$", re.DOTALL)
_WRITTEN = re.compile(r'^"(?P<data>[^"]*)", \d+, (?P<offset>\d+)\) += (?P<result>-?\d+)')
_SAID = re.compile(rb'"event_id":"([0-9a-f-]{36})"')


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes handed to the system, not yet on the disk."""

    file: str
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Cut:
    """A file set to a length."""

    file: str
    length: int


@dataclass(frozen=True, slots=True)
class Made:
    """A file that may be new."""

    file: str


@dataclass(frozen=True, slots=True)
class Removed:
    """A file that is gone."""

    file: str


@dataclass(frozen=True, slots=True)
class Synced:
    """What was handed over of this file, or of the directory's names (empty name), is on the disk."""

    file: str


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """Facts that a client was told are recorded."""

    event_ids: tuple[str, ...]


Event: TypeAlias = Write | Cut | Made | Removed | Synced | Acknowledged


def traced_service(trace: Path, synchronous: Synchronous) -> tuple[str, ...]:
    """The command line of a service whose system calls go to `trace`."""
    options = ("-f", "--seccomp-bpf", "-y", "-xx", "-s", "1000000", "-o", str(trace), "-e", f"trace={TRACED}")
    return ("strace", *options, sys.executable, "-m", "tests.drills.serve_with", synchronous)


def read_trace(trace: Path, database: Path) -> list[Event]:
    """What happened to the database's files, and what was acknowledged."""
    files = {str(database.parent / name): name for name in (database.name, f"{database.name}-wal")}
    files[str(database.parent)] = ""
    with trace.open(encoding="ascii") as lines:
        return [event for call, text in _calls(lines) for event in _events(call, text, files)]


def _calls(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Calls with their arguments and result.

    A write counts from its beginning, when its bytes may already be seen; a sync from its end.
    """
    begun: dict[str, str] = {}
    for line in lines:
        resumed = _RESUMED.match(line)
        if resumed is not None:
            start = begun.pop(resumed["thread"], None)
            if start is not None:
                yield resumed["call"], start + resumed["rest"]
            continue
        found = _LINE.match(line)
        if found is None:
            continue
        if found["rest"].rstrip("\n").endswith(_UNFINISHED):
            start = found["rest"].rstrip("\n").removesuffix(_UNFINISHED)
            if found["call"] in ("fsync", "fdatasync"):
                begun[found["thread"]] = start
            else:
                yield found["call"], start + ") = 1"
        else:
            yield found["call"], found["rest"]


def _events(call: str, text: str, files: dict[str, str]) -> Iterator[Event]:
    if call in ("openat", "unlink"):
        quoted = re.search(r'"([^"]*)"', text)
        file = files.get(_decoded(quoted[1]).decode(errors="replace")) if quoted else None
        if file and " = -1" not in text:
            yield Made(file) if call == "openat" else Removed(file)
        return
    place = _PLACE.match(text)
    if place is None:
        return
    file = files.get(_decoded(place["path"]).decode(errors="replace"))
    if file is None:
        yield from _said(call, place["arguments"])
    elif call == "pwrite64":
        if text.rstrip().endswith("= ?"):
            return  # the process was killed in the middle of it: nobody was told that it was done
        written = _WRITTEN.match(place["arguments"])
        assert written is not None, text[-100:]
        yield Write(file, int(written["offset"]), _decoded(written["data"]))
    elif call in ("fsync", "fdatasync"):
        yield Synced(file)
    elif call == "ftruncate":
        yield Cut(file, int(place["arguments"].partition(")")[0]))


def _said(call: str, arguments: str) -> Iterator[Event]:
    if call not in ("write", "writev", "sendto", "sendmsg"):
        return
    said = b"".join(_decoded(text) for text in re.findall(r'"([^"]*)"', arguments))
    if said.startswith(b"HTTP/1.1 20"):
        event_ids = tuple(found.decode() for found in _SAID.findall(said))
        if event_ids:
            yield Acknowledged(event_ids)


def _decoded(text: str) -> bytes:
    return bytes.fromhex(_BYTES.sub(r"\1", text))
