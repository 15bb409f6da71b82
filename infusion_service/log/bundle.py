"""One day of the log as evidence in one file: entries with salts and proofs, workflow file, checkpoint, keys, record.

A bundle is a zip whose `manifest.json` names every other file with its SHA-256. Nothing in it needs to be believed for
standing there: the entries are proven by their paths to the signed root. Promises: it holds no word of another
patient's day; the same day under the same checkpoint gives the same bytes. Does not: verify (`verify_bundle`) or write
the record (it is handed in).
"""

from __future__ import annotations

import io
import zipfile
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

import msgspec

from infusion_service.clinical.vocabulary import SITE_STREAM
from infusion_service.log.entry import LogEntry, NotCanonical, leaf_hash, parse_leaf
from infusion_service.log.note import Checkpoint, NoteRejected, parse_note
from infusion_service.log.proofs import prove_consistency, prove_inclusion
from infusion_service.log.store import LogReader

FORMAT = "infusion-bundle/1"
BUNDLE_BYTES_MAX = 256 * 1024 * 1024
"""Unpacked. A day of 5 000 facts is a tenth of it."""

MANIFEST = "manifest.json"
CHECKPOINT = "checkpoint"
KEYS = "keys.txt"
WORKFLOW = "workflow.toml"
ENTRIES = "entries.ndjson"
CONSISTENCY = "consistency.json"
RECORD = "record.html"

ENTRIES_PER_READ = 1_000

_FILES = (CHECKPOINT, KEYS, WORKFLOW, ENTRIES, RECORD)
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)


class BundleRejected(ValueError):
    """Not a bundle, or a day of which none can be made. The message says why."""


class CheckpointBehind(BundleRejected):
    """The day goes on past the checkpoint that was handed in. A running service publishes the next one at once."""


@dataclass(frozen=True, slots=True)
class Proven:
    """An entry with the path from its leaf to the root of the checkpoint."""

    entry: LogEntry
    proof: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A bundle taken apart, nothing in it verified. `consistency` leads from an older checkpoint's size to this one."""

    site: str
    day_id: str
    note: bytes
    keys: str
    workflow: bytes
    entries: tuple[Proven, ...]
    consistency: tuple[int, tuple[bytes, ...]] | None = None
    record: bytes = b""

    @property
    def checkpoint(self) -> Checkpoint:
        """What the note says, unverified. Raises `NoteRejected`."""
        return Checkpoint.from_text(parse_note(self.note).text)


class _EntryLine(msgspec.Struct, forbid_unknown_fields=True):
    seq: int
    leaf: str
    body: str | None
    salt: str | None
    proof: list[str]


class _ConsistencyFile(msgspec.Struct, forbid_unknown_fields=True, rename={"old_size": "from", "size": "to"}):
    old_size: int
    size: int
    proof: list[str]


class _Manifest(msgspec.Struct, forbid_unknown_fields=True):
    day: str
    files: dict[str, str]
    format: str
    origin: str
    site: str
    size: int


_encode = msgspec.json.Encoder(order="sorted").encode


async def collect(
    store: LogReader, site: str, day_id: str, *, note: bytes, keys: Sequence[str], since: int | None = None
) -> Bundle:
    """Read a day out of a log, with its proofs under the checkpoint in `note`.

    `since`: also prove that the log begins with the one of that size. Raises `BundleRejected`.
    """
    try:
        checkpoint = Checkpoint.from_text(parse_note(note).text)
    except NoteRejected as exc:
        raise BundleRejected(f"the checkpoint cannot be read: {exc}") from exc
    entries: list[LogEntry] = []
    while rows := await store.read_stream(site, day_id, after_n=len(entries), limit=ENTRIES_PER_READ):
        entries += map(LogEntry.of, rows)
    if not entries or entries[0].entry is None or entries[0].entry.workflow is None:
        raise BundleRejected(f"there is no day {day_id}, or it has been erased")
    size = checkpoint.size
    if entries[-1].seq > size:
        raise CheckpointBehind(
            f"the day goes on to entry {entries[-1].seq}, and the last checkpoint is of {size}: try again"
        )
    if since is not None and since > size:
        raise BundleRejected(f"the last checkpoint is of {size}, yours of {since}")
    proven = [Proven(entry, tuple(await prove_inclusion(store, site, entry.seq, size))) for entry in entries]
    return Bundle(
        site=site,
        day_id=day_id,
        note=note,
        keys="".join(f"{key}\n" for key in keys),
        workflow=await _workflow_file(store, site, str(entries[0].entry.workflow["hash"])),
        entries=tuple(proven),
        consistency=None if since is None else (since, tuple(await prove_consistency(store, site, since, size))),
    )


async def _workflow_file(store: LogReader, site: str, name: str) -> bytes:
    after = 0
    while rows := await store.read_log(
        site, after_seq=after, limit=ENTRIES_PER_READ, stream=SITE_STREAM, entry_type="workflow.adopted"
    ):
        for row in rows:
            entry = LogEntry.of(row).entry
            if entry is not None and entry.data["hash"] == name:
                return str(entry.data["file"]).encode()
        after = rows[-1].seq
    raise BundleRejected(f"the log holds no workflow file {name}")


