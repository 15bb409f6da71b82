"""Who gets what from every route: role by role, on their own ward, on another ward, and at another site.

One row for each row of the route table. A letter stands for a role; every person and office here is narrowed to the
ward `neuro-day`. What a row does not name is 403 (`role_not_permitted`), wherever the thing asked for lies.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

from infusion_service.access.identity import Identity
from infusion_service.clinical.vocabulary import Actor
from tests.web.conftest import BAG, OPERATOR, START, VITALS, HttpWard, new_event_id

Place = Literal["own", "other", "site"]
"""Where the thing asked for lies: on the ward of who asks, on another ward, at another site."""

ROLE_OF: Mapping[str, str] = {
    "N": "nurse",
    "C": "charge_nurse",
    "P": "prescriber",
    "R": "pharmacist",
    "D": "device",
    "I": "integration",
    "A": "auditor",
    "M": "admin",
}
EVERYBODY = "NCPRDIAM"
WARD = "NCPRD"
STAFF = "NCPR"

WARD_OF: Mapping[Place, str] = {"own": "neuro-day", "other": "onco-day", "site": "neuro-day"}


@dataclass
class World:
    """Two sites over one database, and a day on each ward to ask for."""

    here: HttpWard
    elsewhere: HttpWard
    days: dict[Place, str] = field(default_factory=dict)
    patients: dict[Place, str] = field(default_factory=dict)
    made: int = 0

    def at(self, place: Place) -> HttpWard:
        """The site where the thing asked for lies."""
        return self.elsewhere if place == "site" else self.here

    def name(self) -> str:
        """An id nothing has had."""
        self.made += 1
        return f"made-{self.made}"

    async def device(self, place: Place) -> str:
        """Enrol a device there and return its id."""
        name = self.name()
        await self.at(place).service.access.enrol_device(name, WARD_OF[place], OPERATOR)
        return name

    async def staff(self, place: Place) -> str:
        """Add a person there and return their id."""
        name = self.name()
        await self.at(place).service.access.add_staff(
            name, name, "nurse", badge=f"B-{name}", pin="1234", wards=(WARD_OF[place],), by=OPERATOR
        )
        return name

    async def session(self, place: Place) -> str:
        """Sign a new person in there and return the session's id."""
        site, staff = self.at(place), await self.staff(place)
        tablet = Identity(kind="device", actor=OPERATOR, device_id="tab-1")
        return (await site.service.access.open_session(tablet, f"B-{staff}", "1234", START)).session_id

    async def token(self, place: Place) -> str:
        """Mint a service token narrowed to a ward there and return its id."""
        record, _ = await self.at(place).service.access.mint_token(
            "made", "integration", START.replace(year=2027), OPERATOR, wards=(WARD_OF[place],)
        )
        return record.token_id

    async def glass(self, place: Place) -> str:
        """Have a new person there break the glass for a patient and return what it is listed under."""
        person = Identity(kind="session", actor=Actor(id=await self.staff(place), role="nurse"))
        broken = await self.at(place).service.access.glass.break_for(person, self.patients[place], "why", START)
        return broken.glass_id


