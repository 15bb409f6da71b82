"""The container files: no engine runs them here, so everything that can be judged without one is judged.

The Compose specification's JSON Schema (Apache-2.0) comes with the locked `check-jsonschema`; it is not copied here.
"""

import fnmatch
import json
import re
import shlex
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from infusion_service.settings import Settings, load_settings

ROOT = Path(__file__).parents[2]
UID_MIN = 10000
"""Below this a number may belong to somebody on the host."""


def seconds(duration: str) -> int:
    """Return the seconds of a duration such as 30s."""
    assert duration.endswith("s")
    return int(duration.removesuffix("s"))


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """Return docker-compose.yml, read."""
    read = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    assert isinstance(read, dict)
    return read


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    """Return the Compose specification's schema."""
    place = resources.files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
    read = json.loads(place.read_text(encoding="utf-8"))
    assert isinstance(read, dict)
    return read


@pytest.fixture(scope="module")
def instructions() -> list[tuple[str, str]]:
    """Return the Dockerfile's instructions in order, continued lines joined, comments left out."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    kept = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    joined = re.sub(r"\\\n\s*", " ", kept)
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line)]


def test_the_compose_file_obeys_the_compose_specification(compose: dict[str, Any], schema: dict[str, Any]) -> None:
    jsonschema.validators.validator_for(schema)(schema).validate(compose)


def test_the_specification_would_have_found_a_slip(compose: dict[str, Any], schema: dict[str, Any]) -> None:
    slipped = json.loads(json.dumps(compose))
    slipped["services"]["infusion"]["read_onyl"] = True
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validators.validator_for(schema)(schema).validate(slipped)


@pytest.mark.parametrize("service", ["infusion", "demo"])
def test_a_container_can_do_no_more_than_it_must(compose: dict[str, Any], service: str) -> None:
    given = compose["services"][service]
    assert given["read_only"] is True
    assert given["cap_drop"] == ["ALL"]
    assert "cap_add" not in given
    assert "privileged" not in given
    assert "no-new-privileges:true" in given["security_opt"]
    assert given["init"] is True
    assert any(mount.startswith("/tmp") for mount in given["tmpfs"])
    assert given["pids_limit"]
    assert given["mem_limit"]


@pytest.mark.parametrize("service", ["infusion", "demo"])
def test_a_port_is_published_to_this_machine_alone(compose: dict[str, Any], service: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in compose["services"][service]["ports"])


@pytest.mark.parametrize("service", ["infusion", "demo"])
def test_a_container_gets_longer_to_stop_than_we_take_to_drain(compose: dict[str, Any], service: str) -> None:
    assert seconds(compose["services"][service]["stop_grace_period"]) > Settings().limits.drain_s_max


@pytest.mark.parametrize("service", ["infusion", "demo"])
def test_health_is_asked_often_enough_to_matter(compose: dict[str, Any], service: str) -> None:
    check = compose["services"][service]["healthcheck"]
    assert check["test"] == ["CMD", "infusion", "check", "--ready"]
    assert seconds(check["interval"]) <= 10


def test_the_database_is_on_a_volume(compose: dict[str, Any], instructions: list[tuple[str, str]]) -> None:
    mounts = [volume.partition(":")[2] for volume in compose["services"]["infusion"]["volumes"]]
    assert str(image_settings(instructions, compose).database.parent) in mounts
    named = {volume.partition(":")[0] for volume in compose["services"]["infusion"]["volumes"]}
    assert named == set(compose["volumes"])


def test_the_image_carries_the_version_that_it_is_tagged_with(compose: dict[str, Any]) -> None:
    from infusion_service import __version__

    assert compose["services"]["infusion"]["image"].endswith(f":{__version__}")


def image_settings(instructions: list[tuple[str, str]], compose: dict[str, Any]) -> Settings:
    """Return the settings a container of the service starts with: the image's variables, then the compose file's."""
    environ: dict[str, str] = {}
    for word, rest in instructions:
        if word == "ENV":
            environ.update(dict(pair.split("=", 1) for pair in shlex.split(rest)))
    environ.update(compose["services"]["infusion"]["environment"])
    return load_settings(None, environ)


def test_the_variables_of_image_and_compose_file_are_settings(
    instructions: list[tuple[str, str]], compose: dict[str, Any]
) -> None:
    settings = image_settings(instructions, compose)
    assert settings.behind_proxy
    assert not settings.loopback
    exposed = [int(rest) for word, rest in instructions if word == "EXPOSE"]
    assert exposed == [settings.port]


def test_the_image_is_built_in_two_stages_from_a_pinned_python(instructions: list[tuple[str, str]]) -> None:
    stages = [rest.split()[0] for word, rest in instructions if word == "FROM"]
    assert len(stages) == 2
    assert all(re.fullmatch(r"python:3\.\d+-slim", stage) for stage in stages)


def test_the_image_runs_as_nobody_of_importance(instructions: list[tuple[str, str]]) -> None:
    words = [word for word, _ in instructions]
    (user,) = [rest for word, rest in instructions if word == "USER"]
    assert all(int(number) > UID_MIN for number in user.split(":"))
    assert words.index("USER") < words.index("CMD")


def test_the_image_asks_for_its_health(instructions: list[tuple[str, str]]) -> None:
    (check,) = [rest for word, rest in instructions if word == "HEALTHCHECK"]
    assert json.loads(check.partition("CMD ")[2]) == ["infusion", "check", "--ready"]
    assert "--interval=10s" in check


def test_everything_is_installed_by_hash_or_from_this_checkout(instructions: list[tuple[str, str]]) -> None:
    installs = [
        part for word, rest in instructions if word == "RUN" for part in rest.split("&&") if "pip install" in part
    ]
    assert len(installs) == 3
    assert all("--require-hashes" in part or "--no-index" in part for part in installs)
    assert not [rest for word, rest in instructions if word == "ADD"]


def test_what_the_image_copies_is_there_and_not_ignored(instructions: list[tuple[str, str]]) -> None:
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    allowed = [line.removeprefix("!") for line in ignore if line.startswith("!")]
    assert "*" in ignore
    for word, rest in instructions:
        if word == "COPY" and not rest.startswith("--from"):
            for source in rest.split()[:-1]:
                assert (ROOT / source).exists(), source
                assert any(fnmatch.fnmatch(source, pattern) for pattern in allowed), source
