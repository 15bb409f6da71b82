"""The project's own files, as the tidiness tests look at them: parsed, with their place."""

import ast
import io
import subprocess
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "infusion_service"

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Module:
    """One Python file."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        """The file, from the project's root."""
        return self.path.relative_to(ROOT).as_posix()

    @property
    def lines(self) -> list[str]:
        """The file's lines, without their ends."""
        return self.text.splitlines()

    def functions(self) -> Iterator[Function]:
        """Yield every function and method, nested ones too."""
        for node in ast.walk(self.tree):
            if isinstance(node, Function):
                yield node

    def code_lines(self, function: Function) -> int:
        """Count the lines of `function` that hold code: no docstring, no comment, no blank line."""
        last = function.end_lineno or function.lineno
        docstring = _docstring_lines(function)
        return len({number for number in _lines_of_code(self.text) if function.lineno <= number <= last} - docstring)

    def comment_above(self, definition: Definition) -> str:
        """Return the comment that stands directly above `definition` and its decorators, or nothing."""
        first = min([definition.lineno, *(decorator.lineno for decorator in definition.decorator_list)])
        above = self.lines[first - 2].strip() if first > 1 else ""
        return above.lstrip("#").strip() if above.startswith("#") else ""


@cache
def modules(folder: Path) -> tuple[Module, ...]:
    """Return every Python file below `folder`, parsed."""
    paths = sorted(path for path in folder.rglob("*.py") if "__pycache__" not in path.parts)
    return tuple(_module(path) for path in paths)


def package() -> tuple[Module, ...]:
    """Return every module of the package."""
    return modules(PACKAGE)


def everything() -> tuple[Module, ...]:
    """Return every Python file of the project: package, tests, benchmarks, examples."""
    folders = ("infusion_service", "tests", "bench", "examples", "docs")
    return tuple(module for folder in folders for module in modules(ROOT / folder))


@cache
def tracked_files() -> tuple[Path, ...]:
    """Return what git knows here: tracked, or new and not ignored."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    paths = (ROOT / name for name in listing.stdout.split("\0") if name)
    return tuple(path for path in paths if path.is_file())


def _module(path: Path) -> Module:
    text = path.read_text(encoding="utf-8")
    return Module(path=path, text=text, tree=ast.parse(text, filename=str(path)))


def _docstring_lines(function: Function) -> set[int]:
    first = function.body[0]
    if ast.get_docstring(function) is None:
        return set()
    return set(range(first.lineno, (first.end_lineno or first.lineno) + 1))


@cache
def _lines_of_code(text: str) -> frozenset[int]:
    silent = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    numbers: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in silent:
            numbers.update(range(token.start[0], token.end[0] + 1))
    return frozenset(numbers)
