"""From a payload and a credential to a submission for the intake.

Promises: the actor comes from the credential alone. A device may post for its own sessions, also ended ones, when the
fact was entered during their life; with nobody signed in, the device itself is the actor. Source: contract 2
(`session`, `second`). Does not: judge roles or data.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from aiohttp import web

from infusion_service.access.access import Access
from infusion_service.access.identity import Identity
from infusion_service.clinical.vocabulary import DOUBLE_CHECK_ENTERED, Actor, Device, Submission
from infusion_service.web.payloads import DoubleCheck, Fact, to_utc
from infusion_service.web.problems import malformed

CLOCK_TOLERANCE = timedelta(seconds=2)
"""A tablet's clock may differ by this without being corrected, as in the time rules of the workflows."""

IF_MATCH_PATTERN = r'^(\*|"[0-9]{1,15}")$'

SESSION_INVALID = "session_invalid"
"""The role of a fact whose session is not one of its device, or did not live when the fact was entered: no workflow
lets it post anything."""


def of_fact(
    fact: Fact,
    day_id: str,
    *,
    caller: Identity,
    access: Access,
    now: datetime,
    urgent: bool = False,
    if_match: int | None = None,
) -> Submission:
    """Build the submission of one fact of a day. Raises `Problem` for times that cannot be.

    A session that the fact cannot stand under makes its actor one who may post nothing: the protocol refuses it, and
    the refusal is kept. A stop or an emergency (`urgent`) counts under the device instead, until a person confirms it.
    """
    recorded_at = to_utc(fact.recorded_at, "/recorded_at")
    sent_at = to_utc(fact.sent_at, "/sent_at")
    actor, session_id = caller.actor, caller.session_id
    if fact.session is not None and fact.session != session_id:
        entered_at = _by_our_clock(recorded_at, sent_at, now)
        found = _who_entered(fact.session, caller, access, entered_at, now)
        actor = found or _unattributed(caller, urgent=urgent)
        session_id = fact.session if found else None
    return Submission(
        event_id=fact.event_id.lower(),
        day_id=day_id,
        type=fact.type,
        actor=actor,
        data=fact.data,
        occurred_at=to_utc(fact.occurred_at, "/occurred_at"),
        recorded_at=recorded_at,
        sent_at=sent_at,
        second=access.second_person(fact.second.token, now) if fact.second else None,
        device=_device(caller, fact.device_seq),
        session=session_id,
        corrects=fact.corrects.lower() if fact.corrects else None,
        late_reason=fact.late_reason,
        group=fact.group,
        if_match=if_match,
    )


def of_double_check(check: DoubleCheck, *, caller: Identity) -> Submission:
    """Build the submission of the first person's blind entry."""
    return Submission(
        event_id=check.event_id.lower(),
        day_id=check.day.lower(),
        type=DOUBLE_CHECK_ENTERED,
        actor=caller.actor,
        data={"type": check.type, "data": check.data},
        occurred_at=to_utc(check.occurred_at, "/occurred_at"),
        recorded_at=to_utc(check.recorded_at, "/recorded_at"),
        sent_at=to_utc(check.sent_at, "/sent_at"),
        device=_device(caller, None),
        session=caller.session_id,
    )


def expected_version(request: web.Request) -> int | None:
    """Return the day version an `If-Match` header names, or None where any will do. Raises `Problem` 400."""
    header = request.headers.get("If-Match")
    if header is None or header.strip() == "*":
        return None
    if re.match(IF_MATCH_PATTERN, header.strip()) is None:
        raise malformed('If-Match takes one strong ETag of a day, such as "12".')
    return int(header.strip(' "'))


def _who_entered(
    session_id: str, caller: Identity, access: Access, entered_at: datetime, now: datetime
) -> Actor | None:
    if caller.device_id is None:
        return None
    return access.session_actor(session_id, caller.device_id, entered_at, now)


def _unattributed(caller: Identity, *, urgent: bool) -> Actor:
    if urgent and caller.device_id is not None:
        return Actor(id=caller.device_id, role="device", how="device")
    return Actor(id=caller.device_id or caller.actor.id, role=SESSION_INVALID, how=caller.actor.how)


def _by_our_clock(recorded_at: datetime | None, sent_at: datetime | None, now: datetime) -> datetime:
    """Return when a fact was entered, without the tablet's clock offset at the moment of sending."""
    if recorded_at is None:
        return now
    offset = now - sent_at if sent_at is not None else timedelta()
    return recorded_at + offset if abs(offset) > CLOCK_TOLERANCE else recorded_at


def _device(caller: Identity, device_seq: int | None) -> Device | None:
    return Device(id=caller.device_id, seq=device_seq) if caller.device_id is not None else None
