"""Every command that goes to a running service, by every role: who may, and who is told that they may not."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

import pytest

from infusion_service.cli.exits import Exit
from tests.access.test_roles_at_work import Ward, opened
from tests.cli.running import Site
from tests.web.matrix import EVERYBODY, ROLE_OF, WARD

GROUPS = ("device", "staff", "token", "key", "clock", "endpoint", "audit")
RANGE = ("--from-seq", "1", "--to-seq", "1")
URL = "https://engine.example/hook"

MAY = {
    "device enrol": ("M", ("{new}", "--ward", "neuro-day")),
    "device list": ("M", ()),
    "device revoke": ("M", ("none",)),
    "staff add": ("M", ("{new}", "--name", "x", "--role", "nurse")),
    "staff list": ("CM", ()),
    "staff disable": ("M", ("none",)),
    "staff unlock": ("CM", ("nurse-1",)),
    "token mint": ("M", ("x", "--role", "auditor")),
    "token list": ("M", ()),
    "token revoke": ("M", ("none",)),
    "key list": (EVERYBODY, ()),
    "key rotate": ("M", ()),
    "key retire": ("M", ("none",)),
    "clock confirm": ("M", ()),
    "endpoint add": ("IM", ("engine", URL)),
    "endpoint list": ("IAM", ()),
    "endpoint ping": ("IM", ("none",)),
    "endpoint replay": ("IM", ("none", *RANGE)),
    "endpoint hold": ("IM", ("none",)),
    "endpoint enable": ("IM", ("none",)),
    "endpoint rotate-secret": ("IM", ("none",)),
    "endpoint remove": ("IM", ("none",)),
    "endpoint status": ("IAM", ("none",)),
    "endpoint deliveries": ("IAM", ("none",)),
    "endpoint attempts": ("IAM", ("none", "1")),
    "endpoint parked": ("IAM", ("none",)),
    "endpoint retry": ("IM", ("none", "1", "--reason", "x")),
    "endpoint drop": ("IM", ("none", "1", "--reason", "x")),
    # Everybody reads of the log what they may see of it; an administrator nothing of a patient.
    "audit overrides": ("A", ()),
    "audit late": ("A", ()),
    "audit answers": ("A", ()),
    "audit reads": ("A", ()),
    "replay": (WARD + "A", ("{day}",)),
}
"""Who may, and what the command is tried with."""


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    with opened(Site(tmp_path_factory.mktemp("ward"))) as made:
        yield made


@pytest.fixture(scope="module")
def day(ward: Ward) -> str:
    body = {"ward": "neuro-day", "patient": {"id": "P-1"}, "course": 1, "day": 1, "date": "2026-11-23"}
    _, view = ward.call("POST", "/v1/days", {**body, "workflow": "alemtuzumab"}, by="nurse")
    return str(view["day_id"])


def test_every_command_has_its_row() -> None:
    apps = {group: importlib.import_module(f"infusion_service.cli.{group}").app for group in GROUPS}
    commands = {f"{group} {name}" for group, app in apps.items() for name in app if not name.startswith("-")}

    assert commands | {"replay"} == set(MAY)


@pytest.mark.parametrize("command", MAY)
def test_who_may_is_let_and_who_may_not_is_told(ward: Ward, day: str, command: str) -> None:
    may, arguments = MAY[command]
    let = set()
    for letter, role in ROLE_OF.items():
        words = [word.format(new=f"{command.replace(' ', '-')}-{letter.lower()}", day=day) for word in arguments]
        typed = f"B-{command}-{letter}\n4829\n"
        token = ("--token-file", ward.token_file(role))
        ended = ward.site.run(*command.split(), *words, *token, typed=typed, env=ward.service.env)

        assert ended.code in (Exit.FINE, Exit.REFUSED), (role, ended)
        if "role_not_permitted" not in ended.err:
            let.add(letter)
        assert ward.tokens[role] not in ended.out + ended.err

    assert let == set(may)
