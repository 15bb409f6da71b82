"""What may be charted on a day, drawn at random, and what a day comes to whatever the order it was charted in."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import msgspec
from hypothesis import strategies as st

from infusion_service.cli.rehearsal.script import parse_script
from infusion_service.clinical.checks import due_checks
from infusion_service.clinical.course import ordinal_of
from infusion_service.clinical.decide import Accepted
from infusion_service.clinical.trail import Trail
from infusion_service.clinical.vocabulary import Actor, Refusal, Submission, format_time
from tests.clinical.bedside import NURSE, Bedside, played

WINDOW_MIN = 100
"""Minutes after the base state within which drawn facts happen."""

WELL: dict[str, Any] = {
    "heart_rate_per_min": 72,
    "systolic_mmhg": 122,
    "diastolic_mmhg": 76,
    "spo2_percent": 98,
    "on_oxygen": False,
    "spo2_scale": 1,
    "respiratory_rate_per_min": 16,
    "temperature_celsius": "36.8",
    "consciousness": "A",
}
CLEAR = dict.fromkeys(("balance", "eyes", "face", "arms", "speech", "severe_headache", "neck_pain"), False)


@dataclass(frozen=True)
class Drawn:
    """A fact as it might be charted, so many milliseconds after the base state began."""

    type: str
    data: Mapping[str, Any]
    after_ms: int
    event_id: str
    by: Actor = NURSE

    def at(self, base: Bedside) -> datetime:
        """When it happened."""
        return base.now + timedelta(milliseconds=self.after_ms)

    def submission(self, day_id: str, occurred_at: datetime) -> Submission:
        """The fact as it is handed in, late or not."""
        return Submission(
            event_id=self.event_id,
            day_id=day_id,
            type=self.type,
            actor=self.by,
            data=dict(self.data),
            occurred_at=occurred_at,
            late_reason="charted afterwards",
        )


@cache
def _base(state: str, course_day: int) -> Bedside:
    text = (
        f'name = "base"\nworkflow = "alemtuzumab"\ntimezone = "Europe/Paris"\n[given]\ncourse = 1\nday = {course_day}\n'
        f'date = 2026-11-2{2 + course_day}\nroutine_to = "{state}"\n'
    )
    bedside, differences = asyncio.run(played(parse_script(text.encode(), file="base")))
    assert not differences
    return bedside


def bedside_in(state: str, course_day: int = 1) -> tuple[Bedside, str]:
    """A fresh bedside with one day that the routine has brought to a state, and the day's id."""
    base = _base(state, course_day)
    bedside = Bedside(base.now)
    bedside.days, bedside.log = dict(base.days), list(base.log)
    return bedside, next(iter(bedside.days))


