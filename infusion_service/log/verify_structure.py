"""The first pass of a verification, over all rows in order: form, chains, commitments and the tree.

Each leaf is written anew from what it must say (its number, the commitment of its body, the hash of its stream's entry
before) and compared as a whole; only a leaf that differs is taken apart to say why. Memory: one number and one hash for
each stream. Does not: read what bodies say, but for those of stream `site`.
"""

from __future__ import annotations

import hmac
from binascii import b2a_base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Protocol

import msgspec

from infusion_service.clinical.vocabulary import SITE_STREAM, Entry, format_time, parse_time
from infusion_service.log.checkpoints import KEY_ADDED, KEY_RETIRED, LOG_CONTINUED, PATIENT_ERASED
from infusion_service.log.entry import NO_PREVIOUS, SALT_BYTES, NotCanonical, commitment, entry_from_body, parse_leaf
from infusion_service.log.log_file import UNREADABLE, LogFile
from infusion_service.log.merkle import HASH_BYTES, Frontier
from infusion_service.log.sqlite_rows import seq_of
from infusion_service.log.verify_report import Anomalies, Findings, Step

TIME_CHARS = 24
PROGRESS_EVERY = 4096

SITE_TYPES = frozenset(
    {"workflow.adopted", "clock.doubted", "clock.confirmed", KEY_ADDED, KEY_RETIRED, LOG_CONTINUED, PATIENT_ERASED}
)

Progress = Callable[[int], None]


class Traced(Protocol):
    """Whoever wants to see the rows as they go by."""

    def take(self, seq: int, row: tuple[Any, ...], leaf_hash: bytes, frontier: Frontier) -> None:
        """Note a row and append its hash to the tree."""

    def site_entry(self, entry: Entry) -> None:
        """Note an entry of stream `site`."""


@dataclass(slots=True)
class Stream:
    """A stream so far: what its next entry must name. `tail` is how each of its leaves ends."""

    name: str
    tail: bytes
    tail_bytes: int
    n: int = 0
    leaf_hash: bytes = NO_PREVIOUS
    sound: bool = True
    """Whether nothing was found in it: only then its states can be derived."""


@dataclass
class Structure:
    """What the pass leaves behind."""

    size: int = 0
    root: bytes = b""
    frontier: bytes = b""
    roots: dict[int, bytes] = field(default_factory=dict)
    """Root at each size that was asked for, as far as the log goes."""
    streams: dict[int, Stream] = field(default_factory=dict)
    site_entries: list[tuple[int, Entry]] = field(default_factory=list)
    """Entries of stream `site` that say how the others are to be read."""
    first_other_hash: int | None = None
    """The first entry whose leaf hash is not the one kept outside the database."""


