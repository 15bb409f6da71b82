"""How alert families stand after each fact, on the clinical picture alone.

Promises: after folding any set of facts in clinical order, the episodes are the same whatever order they arrived in;
what has to be told to people is the difference between these and the alerts in the log (`consequences`). One rung of a
family stands at a time; it rises when a graver test finds new evidence, an `auto` rung falls when no test of its family
holds any more, a `review` rung only by a review that names it. Evidence is new when it was charted after the last
closing. Does not: look at clocks (`clock_bands`), or at who was told.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from msgspec.structs import replace

from infusion_service.clinical.alert_definition import SEVERITIES
from infusion_service.clinical.alert_families import Family, Rung
from infusion_service.clinical.evidence import Places, evaluate, still_holds
from infusion_service.clinical.picture import Episode, Fact, Picture, Reviewed
from infusion_service.clinical.workflow import Workflow


def judge(picture: Picture, fact: Fact, workflow: Workflow) -> None:
    """Re-judge every family that this fact can touch."""
    families = workflow.families_on.get(fact.type, ())
    if workflow.meaning[fact.type] == "vital_signs":
        standing = {family_id for family_id, episode in picture.episodes.items() if episode.open}
        concerned = standing.union(picture.vitals[-1].wakes)  # of most sets: nobody
        families = tuple(family for family in families if family.id in concerned) if concerned else ()
    for family in families:
        if _touches(family, fact, picture, workflow):
            episode = _judged(picture, family, fact, workflow)
            if episode is not None:
                picture.episodes = {**picture.episodes, family.id: episode}


def _touches(family: Family, fact: Fact, picture: Picture, workflow: Workflow) -> bool:
    """Tell whether the fact can change how the family stands.

    A set of vital signs is charted far more often than anything else, and most sets are unremarkable: while the family
    is closed, only a set in which one of its own signs speaks up can open it (older evidence has been judged already).
    """
    meaning = workflow.meaning[fact.type]
    if meaning == "vital_signs":
        episode = picture.episodes.get(family.id)
        if episode is None or not episode.open:
            return family.id in picture.vitals[-1].wakes
        return not family.signs.isdisjoint(fact.data) or "unrecordable" in fact.data
    if meaning in ("symptom", "symptom_resolved"):
        return fact.data["code"] in family.codes
    return True


def _judged(picture: Picture, family: Family, fact: Fact, workflow: Workflow) -> Episode | None:
    """Return the family's new episode, or None when nothing changes."""
    episode = picture.episodes.get(family.id)
    best: Rung | None = None
    best_places: Places = ()
    holds = False
    for rung in reversed(family.rungs):
        places = evaluate(rung.band.when, picture, workflow) if rung.band.when is not None else None
        if places is None:
            continue
        holds = True
        if _is_new(places, episode, picture) and not _explained(rung, places, fact, picture, workflow):
            best, best_places = rung, places
            break
    if episode is not None and episode.open:
        return _judged_open(picture, family, fact, episode, best, best_places, workflow, holds=holds)
    return None if best is None else _opened(best, best_places, fact, picture, episode)


def _is_new(places: Places, episode: Episode | None, picture: Picture) -> bool:
    """Tell whether some evidence was charted after the last closing: behind it in the clinical order, or unknown then
    to the person who closed."""
    if episode is None or episode.closed_at is None:
        return bool(places)
    return any(place > episode.closed_pos or _unseen(picture.facts[place], episode) for place in places)


def _unseen(fact: Fact, episode: Episode) -> bool:
    known_at = episode.closed_known_at
    return known_at is not None and fact.received_at is not None and fact.received_at > known_at


def _judged_open(
    picture: Picture,
    family: Family,
    fact: Fact,
    episode: Episode,
    best: Rung | None,
    places: Places,
    workflow: Workflow,
    *,
    holds: bool,
) -> Episode | None:
    standing = family.rungs[episode.rank]
    if best is not None and best.rank > episode.rank:
        return _opened(best, places, fact, picture, episode)
    if best is not None and best.rank == episode.rank and fact.pos in places:
        if _declares_again(standing, picture, workflow):
            return _opened(best, places, fact, picture, episode)
        return None
    if not holds and standing.band.closes == "auto" and not _goes_on(family, picture, workflow):
        return _closed(episode, fact, "auto")
    return None


def _goes_on(family: Family, picture: Picture, workflow: Workflow) -> bool:
    return any(rung.band.when is not None and still_holds(rung.band.when, picture, workflow) for rung in family.rungs)


