"""Rules, dashboard and unit: the figures they name exist, every rule has its runbook entry, others' tools take them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ALERTS = ROOT / "deploy" / "alerts.yml"
UNIT = ROOT / "deploy" / "infusion.service"
EXPOSURE_MAX = 2.0
"""Of 10, as systemd counts what a service could still do to its machine."""


def figures() -> set[str]:
    """The figures of the document, which a test of the interface holds equal to what is served."""
    document = (ROOT / "docs" / "figures.md").read_text(encoding="utf-8")
    found = set(re.findall(r"^\| `(infusion_\w+)`", document, re.MULTILINE))
    return found | {f"{name}_bucket" for name in found if name.endswith("_duration_seconds")}


def rules() -> list[dict[str, Any]]:
    """The alerting rules."""
    (group,) = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    return list(group["rules"])


def queries() -> list[str]:
    """Every query of the dashboard."""
    board = json.loads((ROOT / "deploy" / "dashboard.json").read_text(encoding="utf-8"))
    return [target["expr"] for panel in board["panels"] for target in panel.get("targets", [])]


def test_every_figure_that_is_asked_for_exists() -> None:
    for query in [*(rule["expr"] for rule in rules()), *queries()]:
        asked = set(re.findall(r"infusion_\w+", query))
        assert asked <= figures(), query


def test_every_figure_is_on_the_dashboard() -> None:
    shown = {name.removesuffix("_bucket") for query in queries() for name in re.findall(r"infusion_\w+", query)}
    assert {name for name in figures() if not name.endswith("_bucket")} == shown


def test_every_rule_has_its_entry_in_the_runbook_and_every_entry_its_rule() -> None:
    runbook = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    entries = re.findall(r"^### (Infusion\w+)$", runbook, re.MULTILINE)

    assert sorted(entries) == sorted(rule["alert"] for rule in rules())
    for rule in rules():
        assert rule["annotations"]["runbook"] == f"docs/operations.md#{rule['alert'].lower()}"
        assert rule["labels"]["severity"] in ("info", "warning", "critical")


def test_the_judge_of_prometheus_takes_the_rules() -> None:
    judge = shutil.which("promtool")
    if judge is None:
        pytest.skip("there is no promtool on this machine")
    said = subprocess.run([judge, "check", "rules", ALERTS], capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr


def test_the_unit_leaves_the_service_little_to_do_to_its_machine() -> None:
    judge = shutil.which("systemd-analyze")
    if judge is None:
        pytest.skip("there is no systemd-analyze on this machine")
    said = subprocess.run(
        [judge, "security", "--offline=yes", "--no-pager", UNIT],
        capture_output=True,
        text=True,
        check=False,
        env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"},
    )
    exposure = re.search(r"Overall exposure level for \S+: ([0-9.]+)", said.stdout)
    if exposure is None:
        pytest.skip(f"this systemd-analyze does not judge a file: {said.stderr.strip()[:200]}")
    assert float(exposure[1]) <= EXPOSURE_MAX


def test_the_unit_stops_the_service_as_it_wants_to_be_stopped() -> None:
    unit = UNIT.read_text(encoding="utf-8")
    assert "KillSignal=SIGTERM" in unit
    assert int(re.findall(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)[0]) > 15
    assert re.search(r"^ExecStart=\S+/infusion serve ", unit, re.MULTILINE)
