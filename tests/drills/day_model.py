"""What a day's first hours must do, in as few lines as it takes: the model that the intake is held against.

It knows nothing of the workflow file, the log, batches, caches or restarts.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import msgspec

from infusion_service.clinical.vocabulary import Submission

BEFORE_THE_INFUSION = ("scheduled", "checked_in", "screening")
MOVES = {
    ("scheduled", "patient.checked_in"): "checked_in",
    ("checked_in", "screening.started"): "screening",
    ("emergency", "emergency.stood_down"): "extended_observation",
    ("emergency", "patient.transferred"): "transferred",
    ("extended_observation", "patient.transferred"): "transferred",
    **{(state, "day.deferred"): "deferred" for state in BEFORE_THE_INFUSION},
    **{(state, "day.cancelled"): "cancelled" for state in BEFORE_THE_INFUSION},
    **{
        (state, "emergency.declared"): "emergency"
        for state in ("checked_in", "screening", "emergency", "extended_observation")
    },
}
ONLY_BY = {"patient.checked_in": "nurse", "day.cancelled": "prescriber", "emergency.stood_down": "prescriber"}
MOVING = {fact_type for _, fact_type in MOVES}


@dataclass(frozen=True)
class Said:
    """An answer: the status, the code of a refusal, and the day's version after an acceptance."""

    status: int
    code: str | None = None
    version: int | None = None


@dataclass
class ModelDay:
    """One day."""

    state: str = "scheduled"
    version: int = 1
    decided: dict[str, tuple[Submission, Said]] = field(default_factory=dict)

    def post(self, submission: Submission) -> Said:
        """Decide one fact: the first decision on an event id is final, except that 412 decides nothing."""
        if submission.event_id in self.decided:
            before, said = self.decided[submission.event_id]
            if msgspec.structs.replace(submission, if_match=before.if_match) != before:
                return Said(422, "event_id_reused")
            return replace(said, status=200) if said.code is None else said
        said = self._decide(submission)
        if said.status != 412:
            self.decided[submission.event_id] = submission, said
        return said

    def post_group(self, group: list[Submission]) -> list[Said]:
        """All of them or none: where one is refused, the others are because of it."""
        state, version = self.state, self.version
        answers = []
        for submission in group:
            answers.append(self._decide(submission))
            if answers[-1].code is not None:
                self.state, self.version = state, version
                answers = [Said(409, "group_refused")] * len(group)
                answers[group.index(submission)] = self._refused_alone(group, submission)
                break
        self.decided.update({each.event_id: (each, said) for each, said in zip(group, answers, strict=True)})
        return answers

    def _refused_alone(self, group: list[Submission], submission: Submission) -> Said:
        trial = ModelDay(self.state, self.version)
        for each in group[: group.index(submission)]:
            trial._decide(each)
        return trial._decide(submission)

    def _decide(self, submission: Submission) -> Said:
        if submission.actor.role != ONLY_BY.get(submission.type, submission.actor.role):
            return Said(403, "role_not_permitted")
        if submission.if_match not in (None, self.version):
            return Said(412, "version_conflict")
        if submission.type in MOVING:
            if (self.state, submission.type) not in MOVES:
                return Said(409, "transition_not_allowed")
            self.state = MOVES[self.state, submission.type]
        self.version += 1
        return Said(201, version=self.version)
