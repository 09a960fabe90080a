"""Latency of route, route_batch and pick on one core of this machine.

    python benchmarks/latency.py --runs 500 --plot docs/latency.svg

Pins itself to one core, then times what `bestroute bench` times, as a Markdown table: medians and 99th
percentiles in milliseconds of every stage. Quote it with the machine it ran on; a shared machine is noisy.

    python benchmarks/latency.py --routers old/router exported_models/router

times predictions of several router models in turn instead, so that what disturbs one disturbs the others:
the processor time of the calling thread, in which onnxruntime works, and the wall time, for 16, 64 and 256
tokens. Each is also timed alone, its weights warm in the caches, as in a process that does little else.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter_ns, thread_time_ns

import numpy as np

from bestroute.artefacts.predictor import OnnxPredictor
from bestroute.artefacts.session import TokenRow
from bestroute.cli.measure import STAGES, measure
from bestroute.errors import require


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--plot", metavar="FILE", help="also draw the medians (extra: plot)")
    parser.add_argument(
        "--routers", type=Path, nargs="+", metavar="FOLDER", help="time router models in turn"
    )
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    if options.routers:
        print("\n".join(in_turn(options.routers, options.runs)))
        return
    report = measure(options.runs)
    head = " | ".join(f"{stage} p50" for stage in STAGES)
    print(f"| route, ms ({options.runs} calls) | {head} | total p99 |")
    print("|---|" + "---:|" * (len(STAGES) + 1))
    medians = {}
    for name, spans in report["route_ms"].items():
        medians[name] = {stage: spans[stage]["p50"] for stage in STAGES}
        cells = " | ".join(f"{value:.3f}" for value in medians[name].values())
        print(f"| {name} | {cells} | {spans['total']['p99']:.3f} |")
    for name, rate in report["batch_queries_per_s"].items():
        spread = f"({rate['low']:.0f} to {rate['high']:.0f} over 5 runs)"
        print(f"\nroute_batch, 256 queries of {name}: {rate['median']:.0f} a second {spread}")
    pick = report["pick_5x256_ms"]
    print(f"\npick, 5 responses of 256 tokens: p50 {pick['p50']:.1f} ms, p99 {pick['p99']:.1f} ms")
    if options.plot:
        draw(medians, options.plot)


def in_turn(folders: Sequence[Path], runs: int) -> list[str]:
    """A line for each length and router model: medians in milliseconds."""
    models = {str(folder): OnnxPredictor(folder) for folder in folders}
    lines = ["| tokens | router model | CPU | wall | CPU alone | wall alone |", "|---:|---|" + "---:|" * 4]
    for tokens in (16, 64, 256):
        rows = np.random.default_rng(0).integers(1000, 20_000, (runs, tokens)).tolist()
        mixed = np.array([[timed(model, row) for model in models.values()] for row in rows])
        for at, (name, model) in enumerate(models.items()):
            alone = np.array([timed(model, row) for row in rows])
            spans = (*np.median(mixed[:, at], axis=0), *np.median(alone, axis=0))
            lines.append(f"| {tokens} | {name} | " + " | ".join(f"{span:.2f}" for span in spans) + " |")
    return lines


def timed(model: OnnxPredictor, ids: list[int]) -> tuple[float, float]:
    """Milliseconds of one prediction: of the thread, and of the clock."""
    cpu, wall = thread_time_ns(), perf_counter_ns()
    model.predict([TokenRow(ids)], 1.0)
    return (thread_time_ns() - cpu) / 1e6, (perf_counter_ns() - wall) / 1e6


def draw(medians: dict[str, dict[str, float]], file: str) -> None:
    """A bar for each query, its stages one after another."""
    plt = require("matplotlib.pyplot", "plot")
    plt.rcParams["svg.fonttype"] = "none"  # text stays text: a tenth of the size
    figure, axes = plt.subplots(figsize=(7, 2.6))
    names = list(medians)[::-1]
    left = [0.0] * len(names)
    for stage in STAGES[:-1]:
        widths = [medians[name][stage] for name in names]
        axes.barh(names, widths, left=left, label=stage)
        left = [start + width for start, width in zip(left, widths, strict=True)]
    for row, name in enumerate(names):
        axes.annotate(f" {medians[name]['total']:.3g} ms", (left[row], row), va="center", fontsize=9)
    axes.set_xlabel("median of one route() call on one core, ms")
    axes.set_xlim(0, max(left) * 1.15)
    axes.legend(frameon=False, fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, bbox_inches="tight", metadata={"Date": None})


if __name__ == "__main__":
    main()
