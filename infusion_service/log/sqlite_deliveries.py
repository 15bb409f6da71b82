"""Deliveries in the SQLite store: see `deliveries.Deliveries`.

Writes run in the writer's thread as one transaction, reads in a reader's, like everything else of the store. Does not:
connect, lock or translate errors (`sqlite`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

from infusion_service.clinical.vocabulary import format_time
from infusion_service.log.deliveries import ANY_DELIVERY, Delivery, DeliveryBatch, DeliverySearch
from infusion_service.log.row_check import check_of
from infusion_service.log.sqlite_reader import Reader
from infusion_service.log.sqlite_rows import from_ms, to_ms
from infusion_service.log.sqlite_schema import RawConnection
from infusion_service.log.sqlite_writer import Writer
from infusion_service.log.statements import for_rows, load_statements
from infusion_service.log.store import id_bytes

SQL = load_statements("sqlite/deliveries.sql")

_ROWS_AT_ONCE = (64, 16, 4, 1)
"""Few statements for many rows: each one hands the interpreter to the event loop and waits for it again."""

_FOR_ROWS = {
    (name, rows): for_rows(SQL[name], rows) for name in ("insert_delivery", "change_delivery") for rows in _ROWS_AT_ONCE
}

Run = Callable[..., Awaitable[Any]]
"""Runs a function of a `Reader` or `Writer` and its arguments in that one's thread."""


class SqliteDeliveries:
    """The port over the tables of one store."""

    def __init__(self, read: Run, write: Run) -> None:
        self._read = read
        self._write = write

    async def change(self, site: str, batch: DeliveryBatch) -> None:
        """See `Deliveries.change`."""
        await self._write(_change, site, batch)

    async def waiting(self, site: str, endpoint_id: str, *, after: int = 0, limit: int) -> list[Delivery]:
        """See `Deliveries.waiting`."""
        return await self._rows("waiting_deliveries", site, endpoint_id, after, limit)

    async def parked_due(self, site: str, endpoint_id: str, until: datetime, limit: int) -> list[Delivery]:
        """See `Deliveries.parked_due`."""
        return await self._rows("parked_deliveries_due", site, endpoint_id, to_ms(until), limit)

    async def next_parked_due(self, site: str, endpoint_id: str) -> datetime | None:
        """See `Deliveries.next_parked_due`."""
        found = await self._read(_select, "next_parked_delivery_due", site, endpoint_id)
        return _moment(found[0][0]) if found else None

    async def page(
        self, site: str, endpoint_id: str, search: DeliverySearch = ANY_DELIVERY, *, after: int = 0, limit: int
    ) -> list[Delivery]:
        """See `Deliveries.page`."""
        found: list[Delivery] = await self._read(_select_page, site, endpoint_id, search, after, limit)
        return found

    async def one(self, site: str, endpoint_id: str, epsequence: int) -> Delivery | None:
        """See `Deliveries.one`."""
        found = await self._rows("delivery", site, endpoint_id, epsequence)
        return found[0] if found else None

    async def of_entries(self, site: str, endpoint_id: str, from_seq: int, to_seq: int) -> dict[int, int]:
        """See `Deliveries.of_entries`."""
        return dict(await self._read(_select, "deliveries_of_entries", site, endpoint_id, from_seq, to_seq))

    async def counts(self, site: str, endpoint_id: str) -> dict[str, int]:
        """See `Deliveries.counts`."""
        waiting = await self._read(_select, "count_waiting", site, endpoint_id)
        parked = await self._read(_select, "count_parked", site, endpoint_id)
        return {"waiting": waiting[0][0] if waiting else 0, "parked": parked[0][0] if parked else 0}

    async def forget_bodies(self, site: str, endpoint_id: str, settled_before: datetime) -> None:
        """See `Deliveries.forget_bodies`."""
        await self._write(_forget_bodies, site, endpoint_id, settled_before)

    async def _rows(self, statement: str, site: str, endpoint_id: str, *values: object) -> list[Delivery]:
        found: list[Delivery] = await self._read(_select_rows, statement, site, endpoint_id, *values)
        return found


def _select(reader: Reader, statement: str, site: str, endpoint_id: str, *values: object) -> list[Any]:
    site_key = reader.site_key(site)
    if site_key is None:
        return []
    found: list[Any] = reader.execute(SQL[statement], (site_key, id_bytes(endpoint_id), *values)).fetchall()
    return found


