"""Every module, class and public function says what it promises. Ruff sees the rest; this sees what it cannot."""

import ast
import re

import pytest

from tests.tidy.sources import Definition, Module, everything, package


def public_definitions(module: Module) -> list[Definition]:
    """Return the classes and functions of `module` that others may use: no underscore anywhere on the way to them."""
    found: list[Definition] = []
    waiting: list[ast.AST] = [module.tree]
    while waiting:
        for node in ast.iter_child_nodes(waiting.pop()):
            if isinstance(node, Definition) and not node.name.startswith("_"):
                found.append(node)
                if isinstance(node, ast.ClassDef):
                    waiting.append(node)
    return found


@pytest.mark.parametrize("module", everything(), ids=lambda module: module.name)
def test_a_module_says_what_it_is_for(module: Module) -> None:
    assert ast.get_docstring(module.tree) or not module.text.strip()


def test_everything_public_says_what_it_promises() -> None:
    silent = [
        f"{module.name}:{definition.lineno} {definition.name}"
        for module in package()
        for definition in public_definitions(module)
        if not ast.get_docstring(definition)
    ]
    assert not silent


def test_no_docstring_only_repeats_the_name() -> None:
    empty = []
    for module in package():
        for definition in public_definitions(module):
            said = set(re.findall(r"[a-z0-9]+", (ast.get_docstring(definition) or "").lower()))
            named = set(re.findall(r"[a-z0-9]+", re.sub(r"([A-Z])", r" \1", definition.name).lower().replace("_", " ")))
            if said and not said - named - {"the", "a", "an", "of", "return", "returns"}:
                empty.append(f"{module.name}:{definition.lineno} {definition.name}")
    assert not empty
