"""One call whose response is streamed: every chunk as it comes, then what the call came to.

What may be mended before the first chunk is: a field that is refused is left out. From then on whatever goes
wrong ends the stream, and what came is kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from bestroute.answering.clock import in_time
from bestroute.answering.health.fault import BROKEN, NONSENSE, Fault
from bestroute.answering.sampling.body import Body
from bestroute.answering.sampling.call import fault_of
from bestroute.answering.sampling.complaints import Complaint, read_complaint
from bestroute.answering.sampling.completion import (
    cleaned,
    completion_of,
    is_completion,
    read_completion,
    read_document,
)
from bestroute.answering.sampling.failures import describe, said_in
from bestroute.answering.sampling.refusals import Refused, notes
from bestroute.answering.sampling.stream import Gathered, event_in
from bestroute.answering.sampling.upstream import Reply, lines
from bestroute.answering.sampling.values import Sampled, Usage
from bestroute.errors import SamplingError
from bestroute.text import seconds

if TYPE_CHECKING:
    from aiohttp import ClientResponse

    from bestroute.answering.sampling.call import Call

ChunkData: TypeAlias = Mapping[str, Any]
"""A Chat Completions chunk, as JSON has it."""

_FIELDS = ("data:", ":", "event:", "id:", "retry:")


async def stream(call: Call, opening_s: float) -> AsyncGenerator[ChunkData | Sampled, None]:
    """The chunks of one response, without their usage, and last what came of the call, as of `Call`.

    The wait for the first byte is at most `opening_s` seconds and the call's `timeout_s`, each silence after
    it the latter. A server that answers whole gives no chunk. Closing the generator closes the connection.
    """
    options = {"stream": True, "stream_options": {"include_usage": True}}
    asked = Body({**call.body.fields, **options})
    known, found, spent = call.refusals.of(call.place), cast(Refused, {}), cast("list[Usage | None]", [])
    while True:
        tried, left_out = _Try(call, min(opening_s, call.timeout_s)), {**known, **found}
        async with aclosing(tried.chunks(asked.encoded(left_out))) as chunks:
            async for chunk in chunks:
                yield chunk
        further = {} if tried.complaint is None else asked.refused_by(tried.complaint, left_out)
        if not further or further.items() <= found.items():
            break
        spent.append(tried.reply.usage)
        found = {**found, **further}
    if found and tried.reply.samples:
        call.refusals.add(call.place, found)
    yield call.finished(replace(tried.reply, notes=notes(call.body.fields, {**known, **found})), spent)


def partial(chunks: list[ChunkData], error: str) -> Sampled:
    """What came of a stream that was broken off: a response that is cut off, if any."""
    gathered = Gathered()
    for chunk in chunks:
        gathered.add(chunk)
    return _broken(gathered, error, None)


def _broken(gathered: Gathered, error: str, fault: Fault | None) -> Sampled:
    document = gathered.document or {}
    document.pop("error", None)
    for choice in document.get("choices", ()):
        choice["finish_reason"] = "error"
    reply = completion_of(document) if document.get("choices") else Sampled()
    return replace(reply, errors=(error,), fault=fault)


def _only_bills(event: Mapping[str, Any]) -> bool:
    """Whether an event has usage beside choices that say nothing, as LiteLLM's proxy ends its streams."""
    says = any(part.get("delta") or part.get("finish_reason") for part in event["choices"])
    return bool(event.get("usage")) and not says


class _Try:
    """One request: `reply` is what came of it, `complaint` what the endpoint said before any chunk."""

    def __init__(self, call: Call, opening_s: float) -> None:
        self.reply = Sampled()
        self.complaint: Complaint | None = None
        self._call, self._opening_s = call, opening_s
        self._gathered, self._given = Gathered(), False

    async def chunks(self, body: bytes) -> AsyncGenerator[ChunkData, None]:
        try:
            response = await in_time(self._opening_s, self._opened(body))
            if isinstance(response, Reply):
                self.reply = self._call.refusal(response)
                self.complaint = read_complaint(said_in(response))
                return
            try:
                whole = bytearray()
                async with aclosing(lines(response)) as told:
                    async for line in told:
                        if whole or (line and not line.startswith(_FIELDS)):
                            whole += line.encode() + b"\n"  # a server that does not stream
                            continue
                        chunk = self._read(line)
                        if chunk is not None:
                            self._given = True
                            yield chunk
            finally:
                response.close()
            self._end(bytes(whole))
        except Exception as error:  # each ends the stream
            self.reply = _broken(self._gathered, self._told(error), self._fault_of(error))

    async def _opened(self, body: bytes) -> ClientResponse | Reply:
        """The response, once its status is there; the whole of one that refuses."""
        upstream = self._call.upstream
        response = await upstream.open(body, self._call.timeout_s)
        if response.status < 300:
            return response
        try:
            return await upstream.read(response)
        finally:
            response.close()

    def _read(self, line: str) -> ChunkData | None:
        """The chunk of a line. Raises SamplingError where it tells of a failure."""
        event = event_in(line)
        if event is None:
            return None
        self._gathered.add(event)
        if event.get("error"):
            if not self._given:
                self.complaint = read_complaint(event)
            raise SamplingError(f"the endpoint answered with an error: {read_complaint(event).message}")
        if not event.get("choices") or _only_bills(event):
            return None
        return cast(ChunkData, cleaned({name: value for name, value in event.items() if name != "usage"}))

    def _end(self, whole: bytes) -> None:
        if whole or self._gathered.document is None:
            self.reply = read_completion(whole)
            if not self.reply.samples:
                document = read_document(whole)
                self.complaint = read_complaint(document)
                self.reply = self.reply if is_completion(document) else replace(self.reply, fault=NONSENSE)
        elif self._gathered.is_ended:
            self.reply = completion_of(self._gathered.document)
        else:
            self.reply = _broken(self._gathered, "the stream ended before the response did", BROKEN)

    def _told(self, error: Exception) -> str:
        if not isinstance(error, asyncio.TimeoutError):
            return describe(error, self._call.endpoint)
        if self._given:
            return f"nothing more came within {seconds(self._call.timeout_s)}"
        return f"no answer within {seconds(self._opening_s)}"

    def _fault_of(self, error: Exception) -> Fault | None:
        return NONSENSE if isinstance(error, SamplingError) else fault_of(error)
