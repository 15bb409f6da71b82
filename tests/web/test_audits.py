"""What an auditor asks across days over HTTP: noted, in stretches, and no further than they may see."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from infusion_service.clinical.vocabulary import format_time
from infusion_service.web.audit_questions import QUESTIONS
from tests.web.conftest import OPERATOR, START, HttpWard

LATE = {"occurred_at": format_time(START - timedelta(minutes=40)), "late_reason": "tablet was away"}


async def ask(ward: HttpWard, question: str, **about: Any) -> dict[str, Any]:
    """Ask as the auditor, to the end."""
    found: dict[str, Any] = {"rows": [], "next_after": 0, "more": True, "calls": 0}
    while found["more"]:
        answer = await ward.post(f"/v1/audit/{question}", {**about, "after": found["next_after"]}, by="auditor")
        assert answer.status == 200, answer.body
        answer.body["rows"] = found["rows"] + answer.body["rows"]
        found = {**answer.body, "calls": found["calls"] + 1}
    return found


async def late_note(ward: HttpWard, day_id: str) -> None:
    """Chart something late."""
    answer = await ward.fact(day_id, "note.added", {"text": "x"}, **LATE)
    assert answer.status == 201, answer.body


async def test_every_question_is_answered_and_noted_as_one_reading_of_the_log(ward: HttpWard) -> None:
    await late_note(ward, await ward.schedule())
    for question in QUESTIONS:
        assert (await ask(ward, question))["log_size"] == ward.service.intake.log_size

    reads = await ask(ward, "reads")
    assert [(row["type"], row["what"], row["by"]) for row in reads["rows"]] == [
        ("log.read", "questions", reads["rows"][0]["by"])
    ]


async def test_short_stretches_find_what_one_long_one_finds(ward: HttpWard) -> None:
    for _ in range(3):
        await late_note(ward, await ward.schedule())

    at_once, step_by_step = await ask(ward, "late"), await ask(ward, "late", limit=2)

    assert [row["minutes"] for row in at_once["rows"]] == [40, 40, 40]
    assert step_by_step["rows"] == at_once["rows"]
    assert (at_once["calls"], step_by_step["calls"]) == (1, ward.service.intake.log_size // 2 + 1)


async def test_a_patient_is_asked_about_in_the_body_alone_and_no_other_days_are_read(ward: HttpWard) -> None:
    mine, other = await ward.schedule(patient={"id": "P-mine"}), await ward.schedule(patient={"id": "P-other"})
    await late_note(ward, mine)
    await late_note(ward, other)
    await ward.get(f"/v1/days/{mine}", by="auditor")

    late, reads = await ask(ward, "late", patient="P-mine"), await ask(ward, "reads", patient="P-mine")
    nobody = await ask(ward, "late", patient="P-nobody")
    address = await ward.call("POST", "/v1/audit/late?patient=P-mine", {}, by="auditor")

    assert [(row["day"], row["patient"], row["date"]) for row in late["rows"]] == [(mine, "P-mine", "2026-11-23")]
    assert {(row["type"], row["what"]) for row in reads["rows"]} == {("day.read", "view"), ("log.read", "questions")}
    assert nobody["rows"] == []
    assert (address.status, address.code) == (400, "malformed")


async def test_an_auditor_of_one_ward_is_told_of_that_ward(ward: HttpWard) -> None:
    mine, other = await ward.schedule(), await ward.schedule(ward="onco-day", patient={"id": "P-other"})
    await late_note(ward, mine)
    await late_note(ward, other)
    await ask(ward, "reads")
    _, ward.tokens["auditor"] = await ward.service.access.mint_token(
        "narrow", "auditor", START.replace(year=2027), OPERATOR, wards=("neuro-day",)
    )

    assert [row["day"] for row in (await ask(ward, "late"))["rows"]] == [mine]
    assert (await ask(ward, "late", patient="P-other"))["rows"] == []
    assert (await ask(ward, "reads"))["rows"] == []


@pytest.mark.parametrize(
    "about",
    [{"limit": 0}, {"limit": 5001}, {"after": -1}, {"since": "yesterday"}, {"patient": ""}, {"question": "late"}, []],
)
async def test_what_cannot_be_asked_is_refused(ward: HttpWard, about: Any) -> None:
    answer = await ward.post("/v1/audit/late", about, by="auditor")
    assert (answer.status, answer.code) == (400, "malformed")
    assert (await ward.post("/v1/audit/mistakes", {}, by="auditor")).status == 404


ERIKA = {"id": "P-1001", "family": "M\u00fcller-L\u00fcdenscheidt", "given": "Erika", "born": "1988-02-29"}
NUMBER = {"system": "urn:oid:1", "value": "0815"}


async def found(asked: HttpWard, /, **sought: Any) -> list[str]:
    """The ids of the patients whose days are found, page by page."""
    days: list[dict[str, Any]] = []
    after: dict[str, str] = {}
    while True:
        answer = await asked.post("/v1/audit/days", {**sought, **after}, by="auditor")
        assert answer.status == 200, answer.body
        days += answer.body["days"]
        if "next" not in answer.body:
            return [day["patient"]["id"] for day in days]
        after = {"after": answer.body["next"]}


async def test_a_day_is_found_by_pseudonym_identifier_and_the_beginning_of_the_name(ward: HttpWard) -> None:
    await ward.schedule(patient={**ERIKA, "identifiers": [NUMBER]})
    await ward.schedule(patient={"id": "P-1002", "family": "Muller"}, date="2026-11-24", ward="onco-day")
    await ward.schedule(patient={"id": "P-1003", "family": "M\u00fcller"}, date="2026-11-25")

    assert await found(ward, patient="P-1001") == await found(ward, identifier="0815") == ["P-1001"]
    assert await found(ward, family="m\u00dcLLER") == ["P-1001", "P-1003"]
    assert await found(ward, family="mu\u0308ller-", born="1988-02-29") == ["P-1001"]
    assert await found(ward, family="M\u00fcller", born="1988-03-01") == await found(ward, identifier="081") == []
    assert await found(ward, family="M", limit=1) == ["P-1001", "P-1002", "P-1003"]
    assert await found(ward, family="M", limit=1, ward="neuro-day") == ["P-1001", "P-1003"]
    assert await found(ward, family="M", **{"from": "2026-11-24", "to": "2026-11-24"}) == ["P-1002"]
    notes = await ward.service.intake.log_page(0, 1000, entry_type="log.read")
    assert [entry.as_json()["data"] for entry in notes] == [{"what": "search"}]


@pytest.mark.parametrize("sought", [{}, {"ward": "neuro-day"}, {"family": "M", "after": "x"}, {"born": "1988-02-29"}])
async def test_a_search_for_nobody_is_refused(ward: HttpWard, sought: Any) -> None:
    answer = await ward.post("/v1/audit/days", sought, by="auditor")
    assert (answer.status, answer.code) == (400, "malformed")
