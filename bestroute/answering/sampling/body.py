"""What is sent to an endpoint: the request, with what the policy says where the request says nothing.

Which model, which messages and how many responses is bestroute's to say, and so are the `params` that make a
variant of a model; of every other field the request's own value counts before the policy's.
"""

from __future__ import annotations

from typing import Any

from bestroute.policy import Sampling
from bestroute.policy.arms import Model
from bestroute.query import Query

_LIMITS = frozenset({"max_completion_tokens", "max_tokens"})  # one limit by two names
_TOLD_BY_VALUE = ("temperature", "top_p", "reasoning_effort", "service_tier", "verbosity")


def body_of(model: Model, query: Query, settings: Sampling) -> dict[str, Any]:
    """The body of a call for one response; `settings` are the model's own."""
    said = {"temperature": settings.temperature, "max_tokens": settings.max_tokens}
    for further in (query.fields, model.params or {}):
        if _LIMITS & further.keys():
            said = {name: value for name, value in said.items() if name not in _LIMITS}
        said |= further
    messages = [dict(message) for message in query.messages]
    return {**said, "model": model.served_as, "messages": messages}


def values_of(body: dict[str, Any]) -> tuple[object, ...]:
    """What of a body an endpoint may refuse for its value alone, and take with another."""
    return tuple(repr(body.get(name)) for name in _TOLD_BY_VALUE)
