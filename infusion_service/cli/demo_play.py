"""Playing the demonstration: six rehearsal scripts side by side on one ward, over HTTP, at the pace of one clock."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import aiohttp

from infusion_service.bootstrap import Service, open_service
from infusion_service.cli.demo_cast import STAFF, Cast
from infusion_service.cli.demo_receiver import OUTAGE_WARD_S, DemonstrationInbox, redrive
from infusion_service.cli.demo_ward import Conductor, PacedClock, PacedWard
from infusion_service.cli.exits import CommandFailed
from infusion_service.cli.hosting import hosted
from infusion_service.cli.output import say, show, show_json, show_table
from infusion_service.cli.receiver import receiving
from infusion_service.cli.rehearsal.expectation import ALERT_RAISED, Difference
from infusion_service.cli.rehearsal.in_process import staff_id
from infusion_service.cli.rehearsal.over_http import SignedIn
from infusion_service.cli.rehearsal.player import Player, opening
from infusion_service.cli.rehearsal.script import Facts, RoutineUntil, Script, read_script
from infusion_service.cli.rehearsal.stage import A_LONG_SHIFT, workflow_of
from infusion_service.cli.rehearsal.strict import ScriptInvalid
from infusion_service.cli.rehearsal.ward import Person
from infusion_service.clinical.vocabulary import Actor, format_time
from infusion_service.delivery.requests import NewEndpoint
from infusion_service.delivery.signing import read_secret
from infusion_service.settings import Settings, Ward

SPEED = 60.0

HEAD_START = timedelta(hours=2, minutes=45)
"""Time that flies before anybody looks: the first look finds six patients at six places of their day."""

PLAYING_SHARE = 0.5
"""Of a headless run's seconds, how many the ward's day takes; the rest is for starting and for slow machines."""

SITE = "demo"
WARD_ID = "neuro-day"
RECEIVER_HOST = "127.0.0.1"
SCRIPTS = Path(__file__).parent / "demo_scripts"

DIRECTOR = Actor(id="demonstration", role="admin", how="service")


def demonstration_settings(settings: Settings, database: Path) -> Settings:
    """Return the operator's settings (address, TLS) with everything else the demonstration's own.

    Nothing is delivered but to the demonstration's own receiver, which says its port when it listens.
    """
    script = _scripts()[0]
    return replace(
        settings,
        site=SITE,
        clock="simulated",
        clock_start=None,
        database=database,
        checkpoint_dir=database.with_name(database.name + ".checkpoints"),  # never among those of a real site
        limits=A_LONG_SHIFT,
        delivery_networks=(),
        delivery_plain_networks=(f"{RECEIVER_HOST}/32",),
        delivery_ports=(),
        delivery_host_suffixes=(),
        delivery_two_persons=False,
        wards=(Ward(id=WARD_ID, name="Neurology day ward (simulated)", timezone=script.timezone.key),),
    )


@dataclass(slots=True, kw_only=True)
class Part:
    """One script being played, and what has come of it."""

    script: Script
    player: Player
    differences: list[Difference] = field(default_factory=list)

    @property
    def expected(self) -> str | None:
        """The state the script ends in, as it says itself."""
        return self.script.steps[-1].expect.state

    @property
    def day_id(self) -> str | None:
        """The day's id, once it is scheduled."""
        return self.player.scene.days[0].day_id if self.player.scene.days else None


