"""Memory that ends anywhere on a fact's way: 503 with Retry-After, which a tablet tries again, and never a 400.

What could not be read is nobody's fault: a tablet takes 400 for final and lays the fact aside. What was not
acknowledged is sent again under the same event id, and is then there once.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Literal

import aiohttp
import msgspec
import pytest
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from infusion_service.access.pins import PinHasher
from infusion_service.intake import days as intake_days
from infusion_service.intake import draft as intake_draft
from infusion_service.intake import judge
from infusion_service.settings import Settings
from infusion_service.web import answers, body, boundary, facts, payloads, submissions
from infusion_service.web.problems import Problem, is_starved, malformed
from tests.intake.ward import FaultyStore
from tests.web.conftest import VITALS, WARDS, HttpWard, new_event_id, opened_ward
from tests.web.test_server import served

MEMORY_ENDS = MemoryError("no more")


class Starving:
    """Stands in front of a function and runs out of memory as often as told; then the function is as it was."""

    def __init__(self, function: Callable[..., Any], times: int = 1) -> None:
        self.function = function
        self.times = times
        self.met = 0

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        if self.met < self.times:
            self.met += 1
            raise MEMORY_ENDS
        return self.function(*arguments, **named)


@dataclass(frozen=True)
class Place:
    """Where memory ends: a name in a module, as its users find it."""

    module: Any
    name: str


PLACES = {
    "reading the body": Place(body, "read"),
    "decoding it": Place(body, "decode"),
    "measuring what was decoded": Place(body, "_measure"),
    "taking it for a fact": Place(payloads, "read_as"),
    "finding whose it is": Place(submissions, "bearer_of"),
    "making the submission": Place(submissions, "of_fact"),
    "deciding": Place(judge, "decide"),
    "sealing the entry": Place(intake_draft, "seal"),
    "the draft's head": Place(intake_draft, "head_of"),
    "writing the receipt": Place(facts, "_receipt"),
    "the line of the log": Place(boundary, "_report"),
}


@pytest.fixture
async def faulty() -> AsyncIterator[tuple[HttpWard, FaultyStore]]:
    store = FaultyStore()
    async with opened_ward(Settings(wards=WARDS, clock="simulated"), store) as opened:
        yield opened, store


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES.keys())
async def test_wherever_memory_ends_the_fact_is_neither_refused_nor_lost(
    ward: HttpWard, monkeypatch: pytest.MonkeyPatch, place: Place
) -> None:
    day_id = await ward.schedule()
    path = f"/v1/days/{day_id}/events"
    fact = {"event_id": new_event_id(), "type": "vitals.recorded", "data": VITALS}
    headers = {"Authorization": f"Bearer {ward.tokens['nurse']}"}
    async with served(ward) as (url, _), aiohttp.ClientSession(url, headers=headers) as session:
        starving = Starving(getattr(place.module, place.name))
        monkeypatch.setattr(place.module, place.name, starving)
        async with session.post(path, json=fact) as starved:
            problem = await starved.json(content_type=None)
        async with session.post(path, json=fact) as again:
            receipt = await again.json(content_type=None)

    assert starving.met == 1
    assert (starved.status, problem["code"]) == (503, "unavailable")
    assert int(starved.headers["Retry-After"]) > 0
    assert again.status in (200, 201)
    assert receipt["event_id"] == fact["event_id"]
    entries = await ward.service.intake.entries(day_id)
    assert [entry.as_json()["entry_id"] for entry in entries].count(fact["event_id"]) == 1


async def test_memory_that_ends_while_a_day_is_read_from_the_log(
    ward: HttpWard, monkeypatch: pytest.MonkeyPatch
) -> None:
    day_id = await ward.schedule()
    monkeypatch.setattr(intake_days, "fold", Starving(intake_days.fold))

    then = f"/v1/days/{day_id}?at=2026-11-23T07:00:00Z"  # the past is always read from the log
    async with ward.client.get(then, headers={"Authorization": f"Bearer {ward.tokens['nurse']}"}) as starved:
        assert starved.status == 503
        assert starved.headers["Retry-After"]
    assert (await ward.get(then)).status == 200


async def test_memory_that_ends_in_the_commit(faulty: tuple[HttpWard, FaultyStore]) -> None:
    ward, store = faulty
    day_id = await ward.schedule()
    event_id = new_event_id()
    for fails in (store.failures, store.failures_after):  # before anything was written, and after all of it was
        fails.append(MemoryError())

        starved = await ward.fact(day_id, "note.added", {"text": "asleep"}, event_id=event_id)

        assert (starved.status, starved.code) == (503, "unavailable")
    assert (await ward.fact(day_id, "note.added", {"text": "asleep"}, event_id=event_id)).status == 200


async def test_one_item_of_a_batch_that_could_not_be_read_is_not_refused(
    ward: HttpWard, monkeypatch: pytest.MonkeyPatch
) -> None:
    day_id = await ward.schedule()
    item = {"day": day_id, "event_id": new_event_id(), "type": "note.added", "data": {"text": "asleep"}}
    monkeypatch.setattr(payloads, "utc", _broken_by_memory)

    answer = await ward.post("/v1/batches", {"items": [{**item, "occurred_at": "2026-11-23T07:00:00Z"}]})

    assert (answer.status, answer.code) == (503, "unavailable")


async def test_a_page_that_cannot_be_written_for_want_of_memory(
    ward: HttpWard, monkeypatch: pytest.MonkeyPatch
) -> None:
    day_id = await ward.schedule()
    monkeypatch.setattr(answers, "_JSON_ENCODER", Starved())

    async with served(ward) as (url, _), aiohttp.ClientSession() as session:
        headers = {"Authorization": f"Bearer {ward.tokens['nurse']}"}
        async with session.get(f"{url}/v1/days/{day_id}", headers=headers) as answer:
            assert answer.status == 503
            assert answer.headers["Retry-After"]


async def test_a_pin_that_could_not_be_verified_is_no_wrong_one() -> None:
    class NoRoom(PasswordHasher):
        """Argon2 asks for 64 MiB and gets none."""

        def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002 - the library's name
            raise VerificationError("Memory allocation error")

    with pytest.raises(MemoryError):
        await PinHasher(NoRoom()).matches("$argon2id$", "1234")


def test_an_error_that_memory_is_behind_is_known_for_it() -> None:
    with pytest.raises(Problem) as broken:
        _broken_by_memory()
    assert is_starved(broken.value)
    assert not is_starved(malformed("broken"))
    assert not is_starved(None)


class Starved:
    """An encoder that has memory for problem documents alone: the first writing fails."""

    def __init__(self) -> None:
        self.encoder = msgspec.json.Encoder(decimal_format="string")
        self.met = False

    def encode(self, value: object) -> bytes:
        if not self.met:
            self.met = True
            raise MEMORY_ENDS
        return self.encoder.encode(value)


def _broken_by_memory(*_: object) -> Any:
    try:
        raise MEMORY_ENDS
    except MemoryError:
        raise malformed("what a reader makes of it") from None
