"""Holds answers to the OpenAPI document: the documented status, media type and schema, or the test fails."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from infusion_service.web import openapi


@cache
def _document() -> dict[str, Any]:
    return openapi.document()


@cache
def _validator(reference: str) -> Draft202012Validator:
    schemas = {"components": _document()["components"], "$ref": reference}
    return Draft202012Validator(schemas)


class Conformance:
    """Compares answers with the document, and remembers which operations were seen."""

    def __init__(self) -> None:
        self.seen: set[tuple[str, str, int]] = set()

    def check(self, method: str, path: str, status: int, media: str, body: Any) -> None:
        """Fail unless an answer is documented as it came."""
        template, operation = _operation(method, path.partition("?")[0])
        if operation is None:
            assert status in (404, 405), f"{method} {path} is not documented"
            return
        self.seen.add((method, template, status))
        assert str(status) in operation["responses"], f"{method} {template} does not document {status}: {body}"
        content = operation["responses"][str(status)].get("content", {})
        assert bool(content) == bool(body), f"{method} {template} {status}: a body where none is documented, or none"
        if not content:
            return
        assert media in content, f"{method} {template} {status} answers {media}, documented: {sorted(content)}"
        reference = content[media].get("schema", {}).get("$ref")
        if reference is not None:
            errors = [error.message for error in _validator(reference).iter_errors(body)]
            assert not errors, f"{method} {template} {status}: {errors[:3]}"


def _operation(method: str, path: str) -> tuple[str, dict[str, Any] | None]:
    exact_first = sorted(_document()["paths"].items(), key=lambda item: item[0].count("{"))
    for template, operations in exact_first:
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template))
        if re.fullmatch(pattern, path) and method.lower() in operations:
            return template, operations[method.lower()]
    return path, None
