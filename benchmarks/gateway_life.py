"""How soon a gateway answers, and how soon all of its workers follow a change of the policy's file.

    python benchmarks/gateway_life.py [--runs 5] [--workers 1 2] [POLICY]

`start` is from the start of its process to the first /readyz that says 200; beside it stands the processor
time of all its processes until then, which other work on the machine moves little. `follow` is from a change
of the file until every worker says that it has taken it over.
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
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bestroute.table import table


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


def life(policy: Path, workers: int) -> tuple[float, float, float]:
    """Seconds to start, of processor time until then, and to follow a change."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["-m", "bestroute", "serve", str(policy), "--port", str(port), "--workers", str(workers)]
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, *words], stderr=subprocess.DEVNULL)
    try:
        while readyz(port) is None:
            if process.poll() is not None:
                raise SystemExit(f"it ended with {process.returncode}")
            time.sleep(0.005)
        started, spent = time.perf_counter() - began, processor_s(process.pid)
        return started, spent, follow(policy, port, workers)
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
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    given = parser.parse_args()
    rows = []
    for workers in given.workers:
        found = []
        for run in range(given.runs + 1):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "policy.yaml"
                path.write_text(given.policy.read_text("utf-8"), "utf-8")
                came = life(path, workers)
            if run:  # the first fills the caches of the file system
                found.append(came)
        started, spent, followed = zip(*found, strict=True)
        rows.append([str(workers), *_cells(started), f"{statistics.median(spent):.2f}", *_cells(followed)])
    head = ["workers", "start s", "least", "most", "processor s", "follow s", "least", "most"]
    print(table(head, rows))


def _cells(values: Sequence[float]) -> list[str]:
    return [f"{one:.2f}" for one in (statistics.median(values), min(values), max(values))]


if __name__ == "__main__":
    main()
