"""Every block between fences in README and docs is run as its text says, or listed here with where it is run."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from infusion_service.cli.exits import Exit
from infusion_service.web.problems import PROBLEM_TYPES
from tests.cli.running import PROGRAM, WAIT_S, Site, environment, infusion
from tests.deploy.test_monitoring import figures
from tests.documents.test_commands import DOCUMENTS, running
from tests.tidy.sources import ROOT

FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
HEADING = re.compile(r"^## (.+)$", re.MULTILINE)

HERE = "by a test of this file"
ELSEWHERE: dict[str, str] = {
    "integrators.md, Five minutes, 1 sh": "tests/documents/test_commands.py",
    **{f"operations.md, The first hour, {number} sh": "tests/deploy/test_first_hour.py" for number in range(1, 8)},
    "workflow-files.md, A whole product, 1 toml": "tests/clinical/test_workflow_guide.py",
}
RUN: dict[str, str] = ELSEWHERE | dict.fromkeys(
    (
        "README.md, Two commands, 1 ",
        "README.md, Say no with a reason, 1 sh",
        "README.md, Say no with a reason, 2 json",
        "cli.md, Rehearsals, 1 toml",
        "figures.md, The alarm budget, 1 ",
        "operations.md, Back up, 1 sh",
        "operations.md, Watching it, 1 yaml",
    ),
    HERE,
)

NOT_RUN: dict[str, str] = {
    "pip install .": "installing is tests/deploy/test_install.py, from the lock into an empty environment",
    "systemctl status infusion": "needs a machine that systemd runs",
    "dmesg": "needs the kernel's messages of a failing disk",
    "fuser infusion.db": "is of another package, and names whoever is there",
}
"""Commands of others that stand in the running text, each with the reason why no test runs it."""

OTHERS = ("pip ", "systemctl ", "dmesg", "fuser ", "docker ", "apt", "promtool ", "curl ")


@dataclass(frozen=True)
class Block:
    """A block between fences."""

    name: str
    text: str


def blocks() -> Iterator[Block]:
    """Every block of README and docs, by document, section, and number in it."""
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        counts: dict[str, int] = {}
        for found in FENCED.finditer(text):
            section = [heading[1] for heading in HEADING.finditer(text, 0, found.start())][-1]
            counts[section] = counts.get(section, 0) + 1
            yield Block(f"{document.name}, {section}, {counts[section]} {found[1]}", found[2])


def block(name: str) -> str:
    """The text of one."""
    return next(each.text for each in blocks() if each.name == name)


def test_every_block_is_run_and_nothing_else_is_said_to_be() -> None:
    assert {each.name for each in blocks()} == set(RUN)
    for place in ELSEWHERE.values():
        assert (ROOT / place).is_file()


def test_every_command_of_others_in_the_text_is_listed_with_its_reason() -> None:
    named = {
        span
        for document in DOCUMENTS
        for span in re.findall(r"`([^`\n]+)`", FENCED.sub("", document.read_text(encoding="utf-8")))
        if span.startswith(OTHERS)
    }
    assert named == set(NOT_RUN)


@pytest.mark.skipif(shutil.which("make") is None, reason="the two commands need make")
def test_the_two_commands_are_targets_of_the_makefile() -> None:
    for line in block("README.md, Two commands, 1 ").splitlines():
        words = line.partition("#")[0].split()
        assert words[0] == "make"
        planned = subprocess.run(["make", "-n", *words[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
        assert planned.returncode == 0, planned.stderr


@pytest.mark.skipif(shutil.which("curl") is None, reason="the block needs curl")
@pytest.mark.timeout(WAIT_S * 3)
def test_saying_no_with_a_reason_goes_as_it_is_written(tmp_path: Path) -> None:
    """What stands as `...` in the text is what a reader puts there: the demonstration's token, badge, PIN, a day."""
    script = block("README.md, Say no with a reason, 1 sh")
    first, second = script.split("NURSE=...", maxsplit=1)
    listed, posted = ("NURSE=..." + second).split("DAY=...", maxsplit=1)
    with demonstration(tmp_path) as shown:
        url = re.findall(r"http://127\.0\.0\.1:\d+", shown)[0]
        device = re.findall(r"infd_\S+", shown)[0]
        badge, pin = re.findall(r"nurse +nurse-1 +(\S+) +(\d{4})", shown)[0]
        run = shell(tmp_path, url)
        first = first.replace("DEVICE=...", f"DEVICE={device}").replace('"badge": "..."', f'"badge": "{badge}"')
        session = run(first.replace('"pin": "..."', f'"pin": "{pin}"'))
        assert session["role"] == "nurse"
        listed = listed.replace("NURSE=...", f"NURSE={session['token']}")
        days = run(f"HOST={url}\n{listed}")
        day_id = days["days"][0]["day_id"]
        answer = run(f"HOST={url}\nNURSE={session['token']}\nDAY={day_id}{posted}")
        again = run(f"HOST={url}\nNURSE={session['token']}\nDAY={day_id}{posted}")

    assert answer["status"] == 409
    assert answer["code"] in ("guard_not_satisfied", "transition_not_allowed")
    # Posting the same again gives the same answer.
    assert {**again, "instance": ""} == {**answer, "instance": ""}


