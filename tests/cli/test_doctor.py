"""`infusion doctor` finds the usual mistakes, beside a running service too, and says where each setting came from."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from infusion_service.cli import doctor_log
from infusion_service.cli.exits import Exit
from infusion_service.log.sqlite import SqliteStore
from infusion_service.log.store import Put
from tests.cli.running import Site

SHIPPED = Path(__file__).parents[2] / "workflows"


def advice(site: Site, part: str, **more: str) -> str:
    """What doctor advises about a part; empty where it is sound. Every other part must be sound."""
    ended = site.run("doctor", "--json", env=more)
    parts = {each["part"]: each["advice"] for each in json.loads(ended.out)["parts"]}
    assert {name for name, said in parts.items() if said} <= {part}
    assert ended.code == (Exit.FINDING if parts[part] else Exit.FINE)
    return str(parts[part])


def test_a_checkpoint_that_is_nowhere(site: Site) -> None:
    shutil.rmtree(site.directory / "checkpoints")
    assert "start the service" in advice(site, "checkpoint")


def test_an_older_copy_of_the_database(site: Site, tmp_path: Path) -> None:
    copy = tmp_path / "older.db"
    assert site.run("backup", "--out", copy).code == Exit.FINE
    with site.serving() as service:
        service.stop()
    site.database.unlink()
    shutil.copy(copy, site.database)

    found = json.loads(site.run("doctor", "--json").out)["parts"]

    told = {each["part"]: each["advice"] for each in found if each["advice"]}
    assert "older copy" in told["checkpoint"]


def test_a_clock_behind_the_last_entry(site: Site) -> None:
    # What the simulated clock of the site has recorded lies in the future of the machine's.
    ahead = Site(site.directory, {**site.more, "INFUSION_CLOCK_START": "2099-01-01T00:00:00Z"})
    with ahead.serving() as service:
        service.stop()
    real = Site(site.directory, {**site.more, "INFUSION_CLOCK_KIND": "real", "INFUSION_CLOCK_START": ""})
    assert "put the clock right" in advice(real, "clock")


def test_a_released_workflow_file_that_was_edited(site: Site, tmp_path: Path) -> None:
    files = Path(shutil.copytree(SHIPPED, tmp_path / "workflows"))
    (file,) = files.glob("*.v1.toml")
    file.write_text(file.read_text(encoding="utf-8") + "\n# a note\n", encoding="utf-8")
    assert "put the released file back" in advice(site, "adopted workflows", INFUSION_WORKFLOWS_DIRECTORY=str(files))


def test_a_new_version_that_waits_for_a_restart(site: Site, tmp_path: Path) -> None:
    files = Path(shutil.copytree(SHIPPED, tmp_path / "workflows"))
    (file,) = files.glob("*.v1.toml")
    newer = file.read_text(encoding="utf-8").replace("\nversion = 1\n", "\nversion = 2\n", 1)
    (files / file.name.replace(".v1.", ".v2.")).write_text(newer, encoding="utf-8")
    said = advice(site, "adopted workflows", INFUSION_WORKFLOWS_DIRECTORY=str(files))
    assert "restart" in said
    assert "@2" in said


def test_a_ward_without_a_charge_nurse_also_while_the_service_runs(site: Site) -> None:
    add = ("staff", "add", "--name", "A. Nurse", "--role")
    assert site.run(*add, "nurse", "nurse-1", typed="B-1\n4829\n").code == Exit.FINE
    with site.serving():
        without = advice(site, "staff")
    assert site.run(*add, "charge_nurse", "nurse-2", typed="B-2\n4829\n").code == Exit.FINE

    assert "unlock a badge" in without
    assert advice(site, "staff") == ""


def test_files_that_others_may_read(site: Site) -> None:
    for name, part in (("infusion.db", "database"), ("signing.key", "signing key"), ("secrets.key", None)):
        path = site.directory / name
        mode = path.stat().st_mode
        path.chmod(0o644)
        said = advice(site, part or "key of endpoints' secrets")
        assert said.startswith("chmod ")
        assert str(path) in said
        path.chmod(mode)


def test_a_disk_with_little_room(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_log, "DISK_RESERVE_BYTES", 2**62)
    assert "make room" in advice(site, "room")


def test_an_endpoint_that_does_not_answer(site: Site) -> None:
    local = {"NETWORKS": "127.0.0.1/32", "PLAIN_NETWORKS": "127.0.0.1/32", "PORTS": "9"}
    delivering = Site(
        site.directory, {**site.more, **{f"INFUSION_DELIVERY_{key}": each for key, each in local.items()}}
    )
    with delivering.serving() as service:
        secret = site.directory / "engine.secret"
        add = ("endpoint", "add", "engine", "http://127.0.0.1:9/hook", "--secret-out", secret)
        made = delivering.run(*add, env=service.env)
        assert made.code == Exit.FINE, made.err
        service.stop()
    since = "2026-11-23T07:00:00Z"
    endpoint_id = asyncio.run(leave_silent(site, since))

    ended = delivering.run("doctor", "--json")

    (part,) = [each for each in json.loads(ended.out)["parts"] if each["part"] == "endpoints"]
    assert part["found"] == f"{endpoint_id} has not answered since {since}"
    assert f"infusion endpoint status {endpoint_id}" in part["advice"]


async def leave_silent(site: Site, since: str) -> str:
    """Leave the endpoint as its dispatcher does when an engine has been away for a while; its id."""
    store = SqliteStore(site.database)
    await store.open()
    try:
        ((endpoint_id, endpoint),) = (await store.records("demo", "endpoint")).items()
        silent = {"after_seq": 1, "filter": endpoint["filter"], "circuit_open": True, "first_failed_at": since}
        await store.put("demo", [Put("endpoint_progress", endpoint_id, silent)])
    finally:
        await store.close()
    return endpoint_id


def test_each_setting_says_where_its_value_came_from(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(
        '[http]\nport = 9000\n[logs]\njson = true\n[[wards]]\nid = "w"\nname = "W"\ntimezone = "UTC"\n',
        encoding="utf-8",
    )

    ended = site.run("doctor", "--settings", "--config", file, "--json", env={"INFUSION_LOGS_JSON": "false"})

    said = json.loads(ended.out)
    assert said["http.port"] == {"value": 9000, "source": str(file)}
    assert said["logs.json"] == {"value": False, "source": "INFUSION_LOGS_JSON"}
    assert said["wards"] == {"value": ["w"], "source": str(file)}
    assert said["limits.body_bytes_max"]["source"] == "default"


@pytest.mark.parametrize("wrong", ["[http]\nprot = 9000\n", "[htpp]\nport = 1\n"])
def test_a_misspelt_key_is_refused_with_what_it_may_have_meant(site: Site, tmp_path: Path, wrong: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(wrong, encoding="utf-8")

    ended = site.run("doctor", "--settings", "--config", file)

    assert ended.code == Exit.USAGE
    assert "http" in ended.err
