"""The tables of a day's record: checks, alerts, double checks, overrides, signatures, doses.

Each is a function of one `Charted` and returns rows for the template, texts only. Promises: a row for everything of its
kind, struck, late or refused included; what is hidden while two people enter it apart says nothing. Does not: lay out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

from infusion_service.clinical.day import Day
from infusion_service.clinical.dose import Bag
from infusion_service.clinical.facts import shortest
from infusion_service.clinical.ledger import Alert
from infusion_service.clinical.observe import alert_json
from infusion_service.clinical.vocabulary import DOUBLE_CHECK_ENTERED, Entry
from infusion_service.log.entry import LogEntry
from infusion_service.web.record_marks import Mark, check_names, is_late
from infusion_service.web.record_words import HOW, SERVICE_TITLES, Words, person


@dataclass(frozen=True, kw_only=True)
class Charted:
    """One day with its entries, and how things on it are written."""

    day: Day
    logged: Sequence[LogEntry]
    words: Words
    hidden: Collection[str]
    as_of: datetime
    """When the record is looked at: what is not due by then is not late."""

    @cached_property
    def entries(self) -> list[tuple[LogEntry, Entry]]:
        """Every entry that has not been erased, in clinical order."""
        known = [(logged, entry) for logged in self.logged if (entry := logged.entry) is not None]
        return sorted(known, key=lambda item: (item[1].occurred_at, item[0].n))

    @cached_property
    def by_id(self) -> dict[str, Entry]:
        """Every entry by its id."""
        return {entry.entry_id: entry for _, entry in self.entries}

    def title(self, entry: Entry) -> str:
        """What an entry is called."""
        if entry.kind == "refused":
            return f"refused: {self._title_of(str(entry.data.get('type', '')))}"
        return self._title_of(entry.type)

    def _title_of(self, entry_type: str) -> str:
        fact = self.day.workflow.facts.get(entry_type)
        return SERVICE_TITLES.get(entry_type, entry_type) if fact is None else fact.title

    def says(self, entry: Entry) -> str:
        """What stands in an entry, unless it is hidden."""
        if entry.type == DOUBLE_CHECK_ENTERED:
            return f"first of two independent entries of {self._title_of(str(entry.data.get('type', '')))}"
        if entry.entry_id in self.hidden:
            return "not shown while two people enter this apart"
        if entry.kind == "refused":
            return f"{entry.data.get('code', '')}: {entry.data.get('detail', '')}"
        fact = self.day.workflow.facts.get(entry.type)
        return self.words.data(entry.data, () if fact is None else tuple(fact.fields))

    def struck(self, entry: Entry) -> bool:
        """Whether a correction has taken it out."""
        return entry.entry_id in self.day.ledger.struck

    def named(self, entry_id: str) -> str:
        """An entry by number and title."""
        entry, number = self.by_id.get(entry_id), self.words.number(entry_id)
        return f"no. {number}" if entry is None else f"no. {number} {self.title(entry)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRow:
    """One check over the day."""

    check: str
    made: tuple[str, ...]
    missed: tuple[str, ...]


def checks(charted: Charted, marks: Sequence[Mark]) -> list[CheckRow]:
    """Each check with the moments at which it was made, and those at which it was recorded as overdue."""
    words = charted.words
    rows = []
    for name in check_names(charted.day, marks):
        made = [mark for mark in marks if mark.kind == "check-done" and mark.check == name]
        made = made or list(_made_for_alerts(charted, name))
        missed = [mark for mark in marks if mark.kind == "check-missed" and mark.check == name]
        counted = [mark for mark in made if not mark.struck]
        if made or missed:
            rows.append(
                CheckRow(
                    check=name,
                    made=tuple(_made(words, mark) for mark in made),
                    missed=tuple(_missed(charted, mark, counted) for mark in missed),
                )
            )
    return rows


def _made_for_alerts(charted: Charted, name: str) -> Iterator[Mark]:
    """What does a check that only an alert asks for: the fact that its rule names."""
    workflow = charted.day.workflow
    wanted = {
        band.wants_check.fact
        for rule in workflow.alerts.values()
        for band in rule.bands
        if band.wants_check is not None and band.wants_check.check == name
    }
    for _, entry in charted.entries:
        if entry.kind == "fact" and entry.type in wanted:
            struck = charted.struck(entry)
            at, late = entry.occurred_at, is_late(entry)
            yield Mark(kind="check-done", entry=entry.entry_id, at=at, late=late, struck=struck, check=name)


def _made(words: Words, mark: Mark) -> str:
    marked = "\N{WHITE CIRCLE}" if mark.late else ""
    return f"{marked}{words.time(mark.at, seconds=False)}" + (" (struck)" if mark.struck else "")


def _missed(charted: Charted, mark: Mark, made: Sequence[Mark]) -> str:
    words, entry = charted.words, charted.by_id[mark.entry]
    following = next((each for each in made if each.at >= mark.at), None)
    made_up = "never made after that"
    if following is not None:
        minutes = (following.at - mark.at) // timedelta(minutes=1)
        made_up = f"made {_made(words, following)}, {minutes} min after it was due"
        if following.late:
            made_up += f", received {words.time(charted.by_id[following.entry].received_at, seconds=False)}"
    times = "" if mark.value == "1" else f", {mark.value} times by then"
    return (
        f"due {words.time(mark.at, seconds=False)}, recorded as overdue {words.time(entry.received_at, seconds=False)}"
        f"{times}; {made_up}"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRow:
    """One alert and what became of it."""

    n: int
    rule: str
    says: str
    severity: str
    retrospective: bool
    late: bool
    struck: bool
    raised: str
    learned: str
    wanted: str
    done: tuple[str, ...]
    minutes: str
    overdue: bool


def alert_rows(charted: Charted) -> list[AlertRow]:
    """Every alert, with what was done and how many minutes after the service knew."""
    return [_alert(charted, alert) for alert in charted.day.ledger.alerts.values()]


def _alert(charted: Charted, alert: Alert) -> AlertRow:
    words = charted.words
    minutes = None if alert.answered_at is None else _minutes(alert.answered_at - alert.learned_at)
    action = alert.action.replace("_", " ")
    by = "" if alert.answer_by is None else f" by {words.time(alert.answer_by)}"
    return AlertRow(
        n=words.number(alert.id),
        rule=alert.rule,
        says=str(alert_json(charted.day, alert)["says"]),
        severity=alert.severity,
        retrospective=alert.retrospective,
        late=is_late(charted.by_id[alert.id]),
        struck=alert.closed_reason == "corrected",
        raised=words.time(alert.raised_at),
        learned=words.time(alert.learned_at) if alert.learned_at != alert.raised_at else "",
        wanted=f"{action}{by}",
        done=tuple(_done(charted, alert)),
        minutes="" if minutes is None else minutes,
        overdue=_overdue(charted, alert),
    )


def _overdue(charted: Charted, alert: Alert) -> bool:
    """Whether the answer came, or the end or today did without one, after it was due."""
    until = alert.answered_at or alert.closed_at or charted.as_of
    return alert.answer_by is not None and until > alert.answer_by


def _minutes(span: timedelta) -> str:
    return f"{max(span / timedelta(minutes=1), 0):.1f}"


def _done(charted: Charted, alert: Alert) -> Iterator[str]:
    words = charted.words
    if alert.acknowledged_at is not None:
        yield f"acknowledged {words.time(alert.acknowledged_at)} by {alert.acknowledged_by}"
    if alert.answered_at is not None:
        by = charted.by_id.get(alert.answered_by)
        who_did = "" if by is None else f" by {by.actor.id}"
        yield f"answered {words.time(alert.answered_at)}: {charted.named(alert.answered_by)}{who_did}"
    elif alert.answer_by is not None:
        yield "not answered" if alert.closed_at is not None or _overdue(charted, alert) else "not answered yet"
    if alert.escalated:
        stages = (stage.replace(":", ", told ").replace("_", " ") for stage in sorted(alert.escalated))
        yield f"escalated: {'; '.join(stages)}"
    if alert.closed_at is None:
        yield "open"
    else:
        yield f"closed {words.time(alert.closed_at)}: {alert.closed_reason.replace('_', ' ')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DoubleCheckRow:
    """What two people entered apart, or did not get to."""

    n: int
    what: str
    at: str
    first: str
    outcome: str


def double_checks(charted: Charted) -> Iterator[DoubleCheckRow]:
    """Each first entry of an independent pair, and what came of it; the values stand in the fact that used it."""
    for logged, entry in charted.entries:
        check = charted.day.ledger.double_checks.get(entry.entry_id)
        if check is not None:
            yield DoubleCheckRow(
                n=logged.n,
                what=charted.says(entry),
                at=charted.words.time(entry.occurred_at),
                first=person(check.by),
                outcome=_outcome(charted, check.spent),
            )


def _outcome(charted: Charted, spent: str) -> str:
    if spent == "mismatch":
        return "the second entry differed: void, both began anew"
    if spent == "bag_changed":
        return "void: the bag was changed"
    fact = charted.by_id.get(spent)
    if fact is None:
        return "not used"
    return f"agreed: {charted.named(spent)} by {person(fact.actor)}, {charted.words.time(fact.occurred_at)}"


def override_rows(charted: Charted) -> Iterator[dict[str, Any]]:
    """Every override, with names, reason and what it was used for; one that was struck says so."""
    standing = charted.day.ledger.overrides
    for logged, entry in charted.entries:
        if entry.kind == "fact" and charted.day.workflow.meaning.get(entry.type) == "override":
            granted = standing.get(entry.entry_id)
            until = entry.occurred_at + timedelta(minutes=int(entry.data["valid_minutes"]))
            used = charted.words.number(granted.used_by) if granted is not None else 0
            yield {
                "n": logged.n,
                "guard": entry.data["guard"],
                "reason": entry.data["reason"],
                "by": person(entry.actor) + ("" if entry.second is None else f" with {person(entry.second)}"),
                "at": charted.words.time(entry.occurred_at),
                "until": charted.words.time(until),
                "used": f"for no. {used}" if used else "not used",
                "struck": granted is None,
            }


@dataclass(slots=True)
class Signature:
    """What one person did in one way of being known, as first or as second of two."""

    who: str
    role: str
    how: str
    first_at: datetime
    last_at: datetime
    did: dict[str, int] = field(default_factory=dict)
    device: set[str] = field(default_factory=set)


def signatures(charted: Charted) -> list[Signature]:
    """Everybody who stands in the day's facts and refusals, in the order in which they first do."""
    found: dict[tuple[str, str, str], Signature] = {}
    for _, entry in charted.entries:
        if entry.kind not in ("fact", "refused"):
            continue
        for actor, suffix in ((entry.actor, ""), *(((entry.second, ", as second person"),) if entry.second else ())):
            at = entry.occurred_at
            key = (actor.id, actor.role, actor.how)
            signature = found.setdefault(
                key, Signature(actor.id, actor.role.replace("_", " "), HOW.get(actor.how, actor.how), at, at)
            )
            signature.last_at = max(signature.last_at, at)
            what = charted.title(entry) + suffix
            signature.did[what] = signature.did.get(what, 0) + 1
            if entry.device is not None:
                signature.device.add(entry.device.id)
    return list(found.values())


