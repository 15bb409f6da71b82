"""`infusion simulate` charts what the product's own file says: no fact of any product is known to it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from infusion_service.cli.exits import Exit
from tests.cli.running import Site
from tests.clinical.workflow_copies import INVENTED, SHIPPED

PRODUCTS = ("alemtuzumab", "zorvimab", "velorimab", "dosaximab")


@pytest.fixture
def all_products(site: Site, tmp_path: Path) -> Site:
    """A site that has every product."""
    directory = tmp_path / "workflows"
    shutil.copytree(INVENTED, directory, ignore=shutil.ignore_patterns("played"))
    shutil.copy(SHIPPED, directory)
    return Site(site.directory, {**site.more, "INFUSION_WORKFLOWS_DIRECTORY": str(directory)})


def test_every_product_is_charted_by_its_own_file(all_products: Site) -> None:
    token = {"INFUSION_TOKEN": all_products.token_file.read_text()}
    with all_products.serving() as service:
        for product in PRODUCTS:
            ended = all_products.run(
                "simulate", "--to", service.url, "--workflow", product, "--days", "2", "--facts", "10",
                "--rate", "200", "--json", env=token,
            )  # fmt: skip

            assert ended.code == Exit.FINE, (product, ended.err, ended.out)
            assert json.loads(ended.out)["accepted"] == len(range(2)) * 10


def test_a_product_has_to_be_named_where_there_are_several(all_products: Site) -> None:
    token = {"INFUSION_TOKEN": all_products.token_file.read_text()}
    with all_products.serving() as service:
        ended = all_products.run("simulate", "--to", service.url, "--days", "1", env=token)

    assert ended.code == Exit.REFUSED
    assert "--workflow" in ended.err
    assert "dosaximab" in ended.err
