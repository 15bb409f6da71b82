"""Making an SQLite file ours: migrations, derived tables, and the refusal of files this program must not touch.

Migrations are numbered files that are never edited: what was applied is kept with its checksum. Derived tables have
no migrations: when their text changes, or one of them is missing, all are dropped and made again, empty, and the
intake fills them from the log. Does not: connect (`sqlite`) or read and write rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from infusion_service.log.row_check import register
from infusion_service.log.statements import SQL_FOLDER
from infusion_service.log.store import StoreUnusable

RawConnection = Any
"""A DB-API connection in autocommit mode, used by one thread at a time."""

APPLICATION_ID = 0x494E4655  # "INFU": tells our files from any other SQLite file
MIGRATIONS_FOLDER = "migrations/sqlite"


@dataclass(frozen=True, slots=True)
class Migration:
    """A numbered step of the schema, as shipped."""

    number: int
    name: str
    script: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, in hex."""
        return sha256(self.script.encode()).hexdigest()


def shipped_migrations() -> list[Migration]:
    """All migrations in order: `<number>_<name>.sql`, numbered from 1 without a gap."""
    found = [
        Migration(int(file.name.split("_")[0]), file.name, file.read_text("utf-8"))
        for file in SQL_FOLDER.joinpath(MIGRATIONS_FOLDER).iterdir()
    ]
    found.sort(key=lambda migration: migration.number)
    if [migration.number for migration in found] != list(range(1, len(found) + 1)):
        raise ValueError("migrations are numbered 1, 2, 3 ... without a gap")
    return found


def check_ours(connection: RawConnection, migrations: Sequence[Migration]) -> None:
    """Refuse a file that is not ours or was written by a newer program, before anything in it is touched.

    Raises `StoreUnusable`.
    """
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if tables and application != APPLICATION_ID:
        raise StoreUnusable("this SQLite file was not made by infusion_service: choose another path")
    if version > len(migrations):
        raise StoreUnusable(
            f"the database has schema {version}, this program knows up to {len(migrations)}: run the newer program"
        )


def migrate(connection: RawConnection, migrations: Sequence[Migration]) -> None:
    """Bring the schema up to date, each migration in a transaction of its own. Raises `StoreUnusable`.

    From here on the connection's statements know the check sum of rows.
    """
    register(connection)
    with transaction(connection):
        _run(connection, "sqlite/bookkeeping.sql")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    applied = dict(connection.execute("SELECT number, checksum FROM migration").fetchall())
    for migration in migrations:
        if migration.number not in applied:
            _apply(connection, migration)
        elif applied[migration.number] != migration.checksum:
            raise StoreUnusable(f"migration {migration.name} is not the one this database was made with")


def _apply(connection: RawConnection, migration: Migration) -> None:
    with transaction(connection):
        for statement in statements_of(migration.script):
            connection.execute(statement)
        connection.execute(
            "INSERT INTO migration (number, name, checksum, applied_at) "
            "VALUES (?, ?, ?, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))",
            (migration.number, migration.name, migration.checksum),
        )
        connection.execute(f"PRAGMA user_version = {migration.number:d}")


def ensure_derived(connection: RawConnection) -> None:
    """Have the derived tables as this program wants them, kept when they are and empty when they are made anew."""
    wanted = derived_layout()
    made = dict(connection.execute("SELECT table_name, checksum FROM derived_layout").fetchall())
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    if made != wanted or not wanted.keys() <= tables:
        with transaction(connection):
            renew_derived(connection)


def ensure_indexes(connection: RawConnection) -> None:
    """Have small tables hang together and their indexes fit; an index that does not is made anew from its table.

    Those with a row for each day or record, which costs next to nothing; the others are looked at night. Raises
    `StoreUnusable` where it is the table itself.
    """
    for table in ("stream", "day_head", "operational"):
        if _damage(connection, table):
            connection.execute(f"REINDEX {table}")
            damage = _damage(connection, table)
            if damage:
                raise StoreUnusable(f"the table {table} is damaged ({damage}): restore the last backup that verifies")


def _damage(connection: RawConnection, table: str) -> str:
    """What SQLite finds wrong with a table and its indexes; empty when nothing is."""
    found = [said for (said,) in connection.execute(f"PRAGMA integrity_check('{table}')")]
    return "" if found == ["ok"] else str(found[0])


def renew_derived(connection: RawConnection) -> None:
    """Drop every derived table and make it again, empty. Call inside a transaction."""
    wanted = derived_layout()
    made = dict(connection.execute("SELECT table_name, checksum FROM derived_layout").fetchall())
    for name in {*wanted, *made}:
        connection.execute(f'DROP TABLE IF EXISTS "{name}"')
    connection.execute("DELETE FROM derived_layout")
    _run(connection, "sqlite/derived.sql")
    connection.executemany("INSERT INTO derived_layout (table_name, checksum) VALUES (?, ?)", wanted.items())


def derived_layout() -> dict[str, str]:
    """The derived tables of this program, each with the check sum of the text they are made from."""
    script = SQL_FOLDER.joinpath("sqlite/derived.sql").read_text("utf-8")
    checksum = sha256(script.encode()).hexdigest()
    return dict.fromkeys(re.findall(r"^CREATE TABLE (\w+)", script, re.MULTILINE), checksum)


def _run(connection: RawConnection, path: str) -> None:
    for statement in statements_of(SQL_FOLDER.joinpath(path).read_text("utf-8")):
        connection.execute(statement)


def statements_of(script: str) -> Iterator[str]:
    """Cut a schema script into statements: each ends with a `;` at the end of a line.

    `executescript` would do it too, but commits whatever transaction it finds.
    """
    for statement in re.split(r";$", script, flags=re.MULTILINE):
        if any(line and not line.startswith("--") for line in statement.splitlines()):
            yield statement


@contextmanager
def transaction(connection: RawConnection) -> Iterator[None]:
    """All of it or nothing, begun as a writer: a reader that turns writer half-way can be refused."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # after a full disk or an I/O error SQLite has rolled back already
            connection.execute("ROLLBACK")
        raise
