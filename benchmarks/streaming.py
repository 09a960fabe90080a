"""What a stream costs on its way through bestroute: each chunk, and the first one from a request's start.

    python benchmarks/streaming.py [--requests 50] [--chunks 40] [--gap-ms 5]

A server on loopback, in a process of its own, streams chunks that hold the time they were written at, on the
clock that all processes of a machine share. The official client reads the same stream for comparison. Times
are milliseconds on this machine; `routing` is what `Router.route` took, before anything is asked.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import statistics
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import openai

from bestroute import Chunk, Ended, Policy, Router

QUERY = "How deep is the sea?"


def serve(pipe: Any, chunks: int, gap_s: float) -> None:
    """Stream chunks to whoever asks; the port is told through the pipe."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            for index in range(chunks + 1):
                last = index == chunks
                delta = {} if last else {"content": f"{time.monotonic()} "}
                choice = {"index": 0, "delta": delta, "finish_reason": "stop" if last else None}
                self._send(b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n")
                time.sleep(gap_s)
            self._send(b"data: [DONE]\n\n")
            self.wfile.write(b"0\r\n\r\n")

        def _send(self, piece: bytes) -> None:
            self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    pipe.send(server.server_port)
    server.serve_forever()


def policy_for(url: str) -> Policy:
    """One model, the reference, at this address."""
    model = {"class": "large", "price": {"input": 1.0, "output": 1.0}, "endpoint": {"base_url": url}}
    content = {
        "version": 1, "models": [{"name": "m", **model}], "reference": "m", "tiers": [{"model": "m"}],
        "max_gap": 0.0,
    }  # fmt: skip
    return Policy.model_validate(content, strict=False)


async def through_bestroute(router: Router) -> tuple[float, list[float], float]:
    """Seconds to the first chunk, seconds each chunk was under way, milliseconds of routing."""
    started, first, late, routing = time.monotonic(), 0.0, [], 0.0
    async for event in router.astream(QUERY):
        if isinstance(event, Chunk) and event.text:
            now = time.monotonic()
            first = first or now - started
            late.append(now - float(event.text))
        if isinstance(event, Ended):
            routing = event.answer.decision.timings_ms["total"]
    return first, late, routing


async def through_the_client(client: openai.AsyncOpenAI) -> tuple[float, list[float], float]:
    """The same of the official client alone."""
    started, first, late = time.monotonic(), 0.0, []
    messages: Any = [{"role": "user", "content": QUERY}]
    async for chunk in await client.chat.completions.create(model="m", messages=messages, stream=True):
        text = chunk.choices[0].delta.content
        if text:
            now = time.monotonic()
            first = first or now - started
            late.append(now - float(text))
    return first, late, 0.0


async def measure(url: str, requests: int) -> None:
    """Ask in turns, and print both."""
    router = Router(policy_for(url))
    client = openai.AsyncOpenAI(base_url=url, api_key="none")
    found: dict[str, list[tuple[float, list[float], float]]] = {"client": [], "bestroute": []}
    for index in range(requests + 3):
        one = {"client": await through_the_client(client), "bestroute": await through_bestroute(router)}
        for name, value in one.items() if index >= 3 else ():  # the first ones open connections
            found[name].append(value)
    for name, runs in found.items():
        print(f"{name:10}", _line("first chunk, since the request", [first for first, _, _ in runs]))
        print(f"{'':10}", _line("first chunk, since it was written", [late[0] for _, late, _ in runs]))
        print(
            f"{'':10}", _line("any chunk, since it was written", [one for _, late, _ in runs for one in late])
        )
    print(f"{'routing':10}", _line("", [ms / 1000 for _, _, ms in found["bestroute"]]))
    await client.close()


def _line(name: str, seconds: list[float]) -> str:
    points = statistics.quantiles(seconds, n=20)
    return f"{name:34} p50 {points[9] * 1000:6.2f}  p95 {points[18] * 1000:6.2f} ms"


def main() -> None:
    """Start the server, measure, stop it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--requests", type=int, default=50)
    parser.add_argument("--chunks", type=int, default=40)
    parser.add_argument("--gap-ms", type=float, default=5.0)
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    server = context.Process(target=serve, args=(theirs, options.chunks, options.gap_ms / 1000), daemon=True)
    server.start()
    try:
        asyncio.run(measure(f"http://127.0.0.1:{ours.recv()}/v1", options.requests))
    finally:
        server.terminate()


if __name__ == "__main__":
    main()
