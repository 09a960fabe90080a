"""A gateway for a long while: replies that go wrong, a policy that changes, callers that vanish.

    python benchmarks/soak.py                     # 20 minutes
    python benchmarks/soak.py --minutes 3 --workers 2

Of an endpoint's replies --ill go wrong (refused, busy, hanging, cut off, nonsense); every --reload-s seconds
the policy's file changes; of the callers some take whole answers, some streams, some go away in the middle.
Each request must end with an answer, or with an error of OpenAI's shape, in a stream as an event: any other
end is lost. Memory, file handles and the p99 are looked at in ten windows; the exit code is 1 where a request
was lost, where a reload was not taken over, or where the last windows hold more memory or handles than the
middle ones did.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gateway_life import family
from ill_endpoint import endpoint

from bestroute.table import table

POLICY = """\
version: 1
models:
  - {{name: tiny, class: small, price: {{input: 1, output: 2}}, endpoint: {{base_url: "{url}"}}}}
  - {{name: big, class: large, price: {{input: 10, output: 30}}, endpoint: {{base_url: "{url}"}}}}
reference: big
max_gap: {dial}
abstain: false
tiers: [{{model: tiny}}, {{model: big}}]
rules: [{{name: ruled, when: {{keywords: [RULED]}}, route: {{model: tiny}}}}]
sampling: {{timeout_s: 2, retries: 1, deadline_s: 6}}
"""
QUESTION = "A train leaves at nine and travels 120 miles at 40 miles an hour. When does it arrive, and why?"
WINDOWS = 10
GROWTH = 1.05  # of memory, from the middle windows to the last ones
HANDLES = 30  # more than that is growth: connections come and go
_PATIENCE_S = 60.0
_VANISH = 0.15


@dataclass
class Seen:
    """What came of requests; `took` are seconds of whole answers, in the present window."""

    ends: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    took: list[float] = field(default_factory=list)
    digests: set[str] = field(default_factory=set)


class Caller:
    """Asks one request after another, each on a connection of its own or on one that is kept."""

    def __init__(self, port: int, seen: Seen, seed: int) -> None:
        self._port, self._seen, self._dice = port, seen, random.Random(seed)

    async def work(self, until: float) -> None:
        """Ask until then, on a clock of time.monotonic."""
        while time.monotonic() < until:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            except OSError as error:
                self._seen.lost.append(f"no connection: {error}")
                await asyncio.sleep(1)
                continue
            try:
                kept = True
                while kept and time.monotonic() < until:
                    kept = await self._ask(reader, writer)
            finally:
                writer.close()

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request; whether the connection is kept."""
        streams, vanishes = self._dice.random() < 0.4, self._dice.random() < _VANISH
        words = f"RULED {QUESTION}" if self._dice.random() < 0.5 else QUESTION
        body = {"model": "auto", "stream": streams, "messages": [{"role": "user", "content": words}]}
        sent = json.dumps(body).encode()
        head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(sent)}\r\n\r\n"
        began = time.perf_counter()
        writer.write(head.encode() + sent)
        if vanishes:
            await asyncio.sleep(self._dice.random() * 0.05)
            self._seen.ends["vanished"] += 1
            return False
        try:
            kind = await asyncio.wait_for(self._read(reader), _PATIENCE_S)
        except (asyncio.TimeoutError, asyncio.IncompleteReadError, OSError, ValueError, KeyError) as error:
            self._seen.lost.append(f"{'stream' if streams else 'whole'}: {error!r}")
            return False
        self._seen.ends[kind] += 1
        self._seen.took.append(time.perf_counter() - began)
        return True

    async def _read(self, reader: asyncio.StreamReader) -> str:
        """How the response ended. Raises where it is none."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        status = int(head.split()[1])
        found = re.search(r"x-bestroute-policy: (\w+)", head)
        self._seen.digests |= {found.group(1)} if found else set()
        length = re.search(r"content-length: (\d+)", head)
        if length is not None:
            told = json.loads(await reader.readexactly(int(length.group(1))))
            return self._whole(status, told)
        came = b""
        while size := int(await reader.readline(), 16):
            came += (await reader.readexactly(size + 2))[:-2]
        await reader.readline()
        last = came.rstrip().rpartition(b"data: ")[2]
        return "streamed" if last == b"[DONE]" else f"stream: {json.loads(last)['error']['code']}"

    @staticmethod
    def _whole(status: int, told: dict[str, object]) -> str:
        if status == 200:
            return "answered" if told["choices"] else "empty"
        error = told["error"]
        assert isinstance(error, dict)
        return f"{status} {error['code']}"


@contextmanager
def serving(path: Path, workers: int) -> Iterator[tuple[int, int]]:
    """`bestroute serve`; gives its port and process id."""
    words = ["-m", "bestroute", "serve", str(path), "--port", "0", "--workers", str(workers), "--drain", "5"]
    log = path.with_name("log.jsonl")
    process = subprocess.Popen(
        [sys.executable, *words, "--log", str(log)],
        stderr=subprocess.PIPE,
        env={**os.environ, "NO_PROXY": "*"},
    )
    assert process.stderr is not None
    try:
        found = None
        while found is None:
            line = process.stderr.readline()
            assert line, "it ended"
            found = re.search(rb"serving on http://[^:]+:(\d+)", line)
        drained = subprocess.Popen(["cat"], stdin=process.stderr, stdout=subprocess.DEVNULL)
        yield int(found.group(1)), process.pid
        process.terminate()
        if process.wait() != 0:
            raise SystemExit(f"it ended with {process.returncode}")
        drained.wait()
    finally:
        if process.poll() is None:
            process.kill()


def held(pid: int) -> tuple[float, int]:
    """MB of memory (each shared page once) and file handles of a gateway."""
    memory = handles = 0
    for one in family(pid):
        rollup = Path(f"/proc/{one}/smaps_rollup").read_text()
        memory += int(re.search(r"^Pss:\s+(\d+)", rollup, re.M).group(1))  # type: ignore[union-attr]
        handles += len(os.listdir(f"/proc/{one}/fd"))
    return memory / 1024, handles


async def reloading(path: Path, url: str, every_s: float, until: float) -> int:
    """Change the dial again and again; how often."""
    count = 0
    while time.monotonic() + every_s < until:
        await asyncio.sleep(every_s)
        count += 1
        part = path.with_suffix(".part")
        part.write_text(POLICY.format(url=url, dial=f"0.{30 + count % 60:02d}"), "utf-8")
        os.replace(part, path)
    return count


@dataclass(frozen=True)
class Window:
    """What was seen in a part of the time."""

    requests: int
    p50_ms: float
    p99_ms: float
    memory_mb: float
    handles: int


async def soak(
    port: int, pid: int, path: Path, url: str, given: argparse.Namespace
) -> tuple[Seen, list[Window], int]:
    """Ask and look for as long as was said."""
    seen, windows = Seen(), []
    until = time.monotonic() + 60 * given.minutes
    callers = [asyncio.create_task(Caller(port, seen, seed).work(until)) for seed in range(given.callers)]
    changing = asyncio.create_task(reloading(path, url, given.reload_s, until))
    for _ in range(WINDOWS):
        await asyncio.sleep(60 * given.minutes / WINDOWS)
        took, seen.took = sorted(seen.took), []
        memory, handles = held(pid)
        p50, p99 = (1e3 * took[len(took) * rank // 100] if took else float("nan") for rank in (50, 99))
        windows.append(Window(len(took), p50, p99, memory, handles))
        print(
            f"  {len(windows)} of {WINDOWS}: {len(took)} requests, {memory:.0f} MB",
            file=sys.stderr,
            flush=True,
        )
    await asyncio.gather(*callers)
    return seen, windows, await changing


def told(port: int) -> dict[str, object]:
    """What /readyz says."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    found: dict[str, object] = json.loads(opener.open(f"http://127.0.0.1:{port}/readyz").read())
    return found