def dose(charted: Charted) -> dict[str, Any]:
    """What was prepared, hung and given; `delivered_ml` is empty where nothing was infused."""
    pump, words = charted.day.picture.pump, charted.words
    hung = [*(before.bag_id for before in pump.taken_down), *([pump.bag.id] if pump.bag else [])]
    bags = [charted.day.picture.bags[bag_id] for bag_id in hung]
    end = charted.day.received_at if pump.running_since is not None else pump.last_ran_at
    given = bool(bags) and pump.started_at is not None and end is not None
    return {
        "bags": [_bag(charted, bag, hung) for bag in charted.day.picture.bags.values()],
        "hung_mg": shortest(sum((bag.dose_mg for bag in bags), Decimal(0))),
        "hung_ml": shortest(sum((bag.volume_ml for bag in bags), Decimal(0))),
        "delivered_mg": f"{pump.delivered_mg(end):.2f}" if given and end else "",
        "delivered_ml": f"{pump.delivered_ml(end):.2f}" if given and end else "",
        "by": words.time(end) if pump.running_since is not None else "",
        "stated_ml": "" if pump.stated_ml is None else shortest(pump.stated_ml),
    }


def _bag(charted: Charted, bag: Bag, hung: Collection[str]) -> dict[str, Any]:
    use = "hung" if bag.id in hung else "not hung"
    return {
        "n": charted.words.number(bag.id),
        "product": bag.product,
        "batch": bag.batch,
        "expires": bag.vial_expires_on,
        "prepared": charted.words.time(bag.prepared_at),
        "mg": shortest(bag.dose_mg),
        "ml": shortest(bag.volume_ml),
        "use": f"{use}, discarded" if bag.discarded else use,
    }
