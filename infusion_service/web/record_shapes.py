"""The outline of each kind of mark, as the path of an SVG figure.

Every outline is closed, so that a mark can be filled (in time) or hollow (late). Lengths are in units of the chart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

_POINTED = 3.2
"""Half the width of a figure with corners."""

Corners = Sequence[tuple[float, float]]

_TRIANGLE_DOWN: Corners = ((-1, -0.9), (1, -0.9), (0, 1))
_TRIANGLE_UP: Corners = ((0, -1.1), (1.1, 0.9), (-1.1, 0.9))
_DIAMOND: Corners = ((0, -1.2), (1.2, 0), (0, 1.2), (-1.2, 0))
_SQUARE: Corners = ((-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85))
_CROSS: Corners = (
    (-0.35, -1), (0.35, -1), (0.35, -0.35), (1, -0.35), (1, 0.35), (0.35, 0.35),
    (0.35, 1), (-0.35, 1), (-0.35, 0.35), (-1, 0.35), (-1, -0.35), (-0.35, -0.35),
)  # fmt: skip
_STAR: Corners = (
    (0, -1.3), (0.35, -0.45), (1.25, -0.4), (0.55, 0.15), (0.8, 1.05),
    (0, 0.55), (-0.8, 1.05), (-0.55, 0.15), (-1.25, -0.4), (-0.35, -0.45),
)  # fmt: skip
_TICK: Corners = ((-1.2, 0.1), (-0.75, -0.4), (-0.2, 0.2), (0.95, -1.1), (1.4, -0.65), (-0.2, 1.1))
_OCTAGON: Corners = ((-0.45, -1), (0.45, -1), (1, -0.45), (1, 0.45), (0.45, 1), (-0.45, 1), (-1, 0.45), (-1, -0.45))


def closed(corners: Corners, x: float, y: float, size: float = _POINTED) -> str:
    """Return a polygon around a point."""
    return "M" + "L".join(f"{x + dx * size:.1f} {y + dy * size:.1f}" for dx, dy in corners) + "Z"


def disc(x: float, y: float, radius: float) -> str:
    """Return a disc around a point."""
    around = f"a{radius} {radius} 0 1 0"
    return f"M{x - radius:.1f} {y:.1f}{around} {2 * radius} 0{around} {-2 * radius} 0Z"


def box(x: float, y: float, width: float, height: float) -> str:
    """Return a box by its upper left corner."""
    return f"M{x:.1f} {y:.1f}h{width:.1f}v{height:.1f}h{-width:.1f}Z"


def crossed(x: float, y: float, reach: float = 5) -> str:
    """Return the two strokes that cross out what was struck."""
    return f"M{x - reach:.1f} {y - reach:.1f}l{2 * reach} {2 * reach}m0 {-2 * reach}l{-2 * reach} {2 * reach}"


POINTS: Mapping[str, Callable[[float, float], str]] = {
    "pulse": lambda x, y: disc(x, y, 2.5),
    "spo2": lambda x, y: closed(_SQUARE, x, y),
    "respiration": lambda x, y: closed(_TRIANGLE_DOWN, x, y),
    "temperature": lambda x, y: closed(_DIAMOND, x, y),
    "sign": lambda x, y: closed(_CROSS, x, y),
    "drug": lambda x, y: closed(_TRIANGLE_DOWN, x, y, 4.5),
    "symptom": lambda x, y: closed(_STAR, x, y, 4.5),
    "check-done": lambda x, y: closed(_TICK, x, y, 3.4),
    "check-missed": lambda x, y: closed(_SQUARE, x, y, 4.2),
}
"""Kinds of marks that stand at one point."""

FLAGS: Mapping[str, Callable[[float, float], str]] = {
    "critical": lambda x, y: closed(_OCTAGON, x, y, 6.8),
    "high": lambda x, y: closed(_TRIANGLE_UP, x, y + 0.6, 7.2),
    "medium": lambda x, y: closed(_DIAMOND, x, y, 6.2),
    "low": lambda x, y: disc(x, y, 6),
}
"""Severity to the flag of its alerts."""


def flag(severity: str, x: float, y: float) -> str:
    """Return the flag of a severity."""
    return FLAGS.get(severity, FLAGS["low"])(x, y)
