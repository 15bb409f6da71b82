"""The alert rules as the protocol lists them: which evidence raises what, how grave, and what may end it.

Every code, item and limit that a rule names is put to it, and the nearest that it does not name.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.clinical.one_day import NEGATIVE, SIGNS, OneDay, accepted

Charted = tuple[str, str, Mapping[str, Any]]
"""When, what, with which data."""

STOP = ("critical", "stop")
PAUSE = ("critical", "pause")
ITEMS = ("balance", "eyes", "face", "arms", "speech")
ITEM_OF = {
    "balance_loss": "balance", "vision_loss": "eyes", "face_droop": "face", "arm_weakness": "arms",
    "leg_weakness": "arms", "speech_trouble": "speech",
}  # fmt: skip
STROKE = (*ITEM_OF, "thunderclap_headache", "confusion", "seizure")
BLEEDING = ("petechiae", "bruising", "epistaxis", "gum_bleeding", "haematuria")
WITH_A_CRISIS = ("headache", *STROKE)


def symptom(code: str, at: str = "10:05", **more: Any) -> Charted:
    """A symptom is reported."""
    return at, "symptom.reported", {"code": code, **more}


def signs(at: str = "10:05", **changed: Any) -> Charted:
    """An unremarkable complete set, changed in some signs; unusual values are confirmed."""
    return at, "vitals.recorded", {**SIGNS, "confirmed": True, **changed}


def pressure(at: str, systolic: int, diastolic: int) -> Charted:
    """A blood pressure alone."""
    return at, "vitals.recorded", {"systolic_mmhg": systolic, "diastolic_mmhg": diastolic, "confirmed": True}


def checked(at: str = "10:05", /, **abnormal: bool) -> Charted:
    """A neurological check."""
    return at, "befast.checked", {**NEGATIVE, **abnormal}


def result(analyte: str, value: str, at: str = "10:05", **more: str) -> Charted:
    """A laboratory result of a sample just drawn."""
    data = {"analyte": analyte, "value": value, "unit": "10*9/L", "sampled_at": f"2026-11-23T{at}:00+01:00", **more}
    return at, "lab.resulted", data


def infusing(*facts: Charted, baseline: Charted | None = None, **data: Any) -> OneDay:
    """A day that infuses since 10:00, with the baseline of 9:00 and what is charted since."""
    day = OneDay(**data).brought_to("screening", "08:30")
    first = baseline or signs()
    accepted(day.post(first[1], first[2], "09:00"))
    return followed_by(day.brought_on("10:00"), *facts)


def followed_by(day: OneDay, *facts: Charted) -> OneDay:
    """The day with more facts, each judged."""
    for at, fact_type, data in facts:
        accepted(day.post(fact_type, data, at))
    return day


def standing(day: OneDay) -> dict[str, tuple[str, str]]:
    """The open alerts: how grave, and what they ask for."""
    return {alert.rule: (alert.severity, alert.action) for alert in day.day.ledger.open_list()}


def raised(day: OneDay, rule: str) -> tuple[str, str] | None:
    """How a rule stands."""
    return standing(day).get(rule)


# --- stroke


@pytest.mark.parametrize("code", STROKE)
def test_a_stroke_symptom_stops_unless_it_is_the_patients_own(code: str) -> None:
    assert raised(infusing(symptom(code)), "stroke-sign") == STOP
    others = [item for item in ITEMS if item != ITEM_OF.get(code)]
    assert raised(infusing(symptom(code), baseline_deficits=others), "stroke-sign") == STOP
    if code in ITEM_OF:
        assert raised(infusing(symptom(code), baseline_deficits=[ITEM_OF[code]]), "stroke-sign") is None


@pytest.mark.parametrize("code", STROKE)
def test_before_the_screening_is_passed_a_stroke_symptom_is_a_question(code: str) -> None:
    def screened(**data: Any) -> OneDay:
        return followed_by(OneDay(**data).brought_to("screening", "08:30"), symptom(code, "08:40"))

    day = screened()
    assert raised(day, "stroke-sign") == ("high", "alert")
    accepted(day.post("symptom.resolved", {"code": code}, "08:50"))
    assert raised(day, "stroke-sign") == ("high", "alert"), "it is for the prescriber to close"
    if code in ITEM_OF:
        assert raised(screened(baseline_deficits=[ITEM_OF[code]]), "stroke-sign") is None


@pytest.mark.parametrize("item", ITEMS)
def test_an_abnormal_item_of_the_check_stops_unless_it_is_the_patients_own(item: str) -> None:
    assert raised(infusing(checked(**{item: True})), "stroke-sign") == STOP
    others = [other for other in ITEMS if other != item]
    assert raised(infusing(checked(**{item: True}), baseline_deficits=others), "stroke-sign") == STOP
    assert raised(infusing(checked(**{item: True}), baseline_deficits=[item]), "stroke-sign") is None
    before = followed_by(OneDay().brought_to("screening", "08:30"), checked("08:40", **{item: True}))
    assert raised(before, "stroke-sign") == ("high", "alert")


@pytest.mark.parametrize("code", ["C", "V", "P", "U"])
def test_consciousness_that_falls_from_an_alert_baseline_stops(code: str) -> None:
    day = infusing(signs(consciousness=code))
    assert raised(day, "consciousness-fall") == STOP
    followed_by(day, signs("10:10"))
    assert raised(day, "consciousness-fall") == STOP, "a later reading does not close it"
    assert raised(infusing(signs(consciousness=code), baseline=signs(consciousness="C")), "consciousness-fall") is None


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ([symptom("thunderclap_headache")], STOP),
        ([symptom("ptosis")], STOP),
        ([symptom("pulsatile_tinnitus")], None),
        ([symptom("headache", severity=8)], STOP),
        ([symptom("headache", severity=7)], None),
        ([symptom("headache")], None),
        ([checked(severe_headache=True)], STOP),
        ([symptom("neck_pain")], None),
        ([checked(neck_pain=True)], None),
        ([symptom("neck_pain"), symptom("headache", "10:06", severity=1)], STOP),
        ([checked(neck_pain=True), symptom("headache", "10:06", severity=1)], STOP),
    ],
)
def test_signs_of_a_dissection(facts: list[Charted], expected: tuple[str, str] | None) -> None:
    assert raised(infusing(*facts), "dissection-sign") == expected


def test_neck_pain_and_a_thunderclap_both_speak_for_a_dissection() -> None:
    day = infusing(symptom("neck_pain"), symptom("thunderclap_headache", "10:06"))
    (alert,) = (alert for alert in day.day.ledger.open_list() if alert.rule == "dissection-sign")
    assert len(alert.evidence) == 2


@pytest.mark.parametrize(("severity", "expected"), [(3, None), (4, "medium"), (7, "medium"), (8, None)])
def test_a_new_headache_wants_a_negative_check_at_or_after_it(severity: int, expected: str | None) -> None:
    headache = symptom("headache", severity=severity)
    wanted = None if expected is None else (expected, "alert")
    assert raised(infusing(headache, checked("10:06")), "new-headache") == wanted
    assert raised(infusing(checked("10:04"), headache), "new-headache") is None


@pytest.mark.parametrize("item", [*ITEMS, "severe_headache", "neck_pain"])
def test_a_check_with_one_abnormal_item_is_not_negative(item: str) -> None:
    day = infusing(symptom("headache", severity=5), checked("10:06", **{item: True}))
    assert raised(day, "new-headache") is None


def test_a_new_headache_ends_with_the_headache() -> None:
    day = infusing(symptom("headache", severity=5), checked("10:06"))
    accepted(day.post("symptom.resolved", {"code": "headache"}, "10:20"))
    assert raised(day, "new-headache") is None


# --- blood pressure

HIGH = {"bp-high": ("medium", "alert")}
CRISIS = {"bp-crisis": PAUSE}


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        ([("10:05", 159, 99)], {}),
        ([("10:05", 160, 80)], HIGH),
        ([("10:05", 150, 100)], HIGH),
        ([("10:05", 180, 80), ("10:06:59", 180, 80)], HIGH),
        ([("10:05", 180, 80), ("10:07", 180, 80)], CRISIS),
        ([("10:05", 180, 80), ("10:07", 179, 80)], HIGH),
        ([("10:05", 179, 80), ("10:07", 180, 80)], HIGH),
        ([("10:05", 180, 80), ("10:20", 180, 80)], CRISIS),
        ([("10:05", 180, 80), ("10:20:01", 180, 80)], HIGH),
        ([("10:05", 150, 110), ("10:06:59", 150, 110)], HIGH),
        ([("10:05", 150, 110), ("10:07", 150, 110)], CRISIS),
        ([("10:05", 150, 110), ("10:07", 150, 109)], HIGH),
        ([("10:05", 150, 109), ("10:07", 150, 110)], HIGH),
        ([("10:05", 150, 110), ("10:20", 150, 110)], CRISIS),
        ([("10:05", 150, 110), ("10:20:01", 150, 110)], HIGH),
        ([("10:05", 180, 80), ("10:07", 150, 110)], CRISIS),
        ([("10:05", 179, 80), ("10:07", 150, 110)], HIGH),
        ([("10:05", 150, 110), ("10:07", 180, 80)], CRISIS),
        ([("10:05", 150, 109), ("10:07", 180, 80)], HIGH),
    ],
)
def test_a_crisis_takes_two_readings_two_to_fifteen_minutes_apart(
    readings: Sequence[tuple[str, int, int]], expected: Mapping[str, tuple[str, str]]
) -> None:
    open_alerts = standing(infusing(*(pressure(*reading) for reading in readings)))
    assert {rule: found for rule, found in open_alerts.items() if rule in ("bp-high", "bp-crisis")} == expected


@pytest.mark.parametrize("code", WITH_A_CRISIS)
@pytest.mark.parametrize(("systolic", "diastolic", "expected"), [(180, 80, PAUSE), (150, 110, PAUSE), (179, 109, None)])
def test_or_one_reading_with_a_headache_a_visual_or_a_neurological_symptom(
    code: str, systolic: int, diastolic: int, expected: tuple[str, str] | None
) -> None:
    day = infusing(symptom(code), pressure("10:06", systolic, diastolic))
    assert raised(day, "bp-crisis") == expected


# --- heart, lungs, blood


@pytest.mark.parametrize(
    ("first", "second"), list(itertools.product(("jaw_pain", "arm_pain"), ("sweating", "dyspnoea")))
)
def test_jaw_or_arm_pain_counts_with_sweating_or_dyspnoea(first: str, second: str) -> None:
    assert raised(infusing(symptom(first)), "chest-pain") is None
    assert raised(infusing(symptom(second)), "chest-pain") is None
    assert raised(infusing(symptom(first), symptom(second, "10:06")), "chest-pain") == PAUSE


@pytest.mark.parametrize(
    ("spo2_percent", "scale", "expected"),
    [
        (94, 1, None), (93, 1, ("high", "alert")), (92, 1, ("high", "alert")), (91, 1, PAUSE),
        (93, 2, None), (92, 2, None), (91, 2, None), (86, 2, None),
        (85, 2, ("high", "alert")), (84, 2, ("high", "alert")), (83, 2, PAUSE), (83, 1, PAUSE), (84, 1, PAUSE),
    ],
)  # fmt: skip
def test_oxygen_saturation_on_either_scale(spo2_percent: int, scale: int, expected: tuple[str, str] | None) -> None:
    day = infusing(signs(spo2_percent=spo2_percent, spo2_scale=scale), baseline=signs(spo2_percent=94))
    assert raised(day, "spo2-low") == expected


@pytest.mark.parametrize("code", [*BLEEDING, "haemoptysis"])
def test_a_bleeding_with_a_very_low_pressure_is_a_major_one(code: str) -> None:
    assert raised(infusing(symptom(code), pressure("10:06", 90, 50)), "major-bleed") == STOP
    assert raised(infusing(symptom(code), pressure("10:06", 91, 50)), "major-bleed") is None


@pytest.mark.parametrize("code", [*BLEEDING, "gi_bleeding", "haemoptysis"])
def test_platelets_below_150_with_a_bleeding_sign_pause(code: str) -> None:
    assert raised(infusing(symptom(code), result("platelets", "149.9", "10:06")), "platelets") == ("high", "pause")
    assert raised(infusing(symptom(code), result("platelets", "150", "10:06")), "platelets") is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("150", None),
        ("149.9", ("low", "alert")),
        ("100", ("low", "alert")),
        ("99.9", ("high", "pause")),
        ("50", ("high", "pause")),
        ("49.9", STOP),
    ],
)
def test_platelets_by_tiers(value: str, expected: tuple[str, str] | None) -> None:
    assert raised(infusing(result("platelets", value)), "platelets") == expected


def test_very_low_platelets_without_a_running_infusion_ask_for_no_stop() -> None:
    day = followed_by(OneDay().brought_to("ready", "09:50"), result("platelets", "49.9", "09:55"))
    assert raised(day, "platelets") == ("critical", "alert")


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ([symptom("wheeze")], None),
        ([symptom("urticaria")], None),
        ([symptom("wheeze"), symptom("urticaria", "10:06")], STOP),
        ([symptom("wheeze"), pressure("10:06", 90, 50)], STOP),
        ([symptom("wheeze"), pressure("10:06", 91, 50)], None),
        ([symptom("throat_swelling")], STOP),
        ([("10:05", "reaction.graded", {"ctcae_grade": 3})], None),
        ([("10:05", "reaction.graded", {"ctcae_grade": 4})], STOP),
    ],
)
def test_signs_of_anaphylaxis(facts: list[Charted], expected: tuple[str, str] | None) -> None:
    assert raised(infusing(*facts), "anaphylaxis") == expected


# --- what ends them

FOR_THE_PRESCRIBER = (
    ("stroke-sign", "confusion"), ("dissection-sign", "ptosis"), ("chest-pain", "chest_pain"),
    ("cardiac-evidence", "syncope"), ("haemoptysis", "haemoptysis"), ("bleeding-sign", "bruising"),
    ("major-bleed", "gi_bleeding"), ("anaphylaxis", "throat_swelling"),
)  # fmt: skip


@pytest.mark.parametrize(("rule", "code"), FOR_THE_PRESCRIBER)
def test_what_a_prescriber_must_close_stays_when_the_symptom_is_gone(rule: str, code: str) -> None:
    day = infusing(symptom(code))
    before = raised(day, rule)
    assert before is not None
    accepted(day.post("symptom.resolved", {"code": code}, "10:20"))
    assert raised(day, rule) == before
