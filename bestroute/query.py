"""Query: what is routed. Messages in, and the cheap facts that rules and costs look at.

The text that is routed on (`Query.text`) is the user's side of the conversation: the text parts of every
user message, oldest first, with blank lines between. System prompts, tool results and assistant turns are
left out: they are the application's words, not the question. The router model keeps the head and the tail
of a long text, so the first question and the latest turn always count.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import re2

from bestroute.errors import InputError
from bestroute.files import OnBad, read_lines
from bestroute.text import clean, estimate_tokens

Message: TypeAlias = Mapping[str, Any]
QueryLike: TypeAlias = "Query | str | Sequence[Message] | Mapping[str, Any]"

_ROLES = frozenset({"assistant", "developer", "function", "system", "tool", "user"})
_IMAGE_PARTS = frozenset({"image", "image_url", "input_image"})
_TEXT_PARTS = frozenset({"input_text", "output_text", "text"})

# Heuristics, kept narrow: a word of English that is also a keyword must not make a text look like code.
_KEYS = {"query", "messages", "tools", "id"}
_MISTYPED = 0.85  # likeness of a key to metadata, by difflib
_CODE = re2.compile(
    r"```|(?m:^\s*(?:def \w+\(|class \w+\s*[:({]|fn \w+\(|func \w+\(|function \w*\(|#include\s*[<\"]|@\w+$))"
    r"|(?m:^\s*(?:from [\w.]+ import \w|import \w+(?:\.\w+)*;?$|(?:const|let|var) \w+\s*=))"
    r"|(?m:^\s*SELECT\s.+\sFROM\s)|[;{]\s*\n|\b\w+\([\w, \"']*\)\s*(?:[{;]|=>)"
)
_MATH = re2.compile(
    r"\$[^$\n]*[\\^_=+][^$\n]*\$|\\(?:frac|sqrt|sum|int|begin|left|cdot|times|pi|theta)\b|\\[(\[]"
    r"|\d\s*[+*^=×÷]\s*\(?-?\d|\d\s+[-/]\s+\d|\b[a-z]\s*[\^=]\s*-?\d|[∑∫√≤≥≠π∞]"
)


def _cleaned(message: Message) -> Message:
    """The message with its texts clean; itself where they are."""
    content = message.get("content")
    kept: Any = content
    if isinstance(content, str):
        kept = clean(content)
    elif content:
        kept = [clean(part) if isinstance(part, str) else _cleaned_part(part) for part in content]
    return message if kept == content else {**message, "content": kept}


def _cleaned_part(part: Mapping[str, Any]) -> Mapping[str, Any]:
    text = part.get("text")
    return {**part, "text": clean(text)} if isinstance(text, str) else part


def _parts(message: Message) -> Iterator[Mapping[str, Any]]:
    content = message.get("content")
    if isinstance(content, str):
        yield {"type": "text", "text": content}
    elif isinstance(content, Sequence):
        for part in content:
            yield {"type": "text", "text": part} if isinstance(part, str) else part


def _text_of(message: Message) -> str:
    texts = (str(part.get("text") or "") for part in _parts(message) if part.get("type") in _TEXT_PARTS)
    return "\n".join(text for text in texts if text)


def _check_message(message: Any, index: int) -> None:
    if not isinstance(message, Mapping):
        raise InputError(
            f"messages[{index}] is {type(message).__name__}; give an object with role and content"
        )
    role = message.get("role")
    if not isinstance(role, str) or role not in _ROLES:
        raise InputError(f"messages[{index}] has role {role!r}; give one of {', '.join(sorted(_ROLES))}")
    content = message.get("content")
    if content is None or isinstance(content, str):
        return
    if not isinstance(content, Sequence) or not all(isinstance(part, (str, Mapping)) for part in content):
        raise InputError(f"messages[{index}].content must be a text or a list of content parts")
    for place, part in enumerate(content):
        if isinstance(part, Mapping) and not isinstance(part.get("type"), str):
            raise InputError(f'messages[{index}].content[{place}] needs a "type" such as "text"')


@dataclass(frozen=True)
class Query:
    """A conversation to be answered, with the metadata that rules may look at.

    `messages` are OpenAI chat messages (text, image and tool parts are understood), `metadata` is the
    caller's (plan, team, ...), `tools` tells that the request offers tools to the model.
    """

    messages: tuple[Message, ...]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    tools: bool = False
    id: str | None = None

    @classmethod
    def of(cls, value: QueryLike, *, metadata: Mapping[str, Any] | None = None) -> Query:
        """A Query from a text, a list of messages, or `{"query" | "messages", "metadata"?, "tools"?, "id"?}`.

        Raises InputError, naming the part, when there is nothing to route on, the shape is wrong, or a key
        looks like a mistyped "metadata". Other keys are left alone.
        """
        if isinstance(value, Query):
            return value if metadata is None else cls(value.messages, metadata, value.tools, value.id)
        if isinstance(value, str):
            return cls._checked([{"role": "user", "content": value}], metadata or {}, False, None)
        if isinstance(value, Mapping):
            return cls._of_mapping(value, metadata)
        return cls._checked(value, metadata or {}, False, None)

    @classmethod
    def _of_mapping(cls, value: Mapping[str, Any], metadata: Mapping[str, Any] | None) -> Query:
        text, messages = value.get("query"), value.get("messages")
        if (text is None) == (messages is None):
            raise InputError('a query needs exactly one of "query" (a text) and "messages" (a list)')
        if text is not None and not isinstance(text, str):
            raise InputError(f'"query" is {type(text).__name__}; give a text')
        own = value.get("metadata")
        if metadata is None and "metadata" not in value:
            _refuse_mistyped_metadata(value)
        if own is not None and not isinstance(own, Mapping):
            raise InputError(f'"metadata" is {type(own).__name__}; give an object')
        query_id = value.get("id")
        return cls._checked(
            [{"role": "user", "content": text}] if text is not None else messages,
            metadata if metadata is not None else own or {},
            bool(value.get("tools")),
            None if query_id is None else clean(str(query_id)),
        )

    @classmethod
    def _checked(cls, messages: Any, metadata: Mapping[str, Any], tools: bool, query_id: str | None) -> Query:
        if not isinstance(messages, Sequence) or isinstance(messages, (str, bytes)):
            raise InputError(f"messages is {type(messages).__name__}; give a list of chat messages")
        for index, message in enumerate(messages):
            _check_message(message, index)
        query = cls(tuple(map(_cleaned, messages)), metadata, tools, query_id)
        if not query.text.strip() and "image" not in query.needs:
            raise InputError("the query is empty: no user message has text or an image")
        return query

    @cached_property
    def text(self) -> str:
        """The text that is routed on: every user message's text, oldest first."""
        return "\n\n".join(filter(None, (_text_of(m) for m in self.messages if m["role"] == "user")))

    @cached_property
    def tokens(self) -> int:
        """Tokens of `text`, estimated."""
        return estimate_tokens(self.text)

    @cached_property
    def input_tokens(self) -> int:
        """Tokens of the whole prompt as it is billed, estimated: every message, system prompts too."""
        others = sum(estimate_tokens(_text_of(m)) for m in self.messages if m["role"] != "user")
        return self.tokens + others

    @cached_property
    def turns(self) -> int:
        """How many messages the user has sent."""
        return sum(1 for message in self.messages if message["role"] == "user")

    @cached_property
    def needs(self) -> frozenset[str]:
        """What the answering model must be able to take beyond text: `image`, `tools`."""
        image = any(part.get("type") in _IMAGE_PARTS for m in self.messages for part in _parts(m))
        tools = self.tools or any(m.get("tool_calls") or m["role"] == "tool" for m in self.messages)
        return frozenset(name for name, needed in (("image", image), ("tools", tools)) if needed)

    @cached_property
    def has(self) -> frozenset[str]:
        """Features of the request: `needs`, and `code` and `math` where the text looks like them."""
        looks = (("code", _CODE), ("math", _MATH))
        return self.needs | {name for name, pattern in looks if pattern.search(self.text)}


