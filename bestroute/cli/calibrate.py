"""`bestroute calibrate`: set the dial of a policy by what it may lose or cost, or by the share of a model."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from bestroute.cli.options import FILE, POLICY, json_option, records_argument, skip_bad_option, threads_option
from bestroute.cli.output import BadLines, Counter, print_json
from bestroute.cli.sides import labelled, of_queries, of_records
from bestroute.errors import BestRouteError, InputError

if TYPE_CHECKING:
    from bestroute.policy import Policy
    from bestroute.retune.calibrate.aim import Aim
    from bestroute.retune.calibrate.calibration import Chosen, Sides

_NAMED = 4  # files in the comment; more are counted


class Share(click.ParamType):  # type: ignore[type-arg]
    """`1%` or `0.01` as 0.01."""

    name = "percent"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read it."""
        if isinstance(value, float):
            return value
        found, percent = self._number(value, param, ctx)
        if not percent and found >= 1:
            self.fail(
                f"{value!r} is {100 * found:g} %; write {found:g}% for that many in a hundred", param, ctx
            )
        return found / 100 if percent else found

    def _number(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, bool]:
        """The number, and whether it counts per cent."""
        try:
            return float(value.removesuffix("%")), value.endswith("%")
        except ValueError:
            self.fail(f"{value!r} is not a share; write 1% or 0.01", param, ctx)


class Confidence(Share):
    """A share between nothing and all, which no sample gives."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read it."""
        if isinstance(value, float):
            return value
        found, percent = self._number(value, param, ctx)
        if found <= 0:
            self.fail(f"{value!r} promises nothing; write 95% or 99%", param, ctx)
        if found == (100 if percent else 1):
            self.fail(f"{value!r} is 100 %, which no sample makes sure; write 95% or 99%", param, ctx)
        return super().convert(value, param, ctx)


class Wanted(NamedTuple):
    """What share of the queries a model is to answer; with `change`, so much more than it does now."""

    model: str
    share: float
    change: bool
    written: str


class WantedShare(click.ParamType):  # type: ignore[type-arg]
    """`nano=30%`, or `nano=+30%` and `nano=-10%` for percentage points more and less than now."""

    name = "model=share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read it."""
        model, equals, share = value.rpartition("=")
        if not equals or not model:
            self.fail(f"{value!r} is not MODEL=SHARE; write nano=30%, or nano=+30%", param, ctx)
        sign = share[:1] if share[:1] in ("+", "-") else ""
        found = Share().convert(share.removeprefix(sign), param, ctx)
        return Wanted(model, -found if sign == "-" else found, bool(sign), value)


