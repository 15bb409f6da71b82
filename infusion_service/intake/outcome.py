"""What intake answers: an outcome per submission, or that it cannot decide at all.

Promises: the receipt has the shape of `contract.md` 2 and is the same dictionary however often it is asked for. Does
not: know HTTP beyond the status code every problem of the contract carries.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from infusion_service.clinical.day import Day
from infusion_service.clinical.observe import alerts_changed
from infusion_service.clinical.vocabulary import JSON, Entry, Refusal, format_time

ACCEPTED = 201
REPLAYED = 200


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to one submission.

    `status` is 201 for a fact accepted now, 200 for one that was accepted before, else the status of `refusal`.
    `day_version` is the day's ETag after the decision, where there is a day.
    """

    status: int
    receipt: dict[str, JSON] | None = None
    refusal: Refusal | None = None
    replayed: bool = False
    day_version: int | None = None

    def again(self) -> Outcome:
        """The same answer, given to the same submission handed in again."""
        status = REPLAYED if self.refusal is None else self.status
        return replace(self, status=status, replayed=True)


class Unavailable(Exception):
    """Nothing was decided: the queue is full, the service is stopping or the log cannot be written (503)."""

    def __init__(self, detail: str, *, retry_after_s: int) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(detail)


def accepted(receipt: dict[str, JSON]) -> Outcome:
    """The outcome of a fact accepted now."""
    return Outcome(status=ACCEPTED, receipt=receipt, day_version=receipt["day_version"])


def refused(refusal: Refusal, *, day_version: int | None = None) -> Outcome:
    """The outcome of a submission refused now."""
    return Outcome(status=refusal.status, refusal=refusal, day_version=day_version)


def receipt_of(*, seq: int, leaf_hash: bytes, entries: Sequence[Entry], day: Day) -> dict[str, JSON]:
    """Build the receipt of a fact from `entries` (it, then what was derived from it) and the day after the last.

    Of what the log holds alone, so that the receipt of a replay is the first one's equal.
    """
    fact = entries[0]
    return {
        "seq": seq,
        "event_id": fact.entry_id,
        "day_id": fact.stream,
        "day_version": day.version,
        "state": day.state,
        "received_at": format_time(fact.received_at),
        "leaf_hash": leaf_hash.hex(),
        "alerts": alerts_changed(entries),
    }


def group_refused(failed: str) -> Refusal:
    """The refusal of a submission whose group fell because of another (`failed` is that one's event id)."""
    return Refusal(
        code="group_refused",
        status=409,
        detail="Another item of the group was refused; a group is accepted as a whole or not at all.",
        members={"event_id": failed},
    )


EVENT_ID_REUSED = Refusal(
    code="event_id_reused",
    status=422,
    detail="This event_id was used before with other content, by someone else or for another day. Use a new event_id.",
)

DAY_NOT_FOUND = Refusal(code="not_found", status=404, detail="There is no such day on this site.")

DAY_IS_FULL = Refusal(
    code="rate_limited",
    status=429,
    detail="The day holds as many facts as devices may post to one day; people may go on.",
)

STORAGE_FULL = Refusal(
    code="storage_full",
    status=507,
    detail="The log's storage is full: nothing was recorded. Free space on the service's disk and send it again.",
)
