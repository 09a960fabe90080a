"""`bestroute adapt`: own models by their own names, from their scored responses."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bestroute.cli.calibrate import Share
from bestroute.cli.options import (
    FILE,
    FOLDER,
    POLICY,
    artefact_option,
    json_option,
    records_argument,
    skip_bad_option,
    threads_option,
)
from bestroute.cli.output import BadLines, Counter, counted, print_json

if TYPE_CHECKING:
    from bestroute.records.record import Record


@click.command(epilog="Example: bestroute adapt policy.yaml scored.jsonl --out my/adapter")
@click.argument("policy", type=POLICY)
@records_argument
@artefact_option("adapter")
@click.option(
    "--leave",
    type=Share(),
    default=0.0,
    help="Share of the queries, by a hash of their text, to leave for calibrate and evaluate, as 30%.",
)
@click.option(
    "--from",
    "earlier",
    type=FOLDER,
    help="Adapter whose records count too, so that RECORDS need only be the new ones.",
)
@click.option("--plot", type=FILE, help="What more would bring: .svg, .png.")
@threads_option
@skip_bad_option
@json_option
def command(
    policy: Path, records: tuple[Path, ...], out: Path, leave: float, earlier: Path | None,
    plot: Path | None, threads: int, skip_bad: bool, as_json: bool,
) -> None:  # fmt: skip
    """Adapt the router model to a policy's own models and traffic, from scored responses; no torch, seconds.

    RECORDS hold responses by the models' own names (or their classes), however they were scored, 0 to 1; also
    of one model a prompt, as a log has them; those without a score are passed over. The folder holds, for
    every model, its level, how quality follows from the features of a query, how it rises with n, and what
    traffic is known. How far a model goes from the router model as
    it is, cross-validation chooses: ten records do no harm. Name the folder in the policy (`adapter:`); then
    no `class` is needed. What is told of it is told of queries that fitted nothing. With more records, run it
    again on all of them, or on the new with --from. `calibrate` and `evaluate` leave out the queries that
    the adapter saw: give them others, or leave some with --leave.
    """
    from bestroute.artefacts.adapter import open_predictor
    from bestroute.artefacts.reward import OnnxRewardModel
    from bestroute.evaluate.picture import check_plot
    from bestroute.policy import load_to_adapt
    from bestroute.records.lines import read_records
    from bestroute.train.adapt.make import adapt
    from bestroute.train.adapt.picture import TOO_FEW, write_plot
    from bestroute.train.adapt.telling import as_text, cautions

    if plot is not None:
        check_plot(plot)
    if not 0 <= leave < 1:
        raise click.UsageError(f"--leave is {leave:.0%}; a share that leaves some lies between 0 % and 100 %")
    checked = load_to_adapt(policy)
    bad = BadLines(skip_bad)
    kept = list(_kept(counted("records read", read_records(records, bad.on_bad, scored=False)), leave))
    bad.tell()
    base = open_predictor(checked.router, None, checked.columns, threads)
    reward = OnnxRewardModel(checked.reward, threads) if any(tier.n > 1 for tier in checked.tiers) else None
    counter = Counter("steps")
    made = adapt(checked, kept, out, base, reward, _recipe(records, leave), counter.advance, earlier)
    counter.close()
    report: dict[str, Any] = {"out": str(out), **made.report, "warnings": cautions(made.report)}
    for warning in report["warnings"]:
        click.echo(f"warning: {warning}", err=True)
    if as_json:
        print_json(report)
    else:
        click.echo(as_text(report, str(out)))
        if checked.adapter is None or checked.adapter != out.resolve():
            click.echo(f"\nNow name it in {policy}: `adapter: {_relative(out, policy)}`")
    if plot is not None and report["learning_curve"]:
        write_plot(report, plot)
    elif plot is not None:
        click.echo(f"warning: {plot}: {TOO_FEW.format(report['records'])}", err=True)


def _kept(records: Iterator[Record], leave: float) -> Iterator[Record]:
    """The records but for the share that is left."""
    from bestroute.evaluate.replay import query_of
    from bestroute.records.record import bucket

    for record in records:
        if not leave or bucket(query_of(record).text, "leave", 1000) >= 1000 * leave:
            yield record


def _recipe(records: Sequence[Path], leave: float) -> dict[str, Any]:
    from bestroute.artefacts.manifest import sha256

    return {"data": {path.name: sha256(path) for path in records}, "leave": leave}


def _relative(out: Path, policy: Path) -> str:
    return Path(os.path.relpath(out, policy.parent)).as_posix()
