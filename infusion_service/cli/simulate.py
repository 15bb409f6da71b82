"""`infusion simulate`: load on a running service, as many tablets would make it."""

from __future__ import annotations

import asyncio
from typing import Annotated

from cyclopts import Parameter, validators

from infusion_service.cli.configuration import Json, TokenFile, settings_from
from infusion_service.cli.exits import Exit
from infusion_service.cli.output import say, show_json, show_table

Whole = Annotated[int, Parameter(validator=validators.Number(gte=1))]
Rate = Annotated[float, Parameter(validator=validators.Number(gt=0))]


def simulate(  # noqa: PLR0913 - one parameter for each option
    *,
    to: str,
    days: Whole = 10,
    rate: Rate = 10.0,
    facts: Whole = 60,
    tablets: Whole = 8,
    ward: str = "neuro-day",
    workflow: str | None = None,
    token_file: TokenFile = None,
    json: Json = False,
) -> int:
    """Schedule days on a running service and chart on them at a steady rate, over kept connections.

    Every fact has its own UUIDv7. Answer times count from the moment a fact was to be sent, so that a service that
    falls behind shows it. Exit code 3 when anything was not accepted. Never run this against a real ward.

    Parameters
    ----------
    to
        Where the service answers, such as http://127.0.0.1:8080.
    days
        Days to schedule, each of a patient of its own.
    rate
        Facts a second, over all tablets.
    facts
        Facts charted on each day.
    tablets
        Tablets, each with a connection and a person signed in.
    ward
        Ward of the days.
    workflow
        Product of the days; may be left out where the service has one.
    token_file
        File with an administrator's token; or set INFUSION_TOKEN.
    json
        Print the figures as one JSON object.
    """
    from infusion_service.cli.administration import read_token
    from infusion_service.cli.load import Load

    token = read_token(settings_from(None), token_file)
    load = Load(to, token, ward=ward, tablets=min(tablets, days), workflow=workflow)
    say(f"{days} days, {facts} facts each, {rate:g} a second, to {to}")
    figures = asyncio.run(load.run(days=days, rate_per_s=rate, facts=facts))
    if json:
        show_json(figures)
    else:
        show_table(("figure", "value"), figures.items())
    return Exit.FINE if figures["accepted"] == figures["sent"] else Exit.FINDING