def _closed(episode: Episode, fact: Fact, how: str) -> Episode:
    known_at = None if how == "auto" else fact.received_at
    return replace(episode, rank=-1, closed_at=fact.at, closed_pos=fact.pos, closed_how=how, closed_known_at=known_at)


def _declares_again(standing: Rung, picture: Picture, workflow: Workflow) -> bool:
    """Outside an emergency a new stop-class sign always raises, whatever is open."""
    action = workflow.definition.actions[standing.band.action]
    state = workflow.states.get(picture.state or "")
    return action.stop_class and standing.band.declares and state is not None and state.open and not state.emergency


def _opened(rung: Rung, places: Places, fact: Fact, picture: Picture, before: Episode | None) -> Episode:
    """Open a rung; what was closed before stays closed for the evidence of then."""
    evidence = tuple(picture.facts[place].id for place in sorted(set(places)))
    if before is None:
        return Episode(rank=rung.rank, raised_at=fact.at, opened_by=fact.id, evidence=evidence)
    return replace(before, rank=rung.rank, raised_at=fact.at, opened_by=fact.id, evidence=evidence)


def _explained(rung: Rung, places: Places, fact: Fact, picture: Picture, workflow: Workflow) -> bool:
    """Tell whether a graver single-sign alert already stands for a sign that scores in the latest set.

    A set that was explained when it was charted stays so: only the very fact that is being judged may raise.
    """
    if not rung.rule.explained_by:
        return False
    if fact.pos not in places:
        return True
    scoring = {sign for result in picture.scores.values() for sign, points in result.parts.items() if points > 0}
    for rule_id in rung.rule.explained_by:
        for family in workflow.families:
            episode = picture.episodes.get(family.id)
            if episode is None or not episode.open:
                continue
            standing = family.rungs[episode.rank]
            as_grave = SEVERITIES.index(standing.band.severity) >= SEVERITIES.index(rung.band.severity)
            if standing.rule.id == rule_id and as_grave and family.signs & scoring:
                return True
    return False


def close_named(picture: Picture, fact: Fact, workflow: Workflow) -> None:
    """Close the episodes of the rules that a review names, and remember how far it looked."""
    named = set(fact.rules)
    if not named:
        return
    for family in workflow.families:
        if not any(rung.rule.id in named for rung in family.rungs):
            continue
        picture.reviewed = {**picture.reviewed, family.id: Reviewed(fact.at, fact.pos, _highest(picture, family, fact))}
        episode = picture.episodes.get(family.id)
        if episode is not None and episode.open and family.rungs[episode.rank].rule.id in named:
            _close_by_person(picture, family, fact, "review", workflow)


def _close_by_person(picture: Picture, family: Family, fact: Fact, how: str, workflow: Workflow) -> None:
    """Close a family for the evidence that was charted by then; what came to light only later opens it again."""
    episode = picture.episodes[family.id]
    opener = next(other for other in picture.facts.backwards() if other.id == episode.opened_by)
    closed = _closed(episode, fact, how)
    if _unseen(opener, closed):
        return
    later = [other for other in picture.facts.backwards() if _unseen(other, closed) and other.type in family.triggers]
    picture.episodes = {**picture.episodes, family.id: closed}
    for other in reversed(later):
        reopened = _judged(picture, family, other, workflow)
        if reopened is not None:
            picture.episodes = {**picture.episodes, family.id: reopened}


def _highest(picture: Picture, family: Family, review: Fact) -> Mapping[str, Decimal]:
    """The highest value of each sign that the reviewer could see."""
    highest: dict[str, Decimal] = {}
    seen_until = review.received_at
    for vital in picture.vitals:
        if seen_until is not None and vital.fact.received_at is not None and vital.fact.received_at > seen_until:
            continue
        for sign in family.signs:
            value = vital.values.get(sign)
            if isinstance(value, Decimal):
                highest[sign] = max(value, highest.get(sign, value))
    return highest


def close_stop_class(picture: Picture, fact: Fact, workflow: Workflow) -> None:
    """Close every stop-class episode that is open when an emergency is stood down."""
    for family in workflow.families:
        episode = picture.episodes.get(family.id)
        if episode is None or not episode.open:
            continue
        if workflow.definition.actions[family.rungs[episode.rank].band.action].stop_class:
            _close_by_person(picture, family, fact, "stood_down", workflow)
