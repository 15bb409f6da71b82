"""The exit codes of `infusion`, in one table (documented in `docs/cli.md`, one test per row)."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """What the calling shell, service supervisor or pipeline learns from the process's end."""

    FINE = 0
    FAULT = 1
    USAGE = 2
    FINDING = 3
    REFUSED = 4
    UNREACHABLE = 5
    STORAGE_FAILED = 70
    INTERRUPTED = 130


MEANINGS: dict[Exit, str] = {
    Exit.FINE: "fine",
    Exit.FAULT: "our fault: something failed that should not have",
    Exit.USAGE: "usage: the command line, configuration or an input file cannot be understood",
    Exit.FINDING: "finding: the command ran and what it checked does not hold",
    Exit.REFUSED: "refused or not found",
    Exit.UNREACHABLE: "the service or database is unreachable or did not answer in time",
    Exit.STORAGE_FAILED: "serve only: the storage failed, nothing more is acknowledged; recover and start again",
    Exit.INTERRUPTED: "interrupted from the keyboard",
}


class CommandFailed(Exception):
    """A command that ends with another code than 0.

    The message names the cause and, where there is one, the next step; it goes to stderr as it is.
    """

    def __init__(self, code: Exit, message: str) -> None:
        super().__init__(message)
        self.code = code


def usage(message: str) -> CommandFailed:
    """Return the failure of an input that cannot be understood (exit 2)."""
    return CommandFailed(Exit.USAGE, message)


def refused(message: str) -> CommandFailed:
    """Return the failure of something refused or not found (exit 4)."""
    return CommandFailed(Exit.REFUSED, message)


def unreachable(message: str) -> CommandFailed:
    """Return the failure to reach a service or database (exit 5)."""
    return CommandFailed(Exit.UNREACHABLE, message)
