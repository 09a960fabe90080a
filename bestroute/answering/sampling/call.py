"""One call to an endpoint: bounded in time and size, and every failure an error text without the key."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from bestroute.answering.health.fault import BROKEN, LATE, NONSENSE, UNREACHABLE, Fault
from bestroute.answering.sampling.billing import billed, read_usage
from bestroute.answering.sampling.clients import NAMED, on_failure
from bestroute.answering.sampling.complaints import Complaint, read_complaint
from bestroute.answering.sampling.completion import is_completion, read_completion, read_document
from bestroute.answering.sampling.failures import describe, hints
from bestroute.answering.sampling.refusals import Place, Refusals, Refused, notes, refused_by, without
from bestroute.answering.sampling.retry_after import retry_after_s
from bestroute.answering.sampling.surroundings import by_way_of
from bestroute.answering.sampling.values import Sampled, Usage
from bestroute.errors import SamplingError, require
from bestroute.policy.arms import Endpoint
from bestroute.text import clean

if TYPE_CHECKING:
    from openai import AsyncOpenAI

MAX_BYTES = 32 * 2**20
_MAX_ERROR_CHARACTERS = 300
_CONNECT_TIMEOUT_S = 5.0


@dataclass(frozen=True, repr=False)
class Call:
    """A request that is ready to be sent, for any number of responses.

    `timeout_s` bounds it. `refusals` knows, by `place`, the fields that this endpoint's
    model does not take; calls add to it as they find out. `prompt_tokens` is the estimate for a prompt that
    the endpoint does not count.
    """

    client: AsyncOpenAI
    endpoint: Endpoint
    body: dict[str, Any]
    timeout_s: float
    key: str | None
    refusals: Refusals
    place: Place
    prompt_tokens: int

    async def __call__(self, n: int) -> Sampled:
        """Ask once for n responses. What goes wrong is told in `errors`; only cancellation is raised.

        Where the endpoint does not take a field, it is asked again without: one that takes no n gives one
        response. `usage` has what failed tries were billed too.
        """
        spent: list[Usage | None] = []
        told = on_failure.set(lambda body: spent.append(read_usage(read_document(body))))
        try:
            reply = await asyncio.wait_for(self._ask(n, spent), self.timeout_s)
        except asyncio.TimeoutError:
            way = by_way_of(self.endpoint.base_url)
            within = f"{round(self.timeout_s, 1) or self.timeout_s:.3g} s"
            reply = Sampled(errors=(f"no answer within {within}{way}",), fault=LATE)
        finally:
            on_failure.reset(told)
        return self.finished(replace(reply, samples=reply.samples[:n]), spent, reply)

    def finished(
        self, reply: Sampled, spent: Sequence[Usage | None], billed: Sampled | None = None
    ) -> Sampled:
        """A reply whose errors are fit to be told, with the bill of all tries; `billed` is what the last one
        gave, if more."""
        errors = tuple(map(self._clean, reply.errors))
        return replace(reply, errors=errors, usage=self.bill(billed or reply, spent))

    @property
    def takes_n(self) -> bool:
        """Whether the endpoint may give several responses to one call, for all that is known."""
        return "n" not in self.refusals.of(self.place)

    def note_one_by_one(self) -> None:
        """Remember that the endpoint gives one response to a call."""
        self.refusals.add(self.place, {"n": None})

    async def _ask(self, n: int, spent: list[Usage | None]) -> Sampled:
        """Ask, and again for as long as the endpoint names a further field that it does not take."""
        asked, refused = ({**self.body, "n": n} if n > 1 else self.body), self.refusals.of(self.place)
        found: Refused = {}
        while True:
            body = without(asked, {**refused, **found})
            reply, complaint = await self._send(body)
            further = {} if complaint is None else refused_by(complaint, body, asked)
            if not further or further.items() <= found.items():
                break
            spent.append(reply.usage)
            found = {**found, **further}
        if found and reply.samples:
            self.refusals.add(self.place, found)
        return replace(reply, notes=notes(asked, {**refused, **found}))

    async def _send(self, body: dict[str, Any]) -> tuple[Sampled, Complaint | None]:
        """One request and what the endpoint complains of, which some do with status 200."""
        openai = require("openai", "client")
        try:
            answer = await self._post(body, openai.Timeout(self.timeout_s, connect=_CONNECT_TIMEOUT_S))
        except openai.APIStatusError as error:
            return self.refusal(error), read_complaint(error.body or error.response.text)
        except Exception as error:  # the client lets errors of its HTTP library through; each ends one call
            return Sampled(errors=(describe(error, self.endpoint),), fault=fault_of(error)), None
        reply = read_completion(answer)
        if reply.samples:
            return reply, None
        document = read_document(answer)
        if not is_completion(document):
            hint = hints(200, self.endpoint)
            errors = tuple(error + hint for error in reply.errors)
            reply = replace(reply, errors=errors, fault=NONSENSE)
        return reply, read_complaint(document)

    async def _post(self, body: dict[str, Any], timeout: Any) -> bytes:
        create = cast(Any, self.client.chat.completions.with_streaming_response.create)
        answer = bytearray()
        async with create(**NAMED, extra_body=body, timeout=timeout) as response:
            async for chunk in response.iter_bytes():
                answer += chunk
                if len(answer) > MAX_BYTES:
                    raise SamplingError(f"the answer is longer than {MAX_BYTES} bytes")
        return bytes(answer)

    def refusal(self, error: Any) -> Sampled:
        """A call that was refused, with what the endpoint says about asking again."""
        wait_s = retry_after_s(error.response.headers, time.time())
        fault = Fault.of_status(error.status_code, wait_s)
        errors = (describe(error, self.endpoint),)
        return Sampled(errors=errors, status=error.status_code, retry_after_s=wait_s, fault=fault)

    def bill(self, reply: Sampled, spent: Sequence[Usage | None]) -> Usage | None:
        """The bill of a reply and of the tries before it; None where none of them reported a count."""
        before = Usage.total(spent)
        if before is None and reply.usage is None:
            return None
        return Usage.total([before, billed(reply.usage, reply.samples, self.prompt_tokens)])

    def _clean(self, text: str) -> str:
        """One line of bounded length, without the key: some servers echo the request's headers."""
        hidden = text.replace(self.key, "***") if self.key else text
        line = " ".join(clean(hidden).split())
        return line if len(line) <= _MAX_ERROR_CHARACTERS else line[: _MAX_ERROR_CHARACTERS - 1] + "…"


def fault_of(error: Exception) -> Fault | None:
    """What an error of the client, or of the HTTP library below it, says of the endpoint."""
    openai = require("openai", "client")
    if isinstance(error, openai.APITimeoutError):
        return LATE
    if isinstance(error, openai.APIConnectionError):
        return UNREACHABLE
    return None if isinstance(error, SamplingError) else BROKEN