def faults(seen: Seen, windows: Sequence[Window], reloads: int) -> list[str]:
    """What did not hold."""
    middle, last = windows[WINDOWS // 2 - 2 : WINDOWS // 2 + 1], windows[-3:]
    memory = [statistics.median(one.memory_mb for one in part) for part in (middle, last)]
    handles = [statistics.median(one.handles for one in part) for part in (middle, last)]
    found = [f"{len(seen.lost)} requests were lost, such as {seen.lost[0]}"] if seen.lost else []
    if len(seen.digests) < min(reloads, 60):
        found.append(f"of {reloads} policies {len(seen.digests)} decided")
    if memory[1] > GROWTH * memory[0]:
        found.append(f"memory grew from {memory[0]:.0f} to {memory[1]:.0f} MB")
    if handles[1] > handles[0] + HANDLES:
        found.append(f"file handles grew from {handles[0]:.0f} to {handles[1]:.0f}")
    return found


def main() -> int:
    """Soak, and print what was seen."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--callers", type=int, default=16)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--ill", type=float, default=0.3)
    parser.add_argument("--reload-s", type=float, default=10)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, endpoint(ill=given.ill, takes_s=0.05) as url:
        path = Path(folder) / "policy.yaml"
        path.write_text(POLICY.format(url=url, dial=0.3), "utf-8")
        with serving(path, given.workers) as (port, pid):
            seen, windows, reloads = asyncio.run(soak(port, pid, path, url, given))
            assert told(port)["refused"] == []
        logged = path.with_name("log.jsonl").read_bytes().count(b"\n")
    rows = [
        [
            str(place + 1),
            str(one.requests),
            f"{one.p50_ms:.0f}",
            f"{one.p99_ms:.0f}",
            f"{one.memory_mb:.0f}",
            str(one.handles),
        ]
        for place, one in enumerate(windows)
    ]
    print(table(["window", "requests", "p50 ms", "p99 ms", "memory MB", "handles"], rows), "\n")
    print(table(["end", "requests"], [[end, str(count)] for end, count in seen.ends.most_common()]), "\n")
    ended = sum(seen.ends.values())
    print(f"{ended + len(seen.lost)} requests, {len(seen.lost)} lost, {logged} lines in the log")
    print(f"{reloads} reloads, {len(seen.digests)} policies decided")
    found = faults(seen, windows, reloads)
    print(*found, sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
