"""The ward page: its files, its policy, and that no script can hide in it."""

from __future__ import annotations

import re

from infusion_service.web.page import load_files
from tests.web.conftest import HttpWard


async def test_the_page_and_every_file_it_names_are_served(ward: HttpWard) -> None:
    page = await ward.get("/", by=None)
    named = re.findall(r'(?:href|src)="(/static/[^"]+)"', page.body)

    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert len(named) == 3
    for path in named:
        assert (await ward.get(path, by=None)).status == 200
    assert (await ward.get("/static/none-such.js", by=None)).code == "not_found"


async def test_the_policy_forbids_inline_and_foreign_script_and_markup_from_text(ward: HttpWard) -> None:
    policy = (await ward.get("/", by=None)).headers["Content-Security-Policy"]

    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert "require-trusted-types-for 'script'" in policy
    assert "trusted-types 'none'" in policy


def test_nothing_inline_and_nothing_that_makes_markup_of_text() -> None:
    files = {name: file.content.decode() for name, file in load_files().items()}

    assert not re.search(r"<style|style=|\son\w+=|javascript:", files["index.html"])
    assert not re.search(r"<script(?![^>]*\ssrc=)", files["index.html"])
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|localStorage", files["ward.js"]
    )
    assert not re.search(r"https?://(?!www\.w3\.org)", "".join(files.values()))


def test_the_page_says_what_it_is_not() -> None:
    assert "not a medical device and not an alarm system" in load_files()["index.html"].content.decode()
