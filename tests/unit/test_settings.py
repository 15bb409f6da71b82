"""Settings: what is read, what goes before what, and that nothing misunderstood is ever let through."""

import itertools
import re
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from infusion_service import packaged
from infusion_service.limits import Limits
from infusion_service.settings import (
    SettingProblem,
    Settings,
    SettingsInvalid,
    Ward,
    configuration_hash,
    is_loopback,
    load_settings,
)

DEFAULT_FILE = packaged.config_dir() / "default.toml"

A_WARD = """
[[wards]]
id = "neuro"
name = "Neurology"
timezone = "Europe/Berlin"
"""


def written(tmp_path: Path, text: str) -> Path:
    """Return a settings file holding `text`."""
    path = tmp_path / "infusion.toml"
    path.write_text(text, encoding="utf-8")
    return path


def problems_of(path: Path | None, environ: Mapping[str, str]) -> dict[str, SettingProblem]:
    """Return what the settings are refused for, by place."""
    with pytest.raises(SettingsInvalid) as refused:
        load_settings(path, environ)
    return {problem.where: problem for problem in refused.value.problems}


def test_the_documented_defaults_are_the_defaults() -> None:
    assert load_settings(DEFAULT_FILE, {}) == Settings() == load_settings(None, {})


def test_every_limit_is_documented_with_its_default() -> None:
    documented = tomllib.loads(DEFAULT_FILE.read_text(encoding="utf-8"))["limits"]
    assert documented == {name: getattr(Limits(), name) for name in Limits.__dataclass_fields__}


def test_every_key_of_the_default_file_stands_below_a_comment() -> None:
    lines = DEFAULT_FILE.read_text(encoding="utf-8").splitlines()
    for before, line in itertools.pairwise(lines):
        if re.match(r"(# )?[a-z_]+ = ", line):
            assert before.startswith("#") or re.match(r"[a-z_]+ = ", before), f"{line} is not explained"


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, "[http]\nport = 9000\n[limits]\nbatch_items_max = 7\n")
    settings = load_settings(path, {"INFUSION_HTTP_PORT": "9001", "INFUSION_SITE_NAME": "st-anna", "HOME": "/"})
    assert (settings.port, settings.site, settings.limits.batch_items_max) == (9001, "st-anna", 7)


def test_an_empty_variable_counts_as_not_set() -> None:
    assert load_settings(None, {"INFUSION_HTTP_PORT": ""}).port == Settings().port


@pytest.mark.parametrize(
    ("text", "where", "suggestion"),
    [
        ("[http]\nprot = 1\n", "http.prot", "http.port"),
        ("[htp]\nport = 1\n", "htp", "http"),
        ("port = 1\n", "port", "config/default.toml"),
        ("[limits]\nbody_byte_max = 1\n", "limits.body_byte_max", "limits.body_bytes_max"),
        (A_WARD + 'time_zone = "UTC"\n', "wards[0].time_zone", "wards[0].timezone"),
    ],
)
def test_an_unknown_key_is_refused_with_a_suggestion(tmp_path: Path, text: str, where: str, suggestion: str) -> None:
    problem = problems_of(written(tmp_path, text), {})[where]
    assert suggestion in problem.remedy


@pytest.mark.parametrize("name", ["INFUSION_HTTP_PROT", "INFUSION_HTPP_PORT", "INFUSION_LIMITS_BODY"])
def test_a_mistyped_variable_is_refused_with_a_suggestion(name: str) -> None:
    assert "Did you mean INFUSION_" in problems_of(None, {name: "1"})[name].remedy


