"""One bit flips, at a thousand places of each file: found by the check of the night or by the start, never in silence.

The check is `infusion verify` as the service runs it at night, with the checkpoints kept outside. A flip in an entry is
named at that entry. Elsewhere in the file (indexes, derived tables, devices, staff, tokens, endpoints, deliveries, the
schema, free pages) it is found by that check or by the start, or changes nothing that anybody is answered.
"""

from __future__ import annotations

import asyncio
import json
import random
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from infusion_service.access.records import STAFF_ROLES, TOKEN_ROLES
from infusion_service.bootstrap import Service, open_service
from infusion_service.cli.exits import Exit
from infusion_service.cli.rehearsal.player import WARD_ID
from infusion_service.delivery.requests import NewEndpoint
from infusion_service.intake.clock import SimulatedClock
from infusion_service.intake.outcome import Unavailable
from infusion_service.log.backup import BackupUnsound, back_up, restore
from infusion_service.log.checkpoints import CheckpointDirectory
from infusion_service.log.sqlite_rows import seq_of
from infusion_service.log.store import StorageFailed, StoreError, StoreUnusable
from tests.audit.played import OFFICE, SITE, play, settings_in
from tests.audit.rotting import NEXT_MORNING, caught_or_harmless, power_cut, rows_of
from tests.cli.running import infusion
from tests.drills.conftest import Drill
from tests.drills.database_file import Stored, flip, tables_of_roots, values_of

SHORT, WHOLE = 10, 1000
"""Places of each of the four kinds."""

IN_ENTRIES = {"leaf": "log", "salt": "payload", "body": "payload"}
DATABASE = "infusion.db"
PAGE_BYTES = 4096
NOT_ENTRIES = {"log_head", "tree_node", "event_key", "day_head", "operational", "delivery", "site", "stream", "erasure"}
SCHEMA_PAGE = 1
NOTHING, OTHER = "changed nothing", "another answer"
ENGINE = "http://127.0.0.1:9/hook"
"""Nobody listens there: what it is to be sent waits."""
DELIVERIES_MIN = 10
CHARTED = 300
"""Entries beside those of the day: enough for a stored node of the tree."""
FOUND = (Exit.FINDING, Exit.REFUSED)

short_and_whole = pytest.mark.parametrize(
    "places",
    [
        pytest.param(SHORT, id="short"),
        pytest.param(WHOLE, id="whole", marks=[pytest.mark.drill, pytest.mark.timeout(1800)]),
    ],
)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site with a day of an emergency, its service stopped."""
    directory: Path = tmp_path_factory.mktemp("played")
    play(directory, "s08")
    return directory


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with everything a running site has beside its log, some of it in the middle of things."""
    directory: Path = tmp_path_factory.mktemp("furnished")
    play(directory, "s08")
    asyncio.run(furnish(directory))
    return directory


async def furnish(directory: Path) -> None:
    """Tablets, people, tokens, a broken glass, and an engine that does not answer."""
    local = ("127.0.0.1/32",)
    settings = replace(
        settings_in(directory), delivery_networks=local, delivery_plain_networks=local, delivery_ports=(9,)
    )
    async with open_service(settings, clock=SimulatedClock(NEXT_MORNING)) as service:
        access = service.access
        for number in range(4):
            await access.enrol_device(f"tab-{number}", WARD_ID, OFFICE)
        await access.revoke_device("tab-3", OFFICE)
        for number, role in enumerate(STAFF_ROLES):
            await access.add_staff(
                f"staff-{number}", "A. Name", role, badge=f"B-{number}", pin="4829", wards=None, by=OFFICE
            )
        await access.disable_staff("staff-0", OFFICE)
        expires_at = NEXT_MORNING + timedelta(days=90)
        tokens = [(await access.mint_token(office, office, expires_at, OFFICE))[0] for office in TOKEN_ROLES]
        await access.revoke_token(tokens[0].token_id, OFFICE)
        await service.endpoints.start()
        made = await service.endpoints.create(NewEndpoint(name="engine", url=ENGINE, start_at=1), OFFICE)
        for number in range(CHARTED):
            await service.intake.record("note", {"text": f"{number}"}, OFFICE)
        while (await service.store.deliveries.counts(SITE, made["id"]))["waiting"] < DELIVERIES_MIN:
            await service.store.ping()
        await service.endpoints.set_state(made["id"], "held", OFFICE)


