"""`infusion asyncapi`: the description of what is delivered to endpoints."""

from __future__ import annotations

import json
from pathlib import Path

from infusion_service.cli.configuration import Config, settings_from
from infusion_service.cli.exits import Exit
from infusion_service.cli.output import say, show


def asyncapi(*, config: Config = None, out: Path | None = None) -> int:
    """Print the AsyncAPI 3 document of this version and these workflow files, or write it to a file.

    Parameters
    ----------
    config
        Settings file.
    out
        File to write; without it stdout.
    """
    from infusion_service.clinical.workflow import load_workflow
    from infusion_service.delivery.asyncapi import document

    settings = settings_from(config)
    files = sorted(settings.workflows_dir.glob("*.toml"))
    workflows = [load_workflow(path.read_bytes(), file=path.name) for path in files]
    text = json.dumps(document(workflows, base=settings.delivery_public_url or f"https://{settings.site}"), indent=2)
    if out is None:
        show(text)
    else:
        out.write_text(text + "\n", encoding="utf-8")
        say(f"wrote {out}")
    return Exit.FINE
