"""What somebody with the database file and enough time could do to a log, each time one thing, by a seed.

The forger can read and write every table, drop triggers, compute hashes and commitments like anybody; the forger does
not have the signing key, nor the directory of checkpoints, unless a manipulation says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

import pysqlite3.dbapi2 as driver

from infusion_service.log.entry import (
    NO_PREVIOUS,
    commitment,
    leaf_bytes,
    leaf_hash,
    parse_leaf,
)
from infusion_service.log.merkle import Frontier
from infusion_service.log.note import Checkpoint, Signer, Verifier, sign_checkpoint
from infusion_service.log.verify import Evidence

_SEQ_MASK = (1 << 40) - 1

Row = tuple[Any, ...]
"""seq, stream key, n, leaf, salt, body, type."""


@dataclass
class Victim:
    """A copy of a log that a forger has in hand, with what is kept outside of it."""

    connection: Any
    note: bytes
    leaf_hashes: bytes
    keys: list[Verifier]
    site_key: int = 1
    note_is_forged: bool = False
    hashes_are_forged: bool = False
    original: list[Row] = field(default_factory=list)

    @classmethod
    def copy_of(cls, pristine: Victim) -> Victim:
        """Another copy, in memory."""
        connection = driver.connect(":memory:", isolation_level=None)
        pristine.connection.backup(connection)
        for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        return replace(pristine, connection=connection)

    @property
    def evidence(self) -> Evidence:
        """What the verifier is given."""
        return Evidence(keys=self.keys, checkpoint=self.note, leaf_hashes=self.leaf_hashes)

    def rows(self) -> list[Row]:
        """The log as it stands."""
        return [
            (key & _SEQ_MASK, *rest)
            for key, *rest in self.connection.execute(
                "SELECT entry_key, stream_key, n, leaf, salt, body, entry_type "
                "FROM log LEFT JOIN payload USING (entry_key) ORDER BY entry_key"
            )
        ]

    def streams(self) -> dict[int, bytes]:
        """Stream ids by key."""
        return dict(self.connection.execute("SELECT stream_key, stream_id FROM stream"))

    def write(self, rows: Sequence[Row]) -> None:
        """Put these rows in the place of the log, as they are."""
        execute, many = self.connection.execute, self.connection.executemany
        execute("BEGIN")
        execute("DELETE FROM payload")
        execute("DELETE FROM log")
        execute("DROP INDEX IF EXISTS log_stream")
        base = self.site_key << 40
        many(
            "INSERT INTO log (entry_key, stream_key, n, leaf) VALUES (?, ?, ?, ?)",
            [(base + seq, stream_key, n, leaf) for seq, stream_key, n, leaf, *_ in rows],
        )
        many(
            "INSERT INTO payload (entry_key, salt, body, entry_type) VALUES (?, ?, ?, ?)",
            [(base + row[0], *row[4:]) for row in rows if row[5] is not None],
        )
        execute("CREATE INDEX log_stream ON log (stream_key, n)")
        execute("COMMIT")

    def change(self, seq: int, table: str, column: str, value: object) -> None:
        """Change one column of one row."""
        self.connection.execute(
            f"UPDATE {table} SET {column} = ? WHERE entry_key = ?",  # noqa: S608 - our own names
            (value, (self.site_key << 40) + seq),
        )


def renumbered(rows: Sequence[Row]) -> list[Row]:
    """The same rows, numbered from 1 without a gap."""
    return [(seq, *row[1:]) for seq, row in enumerate(rows, start=1)]


def relinked(rows: Sequence[Row]) -> list[Row]:
    """The same rows with every number, commitment, link and hash computed as an honest service would."""
    ends: dict[int, tuple[int, bytes]] = {}
    linked = []
    for seq, row in enumerate(rows, start=1):
        _, stream_key, _, leaf, salt, body, entry_type = row
        n, previous = ends.get(stream_key, (0, NO_PREVIOUS))
        said = parse_leaf(leaf)
        fresh = leaf_bytes(
            site=said.site,
            stream=said.stream,
            n=n + 1,
            received_at=said.received_at,
            commitment=commitment(salt, body),
            previous=previous,
        )
        ends[stream_key] = n + 1, leaf_hash(fresh)
        linked.append((seq, stream_key, n + 1, fresh, salt, body, entry_type))
    return linked


def first_difference(victim: Victim, streams_before: dict[int, bytes]) -> int | None:
    """The first entry that is not what it was, counting those that are missing; None when nothing was changed."""
    now, streams = victim.rows(), victim.streams()
    before = victim.original
    for place in range(max(len(now), len(before))):
        if place >= len(now) or place >= len(before):
            return place + 1
        if now[place] != before[place] or streams.get(now[place][1]) != streams_before.get(before[place][1]):
            return place + 1
    return None


def _flipped(raw: bytes, random: Random) -> bytes:
    place = random.randrange(len(raw))
    return raw[:place] + bytes([raw[place] ^ 1 << random.randrange(8)]) + raw[place + 1 :]


def flip_leaf(victim: Victim, random: Random) -> None:
    """One bit of a leaf."""
    row = random.choice(victim.original)
    victim.change(row[0], "log", "leaf", _flipped(row[3], random))


def flip_body(victim: Victim, random: Random) -> None:
    """One bit of a body."""
    row = random.choice(victim.original)
    victim.change(row[0], "payload", "body", _flipped(row[5], random))


def flip_salt(victim: Victim, random: Random) -> None:
    """One bit of a salt."""
    row = random.choice(victim.original)
    victim.change(row[0], "payload", "salt", _flipped(row[4], random))


def change_number(victim: Victim, random: Random) -> None:
    """The number an entry has in its stream."""
    row = random.choice(victim.original)
    victim.connection.execute("DROP INDEX IF EXISTS log_stream")
    victim.change(row[0], "log", "n", row[2] + random.choice((1, 2, 50)))


def change_type(victim: Victim, random: Random) -> None:
    """What the table says of an entry's type."""
    row = random.choice(victim.original)
    victim.change(row[0], "payload", "entry_type", row[6] + ".changed")


