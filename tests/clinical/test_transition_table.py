"""Every (state, fact) pair of the shipped workflow with its verdict, as the protocol's table of facts says.

The table is written out, not computed: `.` refused, `-` taken without a move, `=` legal and the state stays, else the
state it leads to; `*` only on the calendar date of the day. A fact whose data decide has a row for each case.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from infusion_service.clinical.decide import Accepted
from infusion_service.clinical.vocabulary import Refusal
from tests.clinical.one_day import BAG, ECG, NEGATIVE, NURSE, RATE, SECOND_NURSE, SIGNS, WORKFLOW, OneDay

STATES = {
    "SC": "scheduled", "CI": "checked_in", "SN": "screening", "PM": "premedicating", "RD": "ready", "IN": "infusing",
    "PA": "paused", "EM": "emergency", "OB": "observing", "EX": "extended_observation", "DI": "discharged",
    "LE": "left_early", "TR": "transferred", "DE": "deferred", "CA": "cancelled", "MI": "missed",
}  # fmt: skip

TABLE = """
                               SC  CI  SN  PM  RD  IN  PA  EM  OB  EX  DI  LE  TR  DE  CA  MI
day.scheduled                  .   .   .   .   .   .   .   .   .   .   .   .   .   .   .   .
patient.checked_in             CI  .   .   .   .   .   .   .   .   .   .   .   .   .   .   CI*
screening.started              .   SN  .   .   .   .   .   .   .   .   .   .   .   .   .   .
checklist.recorded             -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -
ecg.recorded                   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -
lab.sampled                    -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -
lab.resulted                   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -
screening.passed               .   .   PM  .   .   .   .   .   .   .   .   .   .   .   .   .
screening.failed (for now)     .   .   DE  .   .   .   .   .   .   .   .   .   .   .   .   .
screening.failed (for good)    .   .   CA  .   .   .   .   .   .   .   .   .   .   .   .   .
premed.given                   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -
premed.declined                -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -
premed.completed               .   .   .   RD  .   .   .   .   .   .   .   .   .   .   .   .
bag.prepared                   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -
bag.discarded                  -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -
infusion.started               .   .   .   .   IN  .   .   .   .   .   .   .   .   .   .   .
infusion.rate_changed          .   .   .   .   .   =   .   .   .   .   .   .   .   .   .   .
infusion.paused                .   .   .   .   .   PA  .   =   .   .   .   .   .   .   .   .
infusion.resumed               .   .   .   .   .   .   IN  .   .   .   .   .   .   .   .   .
infusion.stopped (clinical)    .   .   .   .   .   EX  EX  =   .   =   .   .   .   .   .   .
infusion.stopped (other)       .   .   .   .   .   OB  OB  =   .   =   .   .   .   .   .   .
infusion.completed             .   .   .   .   .   OB  OB  .   .   .   .   .   .   .   .   .
flush.started                  -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -
flush.ended                    -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -
pump.alarm (flow stopped)      -   -   -   -   -   PA  -   -   -   -   -   -   -   -   -   -
pump.alarm (flow goes on)      -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -
pump.alarm_cleared             -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -
vitals.recorded                -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -
befast.checked                 -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -
symptom.reported               -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -
symptom.resolved               -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -
reaction.graded                -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -
treatment.given                -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -
review.recorded                -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -
diagnosis.recorded             -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -
baseline.recorded              -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -
callback.recorded              -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -
alert.acknowledged             -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -
emergency.declared             .   EM  EM  EM  EM  EM  EM  =   EM  EM  EM* EM* .   .   .   .
emergency.stood_down           .   .   .   .   .   .   .   EX  .   .   .   .   .   .   .   .
observation.extended           .   .   .   .   .   .   .   .   EX  .   .   .   .   .   .   .
patient.transferred            .   .   .   .   .   .   .   TR  .   TR  .   .   .   .   .   .
patient.discharged             .   .   .   .   .   .   .   .   DI  DI  .   .   .   .   .   .
patient.left                   .   .   .   .   .   LE  LE  LE  LE  LE  .   .   .   .   .   .
day.deferred                   DE  DE  DE  DE  DE  .   .   .   .   .   .   .   .   .   .   .
day.cancelled                  CA  CA  CA  CA  CA  .   .   .   .   .   .   .   .   .   .   .
day.missed                     MI  .   .   .   .   .   .   .   .   .   .   .   .   .   .   .
override.granted               -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -
entry.struck                   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -
entry.confirmed                -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -
day.moved                      -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -
note.added                     -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -
"""

SOME_ID = "0197c0de-7000-7000-8000-0000000000a1"
NOON = "2026-11-23T12:00:00Z"
DATA: Mapping[str, Mapping[str, Any]] = {
    "day.scheduled": {"patient": {"id": "P-1"}, "course": 1, "day": 1, "date": "2026-11-23", "ward": "neuro-day"},
    "patient.checked_in": {"identity_check": "two_identifiers"},
    "checklist.recorded": {"items": [{"item": "consent", "result": "clear"}]},
    "ecg.recorded": ECG,
    "lab.sampled": {"analyte": "platelets", "sampled_at": NOON},
    "lab.resulted": {"analyte": "platelets", "value": 200, "unit": "10*9/L", "sampled_at": NOON},
    "screening.failed (for now)": {"reason": "febrile", "permanent": False},
    "screening.failed (for good)": {"reason": "stroke_history", "permanent": True},
    "premed.given": {"class": "other", "drug": "ranitidine", "dose_mg": 50, "route": "iv"},
    "premed.declined": {"class": "antihistamine", "reason": "drowsy of it"},
    "bag.prepared": BAG,
    "bag.discarded": {"reason": "fell", "volume_ml": 101},
    "infusion.started": RATE,
    "infusion.rate_changed": {**RATE, "reason": "flushed"},
    "infusion.paused": {"reason": "technical"},
    "infusion.resumed": RATE,
    "infusion.stopped (clinical)": {"reason": "bleeding"},
    "infusion.stopped (other)": {"reason": "bag_expired"},
    "flush.started": {"volume_ml": 100},
    "flush.ended": {"volume_ml": 100},
    "pump.alarm (flow stopped)": {"code": "air", "flow_stopped": True},
    "pump.alarm (flow goes on)": {"code": "battery", "flow_stopped": False},
    "pump.alarm_cleared": {"code": "air"},
    "vitals.recorded": SIGNS,
    "befast.checked": NEGATIVE,
    "symptom.reported": {"code": "rash", "severity": 2},
    "symptom.resolved": {"code": "rash"},
    "reaction.graded": {"ctcae_grade": 1},
    "treatment.given": {"drug": "cetirizine", "dose": 10, "unit": "mg", "route": "oral"},
    "review.recorded": {"decision": "continue"},
    "diagnosis.recorded": {"code": "migraine", "status": "confirmed"},
    "baseline.recorded": {"deficits": ["eyes"]},
    "callback.recorded": {"reached": True},
    "alert.acknowledged": {"alert": SOME_ID},
    "emergency.declared": {"reason": "collapse"},
    "emergency.stood_down": {"finding": "excluded"},
    "observation.extended": {"reason": "headache"},
    "patient.transferred": {"destination": "intensive care", "handover_to": "Dr B"},
    "patient.discharged": {"alert_card_given": True},
    "patient.left": {"reason": "refusal"},
    "day.deferred": {"reason": "febrile"},
    "day.cancelled": {"reason": "pregnant"},
    "override.granted": {"guard": "bp-controlled", "reason": "known", "valid_minutes": 10},
    "entry.struck": {"entry": SOME_ID, "reason": "mistyped"},
    "entry.confirmed": {"entry": SOME_ID},
    "day.moved": {"chair": "4", "reason": "nearer the window"},
    "note.added": {"text": "asleep"},
}
"""Data of each fact (and case) that nothing but the state of the day could speak against; the rest carry none."""

POSTED_BY_NOBODY = ("day.missed",)
JUDGED_AFTER_THE_MOVE = ("guard_not_satisfied", "course_rule", "second_person_required")


def rows() -> dict[str, dict[str, str]]:
    """Fact (with its case) to state to verdict."""
    header, *lines = TABLE.strip().splitlines()
    table = {}
    for line in lines:
        verdicts = line[31:].split()
        assert len(verdicts) == len(STATES), line
        table[line[:31].strip()] = dict(zip(header.split(), verdicts, strict=True))
    return table


ROWS = rows()
CELLS = [(fact, short) for fact, verdicts in ROWS.items() for short in verdicts]


def fact_type(fact: str) -> str:
    """The type without its case."""
    return fact.partition(" ")[0]


def test_every_pair_of_the_file_has_a_verdict_and_no_other() -> None:
    of_the_table = {(fact_type(fact), STATES[short]) for fact, short in CELLS}
    of_the_file = {(fact, state) for fact in WORKFLOW.facts for state in WORKFLOW.states}
    assert of_the_file - of_the_table == set()
    assert of_the_table - of_the_file == set()


@pytest.mark.parametrize("fact", [name for name, fact in WORKFLOW.facts.items() if len(fact.moves) > 1])
def test_every_move_that_its_data_decide_is_in_the_table(fact: str) -> None:
    """Each leg of a fact is taken in some cell, so that no case of it was forgotten."""
    cases = [row for row in ROWS if fact_type(row) == fact]
    taken = {
        (state, WORKFLOW.table.target(state, fact, DATA.get(case, {}), on_the_date=True))
        for case in cases
        for state in STATES.values()
    }
    legs = {(state, leg.target) for state in WORKFLOW.states for leg in WORKFLOW.table.legs(state, fact)}
    assert legs <= taken


@pytest.mark.parametrize(("fact", "short"), CELLS, ids=lambda value: value)
def test_the_core_judges_a_pair_as_the_table_says(fact: str, short: str) -> None:
    verdict, state = ROWS[fact][short], STATES[short]
    same_day = OneDay().brought_to(state, "10:00")
    assert _verdict(same_day, fact, "10:01") == verdict.removesuffix("*")
    next_day = OneDay().brought_to(state, "10:00")
    assert _verdict(next_day, fact, "2026-11-24 10:01") == ("." if verdict.endswith("*") else verdict)


def _verdict(day: OneDay, fact: str, at: str) -> str:
    name, data, source = fact_type(fact), DATA.get(fact, {}), str(day.day.state)
    target = WORKFLOW.table.target(source, name, data, on_the_date=at == "10:01")
    if name in POSTED_BY_NOBODY:
        return "." if target is None else _short(target)
    if name == "bag.prepared" or (name == "infusion.started" and target is not None):
        day.double_check(name, data, at, by=SECOND_NURSE)
    by = {"by": NURSE} if name == "bag.prepared" else {}
    answer = day.post(name, data, at, second=SECOND_NURSE, **by)
    if isinstance(answer, Accepted):
        return _told(answer.entries[0].outcome, source)
    return _of_refusal(answer, name, source, target)


def _told(outcome: Mapping[str, str], source: str) -> str:
    if not outcome:
        return "-"
    return "=" if outcome["state_to"] == source else _short(outcome["state_to"])


def _of_refusal(refusal: Refusal, name: str, source: str, target: str | None) -> str:
    if refusal.code == "transition_not_allowed":
        assert refusal.members["state"] == source
        assert name not in refusal.members["allowed"] or WORKFLOW.table.legs(source, name)
        return "."
    if refusal.code == "invalid_fact":  # names an alert or entry that is not there: no matter of the state
        return "-"
    assert refusal.code in JUDGED_AFTER_THE_MOVE, refusal
    assert target is not None
    return "=" if target == source else _short(target)


def _short(state: str) -> str:
    return next(short for short, name in STATES.items() if name == state)
