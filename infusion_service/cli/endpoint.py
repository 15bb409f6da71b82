"""`infusion endpoint`: whereto the log is delivered."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import cyclopts
from cyclopts import Parameter

from infusion_service.cli.administering import FROM_HERE, Reach
from infusion_service.cli.configuration import settings_from
from infusion_service.cli.exits import Exit, refused, usage
from infusion_service.cli.init import write_secret
from infusion_service.cli.output import say, show, show_json, show_table

if TYPE_CHECKING:
    from infusion_service.cli.endpoint_desk import EndpointDesk

COLUMNS = ("id", "name", "state", "url", "types", "payload", "ordering")
PARKED_COLUMNS = ("n", "type", "subject", "seq", "attempts", "next_attempt_at", "last")

Several = Annotated[list[str] | None, cyclopts.Parameter(negative=())]
Flag = Annotated[bool, cyclopts.Parameter(negative=())]
AnswerT = TypeVar("AnswerT")

app = cyclopts.App(name="endpoint", help="Whereto the log is delivered: add, list, ping, replay, what is parked.")


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What an endpoint is to be like."""

    type: Several = None
    """Glob of entry types, such as `alert.*`; may be given several times. Without it all."""
    ward: Several = None
    """Ward it is narrowed to; may be given several times."""
    severity: Several = None
    """Severity alerts are narrowed to; may be given several times."""
    payload: Literal["full", "thin"] = "full"
    """All that was recorded, or ids and a link."""
    start_at: str = "now"
    """`now`, or the first sequence number of the log to be delivered."""
    ordering: Literal["lane", "strict", "none"] = "lane"
    """In order per day, in order altogether, or none."""
    max_in_flight: int = 4
    """Days delivered at once."""
    v1a: Flag = False
    """Sign with Ed25519 beside the shared secret."""
    heartbeat_s: int = 0
    """Seconds between signs of life; 0: none."""
    auth_file: Path | None = None
    """JSON file with the member `auth` of POST /v1/endpoints."""
    ca_file: Path | None = None
    """PEM file of the authority that signed the endpoint's certificate."""

    def as_request(self, name: str, destination: str) -> dict[str, Any]:
        """The body of POST /v1/endpoints."""
        wanted: dict[str, Any] = {
            "name": name,
            "url": destination,
            "types": self.type or ["*"],
            "payload": self.payload,
            "start_at": _start(self.start_at),
            "ordering": self.ordering,
            "max_in_flight": self.max_in_flight,
            "signature": ["v1", "v1a"] if self.v1a else ["v1"],
            "heartbeat_s": self.heartbeat_s,
        }
        optional = {
            "wards": self.ward,
            "severities": self.severity,
            "auth": _json_of(self.auth_file),
            "ca_pem": _text_of(self.ca_file),
        }
        return wanted | {key: value for key, value in optional.items() if value}


ANYTHING = Wish()


@app.command
def add(
    name: str,
    destination: str,
    *,
    wish: Wish = ANYTHING,
    secret_out: Path | None = None,
    reach: Reach = FROM_HERE,
) -> int:
    """Add an endpoint. Its secret goes into a new file (mode 0600), or to stdout: it is shown this once.

    Parameters
    ----------
    name
        What people call it.
    destination
        Its URL; the settings' section [delivery] says whereto may be delivered.
    wish
        What it is to be like.
    secret_out
        File to write the secret to; it must not exist.
    reach
        How the service is reached, and its answer shown.
    """
    if secret_out is not None and secret_out.exists():
        raise refused(f"{secret_out} exists: a secret is never written over another one")
    wanted = wish.as_request(name, destination)
    added = _at_desk(reach, lambda desk: desk.add(wanted))
    if secret_out is not None:
        write_secret(secret_out, added.pop("secret"), mode=0o600)
        say(f"added {added['id']}, its secret is in {secret_out}")
    if reach.json:
        show_json(added)
    elif secret_out is None:
        say(f"added {added['id']}; its secret, shown this once:")
        show(added["secret"])
    return Exit.FINE


