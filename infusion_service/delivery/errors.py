"""What is refused about endpoints and deliveries."""

from __future__ import annotations


class DeliveryRefused(Exception):
    """Root of what this room refuses; the text says why, for a person."""


class UnknownEndpoint(DeliveryRefused):
    """There is no such endpoint."""


class UnknownDelivery(DeliveryRefused):
    """The endpoint has no such delivery."""


class UnusableSetting(DeliveryRefused):
    """A value cannot be used here; `pointer` says which."""

    def __init__(self, pointer: str, message: str) -> None:
        super().__init__(message)
        self.pointer = pointer


class NotPossible(DeliveryRefused):
    """The endpoint or delivery is in no state for that."""


class SecondPersonNeeded(DeliveryRefused):
    """Somebody other than who created or re-pointed the endpoint must do that."""
