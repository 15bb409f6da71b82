"""What has to be true of everything a receiver got, whatever happened on the way."""

from __future__ import annotations

from collections import defaultdict

from tests.delivery.virtual import Receiver


def order_per_day(receiver: Receiver) -> None:
    """First takings of one day come in the order of the endpoint's sequence."""
    numbers: dict[str, list[int]] = defaultdict(list)
    seen = set()
    for arrival in receiver.arrivals:
        if arrival.ok and arrival.number not in seen:
            seen.add(arrival.number)
            numbers[arrival.event["subject"]].append(arrival.number)
    for of_day in numbers.values():
        assert of_day == sorted(of_day)


def same_bytes(receiver: Receiver) -> None:
    """Every id has one body, however often it came."""
    bodies: dict[str, set[bytes]] = defaultdict(set)
    for arrival in receiver.arrivals:
        bodies[arrival.headers["webhook-id"]].add(arrival.body)
        assert arrival.event["id"] == arrival.headers["webhook-id"]
    assert all(len(found) == 1 for found in bodies.values())
