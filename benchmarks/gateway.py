"""What the gateway adds to a call, beside calls straight to the same endpoint.

    python benchmarks/gateway.py
    python benchmarks/gateway.py --endpoint-ms 500                              # a slower endpoint; 0: none
    python benchmarks/gateway.py --litellm        # LiteLLM's proxy beside it: pip install "litellm[proxy]"
    python benchmarks/gateway.py --beside name=http://127.0.0.1:4000/v1         # another gateway, same mock

All on loopback, rounds in which the targets take turns, the median of a round, then that of the rounds.
`added` is a target's less the direct calls'. `a core` are requests for each second of processor time of
the gateway's process, which other work on the machine moves little; times it moves.

First, as public benchmarks of gateways do it, the endpoint answers at once, so that callers ask as fast as
they are answered: what a core bears. Several at once then keep the gateway's core busy, and their times are
those of its queue. So the endpoint then waits --endpoint-ms, as a model does, and callers rest between calls
for a random while, up to a quarter of that, so that they do not come in step: what the gateway adds for a
caller who is one of as many.

The mock listens on --mock-port, and what --beside names must ask it. Each gateway is one process.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import random
import re
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from math import isnan
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bestroute.table import table

POLICY = """\
version: 1
models:
  - {{name: small, class: small, price: {{input: 1, output: 2}}, endpoint: {{base_url: "{url}"}}}}
  - {{name: large, class: large, price: {{input: 10, output: 30}}, endpoint: {{base_url: "{url}"}}}}
reference: large
max_gap: 0.03
abstain: false
tiers: [{{model: small}}, {{model: large}}]
rules: [{{name: ruled, when: {{keywords: [RULED]}}, route: {{model: small}}}}]
"""
QUESTION = "A train leaves at nine and travels 120 miles at 40 miles an hour. When does it arrive, and why?"
REPLY = "It arrives at noon, since 120 / 40 is 3 hours."
CONCURRENT = (1, 16, 64)
CONCURRENT_WAITING = (16,)  # one alone would only wait, and many more keep a core busy again


@dataclass(frozen=True)
class Target:
    """Who is asked: an address, the model to name, what to say, a key; `pid`: whose processor time counts."""

    name: str
    port: int
    model: str
    words: str
    pid: int | None = None
    key: str = "k"


async def mock(wait_s: float, scope: Any, receive: Any, send: Any) -> None:
    """An ASGI application that answers every Chat Completions request after so many seconds."""
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    streams = json.loads(body or b"{}").get("stream")  # a gateway may also ask whether anybody is there
    kind = b"text/event-stream" if streams else b"application/json"
    if wait_s:
        await asyncio.sleep(wait_s)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
    for piece in _streamed() if streams else [_whole()]:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def _whole() -> bytes:
    message = {"role": "assistant", "content": REPLY}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    usage = {"prompt_tokens": 30, "completion_tokens": 15, "total_tokens": 45}
    head = {"id": "1", "object": "chat.completion", "created": 1, "model": "m"}
    return json.dumps({**head, "choices": choices, "usage": usage}).encode()


def _streamed() -> Iterator[bytes]:
    head = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    for word in REPLY.split():
        choices = [{"index": 0, "delta": {"content": f"{word} "}, "finish_reason": None}]
        yield b"data: " + json.dumps({**head, "choices": choices}).encode() + b"\n\n"
    ended = {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    yield b"data: " + json.dumps(ended).encode() + b"\n\ndata: [DONE]\n\n"


def serve_mock(port: int, wait_s: float) -> None:
    """Run the mock on a port."""
    import uvicorn

    uvicorn.run(
        partial(mock, wait_s),
        interface="asgi3",
        host="127.0.0.1",
        port=port,
        log_level="error",
        lifespan="off",
    )


@contextmanager
def mocking(port: int, wait_s: float = 0.0) -> Iterator[str]:
    """The mock in a process of its own; gives its address."""
    process = multiprocessing.get_context("spawn").Process(
        target=serve_mock, args=(port, wait_s), daemon=True
    )
    process.start()
    try:
        _await_port(port)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.join()


def _await_port(port: int) -> None:
    import socket

    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"nothing listens on port {port}")


@contextmanager
def serving(url: str) -> Iterator[tuple[int, int]]:
    """`bestroute serve` before the mock; gives its port and process id, and prints what the start took."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "policy.yaml"
        path.write_text(POLICY.format(url=url), "utf-8")
        started = time.perf_counter()
        command = [sys.executable, "-m", "bestroute", "serve", str(path), "--port", "0"]
        env = {**os.environ, "NO_PROXY": "127.0.0.1"}
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=env)
        assert process.stderr is not None
        try:
            said = re.search(r"serving on http://[^:]+:(\d+)", process.stderr.readline())
            assert said is not None
            took = time.perf_counter() - started
            print(f"start: {took:.2f} s, of processor time {_processor_s(process.pid):.2f} s\n")
            yield int(said.group(1)), process.pid
        finally:
            process.terminate()
            process.wait()


@contextmanager
def litellm(url: str, port: int) -> Iterator[tuple[int, str]]:
    """LiteLLM's proxy before the mock, as it comes; gives its process id and a key. It logs to nowhere."""
    key = f"sk-{secrets.token_hex(16)}"
    # Without the map it would fetch prices; nothing here needs them.
    env = {
        **os.environ,
        "LITELLM_MASTER_KEY": key,
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "NO_PROXY": "127.0.0.1",
    }
    asked = {"model": "openai/small", "api_base": url, "api_key": "k"}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.yaml"
        path.write_text(
            json.dumps({"model_list": [{"model_name": "small", "litellm_params": asked}]}), "utf-8"
        )
        command = ["litellm", "--config", str(path), "--port", str(port), "--telemetry", "False"]
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env, cwd=folder
        )
        try:
            _await_port(port)
            yield process.pid, key
        finally:
            process.terminate()
            process.wait()


