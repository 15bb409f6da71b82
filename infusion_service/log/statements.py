"""SQL as data: statements live in `.sql` files, each with a name and a description, and are fetched by name."""

from __future__ import annotations

import re
from importlib.resources import files
from importlib.resources.abc import Traversable

SQL_FOLDER: Traversable = files("infusion_service.log") / "sql"

_VALUES = re.compile(r"VALUES (\([?, ]+\))")
_NAME = "-- name: "
_COMMENT = "--"


def load_statements(*paths: str) -> dict[str, str]:
    """Statements of these files under `sql/`, by name. Raises `ValueError` for one unnamed, undescribed or twice there.

    A statement begins with `-- name: <name>`, then comment lines that say what it is for, then its text and a `;`.
    """
    statements: dict[str, str] = {}
    for path in paths:
        _, *blocks = ("\n" + SQL_FOLDER.joinpath(path).read_text("utf-8")).split("\n" + _NAME)
        for block in blocks:
            name, *lines = block.strip().splitlines()
            text = "\n".join(line for line in lines if not line.startswith(_COMMENT)).strip()
            if name in statements or not lines[0].startswith(_COMMENT) or text.find(";") != len(text) - 1:
                raise ValueError(
                    f"{path}: {name}: a statement has a name of its own, a description, and one ; at its end"
                )
            statements[name] = text.removesuffix(";")
    return statements


def for_rows(statement: str, rows: int) -> str:
    """The same statement for so many rows at once: its `VALUES (?, ...)` repeated."""
    return _VALUES.sub(lambda values: "VALUES " + ", ".join([values[1]] * rows), statement)
