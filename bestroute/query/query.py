"""Query: a conversation to be answered, checked and measured once.

The text that is routed on (`Query.text`) is the user's side of the conversation: the text parts of every
user message, oldest first, with blank lines between. System prompts, tool results and assistant turns are
left out: they are the application's words, not the question. Where there is no user message at all, what
the application says in system and developer messages is the question. The router model keeps the head and the
tail of a long text, so the first question and the latest turn always count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cached_property
from math import inf, nan
from typing import Any, TypeAlias

from bestroute.errors import InputError
from bestroute.query.features import features
from bestroute.query.parts import (
    Message,
    holds_answers_only,
    kind_of,
    needs_of,
    parts_of,
    text_of,
    tokens_in,
    tokens_of,
)
from bestroute.query.session import Session, bond_of
from bestroute.text import clean, estimate_tokens

QueryLike: TypeAlias = "Query | str | Sequence[Message] | Mapping[str, Any]"

_ROLES = frozenset({"assistant", "developer", "function", "system", "tool", "user"})
_APPLICATION = ("developer", "system")
_OFFERS = ("functions", "toolConfig", "tools")
_BESIDE = (
    *_OFFERS, "instructions", "modalities", "output_config", "output_format", "prediction", "response_format",
    "system",
)  # fmt: skip
"""What of a request is part of the prompt beside its messages, in the words of several servers."""
_KEYS = {"query", "messages", "id", *_BESIDE}
MAX_LATENCY_MS = "max_latency_ms"
"""Key of the metadata that says how soon an answer should come."""
_MISTYPED = 0.85  # likeness of a key to metadata, by difflib
_AS_LONG = range(6, 11)  # what is shorter or longer is less like it than that


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


def _check_message(message: Any, index: int) -> None:
    if not isinstance(message, Mapping):
        raise InputError(
            f"messages[{index}] is {type(message).__name__}; give an object with role and content",
            f"messages[{index}]",
        )
    role = message.get("role")
    if not isinstance(role, str) or role not in _ROLES:
        raise InputError(
            f"messages[{index}] has role {role!r}; give one of {', '.join(sorted(_ROLES))}",
            f"messages[{index}].role",
        )
    content = message.get("content")
    if content is None or isinstance(content, str):
        return
    if not isinstance(content, Sequence) or not all(isinstance(part, (str, Mapping)) for part in content):
        where = f"messages[{index}].content"
        raise InputError(f"{where} must be a text or a list of content parts", where)
    for place, part in enumerate(content):
        if isinstance(part, Mapping) and not _has_kind(part):
            where = f"messages[{index}].content[{place}]"
            raise InputError(f'{where} needs a "type" such as "text"', where)


def _check_metadata(name: str, value: Any) -> None:
    if value is not None and not isinstance(value, Mapping):
        raise InputError(f"{name} is {type(value).__name__}; give an object", "metadata")


def _has_kind(part: Mapping[str, Any]) -> bool:
    return isinstance(part["type"], str) if "type" in part else kind_of(part) is not None


@dataclass(frozen=True)
class Query:
    """A conversation to be answered, with the metadata that rules may look at.

    `messages` are chat messages (text, image, audio, video, file and tool parts are understood, as several
    servers have them), `metadata` is the caller's (plan, team, ...). `fields` are those of the request that
    go on to the model as they are, by its own keys: tool definitions, the schema of the response, a seed.
    `session` tells which model holds the conversation, None where that is not known.
    """

    messages: tuple[Message, ...]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    id: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    session: Session | None = None

    @classmethod
    def of(
        cls,
        value: QueryLike,
        *,
        metadata: Mapping[str, Any] | None = None,
        session: Session | Mapping[str, Any] | None = None,
    ) -> Query:
        """A Query from a text, a list of messages, or `{"query" | "messages", "metadata"?, "id"?}`, which may
        be a whole request: its tools, functions, response schema and system prompt count, and of its fields
        they alone are kept (`ChatRequest.of` keeps all).

        Raises InputError, naming the part, when there is nothing to route on, the shape is wrong,
        `metadata.max_latency_ms` is no time, or a key looks like a mistyped "metadata". Other keys are left
        alone. `session`, where given, is the query's.
        """
        held = None if session is None else Session.of(session)
        _check_metadata("metadata", metadata)
        if isinstance(value, Query):
            given = {"metadata": metadata, "session": held}
            changes = {name: part for name, part in given.items() if part is not None}
            return replace(value, **changes)._timed() if changes else value  # type: ignore[arg-type]
        if isinstance(value, str):
            value = [{"role": "user", "content": value}]
        elif isinstance(value, Mapping):
            return cls._of_mapping(value, metadata, held)
        return cls._checked(value, metadata=metadata or {}, session=held)

    @classmethod
    def _of_mapping(
        cls, value: Mapping[str, Any], metadata: Mapping[str, Any] | None, session: Session | None
    ) -> Query:
        text, messages = value.get("query"), value.get("messages")
        if (text is None) == (messages is None):
            raise InputError('a query needs exactly one of "query" (a text) and "messages" (a list)')
        if text is not None and not isinstance(text, str):
            raise InputError(f'"query" is {type(text).__name__}; give a text', "query")
        own = value.get("metadata")
        if metadata is None and "metadata" not in value:
            _refuse_mistyped_metadata(value)
        _check_metadata('"metadata"', own)
        query_id = value.get("id")
        return cls._checked(
            [{"role": "user", "content": text}] if text is not None else messages,
            metadata=metadata if metadata is not None else own or {},
            id=None if query_id is None else clean(str(query_id)),
            fields={key: value[key] for key in _BESIDE if value.get(key)},
            session=session,
        )

    @classmethod
    def _checked(cls, messages: Any, **rest: Any) -> Query:
        if not isinstance(messages, Sequence) or isinstance(messages, (str, bytes)):
            raise InputError(
                f"messages is {type(messages).__name__}; give a list of chat messages", "messages"
            )
        for index, message in enumerate(messages):
            _check_message(message, index)
        query = cls(tuple(map(_cleaned, messages)), **rest)
        if not query.text.strip() and not any(map(_asks_without_text, query.messages)):
            raise InputError("the query is empty: no user message has text or an image", "messages")
        return query._timed()

    def _timed(self) -> Query:
        """Itself, once its metadata say how soon the answer should come, or nothing: no rule need ask."""
        _ = self.max_latency_ms
        return self

    @cached_property
    def tools(self) -> bool:
        """Whether the request offers tools to the model."""
        return bool(self.fields) and any(map(self.fields.get, _OFFERS))

    @cached_property
    def beside(self) -> Mapping[str, Any]:
        """What the prompt holds beside the messages: tool and function definitions, the schema of the
        response, a system prompt."""
        return {key: self.fields[key] for key in _BESIDE if self.fields.get(key)} if self.fields else {}

    @cached_property
    def max_tokens(self) -> int | None:
        """The longest response that the request allows, in tokens; None where it does not say."""
        if not self.fields:
            return None
        limits = [self.fields.get(name) for name in ("max_completion_tokens", "max_tokens")]
        return next((limit for limit in limits if type(limit) is int and limit > 0), None)

    @cached_property
    def text(self) -> str:
        """The text that is routed on: every user message's text, oldest first; without one the system
        prompts'."""
        return "\n\n".join(filter(None, map(text_of, self._asked)))

    @cached_property
    def last_turn(self) -> Query:
        """The same request with the user's last message alone."""
        return replace(self, messages=self._asked[-1:])

    @cached_property
    def tokens(self) -> int:
        """Tokens of `text`, estimated."""
        return estimate_tokens(self.text)

    @cached_property
    def input_tokens(self) -> int:
        """Tokens of the whole prompt as it is billed, estimated: every message with all its parts, calls of
        tools, and what stands beside the messages. They never fall when anything is added."""
        beside = tokens_in([*self.beside.values()]) if self.beside else 0
        users = self.tokens if self._from_user else 0
        return users + sum(map(tokens_of, self.messages)) + beside

    @cached_property
    def turns(self) -> int:
        """How many messages the user has sent; those with results of tools alone are not the user's."""
        return len(self._asked)

    @cached_property
    def bond(self) -> str | None:
        """Why only the model that answered last may go on; None where any may, or none is known."""
        return None if self.session is None else bond_of(self.messages)

    @cached_property
    def max_latency_ms(self) -> float | None:
        """Milliseconds that an answer should take at most, from the metadata; None where they say nothing.

        Raises InputError where what they say is no number above 0.
        """
        given = self.metadata.get(MAX_LATENCY_MS)
        if given is None:
            return None
        try:
            milliseconds = float(given)
        except (OverflowError, TypeError, ValueError):
            milliseconds = nan
        if not 0 < milliseconds < inf:
            where = f"metadata.{MAX_LATENCY_MS}"
            raise InputError(f"{where} is {given!r}; give milliseconds, above 0", where)
        return milliseconds

    @cached_property
    def _asked(self) -> tuple[Message, ...]:
        roles = ("user",) if self._from_user else _APPLICATION
        return tuple(one for one in self.messages if one["role"] in roles and not holds_answers_only(one))

    @cached_property
    def _from_user(self) -> bool:
        return any(one["role"] == "user" for one in self.messages)

    @cached_property
    def needs(self) -> frozenset[str]:
        """What the answering model must be able to take beyond text: audio, file, image, tools, video."""
        needed = set().union(*map(needs_of, self.messages))
        if self.fields:
            needed |= {"tools"} if self.tools else set()
            needed |= {"audio"} & {str(kind) for kind in self.beside.get("modalities") or ()}  # to be spoken
        return frozenset(needed)

    @cached_property
    def has(self) -> frozenset[str]:
        """Features of the request: `needs`, and `code` and `math` where the text looks like them."""
        return self.needs | features(self.text)


def _asks_without_text(message: Message) -> bool:
    kinds = {kind_of(part) for part in parts_of(message.get("content"))} | needs_of(message)
    return message["role"] == "user" and bool(kinds - {"text", None})


def _refuse_mistyped_metadata(value: Mapping[str, Any]) -> None:
    """Other keys are the user's own; but rules on metadata would pass such a query by, with no word."""
    others = [key for key in value.keys() - _KEYS if len(str(key)) in _AS_LONG]
    if not others:
        return
    folded = {str(key).casefold(): key for key in others}
    for near in get_close_matches("metadata", folded, 1, _MISTYPED):
        raise InputError(f"unknown key {folded[near]!r} (did you mean 'metadata'?)")
