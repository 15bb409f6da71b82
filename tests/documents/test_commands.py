"""Every command in README and docs is one that the program takes, and what is written to be run is run."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import cyclopts
import pytest
from cyclopts.exceptions import MissingArgumentError

from infusion_service.cli.app import build
from tests.cli.running import environment
from tests.deploy.test_first_hour import free_port
from tests.tidy.sources import ROOT

DOCUMENTS = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
SHELL = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"`(infusion [^`]+)`")

NUMBERS = {"A", "B", "N", "P", "R"}
"""Placeholders that stand for a number; DAY, FILE, ID, T, TEXT, URL and the like stand for a text as it is."""
RUN_S = 60.0

documents = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)


def inline(text: str) -> list[list[str]]:
    """The commands named in running text and tables, each choice of `a|b` by itself."""
    found = []
    for span in INLINE.findall(text):
        words = span.replace(r"\|", "|").replace("...", "").split(" > ")[0]
        first, *others = shlex.split(words)[1:]
        groups = [[first]] + [word.split("|") for word in others]
        longest = max(map(len, groups))
        found += [[group[min(number, len(group) - 1)] for group in groups] for number in range(longest)]
    return found


def in_blocks(text: str) -> Iterator[list[str]]:
    """The commands of the shell blocks."""
    for block in SHELL.findall(text):
        script = re.sub(r"<<'END'.*?^END$", "", block, flags=re.DOTALL | re.MULTILINE).replace("\\\n", " ")
        for line in script.splitlines():
            if re.search(r"\binfusion ", line):
                yield from in_line(line)


def in_line(line: str) -> Iterator[list[str]]:
    """What a line of shell calls the program with."""
    lexer = shlex.shlex(re.sub(r"\$\([^()]*\)", "X", line), posix=True, punctuation_chars=True)
    lexer.wordchars += "$*:@%!,"
    words: list[str] | None = None
    for token in lexer:
        if words is None:
            words = [] if token == "infusion" else None
        elif set(token) <= set("();<>|&"):
            yield words[:-1] if token == ">" and words[-1:] == ["2"] else words
            words = None
        else:
            words.append(token)
    if words is not None:
        yield words


def trouble_with(words: list[str], *, named: bool = False) -> str | None:
    """What the program would say of a command line; None where it would run it.

    A command that is only `named` need not be given all that it wants.
    """
    tokens = ["1" if word in NUMBERS else "serve" if word == "COMMAND" else word for word in words]
    app = build()
    try:
        app.parse_args(tokens, print_error=False, exit_on_error=False)
    except MissingArgumentError as missing:
        options = () if missing.argument is None else missing.argument.names
        return None if named and not set(options) & set(tokens) else str(missing)
    except cyclopts.CycloptsError as error:
        return str(error)
    return None


@documents
def test_every_command_is_one_that_the_program_takes(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    wrong = [
        f"infusion {shlex.join(words)}: {said}"
        for named, found in ((True, inline(SHELL.sub("", text))), (False, in_blocks(text)))
        for words in found
        if (said := trouble_with(words, named=named)) is not None
    ]
    assert not wrong


@documents
def test_every_block_of_shell_is_shell(document: Path) -> None:
    for block in SHELL.findall(document.read_text(encoding="utf-8")):
        read = subprocess.run(["sh", "-n"], input=block, text=True, capture_output=True, check=False)
        assert read.returncode == 0, read.stderr


@pytest.mark.parametrize(
    "words",
    [["vanish"], ["serve", "--prot", "1"], ["endpoint", "renew"], ["verify", "--db"], ["restore"] + ["a"] * 3],
    ids=" ".join,
)
def test_what_the_program_does_not_take_is_noticed(words: list[str]) -> None:
    assert trouble_with(words, named=True) is not None
    assert trouble_with(words) is not None


def test_commands_are_found_wherever_they_stand() -> None:
    line = "printf 'a\\nb' | infusion staff add x --name \"A. B\" > said 2> log && B=1 infusion verify &"
    assert list(in_line(line)) == [["staff", "add", "x", "--name", "A. B"], ["verify"]]
    assert inline("`infusion key list\\|rotate` and `infusion x --a\\|--b FILE...`") == [
        ["key", "list"],
        ["key", "rotate"],
        ["x", "--a", "FILE"],
        ["x", "--b", "FILE"],
    ]


@pytest.mark.skipif(shutil.which("sh") is None, reason="the five minutes need a shell")
@pytest.mark.timeout(RUN_S + 30)
def test_the_five_minutes_of_an_integrator_go_as_they_are_written(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "integrators.md").read_text(encoding="utf-8")
    (block,) = SHELL.findall(text.split("## Five minutes\n")[1].split("\n## ")[0])
    settings = {"INFUSION_HTTP_PORT": free_port()}
    asked = (
        "until infusion check --ready > /dev/null 2>&1; do sleep 0.1; done\n"
        "ID=$(infusion endpoint list --json | tr ',{' '\\n\\n' | sed -n 's/^ *\"id\": *\"\\(.*\\)\"/\\1/p')\n"
        'until infusion endpoint ping "$ID"; do sleep 0.1; done\n'
    )
    with running(block.replace("9099", free_port()), tmp_path, "five minutes", settings) as said:
        with running(asked, tmp_path, "asked", settings) as answered:
            code = answered.process.wait(timeout=RUN_S)
        assert code == 0, said.text + answered.text
    assert answered.text.count("503 after") == 2  # as the receiver was told


@dataclass(frozen=True)
class Running:
    """A script that has been begun."""

    process: subprocess.Popen[bytes]
    said: Path

    @property
    def text(self) -> str:
        return self.said.read_text(encoding="utf-8")


@contextmanager
def running(script: str, directory: Path, name: str, settings: Mapping[str, str]) -> Iterator[Running]:
    """A script for which `infusion` is this program, while the block runs; what it began is gone afterwards."""
    program = directory / "bin" / "infusion"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m infusion_service "$@"\n')
    program.chmod(0o755)
    site = directory / "site"
    site.mkdir(exist_ok=True)
    env = environment({"PYTHONPATH": os.pathsep.join(sys.path), **settings})
    with (directory / name).open("wb") as said:
        process = subprocess.Popen(
            ["sh", "-eu", "-c", script],
            cwd=site,
            env={**env, "PATH": f"{program.parent}:{env['PATH']}"},
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield Running(process, directory / name)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
