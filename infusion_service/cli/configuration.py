"""Where the commands find their settings, and what they read from the environment beside them."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from infusion_service.cli.exits import usage
from infusion_service.settings import (
    Origin,
    Settings,
    SettingsInvalid,
    load_settings,
    origins,
    setting_conflicts,
)

CONFIG_VARIABLE = "INFUSION_CONFIG"
URL_VARIABLE = "INFUSION_URL"
TOKEN_VARIABLE = "INFUSION_TOKEN"  # noqa: S105 - the name of a variable
TOKEN_FILE_VARIABLE = "INFUSION_TOKEN_FILE"  # noqa: S105 - the name of a variable
BADGE_VARIABLE = "INFUSION_BADGE"
PIN_VARIABLE = "INFUSION_PIN"

OWN_VARIABLES = frozenset(
    {CONFIG_VARIABLE, URL_VARIABLE, TOKEN_VARIABLE, TOKEN_FILE_VARIABLE, BADGE_VARIABLE, PIN_VARIABLE}
)
"""What the command line itself reads; the settings, which refuse what they do not know, never see it."""

Config = Annotated[Path | None, Parameter(name="--config", env_var=CONFIG_VARIABLE, help="Settings file (TOML).")]
"""The settings file; without one the defaults hold, with the environment laid over them."""

Url = Annotated[str | None, Parameter(name="--url", env_var=URL_VARIABLE, help="Where a running service answers.")]
"""Where a running service answers; without it, where the settings say it listens."""

TokenFile = Annotated[
    Path | None,
    Parameter(name="--token-file", env_var=TOKEN_FILE_VARIABLE, help=f"File with the token; or set {TOKEN_VARIABLE}."),
]
"""A file that holds the token to authenticate with; the token itself may also stand in INFUSION_TOKEN."""

Json = Annotated[bool, Parameter(name="--json", negative=(), help="Print one JSON document.")]
"""One JSON document on stdout instead of a text for people."""

_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - compared with, not bound


def settings_from(config: Path | None, **changes: Any) -> Settings:
    """Load the settings and lay what the command line says (None: nothing) over them. Exit 2 when they do not stand."""
    try:
        settings = load_settings(config, _environ())
    except SettingsInvalid as invalid:
        raise usage(f"the settings cannot be used\n{invalid}") from None
    settings = replace(settings, **{name: value for name, value in changes.items() if value is not None})
    if problems := setting_conflicts(settings):
        raise usage("the settings cannot be used\n" + "\n".join(map(str, problems)))
    return settings


def origins_from(config: Path | None) -> list[Origin]:
    """Return every setting with where its value came from. Exit 2 when they do not stand."""
    try:
        return origins(config, _environ())
    except SettingsInvalid as invalid:
        raise usage(f"the settings cannot be used\n{invalid}") from None


def _environ() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in OWN_VARIABLES}


def url_of(settings: Settings) -> str:
    """Return where a service with these settings is reached from this machine."""
    host = _ANY_ADDRESS.get(settings.host, f"[{settings.host}]" if ":" in settings.host else settings.host)
    return f"{'https' if settings.tls else 'http'}://{host}:{settings.port}"
