"""The locks: every package by hash, no address of where it came from; and the lock is what the project asks for."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
ADDRESS = re.compile(r"https?:|file:|--(extra-)?index-url|--find-links|--trusted-host|^-i ", re.MULTILINE)
PIN = re.compile(r"^(?P<name>[a-z0-9-]+)==\S+(?P<rest>.*)$", re.MULTILINE)


def pinned(lock: Path) -> dict[str, str]:
    """Return each package of `lock` with what follows its version: marker and hashes."""
    joined = lock.read_text(encoding="utf-8").replace("\\\n", " ")
    return {match["name"]: match["rest"] for match in PIN.finditer(joined)}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_carries_hashes_and_no_address(lock: Path) -> None:
    assert not ADDRESS.search(lock.read_text(encoding="utf-8"))
    packages = pinned(lock)
    assert packages
    assert not [name for name, rest in packages.items() if "--hash=sha256:" not in rest]


def test_every_dependency_of_the_project_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {re.split(r"[<>=!~; ]", wanted, maxsplit=1)[0] for wanted in project["dependencies"]}
    assert names <= set(pinned(ROOT / "requirements" / "runtime.txt"))


def test_tests_run_on_the_same_versions_as_the_service() -> None:
    runtime = (ROOT / "requirements" / "runtime.txt").read_text(encoding="utf-8")
    dev = (ROOT / "requirements" / "dev.txt").read_text(encoding="utf-8")
    versions = re.compile(r"^[a-z0-9-]+==[^\s\\;]+", re.MULTILINE)
    assert set(versions.findall(runtime)) <= set(versions.findall(dev))


def test_continuous_integration_runs_what_a_developer_runs() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    commands = [line for line in script.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    assert commands[-1] == "make test"
