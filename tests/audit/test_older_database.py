"""An older copy of the database: no command writes on it, each says what to do, and what is told to is done."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from infusion_service.log.log_file import LogFile, reading
from tests.cli.running import Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A site whose database was put back to an older copy."""
    directory = tmp_path / "site"
    directory.mkdir()
    site = Site(directory)
    assert site.run("init").code == 0
    shutil.copy(site.database, tmp_path / "older.db")
    assert site.run("device", "enrol", "tablet-1", "--ward", "neuro-day").code == 0
    shutil.copy(tmp_path / "older.db", site.database)
    return site


def rows(site: Site) -> list[tuple[Any, ...]]:
    """The log as it stands."""
    with reading(site.database) as connection:
        return list(LogFile(connection).rows())


@pytest.mark.parametrize(
    "command", [("serve", "--port", "0"), ("device", "enrol", "tablet-2", "--ward", "neuro-day"), ("key", "rotate")]
)
def test_nothing_is_written_and_both_sizes_are_named(site: Site, command: tuple[str, ...]) -> None:
    before = rows(site)
    refused = site.run(*command)
    assert refused.code == 4
    assert "this log has" in refused.err
    assert "entries of demo/log1" in refused.err
    assert "infusion log continue --accept-loss --reason" in refused.err
    assert rows(site) == before


def test_what_is_there_can_still_be_read_and_verified(site: Site) -> None:
    assert site.run("doctor", "--json").code in (0, 3)
    cut = json.loads(site.run("verify", "--json").out)
    assert cut["first_bad_seq"] == cut["size"] + 1


def test_it_goes_on_under_a_new_origin_once_somebody_takes_the_loss(site: Site) -> None:
    assert site.run("log", "continue", "--reason", "restored").code == 2
    assert site.run("log", "continue", "--accept-loss").code == 2
    went_on = site.run("log", "continue", "--accept-loss", "--reason", "the disk broke", "--json")
    assert went_on.code == 0, went_on.err
    said = json.loads(went_on.out)
    assert (said["previous"], said["origin"]) == ("demo/log1", "demo/log2")
    assert site.run("device", "enrol", "tablet-3", "--ward", "neuro-day").code == 0

    report = json.loads(site.run("verify", "--json").out)
    assert report["ok"], report
    assert report["origin"] == "demo/log2"
    assert "the disk broke" in report["anomalies"]["continued"]["first"][0]["what"]
    assert site.run("log", "continue", "--accept-loss", "--reason", "again").code == 4


def test_a_checkpoint_of_the_old_origin_holds_as_far_as_entries_were_kept(site: Site, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    shutil.copy(site.directory / "checkpoints/demo/log1/checkpoint", mine)
    assert site.run("log", "continue", "--accept-loss", "--reason", "the disk broke").code == 0
    report = json.loads(site.run("verify", "--since", mine, "--json").out)
    step = {step["step"]: step for step in report["steps"]}["consistency"]
    assert step["status"] == "failed"
    assert "demo/log1" in step["note"]


def test_keys_are_listed_added_and_retired(tmp_path: Path) -> None:
    site = Site(tmp_path)
    assert site.run("init").code == 0
    (first,) = json.loads(site.run("key", "list", "--json").out)["keys"]
    added = json.loads(site.run("key", "rotate", "--json").out)
    assert site.run("key", "retire", first["id"]).code == 0
    assert site.run("key", "retire", added["id"]).code == 4
    keys = json.loads(site.run("key", "list", "--json").out)["keys"]
    assert [(key["id"], key["signs"]) for key in keys] == [(first["id"], False), (added["id"], True)]
    (tmp_path / "key.txt").write_text(added["key"] + "\n")
    assert site.run("verify", "--public-key", tmp_path / "key.txt").code == 0
    (tmp_path / "key.txt").write_text(first["key"] + "\n")
    assert site.run("verify", "--public-key", tmp_path / "key.txt").code == 3
    with site.serving() as service:
        over_http = site.run("key", "list", "--json", "--url", service.url)
        assert json.loads(over_http.out)["keys"] == keys
        assert site.run("key", "rotate", "--url", service.url).code == 0
        assert site.run("verify").code == 0  # while the service runs