Asking = Callable[[World, Place], Awaitable[tuple[str, Any]]]
"""Makes what is asked for, and returns address and body."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """What comes back. `roles` get past the door; of these `refused` are turned away by the protocol itself (403)."""

    roles: str
    ask: Asking
    own: int = 200
    other: int | None = None
    """None: the route is about no ward, and the answer is the same wherever one asks from."""
    site: int | None = None
    refused: str = ""
    lists: Callable[[World, Place], Awaitable[str]] | None = None
    """What makes something that the answer must show when it lies on the own ward, and must not show otherwise."""
    items: bool = False
    """The answer is that of each item of a batch."""
    fresh: bool = False
    """Calling it ends the session of who calls."""
    stream: bool = False


def at(path: str, body: Any = None) -> Asking:
    """Ask at one fixed address."""

    async def ask(_world: World, _place: Place) -> tuple[str, Any]:
        return path, body

    return ask


def of_day(path: str) -> Asking:
    """Ask for a day."""

    async def ask(world: World, place: Place) -> tuple[str, Any]:
        return path.format(day=world.days[place]), None

    return ask


def of_made(path: str, make: Callable[[World, Place], Awaitable[str]], body: Any = None) -> Asking:
    """Ask for something that is made first."""

    async def ask(world: World, place: Place) -> tuple[str, Any]:
        return path.format(await make(world, place)), body

    return ask


async def schedule(world: World, place: Place) -> tuple[str, Any]:
    """Schedule a day."""
    day = {"patient": {"id": world.name()}, "course": 1, "day": 1, "date": "2026-11-23", "workflow": "alemtuzumab"}
    return "/v1/days", {"ward": WARD_OF[place], "baseline_deficits": [], "attested_history": [], **day}


async def post_fact(world: World, place: Place) -> tuple[str, Any]:
    """Post vital signs."""
    fact = {"event_id": new_event_id(), "type": "vitals.recorded", "data": VITALS}
    return f"/v1/days/{world.days[place]}/events", fact


async def post_batch(world: World, place: Place) -> tuple[str, Any]:
    """Post vital signs in a batch."""
    path, fact = await post_fact(world, place)
    return "/v1/batches", {"items": [{**fact, "day": path.split("/")[3]}]}


async def post_double_check(world: World, place: Place) -> tuple[str, Any]:
    """Enter a bag as the first of two."""
    body = {"event_id": new_event_id(), "day": world.days[place], "type": "bag.prepared", "data": BAG}
    return "/v1/double-checks", body


async def sign_in(world: World, place: Place) -> tuple[str, Any]:
    """Sign a new person in."""
    return "/v1/sessions", {"badge": f"B-{await world.staff(place)}", "pin": "1234"}


async def enrol(world: World, place: Place) -> tuple[str, Any]:
    """Enrol a device."""
    return "/v1/devices", {"device": world.name(), "ward": WARD_OF[place]}


async def add_staff(world: World, place: Place) -> tuple[str, Any]:
    """Add a person."""
    name = world.name()
    person = {"staff": name, "name": name, "role": "nurse", "badge": f"B-{name}", "pin": "1234"}
    return "/v1/staff", {**person, "wards": [WARD_OF[place]]}


async def mint(_world: World, place: Place) -> tuple[str, Any]:
    """Mint a token."""
    token = {"label": "x", "role": "auditor", "expires_at": "2027-01-01T00:00:00Z"}
    return "/v1/tokens", {**token, "wards": [WARD_OF[place]]}


async def break_glass(world: World, place: Place) -> tuple[str, Any]:
    """Break the glass for a patient."""
    return "/v1/break-glass", {"patient": world.patients[place], "reason": "called to the other ward"}


async def day_there(world: World, place: Place) -> str:
    """The day that lies there."""
    return world.days[place]


async def late_day_there(world: World, place: Place) -> str:
    """The day that lies there, with a fact that came late."""
    occurred = START - timedelta(minutes=40)
    fact = {"event_id": new_event_id(), "type": "note.added", "data": {"text": "x"}, "late_reason": "offline"}
    site = world.at(place)
    path = f"/v1/days/{world.days[place]}/events"
    posted = await site.post(path, {**fact, "occurred_at": occurred.isoformat()}, by="nurse_2")
    assert posted.status == 201, posted.body
    return world.days[place]


async def opening(world: World, place: Place) -> tuple[str, Any]:
    """Ask for the bytes of a day's first entry; an entry of no day stands for what is another site's."""
    entries = [] if place == "site" else await world.here.service.intake.entries(world.days[place])
    seq = entries[0].seq if entries else 1
    return f"/v1/log/opening?seq={seq}", None


REVOKED = {"revoked": True}


def _of_endpoints(path: str, roles: str = "IM") -> Row:
    """Endpoints are the whole site's: nobody who is narrowed to a ward gets at them."""
    return Row(roles=roles, refused=roles, ask=at(f"/v1/endpoints{path}"))


