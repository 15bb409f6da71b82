"""The pages: their files, their policy, and that no script can hide in them."""

from __future__ import annotations

import base64
import hashlib
import json
import posixpath
import re

import pytest

from infusion_service.web.page import DESK, load_files, shell_of, vendored
from tests.web.conftest import HttpWard

PAGES = {"/": "index.html", "/audit": "desk/audit.html", "/ops": "desk/operations.html"}

every_page = pytest.mark.parametrize("path", PAGES)

NOT_LISTED = {"index.html", "sw.js"}
"""The page itself is kept under `/`; a worker does not keep itself."""


@every_page
async def test_a_page_and_every_file_it_names_are_served(ward: HttpWard, path: str) -> None:
    page = await ward.get(path, by=None)
    named = re.findall(r'(?:href|src)="(/static/[^"]+)"', page.body)

    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert len(named) >= 3
    imported = json.loads(_import_map(page.body))["imports"].values()
    for file in [*named, *imported, *_modules_named()]:
        assert (await ward.get(file, by=None)).status == 200, file
    assert (await ward.get("/static/none-such.js", by=None)).code == "not_found"
    assert (await ward.get("/static/desk/none-such.js", by=None)).code == "not_found"


@every_page
async def test_the_policy_forbids_inline_and_foreign_script_and_markup_from_text(ward: HttpWard, path: str) -> None:
    page = await ward.get(path, by=None)
    policy = page.headers["Content-Security-Policy"]
    import_map = base64.b64encode(hashlib.sha256(_import_map(page.body).encode()).digest()).decode()

    assert "default-src 'none'" in policy
    assert f"script-src 'self' 'sha256-{import_map}';" in policy
    assert "unsafe" not in policy
    assert "require-trusted-types-for 'script'" in policy
    assert policy.endswith("trusted-types ward")


async def test_the_worker_keeps_the_page_s_files_under_the_hash_of_all_of_them_and_no_answer_of_the_interface(
    ward: HttpWard,
) -> None:
    worker = await ward.get("/sw.js", by=None)
    said = json.loads(worker.body.partition("/* shell */ ")[2].partition(" /* end")[0])
    names = load_files()

    assert worker.headers["Content-Type"].startswith("text/javascript")
    assert sorted(said["files"]) == sorted(["/", *(f"/static/{name}" for name in names if _of_the_ward(name))])
    assert not [path for path in said["files"] if path.startswith(("/v1", "/health"))]
    assert said["version"] == json.loads(shell_of({name: file.content for name, file in names.items()}))["version"]
    for changed in ("ward.js", "ward.css", "index.html"):
        other = {name: file.content + b" " * (name == changed) for name, file in names.items()}
        assert json.loads(shell_of(other))["version"] != said["version"]


async def test_a_file_that_has_not_changed_is_not_sent_again(ward: HttpWard) -> None:
    first = await ward.get("/static/ward.js", by=None)
    again = await ward.get("/static/ward.js", by=None, **{"If-None-Match": first.headers["ETag"]})

    assert (again.status, again.body) == (304, "")


def test_nothing_inline_and_nothing_that_makes_markup_of_text() -> None:
    files = {name: file.content.decode() for name, file in load_files().items()}

    for page in PAGES.values():
        assert not re.search(r"<style|style=|\son\w+=|javascript:", files[page])
        assert re.findall(r"<script(?![^>]*\ssrc=)[^>]*>", files[page]) == ['<script type="importmap">']
    ours = {name: text for name, text in files.items() if name.endswith(".js")}
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", "".join(ours.values()))
    # Public keys and checkpoints that an auditor keeps: nothing clinical and no secret.
    assert [name for name, text in ours.items() if re.search("localStorage|sessionStorage", text)] == ["desk/pins.js"]
    assert not re.search(r"https?://(?!www\.w3\.org)", "".join(files.values()))


def test_scripts_that_are_not_ours_are_byte_for_byte_what_the_browser_is_told_to_accept() -> None:
    files = load_files()
    integrity = json.loads(_import_map(files["index.html"].content.decode()))["integrity"]

    for package in vendored():
        for each in package.files:
            name = f"{package.folder}.{each.file}"
            found = "sha384-" + base64.b64encode(hashlib.sha384(files[name].content).digest()).decode()
            assert found == each.integrity == integrity[f"/static/{name}"]


def test_every_word_of_a_page_stands_in_its_table() -> None:
    spoken = re.compile(r">\s*[A-Z][a-z]+ [a-z]+|aria-label=\"[A-Z]|placeholder=\"")
    modules = {name: file.content.decode() for name, file in load_files().items() if name.endswith(".js")}

    assert not [name for name, text in modules.items() if not name.endswith("strings.js") and spoken.search(text)]


def test_each_page_says_what_it_is_not() -> None:
    files = load_files()

    assert "not a medical device and not an alarm system" in files["index.html"].content.decode()
    assert all("ot a medical device" in files[page].content.decode() for page in PAGES.values())


def _of_the_ward(name: str) -> bool:
    return name not in NOT_LISTED and not name.startswith(DESK)


def _import_map(markup: str) -> str:
    return markup.partition('<script type="importmap">')[2].partition("</script>")[0]


def _modules_named() -> set[str]:
    """Every module of ours that another one imports."""
    texts = {name: file.content.decode() for name, file in load_files().items() if name.endswith(".js")}
    return {
        posixpath.normpath(posixpath.join("/static", posixpath.dirname(name), named))
        for name, text in texts.items()
        for named in re.findall(r'from "(\.[^"]+)"', text)
    }
