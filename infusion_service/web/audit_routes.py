"""The rows of the route table that are the auditor's alone, and what OpenAPI says of each."""

from __future__ import annotations

from collections.abc import Mapping

from infusion_service.web import audit_shapes as shapes
from infusion_service.web import audits, bundles, openings
from infusion_service.web.describing import Description
from infusion_service.web.routing import Handler, Route

AUDITORS = frozenset({"auditor"})

_QUESTIONS: Mapping[str, tuple[str, type]] = {
    "overrides": ("Overrides: who granted and consented, why, and what for", shapes.Overrides),
    "late": ("Facts that were received a minute or more after they happened", shapes.LateFacts),
    "answers": ("Alerts, with the minutes to acknowledgement, answer and closing", shapes.AlertAnswers),
    "reads": ("Who read a day or the log, and through a broken glass", shapes.Readings),
}
_NOTED = (503, 507)
"""Without an entry that says who reads, nothing is read."""


def _route(method: str, path: str, handler: Handler, scope: str) -> Route:
    return Route(method=method, path=path, handler=handler, allowed=AUDITORS, scope=scope)


AUDIT_ROUTES: tuple[Route, ...] = (
    _route("GET", "/v1/log/opening", openings.get_opening, "log"),
    _route("GET", "/v1/days/{day}/openings", openings.get_openings, "days"),
    _route("GET", "/v1/days/{day}/bundle", bundles.get_bundle, "days"),
    _route("POST", "/v1/audit/days", audits.post_search, "days"),
    *(_route("POST", f"/v1/audit/{question}", audits.asking(question), "log") for question in _QUESTIONS),
)

AUDIT_DESCRIPTIONS: Mapping[tuple[str, str], Description] = {
    ("GET", "/v1/log/opening"): Description(
        summary="The very bytes of an entry, to be verified by who reads it",
        tag="audit",
        gives=shapes.Opening,
        query=("seq", "size"),
        refuses=(404, *_NOTED),
    ),
    ("GET", "/v1/days/{day}/openings"): Description(
        summary="The very bytes of a day's entries",
        tag="audit",
        gives=shapes.Openings,
        query=("after", "size"),
        refuses=_NOTED,
    ),
    ("GET", "/v1/days/{day}/bundle"): Description(
        summary="A day as evidence in one file: entries, salts, proofs, checkpoint, keys, workflow, record",
        tag="audit",
        media=(bundles.BUNDLE_TYPE,),
        query=("from",),
        refuses=(409, *_NOTED),
    ),
    ("POST", "/v1/audit/days"): Description(
        summary="Find the days of a patient",
        tag="audit",
        takes=shapes.DaySearch,
        gives=shapes.FoundDays,
        refuses=_NOTED,
    ),
    **{
        ("POST", f"/v1/audit/{question}"): Description(
            summary=summary, tag="audit", takes=shapes.AuditQuestion, gives=gives, refuses=_NOTED
        )
        for question, (summary, gives) in _QUESTIONS.items()
    },
}
