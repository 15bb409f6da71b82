"""The pages of the ward, the auditor and the operator: plain files, no build step, no script from anywhere else.

Promises: files are read once at start from the package; a policy forbids inline script, foreign origins and text that
turns into markup (the one Trusted Types policy lets a single address through: the service worker's). The one inline
element is the import map, and the policy names its hash; the map names the hash of every script that is not ours, so a
browser runs exactly those bytes. The service worker keeps the ward page's files for the time without network, under a
version that is the hash of all of them. Does not: render anything; the pages ask the interface.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from importlib.resources.abc import Traversable

import msgspec
from aiohttp import web

from infusion_service.web.problems import not_found

WARD, AUDIT, OPERATIONS = "index.html", "desk/audit.html", "desk/operations.html"
"""The three pages."""

DESK = "desk/"
"""Where the files of the auditor's and the operator's pages lie: a tablet neither loads nor keeps them."""

IMPORT_MAP_PLACE = b"<!-- import map -->"
"""Where in a page's markup the import map goes."""

WORKER = "sw.js"
"""The service worker, served from the root, because it sees to what lies below its own address."""

SHELL_PLACE = b'{ version: "none", files: [] }'
"""Where in the worker's text version and names of the files go."""

_TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "mjs": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "webmanifest": "application/manifest+json",
}


@dataclass(frozen=True)
class PageFile:
    """One file as it is served."""

    content: bytes
    content_type: str
    policy: str
    """The content security policy it is served under."""

    @cached_property
    def packed(self) -> bytes:
        """The same, compressed: nothing in it is secret, and a ward's radio is slow."""
        return gzip.compress(self.content, mtime=0)

    @cached_property
    def etag(self) -> str:
        """Names the bytes."""
        return f'"{hashlib.sha256(self.content).hexdigest()[:32]}"'


class VendoredFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"specifier": "import"}):
    """One script of a package: what our modules import it as, and the hash of its bytes."""

    specifier: str
    file: str
    integrity: str


class Vendored(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One package that is not ours, as `vendor.json` lists it."""

    name: str
    version: str
    licence: str
    folder: str
    why: str
    upstream_tarball: str
    files: tuple[VendoredFile, ...]


class _VendorList(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    packages: tuple[Vendored, ...]


PAGE = web.AppKey("page", Mapping[str, PageFile])
"""The pages' files by name."""


def load_files() -> dict[str, PageFile]:
    """Read the pages' files from the package. A vendored one is called after its folder: `htm-3.1.1.htm.mjs`."""
    folder = _static()
    import_map = import_map_of(vendored())
    contents = {
        place + item.name: item.read_bytes()
        for place in ("", DESK)
        for item in (folder / place).iterdir()
        if item.name.rpartition(".")[2] in _TYPES
    }
    element = b'<script type="importmap">%b</script>' % import_map
    for page in (WARD, AUDIT, OPERATIONS):
        contents[page] = contents[page].replace(IMPORT_MAP_PLACE, element)
    for package in vendored():
        for each in package.files:
            home = folder / "vendor" / package.folder
            contents[f"{package.folder}.{each.file}"] = (home / each.file).read_bytes()
    contents[WORKER] = contents[WORKER].replace(SHELL_PLACE, shell_of(contents))
    policy = policy_for(import_map)
    return {name: PageFile(raw, _TYPES[name.rpartition(".")[2]], policy) for name, raw in contents.items()}


def shell_of(contents: Mapping[str, bytes]) -> bytes:
    """Return what the service worker keeps: the addresses of these files, and the one hash of all of them."""
    kept = sorted(name for name in set(contents) - {WARD, WORKER} if not name.startswith(DESK))
    digest = hashlib.sha256()
    for name in (*kept, WARD):
        digest.update(f"{name} {hashlib.sha256(contents[name]).hexdigest()}\n".encode())
    files = ["/", *(f"/static/{name}" for name in kept)]
    return json.dumps({"version": digest.hexdigest()[:16], "files": files}).encode()


def vendored() -> tuple[Vendored, ...]:
    """Return what `vendor.json` says of the scripts that are not ours."""
    return msgspec.json.decode((_static() / "vendor" / "vendor.json").read_bytes(), type=_VendorList).packages


def import_map_of(packages: Sequence[Vendored]) -> bytes:
    """Return the import map: where each bare import lies, and which bytes alone may run from there."""
    imports: dict[str, str] = {}
    integrity: dict[str, str] = {}
    for package in packages:
        for each in package.files:
            address = f"/static/{package.folder}.{each.file}"
            imports[each.specifier] = address
            integrity[address] = each.integrity
    return msgspec.json.encode({"imports": imports, "integrity": integrity})


def policy_for(import_map: bytes) -> str:
    """Return the content security policy of a page with this import map."""
    digest = base64.b64encode(hashlib.sha256(import_map).digest()).decode()
    return (
        f"default-src 'none'; script-src 'self' 'sha256-{digest}'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; font-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types ward"
    )


async def get_page(request: web.Request) -> web.Response:
    """Return the ward page."""
    return _serve(request, request.app[PAGE][WARD])


async def get_audit_page(request: web.Request) -> web.Response:
    """Return the auditor's page."""
    return _serve(request, request.app[PAGE][AUDIT])


async def get_operations_page(request: web.Request) -> web.Response:
    """Return the operator's page."""
    return _serve(request, request.app[PAGE][OPERATIONS])


async def get_worker(request: web.Request) -> web.Response:
    """Return the service worker."""
    return _serve(request, request.app[PAGE][WORKER])


async def get_desk_file(request: web.Request) -> web.Response:
    """Return one of the files of the auditor's and the operator's pages."""
    found = request.app[PAGE].get(DESK + request.match_info["file"])
    if found is None:
        raise not_found()
    return _serve(request, found)


async def get_file(request: web.Request) -> web.Response:
    """Return one of the pages' files."""
    found = request.app[PAGE].get(request.match_info["file"])
    if found is None:
        raise not_found()
    return _serve(request, found)


def _static() -> Traversable:
    return files("infusion_service.web") / "static"


def _serve(request: web.Request, file: PageFile) -> web.Response:
    headers = {
        "Content-Type": file.content_type,
        "Content-Security-Policy": file.policy,
        # Always asked for again: a page that is older than its service would show the wrong thing.
        "Cache-Control": "no-cache",
        "ETag": file.etag,
        "Vary": "Accept-Encoding",
    }
    if request.headers.get("If-None-Match") == file.etag:
        return web.Response(status=304, headers=headers)
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        return web.Response(body=file.packed, headers={**headers, "Content-Encoding": "gzip"})
    return web.Response(body=file.content, headers=headers)
