"""Verifies a log from its file alone: without the service, without a network, in numbered steps.

Trusted are the keys that are handed in and this program; nothing that the file says of itself. The steps and what each
shows are in `verify_report`. Promises: an untouched log is never accused; memory does not grow with the log, but for a
few numbers for each day. Does not: print, or know a terminal.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from infusion_service.clinical.day import Day
from infusion_service.clinical.vocabulary import SITE_STREAM, Entry, parse_time
from infusion_service.log.checkpoints import KEY_ADDED, KEY_RETIRED, LOG_CONTINUED, origin_of
from infusion_service.log.entry import NotCanonical, entry_from_body
from infusion_service.log.log_file import UNREADABLE, LogFile
from infusion_service.log.merkle import HASH_BYTES, Frontier
from infusion_service.log.note import Checkpoint, NoteRejected, Verifier, parse_note, verify_checkpoint
from infusion_service.log.sqlite_rows import seq_of
from infusion_service.log.verify_records import RecordsCheck
from infusion_service.log.verify_report import Report, Step
from infusion_service.log.verify_states import DayCheck, NotDerivable, WorkflowFiles
from infusion_service.log.verify_structure import TIME_CHARS, Progress, Stream, Structure, StructurePass
from infusion_service.log.verify_tables import DerivedCheck, PageCheck, Trace

PUBLIC_KEY_BYTES = 32
"""Of Ed25519."""

UNPINNED = "by a key that the log itself names: keep its line outside and hand it in by --public-key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is held against the log: everything that does not come from its file."""

    keys: Sequence[Verifier] = ()
    """Public keys known beforehand; without any, those that the log names are taken, and the report says so."""
    checkpoint: bytes | None = None
    """The newest signed checkpoint, kept outside the database."""
    since: bytes | None = None
    """The auditor's own last checkpoint."""
    leaf_hashes: bytes | memoryview = b""
    """The leaf hashes kept beside the checkpoint; they only help to name the first bad entry."""


def no_progress(_done: int) -> None:
    """Tell nobody."""


def verify_log(
    log: LogFile, evidence: Evidence, *, states: bool = True, tables: bool = False, progress: Progress = no_progress
) -> Report:
    """Make every step on a log. `progress` is told how many rows are done: each twice when `states` are derived.

    `tables`: also hold the other tables of a live database against the log. No other step depends on what they hold.
    """
    return Verification(log, evidence).run(states=states, tables=tables, progress=progress)


