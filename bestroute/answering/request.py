"""A request that is to be completed: refused where it says more than would reach the model.

A model's own endpoint would do as such fields say; dropping them without a word would change the answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bestroute.errors import InputError
from bestroute.query import Query, QueryLike

_ROUTED_ON = frozenset({"id", "messages", "metadata", "model", "query"})
_IN_THE_POLICY = {
    "max_completion_tokens": "sampling.max_tokens",
    "max_tokens": "sampling.max_tokens",
    "n": "the tiers' n",
    "temperature": "sampling.temperature",
    "timeout": "sampling.timeout_s",
}
_OF_CHAT_COMPLETIONS = frozenset(
    {
        *_IN_THE_POLICY,
        "audio",
        "frequency_penalty",
        "function_call",
        "functions",
        "logit_bias",
        "logprobs",
        "modalities",
        "parallel_tool_calls",
        "prediction",
        "presence_penalty",
        "reasoning_effort",
        "response_format",
        "seed",
        "service_tier",
        "stop",
        "store",
        "stream",
        "stream_options",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
        "user",
        "verbosity",
        "web_search_options",
    }
)
_TOOLS = frozenset({"functions", "toolConfig", "tools"})
_SAYS_NOTHING = {"n": 1, "stream": False, "store": False, "tools": [], "functions": [], "logprobs": False}


def check_request(request: QueryLike, query: Query) -> None:
    """Raise InputError, naming each field that is not passed on and where to set it, where there is one.

    In a Chat Completions request (with `messages`) every field counts but `metadata`, which rules look at,
    `id`, and `model`, which the policy chooses; beside a `query` other keys are the caller's own, but for
    those of Chat Completions and those that are part of the prompt (`Query.beside`), such as `system`.
    """
    dropped = set(_dropped(request)) if isinstance(request, Mapping) else set()
    dropped |= {name for name, value in query.beside.items() if not _is_default(name, value)}
    if query.tools and not _TOOLS & dropped:
        dropped.add("tools")
    if dropped:
        raise InputError(_refusal(sorted(dropped)))


def _dropped(request: Mapping[str, Any]) -> Iterable[str]:
    said = {name for name, value in request.items() if value is not None and not _is_default(name, value)}
    others = said - _ROUTED_ON
    return map(str, others if "messages" in request else others & _OF_CHAT_COMPLETIONS)


def _is_default(name: str, value: Any) -> bool:
    return name in _SAYS_NOTHING and value == _SAYS_NOTHING[name]


def _refusal(names: list[str]) -> str:
    settings = list(dict.fromkeys(_IN_THE_POLICY[name] for name in names if name in _IN_THE_POLICY))
    others = [name for name in names if name not in _IN_THE_POLICY]
    mends = [f"set {', '.join(settings)} in the policy"] if settings else []
    if others:
        mends.append(f"for {', '.join(others)} route the request and call the chosen model yourself")
    verb = "is" if len(names) == 1 and not names[0].endswith("s") else "are"
    return f"{', '.join(names)} {verb} not passed on: {'; '.join(mends)}"
