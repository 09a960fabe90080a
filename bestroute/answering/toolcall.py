"""Calls of tools that a message makes, as servers write them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bestroute.text import clean


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of a tool: its name, and its arguments as the JSON text that a model writes.

    `free`: a custom tool, whose input is any text.
    """

    name: str
    arguments: str
    free: bool = False

    def __str__(self) -> str:
        return f"{self.name}({self.arguments})"


def read_calls(message: Mapping[str, Any]) -> tuple[ToolCall, ...]:
    """The calls of a message: `tool_calls`, of functions and of custom tools, and the older
    `function_call`. What names no tool is no call; arguments that are no text are written as JSON."""
    return tuple(_calls(message))


def _calls(message: Mapping[str, Any]) -> Iterator[ToolCall]:
    made = message.get("tool_calls")
    for call in made if isinstance(made, list) else ():
        if isinstance(call, Mapping):
            yield from _call(call.get("function"), "arguments")
            yield from _call(call.get("custom"), "input")
    yield from _call(message.get("function_call"), "arguments")


def _call(told: Any, key: str) -> Iterator[ToolCall]:
    if isinstance(told, Mapping) and isinstance(told.get("name"), str) and told["name"]:
        yield ToolCall(clean(told["name"]), _written(told.get(key)), free=key == "input")


def _written(arguments: Any) -> str:
    if arguments is None:
        return ""
    return clean(arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False))
