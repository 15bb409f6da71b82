"""The clinical room knows no clock, no chance and no number of any protocol: those come in as arguments and as data."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.tidy.sources import PACKAGE, ROOT, Module, modules, package

MAY_IMPORT = {
    "__future__",
    "abc",
    "bisect",
    "collections",
    "copy",
    "dataclasses",
    "datetime",
    "decimal",
    "inspect",
    "difflib",
    "enum",
    "fractions",
    "functools",
    "hashlib",
    "heapq",
    "infusion_service",
    "itertools",
    "json",
    "math",
    "msgspec",
    "operator",
    "re",
    "string",
    "tomllib",
    "transitions",
    "types",
    "typing",
    "unicodedata",
    "uuid",
    "zoneinfo",
}
"""What a pure function can need. (import-linter names what is forbidden; this names what is allowed.)"""

IMPURE_CALLS = {"now", "utcnow", "today", "uuid1", "uuid4", "open", "print", "input", "getenv", "eval", "exec"}

PLAIN_NUMBERS = {-1, 0, 1, 2, 3, 24, 60, 100, 1000, 3600}
"""Counting, units of time and of scale. Every other number is a workflow's, or has a name at the top of its module."""

PROBLEM_STATUSES = {403, 409, 412, 422, 503}
"""What a refusal is on the wire; the contract's words, so they stand where the refusal is made."""

PRODUCT_WORDS = re.compile("alemtuzumab|lemtrada|methylpred", re.IGNORECASE)
DEMO = "infusion_service/cli/demo"

clinical = pytest.mark.parametrize("module", modules(PACKAGE / "clinical"), ids=lambda module: module.name)


def imported_packages(module: Module) -> Iterator[str]:
    """Yield the top name of everything `module` imports."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def constant_values(module: Module) -> set[ast.AST]:
    """Return the nodes below `NAME = ...` of the module itself: a number there has a name, and a comment if need be."""
    named: set[ast.AST] = set()
    for statement in module.tree.body:
        if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
            named.update(ast.walk(statement.value))
    return named


@clinical
def test_it_imports_nothing_that_could_surprise(module: Module) -> None:
    assert set(imported_packages(module)) <= MAY_IMPORT


@clinical
def test_it_asks_no_clock_and_rolls_no_dice(module: Module) -> None:
    called = {
        node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call)
    }
    assert not called & IMPURE_CALLS


@clinical
def test_it_awaits_nothing(module: Module) -> None:
    waiting = ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith
    assert not [node for node in ast.walk(module.tree) if isinstance(node, waiting)]


@clinical
def test_it_holds_no_number_of_any_protocol(module: Module) -> None:
    named = constant_values(module)
    found = [
        f"{module.name}:{node.lineno} {node.value!r}"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, int | float)
        and not isinstance(node.value, bool)
        and node.value not in PLAIN_NUMBERS | PROBLEM_STATUSES
        and node not in named
    ]
    assert not found


@clinical
def test_it_computes_with_decimals_never_with_floats(module: Module) -> None:
    floats = [
        f"{module.name}:{node.lineno}"
        for node in ast.walk(module.tree)
        if (isinstance(node, ast.Constant) and isinstance(node.value, float))
        or (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float")
    ]
    assert not floats


def test_no_product_is_named_outside_its_workflow_file() -> None:
    named = [
        f"{path.relative_to(ROOT)}"
        for path in sorted(PACKAGE.rglob("*"))
        if path.suffix in {".py", ".sql", ".js", ".css", ".html", ".j2", ".toml", ".json"}
        and not path.relative_to(ROOT).as_posix().startswith(DEMO)
        and PRODUCT_WORDS.search(path.read_text(encoding="utf-8"))
    ]
    assert not named


def test_only_one_module_asks_the_transitions_library() -> None:
    askers = [module.name for module in package() if "transitions" in set(imported_packages(module))]
    assert askers == ["infusion_service/clinical/machine.py"]