def _refuse_mistyped_metadata(value: Mapping[str, Any]) -> None:
    """Other keys are the user's own; but rules on metadata would pass such a query by, with no word."""
    others = value.keys() - _KEYS
    if not others:
        return
    folded = {str(key).casefold(): key for key in others}
    for near in get_close_matches("metadata", folded, 1, _MISTYPED):
        raise InputError(f"unknown key {folded[near]!r} (did you mean 'metadata'?)")


def read_queries(path: Path, on_bad: OnBad | None = None) -> Iterator[Query]:
    """Queries of a file, one at a time: `.txt` has a query a line, `.jsonl` (`.jsonl.gz`) an object a line.

    Blank lines are passed over. A line that cannot be read raises InputError with its number, or, where
    `on_bad` is given, is handed to it as that error.
    """
    suffix = Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
    if suffix not in (".jsonl", ".txt"):
        raise InputError(f"{path}: unknown kind of query file; convert it to .txt (a query a line) or .jsonl")
    return read_lines(path, Query.of if suffix == ".txt" else _of_json, on_bad)


def _of_json(line: str) -> Query:
    value = json.loads(line)
    if not isinstance(value, dict):
        raise InputError(f'an object with "query" or "messages" is needed, not {type(value).__name__}')
    return Query.of(value)