class Verification:
    """One run."""

    def __init__(self, log: LogFile, evidence: Evidence) -> None:
        self._log = log
        self._evidence = evidence
        self._report = Report(subject=f"log of {log.site}", origin=origin_of(log.site, 1))

    def run(self, *, states: bool, tables: bool, progress: Progress) -> Report:
        """Make every step."""
        report, evidence = self._report, self._evidence
        records = RecordsCheck(self._log, report)
        trace = Trace(records.site_entry)
        derived = DerivedCheck(self._log, report, trace, PageCheck(self._log)) if tables else None
        claimed, own = _said_by(evidence.checkpoint), _said_by(evidence.since)
        structure = StructurePass(
            self._log,
            findings=report.findings,
            anomalies=report.anomalies,
            sizes=[said.size for said in (claimed, own) if said is not None],
            leaf_hashes=evidence.leaf_hashes,
            trace=trace if tables else None,
        ).run(progress)
        report.size, report.root = structure.size, structure.root
        workflows = self._read_site(structure.site_entries)
        self._check_checkpoint(structure)
        self._check_since(structure)
        report.tables = tables
        if derived is not None:
            derived.run(structure)
        if not states:
            report.skipped["states"] = "left out on request"
        done, left_out = structure.size, 0
        for stream_key, stream in structure.streams.items():
            if stream.name == SITE_STREAM:
                continue
            day = self._derive(stream_key, stream, workflows) if states and stream.sound else None
            if derived is not None:
                derived.check_day(stream_key, stream, day)
            left_out += not stream.sound
            if states and stream.sound:
                done += stream.n
                progress(done)
        if states and left_out:
            report.notes["states"] = f"{left_out} days are left out: they are erased or not what they were"
        if derived is not None:
            derived.finish()
            records.run()
        return report

    def _read_site(self, entries: Sequence[tuple[int, Entry]]) -> WorkflowFiles:
        """Take in what stream `site` says: workflow files, origins, doubts about the clock."""
        report, workflows = self._report, WorkflowFiles()
        for seq, entry in entries:
            data = entry.data
            try:
                if entry.type == "workflow.adopted":
                    workflows.add(str(data["hash"]), str(data["file"]).encode())
                elif entry.type == LOG_CONTINUED:
                    report.origin = str(data["origin"])
                    report.anomalies.add("continued", seq, f"{report.origin} after a loss: {data['reason']}")
                elif entry.type in (KEY_ADDED, KEY_RETIRED):
                    report.anomalies.add("keys", seq, f"{entry.type} {data['key']} by {entry.actor.id}")
                else:
                    report.anomalies.add("clock", seq, f"{entry.type}: {data.get('reason', '')}")
            except (KeyError, NotDerivable) as exc:
                report.findings.add("states", seq, f"{entry.type} cannot be used: {exc}")
        return workflows

    def _keys_for(self, size: int, origin: str, structure: Structure) -> list[Verifier]:
        """The keys that may sign a checkpoint of this size."""
        if self._evidence.keys:
            return list(self._evidence.keys)
        keys: dict[bytes, None] = {}
        for seq, entry in structure.site_entries:
            key = _public_key(entry)
            if key is not None and entry.type == KEY_ADDED:
                keys[key] = None
            elif key is not None and entry.type == KEY_RETIRED and seq <= size:
                keys.pop(key, None)
        return [Verifier(origin, key) for key in keys]

    def _signed(self, raw: bytes, structure: Structure, origin: str | None = None) -> Checkpoint:
        """The checkpoint in a note that one of the log's keys has signed. Raises `NoteRejected`."""
        said = Checkpoint.from_text(parse_note(raw).text)
        if origin is not None and said.origin != origin:
            raise NoteRejected(f"it is of {said.origin}, the log is {origin}")
        checkpoint = verify_checkpoint(raw, self._keys_for(said.size, said.origin, structure))
        if not self._evidence.keys:
            self._report.notes["signatures"] = UNPINNED
        return checkpoint

    def _check_checkpoint(self, structure: Structure) -> None:
        report, raw = self._report, self._evidence.checkpoint
        if raw is None:
            reason = "there is no checkpoint: nothing shows that the newest entries are still there"
            report.skipped["signatures"] = report.skipped["tree"] = reason
            return
        try:
            checkpoint = self._signed(raw, structure, report.origin)
        except NoteRejected as exc:
            report.findings.add("signatures", None, f"the checkpoint is not one of this log: {exc}")
            report.skipped["tree"] = "there is no checkpoint that can be trusted"
            return
        self._compare("tree", checkpoint, structure, "the checkpoint")
        if structure.size > checkpoint.size:
            unsigned = structure.size - checkpoint.size
            report.anomalies.add("unsigned", checkpoint.size + 1, f"{unsigned} entries after the last checkpoint")

    def _compare(self, step: Step, checkpoint: Checkpoint, structure: Structure, what: str) -> None:
        """Hold the log against a checkpoint that can be trusted."""
        findings, size = self._report.findings, structure.size
        root = Frontier().root() if checkpoint.size == 0 else structure.roots.get(checkpoint.size)
        if root == checkpoint.root:
            return
        place = structure.first_other_hash
        if place is not None and place <= checkpoint.size and self._hashes_add_up(checkpoint):
            findings.add(step, place, f"its leaf is not the one that {what} was signed over")
        elif checkpoint.size <= size:
            findings.add(step, None, f"the first {checkpoint.size} entries are not those of {what}")
        if checkpoint.size > size:
            missing = checkpoint.size - size
            findings.add(step, size + 1, f"entries are missing, {missing} of them: {what} is of {checkpoint.size}")

    def _hashes_add_up(self, checkpoint: Checkpoint) -> bool:
        """Whether the leaf hashes kept outside are those of the signed root: then they can be believed."""
        kept = self._evidence.leaf_hashes
        ends = range(0, checkpoint.size * HASH_BYTES, HASH_BYTES)
        return Frontier(bytes(kept[at : at + HASH_BYTES]) for at in ends).root() == checkpoint.root

    def _check_since(self, structure: Structure) -> None:
        report, raw = self._report, self._evidence.since
        if raw is None:
            report.skipped["consistency"] = "no earlier checkpoint of your own was given (--since)"
            return
        try:
            checkpoint = self._signed(raw, structure)
        except NoteRejected as exc:
            report.findings.add("consistency", None, f"your own last checkpoint is not one of this log: {exc}")
            return
        if checkpoint.origin != report.origin:
            report.notes["consistency"] = f"yours is of {checkpoint.origin}, which ended; the log goes on"
        self._compare("consistency", checkpoint, structure, f"your checkpoint of {checkpoint.origin}")

    def _derive(self, stream_key: int, stream: Stream, workflows: WorkflowFiles) -> Day | None:
        """Fold a day and compare; None for one that cannot be folded or says something else than follows."""
        report = self._report
        before = len(report.findings)
        check = DayCheck(stream.name, self._log.site, workflows, findings=report.findings, anomalies=report.anomalies)
        try:
            check.run(self._entries(stream_key, stream.name))
        except UNREADABLE as exc:
            report.findings.add("form", report.size, f"the file cannot be read: {exc}")
        return check.day if len(report.findings) == before else None

    def _entries(self, stream_key: int, stream: str) -> Iterator[tuple[int, Entry]]:
        for key, leaf, body, entry_type in self._log.entries_of(stream_key):
            seq = seq_of(key)
            if body is None:
                return  # erased, and the first pass has said so
            tail = leaf.rindex(b'","site":')
            received_at = parse_time(leaf[tail - TIME_CHARS : tail].decode())
            try:
                entry = entry_from_body(body, stream=stream, received_at=received_at)
            except NotCanonical as exc:
                self._report.findings.add("form", seq, str(exc))
                return
            if entry_type != entry.type:
                self._report.findings.add("form", seq, f"its row says {entry_type}, its body {entry.type}")
            yield seq, entry


def _public_key(entry: Entry) -> bytes | None:
    """The key that an entry of stream `site` names; None where it names none, or a damaged one."""
    try:
        key = b64decode(str(entry.data.get("public_key", "")), validate=True)
    except ValueError:
        return None
    return key if len(key) == PUBLIC_KEY_BYTES else None


def _said_by(raw: bytes | None) -> Checkpoint | None:
    """What a note says, unverified; None when it says nothing that can be read."""
    try:
        return None if raw is None else Checkpoint.from_text(parse_note(raw).text)
    except NoteRejected:
        return None
