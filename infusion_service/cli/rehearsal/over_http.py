"""A ward reached over HTTP: the web application, people who sign in with badge and PIN, a simulated clock.

Promises: only calls of the wire contract are used, so that what holds here holds for any client. Sessions end when the
service says so; the person then signs in again.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import msgspec

from infusion_service.cli.exits import CommandFailed, Exit
from infusion_service.cli.rehearsal.expectation import Reply
from infusion_service.cli.rehearsal.in_process import ENTRIES_PER_READ, TABLET, staff_id
from infusion_service.cli.rehearsal.ward import Call, Person
from infusion_service.clinical.vocabulary import format_time

OFFICES = ("integration", "auditor", "admin")
"""Roles that come as service tokens; everybody else signs in on the tablet."""

TOKEN_LIFE = timedelta(days=3650)
"""A rehearsal may run for simulated years."""

HTTP_OK, HTTP_CREATED, HTTP_UNAUTHORIZED = 200, 201, 401

_ENCODER = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a person of the ward is called and signs in with."""

    name: str
    badge: str
    pin: str


def invented(person: Person) -> Credentials:
    """Return credentials for a person whom nobody has to know."""
    staff = staff_id(person)
    return Credentials(name=staff, badge=f"badge-{staff}", pin=f"{secrets.randbelow(10**6):06d}")


