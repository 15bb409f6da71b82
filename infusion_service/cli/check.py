"""`infusion check`: the container's probe. Standard library only, because it runs every few seconds."""

from __future__ import annotations

import http.client
import ssl
from urllib.parse import urlsplit

from infusion_service.cli.configuration import Config, Url, settings_from, url_of
from infusion_service.cli.exits import Exit, unreachable, usage
from infusion_service.cli.output import show

WAIT_S = 4.0


def check(*, ready: bool = False, live: bool = False, url: Url = None, config: Config = None) -> int:
    """Ask a running service whether it is ready (it takes facts) or alive (the process answers).

    Exit code 3 when it answers that it is not, 5 when it does not answer within 4 s.

    Parameters
    ----------
    ready
        Ask /health/ready (the default).
    live
        Ask /health/live.
    url
        Where the service answers.
    config
        Settings file that says where it listens.
    """
    if ready and live:
        raise usage("check asks one thing at a time: --ready or --live")
    base = url or url_of(settings_from(config))
    path = "/health/live" if live else "/health/ready"
    status, body = _get(base, path)
    show(f"{base}{path}: {status} {body.strip()}")
    return Exit.FINE if status == http.client.OK else Exit.FINDING


def _get(base: str, path: str) -> tuple[int, str]:
    address = urlsplit(base)
    if address.scheme not in ("http", "https") or address.hostname is None:
        raise usage(f"{base!r} is not an http address")
    connection: http.client.HTTPConnection
    if address.scheme == "https":
        # A probe on the same machine asks by address, which no certificate names; it sends no secret.
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connection = http.client.HTTPSConnection(address.hostname, address.port, timeout=WAIT_S, context=context)
    else:
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=WAIT_S)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read(4096).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        raise unreachable(f"{base} does not answer: {error}") from None
    finally:
        connection.close()
