"""The documents: short, true in what can be checked, and every command and link in them exists."""

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.tidy.sources import PACKAGE, ROOT, tracked_files

ONE_SCREEN_LINES_MAX = 70
ARCHITECTURE_LINES_MAX = 150
DOCUMENTS = sorted(path for path in tracked_files() if path.suffix == ".md")
COMMAND = re.compile(r"(?:^|[\s`])(?P<program>make|infusion) (?P<word>[a-z][a-z-]*)")
LINK = re.compile(r"\]\((?!https?:|#)(?P<target>[^)#]+)")

documents = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())


@cache
def make_targets() -> frozenset[str]:
    """Return the targets of the Makefile."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    return frozenset(re.findall(r"^([a-z][a-z-]*):", text, re.MULTILINE))


@cache
def commands() -> frozenset[str]:
    """Return the commands that `infusion --help` lists."""
    shown = subprocess.run(
        [sys.executable, "-m", "infusion_service", "--help"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    return frozenset(re.findall(r"^[ │]+([a-z][a-z-]+)  ", shown, re.MULTILINE))


def code_of(document: Path) -> str:
    """Return what stands in code blocks and code spans of `document`."""
    text = document.read_text(encoding="utf-8")
    return "\n".join(re.findall(r"```[a-z]*\n(.*?)```", text, re.DOTALL) + re.findall(r"`[^`\n]+`", text))


@documents
def test_every_command_in_a_document_exists(document: Path) -> None:
    named = {(match["program"], match["word"]) for match in COMMAND.finditer(code_of(document))}
    missing = {
        f"{program} {word}"
        for program, word in named
        if word not in (make_targets() if program == "make" else commands())
    }
    assert not missing


def test_every_address_in_the_readme_is_a_route() -> None:
    from infusion_service.web.routes import ROUTES  # here: the other tests must run while the service does not

    named = re.findall(r"\$HOST(/[^\s\"?]+)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert named
    routes = {re.sub(r"\{[a-z]+\}", "*", route.path) for route in ROUTES}
    assert not {path for path in named if re.sub(r"\$[A-Z]+", "*", path) not in routes}


@documents
def test_every_link_in_a_document_leads_somewhere(document: Path) -> None:
    targets = {match["target"] for match in LINK.finditer(document.read_text(encoding="utf-8"))}
    assert not {target for target in targets if not (document.parent / target).exists()}


def test_the_readme_fits_one_screen_and_says_what_this_is_not() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= ONE_SCREEN_LINES_MAX
    said = " ".join(text.split())
    assert "not** a medical device" in said
    assert "not an alarm system in the sense of IEC 60601-1-8" in said


def test_the_architecture_is_short_and_knows_every_room() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= ARCHITECTURE_LINES_MAX
    rooms = {f"`{path.parent.name}/`" for path in PACKAGE.glob("*/__init__.py")}
    modules = {f"`{path.name}`" for path in PACKAGE.glob("*.py")} - {"`__init__.py`", "`__main__.py`"}
    assert not {place for place in rooms | modules if place not in text}


def test_every_make_target_is_explained() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    explained = set(re.findall(r"^([a-z][a-z-]*):.*## ", text, re.MULTILINE))
    assert make_targets() - explained <= {"browser"}


def test_nothing_names_the_place_it_was_made_at() -> None:
    own = Path(__file__)
    places = re.compile("|".join(["/wo" + "rk/", "/ro" + "ot/", "/ho" + "me/", "pypi" + r"\.org", "pythonhosted"]))
    named = [
        path.relative_to(ROOT).as_posix()
        for path in tracked_files()
        if path != own and path.suffix != ".txt" and places.search(path.read_text(encoding="utf-8", errors="ignore"))
    ]
    assert not named
