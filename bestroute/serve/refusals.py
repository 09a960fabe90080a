"""Errors in OpenAI's shape: what a caller is told, and what only the operator is.

A caller learns what to mend in the request, and never an address, a key's variable or a path of the server.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from bestroute.answering.sampling import Attempt
from bestroute.answering.sampling.attempt import all_unfit
from bestroute.errors import InputError, SamplingError

_KINDS = {403: "permission_error", 429: "rate_limit_error"}
_OF_THE_REQUEST = (400, 413, 422)
_SHOWN = 100  # characters of a name that is quoted back
_LISTED = 10


class Refusal(Exception):
    """A request that is not answered: an HTTP status, and what the caller is told.

    `param` names the field at fault, `code` says in a word what is wrong (None: nothing to say), `kind` is
    OpenAI's `type` (None: what is usual for the status), `headers` are the response's own.
    """

    def __init__(
        self,
        status: int,
        message: str,
        code: str | None = None,
        param: str | None = None,
        *,
        kind: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.param = status, code, param
        self.headers: Mapping[str, str] = headers or {}
        usual = "invalid_request_error" if status < 500 else "server_error"
        self.kind = kind or _KINDS.get(status, usual)

    def as_dict(self) -> dict[str, Any]:
        """The body of the response."""
        error = {"message": str(self), "type": self.kind, "param": self.param, "code": self.code}
        return {"error": error}


SHUTTING_DOWN = Refusal(503, "the gateway shuts down; ask again", "shutting_down")
"""What is told of a request that is not over when the time to drain is."""
CUT_OFF = ("caller_gone", SHUTTING_DOWN.code)
"""Codes of requests that ended before their answer did, by no fault of a model."""


def refusal_of(error: Exception) -> Refusal:
    """What a caller is told of an error."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, InputError):
        return Refusal(400, str(error), param=error.param)
    if isinstance(error, SamplingError):
        return unanswered(error.attempts)
    return Refusal(500, "the gateway failed; its log says why, under this request's id", "internal_error")


def not_served(model: str, served: Iterable[str]) -> Refusal:
    """What a caller is told who names a model that there is none of: what it may name."""
    names = [name[:_SHOWN] for name in served]
    listed = ", ".join(names[:_LISTED]) + (", ..." if len(names) > _LISTED else "")
    shown = model if len(model) <= _SHOWN else model[:_SHOWN] + "..."
    told = f"the model {shown!r} is not served here, but {listed}; GET /v1/models lists all"
    return Refusal(404, told, "model_not_found", "model")


def unanswered(attempts: Iterable[Attempt]) -> Refusal:
    """What a caller is told where no model's answer can be given: who was asked, and where all refused the
    request itself, why."""
    tried = list(attempts)
    statuses = {one.status for one in tried}
    asked = ", ".join(one.arm for one in tried) or "none"
    if tried and statuses <= {*_OF_THE_REQUEST}:
        return Refusal(400, f"every model refused the request: {tried[-1].error}", "refused_by_model")
    if statuses == {429}:
        return Refusal(429, f"every model is over its rate limit (asked: {asked})", "rate_limit_exceeded")
    if all_unfit(tried):
        told = f"every model answered (asked: {asked}), but with nothing, or not as the request demands"
        return Refusal(502, f"{told}; the log says why", "no_valid_answer")
    return Refusal(502, f"no model answered (asked: {asked}); the log says why", "no_model_answered")


def encoded(value: Any) -> bytes:
    """A JSON document, in ASCII, so that no text can break it."""
    return json.dumps(value, separators=(",", ":")).encode("ascii")
