"""Tool calls: they agree where names and arguments are equal as JSON values."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence

from bestroute.answering.agreement.literals import literal_key
from bestroute.answering.toolcall import ToolCall


def group_with_calls(
    texts: Sequence[str],
    calls: Sequence[Sequence[ToolCall]],
    group: Callable[[Sequence[str]], Sequence[int]],
) -> tuple[int, ...]:
    """A number for each response, equal where two agree: those that call tools by their calls alone, the
    others by their texts, as `group` tells."""
    spoken = [index for index, made in enumerate(calls) if not made]
    of = dict(zip(spoken, group([texts[index] for index in spoken]) if spoken else (), strict=True))
    first = max(of.values(), default=-1) + 1
    keys = {index: calls_key(made) for index, made in enumerate(calls) if made}
    numbers = {key: first + place for place, key in enumerate(dict.fromkeys(keys.values()))}
    return tuple(numbers[keys[index]] if index in keys else of[index] for index in range(len(texts)))


def calls_key(calls: Iterable[ToolCall]) -> Hashable:
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
