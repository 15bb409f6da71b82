"""Print the table: `python -m bench [--full] [--json FILE]`.

Every figure stands beside a ceiling or a floor of the same run. The server has one core, the generator another.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench import clinical_core
from bench.deliveries import BACKLOG, BACKLOG_FULL, delivering, draining
from bench.figures import Figure, header, row
from bench.posts import posting
from bench.site import found_site
from bench.storage import entries_in, growing, memory_of_a_day, size_on_disk, starting

RESULTS = Path("test-results")
OPEN_DAYS = 10_000
GROWN_ENTRIES = 200_000
GROWN_ENTRIES_FULL = 2_000_000


def main() -> None:
    """Measure, print each line as soon as it is known, and write the JSON lines."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--full", action="store_true", help=f"a log of {GROWN_ENTRIES_FULL:,} entries, a long backlog")
    parser.add_argument("--json", type=Path, default=RESULTS / "bench.jsonl", help="where the JSON lines go")
    chosen = parser.parse_args()
    began = time.monotonic()
    RESULTS.mkdir(exist_ok=True)
    directory = Path(
        tempfile.mkdtemp(prefix="bench-", dir=RESULTS.resolve())
    )  # on the disk of the checkout, not in memory
    print(header())
    try:
        with chosen.json.open("w", encoding="utf-8") as lines:
            for figure in figures(directory, full=chosen.full):
                print(row(figure), flush=True)
                lines.write(figure.as_line() + "\n")
    finally:
        shutil.rmtree(directory)
    print(f"took {time.monotonic() - began:,.0f} s; JSON lines in {chosen.json}")


def figures(directory: Path, *, full: bool) -> Iterator[Figure]:
    """Every figure, in the order of the table."""
    grown_entries = GROWN_ENTRIES_FULL if full else GROWN_ENTRIES
    site = found_site(directory, days=OPEN_DAYS)
    yield from starting(site, directory / "empty", OPEN_DAYS)
    entries, size = entries_in(site), site.database.stat().st_size
    yield from posting(site, directory)
    yield size_on_disk(site, entries_in(site) - entries, size)
    yield memory_of_a_day(site)
    yield growing(site, directory / "grown", grown_entries)
    yield from delivering(site, directory)
    yield draining(site, BACKLOG_FULL if full else BACKLOG)
    yield from clinical_core.measured()


if __name__ == "__main__":
    main()
