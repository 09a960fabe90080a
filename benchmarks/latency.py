"""Latency of route, route_batch and pick on one core of this machine.

    python benchmarks/latency.py --runs 500 --plot docs/latency.svg

Pins itself to one core, then times the queries of `bestroute bench`, as a Markdown table: medians and 99th
percentiles in milliseconds of every stage. Quote it with the machine it ran on; a shared machine is noisy.
"""

from __future__ import annotations

import argparse
import os

from bestroute.bench import (
    STAGES,
    embedded_policy,
    measure_batch,
    measure_pick,
    measure_route,
    standard_queries,
    words,
)
from bestroute.errors import require
from bestroute.router import Router


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--plot", metavar="FILE", help="also draw the medians (extra: plot)")
    options = parser.parse_args()
    runs, medians = options.runs, {}
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    router = Router(embedded_policy(), time_budget_s=None)
    print(f"| route, ms ({runs} calls) | {' | '.join(f'{stage} p50' for stage in STAGES)} | total p99 |")
    print("|---|" + "---:|" * (len(STAGES) + 1))
    for name, query in standard_queries().items():
        spans = measure_route(router, query, runs)
        medians[name] = {stage: spans[stage]["p50"] for stage in STAGES}
        cells = " | ".join(f"{value:.3f}" for value in medians[name].values())
        print(f"| {name} | {cells} | {spans['total']['p99']:.3f} |", flush=True)
    for count in (16, 64):
        rate = measure_batch(router, [words(count)] * 256)
        print(
            f"\nroute_batch, 256 queries of {count} tokens: {rate['median']:.0f} a second "
            f"({rate['low']:.0f} to {rate['high']:.0f} over 5 runs)"
        )
    pick = measure_pick(router, words(40), [words(240 + index) for index in range(5)])
    print(f"\npick, 5 responses of 256 tokens: p50 {pick['p50']:.1f} ms, p99 {pick['p99']:.1f} ms")
    if options.plot:
        draw(medians, options.plot)


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
