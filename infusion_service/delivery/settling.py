"""What becomes of a delivery after an attempt: done, tried again, parked, or the end of the endpoint.

Promises: a delivery holds up its lane for at most 30 minutes while others get through, and is then parked where
everybody can see it, tried on by its schedule; of an endpoint that does not answer nothing is parked and no attempt
counts. `strict` endpoints never skip. Does not: send, commit or wait (`dispatcher`).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from infusion_service.clinical.vocabulary import format_time
from infusion_service.delivery.endpoint import Endpoint
from infusion_service.delivery.health import FAILING_AFTER, Health
from infusion_service.delivery.lanes import Item, Lanes
from infusion_service.delivery.schedule import (
    ATTEMPTS_MAX,
    CONFIG_STATUSES,
    GONE,
    PARK_AFTER,
    Reply,
    gap_before,
    retry_after,
    verdict,
)
from infusion_service.log.deliveries import Delivery, DeliveryState

HISTORY_ATTEMPTS_MAX = 30
"""Attempts of one delivery that are kept; probes of an endpoint down for days are many and alike."""

_encode = msgspec.json.Encoder().encode

Tell = Callable[[str, dict[str, Any]], None]
"""Have an operational event recorded: type and data."""


class Settler:
    """Applies the outcome of attempts to the lanes and the health of one endpoint."""

    def __init__(
        self, endpoint: Endpoint, lanes: Lanes, health: Health, *, chance: Callable[[], float], tell: Tell
    ) -> None:
        self.endpoint = endpoint
        self._lanes = lanes
        self._health = health
        self._chance = chance
        self._tell = tell
        self.disable_reason: str | None = None
        """Why the endpoint is to be disabled, once it is."""
        self.alarmed = False
        self.acknowledged = 0
        self._config_told: set[int] = set()

    def settle(self, item: Item, reply: Reply, now: datetime) -> list[Delivery]:
        """Take in the outcome of an attempt; returns the rows that changed."""
        note_attempt(item, reply, now)
        match verdict(reply, self.endpoint.permanent):
            case "ok":
                return self._done(item, now)
            case "disable":
                self._lanes.land(item, due=None)
                self.disable_reason = "gone" if reply.status == GONE else "asked by the receiver"
                return [self.row(item)]
            case "park":
                return [self._park(item, None, now)]
        return [self._failed(item, reply, now)]

    def revived(self, now: datetime) -> list[Delivery]:
        """Hear of a sign of life other than a delivery; returns the rows that changed."""
        self._config_told.clear()
        if self.alarmed:
            self.alarmed = False
            self._tell("endpoint.recovered", {"endpoint": self.endpoint.id})
        changed = []
        if self._health.succeeded(now):
            # What failed while nobody answered was not to blame: everything gets its full chance again, oldest first.
            for head in self._lanes.blocked():
                head.first_failed_at = None
                self._lanes.hasten(head)
                changed.append(self.row(head))
        return changed + self.park_overdue(now)

    def start_over(self) -> list[Delivery]:
        """Give everything that failed its full chance again; returns the rows that changed."""
        self._health.start_over()
        self._config_told.clear()
        self.alarmed = False
        changed = []
        for head in self._lanes.blocked():
            head.first_failed_at = None
            self._lanes.hasten(head)
            changed.append(self.row(head))
        return changed

    def park_overdue(self, now: datetime) -> list[Delivery]:
        """Park heads that have held up their lanes for too long while others got through."""
        parked: list[Delivery] = []
        if self._lanes.troubled and self.endpoint.ordering != "strict":
            for head in self._lanes.blocked():
                if self._overdue(head, now):
                    self._lanes.withdraw(head)
                    parked.append(self._parked_row(head, head.due))
        return parked

    def look_after(self, now: datetime) -> None:
        """Say that the endpoint is failing, or disable it, when it is time."""
        since = self._health.first_failed_at
        if since is None or self.endpoint.state != "active":
            return
        if not self.alarmed and now - since >= FAILING_AFTER:
            self.alarmed = True
            self._tell("endpoint.failing", {"endpoint": self.endpoint.id, "since": format_time(since)})
        if now - since >= timedelta(hours=self.endpoint.disable_after_h):
            self.disable_reason = f"no answer for {self.endpoint.disable_after_h} h"

    def next_look(self) -> datetime | None:
        """When the endpoint or a blocked lane has to be looked at again."""
        moments: list[datetime] = []
        if self.endpoint.state != "active":
            return None
        since = self._health.first_failed_at
        if since is not None:
            moments.append(since + timedelta(hours=self.endpoint.disable_after_h))
            if not self.alarmed:
                moments.append(since + FAILING_AFTER)
        if self.endpoint.ordering != "strict" and not self._health.open:
            failed = (head.first_failed_at for head in self._lanes.blocked())
            moments += [at + PARK_AFTER for at in failed if at is not None and self._health.alive_since(at)]
        return min(moments, default=None)

    def row(self, item: Item, state: DeliveryState = "waiting", settled_at: datetime | None = None) -> Delivery:
        """The row of an item as it stands."""
        return Delivery(
            endpoint_id=self.endpoint.id,
            epsequence=item.epsequence,
            seq=item.seq,
            webhook_id=item.webhook_id,
            lane=item.lane,
            event_type=item.event_type,
            state="parked" if item.parked and state == "waiting" else state,
            reason=item.reason,
            attempts=item.attempts,
            first_failed_at=item.first_failed_at,
            next_attempt_at=item.due,
            settled_at=settled_at,
            history=_encode(item.history).decode(),
        )

    def _done(self, item: Item, now: datetime) -> list[Delivery]:
        self._lanes.settle(item)
        item.due = None
        self.acknowledged = max(self.acknowledged, item.epsequence)
        return [self.row(item, "done", now), *self.revived(now)]

    def _failed(self, item: Item, reply: Reply, now: datetime) -> Delivery:
        self._say_config_error(reply)
        item.first_failed_at = item.first_failed_at or now
        if item.parked:
            item.attempts += reply.status is not None
            return self._park(item, self._next_attempt(item, now), now)
        was_open = self._health.open
        self._health.failed(self._lanes.key_of(item), now, probe=item.probing)
        if (until := retry_after(reply, now)) is not None:
            self._health.pause(until)
        item.attempts += not was_open
        due = self._next_attempt(item, now)
        strict = self.endpoint.ordering == "strict"
        if not strict and (due is None or self._overdue(item, now)):
            return self._park(item, due, now)
        self._lanes.land(item, due=due or now + gap_before(ATTEMPTS_MAX, self._chance))
        return self.row(item)

    def _next_attempt(self, item: Item, now: datetime) -> datetime | None:
        if item.attempts >= ATTEMPTS_MAX:
            return None
        return now + gap_before(max(item.attempts, 1) + 1, self._chance)

    def _overdue(self, item: Item, now: datetime) -> bool:
        since = item.first_failed_at
        return since is not None and now - since >= PARK_AFTER and self._health.alive_since(since)

    def _park(self, item: Item, due: datetime | None, now: datetime) -> Delivery:
        """Take a delivery that is in flight out of its lane."""
        item.first_failed_at = item.first_failed_at or now
        self._lanes.settle(item)
        return self._parked_row(item, due)

    def _parked_row(self, item: Item, due: datetime | None) -> Delivery:
        if not item.parked or due is None:
            data = {"endpoint": self.endpoint.id, "epsequence": item.epsequence, "event": item.webhook_id}
            last = item.history[-1]
            self._tell("delivery.parked", {**data, "status": last.get("status", 0), "more_attempts": due is not None})
        item.parked = True
        item.due = due
        return self.row(item, "parked")

    def _say_config_error(self, reply: Reply) -> None:
        if reply.status in CONFIG_STATUSES and reply.status not in self._config_told:
            self._config_told.add(reply.status)
            self._tell("endpoint.config_error", {"endpoint": self.endpoint.id, "status": reply.status})


def note_attempt(item: Item, reply: Reply, now: datetime) -> None:
    """Write an attempt into the delivery's history."""
    said: dict[str, Any] = {"at": format_time(now), "ms": reply.duration_ms, "reason": item.reason}
    if reply.status is not None:
        said["status"] = reply.status
    if reply.fault:
        said["fault"] = reply.fault
    if reply.excerpt:
        said["excerpt"] = reply.excerpt
    item.history.append(said)
    if len(item.history) > HISTORY_ATTEMPTS_MAX:
        del item.history[1:-HISTORY_ATTEMPTS_MAX]


def item_of(row: Delivery) -> Item:
    """The item a stored row is in hand."""
    history: list[dict[str, Any]] = msgspec.json.decode(row.history)
    return Item(
        epsequence=row.epsequence,
        seq=row.seq,
        webhook_id=row.webhook_id,
        lane=row.lane,
        event_type=row.event_type,
        body=row.body or b"",
        reason=row.reason,
        attempts=row.attempts,
        first_failed_at=row.first_failed_at,
        due=row.next_attempt_at,
        parked=row.state == "parked",
        history=history,
    )
