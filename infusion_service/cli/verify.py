"""`infusion verify`: whether a log or a bundle is what was signed, and follows from itself."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from infusion_service.cli.configuration import Config, Json, settings_from
from infusion_service.cli.exits import Exit, refused, usage
from infusion_service.cli.output import show, show_json, show_table

if TYPE_CHECKING:
    from infusion_service.log.note import Verifier
    from infusion_service.log.verify_report import Report

SHOWN_MAX = 10
"""Findings, and anomalies of each kind, that a terminal is shown; `--json` has up to a hundred."""


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What is held against the log."""

    public_key: Annotated[Path | None, Parameter(help="File with the log's public key lines.")] = None
    since: Annotated[Path | None, Parameter(help="Your own last checkpoint of this log.")] = None
    checkpoint: Annotated[Path | None, Parameter(help="Its newest checkpoint; without it the one kept outside.")] = None


NOTHING_HELD = Held()


def verify(
    bundle: Path | None = None,
    *,
    db: Path | None = None,
    site: str | None = None,
    held: Held = NOTHING_HELD,
    states: bool = True,
    config: Config = None,
    json: Json = False,
) -> int:
    """Verify a bundle, or the log in a database file, without a service and without a network.

    Exit code 3 when something does not add up; the first bad entry is named. Nothing is written.

    Parameters
    ----------
    bundle
        Evidence bundle made by `infusion export`. Without it the database is verified.
    db
        Database file; without it the one the settings name.
    site
        Whose log, where the file holds several.
    held
        What is held against the log.
    states
        Whether the states of every day are derived again.
    config
        Settings file.
    json
        Print the report as one JSON document.
    """
    if bundle is not None and db is not None:
        raise usage("name a bundle or a database, not both")
    if bundle is not None:
        report = _verify_bundle(bundle, held)
    else:
        report = _verify_database(db, site, held, config, states=states, quiet=json)
    if json:
        show_json(report.as_json())
    else:
        show_report(report)
    return Exit.FINE if report.ok else Exit.FINDING


def _verify_database(
    database: Path | None, site: str | None, held: Held, config: Path | None, *, states: bool, quiet: bool
) -> Report:
    from infusion_service.log.checkpoints import CheckpointDirectory
    from infusion_service.log.log_file import LogFile, reading
    from infusion_service.log.store import StoreUnusable
    from infusion_service.log.verify import Evidence, verify_log

    settings = settings_from(config, database=database)
    try:
        # The checkpoint before the log: one that is signed meanwhile would be of a longer log than the one we read.
        outside = CheckpointDirectory(settings.checkpoints, site or _only_site(settings.database))
        newest = None if held.checkpoint is not None else outside.newest()
        hashes_file = None if newest is None else outside.leaf_hashes_file(newest.origin)
        kept = hashes_file is not None and hashes_file.exists()
        evidence = Evidence(
            keys=read_public_keys(held.public_key),
            checkpoint=_bytes_of(held.checkpoint) or (newest.note if newest is not None else None),
            since=_bytes_of(held.since),
            leaf_hashes=hashes_file.read_bytes() if kept and hashes_file is not None else b"",
        )
        with reading(settings.database) as connection:
            log = LogFile(connection, site)
            with progress(log.size() * (2 if states else 1), quiet=quiet) as told:
                return verify_log(log, evidence, states=states, tables=True, progress=told)
    except StoreUnusable as unusable:
        raise refused(str(unusable)) from None
    except OSError as error:
        raise refused(f"a file cannot be read: {error}") from None


def _verify_bundle(path: Path, held: Held) -> Report:
    from infusion_service.log.bundle import unpack
    from infusion_service.log.verify_bundle import verify_bundle
    from infusion_service.web.record import Seal, record_html

    try:
        raw = path.read_bytes()
    except OSError as error:
        raise refused(f"{path} cannot be read: {error}") from None
    report, day = verify_bundle(raw, keys=read_public_keys(held.public_key), since=_bytes_of(held.since))
    if report.ok and day is not None:
        bundle = unpack(raw)
        checkpoint = bundle.checkpoint
        seal = Seal(checkpoint.origin, checkpoint.size, checkpoint.root)
        if record_html(day, [proven.entry for proven in bundle.entries], seal) != bundle.record:
            report.notes["states"] = "record.html is not the one this version makes of the entries: do not rely on it"
    return report


def _only_site(database: Path) -> str:
    from infusion_service.log.log_file import LogFile, reading

    with reading(database) as connection:
        return LogFile(connection).site


def read_public_keys(path: Path | None) -> list[Verifier]:
    """Read the public key lines of a file; empty where none is named. Exit 2 when they cannot be read."""
    from infusion_service.log.note import NoteRejected, Verifier

    if path is None:
        return []
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
        keys = [Verifier.from_text(line) for line in lines if line]
    except (OSError, UnicodeDecodeError, NoteRejected) as error:
        raise usage(f"{path} cannot be read as public key lines: {error}") from None
    if not keys:
        raise usage(f"{path} holds no public key line")
    return keys


def _bytes_of(path: Path | None) -> bytes | None:
    try:
        return None if path is None else path.read_bytes()
    except OSError as error:
        raise usage(f"{path} cannot be read: {error}") from None


@contextmanager
def progress(total: int, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    """Show how far a long run is, on a terminal and nowhere else; yields what to tell the number done."""
    if quiet or not sys.stderr.isatty():
        yield lambda _done: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("entries", total=total)
        yield lambda done: bar.update(task, completed=done)


def show_report(report: Report) -> None:
    """Print a report for people: the steps, what was found, what is remarkable, and the verdict last."""
    steps = report.as_json()["steps"]
    rows = ((step["number"], step["status"], step["shows"], step["note"] or None) for step in steps)
    show_table(("", "", "step", "note"), rows, title=f"{report.subject}, origin {report.origin}, {report.size} entries")
    for finding in report.findings.listed[:SHOWN_MAX]:
        where = "-" if finding.seq is None else f"entry {finding.seq}"
        show(f"FOUND  {where}: {finding.what}")
    if len(report.findings) > SHOWN_MAX:
        show(f"FOUND  {len(report.findings) - SHOWN_MAX} more (--json lists up to 100)")
    for kind, count in sorted(report.anomalies.counts.items()):
        first = ", ".join(str(remark.seq) for remark in report.anomalies.listed[kind][:SHOWN_MAX])
        show(f"to look at: {kind} {count} (entries {first}{', ...' if count > SHOWN_MAX else ''})")
    if report.ok:
        show(f"Nothing was found. Root {report.root.hex()}.")
    elif report.findings.first_bad_seq is None:
        show("It does not add up, and no entry can be named.")
    else:
        show(f"It does not add up. First bad entry: {report.findings.first_bad_seq}.")
