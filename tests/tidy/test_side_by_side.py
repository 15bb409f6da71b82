"""The two runs of `make test` hold every suite once."""

from __future__ import annotations

from pathlib import Path

from tests.side_by_side import TESTS, WAITING, command, suites


def test_every_suite_is_in_one_of_the_runs_and_in_no_other() -> None:
    waiting, computing = suites()
    with_tests = {path.parent.relative_to(TESTS).parts[0] for path in TESTS.rglob("test_*.py")}

    assert sorted([*waiting, *computing]) == sorted(with_tests)
    assert tuple(waiting) == WAITING


def test_a_run_is_pytest_on_folders_that_exist() -> None:
    called = command(["cli", "log"], ["-q"])

    assert called[1:4] == ["-m", "pytest", "-q"]
    assert all((TESTS.parent / Path(folder)).is_dir() for folder in called[4:])
