"""The ward page: plain files, no build step, no script from anywhere else.

Promises: files are read once at start from the package; a policy forbids inline script, foreign origins and text that
turns into markup (Trusted Types with no policy at all). Does not: render anything; the page asks the interface.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

from aiohttp import web

from infusion_service.web.problems import not_found

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; font-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)

_TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class PageFile:
    """One file as it is served."""

    content: bytes
    content_type: str


PAGE = web.AppKey("page", Mapping[str, PageFile])
"""The page's files by name."""


def load_files() -> dict[str, PageFile]:
    """Read the page's files from the package."""
    folder = files("infusion_service.web") / "static"
    return {
        item.name: PageFile(item.read_bytes(), _TYPES[item.name.rpartition(".")[2]])
        for item in folder.iterdir()
        if item.name.rpartition(".")[2] in _TYPES
    }


async def get_page(request: web.Request) -> web.Response:
    """Return the ward page."""
    return _serve(request.app[PAGE]["index.html"])


async def get_file(request: web.Request) -> web.Response:
    """Return one of the page's files."""
    found = request.app[PAGE].get(request.match_info["file"])
    if found is None:
        raise not_found()
    return _serve(found)


def _serve(file: PageFile) -> web.Response:
    headers = {
        "Content-Type": file.content_type,
        "Content-Security-Policy": PAGE_POLICY,
        # Always asked for again: a page that is older than its service would show the wrong thing.
        "Cache-Control": "no-cache",
    }
    return web.Response(body=file.content, headers=headers)
