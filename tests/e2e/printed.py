"""Reads what the browser has printed: the text of each sheet, its size, and the colours it uses.

Only as much of PDF as the browser writes: plain objects, deflated streams, composite fonts with a table to Unicode.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

_OBJECT = re.compile(rb"(\d+) 0 obj\n(.*?)\nendobj", re.DOTALL)
_STREAM = re.compile(rb"stream\r?\n(.*)\nendstream", re.DOTALL)
_SHOWN = re.compile(rb"/(F\d+) [\d.]+ Tf|<([0-9A-Fa-f]+)> ?Tj")
_ONE = re.compile(rb"<([0-9A-F]+)> <([0-9A-F]+)>\n")
_RANGE = re.compile(rb"<([0-9A-F]+)> <([0-9A-F]+)> <([0-9A-F]+)>\n")
_COLOUR = re.compile(rb"([\d.]+) ([\d.]+) ([\d.]+) (?:rg|RG)\b")


@dataclass(frozen=True)
class Sheet:
    """One printed sheet. `text` is without spaces: where they stand is for the eye."""

    text: str
    width_pt: float
    height_pt: float
    colours: frozenset[tuple[float, float, float]]


@dataclass(frozen=True)
class _Font:
    letters: dict[int, str]
    hex_digits: int


def read_sheets(pdf: bytes) -> list[Sheet]:
    """Return the sheets of a printed document, in order."""
    objects = {int(number): body for number, body in _OBJECT.findall(pdf)}
    catalog = next(body for body in objects.values() if b"/Type /Catalog" in body)
    return [_sheet(objects, page) for page in _pages(objects, objects[_reference(catalog, b"Pages")])]


def _reference(body: bytes, name: bytes) -> int:
    found = re.search(rb"/" + name + rb" (\d+) 0 R", body)
    assert found is not None, name
    return int(found[1])


def _pages(objects: dict[int, bytes], node: bytes) -> Iterator[bytes]:
    kids = re.search(rb"/Kids \[(.*?)\]", node, re.DOTALL)
    if kids is None:
        yield node
        return
    for number in re.findall(rb"(\d+) 0 R", kids[1]):
        yield from _pages(objects, objects[int(number)])


def _sheet(objects: dict[int, bytes], page: bytes) -> Sheet:
    drawn = _inflated(objects[_reference(page, b"Contents")])
    fonts = {name: _font(objects, objects[int(number)]) for name, number in re.findall(rb"/(F\d+) (\d+) 0 R", page)}
    box = re.search(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", page)
    assert box is not None
    colours = frozenset((float(red), float(green), float(blue)) for red, green, blue in _COLOUR.findall(drawn))
    return Sheet("".join(_letters(drawn, fonts)).replace(" ", ""), float(box[1]), float(box[2]), colours)


def _letters(drawn: bytes, fonts: dict[bytes, _Font]) -> Iterator[str]:
    font = _Font({}, 4)
    for name, shown in _SHOWN.findall(drawn):
        if name:
            font = fonts[name]
            continue
        for start in range(0, len(shown), font.hex_digits):
            yield font.letters.get(int(shown[start : start + font.hex_digits], 16), "\N{REPLACEMENT CHARACTER}")


def _font(objects: dict[int, bytes], font: bytes) -> _Font:
    table = _inflated(objects[_reference(font, b"ToUnicode")])
    letters: dict[int, str] = {}
    for part in re.findall(rb"beginbfchar\n(.*?)endbfchar", table, re.DOTALL):
        letters.update({int(code, 16): _text(to) for code, to in _ONE.findall(part)})
    for part in re.findall(rb"beginbfrange\n(.*?)endbfrange", table, re.DOTALL):
        for first, last, to in _RANGE.findall(part):
            low = int(first, 16)
            letters.update({code: chr(int(to, 16) + code - low) for code in range(low, int(last, 16) + 1)})
    width = re.search(rb"begincodespacerange\n<([0-9A-F]+)>", table)
    assert width is not None
    return _Font(letters, len(width[1]))


def _text(code: bytes) -> str:
    return bytes.fromhex(code.decode()).decode("utf-16-be")


def _inflated(body: bytes) -> bytes:
    stream = _STREAM.search(body)
    assert stream is not None
    return zlib.decompress(stream[1]) if b"FlateDecode" in body[: stream.start()] else stream[1]