def test_other_peoples_variables_are_none_of_our_business() -> None:
    # What an orchestrator sets for a service that it calls "infusion", and what our own commands read.
    others = {
        "INFUSION_SERVICE_HOST": "10.0.0.1",
        "INFUSION_PORT_8080_TCP": "tcp://10.0.0.1:8080",
        "INFUSION_TOKEN": "t",
    }
    assert load_settings(None, others) == Settings()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("http.port", "70000"),
        ("http.port", "true"),
        ("http.port", '"eighty"'),
        ("http.behind_proxy", '"yes"'),
        ("http.host", '""'),
        ("site.name", '"St Anna"'),
        ("clock.kind", '"fast"'),
        ("clock.start", '"2026-11-23T07:00:00"'),
        ("clock.start", '"soon"'),
        ("limits.batch_items_max", "0"),
        ("limits.batch_items_max", "1.5"),
        ("logs.level", '"loud"'),
        ("storage.database", "7"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_its_place(tmp_path: Path, key: str, value: str) -> None:
    section, _, name = key.partition(".")
    problem = problems_of(written(tmp_path, f"[{section}]\n{name} = {value}\n"), {})[key]
    assert problem.remedy
    assert key in str(problem)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    path = written(tmp_path, '[http]\nport = -1\n[site]\nname = ""\n')
    assert set(problems_of(path, {"INFUSION_LOGS_LEVEL": "loud"})) == {"http.port", "site.name", "INFUSION_LOGS_LEVEL"}


def test_a_file_that_is_missing_or_broken_is_refused(tmp_path: Path) -> None:
    missing = tmp_path / "missing.toml"
    assert str(missing) in problems_of(missing, {})
    broken = written(tmp_path, "[http\n")
    assert "is not TOML" in problems_of(broken, {})[str(broken)].problem


def test_a_path_in_the_file_is_relative_to_the_file(tmp_path: Path) -> None:
    settings = load_settings(written(tmp_path, '[storage]\ndatabase = "data/i.db"\n'), {})
    assert settings.database == tmp_path / "data" / "i.db"


def test_a_path_in_the_environment_is_taken_as_it_is(tmp_path: Path) -> None:
    path = written(tmp_path, '[storage]\ndatabase = "i.db"\n')
    settings = load_settings(path, {"INFUSION_STORAGE_DATABASE": "/srv/i.db"})
    assert settings.database == Path("/srv/i.db")


def test_wards_are_read_with_their_cut_off(tmp_path: Path) -> None:
    settings = load_settings(written(tmp_path, A_WARD + 'missed_cutoff = "11:30"\n'), {})
    assert settings.wards == (Ward(id="neuro", name="Neurology", timezone="Europe/Berlin", missed_cutoff="11:30"),)
    assert settings.ward("neuro") == settings.wards[0]
    assert settings.ward("cardio") is None


@pytest.mark.parametrize(
    ("text", "where", "word"),
    [
        (A_WARD.replace("Berlin", "Berlim"), "wards[0].timezone", "Europe/Berlin"),
        (A_WARD + 'missed_cutoff = "24:00"\n', "wards[0].missed_cutoff", "24:00"),
        (A_WARD.replace('"neuro"', '"Neuro 1"'), "wards[0].id", "Neuro 1"),
        ('[[wards]]\nid = "neuro"\nname = "N"\n', "wards[0]", "timezone"),
        (A_WARD + A_WARD, "wards", "twice"),
        ("wards = []\n", "wards", "at least one"),
        ("wards = 3\n", "wards", "at least one"),
    ],
)
def test_a_ward_that_could_not_keep_time_is_refused(tmp_path: Path, text: str, where: str, word: str) -> None:
    assert word in str(problems_of(written(tmp_path, text), {})[where])


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "ward.example"])
def test_other_machines_are_not_let_in_without_tls(host: str) -> None:
    assert "http.host" in problems_of(None, {"INFUSION_HTTP_HOST": host})
    assert load_settings(None, {"INFUSION_HTTP_HOST": host, "INFUSION_HTTP_BEHIND_PROXY": "true"}).behind_proxy
    tls = {"INFUSION_HTTP_TLS_CERTIFICATE_FILE": "c.pem", "INFUSION_HTTP_TLS_KEY_FILE": "k.pem"}
    assert load_settings(None, {"INFUSION_HTTP_HOST": host, **tls}).tls


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_this_machine_alone_needs_no_tls(host: str) -> None:
    assert is_loopback(host)
    assert load_settings(None, {"INFUSION_HTTP_HOST": host}).loopback


def test_half_of_tls_is_refused() -> None:
    assert "http.tls_certificate_file" in problems_of(None, {"INFUSION_HTTP_TLS_KEY_FILE": "k.pem"})


def test_only_a_simulated_clock_can_be_set() -> None:
    start = {"INFUSION_CLOCK_START": "2026-11-23T08:00:00+01:00"}
    assert "clock.start" in problems_of(None, start)
    settings = load_settings(None, {**start, "INFUSION_CLOCK_KIND": "simulated"})
    assert settings.clock_start == datetime(2026, 11, 23, 7, tzinfo=UTC)


def test_a_moment_may_be_written_without_quotes(tmp_path: Path) -> None:
    path = written(tmp_path, '[clock]\nkind = "simulated"\nstart = 2026-11-23T07:00:00Z\n')
    assert load_settings(path, {}).clock_start == datetime(2026, 11, 23, 7, tzinfo=UTC)


def test_the_configuration_hash_changes_with_any_setting(tmp_path: Path) -> None:
    other_ward = load_settings(written(tmp_path, A_WARD), {})
    simulated = load_settings(
        None, {"INFUSION_CLOCK_KIND": "simulated", "INFUSION_CLOCK_START": "2026-11-23T07:00:00Z"}
    )
    other_limit = load_settings(None, {"INFUSION_LIMITS_BATCH_ITEMS_MAX": "9"})
    hashes = {configuration_hash(settings) for settings in (Settings(), other_ward, simulated, other_limit)}
    assert len(hashes) == 4
    assert configuration_hash(Settings()) == configuration_hash(Settings())
