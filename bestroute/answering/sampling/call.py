"""One call to an endpoint: bounded in time and size, and every failure an error text without the key."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from bestroute.answering.sampling.completion import error_text, read_completion
from bestroute.answering.sampling.retry_after import retry_after_s
from bestroute.answering.sampling.values import Sampled
from bestroute.errors import SamplingError, require

if TYPE_CHECKING:
    from openai import APIError, AsyncOpenAI

MAX_BYTES = 32 * 2**20
_MAX_ERROR_CHARACTERS = 300
_CONNECT_TIMEOUT_S = 5.0

# Reasoning models refuse these two; the first has another name there, the second is theirs to choose.
_REFUSABLE = {"max_tokens": "max_completion_tokens", "temperature": None}
_REFUSALS = ("unsupported_parameter", "unsupported_value")


@dataclass(frozen=True, repr=False)
class Call:
    """A request that is ready to be sent, for any number of responses.

    `timeout_s` bounds a call with its retries. `refused` names the fields that this endpoint's model does
    not take; calls add to it as they find out.
    """

    client: AsyncOpenAI
    body: dict[str, Any]
    timeout_s: float
    key: str | None
    refused: set[str]

    async def __call__(self, n: int) -> Sampled:
        """Ask once for n responses. What goes wrong is told in `errors`; only cancellation is raised."""
        try:
            reply = read_completion(await asyncio.wait_for(self._send(n), self.timeout_s))
        except asyncio.TimeoutError:
            reply = Sampled(errors=(f"no answer within {self.timeout_s:g} s",))
        except Exception as error:  # the client lets errors of its HTTP library through; each ends one call
            reply = _refusal(error, n)
        errors = tuple(map(self._clean, reply.errors))
        return replace(reply, samples=reply.samples[:n], errors=errors)

    async def _send(self, n: int) -> bytes:
        openai = require("openai", "client")
        while True:
            body = self._body(n)
            try:
                return await self._post(body, openai.Timeout(self.timeout_s, connect=_CONNECT_TIMEOUT_S))
            except openai.BadRequestError as error:
                refused = _refused(error)
                if refused not in body:
                    raise
                self.refused.add(refused)

    def _body(self, n: int) -> dict[str, Any]:
        body = {**self.body, "n": n} if n > 1 else dict(self.body)
        for name in tuple(self.refused):
            value, other_name = body.pop(name), _REFUSABLE[name]
            if other_name:
                body[other_name] = value
        return body

    async def _post(self, body: dict[str, Any], timeout: Any) -> bytes:
        create = cast(Any, self.client.chat.completions.with_streaming_response.create)
        needed = {name: body[name] for name in ("model", "messages")}
        extra = {name: value for name, value in body.items() if name not in needed}
        answer = bytearray()
        async with create(**needed, extra_body=extra, timeout=timeout) as response:
            async for chunk in response.iter_bytes():
                answer += chunk
                if len(answer) > MAX_BYTES:
                    raise SamplingError(f"the answer is longer than {MAX_BYTES} bytes")
        return bytes(answer)

    def _clean(self, text: str) -> str:
        """One line of bounded length, without the key: some servers echo the request's headers."""
        hidden = text.replace(self.key, "***") if self.key else text
        line = " ".join(hidden.split())
        return line if len(line) <= _MAX_ERROR_CHARACTERS else line[: _MAX_ERROR_CHARACTERS - 1] + "…"


def _refused(error: APIError) -> str | None:
    """The field that the endpoint says its model does not take, if it can be left out."""
    return error.param if error.code in _REFUSALS and error.param in _REFUSABLE else None


def _refusal(error: Exception, n: int) -> Sampled:
    """A call for n responses that failed, with what the endpoint says about asking again."""
    openai = require("openai", "client")
    errors = (_describe(error, n),)
    if not isinstance(error, openai.APIStatusError):
        return Sampled(errors=errors)
    wait_s = retry_after_s(error.response.headers, time.time())
    return Sampled(errors=errors, status=error.status_code, retry_after_s=wait_s)


def _describe(error: Exception, n: int) -> str:
    """What went wrong with a call for n responses."""
    openai = require("openai", "client")
    if isinstance(error, SamplingError):
        return str(error)
    if isinstance(error, openai.APIStatusError):
        about_n = (
            "; if it takes no n, say samples: parallel" if n > 1 and error.status_code in (400, 422) else ""
        )
        return f"HTTP {error.status_code}: {error_text(error.body or error.response.text)}{about_n}"
    if isinstance(error, openai.APIConnectionError):
        return f"cannot reach {error.request.url}: {error.__cause__ or error}"
    return f"{type(error).__name__}: {error}"
