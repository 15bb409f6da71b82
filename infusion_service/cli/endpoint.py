"""`infusion endpoint`: whereto the log is delivered."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import cyclopts
from cyclopts import Parameter

from infusion_service.cli.administering import FROM_HERE, Reach, at_desk
from infusion_service.cli.exits import Exit, refused, usage
from infusion_service.cli.init import write_secret
from infusion_service.cli.output import say, show, show_json, show_table

COLUMNS = ("id", "name", "state", "url", "types", "payload", "ordering")

Several = Annotated[list[str] | None, cyclopts.Parameter(negative=())]
Flag = Annotated[bool, cyclopts.Parameter(negative=())]

app = cyclopts.App(name="endpoint", help="Whereto the log is delivered: endpoints, how they fare, what they were sent.")


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
    _refuse_to_overwrite(secret_out)
    wanted = wish.as_request(name, destination)
    added = at_desk(reach, lambda desk: desk.add(wanted))
    return _show_with_secret(added, f"added {added['id']}", secret_out, reach)


@app.command(name="list")
def list_endpoints(*, reach: Reach = FROM_HERE) -> int:
    """List all endpoints."""
    found = at_desk(reach, lambda desk: desk.endpoints())
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
    pong = at_desk(reach, lambda desk: desk.ping(endpoint))
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
    range_ = at_desk(reach, lambda desk: desk.replay(endpoint, from_seq, to_seq))
    if reach.json:
        show_json(range_)
    else:
        say(f"entries {from_seq} to {to_seq} are sent again")
    return Exit.FINE


@app.command
def hold(endpoint: str, *, reason: str = "", reach: Reach = FROM_HERE) -> int:
    """Send nothing until it is enabled again; its queue is kept.

    Parameters
    ----------
    endpoint
        Its id.
    reason
        Why; it goes into the log.
    reach
        How the service is reached, and its answer shown.
    """
    return _set_state(endpoint, "held", reason, reach)


@app.command
def enable(endpoint: str, *, reason: str = "", reach: Reach = FROM_HERE) -> int:
    """Go on where it stood: after a hold, after it was disabled, or as the second person of a new one.

    Parameters
    ----------
    endpoint
        Its id.
    reason
        Why; it goes into the log.
    reach
        How the service is reached, and its answer shown.
    """
    return _set_state(endpoint, "active", reason, reach)


@app.command(name="rotate-secret")
def rotate_secret(
    endpoint: str, *, overlap_s: int = 86_400, secret_out: Path | None = None, reach: Reach = FROM_HERE
) -> int:
    """Give it a new secret, shown this once; the old one goes on signing beside it for a while.

    Parameters
    ----------
    endpoint
        Its id.
    overlap_s
        Seconds for which the old secret signs too; 0 ends it at once.
    secret_out
        File to write the secret to; it must not exist.
    reach
        How the service is reached, and its answer shown.
    """
    _refuse_to_overwrite(secret_out)
    rotated = at_desk(reach, lambda desk: desk.rotate(endpoint, overlap_s))
    return _show_with_secret(rotated, f"{endpoint} has a new secret", secret_out, reach)


@app.command
def remove(endpoint: str, *, reach: Reach = FROM_HERE) -> int:
    """Remove it. What it was sent stays on record.

    Parameters
    ----------
    endpoint
        Its id.
    reach
        How the service is reached, and its answer shown.
    """
    at_desk(reach, lambda desk: desk.remove(endpoint))
    say(f"removed {endpoint}")
    return Exit.FINE


@app.command
def status(endpoint: str, *, reach: Reach = FROM_HERE) -> int:
    """Say how it fares: how far it has come, what waits, whether it answers; exit 3 when something is wrong with it.

    Parameters
    ----------
    endpoint
        Its id.
    reach
        How the service is reached, and its answer shown.
    """
    found = at_desk(reach, lambda desk: desk.status(endpoint))
    if reach.json:
        show_json(found)
    else:
        named = {name: value for name, value in found.items() if not isinstance(value, list) and value is not None}
        show_table(("", ""), [*named.items(), *_last_error(found)])
    wrong = found["state"] == "disabled" or found["parked"] or found.get("circuit") == "open"
    return Exit.FINDING if wrong else Exit.FINE


for _name, _help in {
    "deliveries": "Search deliveries by state, type, day, answer and time.",
    "attempts": "Show what came of every attempt of one delivery.",
    "parked": "List what is parked; exit 3 when there is any.",
    "retry": "Try a parked delivery, or all of a range, again.",
    "drop": "Give a parked delivery up.",
}.items():
    app.command(f"infusion_service.cli.endpoint_deliveries:{_name}", name=_name, help=_help)


def _last_error(status: dict[str, Any]) -> list[tuple[str, str]]:
    """What came of the last attempt at whatever is held up or parked."""
    held = [each["last_attempt"] for each in status.get("blocked_deliveries", ())]
    tried = [each for each in held if each] + [each["attempts"][-1] for each in status["parked_deliveries"]]
    if not tried:
        return []
    last = max(tried, key=lambda each: str(each["at"]))
    said = f"{last.get('status') or last.get('fault')} at {last['at']} {last.get('excerpt', '')}"
    return [("last error", said.strip())]


def _set_state(endpoint: str, state: Literal["held", "active"], reason: str, reach: Reach) -> int:
    changed = at_desk(reach, lambda desk: desk.set_state(endpoint, state, reason))
    if reach.json:
        show_json(changed)
    else:
        say(f"{endpoint} is {changed['state']}")
    return Exit.FINE


def _refuse_to_overwrite(secret_out: Path | None) -> None:
    if secret_out is not None and secret_out.exists():
        raise refused(f"{secret_out} exists: a secret is never written over another one")


def _show_with_secret(endpoint: dict[str, Any], said: str, secret_out: Path | None, reach: Reach) -> int:
    if secret_out is not None:
        write_secret(secret_out, endpoint.pop("secret"), mode=0o600)
        say(f"{said}, its secret is in {secret_out}")
    if reach.json:
        show_json(endpoint)
    elif secret_out is None:
        say(f"{said}; its secret, shown this once:")
        show(endpoint["secret"])
    return Exit.FINE


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
