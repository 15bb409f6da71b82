"""Reads the data of a fact against its type: shape first, then plausibility.

Promises: what comes back is canonical (decimals as their shortest strings, times UTC with milliseconds, ids lower
case), every shape error is reported at once with a JSON pointer, and nothing is guessed or filled in. Does not: ask
whether the fact is allowed in the state of the day.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from infusion_service.clinical.definition import FactType, Field
from infusion_service.clinical.vocabulary import Refusal, format_time, parse_time, texts

LIST_ITEMS_MAX = 200
POINTER_TOKEN_CHARS_MAX = 64
INTEGER_MAX = 2**53 - 1
_DECIMAL_TEXT = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")
_DATE_TEXT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ID_TEXT = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|[\ud800-\udfff]")


class _Invalid(Exception):
    """One value that does not fit its field; the message says what would."""


def shortest(number: Decimal) -> str:
    """Write a decimal in its one canonical form: no exponent, no trailing zero, no sign on zero ("40", "25.3")."""
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def read_fact(fact: FactType, data: Any, *, emergency: bool) -> dict[str, Any] | Refusal:
    """Return the canonical data of a fact, or the refusal (422 invalid_fact, implausible or needs_confirmation).

    `emergency` admits confirmed values outside the hard range, as a collapsing patient has them.
    """
    if not isinstance(data, Mapping):
        return _invalid([{"pointer": "/data", "detail": "must be an object"}])
    errors: list[dict[str, str]] = []
    clean = _read_fields(fact.fields, data, "/data", errors)
    if not errors:
        _check_together(fact, clean, errors)
    if errors:
        return _invalid(errors)
    return _implausible(fact, clean, emergency=emergency) or clean


def _invalid(errors: list[dict[str, str]]) -> Refusal:
    first = errors[0]
    return Refusal(
        code="invalid_fact",
        status=422,
        detail=f"{first['pointer']}: {first['detail']}",
        members={"errors": errors},
    )


def _read_fields(
    fields: Mapping[str, Field], data: Mapping[str, Any], pointer: str, errors: list[dict[str, str]]
) -> dict[str, Any]:
    clean: dict[str, Any] = {}
    for name, field in fields.items():
        value = data.get(name)
        if value is None:
            if not field.optional:
                errors.append({"pointer": f"{pointer}/{name}", "detail": "is missing"})
            continue
        scalar = _SCALARS.get(field.type)
        try:
            if scalar is not None:
                clean[name] = scalar(field, value)
            else:
                clean[name] = _read_many(field, value, f"{pointer}/{name}", errors)
        except _Invalid as problem:
            errors.append({"pointer": f"{pointer}/{name}", "detail": str(problem)})
    for name in data:
        if name not in fields:
            known = texts(sorted(fields)) or "no member at all"
            errors.append({"pointer": f"{pointer}/{_token(name)}", "detail": f"is not known here; known: {known}"})
    return clean


def _token(name: object) -> str:
    return str(name)[:POINTER_TOKEN_CHARS_MAX].encode("ascii", "replace").decode().replace("~", "~0").replace("/", "~1")


def _read_many(field: Field, value: Any, pointer: str, errors: list[dict[str, str]]) -> Any:
    if field.type == "object":
        if not isinstance(value, Mapping):
            raise _Invalid("must be an object")
        return _read_fields(field.fields, value, pointer, errors)
    if not isinstance(value, list | tuple):
        raise _Invalid("must be a list")
    if len(value) > LIST_ITEMS_MAX:
        raise _Invalid(f"may hold at most {LIST_ITEMS_MAX} items")
    clean: list[Any] = []
    for index, item in enumerate(value):
        where = f"{pointer}/{index}"
        try:
            clean.append(_read_item(field, item, where, errors))
        except _Invalid as problem:
            errors.append({"pointer": where, "detail": str(problem)})
    return clean


def _read_item(field: Field, item: Any, where: str, errors: list[dict[str, str]]) -> Any:
    if field.type != "list":
        return _SCALARS[_ITEM_TYPES[field.type]](field, item)
    if not isinstance(item, Mapping):
        raise _Invalid("must be an object")
    return _read_fields(field.fields, item, where, errors)


def _text(field: Field, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _Invalid("must be a text that is not empty")
    if len(value) > field.max_chars:
        raise _Invalid(f"may have at most {field.max_chars} characters")
    if _CONTROL.search(value):
        raise _Invalid("may not hold control characters or half a character")
    return value


def _number(field: Field, value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        raise _Invalid("must be a number")
    if isinstance(value, int):
        if abs(value) > INTEGER_MAX:
            raise _Invalid("is too large")
        return Decimal(value)
    if isinstance(value, str) and not _DECIMAL_TEXT.fullmatch(value):
        raise _Invalid("must be a number")
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise _Invalid("must be a number") from None
    # adjusted() bounds the work of writing it out: 1e999999 is a few bytes here and a megabyte there
    if not number.is_finite() or number.adjusted() > field.max_chars or number.adjusted() < -field.max_chars:
        raise _Invalid("must be a finite number of ordinary size")
    return number


def _within_limits(field: Field, number: Decimal | int) -> None:
    if field.above is not None and number <= field.above:
        raise _Invalid(f"must be above {shortest(field.above)}")
    if field.at_least is not None and number < field.at_least:
        raise _Invalid(f"must be at least {shortest(field.at_least)}")
    if field.at_most is not None and number > field.at_most:
        raise _Invalid(f"must be at most {shortest(field.at_most)}")


def _integer(field: Field, value: Any) -> int:
    if type(value) is int and -INTEGER_MAX <= value <= INTEGER_MAX:  # nearly always
        _within_limits(field, value)
        return value
    if isinstance(value, str):
        raise _Invalid("must be a whole number")
    number = _number(field, value)
    if number != number.to_integral_value() or abs(number) > INTEGER_MAX:
        raise _Invalid("must be a whole number")
    _within_limits(field, number)
    return int(number)


def _decimal(field: Field, value: Any) -> str:
    number = _number(field, value)
    text = shortest(number)
    if len(text.partition(".")[2]) > field.scale:
        raise _Invalid(f"may have at most {field.scale} decimals")
    _within_limits(field, number)
    return text


def _boolean(_field: Field, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _Invalid("must be true or false")
    return value


def _choice(field: Field, value: Any) -> str:
    if not isinstance(value, str) or value not in field.of:
        raise _Invalid(f"must be one of {texts(field.of)}")
    return value


def _time(_field: Field, value: Any) -> str:
    if isinstance(value, str):
        try:
            return format_time(parse_time(value))
        except (ValueError, OverflowError):
            pass
    raise _Invalid("must be an RFC 3339 time with offset, such as 2026-11-23T09:20:00+01:00")


def _date(_field: Field, value: Any) -> str:
    if isinstance(value, str) and _DATE_TEXT.fullmatch(value):
        try:
            return date.fromisoformat(value).isoformat()
        except ValueError:
            pass
    raise _Invalid("must be a date such as 2026-11-23")


def _id(_field: Field, value: Any) -> str:
    if isinstance(value, str) and _ID_TEXT.fullmatch(value):
        return value.lower()
    raise _Invalid("must be an id (UUID)")


_SCALARS = {
    "text": _text,
    "integer": _integer,
    "decimal": _decimal,
    "boolean": _boolean,
    "choice": _choice,
    "time": _time,
    "date": _date,
    "id": _id,
}
_ITEM_TYPES = {"choices": "choice", "texts": "text", "ids": "id"}


def _check_together(fact: FactType, data: Mapping[str, Any], errors: list[dict[str, str]]) -> None:
    for names in fact.together:
        given = [name for name in names if name in data]
        if given and len(given) < len(names):
            missing = texts([name for name in names if name not in data])
            errors.append({"pointer": f"/data/{missing}", "detail": f"belongs with {texts(given)}: both or neither"})
    if fact.at_least_one_of and not any(data.get(name) not in (None, []) for name in fact.at_least_one_of):
        errors.append({"pointer": "/data", "detail": f"must name at least one of {texts(fact.at_least_one_of)}"})
    for name, wanted in fact.needs.items():
        for other, values in wanted.items():
            if data.get(name) in values and other not in data:
                errors.append({"pointer": f"/data/{other}", "detail": f"is needed with {name} = {data[name]}"})


def _implausible(fact: FactType, data: Mapping[str, Any], *, emergency: bool) -> Refusal | None:
    """Judge plausibility. A monitor's readings are taken as they are: the device said so, and the reader sees its
    name."""
    if data.get("source") == "monitor":
        return None
    confirmed = data.get("confirmed") is True
    if not (emergency and confirmed):
        refusal = _outside_hard(fact, data) or _wrong_way_round(fact, data)
        if refusal:
            return refusal
    fields = fact.fields
    doubtful = [
        name for name, value in data.items() if (soft := fields[name].soft) is not None and _outside(soft, value)
    ]
    if doubtful and not confirmed:
        name = doubtful[0]
        return Refusal(
            code="needs_confirmation",
            status=422,
            detail=f"{name} {data[name]} is unusual: measure again, or post it with confirmed = true as a new event",
            members={"field": name, "fields": doubtful, "range": _range(fact.fields[name].soft)},
        )
    return None


def _outside(bounds: tuple[Decimal, Decimal] | None, value: Any) -> bool:
    if bounds is None:
        return False
    number = value if type(value) is int else Decimal(value)
    return not bounds[0] <= number <= bounds[1]


def doubt_about(field: Field, value: Any) -> str:
    """Return `implausible` for a value outside the hard range of its field, `unusual` outside the soft one, else
    nothing."""
    if _outside(field.hard, value):
        return "implausible"
    return "unusual" if _outside(field.soft, value) else ""


def _range(bounds: tuple[Decimal, Decimal] | None) -> list[str]:
    return [shortest(bound) for bound in bounds] if bounds else []


def _outside_hard(fact: FactType, data: Mapping[str, Any]) -> Refusal | None:
    for name, value in data.items():
        field = fact.fields[name]
        if field.hard is not None and _outside(field.hard, value):
            low, high = _range(field.hard)
            members: dict[str, Any] = {"field": name, "value": value, "range": [low, high]}
            if field.hint and not _outside(field.hint_range, value):
                members["hint"] = field.hint
            hint = f": {members['hint']}" if "hint" in members else ""
            detail = f"{name} {value} is outside {low} to {high}{hint}"
            return Refusal(code="implausible", status=422, detail=detail, members=members)
    return None


def _wrong_way_round(fact: FactType, data: Mapping[str, Any]) -> Refusal | None:
    for rule in fact.greater:
        if rule.higher in data and rule.lower in data:
            higher, lower = Decimal(data[rule.higher]), Decimal(data[rule.lower])
            if higher <= lower + rule.by:
                members = {
                    "field": rule.higher,
                    "value": data[rule.higher],
                    "range": [shortest(lower + rule.by + 1), shortest(_top(fact.fields[rule.higher]))],
                    "hint": rule.hint,
                }
                detail = f"{rule.higher} {higher} with {rule.lower} {lower}: {rule.hint}"
                return Refusal(code="implausible", status=422, detail=detail, members=members)
    return None


def _top(field: Field) -> Decimal:
    return field.hard[1] if field.hard else Decimal(INTEGER_MAX)
