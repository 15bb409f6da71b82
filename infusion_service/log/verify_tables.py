"""Whether the tables that nothing is signed over are what the log gives: a verification's last steps on a database.

Derived tables (heads of days, keys of events, nodes of the tree, the head of the log) are functions of the log and are
compared with what it gives. Nothing else in a verification depends on them: they can be dropped at any time. What the
moment of a day's next change should be is not derived again (it depends on when the clock last looked); its row has a
check sum like all of them. Does not: say anything of a log that is itself not what it was, nor of the tables of another
version of the program, which are made anew at its next start.
"""

from __future__ import annotations

from binascii import unhexlify
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

import pysqlite3.dbapi2 as driver

from infusion_service.clinical.day import Day
from infusion_service.clinical.vocabulary import SITE_STREAM, Entry
from infusion_service.log.log_file import UNREADABLE, LogFile, reading
from infusion_service.log.merkle import STORED_LEVELS, Frontier
from infusion_service.log.row_check import check_of
from infusion_service.log.sqlite_rows import stream_bytes
from infusion_service.log.sqlite_schema import derived_layout, ensure_derived, migrate, shipped_migrations
from infusion_service.log.store import StoreUnusable, id_text
from infusion_service.log.verify_report import Report
from infusion_service.log.verify_structure import Stream, Structure

REMEDY = "stop the service, `infusion log rebuild`, start it: they come back from the log"

NONE = "there are none, or not of the whole log: they come back at the next start"

NAMED_MAX = 10
"""Damaged event keys that are named; to name one the log is read again."""

_ID = b'"entry_id":"'
_ID_CHARS = 36
_NODE_EVERY = 1 << STORED_LEVELS[0]


class Trace:
    """What the first pass leaves behind for the comparison: sums, and a few numbers for each stream."""

    def __init__(self, site_entry: Callable[[Entry], None]) -> None:
        self.site_entry = site_entry
        self.event_keys = 0
        """Sum over (event id, seq) of every entry that has its body."""
        self.erased: set[int] = set()
        self.last_seq: dict[int, int] = {}
        self.nodes: dict[tuple[int, int], bytes] = {}

    def take(self, seq: int, row: tuple[Any, ...], leaf_hash: bytes, frontier: Frontier) -> None:
        """Note a row, and append it to the tree. On the hot path."""
        body = row[5]
        self.last_seq[row[1]] = seq
        if body is None:
            self.erased.add(seq)
        else:
            self.event_keys += hash((_event_id_in(body), seq))
        if (frontier.size + 1) % _NODE_EVERY:
            frontier.append(leaf_hash)
            return
        completed: list[bytes] = []
        frontier.append(leaf_hash, completed)
        for level in STORED_LEVELS:
            if level <= len(completed):
                self.nodes[level, (frontier.size >> level) - 1] = completed[level - 1]


class PageCheck:
    """What SQLite itself finds wrong with pages, tables and indexes, looked for beside everything else.

    Its own connection in a thread of its own: SQLite needs no interpreter for it, so a second core does the work.
    """

    def __init__(self, log: LogFile) -> None:
        (_, _, self._path) = log.connection.execute("PRAGMA database_list").fetchone()
        self._found: list[str] = []
        self._thread = Thread(target=self._look, name="pages")
        self._thread.start()

    def found(self) -> list[str]:
        """Wait for the end; empty when nothing was found."""
        self._thread.join()
        return self._found

    def _look(self) -> None:
        try:
            with reading(Path(self._path)) as connection:
                said = [row[0] for row in connection.execute(LogFile.statement("damage"))]
        except (StoreUnusable, *UNREADABLE) as exc:
            said = [str(exc)]
        self._found = [each for each in said if each != "ok"]


