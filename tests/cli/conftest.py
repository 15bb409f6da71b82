"""A site of its own for each test that wants one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.running import Site


@pytest.fixture
def bare_site(tmp_path: Path) -> Site:
    """A directory with nothing in it yet."""
    return Site(tmp_path)


@pytest.fixture
def site(bare_site: Site) -> Site:
    """A site on which `init` has been run."""
    made = bare_site.run("init")
    assert made.code == 0, made.err
    return bare_site
