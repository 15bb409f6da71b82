"""Who is on the demonstration ward: invented patients and staff, the same ones for the same seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from infusion_service.cli.rehearsal.over_http import Credentials
from infusion_service.cli.rehearsal.ward import Person

STAFF = (
    Person("nurse"),
    Person("nurse", 2),
    Person("charge_nurse"),
    Person("prescriber"),
    Person("pharmacist"),
)
"""Who is on duty; printed with badge and PIN, so that a visitor can sign in as any of them."""

_FAMILIES = ("Abelin", "Brandt", "Castel", "Dorval", "Ekman", "Fabre", "Gérin", "Hollin", "Iversen", "Joly", "Kessel")
_GIVEN = ("Aline", "Boris", "Clara", "David", "Elsa", "Félix", "Greta", "Hugo", "Ines", "Jonas", "Klara", "Louis")

_SPREADS = {
    "systolic_mmhg": 7,
    "diastolic_mmhg": 5,
    "heart_rate_per_min": 6,
    "spo2_percent": 1,
    "respiratory_rate_per_min": 1,
}
"""How far a reading may lie from the unremarkable value, either way, without meaning anything."""


class Cast:
    """The people of one demonstration."""

    def __init__(self, seed: int) -> None:
        """Invent them from `seed`."""
        self._seed = seed
        chance = self._chance("names")
        self._families = chance.sample(_FAMILIES, len(_FAMILIES))
        self._given = chance.sample(_GIVEN, len(_GIVEN))

    def patient(self, number: int) -> dict[str, str]:
        """Return the name and birth date of the n-th patient, as `day.scheduled` carries them."""
        age = timedelta(days=self._chance(f"born {number}").randrange(24 * 365, 58 * 365))
        return {
            "family": self._families[number % len(self._families)],
            "given": self._given[number % len(self._given)],
            "born": (date(2026, 11, 23) - age).isoformat(),
        }

    def credentials(self, person: Person) -> Credentials:
        """Return name, badge code and PIN of somebody on duty."""
        chance = self._chance(f"{person.role} {person.number}")
        place = STAFF.index(person) if person in STAFF else len(STAFF)
        name = f"{self._given[-1 - place]} {self._families[-1 - place]}"
        badge = f"{person.role.upper().replace('_', '-')}-{person.number}"
        return Credentials(name=name, badge=badge, pin=f"{chance.randrange(10**4):04d}")

    def vary(self, number: int) -> Callable[[Mapping[str, Any]], Mapping[str, Any]]:
        """Return what makes each set of the n-th patient's signs a little different from the one before."""
        chance = self._chance(f"signs {number}")

        def vary(signs: Mapping[str, Any]) -> Mapping[str, Any]:
            varied = dict(signs)
            for sign, spread in _SPREADS.items():
                if sign in varied:
                    varied[sign] += chance.randint(-spread, spread)
            if "temperature_celsius" in varied:
                varied["temperature_celsius"] += Decimal(chance.randint(-3, 3)) / 10
            return varied

        return vary

    def _chance(self, what: str) -> random.Random:
        return random.Random(f"{self._seed} {what}")  # noqa: S311 - invented people, and the same ones every time