def test_the_answer_that_is_shown_is_one_the_service_gives() -> None:
    shown = json.loads(block("README.md, Say no with a reason, 2 json"))
    kind = PROBLEM_TYPES[shown["code"]]
    assert shown["status"] == kind.status
    assert "guards" in kind.members
    (guard,) = shown["guards"]
    rehearsals = (ROOT / "tests" / "rehearsals").glob("*.toml")
    assert any(guard["guard"] in path.read_text(encoding="utf-8") for path in rehearsals)
    assert set(guard) == {"guard", "reason", "override"}


def test_the_rehearsal_that_is_shown_is_met(tmp_path: Path) -> None:
    script = tmp_path / "morning.toml"
    script.write_text(block("cli.md, Rehearsals, 1 toml"), encoding="utf-8")

    ended = infusion("rehearse", script)

    assert ended.code == Exit.FINE, ended.out + ended.err


def test_the_query_of_the_alarm_budget_is_one(tmp_path: Path) -> None:
    query = block("figures.md, The alarm budget, 1 ").strip()
    assert set(re.findall(r"infusion_\w+", query)) <= figures()
    if shutil.which("promtool") is not None:
        rules = tmp_path / "rules.yml"
        rules.write_text(yaml.safe_dump({"groups": [{"name": "one", "rules": [{"record": "budget", "expr": query}]}]}))
        checked = subprocess.run(["promtool", "check", "rules", rules], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stdout + checked.stderr


def test_what_prometheus_is_to_scrape_is_what_the_service_serves(tmp_path: Path) -> None:
    text = block("operations.md, Watching it, 1 yaml")
    (job,) = yaml.safe_load(text)["scrape_configs"]
    defaults = (ROOT / "config" / "default.toml").read_text(encoding="utf-8")
    port = re.findall(r"^port = (\d+)", defaults, re.MULTILINE)[0]
    assert job["static_configs"] == [{"targets": [f"127.0.0.1:{port}"]}]
    if shutil.which("promtool") is not None:
        config, token = tmp_path / "prometheus.yml", tmp_path / "infusion.token"
        token.write_text("inft_x")
        config.write_text(text.replace(job["authorization"]["credentials_file"], str(token)), encoding="utf-8")
        checked = subprocess.run(["promtool", "check", "config", config], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.skipif(shutil.which("sh") is None, reason="the block needs a shell")
def test_the_backup_of_a_running_service_goes_as_it_is_written(tmp_path: Path) -> None:
    site = Site(tmp_path)
    assert site.run("init").code == Exit.FINE
    shelf = tmp_path / "backup"
    shelf.mkdir()
    script = block("operations.md, Back up, 1 sh").replace("/backup/", f"{shelf}/")
    with site.serving(), running(script, tmp_path, "backing-up", site.env) as said:
        assert said.process.wait(timeout=WAIT_S) == 0, said.text

    (copy,) = shelf.glob("*.db")
    assert copy.with_name(f"{copy.name}.checkpoint").exists()
    assert infusion("verify", "--db", copy, "--checkpoint", f"{copy}.checkpoint").code == Exit.FINE


@contextmanager
def demonstration(directory: Path) -> Iterator[str]:
    """What `make demo` prints to whoever looks at it, while it runs."""
    with subprocess.Popen(
        [*PROGRAM, "demo", "--port", "0", "--database", str(directory / "demo.db")],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        shown = ""
        try:
            while "What will happen" not in shown:
                line = process.stdout.readline()
                assert line, shown
                shown += line
            yield shown
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=WAIT_S)


def shell(directory: Path, url: str) -> Callable[[str], Any]:
    """A shell that runs lines of the text against a service at `url`, and what the last of them printed."""

    def run(script: str) -> Any:
        lines = script.replace("http://127.0.0.1:8080", url)
        ended = subprocess.run(
            ["sh", "-eu", "-c", lines], cwd=directory, capture_output=True, text=True, check=False, timeout=WAIT_S
        )
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)

    return run