class DerivedCheck:
    """Compares one site's derived tables with its log."""

    def __init__(self, log: LogFile, report: Report, trace: Trace, pages: PageCheck) -> None:
        self._log = log
        self._pages = pages
        self._report = report
        self._trace = trace
        self._heads = 0
        self._compares_heads = False

    def run(self, structure: Structure) -> None:
        """Compare all but the heads of days, which `check_day` is for. Call `finish` after the last day."""
        pages = self._pages.found()
        if len(self._report.findings):
            self._skip("the log itself is not what it was")
            return
        try:
            for said in pages:
                self._found(f"SQLite finds: {said}")
            reason = self._why_not(structure)
            if reason:
                self._skip(reason)
                return
            self._check_schema()
            if not self._check_log_head(structure):
                return
            self._check_tree()
            self._check_event_keys()
        except UNREADABLE as exc:
            self._found(f"the file cannot be read beside the log: {exc}")
        else:
            self._compares_heads = True

    def check_day(self, stream_key: int, stream: Stream, day: Day | None) -> None:
        """Compare the head of a day with the day as folded; None where it was not folded."""
        if not self._compares_heads or stream.name == SITE_STREAM:
            return
        try:
            row = self._log.one("day_head", stream_bytes(stream.name))
        except (ValueError, *UNREADABLE) as exc:  # a day whose name is none has been told of already
            self._found(f"day_head cannot be read: {exc}")
            return
        if row is None:
            if stream.sound:
                self._found(f"day_head holds nothing of day {stream.name}")
            return
        self._heads += 1
        *values, check = row
        if check != check_of(*values):
            self._found(f"day_head of {stream.name} is not the row that was written")
            return
        for name, kept, given in self._differences(values, stream_key, stream, day):
            self._found(f"day_head of {stream.name} says {name} {kept!r}, the log gives {given!r}")

    def finish(self) -> None:
        """Tell of heads that no day of the log has."""
        if self._compares_heads:
            (count,) = self._log.one("count_day_heads") or (0,)
            if count != self._heads:
                self._found(f"day_head holds {count} days, of which the log has {self._heads}")

    def _why_not(self, structure: Structure) -> str:
        """Why there is nothing to compare; empty when there is."""
        try:
            layout = dict(self._log.connection.execute("SELECT table_name, checksum FROM derived_layout").fetchall())
        except driver.OperationalError:
            layout = {}
        if layout != derived_layout():
            return "derived tables of another version of the program: they are made anew at the next start"
        there = {name for name, _ in self._log.connection.execute(self._log.statement("schema"))}
        if not {f"table {name}" for name in layout} <= there:
            return NONE
        head = self._log.one("log_head")
        sound = head is None or head[-1] == check_of(self._log.site_key, *head[:-1])
        if head is None or (sound and not head[0] == head[4] == head[5] == structure.size):
            return NONE
        return ""

    def _check_schema(self) -> None:
        """What the file says of its own tables, indexes and triggers."""
        wanted = _schema_as_shipped(self._log)
        for name, text in self._log.connection.execute(self._log.statement("schema")):
            if not name.startswith("table sqlite_") and wanted.pop(name, None) != text:
                self._found(f"the schema's {name} is not the one of this program")
        for name in wanted:
            self._found(f"the schema has no {name}")

    def _check_log_head(self, structure: Structure) -> bool:
        *values, check = self._log.one("log_head") or (None,)
        if check != check_of(self._log.site_key, *values):
            self._found("log_head is not the row that was written")
            return False
        site = next((stream for stream in structure.streams.values() if stream.name == SITE_STREAM), None)
        n, leaf_hash = (0, values[3]) if site is None else (site.n, site.leaf_hash)
        if values[1:4] != [structure.frontier, n, leaf_hash]:
            self._found("log_head does not say where the log stands")
            return False
        return True

    def _check_tree(self) -> None:
        wanted = dict(self._trace.nodes)
        for level, index, root, check in self._log.every("tree_nodes"):
            if root != wanted.pop((level, index), None):
                self._found(f"tree_node ({level}, {index}) is not the root of its subtree")
            elif check != check_of(self._log.site_key, level, index, root):
                self._found(f"tree_node ({level}, {index}) is not the row that was written")
        for level, index in wanted:
            self._found(f"tree_node ({level}, {index}) is missing")

    def _check_event_keys(self) -> None:
        erased, total = self._trace.erased, 0
        count = len(erased)
        for event_id, seq in self._log.every("event_keys"):
            if seq in erased:
                count -= 1  # the only record of an id whose body is gone
            else:
                total += hash((event_id, seq))
        if total != self._trace.event_keys or count < 0:
            self._name_event_keys()

    def _name_event_keys(self) -> None:
        """Read the log again to say which keys are wrong: only when one is."""
        named = 0
        for seq, row in enumerate(self._log.rows(), start=1):
            event_id = None if row[5] is None else _event_id_in(row[5])
            if not event_id:
                continue
            found = self._log.one("seq_of_event", event_id)
            if found is None or found[0] != seq:
                leads = "nowhere" if found is None else f"to entry {found[0]}"
                self._found(f"event_key {id_text(event_id)} of entry {seq} leads {leads}")
                named += 1
                if named == NAMED_MAX:
                    return
        if not named:
            self._found("event_key holds ids that no entry has")

    def _differences(
        self, values: list[Any], stream_key: int, stream: Stream, day: Day | None
    ) -> list[tuple[str, object, object]]:
        _, _, patient, ward, on_date, workflow, state, is_open, version, n, leaf_hash, last_seq, _ = values
        pairs: list[tuple[str, object, object]] = [
            ("n", n, stream.n),
            ("last_leaf_hash", leaf_hash, stream.leaf_hash),
            ("last_seq", last_seq, self._trace.last_seq.get(stream_key)),
        ]
        if day is not None:
            pairs += [
                ("patient_id", patient, day.patient_id),
                ("ward", ward, day.ward),
                ("date", on_date, "" if day.date is None else day.date.isoformat()),
                ("workflow_hash", workflow, day.workflow.hash),
                ("state", state, day.state),
                ("open", bool(is_open), day.open),
                ("version", version, day.version),
            ]
        return [(name, kept, given) for name, kept, given in pairs if kept != given]

    def _found(self, what: str) -> None:
        self._report.findings.add("derived", None, what)
        self._report.notes["derived"] = REMEDY
        self._report.skipped.pop("derived", None)

    def _skip(self, reason: str) -> None:
        if not self._report.findings.counts["derived"]:
            self._report.skipped["derived"] = reason


def _event_id_in(body: bytes) -> bytes:
    """The event id of a body in its one form: no text in it can hold the quotation marks of a name."""
    at = body.rfind(_ID) + len(_ID)
    try:
        return unhexlify(body[at : at + _ID_CHARS].replace(b"-", b""))
    except ValueError:
        return b""


def _schema_as_shipped(log: LogFile) -> dict[str, str]:
    """Every object a file of this program has, with its text."""
    connection = driver.connect(":memory:", isolation_level=None)
    try:
        migrate(connection, shipped_migrations())
        ensure_derived(connection)
        return dict(connection.execute(log.statement("schema")))
    finally:
        connection.close()
