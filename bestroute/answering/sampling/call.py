"""One call to an endpoint: bounded in time and size, and every failure an error text without the key."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bestroute.answering.clock import in_time
from bestroute.answering.health.fault import BROKEN, LATE, NONSENSE, UNREACHABLE, Fault
from bestroute.answering.sampling.billing import billed, read_usage
from bestroute.answering.sampling.body import Body
from bestroute.answering.sampling.complaints import Complaint, read_complaint
from bestroute.answering.sampling.completion import is_completion, read_completion, read_document
from bestroute.answering.sampling.failures import describe, describe_refusal, hints, said_in
from bestroute.answering.sampling.refusals import Place, Refusals, Refused, notes
from bestroute.answering.sampling.retry_after import retry_after_s
from bestroute.answering.sampling.surroundings import by_way_of
from bestroute.answering.sampling.upstream import Reply, Unreached, Upstream
from bestroute.answering.sampling.values import Sampled, Usage
from bestroute.errors import SamplingError
from bestroute.policy.arms import Endpoint
from bestroute.text import clean, seconds

_MAX_ERROR_CHARACTERS = 300


@dataclass(frozen=True, repr=False)
class Call:
    """A request that is ready to be sent, for any number of responses.

    `timeout_s` bounds it. `refusals` knows, by `place`, the fields that this endpoint's
    model does not take; calls add to it as they find out. `prompt_tokens` is the estimate for a prompt that
    the endpoint does not count.
    """

    upstream: Upstream
    endpoint: Endpoint
    body: Body
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
        try:
            reply = await in_time(self.timeout_s, self._ask(n, spent))
        except asyncio.TimeoutError:
            way = by_way_of(self.endpoint.base_url)
            reply = Sampled(errors=(f"no answer within {seconds(self.timeout_s)}{way}",), fault=LATE)
        asked_for = reply if len(reply.samples) <= n else replace(reply, samples=reply.samples[:n])
        return self.finished(asked_for, spent, reply)

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
        asked, refused = self.body.asking(n), self.refusals.of(self.place)
        found: Refused = {}
        while True:
            left_out = {**refused, **found}
            reply, complaint = await self._send(asked.encoded(left_out))
            further = {} if complaint is None else asked.refused_by(complaint, left_out)
            if not further or further.items() <= found.items():
                break
            spent.append(reply.usage)
            found = {**found, **further}
        if found and reply.samples:
            self.refusals.add(self.place, found)
        told = notes(asked.fields, {**refused, **found})
        return replace(reply, notes=told) if told else reply

    async def _send(self, body: bytes) -> tuple[Sampled, Complaint | None]:
        """One request and what the endpoint complains of, which some do with status 200."""
        try:
            answer = await self.upstream.ask(body)
        except Exception as error:  # each ends one call
            return Sampled(errors=(describe(error, self.endpoint),), fault=fault_of(error)), None
        if answer.refused:
            return self.refusal(answer), read_complaint(said_in(answer))
        reply = read_completion(answer.body)
        if reply.samples:
            return reply, None
        document = read_document(answer.body)
        if not is_completion(document):
            hint = hints(answer, self.endpoint)
            errors = tuple(error + hint for error in reply.errors)
            reply = replace(reply, errors=errors, fault=NONSENSE)
        return reply, read_complaint(document)

    def refusal(self, reply: Reply) -> Sampled:
        """A call that was refused, with what the endpoint says about asking again, and what it billed."""
        wait_s = retry_after_s(reply.headers, time.time())
        return Sampled(
            errors=(describe_refusal(reply, self.endpoint),),
            usage=read_usage(read_document(reply.body)),
            status=reply.status,
            retry_after_s=wait_s,
            fault=Fault.of_status(reply.status, wait_s),
        )

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
    """What an error of a call says of the endpoint."""
    if isinstance(error, asyncio.TimeoutError):
        return LATE
    if isinstance(error, Unreached):
        return UNREACHABLE
    return None if isinstance(error, SamplingError) else BROKEN
