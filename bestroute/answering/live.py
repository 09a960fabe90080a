"""One response that nothing is judged of, streamed as it comes.

Chunks are given as soon as the response says anything but blanks, so that one that says nothing leaves the
next tier its turn. Calls of tools are given when all of them are there, since only then is it known that
they may win.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing
from typing import Any, Protocol, TypeAlias, cast, runtime_checkable

from bestroute.answering.course import Ask, Course
from bestroute.answering.demands import Demands
from bestroute.answering.sampling import Sampled
from bestroute.answering.sampling.content import read_message
from bestroute.answering.sampling.streaming import ChunkData, partial
from bestroute.policy import Policy, Sampling
from bestroute.policy.arms import Model
from bestroute.query import Query
from bestroute.text import seconds

Piece: TypeAlias = "ChunkData | Sampled"

GRACE_S = 0.25  # a call ends itself soon after nobody waits for it any more; one that does not is cut off
_CALLS = ("function_call", "tool_calls")


@runtime_checkable
class Streamer(Protocol):
    """A sampler that can stream one response, as `EndpointSampler` does."""

    def stream(self, model: Model, query: Query, settings: Sampling) -> AsyncGenerator[Piece, None]:
        """Chunks as they come, and last what came of the call."""
        ...


def goes_live(ask: Ask, course: Course, policy: Policy, demands: Demands) -> bool:
    """Whether the one response of a step will be kept, whatever it says."""
    single = len(ask.more) == 1 and ask.more[0][1] == 1 and ask.max_gap is None
    taken = course.kept is None or ask.step.arm.parts == ((policy.reference, 1),)
    return single and taken and not demands.of_all


async def live(
    pieces: AsyncGenerator[Piece, None], demands: Demands, left_s: float | None
) -> AsyncGenerator[Piece, None]:
    """The chunks that may be given, and last what came of the call, checked against the demands."""
    held: list[ChunkData] = []
    seen: list[ChunkData] = []
    reply = Sampled(errors=("the stream gave nothing",))
    given = calls = False
    async with aclosing(pieces):
        async for piece in _within(pieces, left_s, seen):
            if isinstance(piece, Sampled):
                reply = demands.check(piece)
                break
            seen.append(piece)
            held.append(piece)
            calls = calls or _calls(piece)
            if not calls and (given or _says(piece)):
                given = True
                for chunk in held:
                    yield chunk
                held.clear()
        if not reply.errors and any(sample.may_win for sample in reply.samples):
            for chunk in held:
                yield chunk
        yield reply


async def _within(
    pieces: AsyncGenerator[Piece, None], left_s: float | None, seen: list[ChunkData]
) -> AsyncIterator[Piece]:
    """The pieces up to a deadline, in seconds from now."""
    if left_s is None:
        async for piece in pieces:
            yield piece
        return
    loop = asyncio.get_running_loop()
    ends = loop.time() + left_s
    while True:
        try:
            grace_s = 0.0 if seen else GRACE_S
            piece = await asyncio.wait_for(anext(pieces), max(0.0, ends + grace_s - loop.time()))
        except asyncio.TimeoutError:
            yield partial(seen, f"no more time than the {seconds(left_s)} that were left")
            return
        yield piece
        if isinstance(piece, Sampled):
            return


def _deltas(chunk: ChunkData) -> Iterator[Mapping[str, Any]]:
    return (cast("Mapping[str, Any]", part.get("delta") or {}) for part in chunk.get("choices") or ())


def _calls(chunk: ChunkData) -> bool:
    return any(delta.get(name) for delta in _deltas(chunk) for name in _CALLS)


def _says(chunk: ChunkData) -> bool:
    """Whether a chunk has any text or thinking to read, as a sample is found blank or not."""
    said = map(read_message, _deltas(chunk))
    return any((one.raw or one.text or "").strip() for one in said)
