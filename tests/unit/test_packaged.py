"""The files that travel with the program are found in a checkout and in an installed wheel alike."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from infusion_service import packaged

ROOT = Path(__file__).parents[2]


def test_a_checkout_has_them_beside_the_package() -> None:
    assert packaged.workflows_dir() == ROOT / "workflows"
    assert packaged.config_dir() == ROOT / "config"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a wheel built from this checkout by the locked build backend, without a network."""
    out = tmp_path_factory.mktemp("wheel")
    build = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", build, str(out)], cwd=ROOT, check=True, capture_output=True, text=True, timeout=50
    )
    return out / done.stdout.split()[-1]


def test_a_wheel_carries_workflows_settings_statements_and_pages(wheel: Path) -> None:
    carried = set(zipfile.ZipFile(wheel).namelist())
    for source, target in (
        ("workflows", "infusion_service/shipped/workflows"),
        ("config", "infusion_service/shipped/config"),
        ("infusion_service/log/sql", "infusion_service/log/sql"),
        ("infusion_service/web/static", "infusion_service/web/static"),
    ):
        files = [path.relative_to(ROOT / source) for path in (ROOT / source).rglob("*") if path.is_file()]
        missing = [f"{target}/{path.as_posix()}" for path in files if f"{target}/{path.as_posix()}" not in carried]
        assert not missing
    assert "infusion_service/py.typed" in carried


def test_an_installed_wheel_finds_what_it_carries(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    ask = "from infusion_service import packaged; print(packaged.workflows_dir(), packaged.config_dir())"
    found = subprocess.run(
        [sys.executable, "-c", ask], cwd=tmp_path, check=True, capture_output=True, text=True, timeout=50
    )
    shipped = tmp_path / "infusion_service" / "shipped"
    assert found.stdout.split() == [str(shipped / "workflows"), str(shipped / "config")]
