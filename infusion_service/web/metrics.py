"""Figures for Prometheus: units in the names, no label that could hold a patient or a person.

Promises: a registry of its own per application, so that two services in one process do not mix. Does not: measure what
the log already says (facts, states), beyond counting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from shutil import disk_usage

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from infusion_service import __version__
from infusion_service.delivery.figures import EndpointFigures
from infusion_service.intake.writer import Tally
from infusion_service.log.soundness import Soundness

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Metrics:
    """Counters and gauges of one running service."""

    def __init__(self, *, log_entries: Callable[[], int], intake_queue: Callable[[], int]) -> None:
        """Read the two gauges of the log when asked for them."""
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "infusion_http_requests", "HTTP requests answered", ("route", "method", "status"), registry=self.registry
        )
        self._durations = Histogram(
            "infusion_http_request_duration_seconds",
            "Time from request to answer",
            ("route", "method"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._facts = Counter(
            "infusion_facts", "Facts handed in over HTTP, by what became of them", ("result",), registry=self.registry
        )
        self.streams = Gauge("infusion_streams", "Clients reading the live stream", registry=self.registry)
        self._sign_ins = Counter("infusion_sign_ins", "Attempts to sign in", ("result",), registry=self.registry)
        self._gauge("infusion_log_entries", "Entries in the log", log_entries)
        self._gauge("infusion_intake_queue_submissions", "Submissions waiting for the writer", intake_queue)
        self._watch_lateness = Gauge(
            "infusion_watch_lateness_seconds",
            "Age of the oldest moment that fell due and was not looked at yet",
            registry=self.registry,
        )
        build = Gauge("infusion_build_info", "The software running", ("version",), registry=self.registry)
        build.labels(__version__).set(1)
        self._answered: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._results: dict[str, Counter] = {}
        self._deliveries = _Deliveries()
        self.registry.register(self._deliveries)

    def watch_alarm_budget(
        self,
        alerts_raised: Callable[[], Mapping[tuple[str, str], int]],
        patient_hours: Callable[[], Mapping[str, float]],
    ) -> None:
        """Show how many alerts a ward is given for each hour of a patient under way (`intake.alarm_budget`)."""
        self.registry.register(_AlarmBudget(alerts_raised, patient_hours))

    def watch_clock(self, doubt: Callable[[], str]) -> None:
        """Show whether the clock waits for a person to confirm it (`intake.clock_doubt`)."""
        self._gauge("infusion_clock_in_doubt", "1 while the clock waits to be confirmed", lambda: int(bool(doubt())))

    def watch_commits(self, tally: Callable[[], Tally]) -> None:
        """Show what the writer has committed, and how long that took."""
        self.registry.register(_Commits(tally))

    def watch_files(self, database: Path) -> None:
        """Show the sizes of database and write-ahead log, and the room left beside them."""
        for name, reading in files_of(database).items():
            self._gauge(f"infusion_{name}", _FILES[name], reading)

    def watch_soundness(self, soundness: Soundness) -> None:
        """Show what the last verification of the whole log found; nothing before the first."""
        self.registry.register(_Verified(soundness))

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one answered request. `route` is the route's pattern, never an address."""
        key = (route, method, status)
        children = self._answered.get(key)
        if children is None:
            children = (self._requests.labels(route, method, str(status)), self._durations.labels(route, method))
            self._answered[key] = children
        children[0].inc()
        children[1].observe(seconds)

    def fact(self, result: str) -> None:
        """Count one fact as accepted, duplicate or refused."""
        child = self._results.get(result)
        if child is None:
            child = self._results[result] = self._facts.labels(result)
        child.inc()

    def sign_in(self, result: str) -> None:
        """Count an attempt to sign in: opened, wrong_pin or locked."""
        self._sign_ins.labels(result).inc()

    def exposition(self, deliveries: Sequence[EndpointFigures], watch_lateness_s: float = 0.0) -> bytes:
        """Return all figures in the text format, those of deliveries and of the watch as they are given."""
        self._deliveries.figures = deliveries
        self._watch_lateness.set(watch_lateness_s)
        return generate_latest(self.registry)

    def _gauge(self, name: str, what: str, reading: Callable[[], float]) -> None:
        Gauge(name, what, registry=self.registry).set_function(reading)