def _processor_s(pid: int) -> float:
    """Seconds of processor time that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Caller:
    """A connection that is kept, as HTTP clients do."""

    def __init__(self, target: Target, streams: bool) -> None:
        body = json.dumps(
            {
                "model": target.model,
                "stream": streams,
                "messages": [{"role": "user", "content": target.words}],
            }
        ).encode()
        head = (
            f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {target.key}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        self._port, self._sent, self._streams = target.port, head.encode() + body, streams

    async def calls(self, count: int, rest_s: float) -> list[float]:
        """Seconds to the whole answer, of a stream to its first chunk, of so many calls, each after a random
        rest of up to so many seconds."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        took = []
        for _ in range(count):
            if rest_s:
                await asyncio.sleep(random.uniform(0.0, rest_s))
            started = time.perf_counter()
            writer.write(self._sent)
            head = await reader.readuntil(b"\r\n\r\n")
            if b" 200 " not in head[:20]:
                raise SystemExit(f"not answered: {head!r}")
            took.append(await self._read(reader, head.lower(), started))
        writer.close()
        return took

    async def _read(self, reader: asyncio.StreamReader, head: bytes, started: float) -> float:
        length = re.search(rb"content-length: (\d+)", head)
        if length is not None:
            await reader.readexactly(int(length.group(1)))
            return time.perf_counter() - started
        first = None
        while size := int(await reader.readline(), 16):
            await reader.readexactly(size + 2)
            first = first or time.perf_counter() - started
        await reader.readline()
        return first if self._streams and first else time.perf_counter() - started


async def measured(
    target: Target, streams: bool, at_once: int, calls: int, rest_s: float = 0.0
) -> tuple[list[float], float]:
    """Seconds of every call, and calls for each second of the target's processor time (nan: not known)."""
    before = _processor_s(target.pid) if target.pid else 0.0
    each = max(1, calls // at_once)
    found = await asyncio.gather(*(Caller(target, streams).calls(each, rest_s) for _ in range(at_once)))
    spent = _processor_s(target.pid) - before if target.pid else 0.0
    return sorted(sum(found, [])), each * at_once / spent if spent else float("nan")


def rounds(
    targets: Sequence[Target], streams: bool, at_once: int, calls: int, count: int, wait_s: float = 0.0
) -> list[list[str]]:
    """A row for each target: medians over the rounds, and what is added to the first target's."""
    seen: dict[str, list[tuple[float, float, float]]] = {target.name: [] for target in targets}
    for turn in range(count):
        order = [*targets[turn % len(targets) :], *targets[: turn % len(targets)]]
        for target in order:
            took, a_core = asyncio.run(measured(target, streams, at_once, calls, wait_s / 4))
            seen[target.name].append((took[len(took) // 2], took[len(took) * 99 // 100], a_core))
    medians = {
        name: [statistics.median(column) for column in zip(*one, strict=True)] for name, one in seen.items()
    }
    base = medians[targets[0].name]
    kind = "first chunk" if streams else "whole"
    return [
        [name, kind, f"{1e3 * wait_s:g}", str(at_once), *_cells(one, base)] for name, one in medians.items()
    ]


def _cells(found: Sequence[float], base: Sequence[float]) -> list[str]:
    p50, p99, a_core = found
    times = (p50, p99, p50 - base[0], p99 - base[1])
    return [*(f"{1e3 * seconds:.2f}" for seconds in times), "-" if isnan(a_core) else f"{a_core:.0f}"]


def rows_of(given: argparse.Namespace, wait_s: float) -> Iterator[list[str]]:
    """The rows of all targets before an endpoint that waits so many seconds."""
    with ExitStack() as stack:
        url = stack.enter_context(mocking(given.mock_port, wait_s))
        port, pid = stack.enter_context(serving(url))
        targets = [
            Target("direct", given.mock_port, "small", QUESTION),
            Target("rules", port, "auto", f"RULED {QUESTION}", pid),
            Target("router model", port, "auto", QUESTION, pid),
        ]
        if given.litellm:
            pid, key = stack.enter_context(litellm(url, given.litellm_port))
            targets.append(Target("LiteLLM", given.litellm_port, "small", QUESTION, pid, key))
        for beside in given.beside:
            name, _, address = beside.partition("=")
            targets.append(Target(name, urlsplit(address).port or 80, "small", QUESTION))
        for target in targets:
            asyncio.run(measured(target, False, 16, 320))
        for streams in (False, True):
            for at_once in CONCURRENT_WAITING if wait_s else CONCURRENT:
                yield from rounds(targets, streams, at_once, given.calls, given.rounds, wait_s)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--calls", type=int, default=256, help="calls of a target in a round")
    parser.add_argument("--endpoint-ms", type=float, default=100.0, help="how long the endpoint then waits")
    parser.add_argument("--mock-port", type=int, default=8095)
    parser.add_argument("--litellm", action="store_true", help="LiteLLM's proxy too, started here")
    parser.add_argument("--litellm-port", type=int, default=4000)
    parser.add_argument("--beside", action="append", default=[], metavar="NAME=URL")
    given = parser.parse_args()
    rows = [row for wait_s in sorted({0.0, given.endpoint_ms / 1e3}) for row in rows_of(given, wait_s)]
    head = [
        "target",
        "answer",
        "endpoint ms",
        "at once",
        "p50 ms",
        "p99 ms",
        "added p50",
        "added p99",
        "a core",
    ]
    print(table(head, rows))


if __name__ == "__main__":
    main()
