"""Before a site's log is written again: definitions adopted, derived tables compared and, if need be, rebuilt.

Promises: a start with every derived table dropped ends in the same heads as one without. Constant memory but for the
heads themselves. Does not: look at days that are due (`intake.watch` does, at once).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import structlog

from infusion_service.clinical.vocabulary import SITE_STREAM
from infusion_service.intake.days import Chart, Days, Sheet
from infusion_service.intake.draft import head_of, with_next_change
from infusion_service.intake.workflows import WORKFLOW_ADOPTED, Workflows
from infusion_service.log.entry import LogEntry
from infusion_service.log.store import DayHead, Store

SERVICE_STARTED = "service.started"
PAGE = 256

_BEGINNING = datetime.min.replace(tzinfo=UTC)

_log = structlog.get_logger(__name__)


async def read_adopted(store: Store, site: str, workflows: Workflows) -> None:
    """Take in every definition the log holds."""
    after = 0
    while rows := await store.read_log(
        site, after_seq=after, limit=PAGE, stream=SITE_STREAM, entry_type=WORKFLOW_ADOPTED
    ):
        for row in rows:
            entry = LogEntry.of(row).entry
            if entry is not None:
                workflows.adopted(entry.data)
        after = rows[-1].seq


async def rebuild_derived(store: Store, site: str, days: Days) -> None:
    """Derive event-id index, head of the log and heads of all days anew from the log."""
    _log.warning("intake.rebuild_started")
    days.clear()
    await store.rebuild_event_keys(site)
    heads: list[DayHead] = []
    for day_ids in (await _days_by_patient(store, site, days)).values():
        heads += await _heads(days, day_ids)
    await store.replace_heads(site, heads)
    _log.warning("intake.rebuild_finished", days=len(heads))


async def _days_by_patient(store: Store, site: str, days: Days) -> dict[str, list[str]]:
    """Day ids by patient: which days share a chart, told by the first entry of each."""
    by_patient: dict[str, list[str]] = {}
    after: str | None = None
    while streams := await store.read_streams(site, after=after, limit=PAGE):
        for day_id in streams:
            first = await days.fold_day(day_id, until_n=1)
            patient_id = None if first is None else first.day.patient_id
            by_patient.setdefault(patient_id or day_id, []).append(day_id)
        after = streams[-1]
    return by_patient


async def _heads(days: Days, day_ids: list[str]) -> list[DayHead]:
    sheets: dict[str, Sheet] = {}
    for day_id in day_ids:
        sheet = await days.fold_day(day_id)
        if sheet is not None:
            sheets[day_id] = sheet
    chart = Chart(day_ids[0], sheets)
    # As of each day's last entry: until then everything that had become true was appended, since then perhaps not.
    return [head_of(with_next_change(chart, sheet, sheet.day.received_at or _BEGINNING)) for sheet in sheets.values()]


async def open_heads(store: Store, site: str) -> AsyncIterator[list[DayHead]]:
    """Yield the heads of all open days, page by page."""
    after: tuple[str, str] | None = None
    while heads := await store.day_heads(site, open_only=True, after=after, limit=PAGE):
        yield heads
        after = (heads[-1].date or "", heads[-1].day_id)


def started_data(*, version: str, configuration_hash: str) -> dict[str, Any]:
    """The data of the `service.started` entry: what ran with which settings."""
    return {"configuration": configuration_hash, "version": version}
