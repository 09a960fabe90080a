"""How soon a gateway answers, and how soon all of its workers follow a change of the policy's file.

    python benchmarks/gateway_life.py [--runs 5] [--workers 1 2 4] [--callers 4] [POLICY]

`start` is from the start of its process to the first /readyz that says 200; beside it stands the processor
time of all its processes until then, which other work on the machine moves little. `follow` is from a change
of the file until every worker says that it has taken it over. Meanwhile callers ask for answers, which an
endpoint gives at once: `asked` are their requests, `lost` those without an answer, of all runs.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from gateway import mocking

from bestroute.table import table

PAUSE_S = 0.02  # between a caller's answer and its next request
BODY = json.dumps(
    {"model": "auto", "messages": [{"role": "user", "content": "What is the capital of France?"}]}
)


class Callers:
    """Threads that ask for answers, one after another, in a `with` block; `statuses` are what they got, 0 for
    a connection that broke."""

    def __init__(self, port: int, count: int) -> None:
        self._port, self._ends = port, threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(count)]
        self.statuses: list[int] = []

    def __enter__(self) -> Callers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ends.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        while not self._ends.wait(PAUSE_S):
            try:
                connection.request("POST", "/v1/chat/completions", BODY, {"content-type": "application/json"})
                reply = connection.getresponse()
                reply.read()
                self.statuses.append(reply.status)
            except (OSError, http.client.HTTPException):
                self.statuses.append(0)
                connection.close()


def family(pid: int) -> list[int]:
    """A process and all that came of it."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in family(int(child)))]


def processor_s(pid: int) -> float:
    """Seconds of processor time that a process and all that came of it have taken."""
    ticks = 0
    for one in family(pid):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def readyz(port: int) -> dict[str, Any] | None:
    """What whichever worker takes the connection says; None where it would not answer at once."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", "/readyz")
        reply = connection.getresponse()
        found: dict[str, Any] = json.loads(reply.read())
        return found if reply.status == 200 else None
    except OSError:
        return None
    finally:
        connection.close()


def life(policy: Path, workers: int, callers: int) -> tuple[float, float, float, list[int]]:
    """Seconds to start, of processor time until then, and to follow a change; what callers got meanwhile."""
    port = _free_port()
    words = ["-m", "bestroute", "serve", str(policy), "--port", str(port), "--workers", str(workers)]
    began, env = time.perf_counter(), {**os.environ, "NO_PROXY": "127.0.0.1"}
    process = subprocess.Popen([sys.executable, *words], stderr=subprocess.DEVNULL, env=env)
    try:
        while readyz(port) is None:
            if process.poll() is not None:
                raise SystemExit(f"it ended with {process.returncode}")
            time.sleep(0.005)
        started, spent = time.perf_counter() - began, processor_s(process.pid)
        with Callers(port, callers) as calling:
            followed = follow(policy, port, workers)
        return started, spent, followed, calling.statuses
    finally:
        process.terminate()
        process.wait()


def follow(policy: Path, port: int, workers: int) -> float:
    """Seconds until every worker has taken over a change of the file."""
    while len(seen := dict(_digest(port) for _ in range(20 * workers))) < workers:
        pass
    [old] = {*seen.values()}
    text, count = re.subn(r"^max_gap: .*", "max_gap: 0.0123", policy.read_text("utf-8"), flags=re.M)
    assert count == 1, "the policy has no max_gap to change"
    policy.write_text(text, "utf-8")
    began, following = time.perf_counter(), set[int]()
    while len(following) < workers:
        worker, digest = _digest(port)
        if digest != old:
            following.add(worker)
    return time.perf_counter() - began


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _digest(port: int) -> tuple[int, str]:
    while (found := readyz(port)) is None:
        time.sleep(0.005)
    return found["worker"], found["policies"]["auto"]


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("policy", nargs="?", type=Path, default="policies/local.yaml")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--callers", type=int, default=4)
    given = parser.parse_args()
    rows = []
    with mocking(_free_port()) as url:
        text = re.sub(r"(base_url: )[^,}\n]+", rf'\1"{url}"', given.policy.read_text("utf-8"))
        for workers in given.workers:
            found = []
            for run in range(given.runs + 1):
                with tempfile.TemporaryDirectory() as folder:
                    path = Path(folder) / "policy.yaml"
                    path.write_text(text, "utf-8")
                    came = life(path, workers, given.callers)
                if run:  # the first fills the caches of the file system
                    found.append(came)
            started, spent, followed, statuses = zip(*found, strict=True)
            got = sum(statuses, [])
            counts = [str(len(got)), str(sum(status != 200 for status in got))]
            times = [*_cells(started), f"{statistics.median(spent):.2f}", *_cells(followed)]
            rows.append([str(workers), *times, *counts])
    head = [
        "workers",
        "start s",
        "least",
        "most",
        "processor s",
        "follow s",
        "least",
        "most",
        "asked",
        "lost",
    ]
    print(table(head, rows))


def _cells(values: Sequence[float]) -> list[str]:
    return [f"{one:.2f}" for one in (statistics.median(values), min(values), max(values))]


if __name__ == "__main__":
    main()
