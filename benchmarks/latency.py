"""Latency of route, route_batch and pick on one core of this machine.

    python benchmarks/latency.py --runs 500 --plot docs/latency.svg

Pins itself to one core, then times what `bestroute bench` times, as a Markdown table: medians and 99th
percentiles in milliseconds of every stage. Quote it with the machine it ran on; a shared machine is noisy.

    python benchmarks/latency.py --routers old/router exported_models/router

times predictions of several router models in turn instead, so that what disturbs one disturbs the others:
the processor time of the calling thread, in which onnxruntime works, and the wall time, for 16, 64 and 256
tokens. Each is also timed alone, its weights warm in the caches, as in a process that does little else, and
cold: 64 MB are written before every call in turn.

    python benchmarks/latency.py --adapter my/adapter

does the same of the embedded router model with and without an adapter, on one session.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter_ns, thread_time_ns

import numpy as np

from bestroute.artefacts.adapter import AdaptedPredictor
from bestroute.artefacts.predictor import OnnxPredictor, Predictor
from bestroute.artefacts.session import TokenRow
from bestroute.cli.measure import STAGES, measure
from bestroute.errors import require

ROUTER = Path(__file__).parents[1] / "exported_models" / "router"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--plot", metavar="FILE", help="also draw the medians (extra: plot)")
    parser.add_argument(
        "--routers", type=Path, nargs="+", metavar="FOLDER", help="time router models in turn"
    )
    parser.add_argument("--adapter", type=Path, metavar="FOLDER", help="time an adapter on the embedded one")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    if options.routers or options.adapter:
        models: dict[str, Predictor] = {str(one): OnnxPredictor(one) for one in options.routers or [ROUTER]}
        if options.adapter:
            models["with the adapter"] = AdaptedPredictor(next(iter(models.values())), options.adapter)
        print("\n".join(in_turn(models, options.runs)))
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


def in_turn(models: Mapping[str, Predictor], runs: int) -> list[str]:
    """A line for each length and router model: medians in milliseconds; of all but the first also by how much
    it took more than the first, call by call."""
    spans = ("CPU", "wall", "CPU cold", "wall cold", "CPU alone", "wall alone")
    lines = [f"| tokens | router model | {' | '.join(spans)} |", "|---:|---|" + "---:|" * len(spans)]
    junk = np.zeros(8_000_000)
    for tokens in (16, 64, 256):
        rows = np.random.default_rng(0).integers(1000, 20_000, (runs, tokens)).tolist()
        turns = np.array([in_a_turn(models, row, at) for at, row in enumerate(rows)])
        cold = np.array([in_a_turn(models, row, at, junk) for at, row in enumerate(rows[::4])])
        for at, name in enumerate(models):
            alone = np.median([timed(models[name], row) for row in rows], axis=0)
            both = [*np.median(turns[:, at], axis=0), *np.median(cold[:, at], axis=0)]
            lines.append(
                f"| {tokens} | {name} | " + " | ".join(f"{one:.3f}" for one in (*both, *alone)) + " |"
            )
            if at:
                more = np.ravel([np.median(of[:, at] - of[:, 0], axis=0) for of in (turns, cold)])
                lines.append(f"| {tokens} | more | " + " | ".join(f"{one:+.3f}" for one in more) + " | | |")
    return lines


def in_a_turn(
    models: Mapping[str, Predictor], row: list[int], turn: int, junk: np.ndarray | None = None
) -> list[tuple[float, float]]:
    """One call of each, in an order that turns round: what is second finds the caches warm."""
    order = list(models) if turn % 2 else list(models)[::-1]
    found = {name: timed(models[name], row, junk) for name in order}
    return [found[name] for name in models]


def timed(model: Predictor, ids: list[int], junk: np.ndarray | None = None) -> tuple[float, float]:
    """Milliseconds of one prediction: of the thread, and of the clock; after writing `junk`."""
    if junk is not None:
        junk += 1
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
