"""`bestroute bench`: latency of this installation on this machine."""

from __future__ import annotations

import os
import platform
from typing import Any

import click

from bestroute.cli.output import json_option, number, print_json, print_table


@click.command(epilog="Example: bestroute bench --runs 200")
@click.option("--runs", type=click.IntRange(10), default=200, show_default=True, help="Calls for each row.")
@json_option
def command(runs: int, as_json: bool) -> None:
    """Time route, route_batch and pick on the embedded models and one thread: medians and tails in ms."""
    from bestroute.bench import (
        embedded_policy,
        measure_batch,
        measure_pick,
        measure_route,
        standard_queries,
        words,
    )
    from bestroute.router import Router

    router = Router(embedded_policy(), time_budget_s=None)
    report = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "route_ms": {name: measure_route(router, query, runs) for name, query in standard_queries().items()},
        "batch_queries_per_s": measure_batch(router, [words(16 + index % 64) for index in range(256)]),
        "pick_5x256_ms": measure_pick(router, words(40), [words(240 + index) for index in range(5)]),
    }
    if as_json:
        print_json(report)
    else:
        _print(report)


def _print(report: dict[str, Any]) -> None:
    click.echo(f"{report['machine']}\n")
    names = ("rules", "tokenize", "predict", "policy", "total")
    rows = [
        [query, *(number(stages[name]["p50"]) for name in names), number(stages["total"]["p99"])]
        for query, stages in report["route_ms"].items()
    ]
    print_table(["route (ms)", *names, "total p99"], rows)
    batch, pick = report["batch_queries_per_s"], report["pick_5x256_ms"]
    click.echo(
        f"\nroute_batch, 256 queries of 16 to 79 tokens: {batch['median']:.0f} a second "
        f"({batch['low']:.0f} to {batch['high']:.0f})"
    )
    click.echo(f"pick, 5 responses of 256 tokens: {pick['p50']:.1f} ms (p99 {pick['p99']:.1f})")
