"""A shift on which anything may happen: facts on time and late, moves, strikes, corrections, reviews, time that passes.

Steps are drawn before the shift begins and say what to do with what is there by then (the n-th fact, every open alert),
so that a step fits whatever came before it. What is refused is refused; a shift has no opinion on that.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from infusion_service.clinical.decide import Accepted
from infusion_service.clinical.vocabulary import Actor, Refusal, Submission
from tests.clinical.bedside import CHARGE_NURSE, NURSE, PRESCRIBER, TABLET, Bedside
from tests.clinical.drawn_days import CLEAR, WELL, quiet_facts


@dataclass(frozen=True)
class Step:
    """One thing that is done `wait_ms` after the step before; `late_ms` is how long ago it happened by then."""

    type: str
    data: Mapping[str, Any]
    by: Actor = NURSE
    wait_ms: int = 0
    late_ms: int = 0
    names: int = -1
    """The fact that a strike, correction or confirmation means, counted back from the latest."""
    corrects: bool = False


class Shift:
    """Takes steps at a bedside, on its first day."""

    def __init__(self, bedside: Bedside) -> None:
        self.bedside = bedside
        self.day_id = next(iter(bedside.days))
        self._taken = 0

    def take(self, step: Step) -> Accepted | Refusal | None:
        """Do one step; None for one that only lets time pass."""
        self.bedside.advance(self.bedside.now + timedelta(milliseconds=step.wait_ms))
        if not step.type:
            return None
        self._taken += 1
        return self.bedside.submit(self.submission(step))

    def submission(self, step: Step) -> Submission:
        """The step as a submission, its references filled in with what there is."""
        day = self.bedside.days[self.day_id]
        charted = list(day.charted)
        named = charted[-1 - step.names % len(charted)].id if step.names >= 0 else None
        data = dict(step.data)
        if "entry" in data:
            data["entry"] = named
        if "alerts" in data:
            data["alerts"] = [alert.id for alert in day.ledger.open_list()]
        if "alert" in data:
            data["alert"] = next((alert.id for alert in day.ledger.open_list()), str(uuid.UUID(int=0)))
        return Submission(
            event_id=str(uuid.uuid5(uuid.UUID(int=0), f"{self._taken}")),
            day_id=self.day_id,
            type=step.type,
            actor=step.by,
            data=data,
            occurred_at=self.bedside.now - timedelta(milliseconds=step.late_ms),
            late_reason="charted afterwards" if step.late_ms else None,
            corrects=named if step.corrects else None,
        )


SIGNS_OF_STOP: tuple[tuple[str, dict[str, Any]], ...] = (
    ("symptom.reported", {"code": "arm_weakness"}),
    ("symptom.reported", {"code": "haemoptysis"}),
    ("symptom.reported", {"code": "neck_pain"}),
    ("symptom.reported", {"code": "wheeze"}),
    ("symptom.reported", {"code": "petechiae"}),
    ("befast.checked", {**CLEAR, "face": True}),
    ("reaction.graded", {"ctcae_grade": 3}),
    ("vitals.recorded", {"consciousness": "V"}),
    ("vitals.recorded", {"systolic_mmhg": 86, "diastolic_mmhg": 50}),
)
MOVES: tuple[tuple[str, dict[str, Any], Actor], ...] = (
    ("infusion.paused", {"reason": "clinical"}, NURSE),
    ("infusion.paused", {"reason": "technical"}, TABLET),
    ("infusion.resumed", {"rate_ml_per_h": 20}, NURSE),
    ("infusion.rate_changed", {"rate_ml_per_h": 20, "reason": "settled"}, NURSE),
    ("infusion.stopped", {"reason": "reaction"}, NURSE),
    ("infusion.completed", {}, NURSE),
    ("pump.alarm", {"code": "air", "flow_stopped": True}, TABLET),
    ("emergency.declared", {"reason": "collapse"}, TABLET),
    ("emergency.stood_down", {"finding": "excluded"}, PRESCRIBER),
    ("emergency.stood_down", {"finding": "confirmed"}, PRESCRIBER),
    ("observation.extended", {"reason": "headache"}, NURSE),
    ("patient.left", {"reason": "refusal"}, NURSE),
    ("screening.started", {}, NURSE),
)
REVIEW: dict[str, Any] = {"alerts": [], "decision": "continue", "authorises_resume": True}
PAPERS: tuple[tuple[str, dict[str, Any], Actor], ...] = (
    ("review.recorded", REVIEW, PRESCRIBER),
    ("alert.acknowledged", {"alert": ""}, NURSE),
    ("entry.confirmed", {"entry": ""}, NURSE),
    ("entry.struck", {"entry": "", "reason": "mistyped"}, CHARGE_NURSE),
    ("entry.struck", {"entry": "", "reason": "mistyped"}, CHARGE_NURSE),
)


@st.composite
def shifts(draw: st.DrawFn, max_size: int) -> list[Step]:
    """Steps of a shift."""
    quiet = quiet_facts(bleeding=True)
    waits = st.sampled_from([0, 1, 1000, 60_000, 120_000, 600_000, 900_000, 2_400_000])
    lates = st.sampled_from([0, 0, 0, 1000, 60_000, 1_000_000, 3_000_000])

    def steps() -> list[Step]:  # noqa: PLR0911  # one return a kind of step
        wait_ms, late_ms, names = draw(waits), draw(lates), draw(st.integers(0, 6))
        match draw(
            st.sampled_from(["quiet", "quiet", "quiet", "stop", "move", "move", "paper", "correct", "go on", "wait"])
        ):
            case "quiet":
                return [replace(Step(*draw(quiet)), wait_ms=wait_ms, late_ms=late_ms)]
            case "stop":
                return [replace(Step(*draw(st.sampled_from(SIGNS_OF_STOP))), wait_ms=wait_ms, late_ms=late_ms)]
            case "move":
                return [replace(Step(*draw(st.sampled_from(MOVES))), wait_ms=wait_ms, late_ms=late_ms)]
            case "paper":
                return [replace(Step(*draw(st.sampled_from(PAPERS))), wait_ms=wait_ms, names=names)]
            case "correct":
                replacement = draw(quiet)
                return [Step(*replacement, CHARGE_NURSE, wait_ms, late_ms, names=names, corrects=True)]
            case "go on":
                return [
                    Step("review.recorded", REVIEW, PRESCRIBER, wait_ms),
                    Step("vitals.recorded", WELL),
                    Step("infusion.resumed", {"rate_ml_per_h": 20}),
                ]
        return [Step("", {}, wait_ms=wait_ms)]

    return [step for _ in range(draw(st.integers(1, max_size))) for step in steps()]
