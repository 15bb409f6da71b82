"""The ward page: its files, its policy, and that no script can hide in it."""

from __future__ import annotations

import base64
import hashlib
import json
import re

from infusion_service.web.page import load_files, shell_of, vendored
from tests.web.conftest import HttpWard

NOT_LISTED = {"index.html", "sw.js"}
"""The page itself is kept under `/`; a worker does not keep itself."""


async def test_the_page_and_every_file_it_names_are_served(ward: HttpWard) -> None:
    page = await ward.get("/", by=None)
    named = re.findall(r'(?:href|src)="(/static/[^"]+)"', page.body)

    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert len(named) == 4
    imported = json.loads(_import_map(page.body))["imports"].values()
    for path in [*named, *imported, *_modules_named()]:
        assert (await ward.get(path, by=None)).status == 200
    assert (await ward.get("/static/none-such.js", by=None)).code == "not_found"


async def test_the_policy_forbids_inline_and_foreign_script_and_markup_from_text(ward: HttpWard) -> None:
    page = await ward.get("/", by=None)
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
    assert sorted(said["files"]) == sorted(["/", *(f"/static/{name}" for name in names if name not in NOT_LISTED)])
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

    assert not re.search(r"<style|style=|\son\w+=|javascript:", files["index.html"])
    assert re.findall(r"<script(?![^>]*\ssrc=)[^>]*>", files["index.html"]) == ['<script type="importmap">']
    ours = "".join(text for name, text in files.items() if name.endswith(".js"))
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|localStorage", ours)
    assert not re.search(r"https?://(?!www\.w3\.org)", "".join(files.values()))


def test_scripts_that_are_not_ours_are_byte_for_byte_what_the_browser_is_told_to_accept() -> None:
    files = load_files()
    integrity = json.loads(_import_map(files["index.html"].content.decode()))["integrity"]

    for package in vendored():
        for each in package.files:
            name = f"{package.folder}.{each.file}"
            found = "sha384-" + base64.b64encode(hashlib.sha384(files[name].content).digest()).decode()
            assert found == each.integrity == integrity[f"/static/{name}"]


def test_every_word_of_the_page_stands_in_one_table() -> None:
    spoken = re.compile(r">\s*[A-Z][a-z]+ [a-z]+|aria-label=\"[A-Z]|placeholder=\"")
    modules = {name: file.content.decode() for name, file in load_files().items() if name.endswith(".js")}

    assert not [name for name, text in modules.items() if name != "strings.js" and spoken.search(text)]


def test_the_page_says_what_it_is_not() -> None:
    assert "not a medical device and not an alarm system" in load_files()["index.html"].content.decode()


def _import_map(markup: str) -> str:
    return markup.partition('<script type="importmap">')[2].partition("</script>")[0]


def _modules_named() -> set[str]:
    """Every module of ours that another one imports."""
    texts = [file.content.decode() for name, file in load_files().items() if name.endswith(".js")]
    return {f"/static/{name}" for text in texts for name in re.findall(r'from "\./([^"]+)"', text)}
