"""The schema is the sum of its migrations, statements are named and described, and foreign files are left alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pysqlite3.dbapi2 as driver
import pytest

from infusion_service.log.sqlite_schema import (
    APPLICATION_ID,
    Migration,
    check_ours,
    ensure_derived,
    migrate,
    shipped_migrations,
    statements_of,
)
from infusion_service.log.statements import SQL_FOLDER, load_statements
from infusion_service.log.store import StoreUnusable


@pytest.fixture
def connection() -> Iterator[Any]:
    """An empty database."""
    with closing(driver.connect(":memory:", isolation_level=None)) as connection:
        yield connection


def schema_of(connection: Any) -> dict[str, str]:
    """Every object of a database with the text that made it, spaces and comments aside."""
    found = connection.execute("SELECT type || ' ' || name, sql FROM sqlite_schema WHERE sql IS NOT NULL").fetchall()
    return {name: re.sub(r" ?([(),]) ?", r"\1", " ".join(re.sub("--.*", "", sql).split())) for name, sql in found}


def test_the_schema_is_the_sum_of_its_migrations(connection: Any) -> None:
    migrate(connection, shipped_migrations())
    ensure_derived(connection)
    with closing(driver.connect(":memory:", isolation_level=None)) as whole:
        for statement in statements_of(SQL_FOLDER.joinpath("sqlite/schema.sql").read_text("utf-8")):
            whole.execute(statement)
        assert schema_of(whole) == schema_of(connection)


def test_every_table_is_strict_and_knows_its_site(connection: Any) -> None:
    migrate(connection, shipped_migrations())
    ensure_derived(connection)
    tables = connection.execute("SELECT name, strict FROM pragma_table_list WHERE schema = 'main'").fetchall()
    ours = {name: strict for name, strict in tables if not name.startswith("sqlite_") and name != "entry"}
    assert all(ours.values())
    by_site = {"site_key", "entry_key", "stream_key"}  # the latter two belong to one site each
    for table in ours.keys() - {"migration", "derived_layout"}:
        columns = {name for (name,) in connection.execute("SELECT name FROM pragma_table_xinfo(?)", (table,))}
        assert columns & by_site, table


def test_migrating_again_changes_nothing(connection: Any) -> None:
    migrate(connection, shipped_migrations())
    ensure_derived(connection)
    before = connection.total_changes, connection.execute("SELECT * FROM migration").fetchall()
    migrate(connection, shipped_migrations())
    ensure_derived(connection)
    assert (connection.total_changes, connection.execute("SELECT * FROM migration").fetchall()) == before


def test_a_new_migration_is_applied_to_an_old_database(connection: Any) -> None:
    migrate(connection, shipped_migrations())
    number = len(shipped_migrations()) + 1
    new = Migration(number, f"{number:04}_ward.sql", "CREATE TABLE ward (\n  ward TEXT\n) STRICT;\n")
    migrate(connection, [*shipped_migrations(), new])
    assert connection.execute("SELECT count(*) FROM ward").fetchone() == (0,)
    assert connection.execute("PRAGMA user_version").fetchone() == (number,)
    assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)


def test_a_migration_that_fails_leaves_nothing(connection: Any) -> None:
    migrate(connection, shipped_migrations())
    before = schema_of(connection)
    number = len(shipped_migrations()) + 1
    broken = Migration(number, "broken.sql", "CREATE TABLE ward (ward TEXT) STRICT;\nCREATE TABLE log (x TEXT);\n")
    with pytest.raises(driver.OperationalError, match="already exists"):
        migrate(connection, [*shipped_migrations(), broken])
    assert schema_of(connection) == before
    assert not connection.in_transaction


def test_an_older_program_refuses_a_newer_schema(connection: Any) -> None:
    migrate(connection, shipped_migrations())
    with pytest.raises(StoreUnusable, match="run the newer program"):
        check_ours(connection, shipped_migrations()[:-1])


def test_an_edited_migration_is_noticed(connection: Any) -> None:
    migrate(connection, shipped_migrations())
    first, *others = shipped_migrations()
    edited = Migration(first.number, first.name, first.script + "\n")
    with pytest.raises(StoreUnusable, match="not the one this database was made with"):
        migrate(connection, [edited, *others])


def test_a_foreign_file_is_refused(connection: Any) -> None:
    connection.execute("CREATE TABLE theirs (x)")
    with pytest.raises(StoreUnusable, match="not made by infusion_service"):
        check_ours(connection, shipped_migrations())


def test_a_missing_derived_table_has_all_of_them_made_anew(connection: Any) -> None:
    migrate(connection, shipped_migrations())
    ensure_derived(connection)
    whole = schema_of(connection)
    connection.execute("INSERT INTO site (site) VALUES ('demo')")
    connection.execute("INSERT INTO event_key VALUES (1, x'00', 1)")
    connection.execute("DROP TABLE day_head")
    ensure_derived(connection)
    assert schema_of(connection) == whole
    assert connection.execute("SELECT count(*) FROM event_key").fetchone() == (0,)


def test_derived_tables_of_another_program_version_are_made_anew(connection: Any) -> None:
    migrate(connection, shipped_migrations())
    ensure_derived(connection)
    whole = schema_of(connection)
    connection.execute("UPDATE derived_layout SET checksum = 'older'")
    connection.execute("CREATE TABLE since_abandoned (x TEXT) STRICT")
    connection.execute("INSERT INTO derived_layout VALUES ('since_abandoned', 'older')")
    ensure_derived(connection)
    assert schema_of(connection) == whole


def test_every_statement_is_one_the_database_understands(connection: Any) -> None:
    migrate(connection, shipped_migrations())
    ensure_derived(connection)
    for name, statement in load_statements("sqlite/read.sql", "sqlite/write.sql", "sqlite/deliveries.sql").items():
        named = re.findall(r":(\w+)", statement)
        values: Any = dict.fromkeys(named) if named else (None,) * statement.count("?")
        assert connection.execute("EXPLAIN " + statement, values).fetchall(), name


def test_board_and_watch_are_carried_by_indexes(connection: Any) -> None:
    migrate(connection, shipped_migrations())
    ensure_derived(connection)
    statements = load_statements("sqlite/read.sql")
    scanning = {
        name: plan
        for name, statement in statements.items()
        if (plan := plan_of(connection, statement)) and re.search(r"SCAN (?!CONSTANT)|TEMP B-TREE", plan)
    }
    assert not scanning


def plan_of(connection: Any, statement: str) -> str:
    """How the database would go about a statement."""
    named = re.findall(r":(\w+)", statement)
    values: Any = dict.fromkeys(named) if named else (None,) * statement.count("?")
    return "; ".join(row[3] for row in connection.execute("EXPLAIN QUERY PLAN " + statement, values))


@pytest.mark.parametrize(
    "text",
    [
        "-- name: silent\nSELECT 1;\n",
        "-- name: twice\n-- Says so.\nSELECT 1;\n-- name: twice\n-- Says so.\nSELECT 2;\n",
        "-- name: two_in_one\n-- Says so.\nSELECT 1; SELECT 2;\n",
        "-- name: endless\n-- Says so.\nSELECT 1\n",
    ],
)
def test_a_statement_without_name_description_or_end_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "statements.sql"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"statements\.sql"):
        load_statements(str(path))
