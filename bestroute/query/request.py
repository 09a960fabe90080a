"""ChatRequest: a whole Chat Completions request, read once.

What bestroute needs in order to choose and to sample is its own: which model, how many responses, whether
they are streamed. Every other field goes on to the model that answers, known or not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from sys import float_info
from typing import Any, TypeAlias

from bestroute.errors import InputError
from bestroute.query.query import MAX_LATENCY_MS, Query, QueryLike
from bestroute.query.session import Session

RequestLike: TypeAlias = "ChatRequest | QueryLike"

_SHOWN = 100  # characters of a value that is quoted back
_OWN = frozenset({"id", "messages", "model", "n", "query", "stream", "stream_options"})
_OF_CHAT_COMPLETIONS = frozenset(
    {
        "audio", "frequency_penalty", "function_call", "functions", "instructions", "logit_bias", "logprobs",
        "max_completion_tokens", "max_tokens", "modalities", "output_config", "output_format",
        "parallel_tool_calls", "prediction", "presence_penalty", "prompt_cache_key", "reasoning_effort",
        "response_format", "safety_identifier", "seed", "service_tier", "stop", "store", "system",
        "temperature", "toolConfig", "tool_choice", "tools", "top_logprobs", "top_p", "user", "verbosity",
        "web_search_options",
    }
)  # fmt: skip
"""Beside a "query", other keys are the caller's own."""
_OF_A_CLIENT = {
    "extra_body": "put its fields beside the others",
    "extra_headers": "endpoints are sent what the policy says",
    "extra_query": "endpoints are sent what the policy says",
    "timeout": "set sampling.timeout_s in the policy",
}
MOST_TOKENS = 10**6
"""The longest response that a request may ask for: no model writes a longer one."""
_LIMITS = ("max_completion_tokens", "max_tokens")
_NUMBERS = ("frequency_penalty", "presence_penalty", "temperature", "top_p")
_LISTS = ("functions", "tools")
_OBJECTS = ("response_format", "stream_options")


@dataclass(frozen=True)
class ChatRequest:
    """A Chat Completions request: the query, with every field that goes on in `query.fields`.

    `model` is the name that was asked for, which the policy overrules. `stream` and `include_usage` say how
    the caller would have the answer; what is called, `complete` or `stream`, decides.
    """

    query: Query
    model: str | None = None
    stream: bool = False
    include_usage: bool = False

    @classmethod
    def of(
        cls,
        value: RequestLike,
        *,
        metadata: Mapping[str, Any] | None = None,
        session: Session | Mapping[str, Any] | None = None,
    ) -> ChatRequest:
        """A request from a text, messages, a Query, or a mapping with `messages` and any further fields.

        Fields that are None say nothing, nor do empty lists of tools. `metadata` is for rules alone; that of
        the mapping goes on too. Beside a `query`, only fields of Chat Completions go on.
        Raises InputError, naming the field, for a shape or number that no endpoint takes, for more than one
        response (`n`), and for what is an argument of a client; else as `Query.of`.
        """
        if isinstance(value, ChatRequest):
            return replace(value, query=Query.of(value.query, metadata=metadata, session=session))
        query = Query.of(value, metadata=metadata, session=session)
        if not isinstance(value, Mapping):
            return cls(query)
        said = {name: one for name, one in value.items() if one is not None}
        _check(said, whole="messages" in value)
        asked = said.get("model")
        return cls(
            replace(query, fields=dict(_passed_on(said))),
            model=asked if isinstance(asked, str) else None,
            stream=said.get("stream") is True,
            include_usage=said.get("stream_options", {}).get("include_usage") is True,
        )


def _passed_on(said: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    for name, value in said.items():
        known = "messages" in said or name in _OF_CHAT_COMPLETIONS
        if known and name not in _OWN and not (name in _LISTS and not value):
            kept = _without_own(value) if name == "metadata" else value
            if kept is not None:
                yield name, kept


def _without_own(metadata: Any) -> Any:
    """The metadata that go on, None where there are none: how soon the answer should come is told to
    bestroute, and endpoints refuse what is no text."""
    if not isinstance(metadata, Mapping) or MAX_LATENCY_MS not in metadata:
        return metadata
    return {name: value for name, value in metadata.items() if name != MAX_LATENCY_MS} or None


def _check(said: Mapping[str, Any], *, whole: bool) -> None:
    odd = [name for name in said if not isinstance(name, str)]
    if whole and odd:
        raise InputError(f"a request has the key {odd[0]!r}; its fields are named by texts")
    for name, mend in _OF_A_CLIENT.items():
        if whole and name in said:
            raise InputError(f"{name} is an argument of a client, no field of a request: {mend}", name)
    for name in _LISTS:
        _check_list(name, said.get(name, ()))
    for name in _OBJECTS:
        if name in said and not isinstance(said[name], Mapping):
            raise InputError(f"{name} is {type(said[name]).__name__}; give an object", name)
    if not isinstance(said.get("stream", False), bool):
        raise InputError(f"stream is {_shown(said['stream'])}; give true or false", "stream")
    _check_numbers(said)
    if said.get("n", 1) != 1:
        raise InputError(
            f"n is {_shown(said['n'])}; give 1 or leave it out: one response is returned, and the tiers of "
            "the policy say how many are sampled to choose it from",
            "n",
        )


def _check_numbers(said: Mapping[str, Any]) -> None:
    for name in _LIMITS:
        limit = said.get(name, 1)
        if not _is_number(limit, int) or not 1 <= limit <= MOST_TOKENS:
            raise InputError(f"{name} is {_shown(limit)}; give a whole number from 1 to {MOST_TOKENS}", name)
    for name in _NUMBERS:
        number = said.get(name, 0)
        if not _is_number(number, (int, float)) or not abs(number) <= float_info.max:
            raise InputError(f"{name} is {_shown(number)}; give a number", name)


def _is_number(value: object, kind: type | tuple[type, ...]) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


def _shown(value: object) -> str:
    """A value as a message quotes it, however long it is."""
    if isinstance(value, int) and abs(value) > MOST_TOKENS:
        return "too large" if value > 0 else "too small"
    shown = repr(value)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."


def _check_list(name: str, value: Any) -> None:
    if not isinstance(value, (list, tuple)):
        raise InputError(f"{name} is {type(value).__name__}; give a list", name)
    for index, one in enumerate(value):
        if not isinstance(one, Mapping):
            raise InputError(f"{name}[{index}] is {type(one).__name__}; give an object", f"{name}[{index}]")
