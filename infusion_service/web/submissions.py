"""From a payload and a credential to a submission for the intake.

Promises: the actor comes from the credential alone. A device may post for its own sessions, also ended ones, when the
fact was entered during their life, and for a badge scanned while it was offline; with nobody signed in, the device
itself is the actor. Source: contract 2 (`session`, `second`, `actor.how`). Does not: judge roles, wards or data.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from aiohttp import web
from msgspec.structs import replace

from infusion_service.access.access import Access
from infusion_service.access.identity import Identity
from infusion_service.clinical.vocabulary import DOUBLE_CHECK_ENTERED, Actor, Device, Submission
from infusion_service.clinical.workflow import Workflow
from infusion_service.intake.intake import Intake
from infusion_service.web.payloads import DoubleCheck, Fact, to_utc
from infusion_service.web.problems import malformed

CLOCK_TOLERANCE = timedelta(seconds=2)
"""A tablet's clock may differ by this without being corrected, as in the time rules of the workflows."""

KINDS_KEPT_MAX = 256
"""More than the facts of any workflow. Whoever makes names up pushes them out, which costs a look."""

IF_MATCH_PATTERN = r'^(\*|"[0-9]{1,15}")$'

SESSION_INVALID = "session_invalid"
"""The role of a fact whose session is not one of its device, or did not live when the fact was entered, or whose badge
does not suffice: no workflow lets it post anything."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What matters here of a type of fact: the strictest of all workflows known, because the day's is not known yet."""

    urgent: bool = False
    """A stop or an emergency."""
    offline: bool = False
    """It may be charted on an offline tablet."""
    resumes: bool = False
    """It sets the pump going again: offline only in one group with its pause."""
    independent: bool = False
    """Two people enter it."""


def kind_of(intake: Intake, fact_type: str) -> Kind:
    """Return what the workflows say of a type of fact."""
    return _kind_in(intake.workflows(), fact_type)


@lru_cache(maxsize=KINDS_KEPT_MAX)
def _kind_in(workflows: tuple[Workflow, ...], fact_type: str) -> Kind:
    found = [kind for workflow in workflows if (kind := workflow.facts.get(fact_type)) is not None]
    return Kind(
        urgent=any(kind.urgent for kind in found),
        offline=bool(found) and all(kind.offline for kind in found),
        resumes=any(kind.means == "pump_resumed" for kind in found),
        independent=any(kind.second == "independent" for kind in found),
    )


def bearer_of(fact: Fact, kind: Kind, *, caller: Identity, access: Access, now: datetime) -> Identity:
    """Return under whom a fact counts: who asks, or who entered it on the tablet that brings it. Raises `Problem`.

    A session or badge that the fact cannot stand under makes its actor one who may post nothing: the protocol refuses
    it, and the refusal is kept. A stop or an emergency counts under the device instead, until a person confirms it.
    """
    if fact.badge is None and fact.session in (None, caller.session_id):
        return caller
    entered_at = _by_our_clock(to_utc(fact.recorded_at, "/recorded_at"), to_utc(fact.sent_at, "/sent_at"), now)
    found: Identity | None = None
    if fact.badge is not None:
        found = _by_badge(fact, kind, caller, access, entered_at)
    elif caller.device_id is not None and fact.session is not None:
        found = access.session_bearer(fact.session, caller.device_id, entered_at, now)
    return found or replace(caller, actor=_unattributed(caller, urgent=kind.urgent), session_id=None)


def of_fact(
    fact: Fact,
    day_id: str,
    *,
    bearer: Identity,
    access: Access,
    now: datetime,
    independent: bool = False,
    if_match: int | None = None,
) -> Submission:
    """Build the submission of one fact of a day under its bearer; `independent` for one that two people enter.

    Raises `Problem` for times that cannot be.
    """
    return Submission(
        event_id=fact.event_id.lower(),
        day_id=day_id,
        type=fact.type,
        actor=bearer.actor,
        data=fact.data,
        occurred_at=to_utc(fact.occurred_at, "/occurred_at"),
        recorded_at=to_utc(fact.recorded_at, "/recorded_at"),
        sent_at=to_utc(fact.sent_at, "/sent_at"),
        second=access.second_person(fact.second.token, now) if fact.second else None,
        device=_device(bearer, fact.device_seq),
        session=bearer.session_id,
        corrects=fact.corrects.lower() if fact.corrects else None,
        late_reason=fact.late_reason,
        group=fact.group,
        if_match=if_match,
        barred=access.barred() if independent else frozenset(),
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


def _by_badge(fact: Fact, kind: Kind, caller: Identity, access: Access, entered_at: datetime) -> Identity | None:
    if caller.kind != "device" or fact.session is not None:
        detail = "a badge alone is taken from a device's own token, with no session beside it"
        raise malformed(f"/badge: {detail}.", [{"pointer": "/badge", "detail": detail}])
    found = access.badge_bearer(str(fact.badge), str(caller.device_id), entered_at)
    if found is None or (kind.offline and (fact.group is not None or not kind.resumes)):
        return found
    # Known, but nobody has proved to be this person: the refusal names whose badge it was.
    return replace(found, actor=replace(found.actor, role=SESSION_INVALID))


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
