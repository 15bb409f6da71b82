"""Backups taken while the ward charts, put back elsewhere, and what is refused."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pysqlite3.dbapi2 as driver
import pytest

from infusion_service.cli.exits import Exit
from infusion_service.log.entry import leaf_hash
from infusion_service.log.log_file import LogFile, reading
from infusion_service.log.merkle import Frontier
from tests.cli.running import PROGRAM, Ended, Site, environment


def told(ended: Ended) -> dict[str, Any]:
    """The one document a command printed."""
    assert ended.code == Exit.FINE, ended.err
    said: dict[str, Any] = json.loads(ended.out)
    return said


def elsewhere(site: Site, directory: Path) -> Site:
    """The same site's settings on a machine where nothing is yet, but the checkpoints that were kept outside."""
    directory.mkdir()
    return Site(directory, {**site.more, "INFUSION_STORAGE_CHECKPOINT_DIR": str(site.directory / "checkpoints")})


def root_of(database: Path, size: int) -> str:
    """The root over the first entries of a log."""
    frontier = Frontier()
    with reading(database) as connection:
        for row, _ in zip(LogFile(connection).rows(), range(size), strict=False):
            frontier.append(leaf_hash(row[3]))
    return frontier.root().hex()


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a site with a little history, its service stopped."""
    directory: Path = tmp_path_factory.mktemp("history")
    site = Site(directory)
    assert site.run("init").code == Exit.FINE
    with site.serving() as service:
        chart(site, service.url)
        service.stop()
    return directory


@pytest.fixture
def charted(history: Path, tmp_path: Path) -> Site:
    """That site, for one test."""
    return Site(Path(shutil.copytree(history, tmp_path / "charted")))


def chart(site: Site, url: str, days: int = 3) -> None:
    """Have simulated tablets post a few facts."""
    ended = site.run("simulate", "--to", url, "--days", str(days), "--facts", "4", "--rate", "500", "--json")
    assert ended.code == Exit.FINE, ended.err


def test_backups_taken_under_load_restore_and_verify_with_the_same_root(site: Site, tmp_path: Path) -> None:
    taken: list[dict[str, Any]] = []
    with site.serving() as service:
        load = subprocess.Popen(
            [*PROGRAM, "simulate", "--to", service.url, "--days", "40", "--facts", "20", "--rate", "200"],
            env=environment(site.env),
            stdout=subprocess.DEVNULL,
        )
        while load.poll() is None:
            taken.append(told(site.run("backup", "--out", tmp_path / f"{len(taken)}.db", "--json")))
        service.stop()

    assert load.returncode == Exit.FINE
    sizes = [each["size"] for each in taken]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1], "nothing was charted meanwhile"
    for each in taken[:: max(1, len(taken) // 3)]:
        copy = Path(each["file"])
        assert each["root"] == root_of(site.database, each["size"])
        other = elsewhere(site, tmp_path / f"machine-{copy.stem}")
        again = json.loads(other.run("restore", copy, "--json").out)
        assert (again["size"], again["root"]) == (each["size"], each["root"])
        verified = other.run("verify", "--checkpoint", copy.with_name(copy.name + ".checkpoint"), "--json")
        assert (verified.code, json.loads(verified.out)["root"]) == (Exit.FINE, each["root"])


def test_a_restored_database_serves_and_goes_on(charted: Site, tmp_path: Path) -> None:
    before = told(charted.run("backup", "--out", tmp_path / "b.db", "--states", "--json"))
    other = elsewhere(charted, tmp_path / "machine")
    for kept in ("signing.key", "admin.token"):
        shutil.copy(charted.directory / kept, other.directory)

    restored = other.run("restore", tmp_path / "b.db")
    with other.serving() as service:
        chart(other, service.url, days=1)
        service.stop()

    assert restored.code == Exit.FINE, restored.err
    assert "verified" in restored.out
    verified = json.loads(other.run("verify", "--json").out)
    assert verified["ok"]
    assert verified["size"] > before["size"]


def test_a_backup_older_than_the_last_checkpoint_says_what_is_lost_and_is_not_written(
    charted: Site, tmp_path: Path
) -> None:
    old = told(charted.run("backup", "--out", tmp_path / "old.db", "--json"))
    with charted.serving() as service:
        chart(charted, service.url)
        service.stop()
    newest = told(charted.run("backup", "--out", tmp_path / "new.db", "--json"))
    other = elsewhere(charted, tmp_path / "machine")
    shutil.copy(charted.directory / "signing.key", other.directory)

    restored = other.run("restore", tmp_path / "old.db", "--json")

    assert restored.code == Exit.FINDING
    assert json.loads(restored.out)["missing"] == newest["size"] - old["size"]
    assert "log continue --accept-loss" in restored.err
    with pytest.raises(AssertionError, match="an older copy"), other.serving():
        pass


def test_a_copy_with_one_bit_changed_is_not_put_back(charted: Site, tmp_path: Path) -> None:
    told(charted.run("backup", "--out", tmp_path / "b.db", "--json"))
    change_a_body(tmp_path / "b.db")
    other = elsewhere(charted, tmp_path / "machine")

    restored = other.run("restore", tmp_path / "b.db")

    assert restored.code == Exit.FINDING
    assert "does not verify: entry 3" in restored.err
    assert list(other.directory.iterdir()) == []


def change_a_body(path: Path) -> None:
    """Change one bit of the third entry's body, past every guard of the schema."""
    connection = driver.connect(str(path), isolation_level=None)
    triggers = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'")]
    for name in triggers:
        connection.execute(f'DROP TRIGGER "{name}"')
    with reading(path) as read:
        key, body = [(row[0], row[5]) for row in LogFile(read).rows()][2]
    changed = bytearray(body)
    changed[-3] ^= 1
    connection.execute("UPDATE payload SET body = ? WHERE entry_key = ?", (bytes(changed), key))
    connection.close()


@pytest.mark.parametrize("name", ["b.db", "b.db.checkpoint"])
def test_nothing_that_is_there_is_written_over(charted: Site, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")

    ended = charted.run("backup", "--out", tmp_path / "b.db")

    assert ended.code == Exit.REFUSED
    assert "not written over" in ended.err
    assert (tmp_path / name).read_text() == "mine"
    assert not list(tmp_path.glob("*.unfinished"))


def test_a_database_that_is_there_is_not_restored_over(charted: Site, tmp_path: Path) -> None:
    told(charted.run("backup", "--out", tmp_path / "b.db", "--json"))

    ended = charted.run("restore", tmp_path / "b.db")

    assert ended.code == Exit.REFUSED
    assert "move it away" in ended.err


def test_a_file_that_is_no_backup_is_refused(charted: Site, tmp_path: Path) -> None:
    (tmp_path / "b.db").write_bytes(b"SQLite format 3\0" + bytes(5000))
    other = elsewhere(charted, tmp_path / "machine")

    assert other.run("restore", tmp_path / "b.db").code == Exit.REFUSED
    assert other.run("restore", tmp_path / "none.db").code == Exit.REFUSED
    assert list(other.directory.iterdir()) == []


def test_there_is_nothing_to_migrate_and_a_newer_schema_is_refused(charted: Site) -> None:
    same = charted.run("migrate", "--check")
    connection = driver.connect(str(charted.database), isolation_level=None)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    newer = charted.run("migrate")

    assert (same.code, "this program's schema" in same.out) == (Exit.FINE, True)
    assert (newer.code, "run the newer program" in newer.err) == (Exit.REFUSED, True)
