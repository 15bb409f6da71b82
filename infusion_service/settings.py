"""What the operator decides, once, before the service starts.

`load_settings` reads one TOML file, lays the environment over it and refuses anything it does not understand, all
problems at once. The documented list of keys is `config/default.toml`; a test holds it equal to the defaults here.
Nothing in here is a secret: keys, tokens and PINs never stand in a settings file.

Not here: clinical limits (they are in the workflow file) and anything that changes while the service runs.
"""

import difflib
import hashlib
import ipaddress
import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from infusion_service import packaged
from infusion_service import setting_values as read
from infusion_service.limits import Limits
from infusion_service.setting_values import Reader, Unreadable, did_you_mean

ClockKind = Literal["real", "simulated"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ward:
    """A ward of the site: whose wall clock a day follows and when a day nobody came to counts as missed."""

    id: str
    name: str
    timezone: str
    """IANA name, such as Europe/Paris."""
    missed_cutoff: str = "12:00"
    """Wall time HH:MM in `timezone`; copied into each day when it is scheduled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything the bootstrap needs to know to open the service. Build it by `load_settings`, or by hand in tests."""

    site: str = "demo"
    """The tenant: key of every table, and part of every leaf of the log. It can never be renamed."""
    clock: ClockKind = "real"
    clock_start: datetime | None = None
    """Where a simulated clock begins; None: now."""
    host: str = "127.0.0.1"
    port: int = 8080
    """TCP port; 0 picks a free one."""
    behind_proxy: bool = False
    """Somebody in front of us speaks TLS to the ward."""
    tls_certificate_file: Path | None = None
    tls_key_file: Path | None = None
    database: Path = Path("infusion.db")
    oidc_issuer: str | None = None
    """Whose signed tokens are taken beside our own, exactly as their `iss` says it; None: nobody's."""
    oidc_audience: str = ""
    oidc_keys_url: str = ""
    """Where the issuer's public keys are (JWKS)."""
    oidc_algorithms: tuple[str, ...] = ("ES256", "RS256")
    oidc_roles_claim: str = "roles"
    """Claim with a person's groups; dots lead into it (`realm_access.roles`)."""
    oidc_roles: tuple[str, ...] = ()
    """`group=role`: what a group of the issuer may do here."""
    oidc_wards_claim: str = ""
    """Claim with the wards an office is narrowed to; empty: it is not narrowed."""
    checkpoint_dir: Path | None = None
    """Where signed checkpoints are kept, outside the database; None: `checkpoints` beside it."""
    verify_at: str | None = "03:00"
    """When the whole log is verified every day, in the first ward's time zone; None: never by itself."""
    workflows_dir: Path = field(default_factory=packaged.workflows_dir)
    log_json: bool = False
    log_level: str = "info"
    delivery_networks: tuple[str, ...] = ()
    """Networks (CIDR) endpoints may be in. Empty: nothing is delivered."""
    delivery_plain_networks: tuple[str, ...] = ()
    """Networks in which endpoints may be reached without TLS."""
    delivery_ports: tuple[int, ...] = (443,)
    delivery_host_suffixes: tuple[str, ...] = ()
    """What names of endpoints must end in; empty: any name, as long as its address is allowed."""
    delivery_public_url: str | None = None
    """The address this service is known by, part of every body delivered; None: https://<site>."""
    delivery_two_persons: bool = False
    """A new or re-pointed endpoint waits until a second person enables it."""
    limits: Limits = field(default_factory=Limits)
    wards: tuple[Ward, ...] = (Ward(id="neuro-day", name="Neurology day ward", timezone="Europe/Paris"),)

    def ward(self, ward_id: str) -> Ward | None:
        """Return the ward of this id, or None where the site has none such."""
        return next((ward for ward in self.wards if ward.id == ward_id), None)

    @property
    def checkpoints(self) -> Path:
        """The directory of checkpoints."""
        return self.checkpoint_dir or self.database.parent / "checkpoints"

    @property
    def tls(self) -> bool:
        """Whether the service itself speaks TLS."""
        return self.tls_certificate_file is not None and self.tls_key_file is not None

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the service."""
        return is_loopback(self.host)


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingProblem:
    """One thing wrong with the settings: where, what, and what to write instead."""

    where: str
    """A file's key (`limits.body_bytes_max`) or the name of an environment variable."""
    problem: str
    remedy: str

    def __str__(self) -> str:
        """Return the problem as one line for a terminal."""
        return f"{self.where}: {self.problem}. {self.remedy}"


class SettingsInvalid(Exception):
    """The settings cannot be used; `problems` names everything that is wrong with them."""

    def __init__(self, problems: tuple[SettingProblem, ...]) -> None:
        """Keep `problems`, in the order in which they were found."""
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


def load_settings(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """Read the settings file `path` (None: none, all defaults) and lay `environ` over it.

    A variable is named INFUSION_<SECTION>_<KEY>; an empty one counts as not set. Relative paths in the
    file are relative to the file, others to the working directory. Raises SettingsInvalid with all that is wrong.
    """
    return _read(path, environ)[0]


@dataclass(frozen=True, slots=True)
class Origin:
    """One setting in force, and where its value came from."""

    key: str
    value: object
    """As it goes into `configuration_hash`; None: not set."""
    source: str
    """`default`, the file's path, or the name of the variable."""


def origins(path: Path | None, environ: Mapping[str, str]) -> list[Origin]:
    """Return every setting with its value and where that came from. Reads and raises as `load_settings`."""
    settings, sources = _read(path, environ)
    found = []
    for key, (attribute, _) in _KEYS.items():
        holder = settings.limits if key.startswith("limits.") else settings
        found.append(Origin(key, _printable(getattr(holder, attribute)), sources.get(key, DEFAULT)))
    return [*found, Origin("wards", [ward.id for ward in settings.wards], sources.get("wards", DEFAULT))]


def _read(path: Path | None, environ: Mapping[str, str]) -> tuple[Settings, dict[str, str]]:
    reading = _Reading()
    if path is not None:
        reading.read_file(path)
    reading.read_environment(environ)
    if reading.problems:
        raise SettingsInvalid(tuple(reading.problems))
    settings = Settings(**reading.values, limits=Limits(**reading.limits))
    if problems := setting_conflicts(settings):
        raise SettingsInvalid(problems)
    return settings, reading.sources


def setting_conflicts(settings: Settings) -> tuple[SettingProblem, ...]:
    """Return what is wrong between settings that are fine one by one; empty where they go together."""
    problems = []
    if (settings.tls_certificate_file is None) != (settings.tls_key_file is None):
        problems.append(
            SettingProblem(
                where="http.tls_certificate_file",
                problem="a certificate needs its key and a key its certificate",
                remedy="Set http.tls_certificate_file and http.tls_key_file together.",
            )
        )
    # PINs and patients would cross the ward's network in the clear.
    if not (settings.loopback or settings.tls or settings.behind_proxy):
        problems.append(
            SettingProblem(
                where="http.host",
                problem=f"{settings.host} can be reached by other machines, and nothing speaks TLS",
                remedy="Set the TLS files, or http.behind_proxy = true where a proxy does, or bind 127.0.0.1.",
            )
        )
    if settings.clock_start is not None and settings.clock != "simulated":
        problems.append(
            SettingProblem(
                where="clock.start",
                problem="the real clock starts where it is",
                remedy='Set clock.kind = "simulated" or leave clock.start out.',
            )
        )
    return (*problems, *_oidc_conflicts(settings))


def _oidc_conflicts(settings: Settings) -> Iterable[SettingProblem]:
    if settings.oidc_issuer is None:
        return
    for key in ("audience", "keys_url", "roles"):
        if not getattr(settings, f"oidc_{key}"):
            remedy = f"Set oidc.{key}, or leave oidc.issuer out."
            yield SettingProblem(where=f"oidc.{key}", problem="an issuer is named and this is not", remedy=remedy)
    address = urlsplit(settings.oidc_keys_url)
    # Who can change the keys on their way here can be anybody.
    if settings.oidc_keys_url and address.scheme != "https" and not is_loopback(address.hostname or ""):
        yield SettingProblem(
            where="oidc.keys_url", problem="keys would be fetched in the clear", remedy="Write an https:// address."
        )


def is_loopback(host: str) -> bool:
    """Whether `host` is reachable from this machine alone; a name other than localhost is taken for reachable."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def configuration_hash(settings: Settings) -> str:
    """Return `sha256:<hex>` over all settings; it goes into the log with every start."""
    values = {item.name: _printable(getattr(settings, item.name)) for item in fields(settings)}
    canonical = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()


def _printable(value: object) -> object:
    if isinstance(value, Limits):
        return {item.name: getattr(value, item.name) for item in fields(value)}
    if isinstance(value, tuple):
        return [_printable(item) for item in value]
    if isinstance(value, Ward):
        return {item.name: getattr(value, item.name) for item in fields(value)}
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return str(value) if isinstance(value, Path) else value


DEFAULT = "default"
_PORT_MAX = 65535
_KEYS: Mapping[str, tuple[str, Reader]] = {
    "site.name": ("site", read.identifier),
    "clock.kind": ("clock", read.one_of("real", "simulated")),
    "clock.start": ("clock_start", read.moment),
    "http.host": ("host", read.text),
    "http.port": ("port", read.whole(0, _PORT_MAX)),
    "http.behind_proxy": ("behind_proxy", read.truth),
    "http.tls_certificate_file": ("tls_certificate_file", read.path),
    "http.tls_key_file": ("tls_key_file", read.path),
    "oidc.issuer": ("oidc_issuer", read.text),
    "oidc.audience": ("oidc_audience", read.text),
    "oidc.keys_url": ("oidc_keys_url", read.text),
    "oidc.algorithms": ("oidc_algorithms", read.signature_algorithms),
    "oidc.roles_claim": ("oidc_roles_claim", read.text),
    "oidc.roles": ("oidc_roles", read.group_roles),
    "oidc.wards_claim": ("oidc_wards_claim", read.text),
    "storage.database": ("database", read.path),
    "storage.checkpoint_dir": ("checkpoint_dir", read.path),
    "storage.verify_at": ("verify_at", read.wall_time_or_never),
    "workflows.directory": ("workflows_dir", read.path),
    "delivery.networks": ("delivery_networks", read.networks),
    "delivery.plain_networks": ("delivery_plain_networks", read.networks),
    "delivery.ports": ("delivery_ports", read.ports),
    "delivery.host_suffixes": ("delivery_host_suffixes", read.host_suffixes),
    "delivery.public_url": ("delivery_public_url", read.web_address),
    "delivery.two_persons": ("delivery_two_persons", read.truth),
    "logs.json": ("log_json", read.truth),
    "logs.level": ("log_level", read.one_of("debug", "info", "warning", "error")),
    **{f"limits.{item.name}": (item.name, read.whole(1)) for item in fields(Limits)},
}
"""Each key of the file with the attribute it sets (of Limits in section `limits`, else of Settings)."""

_WARD_KEYS: Mapping[str, Reader] = {
    "id": read.identifier,
    "name": read.text,
    "timezone": read.time_zone,
    "missed_cutoff": read.wall_time,
}
_SECTIONS = ("site", "clock", "http", "oidc", "storage", "workflows", "delivery", "logs", "limits", "wards")
_PREFIX = "INFUSION_"
_VARIABLES: Mapping[str, str] = {_PREFIX + key.replace(".", "_").upper(): key for key in _KEYS}
_LIKENESS_MIN = 0.8
"""How like a known name (difflib's ratio) a variable must be to count as a slip of the pen; others are not ours."""


class _Reading:
    """What has been read so far, and everything found wrong with it."""

    def __init__(self) -> None:
        self.problems: list[SettingProblem] = []
        self.values: dict[str, Any] = {}
        self.limits: dict[str, int] = {}
        self.sources: dict[str, str] = {}

    def read_file(self, path: Path) -> None:
        try:
            document = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            self._note(str(path), f"cannot be read ({error.strerror})", "Name a file that exists.")
            return
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            self._note(str(path), f"is not TOML ({error})", "Mend the line it names.")
            return
        for section, content in document.items():
            if section == "wards":
                self._read_wards(content)
                self.sources["wards"] = str(path)
            elif section not in _SECTIONS or not isinstance(content, dict):
                self._unknown(section, _SECTIONS)
            else:
                for key, value in content.items():
                    self._read_key(f"{section}.{key}", value, directory=path.parent)
                    self.sources[f"{section}.{key}"] = str(path)

    def read_environment(self, environ: Mapping[str, str]) -> None:
        for name, value in sorted(environ.items()):
            if key := _VARIABLES.get(name):
                if value:
                    self._set(name, key, value)
                    self.sources[key] = name
            elif name.startswith(tuple(f"{_PREFIX}{section.upper()}_" for section in _SECTIONS)) or _misspelt(name):
                self._unknown(name, _VARIABLES)

    def _read_key(self, key: str, value: object, *, directory: Path) -> None:
        if key not in _KEYS:
            section = key.partition(".")[0]
            self._unknown(key, [known for known in _KEYS if known.startswith(section)])
            return
        attribute, reader = _KEYS[key]
        self._set(key, key, value)
        if reader is read.path and attribute in self.values:
            self.values[attribute] = directory / self.values[attribute]

    def _set(self, where: str, key: str, value: object) -> None:
        attribute, reader = _KEYS[key]
        target = self.limits if key.startswith("limits.") else self.values
        try:
            target[attribute] = reader(value)
        except Unreadable as error:
            self._note(where, error.problem, error.remedy)

    def _read_wards(self, content: object) -> None:
        if not isinstance(content, list) or not all(isinstance(ward, dict) for ward in content) or not content:
            self._note("wards", "is not a list of wards", "Write one [[wards]] table for each, at least one.")
            return
        wards = [self._read_ward(f"wards[{position}]", ward) for position, ward in enumerate(content)]
        ids = [ward.id for ward in wards if ward is not None]
        for twice in sorted({ward_id for ward_id in ids if ids.count(ward_id) > 1}):
            self._note("wards", f"the id {twice!r} is there twice", "Give each ward its own id.")
        self.values["wards"] = tuple(ward for ward in wards if ward is not None)

    def _read_ward(self, where: str, content: Mapping[str, object]) -> Ward | None:
        found: dict[str, str] = {}
        before = len(self.problems)
        for key, value in content.items():
            if key not in _WARD_KEYS:
                self._unknown(f"{where}.{key}", [f"{where}.{known}" for known in _WARD_KEYS])
                continue
            try:
                found[key] = _WARD_KEYS[key](value)
            except Unreadable as error:
                self._note(f"{where}.{key}", error.problem, error.remedy)
        for key in ("id", "name", "timezone"):
            if key not in content:
                self._note(where, f"has no {key}", f"Write {key} = ...")
        return Ward(**found) if len(self.problems) == before else None

    def _unknown(self, where: str, known: Iterable[str]) -> None:
        hint = did_you_mean(where, known) or " config/default.toml lists what there is."
        self._note(where, "is not a setting", f"Take it out or correct it.{hint}")

    def _note(self, where: str, problem: str, remedy: str) -> None:
        self.problems.append(SettingProblem(where=where, problem=problem, remedy=remedy))


def _misspelt(name: str) -> bool:
    if not name.startswith(_PREFIX):
        return False
    known = [variable.removeprefix(_PREFIX) for variable in _VARIABLES]
    return bool(difflib.get_close_matches(name.removeprefix(_PREFIX), known, n=1, cutoff=_LIKENESS_MIN))