class StructurePass:
    """Walks one log once."""

    def __init__(
        self,
        log: LogFile,
        *,
        findings: Findings,
        anomalies: Anomalies,
        sizes: Iterable[int],
        leaf_hashes: bytes | memoryview = b"",
        trace: Traced | None = None,
    ) -> None:
        """`sizes` are those at which the root is wanted; `leaf_hashes` are those kept outside, unverified.

        `trace` is shown every row, and every entry of stream `site`.
        """
        self._trace = trace
        self._log = log
        self._findings = findings
        self._anomalies = anomalies
        self._sizes = sorted({size for size in sizes if size > 0}, reverse=True)
        self._kept_hashes = leaf_hashes
        self._kept = len(leaf_hashes) // HASH_BYTES
        self._site = msgspec.json.encode(log.site)
        self._names: set[str] = set()
        self._erasers: dict[tuple[int, str], int] = {}
        self._received = b""
        self._first_other: int | None = None
        self.found = Structure()

    def run(self, progress: Progress) -> Structure:
        """Walk all rows; `progress` is told the number of the row now and then."""
        found, frontier = self.found, Frontier()
        wanted = self._sizes.pop() if self._sizes else -1
        seq = 0
        try:
            for row in self._log.rows():
                seq += 1
                found_seq = seq_of(row[0])
                if found_seq != seq:
                    self._findings.add("form", seq, f"entry {seq} is missing: {found_seq} stands in its place")
                    seq = found_seq
                if self._trace is None:
                    frontier.append(self._row(seq, row))
                else:
                    self._trace.take(seq, row, self._row(seq, row), frontier)
                if seq == wanted:
                    found.roots[seq] = frontier.root()
                    wanted = self._sizes.pop() if self._sizes else -1
                if seq % PROGRESS_EVERY == 0:
                    progress(seq)
        except UNREADABLE as exc:
            self._findings.add("form", seq + 1, f"the file cannot be read from here on: {exc}")
        found.size, found.root, found.frontier = seq, frontier.root(), frontier.to_bytes()
        self._check_erasures()
        progress(seq)
        return found

    def _row(self, seq: int, row: tuple[Any, ...]) -> bytes:
        """Check one row and return its leaf hash. The hot path: a million times round."""
        _, stream_key, n, leaf, salt, body, entry_type = row
        stream = self.found.streams.get(stream_key) or self._stream(seq, stream_key)
        try:
            received = leaf[-stream.tail_bytes - TIME_CHARS : -stream.tail_bytes]
            if body is None:
                self._without_body(seq, stream, row)
            else:
                # Base64 without its newline is what a leaf holds; this is the fastest way to it.
                pc = b2a_base64(hmac.digest(salt, body, "sha256"), newline=False)
                ph = b2a_base64(stream.leaf_hash, newline=False)
                as_it_must_be = b'{"n":%d,"pc":"%b","ph":"%b","rcv":"%b%b' % (n, pc, ph, received, stream.tail)
                if leaf != as_it_must_be or n != stream.n + 1 or len(salt) != SALT_BYTES:
                    self._explain(seq, stream, n, leaf, commitment(salt, body))
                if stream.name == SITE_STREAM:
                    self._read_site_entry(seq, leaf, body, entry_type)
            if received != self._received:
                self._check_time(seq, stream, received)
            leaf_hash = sha256(_LEAF_PREFIX + leaf).digest()
        except (TypeError, ValueError) as exc:  # another kind of value than the schema has: nothing can be said of it
            self._bad("form", seq, stream, f"the row cannot be read: {exc}")
            leaf_hash = NO_PREVIOUS
        stream.n, stream.leaf_hash = n, leaf_hash
        if self._first_other is None and seq <= self._kept:
            at = (seq - 1) * HASH_BYTES
            if self._kept_hashes[at : at + HASH_BYTES] != leaf_hash:
                self._first_other = self.found.first_other_hash = seq
        return leaf_hash

    def _stream(self, seq: int, stream_key: int) -> Stream:
        name = self._log.stream_name(stream_key)
        if name is None or name in self._names:
            self._findings.add("form", seq, "the entry belongs to no stream of the site, or to one that is there twice")
        name = name or ""
        self._names.add(name)
        tail = b'","site":%b,"stream":%b,"v":1}' % (self._site, msgspec.json.encode(name))
        stream = self.found.streams[stream_key] = Stream(name, tail, len(tail))
        return stream

    def _explain(self, seq: int, stream: Stream, n: int, raw: bytes, committed: bytes | None) -> None:
        """Say what is wrong with a leaf that is not the one it must be. `committed` None: the body is erased."""
        try:
            leaf = parse_leaf(raw)
        except NotCanonical as exc:
            self._bad("form", seq, stream, str(exc))
            return
        if (leaf.site, leaf.stream) != (self._log.site, stream.name):
            self._bad("form", seq, stream, f"its leaf belongs to stream {leaf.stream} of {leaf.site}")
        if leaf.n != n:
            self._bad("form", seq, stream, f"its leaf is number {leaf.n} of its stream, its row number {n}")
        if n != stream.n + 1:
            self._bad("chains", seq, stream, f"number {n} of its stream follows number {stream.n}")
        if leaf.previous != stream.leaf_hash:
            self._bad("chains", seq, stream, "it does not name the hash of its stream's entry before")
        if committed is not None and leaf.commitment != committed:
            self._bad("commitments", seq, stream, "its body or salt is not the one it committed to")

    def _without_body(self, seq: int, stream: Stream, row: tuple[Any, ...]) -> None:
        key, _, n, leaf, *_ = row
        eraser = self._log.erased_by(key)
        if eraser is None or eraser <= seq:
            self._bad("commitments", seq, stream, "its body is gone, and no erasure says why")
        else:
            self._erasers.setdefault((eraser, stream.name), seq)
            self._anomalies.add("erased", seq, f"body destroyed with entry {eraser}")
        stream.sound = False  # what was erased cannot be derived again
        self._explain(seq, stream, n, leaf, None)

    def _check_erasures(self) -> None:
        """An erasure counts only with the entry that says whose: anybody can put a row into a table."""
        said = {
            seq: entry.data.get("days", ()) for seq, entry in self.found.site_entries if entry.type == PATIENT_ERASED
        }
        for (eraser, stream), seq in self._erasers.items():
            if stream not in said.get(eraser, ()):
                self._findings.add(
                    "commitments", seq, f"its body is gone, and entry {eraser} does not say that it may be"
                )

    def _check_time(self, seq: int, stream: Stream, received: bytes) -> None:
        text = received.decode("ascii", "replace")
        try:
            well_formed = format_time(parse_time(text)) == text
        except (ValueError, OverflowError):
            well_formed = False
        if not well_formed:
            self._bad("form", seq, stream, "its time of receipt cannot be read")
        elif received < self._received:
            self._bad("form", seq, stream, f"it was received at {text}, before the entry in front of it")
        else:
            self._received = received

    def _read_site_entry(self, seq: int, leaf: bytes, body: bytes, entry_type: str) -> None:
        received_at = parse_leaf(leaf).received_at
        entry = entry_from_body(body, stream=SITE_STREAM, received_at=received_at)
        if entry_type != entry.type:
            self._findings.add("form", seq, f"its row says {entry_type}, its body {entry.type}")
        if self._trace is not None:
            self._trace.site_entry(entry)
        if entry.type in SITE_TYPES:
            self.found.site_entries.append((seq, entry))

    def _bad(self, step: Step, seq: int, stream: Stream, what: str) -> None:
        stream.sound = False
        self._findings.add(step, seq, what)


_LEAF_PREFIX = b"\x00"
