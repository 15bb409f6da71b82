"""The page for nurses: every word it quotes from the screen is a word of the screen, and what it says of it is so."""

from __future__ import annotations

import re

import pytest

from tests.tidy.sources import PACKAGE, ROOT

DOCUMENT = ROOT / "docs" / "nurses.md"
STATIC = PACKAGE / "web" / "static"
ONE_PAGE_LINES_MAX = 90
OWN = {"Words like these"}
BUTTONS = {
    "acknowledge": "Acknowledge",
    "testSound": "Test sound",
    "stop": "STOP",
    "emergency": "EMERGENCY",
    "confirmEntry": "Confirm",
    "lateEntry": "Add as late entry",
    "correctIt": "Correct and send",
    "replaceIt": "Replace what is there",
    "onlyNote": "Keep it as a note",
    "withdraw": "Withdraw",
    "correct": "Correct",
    "strike": "Strike out",
    "wrongPatient": "Wrong patient",
    "firstSave": "Save as first person",
    "handover": "Handover",
    "readBack": "Read back",
}


def quoted() -> list[str]:
    """What the page quotes from the screen."""
    return [words for words in re.findall(r"`([^`]+)`", DOCUMENT.read_text(encoding="utf-8")) if words not in OWN]


def said_on_screen() -> set[str]:
    """Every text of the screen; of one with gaps, what stands before the first."""
    source = (STATIC / "strings.js").read_text(encoding="utf-8")
    plain = re.findall(r'"((?:[^"\\]|\\.)*)"', source)
    with_gaps = [text.split("${")[0].rstrip(" :,") for text in re.findall(r"`([^`]*)`", source)]
    return {*plain, *with_gaps} - {""}


def test_every_quoted_word_is_on_the_screen() -> None:
    assert not [words for words in quoted() if words not in said_on_screen()]


@pytest.mark.parametrize(("key", "words"), BUTTONS.items())
def test_a_button_is_called_as_the_page_says(key: str, words: str) -> None:
    assert words in quoted()
    assert re.search(rf'\b{key}: "{re.escape(words)}"', (STATIC / "strings.js").read_text(encoding="utf-8"))


def test_borders_shapes_and_tones_are_as_the_page_says() -> None:
    style = (STATIC / "ward.css").read_text(encoding="utf-8")
    for severity, border in (("critical", "double"), ("high", "solid"), ("medium", "dashed")):
        assert re.search(rf'\.tile\[data-severity="{severity}"\] {{ border: \dpx {border} ', style)
    sound = (STATIC / "sound.js").read_text(encoding="utf-8")
    tones = {name: hertz.count(",") + 1 for name, hertz in re.findall(r"(\w+): \[([\d, ]+)\]", sound)}
    assert tones == {"critical": 3, "high": 3, "medium": 2}


def test_it_is_one_page() -> None:
    assert len(DOCUMENT.read_text(encoding="utf-8").splitlines()) <= ONE_PAGE_LINES_MAX
