"""One infusion day as a function of its log entries.

Promises: `evolve` never refuses and never validates; a day is immutable; folding the same entries gives the same day.
Facts in order cost the same however long the day is; a fact that comes late in clinical order, or a strike, refolds the
picture. Does not: decide (`decide`), derive what is due (`observe`, `consequences`), or know sequence numbers and
bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from infusion_service.clinical.fold import fold, fold_into
from infusion_service.clinical.ledger import COURSE_CARRIED, Ledger, record
from infusion_service.clinical.picture import Fact, Picture
from infusion_service.clinical.trail import Trail
from infusion_service.clinical.vocabulary import DOUBLE_CHECK_ENTERED, Entry
from infusion_service.clinical.workflow import Workflow


class Day:
    """A day at one point of its log. Read its attributes; `evolve` makes the next one."""

    __slots__ = ("charted", "day_id", "ledger", "picture", "received_at", "site", "version", "workflow")

    def __init__(
        self,
        *,
        day_id: str,
        site: str,
        workflow: Workflow,
        version: int,
        received_at: datetime | None,
        picture: Picture,
        ledger: Ledger,
        charted: Trail[Fact],
    ) -> None:
        """Hold the parts; use `new_day` and `evolve`."""
        self.day_id = day_id
        self.site = site
        self.workflow = workflow
        self.version = version
        """Counts posted facts and moves only: the ETag."""
        self.received_at = received_at
        self.picture = picture
        self.ledger = ledger
        self.charted = charted
        """Every fact in the order of the log, struck ones too."""

    @property
    def state(self) -> str | None:
        """The state, None before the day is scheduled."""
        return self.picture.state

    @property
    def state_since(self) -> datetime | None:
        """When the state was entered."""
        return self.picture.entered.at if self.picture.entered else None

    @property
    def open(self) -> bool:
        """Whether this is an open day of the patient (checked in and not yet over)."""
        return self.state is not None and self.workflow.states[self.state].open

    @property
    def terminal(self) -> bool:
        """Whether the day is over."""
        return self.state is not None and self.workflow.states[self.state].terminal

    @property
    def patient(self) -> Mapping[str, Any]:
        """The patient as scheduled."""
        return self.picture.patient

    @property
    def patient_id(self) -> str | None:
        """The patient's pseudonym."""
        return self.picture.patient.get("id")

    @property
    def ward(self) -> str:
        """The ward the day is on now."""
        return self.picture.ward

    @property
    def chair(self) -> str:
        """The chair, empty where none is given."""
        return self.picture.chair

    @property
    def course_number(self) -> int:
        """The course, from 1."""
        return self.picture.course_number

    @property
    def day_number(self) -> int:
        """The day of the course as scheduled, from 1."""
        return self.picture.day_number

    @property
    def date(self) -> date | None:
        """The calendar date, ward time."""
        return self.picture.day_date

    @property
    def timezone(self) -> str:
        """The ward's time zone."""
        return self.picture.zone.key if self.picture.zone else "UTC"

    def fact(self, entry_id: str) -> Fact | None:
        """Return a charted fact by its event id, struck or not."""
        return next((fact for fact in self.charted.backwards() if fact.id == entry_id), None)


def new_day(day_id: str, site: str, workflow: Workflow) -> Day:
    """Return a day of which nothing is logged yet."""
    return Day(
        day_id=day_id,
        site=site,
        workflow=workflow,
        version=0,
        received_at=None,
        picture=Picture(),
        ledger=Ledger(),
        charted=Trail(),
    )


def is_clinical(entry: Entry) -> bool:
    """Tell whether an entry is a fact of the clinical picture: posted facts, and moves the service made itself."""
    return entry.day_version is not None and entry.type != DOUBLE_CHECK_ENTERED


def evolve(day: Day, entry: Entry) -> Day:
    """Return the day after one more entry of its log."""
    ledger = record(day.ledger, entry, day.workflow)
    picture, charted = day.picture, day.charted
    if is_clinical(entry):
        fact = _fact(entry, day)
        charted = charted.plus(fact)
        in_order = picture.last_at is None or fact.at >= picture.last_at
        if in_order and ledger.struck is day.ledger.struck:
            picture = fold(picture, fact, day.workflow)
        else:
            picture = refold(charted, ledger, day.workflow)
    elif ledger.struck is not day.ledger.struck or entry.type == COURSE_CARRIED:
        picture = refold(charted, ledger, day.workflow)
    return Day(
        day_id=day.day_id,
        site=day.site,
        workflow=day.workflow,
        version=day.version if entry.day_version is None else entry.day_version,
        received_at=entry.received_at,
        picture=picture,
        ledger=ledger,
        charted=charted,
    )


def _fact(entry: Entry, day: Day) -> Fact:
    rules: tuple[str, ...] = ()
    if day.workflow.meaning.get(entry.type) == "review":
        rules = day.ledger.named_rules(list(entry.data.get("alerts", ())))
    return Fact(
        id=entry.entry_id,
        type=entry.type,
        at=entry.occurred_at,
        data=entry.data,
        actor=entry.actor,
        rules=rules,
        received_at=entry.received_at,
        replaces=_first_corrected(entry, day),
    )


def _first_corrected(entry: Entry, day: Day) -> str:
    if entry.corrects is None:
        return ""
    corrected = day.fact(entry.corrects)
    return entry.corrects if corrected is None else corrected.replaces or entry.corrects


def refold(charted: Iterable[Fact], ledger: Ledger, workflow: Workflow, *, until: datetime | None = None) -> Picture:
    """Fold every fact that is not struck, in clinical order; with `until`, only those that had happened by then."""
    picture = Picture()
    picture.carried = ledger.carried
    effective = [fact for fact in charted if fact.id not in ledger.struck and (until is None or fact.at <= until)]
    # sorted() is stable: facts of one moment keep the order of the log
    for fact in sorted(effective, key=lambda fact: fact.at):
        fold_into(picture, fact, workflow)
    return picture
