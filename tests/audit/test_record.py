"""The record a person reads: everything is on it, and nothing runs in it."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from msgspec.structs import replace

from infusion_service.bootstrap import open_service
from infusion_service.clinical.day import evolve, new_day
from infusion_service.intake.clock import SimulatedClock
from infusion_service.intake.intake import Intake
from infusion_service.intake.outcome import Outcome
from infusion_service.log.bundle import collect, pack
from infusion_service.log.checkpoints import CheckpointDirectory
from infusion_service.log.log_file import LogFile, OpenedLog, reading
from infusion_service.log.verify_bundle import verify_bundle
from infusion_service.web.record import Printed, record_html
from infusion_service.web.record_marks import MARKS, marks_of
from tests.audit.played import SITE, play
from tests.intake.ward import (
    MORNING,
    NURSE,
    SIGNS,
    check_in,
    fact,
    note,
    opened,
    receipt,
    schedule,
    scheduling,
    vitals,
)

MARKUP = '<script>alert("x")</script><img src=x onerror=y>'


class Page(HTMLParser):
    """The tags and texts of a page."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.marks: list[dict[str, str | None]] = []
        self.texts: list[str] = []
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]
        if "data-mark" in dict(attrs):
            self.marks.append({name: value for name, value in attrs if name.startswith("data-")})

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


async def record_of(intake: Intake, day_id: str) -> bytes:
    """The record as it stands."""
    day = await intake.day(day_id)
    assert day is not None
    return record_html(day, await intake.entries(day_id), None)


def event_id(outcome: Outcome) -> str:
    """The id of an accepted fact."""
    return str(receipt(outcome)["event_id"])


async def test_corrections_stand_beside_the_originals_and_nothing_is_gone() -> None:
    clock = SimulatedClock(MORNING)
    async with opened(clock=clock) as intake:
        day = await schedule(intake)
        await intake.submit(check_in(day))
        wrong = await intake.submit(vitals(day, systolic_mmhg=188))
        right = await intake.submit(
            fact(day, "vitals.recorded", {"systolic_mmhg": 118, "diastolic_mmhg": 76}, corrects=event_id(wrong))
        )
        await intake.submit(note(day, MARKUP))
        assert right.refusal is None, right.refusal
        page = (await record_of(intake, day)).decode()
    corrections = page[page.index("<h2>Corrections</h2>") : page.index("<h2>Overrides</h2>")]
    assert "systolic 188 mmHg" in corrections
    assert "systolic 118 mmHg" in corrections
    timeline = page[page.index("<h2>Timeline</h2>") :]
    assert 'class="struck"' in timeline
    assert re.search(r"corrects no. \d", timeline)
    struck = [mark for mark in Page(page.encode()).marks if mark["data-struck"] == "true"]
    assert {mark["data-value"] for mark in struck if mark["data-mark"] == "pressure"} == {"188/76"}
    assert {mark["data-entry"] for mark in struck if mark["data-mark"] != "alert"} == {event_id(wrong)}
    assert [mark["data-value"] for mark in struck if mark["data-mark"] == "alert"] == ["bp-high"]
    assert page.count('class="crossed"') == len(struck)


async def test_nothing_runs_in_it_and_nothing_is_fetched() -> None:
    async with opened() as intake:
        day = await schedule(intake)
        await intake.submit(note(day, MARKUP))
        page = Page(await record_of(intake, day))
    assert not {"script", "img", "iframe", "link", "object", "a", "form"} & set(page.tags)
    assert not [name for name in page.attributes if name.startswith("on") or name in ("src", "href")]
    assert any(MARKUP in text for text in page.texts)


