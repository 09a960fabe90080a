"""A completion that was streamed though nobody had asked for that: put together again."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

_DATA = "data:"


def unstreamed(text: str) -> dict[str, Any] | None:
    """The chat completion that server-sent events add up to; None where a text has no such events."""
    found: dict[str, Any] = {}
    choices: defaultdict[int, dict[str, Any]] = defaultdict(lambda: {"message": {}, "finish_reason": None})
    for event in _events(text):
        found |= {name: event[name] for name in ("usage", "error") if event.get(name)}
        for part in event.get("choices") or ():
            _add(choices[part.get("index", 0)], part)
    if not found and not choices:
        return None
    return {**found, "choices": [choices[index] for index in sorted(choices)]}


def _events(text: str) -> Iterator[Mapping[str, Any]]:
    lines = (line.removeprefix(_DATA) for line in text.splitlines() if line.startswith(_DATA))
    for line in lines:
        event = json.loads(line) if line.strip().startswith("{") else None
        if event is not None:
            yield event


def _add(choice: dict[str, Any], part: Mapping[str, Any]) -> None:
    """Add what one event says of a choice: texts and parts are joined, of all else the last counts."""
    message = choice["message"]
    for name, value in (part.get("delta") or part.get("message") or {}).items():
        before = message.get(name)
        both = type(before) is type(value) and isinstance(value, (str, list)) and name != "role"
        if value is not None:
            message[name] = before + value if both else value
    choice |= {name: part[name] for name in ("finish_reason", "error") if part.get(name)}
