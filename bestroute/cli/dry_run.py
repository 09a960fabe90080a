"""`bestroute dry-run`: route a file of queries without asking any model."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from bestroute.cli.output import (
    POLICY,
    BadLines,
    Counter,
    dollars,
    json_option,
    number,
    print_json,
    print_table,
    share,
    skip_bad_option,
    threads_option,
)
from bestroute.decision import Decision
from bestroute.errors import InputError


@click.command(
    "dry-run",
    epilog="Example: bestroute dry-run policy.example.yaml examples/queries.jsonl --out decisions.jsonl",
)
@click.argument("policy", type=POLICY)
@click.argument("queries", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write one decision a line.")
@skip_bad_option
@threads_option
@json_option
def command(
    policy: Path, queries: Path, out: Path | None, skip_bad: bool, threads: int | None, as_json: bool
) -> None:
    """Route every query of a file: share per arm, expected cost and gap, against always the reference.

    QUERIES is .txt (a query a line) or .jsonl ({"query" or "messages", "metadata"?} a line). The file is
    streamed: memory does not grow with it.
    """
    from bestroute.dry_run import Tally, decide_all
    from bestroute.policy import load_policy
    from bestroute.predictor import OnnxPredictor
    from bestroute.query import read_queries
    from bestroute.router import Router

    if out is not None and out.exists() and any(out.samefile(path) for path in (policy, queries)):
        raise click.UsageError(f"--out {out} is one of the files read; give another name")
    checked = load_policy(policy)
    router = Router(checked, predictor=OnnxPredictor(checked.router, threads or os.cpu_count() or 1))
    bad, tally, counter = BadLines(), Tally(), Counter("queries")
    with _writer(out) as write:
        for decision in decide_all(router, read_queries(queries, bad.add if skip_bad else None)):
            tally.add(decision)
            write(decision)
            counter.advance()
    counter.close()
    bad.tell()
    if not tally.queries:
        raise InputError(f"{queries}: holds no query")
    summary = {
        "policy": checked.digest,
        **tally.summary(),
        "skipped": bad.count,
        "fallbacks": router.fallbacks,
    }
    if as_json:
        print_json(summary)
    else:
        _print(summary)


@contextmanager
def _writer(out: Path | None) -> Iterator[Callable[[Decision], None]]:
    from bestroute.files import atomic_write

    if out is None:
        yield lambda decision: None
        return
    with atomic_write(out) as file:
        yield lambda decision: _write_line(file, decision)


def _write_line(file: Any, decision: Decision) -> None:
    file.write(json.dumps(decision.as_dict(), ensure_ascii=False).encode("utf-8", "replace") + b"\n")


def _print(summary: dict[str, Any]) -> None:
    arms = [
        [label, str(arm["queries"]), share(arm["share"]), dollars(arm["cost_per_1000"])]
        for label, arm in summary["arms"].items()
    ]
    print_table(["arm", "queries", "share", "$ per 1,000"], arms)
    click.echo()
    for title, counts in (("cause", summary["causes"]), ("rule", summary["rules"])):
        if counts:
            print_table([title, "queries"], [[name, str(count)] for name, count in counts.items()])
            click.echo()
    saving = summary["saving"]
    click.echo(
        f"{summary['queries']:,} queries: ${dollars(summary['cost_per_1000'])} per 1,000 against "
        f"${dollars(summary['reference_cost_per_1000'])} for always the reference, saving "
        f"{share(saving)}; mean predicted gap {number(summary['mean_gap'], 4)} "
        f"over {summary['with_gap']:,} queries; {number(summary['calls'], 2)} rounds of asking a query"
    )
