"""`bestroute bench`: latency of this installation on this machine."""

from __future__ import annotations

import os
import platform
from typing import Any

import click

from bestroute.cli.options import json_option
from bestroute.cli.output import print_json, print_table
from bestroute.table import number


@click.command(epilog="Example: bestroute bench --runs 200")
@click.option("--runs", type=click.IntRange(10), default=200, show_default=True, help="Calls for each row.")
@json_option
def command(runs: int, as_json: bool) -> None:
    """Time route, route_batch and pick on the embedded models and one thread: medians and tails in ms."""
    from bestroute.cli.measure import measure

    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    report = {"machine": machine, **measure(runs)}
    if as_json:
        print_json(report)
    else:
        _print(report)


def _print(report: dict[str, Any]) -> None:
    click.echo(f"{report['machine']}\n")
    from bestroute.cli.measure import STAGES

    rows = [
        [query, *(number(stages[stage]["p50"]) for stage in STAGES), number(stages["total"]["p99"])]
        for query, stages in report["route_ms"].items()
    ]
    print_table(["route (ms)", *STAGES, "total p99"], rows)
    click.echo()
    for name, rate in report["batch_queries_per_s"].items():
        spread = f"({rate['low']:.0f} to {rate['high']:.0f})"
        click.echo(f"route_batch, 256 queries of {name}: {rate['median']:.0f} a second {spread}")
    pick = report["pick_5x256_ms"]
    click.echo(f"pick, 5 responses of 256 tokens: {pick['p50']:.1f} ms (p99 {pick['p99']:.1f})")
