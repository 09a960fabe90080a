"""Tool calls: they agree where names and arguments are equal as JSON values."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from bestroute.answering.agreement.literals import literal_key


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call: the function's name, and its arguments as the JSON text that a model writes."""

    name: str
    arguments: str


def calls_key(calls: Iterable[Call]) -> Hashable:
    """Equal for responses that make the same calls.

    The order of keys does not matter, 1 is 1.0, `"1"` is not 1, no arguments are empty ones. Calls of one
    response are made side by side, so their order does not matter either, but how often each is made does.
    Arguments that are no JSON are compared as they are written. Never raises.
    """
    counted = Counter((call.name, _arguments(call.arguments)) for call in calls)
    return ("calls", frozenset(counted.items()))


def _arguments(text: str) -> Hashable:
    try:
        return literal_key(json.loads(text or "{}", parse_constant=_refuse))
    except (ValueError, RecursionError):
        return ("written", text.strip())


def _refuse(name: str) -> None:
    """NaN and Infinity are no JSON."""
    raise ValueError(name)
