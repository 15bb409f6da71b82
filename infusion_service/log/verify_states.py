"""The second pass of a verification, day by day: what each entry says must follow from those before it.

Every day is folded from its entries under the workflow file it was scheduled with, by the same pure core that decided
at the time. Compared are the state each fact left and led to, the day's version, and the id of every derived entry;
reported are late, struck, refused and unattributed entries and overrides. Does not: judge again whether a guard was
satisfied or an alert was due: what is in the log happened.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import lru_cache

from infusion_service.clinical.corrections import read_correction
from infusion_service.clinical.day import Day, evolve, new_day
from infusion_service.clinical.ledger import OVERRIDE_USED
from infusion_service.clinical.moves import place
from infusion_service.clinical.timing import Times
from infusion_service.clinical.vocabulary import (
    DOUBLE_CHECK_ENTERED,
    SERVICE_ROLE,
    Entry,
    Refusal,
    Submission,
    derived_entry_id,
)
from infusion_service.clinical.workflow import Workflow, WorkflowInvalid, adopted_workflow, content_hash
from infusion_service.log.verify_report import Anomalies, Findings

WORKFLOWS_KEPT = 32

STRUCK = "entry.struck"


class NotDerivable(Exception):
    """A day cannot be folded on: the reason is a finding about the entry it happened at."""


class WorkflowFiles:
    """The workflow files a log holds, by content hash; each is loaded when a day first needs it."""

    def __init__(self) -> None:
        self._files: dict[str, bytes] = {}

    def add(self, name: str, raw: bytes) -> None:
        """Take in a file under the hash it is known by. Raises `NotDerivable` when its bytes have another."""
        if content_hash(raw) != name:
            raise NotDerivable(f"the workflow file has the hash {content_hash(raw)}, not {name}")
        self._files[name] = raw

    def by_hash(self, name: str) -> Workflow:
        """Return a loaded workflow. Raises `NotDerivable`."""
        if name not in self._files:
            raise NotDerivable(f"the log holds no workflow file {name}")
        try:
            return _loaded(self._files[name])
        except WorkflowInvalid as invalid:
            raise NotDerivable(f"the workflow file {name} is not valid: {invalid}") from invalid


@lru_cache(maxsize=WORKFLOWS_KEPT)
def _loaded(raw: bytes) -> Workflow:
    return adopted_workflow(raw, file="the log's own")


class DayCheck:
    """Folds one day and compares."""

    def __init__(
        self, day_id: str, site: str, workflows: WorkflowFiles, *, findings: Findings, anomalies: Anomalies
    ) -> None:
        self._day_id = day_id
        self._site = site
        self._workflows = workflows
        self._findings = findings
        self._anomalies = anomalies
        self._ids: set[str] = set()
        self.day: Day | None = None

    def run(self, entries: Iterable[tuple[int, Entry]]) -> None:
        """Fold entries, each with its sequence number, in order; stop at one that cannot be folded."""
        seq = 0
        try:
            for seq, entry in entries:
                self._take(seq, entry)
        except NotDerivable as reason:
            self._findings.add("states", seq, str(reason))
        except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError, AssertionError) as exc:
            # Whatever an entry that nobody would have accepted does to the fold, it is that entry's fault.
            self._findings.add("states", seq, f"the day cannot be folded over it ({type(exc).__name__}: {exc})")

    def _take(self, seq: int, entry: Entry) -> None:
        day = self.day or self._begin(entry)
        if entry.entry_id in self._ids:
            self._findings.add("states", seq, f"the event id {entry.entry_id} is in the day already")
        self._ids.add(entry.entry_id)
        if entry.kind == "fact":
            difference = _of_fact(day, entry)
        elif entry.kind == "derived":
            difference = _of_derived(day, entry)
        else:
            difference = _of_other(entry)
        if difference:
            self._findings.add("states", seq, difference)
        self._remark(seq, day, entry)
        self.day = evolve(day, entry)

    def _begin(self, entry: Entry) -> Day:
        workflow = None if entry.workflow is None else self._workflows.by_hash(str(entry.workflow["hash"]))
        if workflow is None or workflow.meaning.get(entry.type) != "scheduling":
            raise NotDerivable("the day does not begin with its scheduling and the workflow it follows")
        if dict(entry.workflow or {}) != workflow.ref.as_json():
            raise NotDerivable(f"the workflow named is not {workflow.name} version {workflow.version}")
        return new_day(self._day_id, self._site, workflow)

    def _remark(self, seq: int, day: Day, entry: Entry) -> None:
        if entry.kind == "refused":
            self._anomalies.add("refused", seq, f"{entry.data.get('type')}: {entry.data.get('code')}")
        elif entry.kind == "fact":
            self._remark_fact(seq, day.workflow, entry)
        elif entry.type == OVERRIDE_USED:
            self._anomalies.add("overrides", seq, f"used for {entry.data.get('rule')}")
        elif entry.type == STRUCK:
            self._anomalies.add("struck", seq, f"{entry.data.get('entry')}: {entry.data.get('reason')}")

    def _remark_fact(self, seq: int, workflow: Workflow, entry: Entry) -> None:
        add = self._anomalies.add
        if entry.late_reason is not None:
            minutes = (entry.received_at - entry.occurred_at) // timedelta(minutes=1)
            add("late", seq, f"{entry.type}, {minutes} min: {entry.late_reason}")
        if entry.claimed is not None:
            add("clock", seq, f"{entry.type}: the tablet's time was corrected")
        if entry.actor.how in workflow.definition.unattributed_how:
            add("unattributed", seq, f"{entry.type} by {entry.actor.how}")
        meaning = workflow.meaning.get(entry.type)
        if meaning == "override":
            add("overrides", seq, f"granted for {entry.data.get('guard')} by {entry.actor.id}")
        elif meaning == "strike" or entry.corrects is not None:
            add("struck", seq, f"{entry.corrects or entry.data.get('entry')} by {entry.actor.id}")


def _of_fact(day: Day, entry: Entry) -> str:
    """What of a fact's outcome and version does not follow; empty when all does."""
    if entry.type == DOUBLE_CHECK_ENTERED:
        return _of_other(entry)
    if entry.type not in day.workflow.facts:
        return f"{entry.type} is no fact of the workflow"
    if entry.day_version != day.version + 1:
        return f"its day version is {entry.day_version}, not {day.version + 1}"
    expected = _expected_outcome(day, entry)
    if isinstance(expected, Refusal):
        return f"the day was in state {day.state}, where this was not possible: {expected.detail}"
    if dict(entry.outcome) != dict(expected):
        return f"its outcome is {dict(entry.outcome)}, not {dict(expected)}"
    return ""