def _vitals(systolic_from: int) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    pressure = st.integers(systolic_from, 200).map(
        lambda high: {"systolic_mmhg": high, "diastolic_mmhg": high // 2 + 14}
    )
    signs = st.one_of(
        pressure,
        st.integers(36, 160).map(lambda rate: {"heart_rate_per_min": rate}),
        st.integers(86, 100).map(lambda percent: {"spo2_percent": percent}),
        st.integers(8, 34).map(lambda rate: {"respiratory_rate_per_min": rate}),
        st.integers(350, 404).map(lambda tenths: {"temperature_celsius": f"{tenths // 10}.{tenths % 10}"}),
        st.sampled_from(["regular", "irregular"]).map(lambda rhythm: {"rhythm": rhythm}),
        st.integers(20, 220).map(lambda tenths: {"glucose_mmol_per_l": f"{tenths // 10}.{tenths % 10}"}),
        st.sampled_from([1, 2]).map(lambda scale: {"spo2_scale": scale}),
    )
    changed = st.lists(signs, min_size=1, max_size=3).map(
        lambda parts: {k: v for part in parts for k, v in part.items()}
    )
    whole = changed.map(lambda some: {**WELL, **some, "confirmed": True})
    partial = changed.filter(lambda some: set(some) != {"spo2_scale"}).map(lambda some: {**some, "confirmed": True})
    return st.one_of(whole, whole, partial).map(lambda data: ("vitals.recorded", data))


# Codes that no rule takes for a stop, alone or beside the others drawn here.
CODES = (
    "chest_pain", "chest_pain", "palpitations", "jaw_pain", "arm_pain", "sweating", "dyspnoea", "pleuritic_pain",
    "rash", "urticaria", "itch", "nausea", "dizziness", "pulsatile_tinnitus",
)  # fmt: skip
BLEEDING = ("petechiae", "bruising", "epistaxis")


def _symptom(code: str, severity: int) -> tuple[str, dict[str, Any]]:
    return "symptom.reported", {"code": code, "severity": severity}


def quiet_facts(*, bleeding: bool) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    """A fact that moves nothing and is no evidence of stop class. With `bleeding`, pressure stays above 90."""
    codes = CODES + (BLEEDING if bleeding else ())
    sampled = st.integers(0, 300).map(lambda minutes: f"2026-11-23T{5 + minutes // 60:02}:{minutes % 60:02}:00Z")
    return st.one_of(
        _vitals(91 if bleeding else 72),
        _vitals(130),
        st.just(("befast.checked", CLEAR)),
        st.integers(0, 7).map(lambda severity: _symptom("headache", severity)),
        st.tuples(st.sampled_from(codes), st.integers(0, 10)).map(lambda pair: _symptom(*pair)),
        st.sampled_from((*codes, "headache")).map(lambda code: ("symptom.resolved", {"code": code})),
        st.just(
            (
                "ecg.recorded",
                {"rhythm": "sinus", "rate_per_min": 80, "st_change": "none", "changed_from_baseline": False},
            )
        ),
        st.tuples(st.integers(50, 260), sampled).map(
            lambda pair: (
                "lab.resulted",
                {"analyte": "platelets", "value": pair[0], "unit": "10*9/L", "sampled_at": pair[1]},
            )
        ),
        sampled.map(lambda at: ("lab.sampled", {"analyte": "platelets", "sampled_at": at})),
        st.sampled_from([1, 2]).map(lambda grade: ("reaction.graded", {"ctcae_grade": grade})),
        st.just(("treatment.given", {"drug": "cetirizine", "dose": 10, "unit": "mg", "route": "oral"})),
        st.just(("pump.alarm", {"code": "air", "flow_stopped": False})),
        st.sampled_from([("flush.started", {"volume_ml": 100}), ("flush.ended", {"volume_ml": 100})]),
        st.just(("baseline.recorded", {"deficits": ["arms"]})),
        st.just(("note.added", {"text": "asleep"})),
    )


@st.composite
def quiet_hours(draw: st.DrawFn, max_size: int = 12) -> list[Drawn]:
    """Facts that move nothing, at distinct times, in the order they happened."""
    kinds = quiet_facts(bleeding=draw(st.booleans()))
    last = WINDOW_MIN * 60_000
    # Minutes are what the rules count in: most facts happen on one, so that the edges of spans are met.
    moments = st.one_of(st.integers(1, WINDOW_MIN).map(lambda minutes: minutes * 60_000), st.integers(1, last))
    times = sorted(draw(st.lists(moments, min_size=1, max_size=max_size, unique=True)))
    return [Drawn(*draw(kinds), after_ms=at, event_id=drawn_id(index)) for index, at in enumerate(times)]


def drawn_id(index: int) -> str:
    """An event id that is the same whenever the same example is drawn."""
    return str(uuid.UUID(int=(4 << 76) | (2 << 62) | index))


def accepted(decision: Accepted | Refusal) -> Accepted:
    """The decision, which must not be a refusal."""
    assert isinstance(decision, Accepted), decision
    return decision


def comes_to(bedside: Bedside, day_id: str) -> dict[str, Any]:
    """What a day amounts to: equal for days that differ only in when things were learned."""
    day = bedside.days[day_id]
    picture, ledger = day.picture, day.ledger
    due = due_checks(picture, ledger, ordinal_of(bedside.course(day_id), day), bedside.now, day.workflow)
    view = bedside.view(day_id)
    return {
        "state": (day.state, day.state_since and format_time(day.state_since)),
        "dose": view["dose"],
        "pump": view["pump"],
        "observation": view["observation"],
        "checks": [(check.check, check.due_at, check.status, check.missed) for check in due],
        "alerts": sorted((alert.rule, alert.rank, alert.severity, alert.action) for alert in ledger.open_list()),
        "vitals": view["vitals"],
        "symptoms": {code: (symptom.severity, symptom.at) for code, symptom in picture.symptoms.items()},
        "deficits": picture.deficits,
        "labs": {name: sorted((r.sampled_at, r.value) for r in results) for name, results in picture.labs.items()},
    }


def written_out(value: Any) -> Any:
    """A value of the clinical core as something that compares by content."""
    if isinstance(value, Trail):
        return [written_out(item) for item in value]
    if isinstance(value, msgspec.Struct):
        return {name: written_out(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, Mapping):
        return {key: written_out(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [written_out(item) for item in value]
    return value
