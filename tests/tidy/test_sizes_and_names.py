"""Nothing grows past what one reader can hold, and everything has a name that says what it is."""

import re

import pytest

from tests.tidy.sources import ROOT, Module, everything, package, tracked_files

MODULE_LINES_MAX = 400
FUNCTION_CODE_LINES_MAX = 40
REASON_WORDS_MIN = 4
"""A comment that excuses a long function has at least so many words: a reason, not a mark."""

MEANINGLESS_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "managers", "base", "stuff"}

UNFINISHED = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]) + r")\b")
"""Put together so that this file does not find itself."""

SILENCED = re.compile(r"#\s*(noqa|type:\s*ignore)\b(?P<codes>:?[^#]*?)\s*(?P<reason>(#|- ).*)?$")
"""A silenced check, the codes it silences, and the reason on the same line."""

TEXT_SUFFIXES = {".py", ".md", ".toml", ".sql", ".sh", ".yml", ".yaml", ".js", ".css", ".html", ".in", ""}


@pytest.mark.parametrize("module", everything(), ids=lambda module: module.name)
def test_a_module_is_no_longer_than_one_reader_can_hold(module: Module) -> None:
    assert len(module.lines) <= MODULE_LINES_MAX


def test_a_long_function_has_its_reason_above_it() -> None:
    unexcused = [
        f"{module.name}:{function.lineno} {function.name} has {module.code_lines(function)} code lines"
        for module in everything()
        for function in module.functions()
        if module.code_lines(function) > FUNCTION_CODE_LINES_MAX
        and len(module.comment_above(function).split()) < REASON_WORDS_MIN
    ]
    assert not unexcused


def test_no_file_has_a_name_that_says_nothing() -> None:
    named = [path.relative_to(ROOT) for path in tracked_files()]
    assert not [path for path in named if MEANINGLESS_NAMES & {part.partition(".")[0].lower() for part in path.parts}]


def test_every_directory_of_code_is_a_package_with_a_promise() -> None:
    folders = {module.path.parent for module in package()}
    assert not [folder.relative_to(ROOT) for folder in folders if not (folder / "__init__.py").is_file()]


def test_nothing_is_left_for_later() -> None:
    left = []
    for path in tracked_files():
        if path.suffix in TEXT_SUFFIXES:
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
                if UNFINISHED.search(line):
                    left.append(f"{path.relative_to(ROOT)}:{number} {line.strip()}")
    assert not left


def test_every_silenced_check_says_why() -> None:
    silent = []
    for module in everything():
        for number, line in enumerate(module.lines, start=1):
            mark = SILENCED.search(line)
            explained = mark and (mark["reason"] or module.lines[number - 2].lstrip().startswith("#"))
            if mark and not (re.search("[A-Za-z]", mark["codes"]) and explained):
                silent.append(f"{module.name}:{number} {line.strip()}")
    assert not silent
