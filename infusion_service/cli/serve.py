"""`infusion serve`: run the service until it is told to stop or its storage fails."""

from __future__ import annotations

import asyncio
import os
import signal
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from infusion_service.cli.configuration import Config, Json, settings_from
from infusion_service.cli.exits import CommandFailed, Exit, refused, usage
from infusion_service.cli.output import say, show_json
from infusion_service.clinical.vocabulary import parse_time

if TYPE_CHECKING:
    from infusion_service.settings import Settings

EXIT_S_MAX = 14.0
"""From the signal to the end of the process, whatever hangs (a supervisor kills after 15 s or more)."""


def serve(
    *,
    config: Config = None,
    port: int | None = None,
    clock: Literal["real", "simulated"] | None = None,
    clock_start: str | None = None,
    json: Json = False,
) -> int:
    """Run the service until SIGTERM or SIGINT.

    It stops taking connections, answers what it has, and exits within 15 s. Exit code 70 when the storage failed:
    nothing is acknowledged any more, and whoever supervises the process starts it again.

    Parameters
    ----------
    config
        Settings file.
    port
        TCP port; 0 picks a free one.
    clock
        A simulated clock stands still until `PUT /v1/clock` moves it.
    clock_start
        Where the simulated clock begins (RFC 3339 with offset).
    json
        Print {"listening": "http://..."} as the first line of stdout, and log in JSON.
    """
    from infusion_service import logs
    from infusion_service.cli.hosting import loop_factory

    settings = settings_from(config, port=port, clock=clock, clock_start=_moment(clock_start))
    logs.configure(json=json or settings.log_json, level=settings.log_level)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(_serve(settings, json=json))


async def _serve(settings: Settings, *, json: bool) -> int:
    from infusion_service.bootstrap import leave_no_core, open_service, tune_process
    from infusion_service.cli.hosting import hosted
    from infusion_service.cli.nightly import verified_nightly
    from infusion_service.clinical.workflow import WorkflowInvalid
    from infusion_service.intake.workflows import WorkflowEdited
    from infusion_service.log.store import StorageFailed, StoreUnusable

    leave_no_core()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, _stop_soon, stop)
    try:
        async with open_service(settings) as service, hosted(service) as base_url:
            tune_process()
            _announce(base_url, json=json)
            failed = asyncio.create_task(service.intake.wait_failed(), name="storage failure")
            told = asyncio.create_task(stop.wait(), name="signal")
            verifying = asyncio.create_task(verified_nightly(service), name="nightly check")
            await asyncio.wait({failed, told}, return_when=asyncio.FIRST_COMPLETED)
            told.cancel()
            verifying.cancel()
            if failed.done():
                _end_within(EXIT_S_MAX, Exit.STORAGE_FAILED)
                raise CommandFailed(
                    Exit.STORAGE_FAILED, f"the storage failed, nothing is acknowledged: {failed.result()}"
                )
            failed.cancel()
    except StoreUnusable as unusable:
        raise refused(f"{settings.database}: {unusable}") from None
    except StorageFailed as failure:
        raise CommandFailed(Exit.STORAGE_FAILED, f"{settings.database}: {failure}") from None
    except (WorkflowInvalid, WorkflowEdited) as invalid:
        raise usage(f"{settings.workflows_dir}: {invalid}") from None
    except OSError as error:
        raise CommandFailed(Exit.FAULT, f"cannot start on {settings.host}:{settings.port}: {error}") from None
    return Exit.FINE


def _announce(base_url: str, *, json: bool) -> None:
    if json:
        show_json({"listening": base_url})
    else:
        say(f"listening on {base_url}, Ctrl-C to stop")


def _stop_soon(stop: asyncio.Event) -> None:
    stop.set()
    _end_within(EXIT_S_MAX, Exit.FAULT)


def _end_within(seconds: float, code: Exit) -> None:
    """See to it that the process ends, also where a handler or a thread hangs: what was acknowledged is on disk."""
    asyncio.get_running_loop().call_later(seconds, os._exit, code)


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return parse_time(text)
    except ValueError:
        raise usage(f"--clock-start {text!r} is not a time with offset, such as 2026-11-23T08:00:00+01:00") from None
