"""A day driven through the intake at random, beside a model of sixty lines: both must say the same, always."""

from __future__ import annotations

import asyncio
import itertools
import uuid
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from infusion_service.clinical.vocabulary import Actor, Submission
from infusion_service.intake.clock import SimulatedClock
from infusion_service.intake.intake import Intake
from infusion_service.intake.outcome import Outcome
from infusion_service.log.memory import MemoryStore
from tests.drills.day_model import ModelDay, Said
from tests.intake import ward

DAYS_OF_A_WARD = 200
"""Examples that share a log: restarts must not take longer and longer."""

ACTORS = (ward.NURSE, ward.SECOND_NURSE, ward.PRESCRIBER)
DATA: dict[str, dict[str, Any]] = {
    "note.added": {"text": "resting"},
    "patient.checked_in": {"identity_check": "wristband_scan"},
    "screening.started": {},
    "day.deferred": {"reason": "infection"},
    "day.cancelled": {"reason": "infection"},
    "emergency.declared": {"reason": "syncope"},
    "emergency.stood_down": {"finding": "excluded"},
    "patient.transferred": {"destination": "intensive care", "handover_to": "Dr A"},
}
_facts = st.tuples(st.sampled_from(list(DATA)), st.sampled_from(ACTORS))


class Ward:
    """An intake on a log in memory, with an event loop of its own."""

    def __init__(self) -> None:
        self.runner = asyncio.Runner()
        self.store = MemoryStore()
        self.clock = SimulatedClock(ward.MORNING)
        self.patients = itertools.count()
        self.intake = self._opened()

    def _opened(self) -> Intake:
        intake = Intake(settings=ward.settings(), store=self.store, clock=self.clock)
        self.runner.run(intake.start())
        return intake

    def schedule(self) -> str:
        """A day of a patient nobody has seen."""
        return self.runner.run(ward.schedule(self.intake, f"P-{next(self.patients)}"))

    def restart(self, *, forget: bool) -> None:
        """Begin again from the log."""
        self.runner.run(self.intake.stop())
        if forget:
            self.runner.run(self.store.drop_derived())
        self.intake = self._opened()

    def close(self) -> None:
        self.runner.run(self.intake.stop())
        self.runner.close()


class DayMachine(RuleBasedStateMachine):
    """One day and its model."""

    ward: ClassVar[Ward | None] = None
    sent: Bundle[Submission] = Bundle("sent")

    def __init__(self) -> None:
        super().__init__()
        if self.ward is not None and next(self.ward.patients) >= DAYS_OF_A_WARD:
            close_ward()
        if self.ward is None:
            type(self).ward = Ward()
        assert self.ward is not None
        self.here = self.ward
        self.model = ModelDay()
        self.day_id = ""

    @initialize()
    def begin(self) -> None:
        self.day_id = self.here.schedule()

    @rule(target=sent, what=_facts, guess=st.sampled_from([None, None, 0, 1]))
    def post(self, what: tuple[str, Actor], guess: int | None) -> Submission:
        submission = self._fact(what, None if guess is None else self.model.version + guess)
        self._check([self.model.post(submission)], self._posted([submission]))
        return submission

    @rule(again=sent)
    def post_again(self, again: Submission) -> None:
        self._check([self.model.post(again)], self._posted([again]))

    @rule(other=sent, data=st.sampled_from([{"text": "asleep"}, {}]))
    def post_something_else_under_the_same_id(self, other: Submission, data: dict[str, Any]) -> None:
        changed = Submission(
            event_id=other.event_id,
            day_id=self.day_id,
            type="note.added",
            actor=other.actor,
            data={"text": "other", **data},
        )
        self._check([self.model.post(changed)], self._posted([changed]))

    @rule(target=sent, several=st.lists(_facts, min_size=2, max_size=4))
    def post_batch(self, several: list[tuple[str, Actor]]) -> Any:
        batch = [self._fact(what, None) for what in several]
        self._check([self.model.post(submission) for submission in batch], self._posted(batch))
        return multiple(*batch)

    @rule(target=sent, several=st.lists(_facts, min_size=2, max_size=4))
    def post_group(self, several: list[tuple[str, Actor]]) -> Any:
        name = str(uuid.uuid4())
        group = [self._fact(what, None, group=name) for what in several]
        self._check(self.model.post_group(group), self._posted(group))
        return multiple()

    @rule(several=st.lists(_facts, min_size=2, max_size=5))
    def post_at_the_same_time(self, several: list[tuple[str, Actor]]) -> None:
        batch = [self._fact(what, None) for what in several]

        async def at_once() -> list[Outcome]:
            return await asyncio.gather(*(self.here.intake.submit(each) for each in batch))

        self._check([self.model.post(submission) for submission in batch], self.here.runner.run(at_once()))

    @precondition(lambda self: self.model.version % 6 == 5)  # seldom: it costs as much as a hundred facts
    @rule(forget=st.booleans())
    def restart(self, forget: bool) -> None:
        self.here.restart(forget=forget)

    @invariant()
    def the_day_is_as_the_model_says(self) -> None:
        if self.day_id:
            day = self.here.runner.run(self.here.intake.day(self.day_id))
            assert day is not None
            assert (day.state, day.version) == (self.model.state, self.model.version)

    def teardown(self) -> None:
        if self.day_id:
            logged = self.here.runner.run(self.here.intake.entries(self.day_id))
            ids = [entry.entry.entry_id for entry in logged if entry.entry]
            assert len(ids) == len(set(ids))
            decided = {event_id for event_id, (_, said) in self.model.decided.items() if said.status in (201, 403, 409)}
            assert decided <= set(ids)

    def _fact(self, what: tuple[str, Actor], if_match: int | None, group: str | None = None) -> Submission:
        fact_type, actor = what
        return Submission(
            event_id=str(uuid.uuid4()),
            day_id=self.day_id,
            type=fact_type,
            actor=actor,
            data=DATA[fact_type],
            if_match=if_match,
            group=group,
        )

    def _posted(self, batch: list[Submission]) -> list[Outcome]:
        return self.here.runner.run(self.here.intake.submit_batch(batch))

    @staticmethod
    def _check(said: list[Said], found: list[Outcome]) -> None:
        shown = [
            Said(
                outcome.status,
                None if outcome.refusal is None else outcome.refusal.code,
                None if outcome.receipt is None else outcome.receipt["day_version"],
            )
            for outcome in found
        ]
        assert shown == said


def close_ward() -> None:
    """Let go of the shared log."""
    if DayMachine.ward is not None:
        DayMachine.ward.close()
        DayMachine.ward = None


def drive(examples: int) -> None:
    """Play so many days."""
    quiet = [HealthCheck.too_slow, HealthCheck.data_too_large]
    try:
        run_state_machine_as_test(
            DayMachine,
            settings=settings(
                max_examples=examples,
                stateful_step_count=15,
                deadline=None,
                suppress_health_check=quiet,
                print_blob=True,
            ),
        )
    finally:
        close_ward()


@pytest.mark.timeout(120)
def test_three_hundred_days_are_as_the_model_says() -> None:
    drive(300)


@pytest.mark.drill
@pytest.mark.timeout(1800)
def test_ten_thousand_days_are_as_the_model_says() -> None:
    drive(10_000)
