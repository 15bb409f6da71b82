"""What is handed to the writer, each with the future its answer goes to.

Promises: whoever hands over may go away at any time: their future is cancelled, the commit is not. Does not: decide.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Generic, TypeVar

from infusion_service.clinical.vocabulary import JSON, Actor, Kind, Submission
from infusion_service.intake.outcome import Outcome
from infusion_service.intake.scheduling import patient_id_of
from infusion_service.log.store import Drop, Put, RebuildRequired

Answer = TypeVar("Answer")


class Parcel(Generic[Answer]):
    """One thing that is decided and answered as a whole."""

    __slots__ = ("future", "urgent", "weight")

    def __init__(self, *, weight: int, urgent: bool) -> None:
        """`weight` counts against the queue's bound, unless the parcel is `urgent`."""
        self.weight = weight
        self.urgent = urgent
        self.future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

    @property
    def event_ids(self) -> Sequence[str]:
        """The event ids that may have been decided before."""
        return ()

    @property
    def corrected_ids(self) -> Sequence[str]:
        """The event ids of facts that are to be corrected, perhaps on another day."""
        return ()

    @property
    def concerns(self) -> Sequence[tuple[str, str | None]]:
        """(day id, patient id) of the charts it needs; the patient id only of a day that is yet to be made."""
        return ()

    def answer(self, answer: Answer) -> None:
        """Give the answer; nobody may be waiting for it any more."""
        if not self.future.done():
            self.future.set_result(answer)

    def fail(self, error: Exception) -> None:
        """Say that nothing was decided, and why."""
        if not self.future.done():
            self.future.set_exception(error)


class Handed(Parcel[list[Outcome]]):
    """Submissions of one request, answered in their order."""

    __slots__ = ("submissions",)

    def __init__(self, submissions: Sequence[Submission], *, urgent: bool) -> None:
        super().__init__(weight=len(submissions), urgent=urgent)
        self.submissions = submissions

    @property
    def event_ids(self) -> Sequence[str]:
        """One per submission."""
        return [submission.event_id for submission in self.submissions]

    @property
    def corrected_ids(self) -> Sequence[str]:
        """One per submission that corrects a fact."""
        return [submission.corrects for submission in self.submissions if submission.corrects is not None]

    @property
    def concerns(self) -> Sequence[tuple[str, str | None]]:
        """One per submission."""
        return [_concern(submission) for submission in self.submissions]


class Ticked(Parcel[None]):
    """Time has come to look at one day again."""

    __slots__ = ("day_id",)

    def __init__(self, day_id: str) -> None:
        super().__init__(weight=1, urgent=True)
        self.day_id = day_id

    @property
    def concerns(self) -> Sequence[tuple[str, str | None]]:
        """The day."""
        return [(self.day_id, None)]


class Renewed(Parcel[None]):
    """A reader has met a row of a derived table that is not what was written: all of them are derived anew."""

    __slots__ = ("_begun",)

    def __init__(self) -> None:
        super().__init__(weight=1, urgent=True)
        self._begun = False

    def begin(self) -> None:
        """Have the writer rebuild: raises `RebuildRequired`, the first time."""
        if not self._begun:
            self._begun = True
            raise RebuildRequired("a derived table is damaged")


class Noted(Parcel[int]):
    """An entry of access or administration, with the operational records that change with it. Answered with `seq`."""

    __slots__ = ("actor", "data", "entry_type", "event_id", "kind", "operational", "stream")

    def __init__(
        self,
        entry_type: str,
        data: dict[str, JSON],
        actor: Actor,
        operational: Sequence[Put | Drop],
        *,
        kind: Kind,
        stream: str,
        event_id: str | None,
    ) -> None:
        super().__init__(weight=1, urgent=False)
        self.entry_type = entry_type
        self.data = data
        self.actor = actor
        self.operational = operational
        self.kind = kind
        self.stream = stream
        self.event_id = event_id

    @property
    def event_ids(self) -> Sequence[str]:
        """The caller's own id, where there is one."""
        return () if self.event_id is None else (self.event_id,)

    @property
    def concerns(self) -> Sequence[tuple[str, str | None]]:
        """The day it is about, if it is about one."""
        return [(self.stream, None)]


def _concern(submission: Submission) -> tuple[str, str | None]:
    patient_id = None if submission.day_id else patient_id_of(submission.data)
    return submission.day_id, patient_id