def _select_rows(reader: Reader, statement: str, site: str, endpoint_id: str, *values: object) -> list[Delivery]:
    rows = _select(reader, statement, site, endpoint_id, *values)
    return [_delivery(reader.site_key(site) or 0, endpoint_id, row) for row in rows]


def _select_page(
    reader: Reader, site: str, endpoint_id: str, search: DeliverySearch, after: int, limit: int
) -> list[Delivery]:
    site_key = reader.site_key(site)
    if site_key is None:
        return []
    values = {
        "site_key": site_key,
        "endpoint_id": id_bytes(endpoint_id),
        "state": search.state,
        "lane": search.lane,
        "event_type": search.event_type,
        "answer": search.answer,
        # Attempts are written with the time as a text whose order is that of the moments.
        "since": None if search.since is None else format_time(search.since),
        "until": None if search.until is None else format_time(search.until),
        "to_number": search.to_number,
        "after": after,
        "limit": limit,
    }
    statement = f"deliveries_{search.state}" if search.state in ("waiting", "parked") else "deliveries"
    return [_delivery(site_key, endpoint_id, row) for row in reader.execute(SQL[statement], values)]


def _change(writer: Writer, site: str, batch: DeliveryBatch) -> int:
    def work(connection: RawConnection, site_key: int) -> None:
        _execute_for_all(connection, "insert_delivery", [_inserted(site_key, row) for row in batch.new])
        _execute_for_all(connection, "change_delivery", [_changed(site_key, row) for row in batch.changed])
        if batch.requeue is not None:
            again = batch.requeue
            values = (site_key, id_bytes(again.endpoint_id), again.from_seq, again.to_seq)
            connection.execute(SQL["requeue_deliveries"], values)

    return writer.change(site, work, batch.operational)


def _execute_for_all(connection: RawConnection, name: str, rows: Sequence[tuple[object, ...]]) -> None:
    first = 0
    for width in _ROWS_AT_ONCE:
        while len(rows) - first >= width:
            connection.execute(_FOR_ROWS[name, width], list(chain.from_iterable(rows[first : first + width])))
            first += width


def _forget_bodies(writer: Writer, site: str, endpoint_id: str, settled_before: datetime) -> int:
    def work(connection: RawConnection, site_key: int) -> None:
        connection.execute(SQL["forget_delivery_bodies"], (site_key, id_bytes(endpoint_id), to_ms(settled_before)))

    return writer.change(site, work)


def _inserted(site_key: int, row: Delivery) -> tuple[object, ...]:
    values = (*_place(site_key, row), row.seq, row.webhook_id, row.lane, row.event_type, *_fate(row))
    return (*values, row.body, check_of(*values), None if row.body is None else check_of(row.body))


def _changed(site_key: int, row: Delivery) -> tuple[object, ...]:
    place, fate = _place(site_key, row), _fate(row)
    return (*fate, check_of(*place, row.seq, row.webhook_id, row.lane, row.event_type, *fate), *place)


def _place(site_key: int, row: Delivery) -> tuple[int, bytes, int]:
    return site_key, id_bytes(row.endpoint_id), row.epsequence


def _fate(row: Delivery) -> tuple[object, ...]:
    """State, reason, attempts, three times and the history: what a change writes."""
    return (
        row.state,
        row.reason,
        row.attempts,
        _ms(row.first_failed_at),
        _ms(row.next_attempt_at),
        _ms(row.settled_at),
        row.history,
    )


def _delivery(site_key: int, endpoint_id: str, row: Sequence[Any]) -> Delivery:
    *values, body, row_check, body_check = row
    damaged = row_check != check_of(site_key, id_bytes(endpoint_id), *values)
    damaged = damaged or (body is not None and body_check != check_of(body))
    return Delivery(
        endpoint_id=endpoint_id,
        epsequence=row[0],
        seq=row[1],
        webhook_id=row[2],
        lane=row[3],
        event_type=row[4],
        state=row[5],
        reason=row[6],
        attempts=row[7],
        first_failed_at=_moment(row[8]),
        next_attempt_at=_moment(row[9]),
        settled_at=_moment(row[10]),
        history=row[11],
        body=body,
        damaged=damaged,
    )


def _ms(moment: datetime | None) -> int | None:
    return None if moment is None else to_ms(moment)


def _moment(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else from_ms(milliseconds)
