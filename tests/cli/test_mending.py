"""Tables beside the log that are not what was written: named by `verify` with the way back, and mended."""

from __future__ import annotations

import json
import re
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import pysqlite3.dbapi2 as driver
import pytest

from infusion_service.cli.exits import Exit
from infusion_service.log.row_check import register
from tests.cli.running import Site
from tests.cli.test_backup import chart


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a site with a few days and a tablet, its service stopped."""
    directory: Path = tmp_path_factory.mktemp("history")
    site = Site(directory)
    assert site.run("init").code == Exit.FINE
    with site.serving() as service:
        chart(site, service.url)
        for tablet in ("tab-1", "tab-2"):
            enrolled = site.run("device", "enrol", tablet, "--ward", "neuro-day", env=service.env)
            assert enrolled.code == Exit.FINE, enrolled.err
        service.stop()
    return directory


@pytest.fixture
def site(history: Path, tmp_path: Path) -> Site:
    """That site, for one test."""
    return Site(Path(shutil.copytree(history, tmp_path / "site")))


def change(site: Site, statement: str) -> None:
    """Change one row of the file; `check_of` is there for who sums up anew."""
    with closing(driver.connect(str(site.database), isolation_level=None)) as connection:
        register(connection)
        assert connection.execute(statement).rowcount == 1


def found(site: Site) -> tuple[Exit | int, dict[str, str], list[str]]:
    """What `verify` says: its exit code, the steps that did not end well, the findings."""
    ended = site.run("verify", "--json")
    report: dict[str, Any] = json.loads(ended.out)
    steps = {step["step"]: step["status"] for step in report["steps"] if step["status"] == "failed"}
    return ended.code, steps, [finding["what"] for finding in report["findings"]]


DERIVED: dict[str, tuple[str, str]] = {
    "a key of an event": (
        "UPDATE event_key SET seq = seq + 1 WHERE seq = 5",
        "event_key .* of entry 5 leads to entry 6",
    ),
    "a key that is gone": ("DELETE FROM event_key WHERE seq = 7", "event_key .* of entry 7 leads nowhere"),
    "a key of nobody": ("INSERT INTO event_key VALUES (1, zeroblob(16), 3)", "event_key holds ids that no entry has"),
    "the head of a day": (
        "UPDATE day_head SET state = 'completed' WHERE last_seq = (SELECT max(last_seq) FROM day_head)",
        "day_head of .* is not the row that was written",
    ),
    "a head that was edited": (
        """UPDATE day_head SET state = 'completed', row_check = check_of(site_key, day_id, patient_id, ward, date,
           workflow_hash, 'completed', open, version, n, last_leaf_hash, last_seq, next_change_at_ms)
           WHERE last_seq = (SELECT max(last_seq) FROM day_head)""",
        "day_head of .* says state 'completed', the log gives '.*'",
    ),
    "a head that is gone": (
        "DELETE FROM day_head WHERE last_seq = (SELECT max(last_seq) FROM day_head)",
        "day_head holds nothing of day .*",
    ),
    "the head of the log": ("UPDATE log_head SET site_n = site_n + 1", "log_head is not the row that was written"),
}


@pytest.mark.parametrize(("statement", "said"), DERIVED.values(), ids=DERIVED.keys())
def test_a_derived_table_that_is_not_what_the_log_gives_is_named_and_comes_back(
    site: Site, statement: str, said: str
) -> None:
    assert found(site) == (Exit.FINE, {}, [])
    change(site, statement)

    code, steps, findings = found(site)
    assert (code, steps) == (Exit.FINDING, {"derived": "failed"})
    assert any(re.fullmatch(said, what) for what in findings), findings
    assert "infusion log rebuild" in site.run("verify").out

    rebuilt = site.run("log", "rebuild")
    assert rebuilt.code == Exit.FINE, rebuilt.err
    assert found(site) == (Exit.FINE, {}, [])


def test_derived_tables_that_are_gone_are_no_finding(site: Site) -> None:
    with closing(driver.connect(str(site.database), isolation_level=None)) as connection:
        for table in ("event_key", "day_head", "tree_node", "log_head"):
            connection.execute(f"DROP TABLE {table}")

    assert found(site)[0] == Exit.FINE


def test_a_trigger_that_was_taken_out_is_named(site: Site) -> None:
    with closing(driver.connect(str(site.database), isolation_level=None)) as connection:
        connection.execute("DROP TRIGGER log_keeps_rows")

    assert found(site) == (Exit.FINDING, {"derived": "failed"}, ["the schema has no trigger log_keeps_rows"])


def test_a_record_that_is_damaged_keeps_the_service_from_starting_until_it_is_dropped(site: Site) -> None:
    change(site, "UPDATE operational SET value = replace(value, 'neuro', 'neura') WHERE record_key = 'tab-1'")

    code, steps, findings = found(site)
    assert (code, steps) == (Exit.FINDING, {"records": "failed"})
    assert "device 'tab-1' is not the record that was written" in findings[0]
    refused = site.run("serve", "--port", "0")
    assert refused.code == Exit.REFUSED
    assert "tab-1" in refused.err
    assert "infusion log drop-damaged" in refused.err

    dropped = site.run("log", "drop-damaged")
    assert (dropped.code, dropped.out) == (Exit.FINE, "device tab-1\n"), dropped.err
    assert found(site) == (Exit.FINE, {}, [])
    with site.serving() as service:
        again = site.run("device", "enrol", "tab-1", "--ward", "neuro-day", env=service.env)
        assert again.code == Exit.FINE, again.err
        service.stop()
    assert found(site) == (Exit.FINE, {}, [])


def test_nothing_is_dropped_where_every_record_is_sound(site: Site) -> None:
    assert site.run("log", "drop-damaged").code == Exit.REFUSED


EDITED: dict[str, tuple[str, str]] = {
    "a tablet of another ward": (
        """UPDATE operational SET value = replace(value, 'neuro-day', 'onco-day'),
           row_check = check_of(site_key, kind, record_key, replace(value, 'neuro-day', 'onco-day'))
           WHERE record_key = 'tab-1'""",
        "operational device 'tab-1' says ward 'onco-day', the log 'neuro-day'",
    ),
    "a tablet nobody enrolled": (
        """INSERT INTO operational SELECT site_key, kind, 'tab-9', value, check_of(site_key, kind, 'tab-9', value)
           FROM operational WHERE record_key = 'tab-1'""",
        "operational device 'tab-9' is none that the log knows of",
    ),
    "a tablet that was made to vanish": (
        "DELETE FROM operational WHERE record_key = 'tab-2'",
        "operational holds no device 'tab-2', which the log says there is",
    ),
}


@pytest.mark.parametrize(("statement", "said"), EDITED.values(), ids=EDITED.keys())
def test_a_record_that_somebody_edited_is_held_against_the_log(site: Site, statement: str, said: str) -> None:
    change(site, statement)

    assert found(site) == (Exit.FINDING, {"records": "failed"}, [said])


def test_a_backup_of_damaged_derived_tables_is_taken_without_them(site: Site, tmp_path: Path) -> None:
    change(site, "UPDATE event_key SET seq = seq + 1 WHERE seq = 5")

    backup = tmp_path / "backup.db"
    assert site.run("backup", "--out", backup).code == Exit.FINE

    elsewhere = Site(tmp_path / "elsewhere")
    elsewhere.directory.mkdir()
    assert elsewhere.run("restore", backup).code == Exit.FINE
    assert elsewhere.run("log", "rebuild").code == Exit.FINE
    assert found(elsewhere) == (Exit.FINE, {}, [])
