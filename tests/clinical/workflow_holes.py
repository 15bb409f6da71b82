"""Holes planted in copies of the shipped workflow file: for each safety property the ways it could be lost.

The first hole of a property is the one looked for in every run; all of them are in the drill. A hole is named after
what somebody might have done to the file.
"""

from __future__ import annotations

from tests.clinical.workflow_copies import Edit, without_guard

Hole = tuple[Edit, ...]


def in_guard(id: str, before: str, after: str) -> Edit:
    """Return the edit that changes something within one guard."""
    return f'[[guards]]\nid = "{id}"', before, after


def in_fact(name: str, before: str, after: str) -> Edit:
    """Return the edit that changes something within one fact."""
    return f'[facts."{name}"]\n', before, after


def in_rule(id: str, before: str, after: str) -> Edit:
    """Return the edit that changes something within one course rule."""
    return f'[[course_rules]]\nid = "{id}"', before, after


def with_move(fact: str, source: str, target: str, before: str) -> Edit:
    """Return the edit that lets a fact lead somewhere else too; `before` is its first move as the file has it."""
    return in_fact(fact, "moves = [", f'moves = [{{ from = ["{source}"], to = "{target}" }}, {before}')


HOLES: dict[str, dict[str, Hole]] = {
    "observed-long-enough": {
        "a minute less": (in_guard("observation-minimum", "minimum_min = 120", "minimum_min = 119"),),
        "an hour less": (in_guard("observation-minimum", "minimum_min = 120", "minimum_min = 60"),),
        "no guard": (without_guard("observation-minimum"),),
    },
    "steroid-before-infusion": {
        "only two days": (in_guard("steroid-given", "ordinal_at_most = 3", "ordinal_at_most = 2"),),
        "not asked at the start": (in_guard("steroid-given", ', "infusion.started"', ""),),
        "not asked before": (in_guard("steroid-given", '"premed.completed", ', ""),),
        "still running": (in_guard("steroid-given", "finished = true", "finished = false"),),
        "declined will do": (in_guard("steroid-given", "finished = true", "finished = true\nor_declined = true"),),
        "another drug": (in_guard("steroid-given", '"corticosteroid"', '"antiviral"'),),
        "no guard": (without_guard("steroid-given"),),
    },
    "antiviral-before-infusion": {
        "no guard": (without_guard("antiviral-started"),),
        "another drug": (in_guard("antiviral-started", '"antiviral"\n', '"antihistamine"\n'),),
    },
    "no-expired-bag": {
        "an hour more": (in_guard("bag-in-date", "valid_h = 8", "valid_h = 9"),),
        "not asked at the start": (in_guard("bag-in-date", '"infusion.started", ', ""),),
        "not asked at the resume": (in_guard("bag-in-date", ', "infusion.resumed"', ""),),
    },
    "right-bag": {
        "no guard": (without_guard("bag-identified"),),
        "another dose": (("[plan]", "dose_mg = 12", "dose_mg = 13"),),
    },
    "platelets-before-discharge": {
        "not on day 5": (in_guard("platelets-drawn", '"1" = [3, 5]', '"1" = [3]'),),
        "not on day 3": (in_guard("platelets-drawn", '"1" = [3, 5]', '"1" = [5]'),),
        "not in later courses": (in_guard("platelets-drawn", ", other = [3]", ""),),
        "another analyte": (in_guard("platelets-drawn", '"platelets"\n', '"troponin"\n'),),
        "no guard": (without_guard("platelets-drawn"),),
    },
    "vitals-before-start": {
        "a minute more at the start": (in_guard("vitals-fresh", '"infusion.started" = 15', '"infusion.started" = 16'),),
        "a minute more at the end": (
            in_guard("vitals-fresh", '"patient.discharged" = 15', '"patient.discharged" = 16'),
        ),
        "without the temperature": (
            in_fact("vitals.recorded", '"temperature_celsius", "consciousness"]', '"consciousness"]'),
        ),
        "without the pressure": (in_fact("vitals.recorded", '"systolic_mmhg", "diastolic_mmhg", "spo2', '"spo2'),),
        "no guard": (without_guard("vitals-fresh"),),
    },
    "vitals-before-resume": {
        "a minute more": (in_guard("vitals-fresh", '"infusion.resumed" = 5', '"infusion.resumed" = 6'),),
    },
    "no-start-on-an-alert": {
        "no guard": (without_guard("no-critical-alert"),),
        "critical is no reason to wait": (
            in_guard("no-critical-alert", '"infusion.resumed" = ["critical"]', '"infusion.resumed" = []'),
        ),
        "a wanted pause is no reason to wait": (in_guard("no-critical-alert", '"pause", "stop"', '"stop"'),),
    },
    "no-discharge-on-an-alert": {
        "high is no reason to stay": (in_guard("no-critical-alert", '["critical", "high"]', '["critical"]'),),
    },
    "rate-within-plan": {
        "a hundredth more": (in_guard("rate-in-plan", "factor = 1.1", "factor = 1.11"),),
        "not asked at a change": (in_guard("rate-in-plan", '"infusion.rate_changed", ', ""),),
        "a shorter plan": (("[plan]", "duration_min = 240", "duration_min = 239"),),
        "no guard": (without_guard("rate-in-plan"),),
    },
    "no-resume-after-stop": {"no guard": (without_guard("resume-authorised"),)},
    "resume-authorised-by-review": {
        "a minute more": (in_guard("resume-authorised", "free_min = 30", "free_min = 31"),),
        "clinical ones too": (in_guard("resume-authorised", '"technical", ', '"technical", "clinical", '),),
    },
    "screened-completely": {
        "an item less": (in_guard("checklist-complete", '"stroke_history",', ""),),
        "consent not applicable": (in_guard("checklist-complete", '= ["preg', '= ["consent", "preg'),),
        "no guard": (without_guard("checklist-complete"),),
    },
    "baseline-before-infusion": {
        "no ECG": (in_guard("baseline-recorded", '"ecg.recorded", ', ""),),
        "no neurological check": (in_guard("baseline-recorded", ', "befast.checked"', ""),),
        "no complete set": (in_guard("baseline-recorded", "complete_set = true", "complete_set = false"),),
    },
    "pressure-controlled": {
        "one more": (in_guard("bp-controlled", "systolic_mmhg = 160", "systolic_mmhg = 161"),),
        "one more at the end": (in_guard("discharge-bp", "diastolic_mmhg = 100", "diastolic_mmhg = 101"),),
        "only the upper one": (in_guard("discharge-bp", ", diastolic_mmhg = 100", ""),),
        "no guard": (without_guard("discharge-bp"),),
    },
    "rising-pressure-reviewed": {
        "not asked": (in_guard("discharge-bp", 'alerts_closed = ["bp-trend"]', "alerts_closed = []"),),
    },
    "alert-card-in-hand": {"no guard": (without_guard("alert-card"),)},
    "symptoms-over-before-discharge": {
        "no guard": (without_guard("symptoms-resolved"),),
        "asked elsewhere": (in_guard("symptoms-resolved", '["extended_observation"]', '["observing"]'),),
    },
    "no-infusion-in-a-held-course": {
        "no guard at the start": (without_guard("course-open"),),
        "no review holds": (("[course_flags]", 'hold_decisions = ["hold"]', "hold_decisions = []"),),
        "stopping lifts": (
            ("[course_flags]", 'lift_decisions = ["continue"]', 'lift_decisions = ["continue", "stop"]'),
        ),
        "not asked at the check-in": (in_rule("course-held", ', "patient.checked_in"', ""),),
        "not asked when it is scheduled": (in_rule("course-held", '"day.scheduled", ', ""),),
    },
    "stopped-for-good": {
        "a diagnosis less": (("[course_flags]", '"angina", "alveolar', '"alveolar'),),
        "no guard at the start": (without_guard("course-open"),),
    },
    "courses-and-days": {
        "a fifth course": (in_rule("course-number", "at_most = 4", "at_most = 5"),),
        "a sixth day": (in_rule("course-day", '"1" = 5', '"1" = 6'),),
        "a fourth day": (in_rule("course-day", "other = 3", "other = 4"),),
    },
    "a-year-between-courses": {
        "a month less": (in_rule("course-interval", "months = 12", "months = 11"),),
        "not asked": (in_rule("course-interval", '"day.scheduled", ', ""),),
    },
    "one-dose-on-a-date": {"not asked": (in_rule("one-dose-a-day", '"day.scheduled", ', ""),)},
    "whole-bag-given": {
        "a per cent less": (in_guard("volume-delivered", "percent = 98", "percent = 97"),),
        "no guard": (without_guard("volume-delivered"),),
    },
    "two-people": {
        "a start alone": (in_fact("infusion.started", 'second = "independent"\n', ""),),
        "a bag alone": (in_fact("bag.prepared", 'second = "independent"\n', ""),),
        "a minute older": (("[time]", "double_check_valid_min = 30", "double_check_valid_min = 31"),),
    },
    "consent-to-overrides": {
        "nobody need consent": (in_fact("override.granted", 'second = "consent"\n', ""),),
        "anybody for the bag": (in_guard("bag-in-date", ', consent = ["pharmacist"]', ""),),
    },
    "never-overridden": {
        "the observation": (
            in_guard("observation-minimum", "minimum_min", 'override = { by = ["prescriber"] }\nminimum_min'),
        ),
        "the bag": (in_guard("bag-identified", "source", 'override = { by = ["nurse"], alone = true }\nsource'),),
    },
    "prescriber-decides": {
        "a nurse passes": (in_fact("screening.passed", 'by = ["prescriber"]', 'by = ["prescriber", "nurse"]'),),
        "a nurse reviews": (in_fact("review.recorded", 'by = ["prescriber"]', 'by = ["prescriber", "nurse"]'),),
    },
    "nurse-runs-the-pump": {
        "a prescriber starts": (in_fact("infusion.started", 'by = ["nurse"]', 'by = ["nurse", "prescriber"]'),),
        "a tablet resumes": (in_fact("infusion.resumed", 'by = ["nurse", ', 'by = ["device", "nurse", '),),
    },
    "pump-runs-only-after-preparation": {
        "started before it is ready": (with_move("infusion.started", "premedicating", "infusing", ""),),
        "resumed from the emergency": (with_move("infusion.resumed", "emergency", "infusing", ""),),
        "started without screening": (with_move("infusion.started", "checked_in", "infusing", ""),),
    },
    "nobody-goes-home-from-the-pump": {
        "deferred while it runs": (with_move("day.deferred", "infusing", "deferred", ""),),
        "discharged while it runs": (
            with_move("patient.discharged", "emergency", "discharged", ""),
            without_guard("observation-minimum"),
        ),
    },
    "nobody-goes-home-unobserved": {
        "discharged from the pause": (with_move("patient.discharged", "paused", "discharged", ""),),
    },
    "clinical-stop-is-watched": {
        "a bleeding goes unwatched": (
            ('[[facts."infusion.stopped".moves]]', '"bleeding", ', ""),
            ('[[facts."infusion.stopped".moves]]', 'among = ["bag_expired"', 'among = ["bleeding", "bag_expired"'),
        ),
    },
    "emergency-always": {
        "not by a tablet": (in_fact("emergency.declared", ', "device"]', "]"),),
    },
    "stop-always": {
        "not by a tablet": (in_fact("infusion.stopped", ', "device"]', "]"),),
        "not in an emergency": (('[[facts."infusion.stopped".moves]]', 'from = ["emergency", ', "from = ["),),
        "not for a bleeding": (('[[facts."infusion.stopped".moves]]', '"bleeding", ', ""),),
    },
}
