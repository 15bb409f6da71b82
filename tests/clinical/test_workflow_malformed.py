"""A workflow file that makes no sense is refused before a patient is scheduled, with file, key and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from tests.clinical.workflow_copies import INVENTED, SHIPPED, Edit, edited, problems


class Malformed(NamedTuple):
    """What is planted, the key that must be named and what must be said of it."""

    edits: tuple[Edit, ...]
    key: str
    says: str


def one(anchor: str, before: str, after: str, key: str, says: str) -> Malformed:
    """Return a file with a single thing wrong."""
    return Malformed(((anchor, before, after),), key, says)


TERMINAL = ("Discharged", "Left early", "Transferred", "Deferred", "Cancelled", "Missed")
LIMBO = ("", "[states.deferred]", '[states.limbo]\ntitle = "Limbo"\n[states.deferred]')

SHAPE = {
    "bad TOML": one("", "version = 1", "version = = 1", "", "is not TOML"),
    "another format": one("", "format = 1", "format = 2", "format", "2"),
    "unknown key": one("[states.ready]", "open", "opne", "states.ready", "opne"),
    "unknown key in a guard": one('"observation-minimum"', "minimum_min", "min", "observation-minimum", "`min`"),
    "unknown kind of guard": one("", '"observed_for"', '"watched"', "observation-minimum", "observed_for"),
    "unknown kind of course rule": one("", '"course_interval"', '"gap"', "course-interval", "course_interval"),
    "unknown kind of test": one('id = "bp-trend"', '"trend"', '"rise"', "bp-trend", "trend"),
    "unknown clock": one("", '"end_passed"', '"end"', "end-overdue", "end_passed"),
    "unknown kind of safety test": one("[[safety]]", 'test = "pump"', 'test = "pum"', "observed-long-enough", "pump"),
    "unknown meaning": one("", 'means = "review"', 'means = "visit"', "review.recorded", "review"),
    "unknown role": one('facts."bag.prepared"', '"pharmacist"', '"chemist"', "bag.prepared", "pharmacist"),
    "a kind that is a list": one("", 'kind = "observed_for"', "kind = []", "observation-minimum", "not known"),
    "a format that is a flag": one("", "format = 1", "format = true", "format", "not known"),
    "wrong type": one("", "valid_h = 8", 'valid_h = "eight"', "bag-in-date", "whole number"),
    "missing key": one("", "valid_h = 8\n", "", "bag-in-date", "valid_h"),
}
STATES = {
    "two initial states": one("[states.ready]", "open", "initial = true\nopen", "states", "2 states are initial"),
    "no initial state": one("", "initial = true", "initial = false", "states", "0 states are initial"),
    "no terminal state": Malformed(
        tuple((f'title = "{title}"', "terminal = true", "") for title in TERMINAL), "states", "no state is terminal"
    ),
    "no emergency": one("[states.emergency]", "emergency = true", "", "states", "no state is the emergency"),
    "open and over": one("[states.missed]", "terminal", "open = true\nterminal", "states.missed", "at once"),
    "unreachable state": Malformed((LIMBO,), "states.limbo", "cannot be reached"),
    "trap state": Malformed(
        (
            LIMBO,
            ('facts."day.deferred"', 'to = "deferred"', 'to = "limbo"'),
            ('facts."screening.failed"', 'to = "cancelled"', 'to = "deferred"'),
        ),
        "states.limbo",
        "trap",
    ),
    "no way to an emergency": one(
        'facts."emergency.declared"', '"premedicating", ', "", "states.premedicating", "no way to an emergency"
    ),
    "overlapping moves": one(
        'facts."infusion.stopped".moves', '["bag_expired"', '["reaction"', "infusion.stopped.moves[1]", "overlaps"
    ),
    "a move on no field": one(
        'facts."screening.failed"', 'field = "permanent"', 'field = "ever"', "screening.failed.moves[0]", "ever"
    ),
    "a move on no code": one('facts."infusion.stopped".moves', '"line_lost"', '"lost"', "moves[1].when", "lost"),
    "a move from no state": one(
        'facts."screening.passed"', 'from = ["screening"]', "from = []", "screening.passed.moves[0]", "no state"
    ),
    "a move to no state": one(
        'facts."screening.passed"', 'to = "pre', 'to = "per', "screening.passed", "permedicating"
    ),
}
FACTS = {
    "nobody may post it": one(
        'facts."note.added"', 'by = ["nurse", "prescriber", "pharmacist"]', "by = []", "by", "nobody"
    ),
    "no number left": one("", "above = 0, at_most = 1000", "above = 1000, at_most = 1000", "volume_ml", "no number"),
    "a zone asked of people": one(
        "", 'timezone = { type = "text", optional = true', 'timezone = { type = "text"', "timezone", "adds it"
    ),
    "a name of the service's own": one("", '"note.added"', '"alert.raised"', "facts.alert.raised", "itself"),
    "no scheduling": one("", 'means = "scheduling"\n', "", "facts", "no fact means scheduling"),
    "no field for its meaning": one('facts."bag.prepared".fields', "volume_ml", "fill_ml", "bag.prepared", "volume_ml"),
    "another type than its meaning needs": one(
        'facts."pump.alarm".fields',
        'flow_stopped = { type = "boolean"',
        'flow_stopped = { type = "text"',
        "pump.alarm",
        "boolean",
    ),
    "wrong unit": one("", "glucose_mmol_per_l = {", "glucose_mgdl = {", "glucose_mgdl", "unit"),
    "no unit": one("", "temperature_celsius = {", "temperature = {", "fields.temperature", "unit"),
    "wrong degrees": one("", "temperature_celsius = {", "temperature_fahrenheit = {", "temperature_fahrenheit", "unit"),
    "inverted range": one("", "soft = [35, 180]", "soft = [180, 35]", "heart_rate_per_min", "swap"),
    "soft outside hard": one(
        "", "soft = [35, 180], hard = [20, 300]", "soft = [10, 180], hard = [20, 300]", "heart", "soft"
    ),
    "inverted bounds": one('facts."reaction.graded"', "at_least = 1", "at_least = 9", "ctcae_grade", "swap"),
    "a choice of nothing": one(
        'facts."pump.alarm_cleared"',
        'of = ["occlusion", "air", "battery", "end", "other"]',
        "of = []",
        "code",
        "nothing",
    ),
    "no such code group": one(
        'facts."symptom.reported".fields', '"stroke"', '"strokes"', "symptom.reported", "strokes"
    ),
    "no such sign": one(
        'facts."vitals.recorded"', 'complete_set = ["heart', 'complete_set = ["hart', "vitals.recorded", "hart"
    ),
    "soft but never confirmed": one(
        'facts."vitals.recorded".fields', "confirmed = {", "sure = {", "vitals.recorded", "confirmed"
    ),
}
RULES = {
    "guard on no fact": one(
        'id = "alert-card"', "patient.discharged", "patient.gone", "guards.alert-card", "patient.gone"
    ),
    "guard on no state": one("", "only_from = [", 'only_from = ["extended", ', "guards.symptoms-resolved", "extended"),
    "guard on no sign": one('id = "discharge-bp"', "systolic_mmhg", "systolic", "guards.discharge-bp", "systolic"),
    "guard on no alert": one(
        "", 'alerts_closed = ["bp-trend"', 'alerts_closed = ["rise"', "guards.discharge-bp", "rise"
    ),
    "guard on no action": one('id = "no-critical-alert"', '"pause", "stop"', '"halt"', "no-critical-alert", "halt"),
    "guard on no medication": one('id = "antiviral', 'class = "antiviral"', 'class = "herbs"', "antiviral", "herbs"),
    "guard on no item": one("", 'applicable = ["preg', 'applicable = ["pregn', "checklist-complete", "pregnnancy"),
    "guard on no field": one('id = "alert-card"', "alert_card_given", "card", "guards.alert-card", "card"),
    "guard without a value for each fact": one(
        "", 'within_min = { "infusion.started" = 15, ', "within_min = { ", "vitals-fresh", "on"
    ),
    "guard without its kind of fact": one("", 'means = "bag_prepared"\n', "", "guards.bag-identified", "bag_prepared"),
    "guard twice": one("", 'id = "discharge-bp"', 'id = "bp-controlled"', "guards.bp-controlled", "twice"),
    "guard below zero": one("", "minimum_min = 120", "minimum_min = -1", "guards.observation-minimum", "-1"),
    "override by no role": one('id = "bag-in-date"', '"pharmacist"', '"chemist"', "bag-in-date.override", "chemist"),
    "override that nobody can grant": one(
        "", 'means = "override"\n', "", "bag-in-date.override", "no fact means override"
    ),
    "second person nowhere guarded": one(
        'id = "second-person"', '"bag.prepared", ', "", "bag.prepared.second", "second"
    ),
    "course rule on no fact": one(
        "[[course_rules]]", "patient.checked_in", "patient.in", "course-number", "patient.in"
    ),
    "course rule on no state": one("", 'ignores = ["', 'ignores = ["gone", "', "one-dose-a-day", "gone"),
    "flag on no alert": one("[course_flags]", 'alert = "haemoptysis"', 'alert = "blood"', "course_flags", "blood"),
    "flag on no decision": one("", 'hold_decisions = ["hold"]', 'hold_decisions = ["wait"]', "hold_decisions", "wait"),
    "check on no fact": one("", 'fact = "callback.recorded"', 'fact = "call.made"', "checks", "call.made"),
    "check on no state": one("[[checks]]", 'states = ["infusing"]', 'states = ["runs"]', "checks[0]", "runs"),
    "check on no sign": one("[[checks]]", "heart_rate_per_min", "pulse", "checks[0]", "pulse"),
    "check of two kinds": one(
        "[[checks]]", "every_min = 15", "every_min = 15\ncalendar = true", "checks[0]", "one kind"
    ),
    "check without end": one("[[checks]]", "every_min = 15", "every_min = 0", "checks[0]", "every 0 minutes"),
    "escalation to nobody": one("[[escalations]]", "charge_nurse", "matron", "escalations[0]", "matron"),
    "plan of nothing": one("[plan]", "duration_min = 240", "duration_min = 0", "plan.duration_min", "above 0"),
    "no time of day": one("", 'missed_cutoff = "12:00"', 'missed_cutoff = "noon"', "missed_cutoff", "noon"),
    "no source": one(
        "[[guards]]", 'source = "SmPC 4.3 and 4.4"', 'source = " "', "guards.checklist-complete", "source"
    ),
}
ALERTS = {
    "no such sign": one("", 'sign = "glucose_mmol_per_l", below', 'sign = "sugar", below', "alerts.glucose", "sugar"),
    "no such other sign": one("", "or_earlier = { ", "or_earlier = { pulse = 1, ", "alerts.bp-crisis", "pulse"),
    "no such code": one("", 'not_among = ["A"]', 'not_among = ["Z"]', "alerts.consciousness-fall", "Z"),
    "no such symptom": one("", 'among = ["haemoptysis"] }', 'among = ["cough"] }', "alerts.haemoptysis", "cough"),
    "no such item": one('id = "stroke-sign"', 'items = ["balance"', 'items = ["gait"', "alerts.stroke-sign", "gait"),
    "no such field": one("", 'field = "changed_from_baseline", eq', 'field = "new", eq', "cardiac-evidence", "new"),
    "no such fact": one('id = "cardiac-evidence"', 'fact = "ecg.recorded"', 'fact = "ecg"', "cardiac-evidence", "ecg"),
    "no such state": one('id = "platelets"', 'among = ["infusing"]', 'among = ["runs"]', "alerts.platelets", "runs"),
    "no such score": one('id = "news2"', 'score = "news2"', 'score = "news3"', "alerts.news2", "news3"),
    "no such action": one('id = "bp-crisis"', 'action = "pause"', 'action = "halt"', "alerts.bp-crisis", "halt"),
    "no such guard": one("", 'guard = "bag-in-date", pro', 'guard = "bag", pro', "alerts.bag-expiry", "bag_in_date"),
    "no such alert": one("", 'explained_by = ["bp-high"', 'explained_by = ["high"', "alerts.news2", "high"),
    "an action on no fact": one("[actions.pause]", '"infusion.paused"', '"halted"', "actions.pause", "halted"),
    "an action that declares no emergency": one(
        "[actions.stop]", 'declares = "emergency.declared"', 'declares = "note.added"', "actions.stop", "note.added"
    ),
    "a sign of a score": one("[scores.news2]", 'sign = "on_oxygen"', 'sign = "oxygen"', "scores.news2", "oxygen"),
    "inverted limits": one(
        'id = "spo2-low"', "at_least = 92, at_most = 93", "at_least = 93, at_most = 92", "spo2-low", "swap"
    ),
    "both when and from": one(
        'id = "fever"',
        "when = ",
        'from = { clock = "end_passed", minutes = 1 }\nwhen = ',
        "alerts.fever",
        "exactly one",
    ),
    "twice": one("", 'id = "chest-pain"', 'id = "fever"', "alerts.fever", "twice"),
}
LIMITS = {
    "a score with a hole": one("", "{ points = 0, at_least = 12", "{ points = 0, at_least = 13", "news2", "takes 12"),
    "a score with an overlap": one(
        "", "{ points = 0, at_least = 12", "{ points = 0, at_least = 11", "news2", "take 11"
    ),
    "a score that ends": one(
        "", "{ points = 3, at_least = 131 }", "{ points = 3, at_least = 131, at_most = 200 }", "news2", "above 200"
    ),
    "a score that begins": one(
        "", "{ points = 3, at_most = 40 }", "{ points = 3, at_least = 30, at_most = 40 }", "news2", "below 30"
    ),
    "a default that no band takes": one(
        "",
        "defaults = { on_oxygen = false, spo2_scale = 1",
        "defaults = { on_oxygen = false, spo2_scale = 3",
        "spo2_scale = 3",
        "no band fits",
    ),
    "two degrees of one value": one('id = "heart-rate"', "at_most = 130", "at_most = 131", "alerts.heart-rate", "both"),
    "a degree without its end": one('id = "bp-low"', "above = 90, ", "", "alerts.bp-low", "both"),
    "a scale of no sign": one('id = "spo2-low"', 'scale_sign = "spo2_scale", ', "", "alerts.spo2-low", "scale_sign"),
    "all of one": one(
        'id = "new-headache"',
        '  { test = "symptom", among = ["headache"], severity_at_least = 4, severity_at_most = 7 },\n',
        "",
        "alerts.new-headache",
        "1 tests",
    ),
    "below what is charted": one(
        'id = "reaction"', "at_least = 1, at_most = 1", "at_least = 0, at_most = 1", "alerts.reaction", "never below 1"
    ),
    "a family of one who does not know": one(
        'id = "bp-high"', 'family = "bp-high"\n', "", "alerts.bp-crisis", "names none"
    ),
    "a clock for a prescriber": one(
        'id = "vitals-gap"', 'closes = "auto"', 'closes = "review"', "alerts.vitals-gap", "closes"
    ),
    "an expiry of two kinds": one(
        'id = "bag-expiry"', "projected = true", "projected = true, before_min = 5", "alerts.bag-expiry", "exactly one"
    ),
    "half a pressure": one("[[checks]]", '"diastolic_mmhg", ', "", "checks[0]", "diastolic_mmhg"),
    "a phase that nothing follows": one(
        "[[checks]]", "until_min = 60", "until_min = 59", "checks[0]", "nothing begins"
    ),
    "a phase that follows nothing": one("[[checks]]", "from_min = 60", "from_min = 61", "checks[2]", "nothing ends"),
    "a phase without end": one("[[checks]]", "until_min = 60\n", "", "checks[0]", "beside"),
    "for every reason beside one": one(
        "[[checks]]", 'pause_reasons = ["technical", "patient"]\n', "", "checks[5]", "reason"
    ),
}
SAFETY = {
    "about no fact": one(
        'id = "alert-card-in-hand"', "patient.discharged", "patient.gone", "alert-card-in-hand", "gone"
    ),
    "about two things": one(
        'id = "alert-card-in-hand"', "never = ", 'never_enters = ["missed"]\nnever = ', "card", "one"
    ),
    "about no state": one("", 'never_enters = ["infusing"]', 'never_enters = ["runs"]', "pump-runs", "runs"),
    "on no field": one(
        'id = "alert-card-in-hand"', 'field = "alert', 'field = "allert', "alert-card-in-hand", "allert"
    ),
    "on no code": one('id = "steroid-before', '"corticosteroid"', '"cortison"', "steroid-before-infusion", "cortison"),
    "on no item": one('id = "screened-completely"', '"consent"', '"consnt"', "screened-completely", "consnt"),
    "on no alert": one('id = "rising-pressure', '"bp-trend"', '"rise"', "rising-pressure-reviewed", "rise"),
    "on no role": one(
        'id = "prescriber-decides"', 'roles = ["prescriber"]', 'roles = ["doctor"]', "prescriber", "doctor"
    ),
    "without source": one('id = "observed-long', 'source = "', 'source = ""\n# "', "observed-long-enough", "source"),
    "twice": one("", 'id = "right-bag"', 'id = "no-expired-bag"', "safety.no-expired-bag", "twice"),
}

EVERY = {
    f"{part}: {name}": malformed
    for part, table in (
        ("shape", SHAPE), ("states", STATES), ("facts", FACTS), ("rules", RULES), ("alerts", ALERTS),
        ("limits", LIMITS), ("safety", SAFETY),
    )
    for name, malformed in table.items()
}  # fmt: skip


@pytest.mark.parametrize("malformed", EVERY.values(), ids=EVERY)
def test_a_malformed_file_is_refused_with_key_and_remedy(malformed: Malformed) -> None:
    found = problems(edited(*malformed.edits))

    assert found, "the file was taken"
    assert {problem.file for problem in found} == {"copy.toml"}
    assert all(problem.problem.strip() and problem.remedy.strip() for problem in found)
    named = [problem for problem in found if malformed.key in problem.key]
    assert named, f"{malformed.key} is not named: {[str(problem) for problem in found]}"
    said = [problem for problem in named if malformed.says in f"{problem.problem} {problem.remedy}"]
    assert said, f"{malformed.says} is not said: {[str(problem) for problem in named]}"


def test_a_problem_is_said_in_one_line_that_a_person_can_act_on() -> None:
    (problem,) = problems(edited(("[states.ready]", "open", "opne")))

    assert str(problem) == (
        "copy.toml: states.ready: has the unknown key `opne` (did you mean `open`? See `infusion workflow schema`)"
    )


@pytest.mark.parametrize("path", [SHIPPED, *sorted(INVENTED.glob("*.toml"))], ids=lambda path: path.stem)
def test_a_sound_file_has_no_problem(path: Path) -> None:
    assert not problems(edited(path=path))
