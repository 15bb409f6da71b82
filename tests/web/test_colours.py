"""Each pair of ink and ground is readable in both themes, and what a ward chooses is what the system would show."""

from __future__ import annotations

import re

import pytest

from tests.tidy.sources import PACKAGE

STATIC = PACKAGE / "web" / "static"
THEMES = ("light", "dark", "chosen dark")
TEXT_MIN, NUMBERS_MIN, EDGE_MIN = 4.5, 7.0, 3.0
"""WCAG 2.2: 1.4.3 for text, 1.4.6 for what is read from a distance, 1.4.11 for edges that mean something."""
GROUNDS = ("--paper", "--tile")
NUMBERS = [("--ink", ground) for ground in GROUNDS]
TEXTS = [
    *((ink, ground) for ink in ("--quiet", "--critical", "--high", "--live") for ground in GROUNDS),
    *(("--on-colour", ground) for ground in ("--critical", "--high", "--medium", "--low", "--live")),
    ("--on-press", "--press"),
    ("--paper", "--ink"),
]
EDGES = [(edge, ground) for edge in ("--line", "--focus", "--medium") for ground in GROUNDS]


def themes() -> dict[str, dict[str, str]]:
    """Return the colours by name, of each theme."""
    text = (STATIC / "colours.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root[^{}]*\{([^{}]*--[^{}]*)\}", text)
    return dict(zip(THEMES, (dict(re.findall(r"(--[\w-]+): (#\w{6});", block)) for block in blocks), strict=True))


def luminance(colour: str) -> float:
    """Return the relative luminance of `#rrggbb`, as WCAG defines it."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", THEMES)
def test_every_pair_of_colours_can_be_read(theme: str) -> None:
    colours = themes()[theme]
    wanted = [*((pair, TEXT_MIN) for pair in TEXTS), *((pair, NUMBERS_MIN) for pair in NUMBERS)]
    wanted += [(pair, EDGE_MIN) for pair in EDGES]

    assert not [(pair, contrast(*(colours[name] for name in pair))) for pair, least in wanted
                if contrast(*(colours[name] for name in pair)) < least]  # fmt: skip


def test_a_ward_that_chooses_dark_sees_what_the_system_would_show() -> None:
    assert themes()["chosen dark"] == themes()["dark"]


def test_colours_that_follow_no_theme_are_black_on_something_bright() -> None:
    style = (STATIC / "ward.css").read_text(encoding="utf-8")
    fixed = re.findall(r"\{[^{}]*\bcolor: (#\w+);[^{}]*background: ([^;]*)", style)
    for ink, ground in fixed:
        assert ink == "#000"
        for colour in re.findall(r"#\w{6}|#fff\b", ground):
            assert contrast("#000000", "#ffffff" if colour == "#fff" else colour) >= NUMBERS_MIN
    assert len(fixed) >= 3


def test_the_page_needs_no_hover_no_dialog_and_no_gesture() -> None:
    style = (STATIC / "ward.css").read_text(encoding="utf-8")
    scripts = "".join(path.read_text(encoding="utf-8") for path in STATIC.glob("*.js"))

    assert ":hover" not in style
    assert not re.search(r"<dialog|showModal|(?<![.\w])(?:alert|confirm|prompt)\(|draggable|contextmenu", scripts)
    assert not re.search(r"on(?:DblClick|Touch|Pointer|Mouse|Drag)|dblclick|touchstart|mouseover", scripts)
    assert not re.search(r"tabindex", scripts, re.IGNORECASE)
