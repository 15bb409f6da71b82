"""Decides what the writer has taken, one after another, on a draft of the next commit.

Promises: a decision that stands is given again before anything else is looked at; a group is accepted as a whole or not
at all; a final refusal is kept in the log. Synchronous: everything it needs is in the draft. Does not: know clinical
rules (`clinical.decide`), wait, or write.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from msgspec.structs import replace

from infusion_service.clinical.day import Day, evolve
from infusion_service.clinical.decide import Accepted, decide, refused_entry, same_submission, settle, tick
from infusion_service.clinical.vocabulary import SITE_STREAM, Entry, Refusal, Submission, derived_entry_id
from infusion_service.intake.days import Chart
from infusion_service.intake.draft import Draft
from infusion_service.intake.identifiers import new_id
from infusion_service.intake.outcome import (
    DAY_IS_FULL,
    DAY_NOT_FOUND,
    EVENT_ID_REUSED,
    Outcome,
    accepted,
    group_refused,
    receipt_of,
    refused,
)
from infusion_service.intake.parcels import Noted
from infusion_service.intake.replay import Prior, caused_by
from infusion_service.intake.scheduling import Scheduler, patient_id_of

DAY_FACTS_MAX = 5_000
"""Facts of one day past which devices may add no more; people are never bound by it."""

_log = structlog.get_logger(__name__)


class Judge:
    """The order of checks of one site (design 2), on one draft after another."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    def unit(self, draft: Draft, unit: Sequence[Submission], *, settled: bool = True) -> list[Outcome]:
        """Decide one submission, or several that stand or fall together; one outcome each.

        Without `settled` more of the same batch follows, and what follows from all of it is left to `settle`.
        """
        return (
            [self._single(draft, unit[0], settled=settled)]
            if len(unit) == 1
            else self._group(draft, unit, settled=settled)
        )

    def settle(self, draft: Draft, submissions: Sequence[Submission], outcomes: Sequence[Outcome]) -> list[Outcome]:
        """Append what follows from a batch, once for each of its days, and say so in the answer to the day's last
        fact."""
        last_of_day: dict[str, int] = {}
        for place, (submission, outcome) in enumerate(zip(submissions, outcomes, strict=True)):
            if submission.day_id and outcome.receipt is not None and not outcome.replayed:
                last_of_day[submission.day_id] = place
        settled = list(outcomes)
        for day_id, place in last_of_day.items():
            settled[place] = self._settle_day(draft, day_id, submissions[place].event_id, outcomes[place])
        return settled

    def _settle_day(self, draft: Draft, day_id: str, cause: str, outcome: Outcome) -> Outcome:
        chart = draft.chart_with(day_id)
        followed = settle(chart.course, chart.sheets[day_id].day, draft.now, cause=cause, moves_held=draft.moves_held)
        prior = draft.priors[cause]
        if not followed.entries or prior.entry is None or outcome.receipt is None:
            return outcome
        leaf_hash = bytes.fromhex(outcome.receipt["leaf_hash"])
        draft.change(chart, followed.day, followed.entries)
        entries = [prior.entry, *followed.entries]
        answer = accepted(receipt_of(seq=prior.seq, leaf_hash=leaf_hash, entries=entries, day=followed.day))
        draft.priors[cause] = replace(prior, outcome=answer)
        return answer

    def tick(self, draft: Draft, day_id: str) -> None:
        """Append what has become true of a day by now, and compute anew when to look at it again."""
        chart = draft.chart_of_day(day_id)
        if chart is None:
            return
        day = chart.sheets[day_id].day
        try:
            become_true = tick(chart.course, day, draft.now, moves_held=draft.moves_held)
        except MemoryError:
            raise  # nothing is wrong with the day: it is looked at again, and nothing of this commit is recorded
        except Exception:  # noqa: BLE001 - whatever it is
            # One day that cannot be looked at must not keep facts about it, or other days, from being recorded.
            _log.exception("intake.tick_failed", day_id=day_id)
        else:
            if become_true.entries:
                draft.change(chart, become_true.day, become_true.entries)
        draft.settle(day_id)

    def look_around(self, draft: Draft) -> None:
        """Append what the facts of this draft make true of the same patients' other open days, in the same commit."""
        for day_id in draft.neighbours():
            self.tick(draft, day_id)

    def note(self, draft: Draft, noted: Noted) -> int:
        """Write an entry of access or administration with its operational records; return its sequence number.

        Raises `LookupError` for a stream that does not exist.
        """
        if noted.event_id is not None and noted.event_id in draft.priors:
            return draft.priors[noted.event_id].seq
        entry = Entry(
            entry_id=noted.event_id or new_id(draft.now),
            kind=noted.kind,
            type=noted.entry_type,
            stream=noted.stream,
            occurred_at=draft.now,
            received_at=draft.now,
            actor=noted.actor,
            data=noted.data,
        )
        row = draft.note(entry)
        draft.operational.extend(noted.operational)
        if noted.event_id is not None:
            draft.priors[noted.event_id] = Prior(seq=row.seq, entry=entry, outcome=None)
        return row.seq

    def _single(self, draft: Draft, submission: Submission, *, settled: bool) -> Outcome:
        prior = draft.priors.get(submission.event_id)
        if prior is not None:
            return _again(prior, submission)
        if not submission.day_id:
            return self._schedule(draft, submission)
        chart = draft.chart_of_day(submission.day_id)
        if chart is None:
            return refused(DAY_NOT_FOUND)
        chart = self._let_time_pass(draft, chart, submission.day_id)
        day = chart.sheets[submission.day_id].day
        if _is_full(day, submission):
            return refused(DAY_IS_FULL)
        elsewhere = _corrected_elsewhere(draft, day, submission)
        decision = decide(
            chart.course,
            day,
            [submission],
            draft.now,
            moves_held=draft.moves_held,
            corrects_elsewhere=elsewhere is not None,
            settled=settled,
        )
        strike = None
        if elsewhere is not None and not isinstance(decision, Refusal):
            strike = _strike(draft, elsewhere, submission)
            decision = strike if isinstance(strike, Refusal) else decision
        if isinstance(decision, Refusal):
            return _keep_refusal(draft, day, submission, decision)
        outcome = _keep(draft, chart, day, [submission], decision)[0]
        if isinstance(strike, Accepted):
            draft.change(draft.chart_with(strike.day.day_id), strike.day, strike.entries)
        return outcome

    def _schedule(self, draft: Draft, submission: Submission) -> Outcome:
        scheduling = self._scheduler.begin(submission, draft.now)
        day, addressed = scheduling.day, scheduling.submission
        if day.workflow.meaning.get(submission.type) != "scheduling":
            return refused(DAY_NOT_FOUND)
        chart = draft.chart_of_patient(patient_id_of(addressed.data) or day.day_id)
        decision = scheduling.refusal or decide(chart.course, day, [addressed], draft.now, moves_held=draft.moves_held)
        if isinstance(decision, Refusal):
            # As it was handed in, so that it compares when it comes again; and on no day, for there is none.
            return _keep_refusal(draft, day, submission, decision, stream=SITE_STREAM)
        return _keep(draft, chart, day, [addressed], decision)[0]

    def _group(self, draft: Draft, unit: Sequence[Submission], *, settled: bool) -> list[Outcome]:
        before = {
            submission.event_id: _again(draft.priors[submission.event_id], submission)
            for submission in unit
            if submission.event_id in draft.priors
        }
        open_ones: dict[str, Submission] = {}
        for submission in unit:
            if submission.event_id not in before:
                open_ones.setdefault(submission.event_id, submission)
        fallen = next((event_id for event_id, outcome in before.items() if outcome.refusal is not None), None)
        if fallen is None:
            decided = self._decide_group(draft, list(open_ones.values()), settled=settled)
        else:
            decided = _refuse_group(draft, list(open_ones.values()), fallen, None)
        outcomes = []
        for submission in unit:
            outcome = before.get(submission.event_id) or decided.pop(submission.event_id, None)
            if outcome is None:  # the same event id a second time within the group
                prior = draft.priors.get(submission.event_id)
                outcome = refused(EVENT_ID_REUSED) if prior is None else _again(prior, submission)
            outcomes.append(outcome)
        return outcomes

    def _decide_group(self, draft: Draft, group: Sequence[Submission], *, settled: bool) -> dict[str, Outcome]:
        """Decide a group day by day without writing; write only when every day's part is accepted."""
        charts: dict[str, Chart] = {}
        plan: list[tuple[Day, list[Submission], Accepted]] = []
        for day_id, members in _by_day(group).items():
            chart = draft.chart_of_day(day_id)
            if chart is None:
                return _refuse_group(draft, group, members[0].event_id, DAY_NOT_FOUND)
            chart = charts.get(chart.key) or self._let_time_pass(draft, chart, day_id)
            sheet = chart.sheets[day_id]
            decision = decide(chart.course, sheet.day, members, draft.now, moves_held=draft.moves_held, settled=settled)
            if isinstance(decision, Refusal):
                failed = members[decision.index].event_id
                return _refuse_group(draft, group, failed, replace(decision, index=0))
            charts[chart.key] = chart.with_sheet(replace(sheet, day=decision.day))
            plan.append((sheet.day, members, decision))
        outcomes: dict[str, Outcome] = {}
        for before, members, decision in plan:
            answers = _keep(draft, draft.chart_with(before.day_id), before, members, decision)
            outcomes.update(zip((member.event_id for member in members), answers, strict=True))
        return outcomes

    def _let_time_pass(self, draft: Draft, chart: Chart, day_id: str) -> Chart:
        """Append what has fallen due on a day before a fact about it is decided.

        Otherwise the answer would depend on whether the watch woke a millisecond earlier or later.
        """
        due = chart.sheets[day_id].next_change_at
        if due is None or due > draft.now or draft.is_settled(day_id):
            return chart
        self.tick(draft, day_id)
        return draft.chart_of_day(day_id) or chart


