"""What a verification found: numbered steps, findings with the entry they are about, and what is only remarkable.

A finding says that something does not add up; an anomaly (a late entry, an override, an erased body) is part of an
honest log and is only shown. Memory is bounded: counts are exact, lists keep their first items.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from infusion_service.clinical.vocabulary import JSON

LISTED_MAX = 100
"""Findings, and anomalies of each kind, that are listed; all are counted."""

Step = Literal["form", "signatures", "tree", "consistency", "chains", "commitments", "states", "derived", "records"]

STEPS: dict[Step, str] = {
    "form": "every entry stands in its place and in its one form",
    "signatures": "the checkpoints are signed by the log's key",
    "tree": "the entries are exactly those that were signed",
    "consistency": "the log begins with the one of your own last checkpoint",
    "chains": "each stream is numbered without a gap and linked from entry to entry",
    "commitments": "each body is the one its entry committed to",
    "states": "states, versions and derived entries follow from the facts under the pinned workflow",
    "derived": "the tables by which the log is looked up are those the log gives",
    "records": "devices, staff, tokens, endpoints and deliveries are as they were written, and as the log says",
}
"""The steps in their order, each with what it shows when nothing is found."""

BESIDE_THE_LOG: frozenset[Step] = frozenset({"derived", "records"})
"""Steps about a database's other tables: what they find takes nothing from the log."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not add up. `seq` is None where no entry can be named."""

    step: Step
    seq: int | None
    what: str


class Findings:
    """Collects findings: all are counted, the first bad entry is known exactly."""

    def __init__(self) -> None:
        self.listed: list[Finding] = []
        self.counts: Counter[Step] = Counter()
        self.first_bad_seq: int | None = None

    def add(self, step: Step, seq: int | None, what: str) -> None:
        """Note a finding about entry `seq`."""
        self.counts[step] += 1
        if len(self.listed) < LISTED_MAX:
            self.listed.append(Finding(step, seq, what))
        if seq is not None and (self.first_bad_seq is None or seq < self.first_bad_seq):
            self.first_bad_seq = seq

    def __len__(self) -> int:
        """How many there are."""
        return self.counts.total()


@dataclass(frozen=True, slots=True)
class Remark:
    """One anomaly: which entry, and what is remarkable about it."""

    seq: int
    what: str


class Anomalies:
    """Collects what an auditor wants to look at, by kind."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.listed: dict[str, list[Remark]] = {}

    def add(self, kind: str, seq: int, what: str) -> None:
        """Note one."""
        self.counts[kind] += 1
        listed = self.listed.setdefault(kind, [])
        if len(listed) < LISTED_MAX:
            listed.append(Remark(seq, what))


@dataclass(kw_only=True)
class Report:
    """The outcome of one verification. `skipped` says of a step why it was not made; a step not there was made."""

    subject: str
    origin: str
    size: int = 0
    root: bytes = b""
    findings: Findings = field(default_factory=Findings)
    anomalies: Anomalies = field(default_factory=Anomalies)
    skipped: dict[Step, str] = field(default_factory=dict)
    tables: bool = False
    """Whether a database's other tables were looked at: a bundle has none."""
    notes: dict[Step, str] = field(default_factory=dict)
    """What a step relied on, where a reader must know it."""

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not len(self.findings)

    @property
    def log_ok(self) -> bool:
        """Whether nothing was found about the log itself."""
        return not any(count for step, count in self.findings.counts.items() if step not in BESIDE_THE_LOG)

    def found_only(self, step: Step) -> bool:
        """Whether something was found, and nothing but by this step."""
        return 0 < len(self.findings) == self.findings.counts[step]

    def status(self, step: Step) -> Literal["ok", "failed", "not checked"]:
        """How one step ended."""
        if self.findings.counts[step]:
            return "failed"
        return "not checked" if step in self.skipped else "ok"

    def as_json(self) -> dict[str, JSON]:
        """The report for programs."""
        return {
            "ok": self.ok,
            "log_ok": self.log_ok,
            "subject": self.subject,
            "origin": self.origin,
            "size": self.size,
            "root": self.root.hex(),
            "first_bad_seq": self.findings.first_bad_seq,
            "steps": [
                {
                    "number": number,
                    "step": step,
                    "shows": shows,
                    "status": self.status(step),
                    "findings": self.findings.counts[step],
                    "note": self.skipped.get(step) or self.notes.get(step) or "",
                }
                for number, (step, shows) in enumerate(STEPS.items(), start=1)
                if self.tables or step not in BESIDE_THE_LOG
            ],
            "findings": [
                {"step": finding.step, "seq": finding.seq, "what": finding.what} for finding in self.findings.listed
            ],
            "anomalies": {
                kind: {
                    "count": self.anomalies.counts[kind],
                    "first": [{"seq": remark.seq, "what": remark.what} for remark in listed],
                }
                for kind, listed in sorted(self.anomalies.listed.items())
            },
        }