@click.command(
    epilog="Example: bestroute calibrate policy.yaml records.jsonl.gz --max-drop 1% --write",
)
@click.argument("policy", type=POLICY)
@records_argument
@click.option("--max-drop", type=Share(), help="Share of the reference's quality that may be lost, as 1%.")
@click.option("--budget", type=float, help="US$ that a query may cost on average.")
@click.option("--reference-share", type=Share(), help="Share of queries the reference may answer, as 30%.")
@click.option(
    "--share",
    type=WantedShare(),
    help="Share that a model answers, as nano=30%; nano=+30%: so many percentage points more than now.",
)
@click.option(
    "--confidence", type=Confidence(), default=0.95, show_default=True, help="How sure --max-drop must be."
)
@click.option("--per-tier", is_flag=True, help="Find each tier's own limit too, on a sixth of the records.")
@click.option("--write", is_flag=True, help="Set what was found in the policy file; all else stays.")
@click.option(
    "--all", "judge_all", is_flag=True, help="Use records that training saw too; not with --max-drop."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the halves.")
@click.option("--plot", type=FILE, help="The dial: .svg, .png, .txt.")
@threads_option
@skip_bad_option
@json_option
@click.pass_context
def command(
    ctx: click.Context, /, policy: Path, records: tuple[Path, ...], per_tier: bool, write: bool,
    judge_all: bool, seed: int, plot: Path | None, threads: int, skip_bad: bool, as_json: bool, **aims: Any,
) -> None:  # fmt: skip
    """Set the dial of a policy from labelled records, to exactly one aim.

    --max-drop is a promise about queries like the records, each counting alike, and holds with the
    --confidence whatever the scores' distribution: half of the records choose the dial, the other half
    tells what it gives. Where they are too few, that is said, and nothing is promised or written. Records
    that training saw are left out. --budget, --reference-share and --share promise nothing, so all
    queries choose; how far others like them may be from the aim is told, and warned of. --share is the
    safest dial at which the model answers its share or, of the reference, no more than it. They also take
    plain queries, .txt or .jsonl as for dry-run, and records without scores or responses of every model;
    costs are then the router's own expectation. --plot shows the share of each arm, and cost against
    quality, at every setting of the dial, on the queries that tell (.txt: without extra). With --per-tier
    every tier gets a limit of its own, as far from the dial as a sixth of the records show to be better,
    which then do not choose; unless the dial alone proves to be best. Exit code 1: no dial was chosen.
    """
    from bestroute.evaluate.picture import check_plot
    from bestroute.policy import load_policy
    from bestroute.retune.calibrate.aim import Refusal
    from bestroute.retune.calibrate.calibration import choose_dial, report_of, slack
    from bestroute.retune.calibrate.doubt import doubts
    from bestroute.retune.calibrate.telling import as_text

    _check_aims(ctx, aims)
    if plot is not None:
        check_plot(plot, table=True)
    checked = load_policy(policy)
    aim = _aim(aims, checked)
    sides, warnings = _sides(ctx, checked, aim, records)
    aim = _from_now(aim, aims["share"], checked, sides)
    counter = Counter("settings tried")
    chosen = choose_dial(aim, sides, seed, counter.advance)
    counter.close()
    loose = slack(aim, chosen, sides)
    warnings += [loose] if loose else []
    report = report_of(checked, aim, chosen, sides, seed)
    warnings += doubts(aim, report)
    report["warnings"] = warnings
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)
    failure = _write(ctx, checked, aim, chosen, report) if write else None
    if as_json:
        print_json(report)
    else:
        click.echo(as_text(report, aim.words, policy, asked=write))
    if failure is not None:
        click.echo(f"error: {failure}", err=True)
    if plot is not None:
        _draw(plot, policy, checked, chosen, report)
    if failure is not None or isinstance(chosen.verdict, Refusal):
        ctx.exit(2 if failure is not None else 1)


def _sides(ctx: click.Context, policy: Policy, aim: Aim, paths: Sequence[Path]) -> tuple[Sides, list[str]]:
    """The queries on their sides, and warnings about them."""
    from bestroute.evaluate.replay import NothingReplayed
    from bestroute.retune.calibrate.shape import check_shapable

    given, warnings = ctx.params, list[str]()
    bad, seed, threads = BadLines(given["skip_bad"]), given["seed"], given["threads"]
    if given["per_tier"]:
        check_shapable(policy)
    needing = "--max-drop" if aim.needs_labels else "--per-tier" if given["per_tier"] else None
    if labelled(paths):
        try:
            sides = of_records(
                policy, paths, bad, given["judge_all"], aim.needs_labels, seed, threads, given["per_tier"],
                warnings,
            )  # fmt: skip
            return sides, warnings
        except NothingReplayed as error:
            if needing:
                raise
            bad = BadLines(given["skip_bad"])
            warnings = [f"only the queries of these records count, as none can be replayed: {error.why}"]
    elif needing:
        raise InputError(f"{paths[0]}: {needing} needs records with scored responses, not plain queries")
    return of_queries(policy, paths, bad, seed, threads), warnings


def _draw(plot: Path, path: Path, policy: Policy, chosen: Chosen, report: dict[str, Any]) -> None:
    """The dial on the queries that judge; `path` is the policy's file."""
    from bestroute.retune.calibrate.plot import Mark, write_plot
    from bestroute.retune.calibrate.sweep import settings_for, sweep

    marks = [
        Mark(name, found["dial"], _with_ends(found["drop"]))
        for name, found in (("as it was", report["before"]), ("chosen", report["after"]))
        if found is not None and (name == "chosen" or chosen.shape is None)  # the dial is of another shape
    ]
    counter = Counter("settings of the dial")
    swept = sweep(chosen.judges, settings_for(policy, *(mark.setting for mark in marks)), counter.advance)
    counter.close()
    note = f"the {len(chosen.judges):,} queries that {'judge' if report['held_out'] else 'choose'}"
    if chosen.shape is not None:
        note += "; every tier keeps its distance from the dial"
    write_plot(swept, marks, path.name, note, plot)