def units_of(submissions: Sequence[Submission]) -> list[list[int]]:
    """Places of the submissions that are decided together: each alone, or all of a group where its last stands.

    There, for what a batch brings between the first and the last of a group - the vital signs between a pause and its
    resume - is known when the group is judged.
    """
    last_of = {submission.group: place for place, submission in enumerate(submissions)}
    units: list[list[int]] = []
    of_group: dict[str, list[int]] = {}
    for place, submission in enumerate(submissions):
        if submission.group is None:
            units.append([place])
            continue
        unit = of_group.setdefault(submission.group, [])
        unit.append(place)
        if place == last_of[submission.group]:
            units.append(unit)
    return units


def _by_day(group: Sequence[Submission]) -> dict[str, list[Submission]]:
    by_day: dict[str, list[Submission]] = {}
    for submission in group:
        by_day.setdefault(submission.day_id, []).append(submission)
    return by_day


def _is_full(day: Day, submission: Submission) -> bool:
    """Whether a day holds all that devices may post to it: a monitor gone wild must not bury it.

    No person's fact is refused for that, and nobody's stop or emergency.
    """
    if submission.actor.role != "device" or day.version < DAY_FACTS_MAX:
        return False
    kind = day.workflow.facts.get(submission.type)
    return kind is None or not kind.urgent


