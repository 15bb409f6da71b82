"""From a request to who asks: bearer token, or one of the pages' cookies.

Promises: an `Authorization` header counts alone, a bad one is not made good by a cookie; a cookie writes only for a
page of this very origin; one browser may be a tablet, somebody signed in on it and an auditor's desk, and each page
asks as what it is. Does not: know roles (`routing`) or how tokens are kept (`access`).
"""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from infusion_service.access.identity import Identity
from infusion_service.web.keys import ACCESS, INTAKE, SETTINGS
from infusion_service.web.problems import Denied, Problem

DEVICE_COOKIE = "infusion_device"
SESSION_COOKIE = "infusion_session"
DESK_COOKIE = "infusion_desk"

AS = "Infusion-As"
"""A header with which a page says under which of the browser's cookies it asks."""

_COOKIES_AS = {
    # What was charted with nobody signed in, by a badge, or by somebody whose session has ended.
    "device": (DEVICE_COOKIE,),
    # The auditor's and the operator's pages; somebody signed in on a tablet may look at them, too.
    "desk": (DESK_COOKIE, SESSION_COOKIE),
}
_COOKIES = (SESSION_COOKIE, DEVICE_COOKIE, DESK_COOKIE)
"""Without the header, in this order: the ward page's first, as on a ward somebody's desk is never meant."""

DEVICE_COOKIE_S = 365 * 24 * 3600
"""An enrolled browser stays enrolled until its device is revoked."""
DESK_COOKIE_S = 8 * 3600
"""A desk is somebody's for a working day at most; a token that ends before ends it, too."""

_ADVICE = "Send a valid token: Authorization: Bearer <token>. It may have expired or been revoked."

_INVALID = 'Bearer realm="infusion", error="invalid_token"'

_READING = frozenset({"GET", "HEAD"})


def _anybody(_: Identity) -> bool:
    return True


def identify(
    request: web.Request, *, fits: Callable[[Identity], bool] = _anybody, counts_as_use: bool = True
) -> Identity:
    """Return who asks. Raises `Problem` 401 without a valid credential, 403 for a cookie sent from elsewhere.

    Of several cookies the first one counts whose holder `fits`: a record opened in a tab of its own says not for which
    page. `counts_as_use` False leaves the idle time of a session running.
    """
    app = request.app
    now = app[INTAKE].clock.now()
    header = request.headers.get("Authorization")
    if header is not None:
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer":
            raise not_authenticated(_INVALID)
        identity = app[ACCESS].authenticate(token.strip(), now, counts_as_use=counts_as_use)
        if identity is None:
            raise _refused(request, token.strip(), _INVALID)
        return identity
    if "Cookie" in request.headers:
        return _by_cookie(request, fits)
    raise not_authenticated('Bearer realm="infusion"')


async def prepare(request: web.Request) -> None:
    """See to it that the credential can be looked at: the keys of an issuer may have to be fetched first."""
    header = request.headers.get("Authorization")
    token = request.cookies.get(DESK_COOKIE, "") if header is None else header.partition(" ")[2].strip()
    if token.count(".") > 1:
        await request.app[ACCESS].prepare(token)


def not_authenticated(challenge: str) -> Problem:
    """Ask for a credential."""
    return Problem("not_authenticated", _ADVICE, headers={"WWW-Authenticate": challenge})


def _refused(request: web.Request, token: str, challenge: str) -> Problem:
    """Ask for another credential; where it is known whose this one was, the log gets to know of it."""
    was = request.app[ACCESS].outlived(token, request.app[INTAKE].clock.now())
    if was is None:
        return not_authenticated(challenge)
    headers = {"WWW-Authenticate": challenge}
    return Denied("not_authenticated", _ADVICE, by=was.actor, reason=was.reason, headers=headers)


def set_cookie(response: web.StreamResponse, request: web.Request, name: str, token: str, *, max_age_s: int) -> None:
    """Hand the page a token its scripts cannot read."""
    # Behind a proxy the browser speaks TLS although we do not see it.
    secure = request.secure or request.app[SETTINGS].behind_proxy
    response.set_cookie(name, token, max_age=max_age_s, httponly=True, samesite="Strict", path="/", secure=secure)


def came_by_cookie(request: web.Request) -> bool:
    """Whether the page itself asks."""
    return "Authorization" not in request.headers


def _by_cookie(request: web.Request, fits: Callable[[Identity], bool]) -> Identity:
    reading = request.method in _READING
    if not reading and not _same_origin(request):
        raise Problem("cross_origin", "A cookie writes only for a page of this address; send its Origin.")
    access = request.app[ACCESS]
    now = request.app[INTAKE].clock.now()
    found: list[Identity] = []
    for name in _COOKIES_AS.get(request.headers.get(AS, ""), _COOKIES):
        token = request.cookies.get(name)
        if token:
            # A page that refreshes itself is nobody at work: reading leaves the idle time running.
            identity = access.authenticate(token, now, counts_as_use=not reading)
            if identity is not None:
                if not reading or fits(identity):
                    return identity
                found.append(identity)
    if found:
        return found[0]
    raise not_authenticated('Bearer realm="infusion"')


def _same_origin(request: web.Request) -> bool:
    # The scheme is left out: behind a proxy that ends TLS we see http where the browser sees https.
    origin = request.headers.get("Origin")
    return origin is not None and origin.partition("://")[2] == request.host
