"""What is sent to an endpoint: the request, with what the policy says where the request says nothing.

Which model, which messages and how many responses is bestroute's to say, and so are the `params` that make a
variant of a model; of every other field the request's own value counts before the policy's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bestroute.answering.sampling.complaints import Complaint
from bestroute.answering.sampling.refusals import Refused, refused_by, without
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


class Body:
    """The fields of a request, and the JSON that is sent of them, made once for however many calls.

    Raises ValueError, where it is encoded, for a number that JSON does not have.
    """

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.fields = fields
        self._encoded: dict[frozenset[tuple[str, str | None]], bytes] = {}
        self._asking: dict[int, Body] = {1: self}

    def asking(self, n: int) -> Body:
        """The body of a call for n responses."""
        if n not in self._asking:
            self._asking[n] = Body({**self.fields, "n": n})
        return self._asking[n]

    def encoded(self, refused: Refused) -> bytes:
        """What is sent, without what the endpoint does not take."""
        key = frozenset(refused.items())
        if key not in self._encoded:
            text = json.dumps(
                without(self.fields, refused), ensure_ascii=False, allow_nan=False, separators=(",", ":")
            )
            self._encoded[key] = text.encode("utf-8", "replace")
        return self._encoded[key]

    def refused_by(self, complaint: Complaint, refused: Refused) -> Refused:
        """The further field that a complaint about what was sent is about."""
        return refused_by(complaint, without(self.fields, refused), self.fields)


def values_of(body: Mapping[str, Any]) -> tuple[object, ...]:
    """What of a body an endpoint may refuse for its value alone, and take with another."""
    return tuple(repr(body.get(name)) for name in _TOLD_BY_VALUE)
