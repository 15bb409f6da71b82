"""Verifies one day's bundle by itself: the same steps as for a whole log, each entry by its own proof.

What a bundle alone cannot show: that the day has no further entries, and that the log as a whole only grew. The first
is told by the log's owner (and by a later bundle), the second by consistency with the auditor's own last checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from infusion_service.clinical.day import Day
from infusion_service.clinical.vocabulary import Entry
from infusion_service.log.bundle import Bundle, BundleRejected, Proven, unpack
from infusion_service.log.entry import NO_PREVIOUS, Leaf, NotCanonical, commitment, entry_from_body, parse_leaf
from infusion_service.log.merkle import ProofRejected, verify_consistency, verify_inclusion
from infusion_service.log.note import Checkpoint, NoteRejected, Verifier, verify_checkpoint
from infusion_service.log.verify_report import Report
from infusion_service.log.verify_states import DayCheck, NotDerivable, WorkflowFiles

UNPINNED = "by a key that came with the bundle: keep the log's key line and hand it in by --public-key"


def verify_bundle(
    raw: bytes, *, keys: Sequence[Verifier] = (), since: bytes | None = None
) -> tuple[Report, Day | None]:
    """Make every step on a bundle; also return the day as folded, None where it cannot be."""
    try:
        bundle = unpack(raw)
    except BundleRejected as exc:
        report = Report(subject="bundle", origin="")
        report.findings.add("form", None, str(exc))
        for step in ("signatures", "tree", "consistency", "chains", "commitments", "states"):
            report.skipped[step] = "the bundle cannot be read"
        return report, None
    return _Verification(bundle, keys, since).run()


class _Verification:
    def __init__(self, bundle: Bundle, keys: Sequence[Verifier], since: bytes | None) -> None:
        self._bundle = bundle
        self._pinned = list(keys)
        self._since = since
        checkpoint = bundle.checkpoint
        self._report = Report(
            subject=f"day {bundle.day_id} of {bundle.site}",
            origin=checkpoint.origin,
            size=len(bundle.entries),
            root=checkpoint.root,
        )

    def run(self) -> tuple[Report, Day | None]:
        checkpoint = self._checkpoint()
        if checkpoint is not None:
            self._prove(checkpoint)
            self._check_since(checkpoint)
        leaves = list(self._leaves())
        self._check_chain(leaves)
        day = self._derive(leaves)
        return self._report, day

    def _keys(self) -> list[Verifier]:
        if self._pinned:
            return self._pinned
        self._report.notes["signatures"] = UNPINNED
        return [Verifier.from_text(line) for line in self._bundle.keys.split("\n") if line]

    def _checkpoint(self) -> Checkpoint | None:
        try:
            return verify_checkpoint(self._bundle.note, self._keys())
        except NoteRejected as exc:
            self._report.findings.add("signatures", None, f"the checkpoint cannot be trusted: {exc}")
            self._report.skipped["tree"] = self._report.skipped["consistency"] = "there is no checkpoint to trust"
            return None

    def _prove(self, checkpoint: Checkpoint) -> None:
        for proven in self._bundle.entries:
            entry = proven.entry
            try:
                verify_inclusion(entry.leaf_hash, entry.seq - 1, checkpoint.size, checkpoint.root, proven.proof)
            except ProofRejected as exc:
                self._report.findings.add("tree", entry.seq, f"it is not proven to be in the log: {exc}")

    def _check_since(self, checkpoint: Checkpoint) -> None:
        report = self._report
        if self._since is None:
            report.skipped["consistency"] = "no earlier checkpoint of your own was given (--since)"
            return
        try:
            own = verify_checkpoint(self._since, self._keys())
            old_size, proof = self._bundle.consistency or (checkpoint.size, ())
            if own.origin != checkpoint.origin:
                report.findings.add("consistency", None, f"your own last checkpoint is of {own.origin}")
            elif own.size != old_size:
                report.skipped["consistency"] = f"the bundle holds no proof from {own.size} entries (export --since)"
            else:
                verify_consistency(own.size, own.root, checkpoint.size, checkpoint.root, proof)
        except NoteRejected as exc:
            report.findings.add("consistency", None, f"your own last checkpoint is not one of this log: {exc}")
        except ProofRejected as exc:
            report.findings.add("consistency", None, str(exc))

    def _leaves(self) -> Iterator[tuple[Proven, Leaf]]:
        """Entries whose leaf can be read and belongs to the day."""
        for proven in self._bundle.entries:
            try:
                leaf = parse_leaf(proven.entry.leaf)
            except NotCanonical as exc:
                self._report.findings.add("form", proven.entry.seq, str(exc))
                continue
            if (leaf.site, leaf.stream) != (self._bundle.site, self._bundle.day_id):
                self._report.findings.add(
                    "form", proven.entry.seq, f"it belongs to stream {leaf.stream} of {leaf.site}"
                )
            yield proven, leaf

    def _check_chain(self, leaves: Sequence[tuple[Proven, Leaf]]) -> None:
        findings = self._report.findings
        n, previous, seq, received_at = 0, NO_PREVIOUS, 0, ""
        for proven, leaf in leaves:
            entry = proven.entry
            if leaf.n != n + 1 or leaf.previous != previous:
                findings.add("chains", entry.seq, f"number {leaf.n} of the day does not follow number {n}")
            received = leaf.received_at.isoformat()
            if entry.seq <= seq or received < received_at:
                findings.add("form", entry.seq, "it stands behind an entry that was received after it")
            if entry.body is None or entry.salt is None:
                findings.add("commitments", entry.seq, "its body or salt is missing")
            elif len(entry.salt) != len(NO_PREVIOUS) or commitment(entry.salt, entry.body) != leaf.commitment:
                findings.add("commitments", entry.seq, "its body or salt is not the one it committed to")
            n, previous, seq, received_at = leaf.n, entry.leaf_hash, entry.seq, received

    def _derive(self, leaves: Sequence[tuple[Proven, Leaf]]) -> Day | None:
        report, bundle, workflows = self._report, self._bundle, WorkflowFiles()
        check = DayCheck(bundle.day_id, bundle.site, workflows, findings=report.findings, anomalies=report.anomalies)
        if len(report.findings):
            report.skipped["states"] = "the entries are not what they were"
            return None
        try:
            first = next(self._entries(leaves[:1]))[1]
            workflows.add(str((first.workflow or {}).get("hash", "")), bundle.workflow)
        except (NotDerivable, StopIteration) as exc:
            report.findings.add("states", None, str(exc) or "the day has no first entry")
            return None
        check.run(self._entries(leaves))
        return check.day

    def _entries(self, leaves: Sequence[tuple[Proven, Leaf]]) -> Iterator[tuple[int, Entry]]:
        for proven, leaf in leaves:
            entry = proven.entry
            try:
                yield entry.seq, entry_from_body(entry.body or b"", stream=leaf.stream, received_at=leaf.received_at)
            except NotCanonical as exc:
                self._report.findings.add("form", entry.seq, str(exc))
                return
