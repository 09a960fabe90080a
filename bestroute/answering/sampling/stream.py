"""A completion in pieces: read from server-sent events, and put together again."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

_DATA = "data:"


class Gathered:
    """The chat completion that events add up to."""

    def __init__(self) -> None:
        self._found: dict[str, Any] = {}
        self._choices: defaultdict[int, dict[str, Any]] = defaultdict(
            lambda: {"message": {}, "finish_reason": None}
        )

    def add(self, event: Mapping[str, Any]) -> None:
        """Add what one event says. Raises as events of another kind make it: AttributeError, TypeError."""
        self._found |= {name: event[name] for name in ("usage", "error") if event.get(name)}
        for part in event.get("choices") or ():
            _add(self._choices[part.get("index", 0)], part)

    @property
    def is_ended(self) -> bool:
        """Whether every choice that began says that it ended."""
        return bool(self._choices) and all(choice["finish_reason"] for choice in self._choices.values())

    @property
    def document(self) -> dict[str, Any] | None:
        """The completion; None where no event said anything."""
        if not self._found and not self._choices:
            return None
        return {**self._found, "choices": [self._choices[index] for index in sorted(self._choices)]}


def unstreamed(text: str) -> dict[str, Any] | None:
    """The chat completion that server-sent events add up to; None where a text has no such events."""
    gathered = Gathered()
    for event in _events(text):
        gathered.add(event)
    return gathered.document


def event_in(line: str) -> Mapping[str, Any] | None:
    """The event of a line; None for a line that holds none, and for `[DONE]`. Raises ValueError for broken
    JSON."""
    data = line.removeprefix(_DATA).strip() if line.startswith(_DATA) else ""
    event = json.loads(data) if data.startswith("{") else None
    return event if isinstance(event, dict) else None


def _events(text: str) -> Iterator[Mapping[str, Any]]:
    return (event for line in text.splitlines() if (event := event_in(line)) is not None)


def _add(choice: dict[str, Any], part: Mapping[str, Any]) -> None:
    """Add what one event says of a choice: texts and parts are joined, of all else the last counts."""
    message = choice["message"]
    for name, value in (part.get("delta") or part.get("message") or {}).items():
        if value is not None:
            message[name] = _joined(name, message.get(name), value)
    choice |= {name: part[name] for name in ("finish_reason", "error") if part.get(name)}
    probabilities = part.get("logprobs")
    if isinstance(probabilities, Mapping):
        choice["logprobs"] = _merged(choice.get("logprobs") or {}, probabilities)


def _joined(name: str, before: Any, value: Any) -> Any:
    if name == "tool_calls" and isinstance(value, list):
        return _calls(before or [], value)
    if name == "function_call" and isinstance(value, dict):
        return _merged(before or {}, value)
    both = type(before) is type(value) and isinstance(value, (str, list)) and name != "role"
    return before + value if both else value


def _calls(before: list[Any], parts: list[Any]) -> list[Any]:
    """Calls of tools, which come in parts that say by `index` to which of them they belong."""
    calls = list(before)
    for part in parts:
        place = part.get("index", len(calls))
        rest = {name: value for name, value in part.items() if name != "index"}
        if place < len(calls):
            calls[place] = _merged(calls[place], rest)
        else:
            calls.append(rest)
    return calls


def _merged(before: Any, part: Mapping[str, Any]) -> dict[str, Any]:
    """Two parts of an object: texts behind `arguments`, `input` and lists are joined."""
    merged = dict(before)
    for name, value in part.items():
        old: Any = merged.get(name)
        if isinstance(value, dict) and isinstance(old, dict):
            merged[name] = _merged(old, value)
        elif type(old) is type(value) and (isinstance(value, list) or name in ("arguments", "input")):
            merged[name] = old + value
        elif value is not None:
            merged[name] = value
    return merged
