"""Every alert says why: which entries it follows from, and where its rule comes from. Over every scripted day."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from infusion_service.cli.rehearsal.script import read_script
from infusion_service.clinical.vocabulary import format_time
from tests.clinical.bedside import REHEARSALS, WORKFLOW, played

FILES = sorted(REHEARSALS.glob("*.toml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_alert_of_a_scripted_day_names_its_evidence_and_its_source(path: Path) -> None:
    """Open ones in the day view as the day ends, and all that were ever raised: ids of the day's own entries, charted
    no later than the alert was learned of."""
    bedside, _ = asyncio.run(played(read_script(path)))
    for day_id, day in bedside.days.items():
        received_at = {entry.entry_id: entry.received_at for entry in bedside.log if entry.stream == day_id}
        shown = {alert["alert_id"]: alert for alert in bedside.view(day_id)["alerts"]}
        for alert in day.ledger.alerts.values():
            assert alert.evidence, alert.rule
            assert all(received_at[entry_id] <= alert.learned_at for entry_id in alert.evidence), alert.rule
            assert WORKFLOW.alerts[alert.rule].source
            if alert.open:
                view = shown.pop(alert.id)
                assert view["evidence"] == list(alert.evidence)
                assert view["source"] == WORKFLOW.alerts[alert.rule].source
                assert view["says"]
                assert view["raised_at"] == format_time(alert.raised_at)
        assert shown == {}
