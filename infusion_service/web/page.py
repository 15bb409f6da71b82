"""The ward page: plain files, no build step, no script from anywhere else.

Promises: files are read once at start from the package; a policy forbids inline script, foreign origins and text that
turns into markup (Trusted Types with no policy at all). The one inline element is the import map, and the policy names
its hash; the map names the hash of every script that is not ours, so a browser runs exactly those bytes. Does not:
render anything; the page asks the interface.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

import msgspec
from aiohttp import web

from infusion_service.web.problems import not_found

IMPORT_MAP_PLACE = b"<!-- import map -->"
"""Where in the page's markup the import map goes."""

_TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "mjs": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class PageFile:
    """One file as it is served."""

    content: bytes
    content_type: str
    policy: str
    """The content security policy it is served under."""


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
"""The page's files by name."""


def load_files() -> dict[str, PageFile]:
    """Read the page's files from the package. A vendored one is called after its folder: `htm-3.1.1.htm.mjs`."""
    folder = _static()
    import_map = import_map_of(vendored())
    contents = {item.name: item.read_bytes() for item in folder.iterdir() if item.name.rpartition(".")[2] in _TYPES}
    element = b'<script type="importmap">%b</script>' % import_map
    contents["index.html"] = contents["index.html"].replace(IMPORT_MAP_PLACE, element)
    for package in vendored():
        for each in package.files:
            home = folder / "vendor" / package.folder
            contents[f"{package.folder}.{each.file}"] = (home / each.file).read_bytes()
    policy = policy_for(import_map)
    return {name: PageFile(raw, _TYPES[name.rpartition(".")[2]], policy) for name, raw in contents.items()}


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
        "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )


async def get_page(request: web.Request) -> web.Response:
    """Return the ward page."""
    return _serve(request.app[PAGE]["index.html"])


async def get_file(request: web.Request) -> web.Response:
    """Return one of the page's files."""
    found = request.app[PAGE].get(request.match_info["file"])
    if found is None:
        raise not_found()
    return _serve(found)


def _static() -> Traversable:
    return files("infusion_service.web") / "static"


def _serve(file: PageFile) -> web.Response:
    headers = {
        "Content-Type": file.content_type,
        "Content-Security-Policy": file.policy,
        # Always asked for again: a page that is older than its service would show the wrong thing.
        "Cache-Control": "no-cache",
    }
    return web.Response(body=file.content, headers=headers)
