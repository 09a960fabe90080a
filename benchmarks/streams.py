"""Queries per second and peak memory of `diff` and `dry-run` on a stream, beside the router model alone.

    python benchmarks/streams.py --queries 4000

Routes generated queries, no two alike, each way in a process of its own: `predictor` only tokenizes and
predicts batches of 256; `dry-run` and `diff` do what the commands do, reading and sums too. Rates count
from when the router model is open, medians over turns. `part` is the share of a run's seconds that the
router model took in that run: the rate by that of the bare router model under the very same load, since a
shared machine is noisy. `MB` is the peak memory of the process, and beside it that for a quarter of the
queries: it does not grow.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from bestroute.artefacts.predictor import OnnxPredictor, Prediction, Predictor
from bestroute.artefacts.session import TokenRow
from bestroute.policy import Policy, load_policy
from bestroute.query import read_queries
from bestroute.retune.diff import Changes, Sides
from bestroute.retune.dry_run import Tally, batches, decide_all
from bestroute.router import Router

POLICIES = Path(__file__).resolve().parents[1] / "policies"
WORDS = (
    *("average", "bottle", "carpenter", "distance", "equation", "fraction", "garden", "harvest", "island"),
    *("journey", "kettle", "ladder", "market", "number", "orchard", "percent", "quarter", "river", "student"),
    *("train", "umbrella", "village", "window", "yard", "zebra", "sum", "product"),
)


def main() -> None:
    """Measure and print a Markdown table; with --measure, be one of the measured processes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--queries", type=int, default=4000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--old", default=str(POLICIES / "balanced.yaml"))
    parser.add_argument("--new", default=str(POLICIES / "cost-saver.yaml"))
    parser.add_argument("--measure", nargs=2, metavar=("WAY", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        way, file = options.measure
        old, new = load_policy(options.old), load_policy(options.new)
        print(json.dumps(measure(way, Path(file), old, new, options.threads)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        whole, quarter = Path(scratch) / "whole.jsonl", Path(scratch) / "quarter.jsonl"
        write_queries(whole, options.queries)
        write_queries(quarter, options.queries // 4)
        turns = [{way: in_process(way, whole) for way in WAYS} for _ in range(options.turns)]
        small = {way: in_process(way, quarter)["mb"] for way in WAYS}
    print(f"| {options.queries} queries, {options.threads} threads | a second | part | MB | MB, a quarter |")
    print("|---|---:|---:|---:|---:|")
    for way in WAYS:
        rate, part = (median(turn[way][name] for turn in turns) for name in ("rate", "part"))
        memory = max(turn[way]["mb"] for turn in turns)
        print(f"| {way} | {rate:.0f} | {part:.0%} | {memory:.0f} | {small[way]:.0f} |")


def write_queries(path: Path, count: int) -> None:
    """Questions of 10 to 42 words."""
    draw = random.Random(7)
    with path.open("w") as file:
        for index in range(count):
            words = " ".join(draw.choices(WORDS, k=draw.randint(6, 38)))
            query = f"{words.capitalize()} {index}, how many {draw.choice(WORDS)}?"
            file.write(json.dumps({"query": query}) + "\n")


def in_process(way: str, file: Path) -> dict[str, float]:
    """What a fresh process with the same options tells of itself."""
    command = [sys.executable, __file__, *sys.argv[1:], "--measure", way, str(file)]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return found


class Timed:
    """A predictor that sums up the seconds it takes."""

    def __init__(self, predictor: Predictor) -> None:
        self.manifest = predictor.manifest
        self.seconds = 0.0
        self._predictor = predictor

    def tokenize(self, texts: Sequence[str]) -> list[TokenRow]:
        """As the predictor does."""
        start = time.perf_counter()
        rows = self._predictor.tokenize(texts)
        self.seconds += time.perf_counter() - start
        return rows

    def predict(self, rows: Sequence[TokenRow], time_budget_s: float | None = None) -> Prediction:
        """As the predictor does."""
        start = time.perf_counter()
        prediction = self._predictor.predict(rows, time_budget_s)
        self.seconds += time.perf_counter() - start
        return prediction


def predict_alone(predictor: Predictor, old: Policy, new: Policy, file: Path) -> int:
    """Tokenize and predict, and nothing else; how many queries."""
    count = 0
    for batch in batches(read_queries(file)):
        predictor.predict(predictor.tokenize([query.text for query in batch]))
        count += len(batch)
    return count


def dry_run(predictor: Predictor, old: Policy, new: Policy, file: Path) -> int:
    """What `bestroute dry-run` does with the old policy; how many queries."""
    router, tally = Router(old, predictor=predictor, time_budget_s=None), Tally()
    for decision in decide_all(router, read_queries(file)):
        tally.add(decision)
    return tally.queries


def diff(predictor: Predictor, old: Policy, new: Policy, file: Path) -> int:
    """What `bestroute diff` does; how many queries."""
    sides, changes = Sides(old, new, predictors=(predictor, predictor)), Changes(old, new)
    for pair in sides.compare(read_queries(file)):
        changes.add(pair)
    return changes.queries


WAYS: dict[str, Callable[[Predictor, Policy, Policy, Path], int]] = {
    "predictor": predict_alone,
    "dry-run": dry_run,
    "diff": diff,
}


def measure(way: str, file: Path, old: Policy, new: Policy, threads: int) -> dict[str, float]:
    """One way through a file, in this process."""
    predictor = Timed(OnnxPredictor(old.router, threads))
    start = time.perf_counter()
    count = WAYS[way](predictor, old, new, file)
    seconds = time.perf_counter() - start
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # on Linux it is told in KiB
    return {"rate": count / seconds, "part": predictor.seconds / seconds, "mb": memory}


if __name__ == "__main__":
    main()
