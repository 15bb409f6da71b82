"""The delivery browser of `infusion endpoint`: what was sent, what came of it, once more or never again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from cyclopts import Parameter, validators

from infusion_service.cli.administering import FROM_HERE, Reach, at_desk
from infusion_service.cli.exits import Exit, usage
from infusion_service.cli.output import say, show_json, show_table
from infusion_service.clinical.vocabulary import format_time

COLUMNS = ("n", "type", "subject", "seq", "state", "attempts", "last", "next_attempt_at")
ATTEMPT_COLUMNS = ("at", "reason", "status", "fault", "ms", "excerpt")

Number = Annotated[int, Parameter(validator=validators.Number(gte=1))]
Limit = Annotated[int, Parameter(validator=validators.Number(gte=1, lte=1000))]


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Which deliveries are looked for."""

    state: Literal["waiting", "parked", "done", "dropped"] | None = None
    """Only those that are waiting, parked, done or dropped."""
    type: str | None = None
    """Only entries of this type, such as `vitals.recorded`."""
    day: str | None = None
    """Only entries of this day."""
    answer: str | None = None
    """Only those whose last attempt ended so: a status (503) or a fault (timeout, connect_failed ...)."""
    since: str | None = None
    """Only those whose last attempt was made then or later (time with offset)."""
    until: str | None = None
    """Only those whose last attempt was made before."""

    def as_query(self) -> dict[str, str]:
        """The query of `GET .../deliveries`."""
        times = {"since": _moment("--since", self.since), "until": _moment("--until", self.until)}
        given = {"state": self.state, "type": self.type, "day": self.day, "answer": self.answer, **times}
        return {name: value for name, value in given.items() if value is not None}


ANY = Search()


def deliveries(
    endpoint: str, *, search: Search = ANY, after: int = 0, limit: Limit = 100, reach: Reach = FROM_HERE
) -> int:
    """Search deliveries.

    Parameters
    ----------
    endpoint
        Its id.
    search
        Which of them.
    after
        Continue after this number.
    limit
        At most so many.
    reach
        How the service is reached, and its answer shown.
    """
    wanted = search.as_query()
    page = at_desk(reach, lambda desk: desk.deliveries(endpoint, wanted, after=after, limit=limit))
    if reach.json:
        show_json(page)
    else:
        _show(page["deliveries"])
        if len(page["deliveries"]) == limit:
            say(f"there may be more: --after {page['next_after']}")
    return Exit.FINE


def attempts(endpoint: str, n: Number, *, reach: Reach = FROM_HERE) -> int:
    """Show what came of every attempt of one delivery, with the scrubbed beginning of what was answered.

    Parameters
    ----------
    endpoint
        Its id.
    n
        Number of the delivery.
    reach
        How the service is reached, and its answer shown.
    """
    row = at_desk(reach, lambda desk: desk.delivery(endpoint, n))
    if reach.json:
        show_json(row)
    else:
        title = f"{row['type']}, {row['state']}, id {row['webhook_id']}"
        show_table(
            ATTEMPT_COLUMNS, ([each.get(name) for name in ATTEMPT_COLUMNS] for each in row["attempts"]), title=title
        )
    return Exit.FINE


def parked(endpoint: str, *, reach: Reach = FROM_HERE) -> int:
    """List what is parked: out of its lane, tried on by its schedule or left to people; exit 3 when there is any.

    Parameters
    ----------
    endpoint
        Its id.
    reach
        How the service is reached, and its answer shown.
    """
    rows = at_desk(reach, lambda desk: desk.status(endpoint))["parked_deliveries"]
    if reach.json:
        show_json({"deliveries": rows})
    else:
        _show(rows)
    return Exit.FINDING if rows else Exit.FINE


def retry(endpoint: str, n: Number, *, to: Number | None = None, reason: str, reach: Reach = FROM_HERE) -> int:
    """Try a parked delivery again, or all that are parked of a range; they keep their ids, bytes and numbers.

    Parameters
    ----------
    endpoint
        Its id.
    n
        Number of the delivery, as `endpoint parked` shows it.
    to
        Last number of a range that begins with `n`.
    reason
        Why; it goes into the log.
    reach
        How the service is reached, and its answer shown.
    """
    if to is None:
        answer = at_desk(reach, lambda desk: desk.retry(endpoint, n, reason))
        said = f"delivery {n} is tried again"
    else:
        answer = at_desk(reach, lambda desk: desk.retry_range(endpoint, n, to, reason))
        said = f"tried again: {answer['retried']}"
    if reach.json:
        show_json(answer)
    else:
        say(said)
    return Exit.FINE


def drop(endpoint: str, n: Number, *, reason: str, reach: Reach = FROM_HERE) -> int:
    """Give a parked delivery up. It stays on record, with who did so and why.

    Parameters
    ----------
    endpoint
        Its id.
    n
        Number of the delivery.
    reason
        Why; it goes into the log.
    reach
        How the service is reached, and its answer shown.
    """
    row = at_desk(reach, lambda desk: desk.drop(endpoint, n, reason))
    if reach.json:
        show_json(row)
    else:
        say(f"delivery {n} is dropped")
    return Exit.FINE


def _show(rows: list[dict[str, Any]]) -> None:
    show_table(COLUMNS, ([_cell(row, name) for name in COLUMNS] for row in rows))


def _cell(row: dict[str, Any], name: str) -> object:
    last = row["attempts"][-1] if row["attempts"] else {}
    if name == "attempts":
        return len(row["attempts"])
    return (last.get("status") or last.get("fault")) if name == "last" else row[name]


def _moment(option: str, text: str | None) -> str | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise usage(f"{option} {text!r}: a time with offset is expected, such as 2026-11-23T08:00:00+01:00")
    return format_time(moment)
