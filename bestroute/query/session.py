"""Session: a conversation, and which model holds how much of it in its prompt cache.

A value that comes in with a query and leaves with its decision; who remembers it is elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bestroute.errors import InputError
from bestroute.query.parts import Message, holds_answers_only, is_plain

TOOL_LOOP = "a tool loop is open"
SEALED = "only it can read the reasoning that it sealed"

_SEALS = frozenset(
    {
        "encrypted_content",  # OpenAI's Responses
        "redactedContent",  # Bedrock
        "signature",  # Anthropic, and reasoning_details of OpenRouter
        "thoughtSignature", "thought_signature",  # Gemini
    }
)  # fmt: skip
_SEALED_TYPES = frozenset({"reasoning.encrypted", "redacted_thinking"})
_ARGUMENTS = frozenset({"args", "arguments", "input"})  # the caller's own words, not the server's


@dataclass(frozen=True, slots=True)
class Session:
    """Which model answered a conversation last, and about how many tokens of it its prompt cache holds.

    Of a decision it is how the conversation stands after it: hand it in with the next turn. `switch_cost`:
    US$ that the decision puts at stake by leaving the model that held the conversation (0: it did not), as
    what the new model must read that the old one holds, and what the old one's cache would have saved.
    `stays`: why the conversation stayed with its model where the dial alone would not have asked it, None
    where it would.
    """

    model: str
    cached_tokens: int = 0
    switch_cost: float = 0.0
    stays: str | None = None

    @classmethod
    def of(cls, value: Session | Mapping[str, Any]) -> Session:
        """A session from the JSON values of one. Raises InputError where they are none."""
        if isinstance(value, Session):
            return value
        model, tokens = (value.get("model"), value.get("cached_tokens", 0)) if _is_map(value) else (None, 0)
        if not isinstance(model, str) or type(tokens) is not int or tokens < 0:
            raise InputError(
                'a session is {"model": NAME, "cached_tokens": whole number}, as a decision has it'
            )
        return cls(model, tokens)

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {name: getattr(self, name) for name in Session.__slots__}


def bond_of(messages: Sequence[Message]) -> str | None:
    """Why only the model that answered last may go on: a tool loop is open, or its reasoning is sealed, so
    that no other model can read it. None where any may."""
    if _in_tool_loop(messages):
        return TOOL_LOOP
    answers = (message for message in messages if message["role"] == "assistant")
    return SEALED if any(_is_sealed(answer) for answer in answers if not is_plain(answer)) else None


def _is_map(value: object) -> bool:
    return isinstance(value, Mapping)


def _in_tool_loop(messages: Sequence[Message]) -> bool:
    """Whether the last word is a tool's, or a call is without its result."""
    last = messages[-1]
    if last["role"] in ("function", "tool") or (last["role"] == "user" and holds_answers_only(last)):
        return True
    answered: set[object] = set()
    for message in reversed(messages):
        if message["role"] == "tool":
            answered.add(message.get("tool_call_id"))
        elif message["role"] == "assistant":
            calls = message.get("tool_calls") or ()
            return any(call.get("id") not in answered for call in calls if isinstance(call, Mapping))
    return False


def _is_sealed(message: Message) -> bool:
    return any(
        part.get("type") in _SEALED_TYPES or any(part.get(name) for name in _SEALS)
        for part in _mappings(message)
    )


def _mappings(value: Any) -> Iterator[Mapping[str, Any]]:
    todo = [value]
    while todo:
        value = todo.pop()
        if isinstance(value, Mapping):
            yield value
            todo += [
                inner for key, inner in value.items() if key not in _ARGUMENTS and not isinstance(inner, str)
            ]
        elif isinstance(value, (list, tuple)):
            todo += value
