"""Posting: one fact, a batch, a new day, the first half of a double check.

Promises: the answer is the intake's; a fact is acknowledged only once it is durable. Does not: judge anything.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from infusion_service.clinical.vocabulary import Submission, format_time, parse_time
from infusion_service.intake.identifiers import new_id
from infusion_service.intake.outcome import Outcome
from infusion_service.web import body, payloads, problems, rates, reach, submissions
from infusion_service.web.answers import answer
from infusion_service.web.blind import expires_at
from infusion_service.web.days import day_id_of, etag_of, view_of
from infusion_service.web.denials import note_denial
from infusion_service.web.keys import ACCESS, CALLER, INTAKE, METRICS, REQUEST_ID, SETTINGS
from infusion_service.web.problems import Denied, Problem

_SCHEDULING_MEMBERS = ("event_id", "occurred_at", "recorded_at", "sent_at")
"""Members of `POST /v1/days` that belong to the fact; the rest is its data."""


async def post_event(request: web.Request) -> web.Response:
    """Take one fact of a day: 201 with its receipt, 200 when it was accepted before."""
    day_id = day_id_of(request)
    fact = payloads.read_as(await body.json_of(request), payloads.Fact)
    intake = request.app[INTAKE]
    kind = submissions.kind_of(intake, fact.type)
    rates.admit(request, urgent=kind.urgent)
    submission = await _submission(request, fact, day_id, kind, if_match=submissions.expected_version(request))
    outcome = await intake.submit(submission)
    _count(request, outcome)
    return _receipt(outcome)


async def post_day(request: web.Request) -> web.Response:
    """Schedule a day: 201 with its view. The day takes the id of the fact that scheduled it."""
    value = await body.json_of(request)
    if not isinstance(value, dict):
        raise problems.malformed("A day is a JSON object.", [{"pointer": "", "detail": "an object is expected"}])
    intake = request.app[INTAKE]
    now = intake.clock.now()
    rates.admit(request)
    envelope = {name: value.pop(name, None) for name in _SCHEDULING_MEMBERS}
    envelope["event_id"] = envelope["event_id"] or new_id(now)
    fact_type = intake.scheduling_fact(value.get("workflow"))
    fact = payloads.read_as({**envelope, "type": fact_type, "data": value}, payloads.Fact)
    access = request.app[ACCESS]
    kind = submissions.kind_of(intake, fact_type)
    bearer = submissions.bearer_of(fact, kind, caller=request[CALLER], access=access, now=now)
    if request.app[SETTINGS].ward(str(value.get("ward"))) is not None:
        reach.check_ward(bearer, value.get("ward"))
    # Without a day: the intake gives the new one its id, or finds the one an earlier post of the same fact began.
    submission = submissions.of_fact(fact, "", bearer=bearer, access=access, now=now)
    outcome = await intake.submit(submission)
    _count(request, outcome)
    if outcome.refusal is not None:
        raise _flattened(problems.of_refusal(outcome.refusal, replayed=outcome.replayed))
    view = await view_of(request, str(_accepted(outcome)["day_id"]))
    headers = {**_headers(outcome), "ETag": etag_of(view), "Location": f"/v1/days/{view['day_id']}"}
    return answer(view, status=outcome.status, headers=headers)


async def post_double_check(request: web.Request) -> web.Response:
    """Take the first person's entry of a fact that two people enter: 201 with its id and how long it is valid."""
    check = payloads.read_as(await body.json_of(request), payloads.DoubleCheck)
    intake = request.app[INTAKE]
    caller = request[CALLER]
    rates.admit(request)
    await reach.check_writable(intake, check.day.lower(), caller, caller, urgent=False)
    outcome = await intake.submit(submissions.of_double_check(check, caller=caller))
    _count(request, outcome)
    receipt = _accepted(outcome)
    day = await intake.day(receipt["day_id"])
    if day is None:
        raise problems.not_found()
    shown = {
        "double_check": receipt["event_id"],
        "day_id": receipt["day_id"],
        "seq": receipt["seq"],
        "received_at": receipt["received_at"],
        "expires_at": format_time(expires_at(day, parse_time(receipt["received_at"]))),
    }
    return answer(shown, status=outcome.status, headers=_headers(outcome))