class SignedIn:
    """The credentials of a ward's people, made with an administrator's token when somebody is first needed."""

    def __init__(
        self,
        client: aiohttp.ClientSession,
        admin_token: str,
        *,
        ward: str,
        now: datetime,
        credentials: Callable[[Person], Credentials] = invented,
        tablet: str = TABLET.id,
    ) -> None:
        """`client` knows the base URL; `now` is the service's clock; `credentials` says what a person signs in with,
        `tablet` on which device."""
        self._client = client
        self._tablet = tablet
        self._admin_token = admin_token
        self._ward = ward
        self._now = now
        self._credentials = credentials
        self._tokens: dict[Person, str] = {}
        self._sessions: dict[Person, str] = {}
        self._known: dict[Person, Credentials] = {}

    def on(self, tablet: str) -> SignedIn:
        """Return the same people as they sign in on another tablet."""
        there = SignedIn(
            self._client,
            self._admin_token,
            ward=self._ward,
            now=self._now,
            credentials=self._credentials,
            tablet=tablet,
        )
        there._known = self._known
        return there

    async def token(self, person: Person) -> str:
        """Return a token of the person, signing in or minting it at first use."""
        if person not in self._tokens:
            self._tokens[person] = await self._obtain(person)
        return self._tokens[person]

    async def session(self, person: Person) -> str:
        """Return the id of the person's session on the tablet."""
        await self.token(person)
        return self._sessions[person]

    def forget(self, person: Person) -> None:
        """The person's session has ended: the next call signs in again."""
        self._tokens.pop(person, None)

    async def _obtain(self, person: Person) -> str:
        if person.role == "device":
            answer = await self._administer("/v1/devices", {"device": self._tablet, "ward": self._ward})
            return str(answer["token"])
        if person.role in OFFICES:
            expires_at = format_time(self._now + TOKEN_LIFE)
            body = {"label": "rehearsal", "role": person.role, "expires_at": expires_at}
            return str((await self._administer("/v1/tokens", body))["token"])
        if person not in self._known:
            known = self._credentials(person)
            body = {"staff": staff_id(person), "role": person.role, **asdict(known)}
            await self._administer("/v1/staff", body)
            self._known[person] = known
        known = self._known[person]
        device = await self.token(Person("device"))
        answer = await self._call("/v1/sessions", {"badge": known.badge, "pin": known.pin}, device)
        self._sessions[person] = str(answer["session"])
        return str(answer["token"])

    async def _administer(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return await self._call(path, body, self._admin_token)

    async def _call(self, path: str, body: Mapping[str, Any], token: str) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        async with self._client.post(path, data=_ENCODER.encode(body), headers=headers) as response:
            answer: dict[str, Any] = await response.json(content_type=None)
            if response.status != HTTP_CREATED:
                raise CommandFailed(Exit.FAULT, f"setting the ward up: {path} answered {answer}")
            return answer


class HttpWard:
    """Plays on a service through its HTTP interface."""

    def __init__(self, client: aiohttp.ClientSession, people: SignedIn) -> None:
        """`client` knows the base URL, `people` how to sign in."""
        self._client = client
        self._people = people

    async def advance(self, to: datetime) -> None:
        """Move the clock forward through everything that falls due."""
        status, answer = await self._call("PUT", "/v1/clock", Person("admin"), {"now": format_time(to)})
        if status != HTTP_OK:
            raise CommandFailed(Exit.FAULT, f"the clock did not move: {answer}")

    async def schedule(self, person: Person, fact: dict[str, Any]) -> Reply:
        """Schedule a day."""
        body = {"event_id": fact["event_id"], **fact["data"]}
        status, answer = await self._call("POST", "/v1/days", person, body)
        return _reply(fact["event_id"], str(answer.get("day_id", "")), status, answer)

    async def post(self, call: Call) -> Reply:
        """Post one fact."""
        body = dict(call.fact)
        if call.second is not None:
            body["second"] = {"token": await self._people.token(call.second)}
        status, answer = await self._call("POST", f"/v1/days/{call.day_id}/events", call.person, body)
        return _reply(call.fact["event_id"], call.day_id, status, answer)

    async def post_batch(self, calls: Sequence[Call]) -> list[Reply]:
        """Post several facts as one batch: by the person whose facts they all are, else by the tablet for everybody."""
        people = {call.person for call in calls}
        alone = next(iter(people)) if len(people) == 1 else None
        items = [await self._item(call, alone) for call in calls]
        poster = alone or Person("device")
        status, answer = await self._call("POST", "/v1/batches", poster, {"items": items})
        if status != HTTP_OK:
            return [_reply(call.fact["event_id"], call.day_id, status, answer) for call in calls]
        return [
            Reply(
                event_id=call.fact["event_id"],
                day_id=call.day_id,
                duplicate=result["status"] == "duplicate" or bool(result.get("replayed")),
                problem=result.get("problem"),
            )
            for call, result in zip(calls, answer["items"], strict=True)
        ]

    async def double_check(self, call: Call) -> Reply:
        """Enter a fact as the first of two independent people."""
        body = {"event_id": call.fact["event_id"], "day": call.day_id, "type": call.fact["type"]}
        body["data"] = call.fact["data"]
        status, answer = await self._call("POST", "/v1/double-checks", call.person, body)
        return _reply(call.fact["event_id"], call.day_id, status, answer)

    async def view(self, day_id: str) -> dict[str, Any]:
        """Return the day view as of now."""
        return await self._read(f"/v1/days/{day_id}", Person("nurse"))

    async def entries(self, after_seq: int) -> list[dict[str, Any]]:
        """Return the log's entries after `after_seq`, as an auditor sees them."""
        page = await self._read(f"/v1/log?after={after_seq}&limit={ENTRIES_PER_READ}", Person("auditor"))
        entries: list[dict[str, Any]] = page["entries"]
        return entries

    async def _item(self, call: Call, alone: Person | None) -> dict[str, Any]:
        item = {**call.fact, "day": call.day_id}
        if alone is None and call.person.role != "device":
            item["session"] = await self._people.session(call.person)
        if call.second is not None:
            item["second"] = {"token": await self._people.token(call.second)}
        return item

    async def _read(self, path: str, person: Person) -> dict[str, Any]:
        status, answer = await self._call("GET", path, person)
        if status != HTTP_OK:
            raise CommandFailed(Exit.FAULT, f"{path} answered {answer}")
        return answer

    async def _call(
        self, method: str, path: str, person: Person, body: Mapping[str, Any] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Make one call; a person whose session has ended signs in again once."""
        data = None if body is None else _ENCODER.encode(body)
        status, answer = await self._call_once(method, path, person, data)
        if status == HTTP_UNAUTHORIZED:
            self._people.forget(person)
            status, answer = await self._call_once(method, path, person, data)
        return status, answer

    async def _call_once(
        self, method: str, path: str, person: Person, data: bytes | None
    ) -> tuple[int, dict[str, Any]]:
        headers = {"Authorization": f"Bearer {await self._people.token(person)}"}
        if data is not None:
            headers["Content-Type"] = "application/json"
        async with self._client.request(method, path, data=data, headers=headers) as response:
            answer: dict[str, Any] = await response.json(content_type=None)
            if response.headers.get("Idempotency-Replayed") == "true":
                answer["replayed"] = True
            return response.status, answer


def _reply(event_id: str, day_id: str, status: int, answer: Mapping[str, Any]) -> Reply:
    problem = None if status in (HTTP_OK, HTTP_CREATED) else answer
    return Reply(event_id=event_id, day_id=day_id, duplicate=bool(answer.get("replayed")), problem=problem)
