"""A disk that loses power: what had been synced is there, of the rest as little, as much or as torn as it pleases."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from tests.drills.recording import Acknowledged, Cut, Event, Made, Removed, Synced, Write

Mode: TypeAlias = Literal["drop", "random", "torn"]
MODES: tuple[Mode, ...] = ("drop", "random", "torn")
SECTOR_BYTES = 512


@dataclass
class Disk:
    """The database's files at one moment of a recording."""

    synced: dict[str, bytearray]
    waiting: dict[str, list[Write | Cut]] = field(default_factory=dict)
    unnamed: set[str] = field(default_factory=set)
    """New files whose directory has not been synced: the file may be gone with its name."""
    acknowledged: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, database: Path) -> Disk:
        """A database that was closed in good order, all of it on the disk."""
        return cls({database.name: bytearray(database.read_bytes())})

    def happen(self, event: Event) -> None:
        """Take the next event of the recording."""
        match event:
            case Write() | Cut():
                self.waiting.setdefault(event.file, []).append(event)
            case Made() if event.file not in self.synced:
                self.synced[event.file] = bytearray()
                self.unnamed.add(event.file)
            case Removed():
                self.synced.pop(event.file, None)
                self.waiting.pop(event.file, None)
            case Synced(file=""):
                self.unnamed.clear()
            case Synced():
                for change in self.waiting.pop(event.file, []):
                    _apply(self.synced[event.file], change)
            case Acknowledged():
                self.acknowledged.update(event.event_ids)

    def lose_power(self, mode: Mode, chance: random.Random) -> dict[str, bytearray]:
        """The files as the next start finds them."""
        found = {}
        for file, content in self.synced.items():
            if file in self.unnamed and (mode == "drop" or chance.random() < 0.5):
                continue
            left = bytearray(content)
            for change in self.waiting.get(file, []):
                for part in _survivors(change, mode, chance):
                    _apply(left, part)
            found[file] = left
        return found


def _survivors(change: Write | Cut, mode: Mode, chance: random.Random) -> Iterator[Write | Cut]:
    if mode == "torn" and isinstance(change, Write):
        for start in range(0, len(change.data), SECTOR_BYTES):
            if chance.random() < 0.5:
                yield Write(change.file, change.offset + start, change.data[start : start + SECTOR_BYTES])
    elif mode != "drop" and chance.random() < 0.5:
        yield change


def _apply(content: bytearray, change: Write | Cut) -> None:
    if isinstance(change, Cut):
        del content[change.length :]
        content.extend(bytes(change.length - len(content)))
        return
    end = change.offset + len(change.data)
    if len(content) < end:
        content.extend(bytes(end - len(content)))
    content[change.offset : end] = change.data
