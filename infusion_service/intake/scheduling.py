"""A new day: which workflow it follows, where it lies, and what of the ward goes into its history.

Promises: time zone and cut-off are those of the ward when the day was scheduled, whatever the settings say later. Does
not: judge the course rules (`clinical.decide`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec
from msgspec.structs import replace

from infusion_service.clinical.day import Day, new_day
from infusion_service.clinical.vocabulary import JSON, Refusal, Submission
from infusion_service.intake.identifiers import new_id
from infusion_service.intake.workflows import Workflows, WorkflowUnknown
from infusion_service.settings import Ward

WARD_KEYS = ("timezone", "missed_cutoff")
"""What the ward's settings add to the data of a scheduling; nobody may post it."""


class Scheduling(msgspec.Struct, frozen=True, kw_only=True):
    """A scheduling made ready to be decided: the day that does not exist yet, and the submission addressed to it."""

    day: Day
    submission: Submission
    refusal: Refusal | None = None
    """Set when the day could not even be begun; `day` is then only good for recording that."""


class Scheduler:
    """Begins new days of one site."""

    def __init__(self, *, site: str, workflows: Workflows, wards: Mapping[str, Ward]) -> None:
        self._site = site
        self._workflows = workflows
        self._wards = wards

    def begin(self, submission: Submission, now: datetime) -> Scheduling:
        """Give the day its id, its workflow and what its ward adds. Refuses an unknown workflow or ward (422)."""
        day_id = new_id(now)
        addressed = replace(submission, day_id=day_id)
        problems = []
        data = submission.data if isinstance(submission.data, Mapping) else {}
        named = data.get("workflow")
        try:
            workflow = self._workflows.for_new_day(named if isinstance(named, str) else None)
        except WorkflowUnknown as unknown:
            problems.append({"pointer": "/data/workflow", "detail": str(unknown)})
            workflow = self._workflows.all()[0]
        ward = self._wards.get(str(data.get("ward")))
        if ward is None:
            problems.append(
                {"pointer": "/data/ward", "detail": f"is not a ward of this site: {', '.join(self._wards)}"}
            )
        problems += [
            {"pointer": f"/data/{key}", "detail": "comes from the ward's settings"} for key in WARD_KEYS if key in data
        ]
        day = new_day(day_id, self._site, workflow)
        if problems or ward is None:
            return Scheduling(day=day, submission=addressed, refusal=_invalid(problems))
        added = {"timezone": ward.timezone, "missed_cutoff": ward.missed_cutoff}
        return Scheduling(day=day, submission=replace(addressed, data={**data, **added}))


def patient_id_of(data: JSON) -> str | None:
    """The patient's pseudonym in the data of a scheduling, if it is there to be read."""
    patient = data.get("patient") if isinstance(data, Mapping) else None
    pseudonym = patient.get("id") if isinstance(patient, Mapping) else None
    return pseudonym if isinstance(pseudonym, str) else None


def _invalid(problems: list[dict[str, str]]) -> Refusal:
    first = problems[0]
    return Refusal(
        code="invalid_fact",
        status=422,
        detail=f"{first['pointer']}: {first['detail']}",
        members={"errors": problems},
    )
