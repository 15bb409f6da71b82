"""Simulated tablets: each keeps one connection and charts what its nurse enters, at a common steady rate.

Promises: open loop (a slow answer does not slow the sending), times measured from the moment a fact was to be sent;
what is charted follows from the workflow file that the service serves (`simulated_facts`). Does not: play a day to its
end; states and guards are the rehearsals' business.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp

from infusion_service.cli.exits import refused, unreachable
from infusion_service.cli.simulated_facts import SimulatedFacts
from infusion_service.clinical.workflow import load_workflow
from infusion_service.intake.identifiers import new_id

WAIT_S = 30.0

HTTP_OK, HTTP_CREATED = 200, 201


@dataclass(slots=True)
class _Tablet:
    """One tablet: its connection, its nurse's session, the days it charts on and the facts it still has to send."""

    client: aiohttp.ClientSession
    token: str
    days: list[str] = field(default_factory=list)
    waiting: asyncio.Queue[tuple[float, str, dict[str, Any]]] = field(default_factory=asyncio.Queue)


class Load:
    """One run of simulated tablets against one service."""

    def __init__(self, url: str, admin_token: str, *, ward: str, tablets: int, workflow: str | None = None) -> None:
        """Enrol `tablets` devices on `ward` with `admin_token`, under names no other run has.

        `workflow` names the product; it may be left out where the service has one.
        """
        self._url = url
        self._workflow_asked = workflow
        self._admin_token = admin_token
        self._ward = ward
        self._tablets_wanted = tablets
        self._run = secrets.token_hex(4)
        self._date = datetime.now(UTC).date().isoformat()
        self._tablets: list[_Tablet] = []
        self._answers: Counter[str] = Counter()
        self._waits_s: list[float] = []

    async def run(self, *, days: int, rate_per_s: float, facts: int) -> dict[str, Any]:
        """Schedule the days, chart on them, and return the figures. Raises `CommandFailed`."""
        try:
            await self._set_up(days)
            started_s = time.monotonic()
            senders = [asyncio.create_task(self._send(tablet)) for tablet in self._tablets]
            await self._hand_out(rate_per_s, days * facts)
            for tablet in self._tablets:
                await tablet.waiting.join()
            lasted_s = time.monotonic() - started_s
            for sender in senders:
                sender.cancel()
            await asyncio.gather(*senders, return_exceptions=True)
        finally:
            for tablet in self._tablets:
                await tablet.client.close()
        return self._figures(lasted_s)

    async def _set_up(self, days: int) -> None:
        async with self._client() as admin:
            self._facts = await self._product(admin)
            nurse = {"name": "Simulated Nurse", "role": "nurse", "badge": f"load-{self._run}", "pin": "482916"}
            await self._ask(admin, "/v1/staff", {"staff": f"load-{self._run}", **nurse}, self._admin_token)
            for number in range(self._tablets_wanted):
                body = {"device": f"load-{self._run}-{number}", "ward": self._ward}
                device = (await self._ask(admin, "/v1/devices", body, self._admin_token))["token"]
                client = self._client()
                self._tablets.append(_Tablet(client=client, token=""))
                sign_in = {"badge": nurse["badge"], "pin": nurse["pin"]}
                self._tablets[-1].token = (await self._ask(client, "/v1/sessions", sign_in, device))["token"]
        for number in range(days):
            await self._schedule(self._tablets[number % len(self._tablets)], number)

    async def _schedule(self, tablet: _Tablet, number: int) -> None:
        """Schedule a day of a new patient for the ward's today, and check the patient in."""
        view = await self._ask(tablet.client, "/v1/days", self._day(number), tablet.token)
        today = datetime.fromisoformat(view["as_of"]).astimezone(ZoneInfo(view["timezone"])).date()
        if today.isoformat() != self._date:
            # Until the first answer nobody had said what time it is there: that day stays scheduled.
            self._date = today.isoformat()
            view = await self._ask(tablet.client, "/v1/days", self._day(number), tablet.token)
        tablet.days.append(view["day_id"])
        for fact in self._facts.checking_in():
            check_in = {"event_id": _new_id(), **fact}
            await self._ask(tablet.client, f"/v1/days/{view['day_id']}/events", check_in, tablet.token)

    async def _product(self, admin: aiohttp.ClientSession) -> SimulatedFacts:
        """Fetch the workflow file of the product. Raises `CommandFailed`."""
        names = {"Authorization": f"Bearer {self._admin_token}"}
        try:
            async with admin.get("/v1/workflows", headers=names) as response:
                known = (await response.json(content_type=None)).get("workflows", [])
            named = [each for each in known if self._workflow_asked in (None, each["name"])]
            if len({each["name"] for each in named}) != 1:
                there = ", ".join(sorted({each["name"] for each in known})) or "none"
                raise refused(f"name the product with --workflow; {self._url} has: {there}")
            newest = max(named, key=lambda each: int(each["version"]))
            path = f"/v1/workflows/{newest['name']}/{newest['version']}"
            async with admin.get(path, headers={**names, "Accept": "application/toml"}) as response:
                workflow = load_workflow(await response.read(), file=newest["name"])
        except (aiohttp.ClientError, TimeoutError) as error:
            raise unreachable(f"{self._url} does not answer: {type(error).__name__} {error}") from None
        return SimulatedFacts(workflow)

    def _day(self, number: int) -> dict[str, Any]:
        return {
            "event_id": _new_id(),
            "patient": {"id": f"load-{self._run}-{number}-{self._date}"},
            "course": 1,
            "day": 1,
            "date": self._date,
            "ward": self._ward,
            **self._facts.scheduling(),
        }

    async def _hand_out(self, rate_per_s: float, count: int) -> None:
        """Give each fact to its tablet at its time, whatever became of those before."""
        chance = random.Random(self._run)  # noqa: S311 - invented readings
        days = [(tablet, day) for tablet in self._tablets for day in tablet.days]
        started_s = time.monotonic()
        for number in range(count):
            due_s = started_s + number / rate_per_s
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            tablet, day = days[number % len(days)]
            tablet.waiting.put_nowait((due_s, day, {"event_id": _new_id(), **self._facts.charted(chance)}))

    async def _send(self, tablet: _Tablet) -> None:
        while True:
            due_s, day, fact = await tablet.waiting.get()
            try:
                status, answer = await self._post(tablet.client, f"/v1/days/{day}/events", fact, tablet.token)
                self._answers["accepted" if status == HTTP_CREATED else str(answer.get("code", status))] += 1
            except (aiohttp.ClientError, TimeoutError) as error:
                self._answers[type(error).__name__] += 1
            self._waits_s.append(time.monotonic() - due_s)
            tablet.waiting.task_done()

    def _figures(self, lasted_s: float) -> dict[str, Any]:
        waits_s = sorted(self._waits_s)
        sent = len(waits_s)
        return {
            "sent": sent,
            "accepted": self._answers.pop("accepted", 0),
            "not_accepted": dict(self._answers),
            "seconds": round(lasted_s, 3),
            "facts_per_s": round(sent / lasted_s, 1),
            **{f"p{share}_ms": round(waits_s[sent * share // 100] * 1000, 2) for share in (50, 95, 99)},
            "slowest_ms": round(waits_s[-1] * 1000, 2),
        }

    def _client(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            self._url, connector=aiohttp.TCPConnector(limit=1), timeout=aiohttp.ClientTimeout(total=WAIT_S)
        )

    async def _ask(
        self, client: aiohttp.ClientSession, path: str, body: Mapping[str, Any], token: str
    ) -> dict[str, Any]:
        """Make a call that has to work. Raises `CommandFailed`."""
        try:
            status, answer = await self._post(client, path, body, token)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise unreachable(f"{self._url} does not answer: {type(error).__name__} {error}") from None
        if status not in (HTTP_OK, HTTP_CREATED):
            raise refused(f"{path}: {answer.get('code')}: {answer.get('detail')}")
        return answer

    async def _post(
        self, client: aiohttp.ClientSession, path: str, body: Mapping[str, Any], token: str
    ) -> tuple[int, dict[str, Any]]:
        headers = {"Authorization": f"Bearer {token}"}
        async with client.post(path, json=body, headers=headers) as response:
            answer: dict[str, Any] = await response.json(content_type=None)
            return response.status, answer


def _new_id() -> str:
    return new_id(datetime.now(UTC))
