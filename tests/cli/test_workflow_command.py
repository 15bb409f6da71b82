"""`infusion workflow`: what a file's author sees. The invented product keeps the searches short."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infusion_service.cli.exits import Exit
from tests.cli.running import infusion
from tests.clinical.workflow_copies import INVENTED, SHIPPED, edited

OTHER = INVENTED / "zorvimab.v3.toml"


@pytest.fixture
def holed(tmp_path: Path) -> Path:
    """A copy of the invented product that lets a patient go a minute early."""
    path = tmp_path / OTHER.name
    path.write_bytes(edited(("", "minimum_min = 60", "minimum_min = 59"), path=OTHER))
    return path


def test_a_sound_file_says_how_much_was_searched() -> None:
    checked = infusion("workflow", "check", OTHER)

    assert checked.code == Exit.FINE
    assert checked.out.startswith(
        "sound  zorvimab.v3.toml: zorvimab version 3, 11 states, 27 facts, 13 guards, sha256:"
    )
    assert "searched 7 safety properties: " in checked.out
    assert " situations, at most " in checked.out
    assert " steps deep" in checked.out


def test_a_hole_is_shown_step_by_step_and_written_as_a_rehearsal(holed: Path, tmp_path: Path) -> None:
    counterexample = tmp_path / "found" / "hole.toml"
    counterexample.parent.mkdir()

    checked = infusion("workflow", "check", holed, "--counterexample", counterexample)

    assert checked.code == Exit.FINDING
    assert checked.out.startswith("NOT SAFE  zorvimab.v3.toml")
    assert "VIOLATED  an-hour-of-watching: Nobody goes home within an hour after the pump ran (invented)" in checked.out
    assert "patient.home" in checked.out
    text = counterexample.read_text()
    assert 'name = "Hole: an-hour-of-watching"' in text
    assert 'expect = { state = "home" }' in text


@pytest.mark.parametrize("via", ["process", "http"])
def test_the_rehearsal_is_met_while_the_hole_is_there_and_not_once_it_is_mended(
    holed: Path, tmp_path: Path, via: str
) -> None:
    counterexample = tmp_path / "found" / "hole.toml"
    counterexample.parent.mkdir()
    infusion("workflow", "check", holed, "--counterexample", counterexample)

    with_hole, mended = (
        infusion("rehearse", counterexample, "--via", via, env={"INFUSION_WORKFLOWS_DIRECTORY": str(directory)})
        for directory in (holed.parent, INVENTED)
    )

    assert with_hole.code == Exit.FINE, with_hole.out
    assert mended.code == Exit.FINDING
    assert "watched-an-hour" in mended.out


def test_what_must_always_be_possible_is_shown_as_the_refusal_it_should_not_be(tmp_path: Path) -> None:
    copy, counterexample = tmp_path / OTHER.name, tmp_path / "hole.toml"
    copy.write_bytes(
        edited(("", 'from = ["crisis", "watching"], to = "="', 'from = ["watching"], to = "="'), path=OTHER)
    )

    checked = infusion("workflow", "check", copy, "--counterexample", counterexample)

    assert checked.code == Exit.FINDING
    assert "VIOLATED  off-always" in checked.out
    assert 'expect = { refused = "transition_not_allowed" }' in counterexample.read_text()


def test_quick_leaves_the_search_out(holed: Path) -> None:
    checked = infusion("workflow", "check", "--quick", holed)

    assert checked.code == Exit.FINE
    assert "searched" not in checked.out


def test_as_json_every_property_has_its_line(holed: Path) -> None:
    checked = infusion("workflow", "check", holed, "--json")

    told = json.loads(checked.out)
    found = {each["property"]: each for each in told["properties"]}
    assert checked.code == Exit.FINDING
    assert (told["file"], told["sound"], told["version"]) == ("zorvimab.v3.toml", False, 3)
    assert len(found) == 7
    assert [name for name, each in found.items() if not each["holds"]] == ["an-hour-of-watching"]
    assert found["an-hour-of-watching"]["counterexample"][-1][2] == "patient.home"
    assert found["fresh-bag"]["situations"] > 0


def test_a_file_that_would_be_refused_says_why_as_text_and_as_json(tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_bytes(edited(("[states.watching]", "open", "opne"), path=OTHER))

    text, data = infusion("workflow", "check", broken), infusion("workflow", "check", broken, "--json")

    assert (text.code, data.code) == (Exit.FINDING, Exit.FINDING)
    assert "broken.toml  states.watching  has the unknown key `opne`  did you mean `open`?" in text.out
    (problem,) = json.loads(data.out)["problems"]
    assert problem["key"] == "states.watching"
    assert problem["remedy"].startswith("did you mean `open`?")


def test_a_property_that_was_never_put_to_the_test_is_told(tmp_path: Path) -> None:
    copy = tmp_path / OTHER.name
    unreachable = ('id = "fresh-bag"', 'when = { test = "bag", prepared_min_ago = 240 }', NEVER)
    copy.write_bytes(edited(unreachable, path=OTHER))

    checked = infusion("workflow", "check", copy)

    assert checked.code == Exit.FINE
    assert "NOT PUT TO THE TEST  fresh-bag" in checked.out


NEVER = 'when = { test = "in_state", among = ["to_ward"] }'


def test_the_schema_is_one_json_document() -> None:
    shown = infusion("workflow", "schema")

    assert shown.code == Exit.FINE
    assert json.loads(shown.out)["$defs"]["WorkflowFile"]["properties"]["guards"]


def test_diff_says_what_changed(holed: Path) -> None:
    text, data = infusion("workflow", "diff", OTHER, holed), infusion("workflow", "diff", OTHER, holed, "--json")

    assert (text.code, data.code) == (Exit.FINE, Exit.FINE)
    assert text.out.splitlines()[0] == "zorvimab version 3 -> zorvimab version 3: 1 change"
    assert "watched-an-hour.minimum_min  from 60 to 59" in text.out
    told = json.loads(data.out)
    assert told["changes"] == [
        {"part": "guards", "key": "watched-an-hour.minimum_min", "change": "from 60 to 59"}
    ]  # fmt: skip
    assert told["before"]["hash"] != told["after"]["hash"]


def test_two_products_can_be_compared() -> None:
    compared = infusion("workflow", "diff", SHIPPED, OTHER, "--json")

    told = [(each["part"], each["key"], each["change"]) for each in json.loads(compared.out)["changes"]]
    assert compared.code == Exit.FINE
    assert ("states", "emergency", "state taken out") in told
    assert ("guards", "watched-an-hour", "guard added") in told
    assert ("plan", "dose_mg", "from 12 to 300") in told


@pytest.mark.parametrize(
    "arguments",
    [
        ("check",),
        ("check", "nowhere.toml"),
        ("check", "one.toml", "two.toml", "--counterexample", "out.toml"),
        ("diff", "nowhere.toml", "nowhere.toml"),
        ("diagram", "nowhere.toml"),
    ],
)
def test_what_cannot_be_understood_is_a_usage_error(arguments: tuple[str, ...]) -> None:
    assert infusion("workflow", *arguments).code == Exit.USAGE