def _other_body(body: bytes, random: Random) -> bytes:
    """A body that says something else and is just as well-formed, where one digit can be found in it."""
    places = [place for place, byte in enumerate(body) if chr(byte).isdecimal()]
    place = random.choice(places)
    digit = b"%d" % ((body[place] - ord("0") + random.randrange(1, 10)) % 10)
    return body[:place] + digit + body[place + 1 :]


def change_body(victim: Victim, random: Random) -> None:
    """What an entry says, its leaf left alone."""
    row = random.choice(victim.original)
    victim.change(row[0], "payload", "body", _other_body(row[5], random))


def forge_body(victim: Victim, random: Random) -> None:
    """What an entry says, with a leaf that commits to it; what follows left alone."""
    seq, _, _, leaf, salt, body, _ = random.choice(victim.original)
    fresh = _other_body(body, random)
    said = parse_leaf(leaf)
    victim.change(seq, "payload", "body", fresh)
    victim.change(
        seq,
        "log",
        "leaf",
        leaf_bytes(
            site=said.site,
            stream=said.stream,
            n=said.n,
            received_at=said.received_at,
            commitment=commitment(salt, fresh),
            previous=said.previous,
        ),
    )


def forge_time(victim: Victim, random: Random) -> None:
    """When an entry was received, with every link after it computed anew."""
    rows = list(victim.original)
    place = random.randrange(len(rows))
    leaf = rows[place][3]
    at = leaf.rindex(b".", 0, leaf.rindex(b'Z"'))
    digits = b"%03d" % ((int(leaf[at + 1 : at + 4]) + random.randrange(1, 1000)) % 1000)
    rows[place] = (*rows[place][:3], leaf[: at + 1] + digits + leaf[at + 4 :], *rows[place][4:])
    victim.write(relinked(rows))


def forge_history(victim: Victim, random: Random) -> None:
    """What an entry says, with everything after it computed anew: a log without a fault of its own."""
    rows = list(victim.original)
    place = random.randrange(len(rows))
    rows[place] = (*rows[place][:5], _other_body(rows[place][5], random), rows[place][6])
    victim.write(relinked(rows))


def delete(victim: Victim, random: Random) -> None:
    """An entry, leaving a gap."""
    row = random.choice(victim.original)
    victim.write([other for other in victim.original if other is not row])


def delete_and_close(victim: Victim, random: Random) -> None:
    """An entry, the rest moved up."""
    row = random.choice(victim.original[:-1])
    victim.write(renumbered([other for other in victim.original if other is not row]))


def delete_and_forge(victim: Victim, random: Random) -> None:
    """An entry, the rest moved up and linked anew."""
    row = random.choice(victim.original[:-1])
    victim.write(relinked([other for other in victim.original if other is not row]))


def insert(victim: Victim, random: Random) -> None:
    """A copy of an entry somewhere else, the rest moved down."""
    rows = list(victim.original)
    rows.insert(random.randrange(len(rows)), random.choice(rows))
    victim.write(renumbered(rows))


