"""The command tree of `infusion`. Every command is named here by its import path, and imported when it is run."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import cyclopts

from infusion_service import __version__
from infusion_service.cli.exits import CommandFailed, Exit

HELP = (
    "Record the infusion day of a hospital patient as a state machine over one append-only log.\n\n"
    "It records and reminds; it never drives a pump, is not a medical device and not an alarm system in the sense of "
    "IEC 60601-1-8."
)

_COMMANDS: tuple[tuple[str, str, str], ...] = (
    ("demo", "demo:demo", "Run a ward of six simulated patients on an accelerated clock, in its own database."),
    ("init", "init:init", "Create the database, its keys and the first administrator's token."),
    ("serve", "serve:serve", "Run the service."),
    ("rehearse", "rehearse:rehearse", "Play scripted days through the real intake and check what they expect."),
    ("replay", "replay:replay", "Show a day as it stood at a clinical time, as known at another."),
    ("verify", "verify:verify", "Verify a log or a bundle: bytes, signatures, tree, chains, commitments, states."),
    ("export", "export:export", "Write one day as evidence: entries, proofs, keys, and a record to read and print."),
    ("workflow", "workflow:app", "Check workflow files, compare versions, draw and describe them."),
    ("audit", "audit:app", "Ask across days: overrides, late entries, minutes to answer, who read."),
    ("clock", "clock:app", "Say that the service's clock is right, after it was in doubt."),
    ("key", "key:app", "List, add and retire the keys that sign checkpoints."),
    ("log", "log:app", "Go on with a log whose newest entries are lost."),
    ("device", "device:app", "Enrol, list and revoke the ward's tablets."),
    ("staff", "staff:app", "Add, list, disable and unlock the people who sign in."),
    ("token", "token:app", "Mint, list and revoke the tokens of programs and offices."),
    ("endpoint", "endpoint:app", "Whereto the log is delivered: endpoints, how they fare, what they were sent."),
    ("receiver", "receiver:receiver", "Run a sample webhook receiver that verifies, dedupes and shows gaps."),
    ("backup", "backup:backup", "Copy the database while the service runs, and verify the copy."),
    ("restore", "backup:restore", "Put a backup back where no database is."),
    ("migrate", "migrate:migrate", "Bring the database to this program's schema."),
    ("doctor", "doctor:doctor", "Look at the installation, the configuration and the database, one line per part."),
    ("check", "check:check", "Ask a running service whether it is alive or ready (container probe)."),
    ("openapi", "openapi:openapi", "Print the OpenAPI document."),
    ("asyncapi", "asyncapi:asyncapi", "Print the AsyncAPI document of what is delivered."),
    ("simulate", "simulate:simulate", "Put load on a running service: simulated tablets that chart whole days."),
)


def build() -> cyclopts.App:
    """Return the command tree."""
    app = cyclopts.App(
        name="infusion",
        help=HELP,
        help_format="plaintext",
        version=__version__,
        result_action="return_value",
        exit_on_error=False,
        suppress_keyboard_interrupt=False,
    )
    for name, target, text in _COMMANDS:
        app.command(f"infusion_service.cli.{target}", name=name, help=text)
    return app


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line (None: this process's) and return its exit code. Says on stderr what went wrong."""
    try:
        code = build()(list(sys.argv[1:] if arguments is None else arguments))
    except cyclopts.CycloptsError:
        return Exit.USAGE  # cyclopts has said what is wrong
    except CommandFailed as failure:
        print(f"infusion: {failure}", file=sys.stderr)
        return failure.code
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has enough (`infusion ... | head`).
        sys.stderr.close()
        return Exit.FINE
    return code if isinstance(code, int) else Exit.FINE
