"""The table of `docs/access.md`, made from the matrix that is tried cell by cell.

`python -m tests.web.access_table` writes it into the document; a test holds the two equal.
"""

from __future__ import annotations

from pathlib import Path

from infusion_service.web.routes import ROUTES
from infusion_service.web.routing import WHOLE_SITE, Route
from tests.web.matrix import MATRIX, ROLE_OF, Row

DOCUMENT = Path(__file__).parents[2] / "docs" / "access.md"
BEGIN, END = "<!-- every call: begin -->\n", "<!-- every call: end -->\n"
MAY, WHOLE_SITE_MAY = "●", "○"


def table() -> str:
    """Return one line for each route: who gets an answer, and what is answered about another ward and another site."""
    head = "".join(f" {letter} |" for letter in ROLE_OF)
    lines = [f"| call |{head} other ward | other site |", "|---|" + "---|" * (len(ROLE_OF) + 2)]
    lines += [_line(route, MATRIX[route.method, route.path]) for route in ROUTES if not route.public]
    open_to_all = ", ".join(f"`{route.path}`" for route in ROUTES if route.public)
    lines.append(f"\nWithout a credential: {open_to_all}.")
    return "\n".join(lines) + "\n"


def in_document() -> str:
    """Return the table as it stands in the document."""
    return DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]


def _line(route: Route, row: Row) -> str:
    cells = "".join(f" {_cell(route, row, letter)} |" for letter in ROLE_OF)
    return f"| `{route.method} {route.path}` |{cells} {_status(row.other)} | {_status(row.site)} |"


def _cell(route: Route, row: Row, letter: str) -> str:
    if letter not in row.roles:
        return ""
    if route.scope in WHOLE_SITE:
        return WHOLE_SITE_MAY
    return "" if letter in row.refused else MAY


def _status(status: int | None) -> str:
    return "" if status is None else str(status)


def _write() -> None:
    before, begin, rest = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    DOCUMENT.write_text(f"{before}{begin}{table()}{end}{after}", encoding="utf-8")


if __name__ == "__main__":
    _write()