async def test_a_blind_double_check_keeps_its_values() -> None:
    async with opened() as intake:
        day = await schedule(intake)
        await intake.submit(check_in(day))
        checked = {
            "product": "LEMTRADA", "batch": "SECRET-1", "vial_expires_on": "2027-06-30",
            "prepared_at": "2026-11-23T06:50:00Z", "diluent": "sodium_chloride_0_9", "volume_ml": "101.2",
            "dose_mg": "12",
        }  # fmt: skip
        await intake.submit(fact(day, "double_check.entered", {"type": "bag.prepared", "data": checked}))
        page = (await record_of(intake, day)).decode()
    assert "first of two independent entries" in page
    assert "SECRET-1" not in page


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The record of a day with alerts, refusals and a changed rate, out of its bundle."""
    directory: Path = tmp_path_factory.mktemp("record")
    settings = play(directory, "s02")
    newest = CheckpointDirectory(settings.checkpoints, SITE).newest()
    assert newest is not None
    with reading(settings.database) as connection:
        log = LogFile(connection)
        days = [name for key, _ in log.streams() if (name := log.stream_name(key)) != "site"]
        found = collect(
            OpenedLog(connection), SITE, str(days[0]), note=newest.note, keys=log.public_keys(newest.origin)
        )
        bundle = asyncio.run(found)
    report, day = verify_bundle(pack(bundle))
    assert report.ok
    assert day is not None
    return record_html(day, [proven.entry for proven in bundle.entries], None).decode()


@pytest.mark.parametrize(
    "said",
    [
        "bp-crisis", "critical", "12.65", "guard_not_satisfied", "unacknowledged:charge_nurse",
        "nurse-1 (nurse), tablet-1",
        "Lemtrada", "urapidil", "not an alarm system", "<polyline", "discharged",
    ],
)  # fmt: skip
def test_it_tells_of_doses_alerts_refusals_and_who(page: str, said: str) -> None:
    assert said in page


def test_minutes_to_answer_are_counted(page: str) -> None:
    alerts = page[page.index("<h2>Alerts</h2>") : page.index("<h2>Corrections</h2>")]
    assert '<td class="n">1.0</td>' in alerts


@pytest.mark.parametrize("name", ["s02", "d07", "k09", "t20", "a14"])
def test_every_mark_of_the_day_is_drawn_once_with_all_that_it_carries(name: str, tmp_path: Path) -> None:
    settings = play(tmp_path, name)

    async def drawn() -> tuple[list[dict[str, str]], Page]:
        async with open_service(settings, read_only=True) as service:
            (row,) = await service.intake.board(limit=10)
            entries = await service.intake.entries(str(row["day_id"]))
            day = await service.intake.day(str(row["day_id"]))
            assert day is not None
            marks = marks_of(day, [logged.entry for logged in entries])
            return [mark.attributes for mark in marks], Page(record_html(day, entries, None))

    listed, page = asyncio.run(drawn())

    assert sorted(map(str, page.marks)) == sorted(map(str, listed))
    assert {mark["data-mark"] for mark in page.marks} <= set(MARKS)
    assert len(listed) > 20


def test_a_check_that_only_an_alert_asked_for_is_told_with_the_entry_that_made_it(tmp_path: Path) -> None:
    settings = play(tmp_path, "a14")

    async def checks() -> str:
        async with open_service(settings, read_only=True) as service:
            (row,) = await service.intake.board(limit=10)
            page = (await record_of(service.intake, str(row["day_id"]))).decode()
            return page[page.index("<h2>Checks</h2>") : page.index("<h2>Alerts</h2>")]

    told = asyncio.run(checks())

    assert re.search(r"<td>ecg</td><td>08:12.*</td><td>due .*, recorded as overdue .*; ", told)


async def test_what_came_late_is_hollow_in_the_chart_and_says_when_it_was_received() -> None:
    clock = SimulatedClock(MORNING)
    async with opened(clock=clock) as intake:
        day = await schedule(intake)
        await intake.submit(check_in(day))
        clock.move_to(MORNING + timedelta(minutes=30))
        late = fact(day, "vitals.recorded", {**SIGNS, "spo2_percent": 80, "confirmed": True})
        late = replace(late, occurred_at=MORNING + timedelta(minutes=5), late_reason="offline")
        assert (await intake.submit(late)).refusal is None
        page = (await record_of(intake, day)).decode()
    marks = [mark for mark in Page(page.encode()).marks if mark["data-entry"] == late.event_id]
    assert {mark["data-late"] for mark in marks} == {"true"}
    assert {mark["data-at"] for mark in marks} == {"2026-11-23T07:05:00.000Z"}
    assert [mark["data-doubt"] for mark in marks if mark["data-mark"] == "spo2"] == ["unusual"]
    entries = page[page.index("<h2>Late entries</h2>") : page.index("<h2>Overrides</h2>")]
    assert "08:30:00" in entries
    assert '<td class="n">25</td>' in entries
    assert "&#9675; 08:05:00" in page


@pytest.mark.parametrize(("after_min", "says", "late"), [(0, "not answered yet", False), (3, "not answered", True)])
def test_an_answer_is_late_once_it_was_due_and_not_before(
    tmp_path: Path, after_min: int, says: str, *, late: bool
) -> None:
    settings = play(tmp_path, "a60")

    async def alerts() -> str:
        async with open_service(settings, read_only=True) as service:
            (row,) = await service.intake.board(limit=10)
            whole = await service.intake.day(str(row["day_id"]))
            entries = await service.intake.entries(str(row["day_id"]))
        assert whole is not None
        raised = next(n for n, logged in enumerate(entries, 1) if logged.entry and logged.entry.type == "alert.raised")
        known = entries[:raised]  # as it was the moment it was raised
        day = new_day(whole.day_id, whole.site, whole.workflow)
        for logged in known:
            assert logged.entry is not None
            day = evolve(day, logged.entry)
        printed = Printed(NURSE, known[-1].parsed_leaf.received_at + timedelta(minutes=after_min))
        page = record_html(day, known, None, printed=printed).decode()
        return page[page.index("<h2>Alerts</h2>") : page.index("<h2>Double checks</h2>")]

    told = asyncio.run(alerts())

    assert f"<td>{says}<br>open</td>" in told
    assert ("none <b>late</b>" in told) is late


async def test_it_names_who_printed_it_and_no_name_gets_out_of_its_place() -> None:
    async with opened() as intake:
        data = {"patient": {"id": "P-1", "family": '"; } </style><b>', "given": "Ána"}}
        submission = scheduling()
        submission.data.update(data)
        day_id = str(receipt(await intake.submit(submission))["day_id"])
        day = await intake.day(day_id)
        assert day is not None
        printed = Printed(NURSE, MORNING)
        page = record_html(day, await intake.entries(day_id), None, printed=printed).decode()
    assert page.count("</style>") == 1
    assert "<b>;" not in page
    assert "nurse-1 (nurse), 08:00:00 (2026-11-23T07:00:00.000Z)" in page
    assert r"\00003c \00002f style\00003e " in page
    assert r"\0000c1 na" in page


def test_it_prints_on_a4(page: str) -> None:
    assert "size: A4" in page


def test_a_record_is_the_same_whenever_it_is_made() -> None:
    async def twice() -> tuple[bytes, bytes]:
        async with opened() as intake:
            day = await schedule(intake)
            return await record_of(intake, day), await record_of(intake, day)

    first, second = asyncio.run(twice())
    assert first == second
