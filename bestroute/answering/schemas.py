"""What of a JSON value breaks a JSON Schema; nothing is found where the extra `schema` is not installed.

A schema comes with a request and a value from a model, so neither is trusted: no reference is fetched, and
patterns are matched in linear time.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import re2

_LONGEST = 200  # characters: a message quotes the value


def breach(schema: Any, value: Any) -> str | None:
    """How a value breaks a schema, in words; None where it does not, or where that cannot be told.

    A schema that is itself broken is broken by nothing: the endpoint says what is wrong with it.
    """
    try:
        library = importlib.import_module("jsonschema")
    except ImportError:
        return None
    try:
        kind = library.validators.validator_for(schema, default=library.Draft202012Validator)
        registry = importlib.import_module("jsonschema_specifications").REGISTRY
        errors = _trusting_nobody(kind)(schema, registry=registry).iter_errors(value)
        error = library.exceptions.best_match(errors)
    except RecursionError:
        return "it is nested too deeply"
    except Exception:  # of the many kinds that the library raises for a faulty schema
        return None
    return None if error is None else _told(error)


def _told(error: Any) -> str:
    message = error.message if len(error.message) <= _LONGEST else error.message[: _LONGEST - 1] + "…"
    return str(message) if error.json_path == "$" else f"{error.json_path}: {message}"


@lru_cache(maxsize=16)
def _trusting_nobody(kind: Any) -> Any:
    validators = importlib.import_module("jsonschema.validators")
    own = {
        "additionalProperties": _additional,
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
    }
    return validators.extend(kind, own)


def _matches(pattern: str, text: str) -> bool:
    """Whether a text holds the pattern; what cannot be matched in linear time, as look-ahead, is held."""
    try:
        return re2.search(pattern, text) is not None
    except re2.error:
        return True


def _pattern(validator: Any, pattern: str, value: Any, schema: Any) -> Iterator[Any]:
    if isinstance(value, str) and not _matches(pattern, value):
        yield _error(f"{value!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, patterns: Any, value: Any, schema: Any) -> Iterator[Any]:
    for pattern, inner in patterns.items() if isinstance(value, Mapping) else ():
        for name, one in value.items():
            if _matches(pattern, name):
                yield from validator.descend(one, inner, path=name, schema_path=pattern)


def _additional(validator: Any, allowed: Any, value: Any, schema: Any) -> Iterator[Any]:
    if not isinstance(value, Mapping):
        return
    patterns = schema.get("patternProperties", {})
    known = schema.get("properties", {})
    further = [name for name in value if name not in known and not any(_matches(p, name) for p in patterns)]
    for name in further if isinstance(allowed, Mapping) else ():
        yield from validator.descend(value[name], allowed, path=name)
    if allowed is False and further:
        yield _error(f"{', '.join(map(repr, further))} {'is' if len(further) == 1 else 'are'} not declared")


def _error(message: str) -> Any:
    return importlib.import_module("jsonschema").ValidationError(message)
