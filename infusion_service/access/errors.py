"""Why the access room says no.

AccessRefused
|- SignInRefused       no session was opened
|  |- WrongPin         badge or PIN is not right (which of the two is not told)
|  |  `- BadgeDisabled the badge of somebody whose access has ended; to who tries it sounds the same
|  `- BadgeLocked      too many wrong PINs; a charge nurse unlocks it
|- UnknownRecord       no such device, member of staff or token
|- AlreadyThere        the id or badge is taken
|- OwnReview           nobody reviews what they did themselves
`- UnusableValue       a value cannot be used; `pointer` names it
"""

from __future__ import annotations


class AccessRefused(Exception):
    """What was asked of the access room was not done."""


class SignInRefused(AccessRefused):
    """No session was opened."""


class WrongPin(SignInRefused):
    """Badge or PIN is not right. The message does not say which, so that badges cannot be found by trying."""

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__("badge or PIN is not right; five wrong PINs lock the badge")


class BadgeDisabled(WrongPin):
    """The badge is that of somebody whose access has ended. `staff_id` is whose it is."""

    def __init__(self, staff_id: str) -> None:
        """Say what a wrong PIN says."""
        super().__init__()
        self.staff_id = staff_id


class BadgeLocked(SignInRefused):
    """The badge is locked after too many wrong PINs. `staff_id` is whose it is."""

    def __init__(self, staff_id: str) -> None:
        """Say who can unlock it."""
        super().__init__("the badge is locked after too many wrong PINs; a charge nurse can unlock it")
        self.staff_id = staff_id


class UnknownRecord(AccessRefused):
    """There is no such device, member of staff or token."""


class AlreadyThere(AccessRefused):
    """The id or badge belongs to somebody else already."""


class OwnReview(AccessRefused):
    """Nobody reviews what they did themselves."""

    def __init__(self) -> None:
        """Say who can."""
        super().__init__("somebody else has to review this")


class UnusableValue(AccessRefused):
    """A value cannot be used. `pointer` is the JSON pointer of the member in the request that carried it."""

    def __init__(self, pointer: str, detail: str) -> None:
        """Keep where the value stood and what is wrong with it."""
        super().__init__(detail)
        self.pointer = pointer
