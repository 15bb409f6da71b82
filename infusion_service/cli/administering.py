"""The frame around every administrative command: settings, the way in, one call, its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from cyclopts import Parameter

from infusion_service.cli.configuration import Config, Json, TokenFile, Url, settings_from

if TYPE_CHECKING:
    from infusion_service.cli.administration import Administration
    from infusion_service.cli.endpoint_desk import EndpointDesk

AnswerT = TypeVar("AnswerT")


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How the service is reached and its answer shown; the same options on every administrative command."""

    config: Config = None
    url: Url = None
    token_file: TokenFile = None
    json: Json = False


FROM_HERE = Reach()


def administer(reach: Reach, call: Callable[[Administration], Awaitable[AnswerT]]) -> AnswerT:
    """Open the way in, make one call and return its answer. Raises `CommandFailed`."""
    from infusion_service import logs
    from infusion_service.cli.administration import administration

    settings = settings_from(reach.config)
    logs.configure(json=settings.log_json, level="warning")

    async def through() -> AnswerT:
        async with administration(settings, url=reach.url, token_file=reach.token_file) as way:
            return await call(way)

    return asyncio.run(through())


def at_desk(reach: Reach, call: Callable[[EndpointDesk], Awaitable[AnswerT]]) -> AnswerT:
    """Do the same for endpoints. Raises `CommandFailed`."""
    from infusion_service import logs
    from infusion_service.cli.endpoint_desk import endpoint_desk

    settings = settings_from(reach.config)
    logs.configure(json=settings.log_json, level="warning")

    async def through() -> AnswerT:
        async with endpoint_desk(settings, url=reach.url, token_file=reach.token_file) as desk:
            return await call(desk)

    return asyncio.run(through())
