"""A setting that nobody reads is a promise that nobody keeps."""

import ast
from dataclasses import fields

import pytest

from infusion_service.limits import Limits
from infusion_service.settings import Settings
from tests.tidy.sources import package


def attributes_read() -> set[str]:
    """Return every attribute name that is read somewhere in the package."""
    return {
        node.attr
        for module in package()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
    }


@pytest.mark.parametrize("kind", [Settings, Limits])
def test_every_setting_is_read_somewhere(kind: type[Settings | Limits]) -> None:
    assert not {item.name for item in fields(kind)} - attributes_read()