@app.command(name="list")
def list_endpoints(*, reach: Reach = FROM_HERE) -> int:
    """List all endpoints."""
    found = _at_desk(reach, lambda desk: desk.endpoints())
    if reach.json:
        show_json({"endpoints": found})
    else:
        show_table(COLUMNS, ([_cell(endpoint[name]) for name in COLUMNS] for endpoint in found))
    return Exit.FINE


@app.command
def ping(endpoint: str, *, reach: Reach = FROM_HERE) -> int:
    """Send a signed ping through the running service and say what came back; exit 3 when it was not 2xx.

    Parameters
    ----------
    endpoint
        Its id.
    reach
        How the service is reached, and its answer shown.
    """
    pong = _at_desk(reach, lambda desk: desk.ping(endpoint))
    if reach.json:
        show_json(pong)
    else:
        said = pong.get("status") or pong.get("fault")
        show(f"{said} after {pong['duration_ms']} ms {pong.get('excerpt', '')}".strip())
    return Exit.FINE if pong["ok"] else Exit.FINDING


@app.command
def replay(endpoint: str, *, from_seq: int, to_seq: int, reach: Reach = FROM_HERE) -> int:
    """Have the running service send a range of the log again, with the same ids and bytes.

    Parameters
    ----------
    endpoint
        Its id.
    from_seq
        First sequence number of the log.
    to_seq
        Last sequence number of the log.
    reach
        How the service is reached, and its answer shown.
    """
    range_ = _at_desk(reach, lambda desk: desk.replay(endpoint, from_seq, to_seq))
    if reach.json:
        show_json(range_)
    else:
        say(f"entries {from_seq} to {to_seq} are sent again")
    return Exit.FINE


@app.command
def parked(endpoint: str, *, reach: Reach = FROM_HERE) -> int:
    """List what is parked: out of its lane, tried on by its schedule or left to people; exit 3 when there is any.

    Parameters
    ----------
    endpoint
        Its id.
    reach
        How the service is reached, and its answer shown.
    """
    rows = _at_desk(reach, lambda desk: desk.status(endpoint))["parked_deliveries"]
    if reach.json:
        show_json({"deliveries": rows})
    else:
        show_table(PARKED_COLUMNS, ([_parked_cell(row, name) for name in PARKED_COLUMNS] for row in rows))
    return Exit.FINDING if rows else Exit.FINE


@app.command
def retry(endpoint: str, n: int, *, reason: str, reach: Reach = FROM_HERE) -> int:
    """Try a parked delivery again.

    Parameters
    ----------
    endpoint
        Its id.
    n
        Number of the delivery, as `endpoint parked` shows it.
    reason
        Why; it goes into the log.
    reach
        How the service is reached, and its answer shown.
    """
    row = _at_desk(reach, lambda desk: desk.retry(endpoint, n, reason))
    if reach.json:
        show_json(row)
    else:
        say(f"delivery {n} is tried again")
    return Exit.FINE


def _at_desk(reach: Reach, call: Callable[[EndpointDesk], Awaitable[AnswerT]]) -> AnswerT:
    from infusion_service import logs
    from infusion_service.cli.endpoint_desk import endpoint_desk

    settings = settings_from(reach.config)
    logs.configure(json=settings.log_json, level="warning")

    async def through() -> AnswerT:
        async with endpoint_desk(settings, url=reach.url, token_file=reach.token_file) as desk:
            return await call(desk)

    return asyncio.run(through())


def _start(text: str) -> int | str:
    if text == "now":
        return text
    if not text.isascii() or not text.isdigit():
        raise usage(f"--start-at {text!r} is neither `now` nor a sequence number")
    return int(text)


def _text_of(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise usage(f"{path} cannot be read") from None


def _json_of(path: Path | None) -> Any:
    text = _text_of(path)
    try:
        return None if text is None else json.loads(text)
    except ValueError:
        raise usage(f"{path} is not JSON") from None


def _cell(value: object) -> object:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else value


def _parked_cell(row: dict[str, Any], name: str) -> object:
    last = row["attempts"][-1] if row["attempts"] else {}
    if name == "attempts":
        return len(row["attempts"])
    return (last.get("status") or last.get("fault")) if name == "last" else row[name]