def _with_ends(interval: dict[str, float] | None) -> dict[str, float] | None:
    """The interval; None where it has no ends to draw."""
    return None if interval is None or interval["low"] is None else interval


def _check_aims(ctx: click.Context, aims: dict[str, Any]) -> None:
    """Raise UsageError unless exactly one aim is given, with what goes with it."""
    given = [name for name, value in aims.items() if name != "confidence" and value is not None]
    if len(given) != 1:
        raise click.UsageError("give exactly one of --max-drop, --budget, --reference-share and --share")
    promises = given == ["max_drop"]
    if promises and ctx.params["judge_all"]:
        raise click.UsageError(
            "--all: by queries that training saw nothing can be promised of others; leave it out, or give "
            "another aim"
        )
    by_hand = ctx.get_parameter_source("confidence") == click.core.ParameterSource.COMMANDLINE
    if by_hand and not promises:
        raise click.UsageError("--confidence is how sure --max-drop must be; the other aims promise nothing")


def _aim(aims: dict[str, Any], policy: Policy) -> Aim:
    """What a dial is chosen for; a share that is told as a change is added by `_from_now`."""
    from bestroute.retune.calibrate.promise import MaxDrop
    from bestroute.retune.calibrate.within import Budget, ReferenceShare, share_of

    wanted: Wanted | None = aims["share"]
    try:
        if wanted is not None:
            return share_of(wanted.model, 0.0 if wanted.change else wanted.share, policy)
        if aims["max_drop"] is not None:
            return MaxDrop(aims["max_drop"], aims["confidence"])
        if aims["budget"] is not None:
            return Budget(aims["budget"])
        return ReferenceShare(aims["reference_share"])
    except InputError as error:
        raise click.UsageError(str(error)) from error


def _from_now(aim: Aim, wanted: Wanted | None, policy: Policy, sides: Sides) -> Aim:
    """The same or, of a share that is told as a change, with what the model answers now added to it."""
    from bestroute.retune.calibrate.within import share_now, share_of

    if wanted is None or not wanted.change:
        return aim
    now = share_now(wanted.model, sides.chooses)
    try:
        return share_of(wanted.model, now + wanted.share, policy)
    except InputError as error:
        raise click.UsageError(f"--share {wanted.written}: {now:.1%} now; {error}") from error


def _write(
    ctx: click.Context, policy: Policy, aim: Aim, chosen: Chosen, report: dict[str, Any]
) -> BestRouteError | None:
    """Set the dial in the policy's file. What stood against it is given back, to be told after the report."""
    from bestroute.retune.calibrate.telling import in_short
    from bestroute.retune.calibrate.write import write_dial

    dial = report["dial"]
    if dial is None:
        return None
    limits = () if chosen.shape is None else chosen.shape.written(policy, dial)
    comment = f"{date.today().isoformat()} {_said(ctx)}: {in_short(report, aim.words)}"
    try:
        write_dial(ctx.params["policy"], policy, dial, comment, limits)
    except BestRouteError as error:
        return error
    report["written"] = True
    return None


def _said(ctx: click.Context) -> str:
    """The command as it was given, but for how it reports."""
    records = ctx.params["records"]
    words = ["bestroute", "calibrate", str(ctx.params["policy"]), *map(str, records[:_NAMED])]
    if len(records) > _NAMED:
        words.append(f"(and {len(records) - _NAMED} more files)")
    for name in ("max_drop", "budget", "reference_share", "share", "confidence", "seed"):
        value = ctx.params[name]
        if value is None or ctx.get_parameter_source(name) == click.core.ParameterSource.DEFAULT:
            continue
        words += ["--" + name.replace("_", "-"), _option(name, value)]
    flags = {"--per-tier": "per_tier", "--all": "judge_all"}
    words += [option for option, name in flags.items() if ctx.params[name]]
    return " ".join(map(_quoted, words))


def _option(name: str, value: Any) -> str:
    if isinstance(value, Wanted):
        return value.written
    return f"{100 * value:g}%" if name in ("max_drop", "reference_share") else f"{value:g}"


def _quoted(word: str) -> str:
    return word if word.startswith("(and ") else shlex.quote(word)