class _Deliveries(Collector):
    """Figures of endpoints, made anew for each reading: an endpoint that is gone leaves no line behind."""

    figures: Sequence[EndpointFigures] = ()

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        """Return every family, also where there is no endpoint."""
        attempts = CounterMetricFamily(
            "infusion_delivery_attempts", "Attempts to deliver, by what came of them", labels=("endpoint", "outcome")
        )
        for each in self.figures:
            for outcome, count in sorted(each.attempts.items()):
                attempts.add_metric((each.endpoint, outcome), count)
        yield attempts
        for name, what, value in _GAUGES:
            gauge = GaugeMetricFamily(f"infusion_delivery_{name}", what, labels=("endpoint", "state"))
            for each in self.figures:
                gauge.add_metric((each.endpoint, each.state), value(each))
            yield gauge


class _AlarmBudget(Collector):
    """Alerts and patient-hours, read when asked for, and the one over the other."""

    def __init__(
        self,
        alerts_raised: Callable[[], Mapping[tuple[str, str], int]],
        patient_hours: Callable[[], Mapping[str, float]],
    ) -> None:
        self._alerts_raised = alerts_raised
        self._patient_hours = patient_hours

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        """Return all three families; a ward without a patient so far has no rate."""
        alerts = CounterMetricFamily("infusion_alerts_raised", "Alerts raised", labels=("ward", "severity"))
        hours = CounterMetricFamily(
            "infusion_patient_hours", "Hours that infusion days were open, summed over patients", labels=("ward",)
        )
        rate = GaugeMetricFamily(
            "infusion_alerts_per_patient_hour",
            "Alerts raised for each hour of a patient under way, since the start of the service",
            labels=("ward", "severity"),
        )
        lived_h = self._patient_hours()
        for ward, passed_h in sorted(lived_h.items()):
            hours.add_metric((ward,), passed_h)
        for (ward, severity), count in sorted(self._alerts_raised().items()):
            alerts.add_metric((ward, severity), count)
            if lived_h.get(ward, 0.0) > 0:
                rate.add_metric((ward, severity), count / lived_h[ward])
        yield from (alerts, hours, rate)


class _Commits(Collector):
    """The writer's tally. Seconds over commits is how long one takes; entries over commits, how many ride together."""

    def __init__(self, tally: Callable[[], Tally]) -> None:
        self._tally = tally

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Return all families."""
        tally = self._tally()
        for name, what, value in (
            ("commits", "Commits to the log", tally.commits),
            ("commit_seconds", "Time spent committing", tally.commit_s),
            ("commit_entries", "Entries committed", tally.entries),
            ("commit_conflicts", "Commits decided anew, because the store knew more than the writer", tally.conflicts),
            ("storage_full", "Commits refused because there was no room", tally.storage_full),
        ):
            yield CounterMetricFamily(f"infusion_{name}", what, value=value)


_FILES = {
    "database_bytes": "Size of the database file",
    "wal_bytes": "Size of the write-ahead log",
    "disk_free_bytes": "Room left on the disk of the database",
}


def files_of(database: Path) -> Mapping[str, Callable[[], int]]:
    """Return what there is to measure of the database's files, by name."""
    return {
        "database_bytes": lambda: _size_of(database),
        "wal_bytes": lambda: _size_of(database.with_name(database.name + "-wal")),
        "disk_free_bytes": lambda: disk_usage(database.parent).free,
    }


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # no write-ahead log between the last close and the first commit
        return 0


class _Verified(Collector):
    """When the log was verified last, and whether it was sound; no sample before it has been verified."""

    def __init__(self, soundness: Soundness) -> None:
        self._soundness = soundness

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Return all families."""
        sound = GaugeMetricFamily("infusion_log_sound", "1 when the whole log verified, 0 when it did not")
        tables = GaugeMetricFamily(
            "infusion_tables_sound", "1 when derived tables and operational records were as they must be, 0 when not"
        )
        at = GaugeMetricFamily(
            "infusion_log_verified_timestamp_seconds", "When the whole log was verified last, Unix time"
        )
        if self._soundness.verified_at is not None:
            sound.add_metric((), 1.0 if self._soundness.sound else 0.0)
            tables.add_metric((), 1.0 if self._soundness.tables_sound else 0.0)
            at.add_metric((), self._soundness.verified_at.timestamp())
        yield from (sound, tables, at)


_GAUGES: tuple[tuple[str, str, Callable[[EndpointFigures], float]], ...] = (
    ("lag_entries", "Entries committed and not delivered yet", lambda each: each.lag_entries),
    ("lag_seconds", "Age of the oldest entry not delivered yet", lambda each: each.lag_s),
    ("parked", "Deliveries parked", lambda each: each.parked),
    ("in_flight", "Attempts under way", lambda each: each.in_flight),
    ("circuit_open", "1 while the endpoint does not answer and is only probed", lambda each: each.circuit_open),
)