def _again(prior: Prior, submission: Submission) -> Outcome:
    """The answer to an event id that has been decided: the same for the same submission, else 422."""
    entry, outcome = prior.entry, prior.outcome
    if entry is None or outcome is None:
        return refused(EVENT_ID_REUSED)
    if submission.day_id and submission.day_id != entry.stream:
        return refused(EVENT_ID_REUSED)
    return outcome.again() if same_submission(entry, submission) else refused(EVENT_ID_REUSED)


def _corrected_elsewhere(draft: Draft, day: Day, submission: Submission) -> str | None:
    """The other day on which the fact stands that this one corrects, if it does not stand on this one."""
    if submission.corrects is None or day.fact(submission.corrects) is not None:
        return None
    prior = draft.priors.get(submission.corrects)
    if prior is None or prior.entry is None or draft.chart_of_day(prior.entry.stream) is None:
        return None
    return prior.entry.stream if prior.entry.stream != day.day_id else None


def _strike(draft: Draft, day_id: str, submission: Submission) -> Accepted | Refusal:
    """Strike what `submission` corrects on another day: charted for the wrong patient, say. Nothing is written yet."""
    chart = draft.chart_with(day_id)
    day = chart.sheets[day_id].day
    fact_type, corrected = day.workflow.only_of_meaning("strike"), str(submission.corrects)
    strike = Submission(
        # Computed: what is struck can be struck once, so nothing can append the same strike twice.
        event_id=derived_entry_id(day_id, fact_type, corrected, 1),
        day_id=day_id,
        type=fact_type,
        actor=submission.actor,
        data={"entry": corrected, "reason": f"corrected by {submission.event_id} on another day"},
        device=submission.device,
        session=submission.session,
    )
    decision = decide(chart.course, day, [strike], draft.now, moves_held=draft.moves_held)
    if isinstance(decision, Refusal):
        return decision
    first, *followed = decision.entries
    return Accepted((replace(first, cause=submission.event_id), *followed), decision.day)