async def post_batch(request: web.Request) -> web.Response:
    """Take several facts: 200 with one result per item, in order."""
    limits = request.app[SETTINGS].limits
    value = await body.json_of(request, bytes_max=limits.batch_bytes_max)
    items = payloads.read_as(value, payloads.FactBatch).items
    if len(items) > limits.batch_items_max:
        raise Problem(
            "too_large",
            f"A batch has at most {limits.batch_items_max} items.",
            members={"limit_items": limits.batch_items_max},
        )
    rates.admit(request, urgent=any(_is_urgent(request, item) for item in items))
    read = [await _read_item(request, item, index) for index, item in enumerate(items)]
    spoiled = {_group(item) for item, result in zip(items, read, strict=True) if isinstance(result, Problem)}
    for index, item in enumerate(items):
        # All or none also holds for what cannot be read: the rest of its group must not go in without it.
        if _group(item) in spoiled - {None} and isinstance(read[index], Submission):
            read[index] = problems.malformed("Another item of the group cannot be read.")
    outcomes = iter(await request.app[INTAKE].submit_batch([item for item in read if isinstance(item, Submission)]))
    results = []
    for result in read:
        outcome = result if isinstance(result, Problem) else next(outcomes)
        results.append(_result(request, outcome))
    return answer({"items": results})


async def _submission(
    request: web.Request, fact: payloads.Fact, day_id: str, kind: submissions.Kind, *, if_match: int | None = None
) -> Submission:
    """Find out under whom a fact counts and that the day is in their reach. Raises `Problem`."""
    intake, access, caller = request.app[INTAKE], request.app[ACCESS], request[CALLER]
    now = intake.clock.now()
    bearer = submissions.bearer_of(fact, kind, caller=caller, access=access, now=now)
    await reach.check_writable(intake, day_id, bearer, caller, urgent=kind.urgent)
    if fact.corrects is not None:
        await reach.check_corrected(request, fact.corrects.lower(), bearer, caller, urgent=kind.urgent)
    if fact.second is not None:
        await access.prepare(fact.second.token)
    return submissions.of_fact(
        fact, day_id, bearer=bearer, access=access, now=now, independent=kind.independent, if_match=if_match
    )


def _is_urgent(request: web.Request, item: Any) -> bool:
    fact_type = item.get("type") if isinstance(item, dict) else None
    return isinstance(fact_type, str) and submissions.kind_of(request.app[INTAKE], fact_type).urgent


async def _read_item(request: web.Request, item: Any, index: int) -> Submission | Problem:
    try:
        fact = payloads.read_as(item, payloads.BatchItem)
        kind = submissions.kind_of(request.app[INTAKE], fact.type)
        return await _submission(request, fact, fact.day.lower(), kind)
    except Problem as problem:
        if problems.is_starved(problem):
            raise  # the item may be a good one: nothing of the batch is decided
        if isinstance(problem, Denied):
            await note_denial(request, problem)
        errors = problem.members.get("errors", ())
        problem.members["errors"] = [{**error, "pointer": f"/items/{index}{error['pointer']}"} for error in errors]
        return problem


def _group(item: Any) -> str | None:
    group = item.get("group") if isinstance(item, dict) else None
    return group if isinstance(group, str) else None


def _result(request: web.Request, outcome: Outcome | Problem) -> dict[str, Any]:
    if isinstance(outcome, Problem):
        problem, replayed = outcome, False
        request.app[METRICS].fact("refused")
    else:
        _count(request, outcome)
        if outcome.refusal is None:
            return {"status": "duplicate" if outcome.replayed else "accepted", "receipt": outcome.receipt}
        problem, replayed = problems.of_refusal(outcome.refusal), outcome.replayed
    shown: dict[str, Any] = {"status": "refused", "problem": problems.document(problem, request[REQUEST_ID])}
    return {**shown, "replayed": True} if replayed else shown


def _flattened(problem: Problem) -> Problem:
    """Point at the members of `POST /v1/days`, where the data of the fact lie at the top."""
    errors = problem.members.get("errors")
    if errors:
        problem.members["errors"] = [{**error, "pointer": error["pointer"].removeprefix("/data")} for error in errors]
        problem.detail = problem.detail.removeprefix("/data")
    return problem


def _count(request: web.Request, outcome: Outcome) -> None:
    result = "refused" if outcome.refusal is not None else "duplicate" if outcome.replayed else "accepted"
    request.app[METRICS].fact(result)


def _accepted(outcome: Outcome) -> dict[str, Any]:
    if outcome.refusal is not None:
        raise problems.of_refusal(outcome.refusal, replayed=outcome.replayed)
    return outcome.receipt or {}


def _receipt(outcome: Outcome) -> web.Response:
    return answer(_accepted(outcome), status=outcome.status, headers=_headers(outcome))


def _headers(outcome: Outcome) -> dict[str, str]:
    headers = {} if outcome.day_version is None else {"ETag": f'"{outcome.day_version}"'}
    if outcome.replayed:
        headers["Idempotency-Replayed"] = "true"
    return headers