MATRIX: Mapping[tuple[str, str], Row] = {
    ("GET", "/metrics"): Row(roles="IAM", ask=at("/metrics")),
    # Signing in: a device is of one ward, and everybody of the site may sign in on it; they see their own wards.
    ("POST", "/v1/sessions"): Row(roles=WARD, ask=sign_in, own=201, other=201, site=401),
    ("GET", "/v1/sessions/current"): Row(roles=WARD, ask=at("/v1/sessions/current")),
    ("DELETE", "/v1/sessions/current"): Row(roles=STAFF, ask=at("/v1/sessions/current"), own=204, fresh=True),
    ("DELETE", "/v1/sessions/{session}"): Row(
        roles="CM", ask=of_made("/v1/sessions/{}", World.session), own=204, other=404, site=404
    ),
    ("GET", "/v1/days"): Row(roles=WARD + "A", ask=at("/v1/days"), lists=day_there),
    ("POST", "/v1/days"): Row(roles=EVERYBODY, refused="DIAM", ask=schedule, own=201, other=403),
    ("GET", "/v1/days/{day}"): Row(roles=WARD + "A", ask=of_day("/v1/days/{day}"), other=404, site=404),
    ("POST", "/v1/days/{day}/events"): Row(
        roles=EVERYBODY, refused="RIAM", ask=post_fact, own=201, other=404, site=404
    ),
    ("GET", "/v1/days/{day}/entries"): Row(roles=WARD + "A", ask=of_day("/v1/days/{day}/entries"), other=404, site=404),
    ("GET", "/v1/days/{day}/report"): Row(roles=STAFF + "A", ask=of_day("/v1/days/{day}/report"), other=404, site=404),
    ("GET", "/v1/days/{day}/openings"): Row(roles="A", ask=of_day("/v1/days/{day}/openings"), other=404, site=404),
    # Without a signing key there is nothing to prove with.
    ("GET", "/v1/days/{day}/bundle"): Row(roles="A", ask=of_day("/v1/days/{day}/bundle"), own=409, other=404, site=404),
    ("POST", "/v1/audit/days"): Row(roles="A", ask=at("/v1/audit/days", {"family": "family"}), lists=day_there),
    ("POST", "/v1/audit/overrides"): Row(roles="A", ask=at("/v1/audit/overrides", {})),
    ("POST", "/v1/audit/late"): Row(roles="A", ask=at("/v1/audit/late", {}), lists=late_day_there),
    ("POST", "/v1/audit/answers"): Row(roles="A", ask=at("/v1/audit/answers", {})),
    ("POST", "/v1/audit/reads"): Row(roles="A", ask=at("/v1/audit/reads", {})),
    ("POST", "/v1/batches"): Row(
        roles=EVERYBODY, refused="RIAM", ask=post_batch, own=201, other=404, site=404, items=True
    ),
    ("POST", "/v1/double-checks"): Row(
        roles=EVERYBODY, refused="PDIAM", ask=post_double_check, own=201, other=404, site=404
    ),
    ("GET", "/v1/log"): Row(roles=EVERYBODY, ask=at("/v1/log?limit=1000")),
    ("GET", "/v1/log/stream"): Row(roles=EVERYBODY, ask=at("/v1/log/stream?after=0"), stream=True),
    # Proofs tell nothing of what was recorded. Without a signing key there is nothing to show.
    ("GET", "/v1/log/checkpoint"): Row(roles=EVERYBODY, ask=at("/v1/log/checkpoint"), own=404),
    ("GET", "/v1/log/opening"): Row(roles="A", ask=opening, other=404, site=404),
    ("GET", "/v1/log/proof/inclusion"): Row(roles=EVERYBODY, ask=at("/v1/log/proof/inclusion?seq=1")),
    ("GET", "/v1/log/proof/consistency"): Row(roles=EVERYBODY, ask=at("/v1/log/proof/consistency?from=1")),
    ("GET", "/v1/log/key"): Row(roles=EVERYBODY, ask=at("/v1/log/key")),
    ("POST", "/v1/log/keys"): Row(roles="M", ask=at("/v1/log/keys", {}), own=404),
    ("POST", "/v1/log/keys/{key}/retire"): Row(roles="M", ask=at("/v1/log/keys/none/retire", {}), own=404),
    ("GET", "/v1/workflows"): Row(roles=EVERYBODY, ask=at("/v1/workflows")),
    ("GET", "/v1/workflows/{name}/{version}"): Row(roles=EVERYBODY, ask=at("/v1/workflows/alemtuzumab/1")),
    ("GET", "/v1/workflows/{name}/{version}/diagram"): Row(
        roles=EVERYBODY, ask=at("/v1/workflows/alemtuzumab/1/diagram")
    ),
    # Of the shipped file there is one version: nothing to compare it with.
    ("GET", "/v1/workflows/{name}/{version}/diff"): Row(
        roles=EVERYBODY, ask=at("/v1/workflows/alemtuzumab/1/diff"), own=404
    ),
    ("GET", "/v1/status"): Row(roles="IAM", ask=at("/v1/status")),
    ("GET", "/v1/clock"): Row(roles=EVERYBODY, ask=at("/v1/clock")),
    ("PUT", "/v1/clock"): Row(roles=WARD + "M", ask=at("/v1/clock", {"now": "2026-11-23T07:00:01Z"})),
    ("POST", "/v1/clock/confirm"): Row(roles="M", ask=at("/v1/clock/confirm", {})),
    ("GET", "/v1/devices"): Row(roles="M", ask=at("/v1/devices"), lists=World.device),
    ("POST", "/v1/devices"): Row(roles="M", ask=enrol, own=201, other=403),
    ("PATCH", "/v1/devices/{device}"): Row(
        roles="M", ask=of_made("/v1/devices/{}", World.device, REVOKED), other=404, site=404
    ),
    ("POST", "/v1/devices/current/cookie"): Row(roles="D", ask=at("/v1/devices/current/cookie"), own=204),
    ("PUT", "/v1/devices/current/queue"): Row(
        roles=WARD, ask=at("/v1/devices/current/queue", {"waiting": []}), own=204
    ),
    ("GET", "/v1/staff"): Row(roles="CM", ask=at("/v1/staff"), lists=World.staff),
    ("POST", "/v1/staff"): Row(roles="M", ask=add_staff, own=201, other=403),
    ("PATCH", "/v1/staff/{staff}"): Row(
        roles="M", ask=of_made("/v1/staff/{}", World.staff, {"pin": "4321"}), other=404, site=404
    ),
    ("POST", "/v1/staff/{staff}/unlock"): Row(
        roles="CM", ask=of_made("/v1/staff/{}/unlock", World.staff, {}), other=404, site=404
    ),
    # The one way to a day of another ward: with a reason, and listed. Not to another site.
    ("POST", "/v1/break-glass"): Row(roles=STAFF, ask=break_glass, own=201, other=201, site=404),
    ("GET", "/v1/break-glass"): Row(roles="CA", ask=at("/v1/break-glass"), lists=World.glass),
    ("POST", "/v1/break-glass/{glass}/review"): Row(
        roles="C", ask=of_made("/v1/break-glass/{}/review", World.glass, {}), other=404, site=404
    ),
    ("GET", "/v1/endpoints"): _of_endpoints("", roles="IAM"),
    ("POST", "/v1/endpoints"): _of_endpoints(""),
    ("GET", "/v1/endpoints/{endpoint}"): _of_endpoints("/none", roles="IAM"),
    ("PATCH", "/v1/endpoints/{endpoint}"): _of_endpoints("/none"),
    ("DELETE", "/v1/endpoints/{endpoint}"): _of_endpoints("/none"),
    ("POST", "/v1/endpoints/{endpoint}/ping"): _of_endpoints("/none/ping"),
    ("POST", "/v1/endpoints/{endpoint}/rotate-secret"): _of_endpoints("/none/rotate-secret"),
    ("POST", "/v1/endpoints/{endpoint}/replay"): _of_endpoints("/none/replay"),
    ("POST", "/v1/endpoints/{endpoint}/hold"): _of_endpoints("/none/hold"),
    ("POST", "/v1/endpoints/{endpoint}/enable"): _of_endpoints("/none/enable"),
    ("GET", "/v1/endpoints/{endpoint}/status"): _of_endpoints("/none/status", roles="IAM"),
    ("GET", "/v1/endpoints/{endpoint}/deliveries"): _of_endpoints("/none/deliveries", roles="IAM"),
    ("POST", "/v1/endpoints/{endpoint}/redrive"): _of_endpoints("/none/redrive"),
    ("GET", "/v1/endpoints/{endpoint}/deliveries/{n}"): _of_endpoints("/none/deliveries/1", roles="IAM"),
    ("GET", "/v1/endpoints/{endpoint}/deliveries/{n}/attempts"): _of_endpoints("/none/deliveries/1/attempts", "IAM"),
    ("GET", "/v1/endpoints/{endpoint}/deliveries/{n}/body"): _of_endpoints("/none/deliveries/1/body", "I"),
    ("POST", "/v1/endpoints/{endpoint}/deliveries/{n}/retry"): _of_endpoints("/none/deliveries/1/retry"),
    ("POST", "/v1/endpoints/{endpoint}/deliveries/{n}/drop"): _of_endpoints("/none/deliveries/1/drop"),
    # Whoever holds a token may sit at a desk with it; what is seen there is what the token reaches.
    ("POST", "/v1/credentials/current/cookie"): Row(
        roles=STAFF + "IAM", ask=at("/v1/credentials/current/cookie", {}), own=201
    ),
    ("DELETE", "/v1/credentials/current/cookie"): Row(
        roles=STAFF + "IAM", ask=at("/v1/credentials/current/cookie"), own=204
    ),
    ("GET", "/v1/tokens"): Row(roles="M", ask=at("/v1/tokens"), lists=World.token),
    ("POST", "/v1/tokens"): Row(roles="M", ask=mint, own=201, other=403),
    ("PATCH", "/v1/tokens/{token}"): Row(
        roles="M", ask=of_made("/v1/tokens/{}", World.token, REVOKED), other=404, site=404
    ),
}
