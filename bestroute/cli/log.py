"""`bestroute log`: the decision log of a gateway, read back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bestroute.cli.options import FILE, INPUT, json_option, refuse_to_overwrite
from bestroute.cli.output import BadLines, print_json, print_table
from bestroute.table import dollars, number, share

if TYPE_CHECKING:
    from bestroute.serve.comparing import Comparison
    from bestroute.serve.reading import Summary

_LISTED = 3  # of the lines that cannot be read; the others are counted
_logs = click.argument("logs", nargs=-1, required=True, type=INPUT)


@click.group("log")
def command() -> None:
    """Read the decision log that `bestroute serve --log` writes.

    Lines that cannot be read, as a full disk leaves them torn, are passed over and counted on stderr.
    """


@command.command("queries", epilog="Example: bestroute log queries decisions.jsonl --out queries.jsonl")
@_logs
@click.option("--out", type=FILE, help="Write them here; to standard output if absent.")
def queries(logs: tuple[Path, ...], out: Path | None) -> None:
    """The queries of LOGS, a line each, for dry-run, diff and calibrate.

    They are there where the gateway ran with --log-queries. Whoever was refused counts too.
    """
    from bestroute.files import atomic_write
    from bestroute.serve.reading import read_queries_of

    bad = BadLines(skip_bad=True, listed=_LISTED)
    found = read_queries_of(logs, bad.on_bad)
    if out is None:
        for query in found:
            click.echo(json.dumps(query))
    else:
        refuse_to_overwrite(out, *logs)
        with atomic_write(out) as file:
            for query in found:
                file.write(json.dumps(query).encode("ascii") + b"\n")
    bad.tell()


@command.command("summary", epilog="Example: bestroute log summary decisions.jsonl")
@_logs
@json_option
def summary(logs: tuple[Path, ...], as_json: bool) -> None:
    """What the requests in LOGS came to: traffic and cost by arm, against the reference; errors; latency."""
    from bestroute.serve.reading import Summary

    _tell(Summary(), logs, print_json if as_json else _print)


@command.command("compare", epilog="Example: bestroute log compare decisions.jsonl")
@_logs
@json_option
def compare(logs: tuple[Path, ...], as_json: bool) -> None:
    """What a canary did: cost, saving, errors and latency of both sides in LOGS, and the difference.

    Intervals are 95 %, of a bootstrap over callers. The log has both sides where the policy has a `canary`.
    """
    from bestroute.serve.comparing import Comparison

    _tell(Comparison(), logs, print_json if as_json else _print_compared)


def _tell(
    found: Summary | Comparison,
    logs: tuple[Path, ...],
    show: Callable[[dict[str, Any]], None],
) -> None:
    """Read the logs into it, and show what it then says."""
    from bestroute.serve.reading import read_whole_of

    bad = BadLines(skip_bad=True, listed=_LISTED)
    for line in read_whole_of(logs, bad.on_bad):
        found.add(line)
    bad.tell()
    show(found.as_dict())


_FIGURES: dict[str, tuple[str, Callable[[float | None], str]]] = {
    "cost": ("cost $ a request", lambda cost: "-" if cost is None else dollars(cost)),
    "saving": ("saving", share),
    "reference_share": ("asked the reference", share),
    "error_share": ("errors", share),
    "latency_p50_ms": ("whole response p50, ms", lambda ms: number(ms, 1)),
    "latency_p95_ms": ("whole response p95, ms", lambda ms: number(ms, 1)),
    "first_p50_ms": ("first chunk p50, ms", lambda ms: number(ms, 1)),
}


def _print_compared(told: dict[str, Any]) -> None:
    rows = []
    for name, (words, shown) in _FIGURES.items():
        one = told["figures"][name]
        interval = "-" if one["low"] is None else f"{shown(one['low'])} to {shown(one['high'])}"
        clear = one["low"] is not None and not one["low"] <= 0 <= one["high"]
        row = [shown(one[key]) for key in ("base", "canary", "difference")]
        rows.append([words, *row, interval, "differs" if clear else ""])
    print_table(["", "base", "canary", "difference", "95 % interval", ""], rows)
    counts = (f"{side} {told[side]['requests']} of {told[side]['callers']}" for side in ("base", "canary"))
    click.echo(f"\nrequests of callers: {', '.join(counts)}")


def _print(told: dict[str, Any]) -> None:
    rows = [
        [arm, str(one["requests"]), share(one["share"]), dollars(one["cost"])]
        for arm, one in told["arms"].items()
    ]
    print_table(["arm", "requests", "share", "cost $"], rows)
    saving = "" if told["saving"] is None else f", saving {told['saving']:.0%}"
    click.echo(f"\n{told['requests']} requests, {told['answered']} answered by models")
    click.echo(
        f"cost ${dollars(told['cost'])}, from the reference ${dollars(told['reference_cost'])}{saving}"
    )
    for name in ("causes", "errors", "policies"):
        if told[name]:
            click.echo(f"{name}: " + ", ".join(f"{key} {count}" for key, count in told[name].items()))
    for name, words in (("latency_ms", "whole response"), ("first_ms", "first chunk")):
        if told[name]:
            click.echo(f"{words}, ms: " + ", ".join(f"{rank} {ms:.1f}" for rank, ms in told[name].items()))