def _keep(
    draft: Draft, chart: Chart, before: Day, submissions: Sequence[Submission], decision: Accepted
) -> list[Outcome]:
    """Write what was accepted and build the receipts, as a replay would build them from the log."""
    rows = draft.change(chart, decision.day, decision.entries)
    places = {entry.entry_id: place for place, entry in enumerate(decision.entries)}
    outcomes = []
    for submission in submissions:
        place = places[submission.event_id]
        fact = decision.entries[place]
        caused, distance = caused_by(fact, decision.entries[place + 1 :])
        end = place + 1 + distance
        after = decision.day if end == len(rows) else _evolved(before, decision.entries[:end])
        receipt = receipt_of(seq=rows[place].seq, leaf_hash=rows[place].leaf_hash, entries=[fact, *caused], day=after)
        outcomes.append(accepted(receipt))
        draft.priors[fact.entry_id] = Prior(seq=rows[place].seq, entry=fact, outcome=outcomes[-1])
    return outcomes


def _evolved(day: Day, entries: Sequence[Entry]) -> Day:
    for entry in entries:
        day = evolve(day, entry)
    return day


def _keep_refusal(
    draft: Draft, day: Day, submission: Submission, refusal: Refusal, *, stream: str | None = None
) -> Outcome:
    """Refuse, and where the refusal is final write it down (`stream`: elsewhere than on the day)."""
    outcome = refused(refusal)
    if refusal.final:
        entry = refused_entry(day, submission, refusal, draft.now)
        if stream is not None:
            entry = replace(entry, stream=stream)
        row = draft.note(entry)
        draft.priors[submission.event_id] = Prior(seq=row.seq, entry=entry, outcome=outcome)
    return outcome


def _refuse_group(
    draft: Draft, group: Sequence[Submission], failed: str, refusal: Refusal | None
) -> dict[str, Outcome]:
    """Refuse a group because of its member `failed`, which gets `refusal` itself (None: it was answered before).

    The others are refused for good only if `failed` was: after a 404 or 412 the same group may come again.
    """
    for_good = refusal is None or refusal.final
    outcomes: dict[str, Outcome] = {}
    for submission in group:
        own = refusal if refusal is not None and submission.event_id == failed else group_refused(failed)
        chart = draft.chart_of_day(submission.day_id)
        if for_good and chart is not None:
            day = chart.sheets[submission.day_id].day
            outcomes[submission.event_id] = _keep_refusal(draft, day, submission, own)
        else:
            outcomes[submission.event_id] = refused(own)
    return outcomes
