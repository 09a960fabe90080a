"""What a message says, in whatever shape its server gives it: text, parts, values, thinking beside it.

Nothing that comes is trusted; a shape that says nothing has no text.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bestroute.answering.thought import without_thought
from bestroute.text import clean

_THINKING = ("reasoning", "redacted_thinking", "summary_text", "thinking", "thought")
_THINKING_FIELDS = ("reasoning_content", "reasoning", "reasoning_details", "thinking", "thinking_blocks")
_TEXT_FIELDS = ("text", "value", "content", "parts", "refusal", "json")
_PART_FIELDS = frozenset({*_TEXT_FIELDS, "annotations", "index", "thinking", "type"})


@dataclass(frozen=True)
class Said:
    """`text` is what a message answers, None where it has no content at all, and `raw` all of it with the
    thinking, None where there was none."""

    text: str | None
    raw: str | None


def read_message(message: Mapping[str, Any]) -> Said:
    """What a message says, its thinking taken off, half characters replaced. A refusal is an answer."""
    content = message.get("content") or message.get("refusal") or message.get("content")
    parts = list(_parts(content))
    if isinstance(content, Mapping) and not parts:
        parts = [(_as_json(content), False)]
    written = None if content is None else _join(parts, thinking=False)
    beside = next((text for name in _THINKING_FIELDS if (text := _all_text(message.get(name)))), "")
    thought = beside or _join(parts, thinking=True)
    said = None if written is None else without_thought(written)
    if said == written and not thought.strip():
        return Said(said, None)
    return Said(said, "\n".join(filter(None, (thought, written))))


def _join(parts: list[tuple[str, bool]], *, thinking: bool) -> str:
    return clean("".join(text for text, is_thought in parts if is_thought == thinking))


def _all_text(value: Any) -> str:
    if not isinstance(value, (str, list)):
        return ""
    return clean("".join(text for text, _ in _parts(value)))


def _parts(value: Any, thinking: bool = False) -> Iterator[tuple[str, bool]]:
    """The texts in a content of any shape, and whether each is thinking."""
    if isinstance(value, str):
        yield value, thinking
    elif isinstance(value, list):
        for part in value:
            yield from _parts(part, thinking)
    elif isinstance(value, Mapping):
        yield from _part(value, thinking)
    elif value is not None:
        yield _as_json(value), thinking


def _part(part: Mapping[str, Any], thinking: bool) -> Iterator[tuple[str, bool]]:
    kind = part.get("type")
    thinking = thinking or str(kind).startswith(_THINKING) or part.get("thought") is True
    if thinking:
        for name in ("thinking", "summary"):
            yield from _parts(part.get(name), thinking)
    if not part.keys() <= _PART_FIELDS and kind is None and not thinking:
        yield _as_json(part), False  # an object that is the answer itself
        return
    for name in _TEXT_FIELDS:
        if part.get(name) is not None:
            yield from _parts(part[name], thinking)
            return


def _as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
