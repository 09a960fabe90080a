"""Latency of route() in two checkouts, side by side in one run: CPU time and wall time, and their ratio.

    python benchmarks/beside.py ../bestroute-before . --rounds 40
    python benchmarks/beside.py . . --policy policy.yaml --second-policy adapted.yaml

Each checkout runs in a process of its own, on the same core, with its own embedded models; rounds take turns,
so that what else the machine does befalls both alike. A round's figure is the median of its calls; the ratio
(second / first) is the median over the rounds' ratios, with the middle 95 % of 2,000 resampled ones.
CPU time is that of the calling thread, in which the model runs.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

POLICY = Path(__file__).resolve().parents[1] / "policies" / "balanced.yaml"
WORKER = """
import json, os, sys, time
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}) if hasattr(os, "sched_setaffinity") else None
from bestroute import Router
router = Router.from_policy(sys.argv[1])
for line in sys.stdin:
    query, calls = json.loads(line)
    rows = []
    for _ in range(calls):
        wall, cpu = time.perf_counter_ns(), time.thread_time_ns()
        router.route(query)
        rows.append((time.thread_time_ns() - cpu, time.perf_counter_ns() - wall))
    print(json.dumps(rows), flush=True)
"""
SENTENCE = "what is the sum of all even numbers below one hundred and why does it grow so fast"


def text(count: int) -> str:
    """About `count` tokens."""
    words = SENTENCE.split()
    return " ".join(words[index % len(words)] for index in range(count))


QUERIES = {
    "a rule decides": ("Hi there", 200),
    "16 tokens": (text(16), 40),
    "64 tokens": (text(64), 20),
    "256 tokens": (text(256), 8),
    "1 MB": (text(250_000)[:1_000_000], 4),
}


class Checkout:
    """A process that routes with the code and the models of one checkout."""

    def __init__(self, folder: Path, policy: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(policy)],
            env={**os.environ, "PYTHONPATH": str(folder.resolve()), "OPENAI_API_KEY": "none"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def medians(self, query: str, calls: int) -> np.ndarray:
        """Medians of CPU and wall time of some calls, in milliseconds; shape (2,)."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([query, calls]) + "\n")
        self._process.stdin.flush()
        return np.median(np.array(json.loads(self._process.stdout.readline())), axis=0) / 1e6


def interval(ratios: np.ndarray) -> str:
    """The median of the ratios, with its interval."""
    draws = np.random.default_rng(0).choice(ratios, (2000, len(ratios)))
    low, high = np.percentile(np.median(draws, axis=1), [2.5, 97.5])
    return f"{np.median(ratios):.3f} [{low:.3f}, {high:.3f}]"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkouts", type=Path, nargs=2)
    parser.add_argument("--policy", type=Path, default=POLICY, help="one that both checkouts read")
    parser.add_argument("--second-policy", type=Path, help="the second's, if it is not the same")
    parser.add_argument("--rounds", type=int, default=40)
    options = parser.parse_args()
    policies = (options.policy, options.second_policy or options.policy)
    sides = [Checkout(*side) for side in zip(options.checkouts, policies, strict=True)]
    print("| route() | first: CPU, wall ms | second: CPU, wall ms | ratio of CPU | ratio of wall |")
    print("|---|---:|---:|---:|---:|")
    for name, (query, calls) in QUERIES.items():
        for side in sides:
            side.medians(query, max(3, calls // 4))
        rounds = np.array([[side.medians(query, calls) for side in sides] for _ in range(options.rounds)])
        cells = [", ".join(f"{value:.3f}" for value in np.median(rounds[:, side], axis=0)) for side in (0, 1)]
        cells += [interval(rounds[:, 1, kind] / rounds[:, 0, kind]) for kind in (0, 1)]
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