class Demonstration:
    """One run of the demonstration."""

    def __init__(self, settings: Settings, *, seed: int) -> None:
        """Play with `settings`; `seed` decides who is on the ward."""
        self._settings = settings
        self._cast = Cast(seed)
        self._scripts = _scripts()
        self._parts: list[Part] = []
        self._inbox = DemonstrationInbox()
        self._endpoint: dict[str, Any] = {}

    async def run(self, speed: float | None, headless_s: float | None) -> None:
        """Play until told to stop, or for so many seconds and print the summary. Raises `OSError` for a taken port."""
        loop = asyncio.get_running_loop()
        ends_at_s = None if headless_s is None else loop.time() + headless_s
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        starts_at = min(map(opening, self._scripts))
        if speed is None:
            speed = SPEED if headless_s is None else self._fitting_speed(starts_at + HEAD_START, headless_s)
        clock = PacedClock(starts_at, speed=speed)
        self._inbox.outage_s = OUTAGE_WARD_S / speed
        async with (
            receiving(0, self._inbox) as receiver_url,
            open_service(self._delivering_to(receiver_url), clock=clock) as service,
            hosted(service) as base_url,
        ):
            await self._subscribe(service, receiver_url)
            async with self._playing(service, clock, base_url, talks=headless_s is None):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout_at(ends_at_s):
                        await stop.wait()
                if headless_s is not None:
                    await self._operate(service, base_url)
            if headless_s is not None:
                show_json(await self._summary(service, speed))

    def _delivering_to(self, receiver_url: str) -> Settings:
        return replace(self._settings, delivery_ports=(urlsplit(receiver_url).port or 0,))

    async def _subscribe(self, service: Service, receiver_url: str) -> None:
        wanted = NewEndpoint(name="sample receiver", url=receiver_url, types=["*", "endpoint.*", "delivery.*"])
        made = await service.endpoints.create(wanted, DIRECTOR)
        self._endpoint = {"id": made["id"], "name": made["name"], "url": receiver_url}
        self._inbox.secret = read_secret(made["secret"])

    async def _operate(self, service: Service, base_url: str) -> None:
        """Do what the operator does where nobody looks: ask again for what the receiver has refused."""
        async with aiohttp.ClientSession(base_url) as client:
            parked = await redrive(client, await _token(service, "admin"), self._endpoint["id"])
        await self._inbox.complete()
        self._endpoint["redriven"] = [number for number in parked if number not in self._inbox.missing]

    @contextlib.asynccontextmanager
    async def _playing(self, service: Service, clock: PacedClock, base_url: str, *, talks: bool) -> AsyncIterator[None]:
        """Play all scripts while the block runs."""
        now = clock.now()
        token = await _token(service, "admin")
        workflows = service.intake.workflows()
        async with aiohttp.ClientSession(base_url) as client:
            people = SignedIn(client, token, ward=WARD_ID, now=now, credentials=self._cast.credentials)
            for person in STAFF:
                await people.token(person)
            if talks:
                self._welcome_pages(
                    base_url,
                    {
                        "device": await people.token(Person("device")),
                        "auditor": await _token(service, "auditor"),
                        "admin": token,
                    },
                    clock,
                )
                self._welcome_people()
            opens_at = now + HEAD_START
            conductor = Conductor(service.watch, clock, players=len(self._scripts), unpaced_until=opens_at)
            for number, script in enumerate(self._scripts):
                # Whose tablet goes away has one of their own: the others hear of it by what is missing.
                there = people.on(f"tablet-{number + 1}") if _brings_a_batch(script) else people
                ward = PacedWard(client, there, conductor)
                workflow = workflow_of(script, workflows)
                details = {"ward": WARD_ID, "chair": str(number + 1), "patient": self._cast.patient(number)}
                player = Player(script, ward, workflow, details=details, vary=self._cast.vary(number))
                self._parts.append(Part(script=script, player=player))
            tasks = [asyncio.create_task(self._play(part, conductor, talks=talks)) for part in self._parts]
            tasks.append(asyncio.create_task(conductor.run()))
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _play(self, part: Part, conductor: Conductor, *, talks: bool) -> None:
        """Play one script to its end; whatever comes of it, the other five go on."""
        try:
            part.differences = await part.player.play()
        except (CommandFailed, ScriptInvalid, aiohttp.ClientError) as error:
            part.differences = [Difference(step="-", key="-", expected="to be played", found=str(error))]
        finally:
            conductor.leave()
        for each in part.differences:
            say(f"{part.script.name}: {each.step}: {each.key}: expected {each.expected}, found {each.found}")
        if talks:
            say(f"{part.script.name}: over, {part.expected}")

    def _welcome_pages(self, base_url: str, tokens: Mapping[str, str], clock: PacedClock) -> None:
        show(f"SIMULATION x {clock.speed:g}: invented patients, {format_time(clock.now())} onwards")
        show(f"ward page        {base_url}/#device={tokens['device']}")
        show(f"auditor's page   {base_url}/audit#token={tokens['auditor']}")
        show(f"operations       {base_url}/ops#token={tokens['admin']}")
        show(f"tablet's token   {tokens['device']}")
        show(f"auditor's token  {tokens['auditor']}")
        show(f"operator's token {tokens['admin']}")
        show(f"webhooks taken   {self._endpoint['url']}")
        show(f"database         {self._settings.database}")

    def _welcome_people(self) -> None:
        known = [(person, self._cast.credentials(person)) for person in STAFF]
        rows = [(each.name, person.role, staff_id(person), each.badge, each.pin) for person, each in known]
        show_table(("name", "role", "staff", "badge", "PIN"), rows, title="Who is on duty")
        days = [(script.name, script.steps[-1].expect.state) for script in self._scripts]
        show_table(("script", "ends"), days, title="What will happen")
        say("The sample receiver refuses one message and fails for a while: see what is parked on the operations page,")
        say("and send it from there. Ctrl-C to stop")

    def _fitting_speed(self, opens_at: datetime, headless_s: float) -> float:
        """Return the speed at which the last script ends in good time."""
        ends_at = max(map(_end_of, self._scripts))
        return max(SPEED, (ends_at - opens_at).total_seconds() / (headless_s * PLAYING_SHARE))

    async def _summary(self, service: Service, speed: float) -> dict[str, Any]:
        return {
            "database": str(self._settings.database),
            "site": service.settings.site,
            "log_size": service.intake.log_size,
            "speed": speed,
            "now": format_time(service.clock.now()),
            "endpoint": self._endpoint,
            "webhooks": {"taken": self._inbox.taken, "missing": sorted(self._inbox.missing)},
            "days": [await _day_summary(service, part) for part in self._parts],
            "differences": [
                asdict(each) | {"script": part.script.name} for part in self._parts for each in part.differences
            ],
        }


async def _token(service: Service, role: Literal["admin", "auditor"]) -> str:
    """Mint a token for an office of this demonstration alone."""
    expires_at = service.clock.now() + timedelta(days=366)
    _, token = await service.access.mint_token("demonstration", role, expires_at, DIRECTOR)
    return token


def _brings_a_batch(script: Script) -> bool:
    return any(isinstance(step.action, Facts) and step.action.batch for step in script.steps)


async def _day_summary(service: Service, part: Part) -> dict[str, Any]:
    state, alerts = None, set()
    if part.day_id is not None:
        view = await service.intake.view(part.day_id)
        state = None if view is None else view["state"]
        entries = [each.entry for each in await service.intake.entries(part.day_id)]
        alerts = {entry.data["rule"] for entry in entries if entry is not None and entry.type == ALERT_RAISED}
    return {
        "script": part.script.name,
        "day_id": part.day_id,
        "state": state,
        "expected": part.expected,
        "alerts": sorted(alerts),
    }


def _scripts() -> list[Script]:
    return [read_script(path) for path in sorted(SCRIPTS.glob("*.toml"))]


def _end_of(script: Script) -> datetime:
    """Return the moment of a script's last step."""
    last = script.steps[-1]
    when = last.action.until if isinstance(last.action, RoutineUntil) else last.at
    return opening(script) if when is None else when.moment(script.given.date, script.timezone)