def _expected_outcome(day: Day, entry: Entry) -> Mapping[str, str] | Refusal:
    workflow = day.workflow
    stays = not workflow.table.moves(entry.type) and workflow.meaning.get(entry.type) not in ("scheduling", "strike")
    if stays and entry.corrects is None:
        return {}  # most facts; the way through the core below would say the same
    submission = Submission(
        event_id=entry.entry_id,
        day_id=day.day_id,
        type=entry.type,
        actor=entry.actor,
        data=entry.data,
        occurred_at=entry.occurred_at,
        corrects=entry.corrects,
        group=entry.group,
    )
    elsewhere = entry.corrects is not None and day.fact(entry.corrects) is None
    correction = read_correction(day, submission, entry.data, elsewhere=elsewhere)
    if isinstance(correction, Refusal):
        return correction
    times = Times(occurred_at=entry.occurred_at, recorded_at=entry.recorded_at, claimed=None)
    placed = place(day, correction, submission, entry.data, times, together=entry.group is not None)
    return placed if isinstance(placed, Refusal) else placed.outcome


def _of_derived(day: Day, entry: Entry) -> str:
    if entry.actor.role != SERVICE_ROLE:
        return f"a derived entry by {entry.actor.id}"
    rule = str(entry.data.get("rule", entry.data.get("check", "")))
    wanted = derived_entry_id(day.day_id, entry.type, rule, day.ledger.next_k(entry.type, rule))
    if entry.entry_id != wanted:
        return f"the id of this {entry.type} of {rule or 'no rule'} would be {wanted}"
    if entry.day_version is None:
        return "an entry without a version moves the day" if entry.outcome else ""
    if entry.day_version != day.version + 1:
        return f"its day version is {entry.day_version}, not {day.version + 1}"
    picture, source = day.picture, day.state or ""
    on_the_date = picture.local_date(entry.occurred_at) == picture.day_date
    target = day.workflow.table.target(source, entry.type, entry.data, on_the_date=on_the_date)
    if dict(entry.outcome) != {"state_from": source, "state_to": target}:
        return f"its outcome is {dict(entry.outcome)}, from {source} it would lead to {target}"
    return ""


def _of_other(entry: Entry) -> str:
    if entry.outcome or entry.day_version is not None:
        return f"an entry of kind {entry.kind} moves the day"
    return ""
