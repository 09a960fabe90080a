"""One call whose response is streamed: every chunk as it comes, then what the call came to.

What may be mended before the first chunk is: a field that is refused is left out. From then on whatever goes
wrong ends the stream, and what came is kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from bestroute.answering.health.fault import BROKEN, LATE, NONSENSE, Fault
from bestroute.answering.sampling.billing import read_usage
from bestroute.answering.sampling.call import fault_of
from bestroute.answering.sampling.clients import NAMED, on_failure
from bestroute.answering.sampling.complaints import Complaint, read_complaint
from bestroute.answering.sampling.completion import (
    cleaned,
    completion_of,
    is_completion,
    read_completion,
    read_document,
)
from bestroute.answering.sampling.failures import describe
from bestroute.answering.sampling.refusals import Refused, notes, refused_by, without
from bestroute.answering.sampling.stream import Gathered, event_in
from bestroute.answering.sampling.values import Sampled, Usage
from bestroute.errors import SamplingError, require

if TYPE_CHECKING:
    from bestroute.answering.sampling.call import Call

ChunkData: TypeAlias = Mapping[str, Any]
"""A Chat Completions chunk, as JSON has it."""

MAX_BYTES = 32 * 2**20
_CONNECT_TIMEOUT_S = 5.0
_FIELDS = ("data:", ":", "event:", "id:", "retry:")


async def stream(call: Call, opening_s: float) -> AsyncGenerator[ChunkData | Sampled, None]:
    """The chunks of one response, without their usage, and last what came of the call, as of `Call`.

    The wait for the first byte is at most `opening_s` seconds and the call's `timeout_s`, each silence after
    it the latter. A server that answers whole gives no chunk. Closing the generator closes the connection.
    """
    asked = {**call.body, "stream": True, "stream_options": {"include_usage": True}}
    known, found, spent = call.refusals.of(call.place), cast(Refused, {}), cast("list[Usage | None]", [])
    while True:
        tried = _Try(call, min(opening_s, call.timeout_s), spent)
        body = without(asked, {**known, **found})
        events = tried.chunks(body)
        try:
            async for chunk in events:
                yield chunk
        finally:
            await events.aclose()
        further = {} if tried.complaint is None else refused_by(tried.complaint, body, asked)
        if not further or further.items() <= found.items():
            break
        spent.append(tried.reply.usage)
        found = {**found, **further}
    if found and tried.reply.samples:
        call.refusals.add(call.place, found)
    yield call.finished(replace(tried.reply, notes=notes(call.body, {**known, **found})), spent)


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


class _Try:
    """One request: `reply` is what came of it, `complaint` what the endpoint said before any chunk."""

    def __init__(self, call: Call, opening_s: float, spent: list[Usage | None]) -> None:
        self.reply = Sampled()
        self.complaint: Complaint | None = None
        self._call, self._opening_s, self._spent = call, opening_s, spent
        self._gathered, self._given = Gathered(), False

    async def chunks(self, body: dict[str, Any]) -> AsyncGenerator[ChunkData, None]:
        openai = require("openai", "client")
        try:
            async with self._opened(body) as response:
                whole = bytearray()
                async for line in _lines(response):
                    if whole or (line and not line.startswith(_FIELDS)):
                        whole += line.encode() + b"\n"  # a server that does not stream
                        continue
                    chunk = self._read(line)
                    if chunk is not None:
                        self._given = True
                        yield chunk
            self._end(bytes(whole))
        except openai.APIStatusError as error:
            self.reply = self._call.refusal(error)
            self.complaint = read_complaint(error.body or error.response.text)
        except Exception as error:  # the client lets errors of its HTTP library through; each ends the stream
            self.reply = _broken(self._gathered, self._told(error), self._fault_of(error))

    @asynccontextmanager
    async def _opened(self, body: dict[str, Any]) -> AsyncIterator[Any]:
        """The response, once its status is there; within the time of the call, all tries together."""
        create = cast(Any, self._call.client.chat.completions.with_streaming_response.create)
        limits = require("openai", "client").Timeout(self._call.timeout_s, connect=_CONNECT_TIMEOUT_S)
        opening = create(**NAMED, extra_body=body, timeout=limits)
        told = on_failure.set(lambda failure: self._spent.append(read_usage(read_document(failure))))
        try:
            response = await asyncio.wait_for(opening.__aenter__(), self._opening_s)
        finally:
            on_failure.reset(told)
        try:
            yield response
        finally:
            await opening.__aexit__(None, None, None)

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
        if not event.get("choices"):
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
        if not _is_late(error):
            return describe(error, self._call.endpoint)
        if self._given:
            return f"nothing more came within {self._call.timeout_s:g} s"
        return f"no answer within {self._opening_s:.3g} s"

    def _fault_of(self, error: Exception) -> Fault | None:
        if isinstance(error, SamplingError):
            return NONSENSE
        return LATE if _is_late(error) else fault_of(error)


def _is_late(error: Exception) -> bool:
    return isinstance(error, asyncio.TimeoutError) or "Timeout" in type(error).__name__


async def _lines(response: Any) -> AsyncIterator[str]:
    """The lines of a body, each read as a whole, so that no character is cut in two. Raises SamplingError
    where it is longer than any response."""
    rest, read = b"", 0
    async for piece in response.iter_bytes():
        read += len(piece)
        if read > MAX_BYTES:
            raise SamplingError(f"the answer is longer than {MAX_BYTES} bytes")
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            yield line.decode("utf-8", "replace").rstrip("\r")
    if rest:
        yield rest.decode("utf-8", "replace")
