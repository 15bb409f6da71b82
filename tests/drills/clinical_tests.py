"""The tests of `tests/clinical`, run within this process on a workflow that is not the shipped one.

Promises: a module is imported afresh each time, with the workflow in the place of the shipped file, and its plain and
parametrised tests are called one after another until one fails. Does not: run what needs a fixture or draws at random;
those are left to pytest.
"""

from __future__ import annotations

import importlib.util
import inspect
import itertools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from infusion_service.clinical import workflow as loading
from infusion_service.clinical.workflow import Workflow

DIRECTORY = Path(__file__).parents[1] / "clinical"
MODULES = tuple(
    DIRECTORY / f"test_{name}.py"
    for name in (
        "field_limits", "facts", "scores", "timing", "checks", "course", "course_flags", "guards", "second_person",
        "guard_alerts", "decide", "dose", "alert_table", "alert_closing", "analyte_units",
    )
)  # fmt: skip
"""The quick modules whose tests play on the shipped workflow."""
SHARED = ("tests.clinical.one_day", "tests.clinical.bedside")
"""Modules that load the shipped file and lend it to the tests."""


def fails(path: Path, workflow: Workflow) -> bool:
    """Tell whether a test of a module fails on a workflow; a module that cannot even be imported does."""
    with _in_place_of_the_shipped_one(workflow):
        try:
            for test in tests_of(_imported(path, f"{path.stem}_on_a_mutant")):
                test()
        except Exception:  # noqa: BLE001 - whatever a test of a broken workflow ends in, it is red
            return True
    return False


def tests_of(module: ModuleType) -> Iterator[Callable[[], Any]]:
    """Yield the tests of a module that want nothing but their parameters, each with one set of them."""
    for name, test in vars(module).items():
        if name.startswith("test_") and not hasattr(test, "hypothesis") and not inspect.iscoroutinefunction(test):
            sets = [list(_parameters(mark)) for mark in getattr(test, "pytestmark", ()) if mark.name == "parametrize"]
            for chosen in itertools.product(*sets):
                given = {key: value for each in chosen for key, value in each.items()}
                if set(given) == set(inspect.signature(test).parameters):
                    yield partial(test, **given)


def _parameters(mark: Any) -> Iterator[dict[str, Any]]:
    names, values = mark.args[0], mark.args[1]
    names = [name.strip() for name in names.split(",")] if isinstance(names, str) else names
    for value in values:
        given = getattr(value, "values", value) if hasattr(value, "marks") else value
        yield dict(zip(names, given if len(names) > 1 else (given,), strict=True))


@contextmanager
def _in_place_of_the_shipped_one(workflow: Workflow) -> Iterator[None]:
    kept = {name: sys.modules.pop(name) for name in SHARED if name in sys.modules}
    load = loading.load_workflow
    setattr(loading, load.__name__, lambda _raw, *, file: workflow)
    try:
        yield
    finally:
        setattr(loading, load.__name__, load)
        for name in SHARED:
            sys.modules.pop(name, None)
        sys.modules.update(kept)


def _imported(path: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
