"""Problem documents: everything that is not done is answered by one of these.

Promises: one table of codes with status and title; `detail` says what to do; no value a client sent comes back, only
where it stood. Source: RFC 9457, contract 2 (problems). Does not: decide anything; refusals of facts come from
`clinical.decide` and are only written down here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from infusion_service.clinical.vocabulary import JSON, Actor, Refusal
from infusion_service.web.answers import encode

CONTENT_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:infusion:problem:"


@dataclass(frozen=True, slots=True)
class ProblemType:
    """A kind of problem: what its `code` means on the wire."""

    status: int
    title: str
    members: tuple[str, ...] = ()
    """Members beside those of every problem document."""


PROBLEM_TYPES: Mapping[str, ProblemType] = {
    "malformed": ProblemType(400, "The request cannot be read", ("errors",)),
    "not_authenticated": ProblemType(401, "A valid credential is needed", ("locked",)),
    "role_not_permitted": ProblemType(403, "This role may not do that"),
    "cross_origin": ProblemType(403, "The page of another site may not do that"),
    "not_found": ProblemType(404, "There is no such thing here"),
    "method_not_allowed": ProblemType(405, "This address does not take that method", ("allowed",)),
    "body_timeout": ProblemType(408, "The body did not arrive in time"),
    "transition_not_allowed": ProblemType(409, "The day's state does not allow this fact", ("state", "allowed")),
    "guard_not_satisfied": ProblemType(409, "A guard of the protocol is not satisfied", ("guards",)),
    "conflicts_with_later": ProblemType(409, "A later fact would become impossible", ("event_id",)),
    "second_person_required": ProblemType(409, "A second person is needed", ("guards",)),
    "double_check_mismatch": ProblemType(409, "The two entries of the double check differ", ("guards",)),
    "course_rule": ProblemType(409, "A rule of the course forbids it", ("rule", "rules")),
    "group_refused": ProblemType(409, "Another item of the group was refused", ("event_id",)),
    "last_key": ProblemType(409, "A log needs a key that signs"),
    "already_exists": ProblemType(409, "The name is taken"),
    "not_possible": ProblemType(409, "It is in no state for that", ("until",)),
    "version_conflict": ProblemType(412, "The day has changed since it was read", ("day_version",)),
    "too_large": ProblemType(413, "The request is too large", ("limit_bytes", "limit_items")),
    "unsupported_media_type": ProblemType(415, "The body must be plain JSON"),
    "expectation_failed": ProblemType(417, "Only 100-continue can be expected"),
    "invalid_fact": ProblemType(422, "The fact does not fit its type", ("errors",)),
    "implausible": ProblemType(422, "The value is outside its plausible range", ("field", "range", "hint")),
    "needs_confirmation": ProblemType(422, "The value is unusual and must be confirmed", ("field", "range", "hint")),
    "event_id_reused": ProblemType(422, "The event id was used before for something else"),
    "occurred_in_future": ProblemType(422, "The fact lies in the future"),
    "late_reason_required": ProblemType(422, "A late fact needs a reason"),
    "rate_limited": ProblemType(429, "Too many requests"),
    "internal": ProblemType(500, "The service is at fault"),
    "unavailable": ProblemType(503, "The service cannot decide now"),
    "storage_full": ProblemType(507, "The disk of the service is full"),
}


MEMORY_RETRY_AFTER_S = 2
"""What others hold is given back within seconds, or the process has ended and is being started again."""


class Problem(Exception):
    """Ends a request with a problem document. `members` and `headers` are added to it."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        status: int | None = None,
        members: Mapping[str, JSON] | None = None,
        headers: Mapping[str, str] | None = None,
        closes: bool = False,
    ) -> None:
        """`closes` ends the connection after the answer, because the rest of the request is not wanted."""
        super().__init__(code)
        self.code = code
        self.detail = detail
        self.status = PROBLEM_TYPES[code].status if status is None else status
        self.members = dict(members or {})
        self.headers = dict(headers or {})
        self.closes = closes


class Denied(Problem):
    """A problem that is an entry of the log as well: who was refused, and for what reason."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        by: Actor,
        reason: str,
        about: Mapping[str, str] | None = None,
        members: Mapping[str, bool] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """`reason` is a constant; `about` holds ids, never what a client made up."""
        super().__init__(code, detail, members=members, headers=headers)
        self.by = by
        self.noted = {"reason": reason, **(about or {})}


def malformed(detail: str, errors: Sequence[Mapping[str, str]] = ()) -> Problem:
    """Say that the request cannot be read, and where: `errors` are `{pointer, detail}`."""
    return Problem("malformed", detail, members={"errors": [dict(error) for error in errors]} if errors else None)


def not_found(what: str = "There is nothing at this address.") -> Problem:
    """Say that there is no such thing, or none that this credential may know of."""
    return Problem("not_found", what)


def out_of_memory() -> Problem:
    """Say that nothing was decided because memory ran out: nothing is wrong with what was sent."""
    return Problem(
        "unavailable",
        "The service is out of memory just now: nothing was decided. Send the same again.",
        headers={"Retry-After": str(MEMORY_RETRY_AFTER_S)},
    )


def is_starved(error: BaseException | None) -> bool:
    """Whether memory ran out on the way to this error, whatever it was taken for in the end.

    A reader that met the end of memory may call the bytes broken; to a tablet a 400 would be final.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, MemoryError):
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False


def of_refusal(refusal: Refusal, *, replayed: bool = False) -> Problem:
    """Write the refusal of a fact as a problem; one given again says so in a header."""
    headers = {"Idempotency-Replayed": "true"} if replayed else {}
    if refusal.code == "unavailable":
        headers["Retry-After"] = "1"
    code = refusal.code if refusal.code in PROBLEM_TYPES else "internal"
    return Problem(code, refusal.detail, status=refusal.status, members=refusal.members, headers=headers)


def document(problem: Problem, request_id: str) -> dict[str, Any]:
    """Return the problem document as JSON."""
    kind = PROBLEM_TYPES[problem.code]
    return {
        "type": TYPE_PREFIX + problem.code,
        "title": kind.title,
        "status": problem.status,
        "detail": problem.detail,
        "instance": f"urn:infusion:request:{request_id}",
        "code": problem.code,
        **problem.members,
    }


def respond(problem: Problem, request_id: str) -> web.Response:
    """Make the response that carries the problem."""
    response = web.Response(
        status=problem.status,
        body=encode(document(problem, request_id)),
        headers={"Content-Type": CONTENT_TYPE, **problem.headers},
    )
    if problem.closes:
        response.force_close()
    return response
