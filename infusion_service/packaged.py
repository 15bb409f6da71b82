"""The files that travel with the program: `workflows/` and `config/`.

A wheel carries them inside the package, under `shipped/`; a checkout has them beside the package. This module is the
only one that knows. It reads nothing: it says where to look.
"""

from pathlib import Path

_PACKAGE = Path(__file__).parent


class NotPackaged(Exception):
    """The installation is broken: a directory that every wheel carries is not there."""


def workflows_dir() -> Path:
    """Return the directory of released workflow files. Raises NotPackaged."""
    return _shipped("workflows")


def config_dir() -> Path:
    """Return the directory of `default.toml`, the documented default settings. Raises NotPackaged."""
    return _shipped("config")


def _shipped(name: str) -> Path:
    candidates = (_PACKAGE / "shipped" / name, _PACKAGE.parent / name)
    for candidate in candidates:
        if candidate.is_dir():
            return candidate
    raise NotPackaged(f"no {name}/ in {' or '.join(str(candidate.parent) for candidate in candidates)}: reinstall")