def pack(bundle: Bundle) -> bytes:
    """The bundle as one zip file."""
    checkpoint = bundle.checkpoint
    files = {
        CHECKPOINT: bundle.note,
        KEYS: bundle.keys.encode(),
        WORKFLOW: bundle.workflow,
        ENTRIES: b"".join(_entry_line(proven) for proven in bundle.entries),
        RECORD: bundle.record,
    }
    if bundle.consistency is not None:
        old_size, proof = bundle.consistency
        said = _ConsistencyFile(old_size=old_size, size=checkpoint.size, proof=[_text(step) for step in proof])
        files[CONSISTENCY] = _encode(said)
    manifest = _Manifest(
        day=bundle.day_id,
        files={name: sha256(raw).hexdigest() for name, raw in files.items()},
        format=FORMAT,
        origin=checkpoint.origin,
        site=bundle.site,
        size=checkpoint.size,
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, raw in ((MANIFEST, _encode(manifest)), *files.items()):
            archive.writestr(zipfile.ZipInfo(name, _ZIP_TIME), raw, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _entry_line(proven: Proven) -> bytes:
    entry = proven.entry
    line = _EntryLine(
        seq=entry.seq,
        leaf=entry.leaf.decode(),
        body=None if entry.body is None else entry.body.decode(),
        salt=None if entry.salt is None else _text(entry.salt),
        proof=[_text(step) for step in proven.proof],
    )
    return _encode(line) + b"\n"


def unpack(raw: bytes) -> Bundle:
    """Take a bundle apart, strictly. Raises `BundleRejected` for anything `pack` would not write."""
    files = _files(raw)
    try:
        manifest = msgspec.json.decode(files.pop(MANIFEST), type=_Manifest)
        _check_manifest(manifest, files)
        lines = files[ENTRIES].split(b"\n")
        if lines.pop() != b"" or not lines:
            raise BundleRejected("the last entry's line is not ended, or there is no entry")
        bundle = Bundle(
            site=manifest.site,
            day_id=manifest.day,
            note=files[CHECKPOINT],
            keys=files[KEYS].decode(),
            workflow=files[WORKFLOW],
            entries=tuple(_proven(line) for line in lines),
            consistency=_consistency(files.get(CONSISTENCY), manifest.size),
            record=files[RECORD],
        )
        said = bundle.checkpoint
    except (ValueError, KeyError) as exc:  # JSON, base64, Unicode, a note; a file that is not there
        raise BundleRejected(f"not a bundle: {exc}") from exc
    if (said.origin, said.size) != (manifest.origin, manifest.size):
        raise BundleRejected("the manifest names another checkpoint than the one beside it")
    return bundle


def _files(raw: bytes) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            members = archive.infolist()
            names = [member.filename for member in members]
            if sum(member.file_size for member in members) > BUNDLE_BYTES_MAX:
                raise BundleRejected(f"the bundle is over {BUNDLE_BYTES_MAX} bytes unpacked")
            if len(set(names)) != len(names) or not set(names) <= {MANIFEST, CONSISTENCY, *_FILES}:
                raise BundleRejected("it holds a file twice, or one that no bundle has")
            return {name: archive.read(name) for name in names}
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as exc:
        raise BundleRejected(f"not a zip file that can be read: {exc}") from exc


def _check_manifest(manifest: _Manifest, files: Mapping[str, bytes]) -> None:
    if manifest.format != FORMAT:
        raise BundleRejected(f"its format is {manifest.format}, this program knows {FORMAT}")
    if manifest.files.keys() != files.keys():
        raise BundleRejected("the manifest names other files than there are")
    for name, content in files.items():
        if sha256(content).hexdigest() != manifest.files[name]:
            raise BundleRejected(f"{name} is not the file that the manifest names")


def _proven(line: bytes) -> Proven:
    said = msgspec.json.decode(line, type=_EntryLine)
    if _encode(said) != line:
        raise BundleRejected("an entry is not in its one form")
    leaf = said.leaf.encode()
    entry = LogEntry(
        seq=said.seq,
        n=_number_of(leaf),
        leaf=leaf,
        leaf_hash=leaf_hash(leaf),
        body=None if said.body is None else said.body.encode(),
        salt=None if said.salt is None else b64decode(said.salt, validate=True),
    )
    return Proven(entry, tuple(b64decode(step, validate=True) for step in said.proof))


def _number_of(leaf: bytes) -> int:
    """The entry's number in its stream; 0 where the leaf is none, which the verifier names."""
    try:
        return parse_leaf(leaf).n
    except NotCanonical:
        return 0


def _consistency(raw: bytes | None, size: int) -> tuple[int, tuple[bytes, ...]] | None:
    if raw is None:
        return None
    said = msgspec.json.decode(raw, type=_ConsistencyFile)
    if said.size != size:
        raise BundleRejected("the consistency proof leads to another size than the checkpoint's")
    return said.old_size, tuple(b64decode(step, validate=True) for step in said.proof)


def _text(raw: bytes) -> str:
    return b64encode(raw).decode("ascii")
