"""A scripted endpoint in a process of its own, for the benchmarks beside: well, slow, or ill at random."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import random
from collections.abc import Iterator
from contextlib import contextmanager

ILLS = ("close", "hang", "busy", "error", "half", "nonsense")
_LEN = b"content-length:"


def _reply(status: int, body: bytes, more: str = "", promised: int | None = None) -> bytes:
    length = len(body) if promised is None else promised
    head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n{more}content-length: {length}\r\n\r\n"
    return head.encode() + body


def _completion(model: str) -> bytes:
    message = {"role": "assistant", "content": f"an answer of {model}"}
    choices = [{"index": 0, "finish_reason": "stop", "message": message}]
    usage = {"prompt_tokens": 10, "completion_tokens": 5}
    return json.dumps({"object": "chat.completion", "choices": choices, "usage": usage}).encode()


def _chunks(model: str) -> list[bytes]:
    head = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": model}
    deltas = [{"content": f"{word} "} for word in f"an answer of {model} in pieces".split()]
    ends = [None] * len(deltas) + ["stop"]
    told = [
        {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": end}]}
        for delta, end in zip([*deltas, {}], ends, strict=True)
    ]
    return [b"data: " + json.dumps(one).encode() + b"\n\n" for one in told] + [b"data: [DONE]\n\n"]


class _Server:
    """`ill`: the share of replies that go wrong; `takes_s`: seconds that a good one takes."""

    def __init__(self, ill: float, takes_s: float, seed: int) -> None:
        self._ill, self._takes_s, self._dice = ill, takes_s, random.Random(seed)
        self.under_way = self.most = self.answered = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        lengths = [int(line[len(_LEN) :]) for line in head.lower().split(b"\r\n") if line.startswith(_LEN)]
        body = await reader.readexactly(lengths[0] if lengths else 0)
        if head.startswith(b"GET /count"):
            counts = {"most_at_once": self.most, "answered": self.answered}
            writer.write(_reply(200, json.dumps(counts).encode()))
            return True
        if head.startswith(b"GET"):
            writer.write(_reply(200, b'{"object": "list", "data": []}'))
            return True
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            asked = json.loads(body)
            return await self._play(asked["model"], writer, bool(asked.get("stream")))
        finally:
            self.under_way -= 1

    async def _play(self, model: str, writer: asyncio.StreamWriter, streams: bool) -> bool:
        ill = self._dice.choice(ILLS) if self._dice.random() < self._ill else ""
        if ill == "close":
            return False
        await asyncio.sleep(3600 if ill == "hang" else self._takes_s)
        if streams and ill in ("", "half"):
            return await self._stream(model, writer, broken=ill == "half")
        whole = _completion(model)
        replies = {
            "busy": _reply(429, b'{"error": {"message": "busy"}}', "retry-after: 0.2\r\n"),
            "error": _reply(500, b'{"error": {"message": "failed"}}'),
            "half": _reply(200, whole[: len(whole) // 2], promised=len(whole)),
            "nonsense": _reply(200, b'{"surprise": [1, 2'),
        }
        writer.write(replies.get(ill) or _reply(200, whole))
        await writer.drain()
        self.answered += not ill
        return ill != "half"

    async def _stream(self, model: str, writer: asyncio.StreamWriter, broken: bool) -> bool:
        writer.write(
            b"HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        pieces = _chunks(model)
        for piece in pieces[: len(pieces) // 2] if broken else pieces:
            writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            await writer.drain()
            await asyncio.sleep(self._takes_s / len(pieces))
        if not broken:
            writer.write(b"0\r\n\r\n")
            self.answered += 1
        return not broken


def _run(ill: float, takes_s: float, seed: int, ports: multiprocessing.Queue[int]) -> None:
    async def main() -> None:
        served = _Server(ill, takes_s, seed)
        server = await asyncio.start_server(served.serve, "127.0.0.1", 0, backlog=2048)
        ports.put(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


@contextmanager
def endpoint(*, ill: float = 0.0, takes_s: float = 0.0, seed: int = 1) -> Iterator[str]:
    """The address of an endpoint that lives as long as the block."""
    context = multiprocessing.get_context("spawn")
    ports = context.Queue()
    process = context.Process(target=_run, args=(ill, takes_s, seed, ports), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ports.get(timeout=60)}/v1"
    finally:
        process.kill()
        process.join()