def insert_and_forge(victim: Victim, random: Random) -> None:
    """An entry that says something else, the rest moved down and linked anew."""
    rows = list(victim.original)
    model = random.choice(rows)
    forged = (*model[:5], _other_body(model[5], random), model[6])
    rows.insert(random.randrange(len(rows)), forged)
    victim.write(relinked(rows))


def reorder(victim: Victim, random: Random) -> None:
    """Two entries in each other's place."""
    rows = list(victim.original)
    one, other = random.sample(range(len(rows)), 2)
    rows[one], rows[other] = rows[other], rows[one]
    victim.write(renumbered(rows))


def reorder_and_forge(victim: Victim, random: Random) -> None:
    """Two neighbours in each other's place, everything linked anew."""
    rows = list(victim.original)
    place = random.randrange(len(rows) - 1)
    rows[place : place + 2] = reversed(rows[place : place + 2])
    victim.write(relinked(rows))


def swap_days(victim: Victim, random: Random) -> None:
    """The names of two days."""
    days = [key for key, raw in victim.streams().items() if len(raw) == 16]
    one, other = random.sample(days, 2)
    names = victim.streams()
    for key, name in ((one, b"\0" * 16), (other, names[one]), (one, names[other])):
        victim.connection.execute("UPDATE stream SET stream_id = ? WHERE stream_key = ?", (name, key))


def move_to_another_day(victim: Victim, random: Random) -> None:
    """An entry, by the table, to another day."""
    days = [key for key, raw in victim.streams().items() if len(raw) == 16]
    row = random.choice([row for row in victim.original if row[1] in days])
    victim.connection.execute("DROP INDEX IF EXISTS log_stream")
    victim.change(row[0], "log", "stream_key", random.choice([day for day in days if day != row[1]]))


def truncate(victim: Victim, random: Random) -> None:
    """The newest entries."""
    victim.write(victim.original[: random.randrange(1, len(victim.original))])


def older_copy(victim: Victim, random: Random) -> None:
    """The whole file by an older one, in which nothing is missing, derived tables and all."""
    size = random.randrange(1, len(victim.original))
    victim.write(victim.original[:size])
    frontier = Frontier(leaf_hash(row[3]) for row in victim.original[:size])
    victim.connection.execute("UPDATE log_head SET size = ?, frontier = ?", (size, frontier.to_bytes()))


def lose_body(victim: Victim, random: Random) -> None:
    """A body, with an erasure that some other entry is said to have ordered."""
    row = random.choice(victim.original[:-1])
    key = (victim.site_key << 40) + row[0]
    if random.random() < 0.5:
        victim.connection.execute(
            "INSERT INTO erasure VALUES (?, ?)", (key, (victim.site_key << 40) + len(victim.original))
        )
    victim.connection.execute("DELETE FROM payload WHERE entry_key = ?", (key,))


def flip_note(victim: Victim, random: Random) -> None:
    """One bit of the checkpoint."""
    victim.note = _flipped(victim.note, random)
    victim.note_is_forged = True


def sign_again(victim: Victim, random: Random) -> None:
    """An entry and everything after it, with a checkpoint by a key of one's own, the hashes outside too."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    forge_history(victim, random)
    hashes = [leaf_hash(row[3]) for row in victim.rows()]
    origin = victim.keys[0].name
    signer = Signer(origin, Ed25519PrivateKey.from_private_bytes(random.randbytes(32)))
    victim.note = sign_checkpoint(Checkpoint(origin, len(hashes), Frontier(hashes).root()), [signer])
    victim.leaf_hashes = b"".join(hashes)
    victim.note_is_forged = victim.hashes_are_forged = True


Manipulation = Callable[[Victim, Random], None]

MANIPULATIONS: tuple[Manipulation, ...] = (
    flip_leaf, flip_body, flip_salt, flip_note, change_number, change_type, change_body, forge_body, forge_time,
    forge_history, delete, delete_and_close, delete_and_forge, insert, insert_and_forge, reorder, reorder_and_forge,
    swap_days, move_to_another_day, truncate, older_copy, lose_body, sign_again,
)  # fmt: skip


def opened(database: Path, note: bytes, leaf_hashes: bytes, keys: list[Verifier]) -> Victim:
    """The untouched log, in memory."""
    connection = driver.connect(":memory:", isolation_level=None)
    source = driver.connect(f"file:{database}?mode=ro", uri=True)
    try:
        source.backup(connection)
    finally:
        source.close()
    pristine = Victim(connection, note, leaf_hashes, keys)
    pristine.original = pristine.rows()
    return pristine