@pytest.fixture(scope="module")
def unclosed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site whose newest entries are in the write-ahead log alone."""
    return power_cut(tmp_path_factory.mktemp("unclosed"))


@short_and_whole
def test_a_bit_in_an_entry_of_the_database_is_found_at_night(
    drill: Drill, played: Path, tmp_path: Path, places: int
) -> None:
    database = Path(shutil.copytree(played, tmp_path / "site")) / DATABASE
    hit: Counter[str] = Counter()
    for stored, place in drawn(database, drill.chance, places):
        with flipped(database, place, drill.chance):
            code, report = checked(database)
        assert (code, report["first_bad_seq"]) == (Exit.FINDING, seq_of(stored.rowid)), (stored, place)
        hit[stored.column] += 1
    assert checked(database)[0] == Exit.FINE
    drill.figure(f"{places} bits flipped in the database, {dict(hit)}: all found and named, 0 silent")


@short_and_whole
def test_a_bit_in_an_entry_of_a_backup_keeps_it_from_being_put_back(
    drill: Drill, played: Path, tmp_path: Path, places: int
) -> None:
    settings = settings_in(played)
    backup, target = tmp_path / "backup.db", tmp_path / "machine" / DATABASE
    back_up(settings.database, backup, checkpoints=CheckpointDirectory(settings.checkpoints, SITE), site=SITE)
    named = 0
    for stored, place in drawn(backup, drill.chance, places):
        with flipped(backup, place, drill.chance), pytest.raises(BackupUnsound) as refused:
            restore(backup, target, site=SITE)
        first_bad = refused.value.report.findings.first_bad_seq
        seq = seq_of(stored.rowid)
        # Beside a backup lies no list of leaf hashes: of a leaf the next one of its stream tells, where there is one.
        assert first_bad == seq or (stored.column == "leaf" and (first_bad is None or first_bad > seq)), (stored, place)
        named += first_bad == seq
        assert not list(target.parent.iterdir())
    assert restore(backup, target, site=SITE).checkpoint_size is not None
    drill.figure(f"{places} bits flipped in a backup: none of them put back, {named} named at their own entry")


@short_and_whole
async def test_a_bit_in_the_write_ahead_log_is_found_at_the_start_where_it_costs_entries(
    drill: Drill, unclosed: Path, tmp_path: Path, places: int
) -> None:
    size = (unclosed / f"{DATABASE}-wal").stat().st_size
    entries = len(rows_of(unclosed / DATABASE))
    lost = 0
    for number in range(places):
        place, copy = drill.chance.randrange(size), Path(shutil.copytree(unclosed, tmp_path / str(number)))
        flip(copy / f"{DATABASE}-wal", place, drill.chance.randrange(8))
        if caught_or_harmless(copy, unclosed, place):
            with pytest.raises(StoreError):
                await answers(copy, entries)
            lost += 1
        else:
            assert len(rows_of(copy / DATABASE)) == entries
            await answers(copy, entries)
        shutil.rmtree(copy)
    assert lost
    drill.figure(f"{places} bits flipped in the write-ahead log: {lost} cost entries, found at night and at the start")


@short_and_whole
async def test_a_bit_that_belongs_to_no_entry_is_found_or_changes_no_answer(
    drill: Drill, furnished: Path, tmp_path: Path, places: int
) -> None:
    before = rows_of(furnished / DATABASE)
    answered = await answers(Path(shutil.copytree(furnished, tmp_path / "untouched")), len(before))
    anywhere, in_rows = other_places(furnished / DATABASE)
    became: Counter[str] = Counter()
    for number in range(places):
        # Most of a file is empty pages and ends of pages: every second flip goes where rows lie.
        place = drill.chance.choice(in_rows if number % 2 else anywhere)
        copy = Path(shutil.copytree(furnished, tmp_path / str(number)))
        flip(copy / DATABASE, place, drill.chance.randrange(8))
        at_night, at_once = await what_became(copy, before, answered)
        assert at_night or at_once != OTHER, place
        became[f"{at_once}, {'found at night' if at_night else 'not found'}"] += 1
        shutil.rmtree(copy)
    drill.figure(f"{places} bits flipped beside the entries: {dict(became.most_common())}")


async def what_became(copy: Path, before: list[Any], answered: Any) -> tuple[bool, str]:
    """Whether the check of the night finds a flip beside the entries, and what a service says that starts before it."""
    again = Path(shutil.copytree(copy, copy.with_name(f"{copy.name}-started")))
    try:
        code, report = checked(copy / DATABASE)
        assert code in (Exit.FINE, *FOUND), report
        if code == Exit.FINE:
            assert rows_of(copy / DATABASE) == before
        try:
            said = NOTHING if same(await answers(again, len(before)), answered) else OTHER
        except (StoreError, Unavailable):
            said = "refused"
        except Exception as error:
            if code == Exit.FINE:
                raise
            said = f"no answer but {type(error).__name__}"  # to a client a 500: nothing that could be mistaken
        return code != Exit.FINE, said
    finally:
        shutil.rmtree(again)


def same(said: dict[str, Any], answered: dict[str, Any]) -> bool:
    """Whether nothing was answered otherwise. A delivery that is damaged is parked: one fewer is no other one."""
    deliveries, known = said["beside"].pop("deliveries"), answered["beside"]["deliveries"]
    wanted = {**answered, "beside": {name: kept for name, kept in answered["beside"].items() if name != "deliveries"}}
    return said == wanted and all(row in known[each] for each, rows in deliveries.items() for row in rows)


def checked(database: Path) -> tuple[int, dict[str, Any]]:
    """The check of the night: the very command line the service runs."""
    outside = {"INFUSION_STORAGE_CHECKPOINT_DIR": str(database.parent / "checkpoints")}
    ended = infusion("verify", "--json", "--db", database, "--site", SITE, env=outside)
    return ended.code, json.loads(ended.out) if ended.out else {"refused": ended.err}


async def answers(directory: Path, size: int) -> dict[str, Any]:
    """What is answered from these files: the board, each day, each of the first `size` entries; then a start on them.

    Raises `StoreError`.
    """
    settings, clock = settings_in(directory), SimulatedClock(NEXT_MORNING)
    async with open_service(settings, clock=clock, read_only=True) as service:  # no watch changes anything meanwhile
        heads = await service.store.day_heads(SITE, limit=1_000)
        kept = await beside_the_log(service)
        open_now = await service.store.day_heads(SITE, open_only=True, limit=1_000)
        days = {head.day_id: await service.intake.view(head.day_id) for head in heads}
        known: dict[str, list[str]] = {}
        for day_id in days:
            entries = await service.intake.entries(day_id)
            ids = [str(entry.as_json().get("entry_id")) for entry in entries if entry.seq <= size]
            known[day_id] = sorted(await service.store.find_events(SITE, ids))
    async with open_service(settings, clock=clock) as service:
        await service.store.ping()  # a write of the start that met damage
    return {"board": heads, "open": open_now, "days": days, "events": known, "beside": kept}


async def beside_the_log(service: Service) -> dict[str, Any]:
    """Who is let in, whereto is delivered, and what: all that the log does not hold whole."""
    access, store = service.access, service.store
    endpoints = [view["id"] for view in service.endpoints.all()]
    deliveries = {each: await store.deliveries.waiting(SITE, each, limit=1_000) for each in endpoints}
    return {
        "devices": access.list_devices(),
        "staff": access.list_staff(),
        "tokens": access.list_tokens(),
        "endpoints": [await store.record(SITE, "endpoint", each) for each in endpoints],
        "progress": [await store.record(SITE, "endpoint_progress", each) for each in endpoints],
        # One that is damaged is parked and not sent: no answer at all is no other answer.
        "deliveries": {each: [row for row in rows if not row.damaged] for each, rows in deliveries.items()},
    }


def drawn(database: Path, chance: random.Random, places: int) -> Iterator[tuple[Stored, int]]:
    """Places in leaves, salts and bodies, as many of each; any entry, any byte."""
    values = {
        column: [stored for stored in values_of(database, table) if stored.column == column]
        for column, table in IN_ENTRIES.items()
    }
    for number in range(places):
        stored = chance.choice(values[list(values)[number % len(values)]])
        yield stored, stored.place(chance.randrange(stored.size))


def other_places(database: Path) -> tuple[list[int], list[int]]:
    """Every byte of the file that is in no leaf, salt or body, and those of them where rows of other tables lie."""
    raw, roots = database.read_bytes(), tables_of_roots(database)
    taken = bytearray(len(raw))
    for column, table in IN_ENTRIES.items():
        for stored in values_of(database, table):
            if stored.column == column:
                for part in stored.places:
                    taken[part.start : part.stop] = b"\1" * len(part)
    anywhere = [place for place, used in enumerate(taken) if not used]
    theirs = {page for page, table in roots.items() if table in NOT_ENTRIES} | {SCHEMA_PAGE}
    return anywhere, [place for place in anywhere if raw[place] and place // PAGE_BYTES + 1 in theirs]


@contextmanager
def flipped(path: Path, place: int, chance: random.Random) -> Iterator[None]:
    """A file with one bit changed while the block runs."""
    bit = chance.randrange(8)
    flip(path, place, bit)
    try:
        yield
    finally:
        flip(path, place, bit)


def test_the_places_are_those_of_the_values(played: Path) -> None:
    raw = (played / DATABASE).read_bytes()
    rows = {row[0]: row for row in rows_of(played / DATABASE)}
    for column, table in IN_ENTRIES.items():
        at = {"leaf": 3, "salt": 4, "body": 5}[column]
        for stored in values_of(played / DATABASE, table):
            if stored.column == column:
                assert b"".join(raw[part.start : part.stop] for part in stored.places) == rows[stored.rowid][at]


def test_a_file_that_is_no_database_any_more_is_refused(played: Path, tmp_path: Path) -> None:
    database = Path(shutil.copytree(played, tmp_path / "site")) / DATABASE
    flip(database, 0, 0)
    with pytest.raises(StoreUnusable):
        restore(database, tmp_path / "elsewhere.db", site=SITE)
    assert checked(database)[0] == Exit.REFUSED


async def test_a_schema_that_is_no_text_any_more_is_said_to_be_damage(played: Path, tmp_path: Path) -> None:
    database = Path(shutil.copytree(played, tmp_path / "site")) / DATABASE
    flip(database, database.read_bytes().index(b"CREATE TABLE site (") + 7, 7)
    assert checked(database)[0] == Exit.REFUSED
    with pytest.raises(StorageFailed, match="damaged") as failed:
        await answers(database.parent, 0)
    assert failed.value.fatal


async def test_a_key_that_the_log_names_no_more_is_found_at_its_entry(played: Path, tmp_path: Path) -> None:
    database = Path(shutil.copytree(played, tmp_path / "site")) / DATABASE
    seq, body = next((row[0], row[5]) for row in rows_of(database) if row[6] == "key.added")
    (stored,) = [each for each in values_of(database, "payload") if (each.rowid, each.column) == (seq, "body")]
    flip(database, stored.place(body.index(b"public_key")), 1)
    code, report = checked(database)
    assert (code, report["first_bad_seq"]) == (Exit.FINDING, seq_of(seq))
    with pytest.raises(StoreUnusable, match=f"entry {seq_of(seq)} of the log is damaged"):
        await answers(database.parent, 0)
