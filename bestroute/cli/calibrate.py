"""`bestroute calibrate`: set the dial of a policy by what it may lose, cost, or ask of the reference."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from bestroute.cli.output import POLICY, Counter, json_option, print_json, skip_bad_option, threads_option
from bestroute.cli.reading import FILES, Reader
from bestroute.cli.sides import Sides, labelled, of_queries, of_records
from bestroute.errors import InputError

if TYPE_CHECKING:
    from bestroute.calibrate.aim import Aim, Verdict
    from bestroute.calibrate.shape import Shape
    from bestroute.calibrate.trials import Outcome, Trials
    from bestroute.policy import Policy

_NAMED = 4  # files in the comment; more are counted


class Share(click.ParamType):  # type: ignore[type-arg]
    """`1%` or `0.01` as 0.01."""

    name = "percent"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read it."""
        if isinstance(value, float):
            return value
        digits, percent = value.removesuffix("%"), value.endswith("%")
        try:
            found = float(digits)
        except ValueError:
            self.fail(f"{value!r} is not a share; write 1% or 0.01", param, ctx)
        if not percent and found >= 1:
            self.fail(
                f"{value!r} is {100 * found:g} %; write {found:g}% for that many in a hundred", param, ctx
            )
        return found / 100 if percent else found


@click.command(
    epilog="Example: bestroute calibrate policy.yaml records.jsonl.gz --max-drop 1% --write",
)
@click.argument("policy", type=POLICY)
@click.argument("records", nargs=-1, required=True, type=FILES)
@click.option("--max-drop", type=Share(), help="Share of the reference's quality that may be lost, as 1%.")
@click.option("--budget", type=float, help="US$ that a query may cost on average.")
@click.option("--reference-share", type=Share(), help="Share of queries the reference may answer, as 30%.")
@click.option(
    "--confidence", type=Share(), default=0.95, show_default=True, help="How sure --max-drop must be."
)
@click.option("--per-tier", is_flag=True, help="Find each tier's own limit too, on a sixth of the records.")
@click.option("--write", is_flag=True, help="Set what was found in the policy file; all else stays.")
@click.option("--all", "judge_all", is_flag=True, help="Use records that training saw too.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the halves.")
@click.option("--plot", type=click.Path(path_type=Path, dir_okay=False), help="Draw the dial: .svg or .png.")
@threads_option
@skip_bad_option
@json_option
@click.pass_context
def command(
    ctx: click.Context, policy: Path, records: tuple[Path, ...], max_drop: float | None, budget: float | None,
    reference_share: float | None, confidence: float, per_tier: bool, write: bool, judge_all: bool,
    seed: int, plot: Path | None, threads: int | None, skip_bad: bool, as_json: bool,
) -> None:  # fmt: skip
    """Set the dial of a policy from labelled records, to exactly one aim.

    Half of the records choose the dial, the other half tells what it gives. --max-drop is a promise about
    queries like the records, each counting alike, and holds with the --confidence whatever the scores'
    distribution; where the records are too few for it, that is said, and nothing is promised or written.
    Records that training saw are left out. --budget and --reference-share also take plain queries, .txt
    or .jsonl as for dry-run; costs are then the router's own expectation. --plot shows the share of each arm,
    and cost against quality, at every setting of the dial, on the half that tells (extra `plot`).
    With --per-tier every tier gets a limit of its own, as far from the dial as a sixth of the records show to
    be better, which then do not choose; unless the dial alone proves to be best. Exit code 1: no dial was
    chosen.
    """
    from bestroute.calibrate.aim import Choice, Refusal
    from bestroute.calibrate.shape import check_shapable
    from bestroute.calibrate.telling import as_text, in_short
    from bestroute.evaluate.picture import check_plot
    from bestroute.policy import load_policy

    aim = _aim(max_drop, budget, reference_share, confidence)
    if plot is not None:
        check_plot(plot)
    checked = load_policy(policy)
    warnings: list[str] = []
    cores = threads or os.cpu_count() or 1
    if per_tier:
        check_shapable(checked)
    if labelled(records):
        sides = of_records(checked, records, Reader(skip_bad), judge_all, seed, cores, per_tier, warnings)
    elif aim.needs_labels or per_tier:
        needing = "--max-drop" if aim.needs_labels else "--per-tier"
        raise InputError(f"{records[0]}: {needing} needs records with scored responses, not plain queries")
    else:
        sides = of_queries(checked, records, Reader(skip_bad), seed, cores)
    chosen = _choose(aim, sides, seed)
    verdict = chosen.verdict
    report = _report(checked, aim, chosen, sides, seed) | {"warnings": warnings}
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)
    if plot is not None:
        _draw(plot, policy, checked, chosen, report)
    if write and isinstance(verdict, Choice):
        comment = f"{_said(ctx, records)}: {in_short(report, aim.words)}"
        _write(checked, policy, verdict.outcome.dial, comment, chosen.shape)
        report["written"] = True
    if as_json:
        print_json(report)
    else:
        click.echo(as_text(report, aim.words, policy))
    if isinstance(verdict, Refusal):
        ctx.exit(1)


def _report(policy: Policy, aim: Aim, chosen: _Chosen, sides: Sides, seed: int) -> dict[str, Any]:
    """What was chosen, and what the dials give on the half that did not choose, as JSON values."""
    from bestroute.calibrate.aim import Choice
    from bestroute.calibrate.held_out import figures

    objective, (verdict, judges, shape) = policy.objective, chosen
    report: dict[str, Any] = {
        "policy": policy.digest,
        "aim": aim.as_dict(),
        "dial_key": objective.key,
        "labelled": sides.judges.reference_quality is not None,
        "shaped_on": None,
        "chosen_on": len(sides.chooses),
        "dials_tried": verdict.tried,
        "dial": None,
        "tiers": None,
        "before": figures(sides.judges.at(objective.setting), sides.judges, seed),
        "tiers_before": None,
        "after": None,
        "why_not": None,
        "records_needed": None,
        "written": False,
    }
    labels = [tier.arm.label for tier in policy.tiers[:-1]]
    if sides.per_tier is not None and shape is not None:
        if any(shape.offsets):
            report |= {"shaped_on": len(sides.per_tier.shape), "chosen_on": len(sides.per_tier.rest)}
        was = [(tier.objective or objective).setting for tier in policy.tiers[:-1]]
        report["tiers_before"] = dict(zip(labels, was, strict=True))
    if isinstance(verdict, Choice):
        dial = verdict.outcome.dial
        if shape is not None:
            report["tiers"] = dict(zip(labels, shape.limits(objective, dial), strict=True))
        return report | {"dial": dial, "after": figures(judges.at(dial), judges, seed)}
    return report | {"why_not": verdict.why, "records_needed": verdict.records_needed}


def _draw(plot: Path, path: Path, policy: Policy, chosen: _Chosen, report: dict[str, Any]) -> None:
    """The dial on the half that judges; `path` is the policy's file."""
    from bestroute.calibrate.plot import Mark, write_plot
    from bestroute.calibrate.sweep import settings_for, sweep

    marks = [
        Mark(name, found["dial"], found["drop"])
        for name, found in (("as it was", report["before"]), ("chosen", report["after"]))
        if found is not None and (name == "chosen" or chosen.shape is None)  # the dial is of another shape
    ]
    counter = Counter("settings of the dial")
    swept = sweep(chosen.judges, settings_for(policy, *(mark.setting for mark in marks)), counter.advance)
    counter.close()
    note = f"the {len(chosen.judges):,} queries that judge"
    if chosen.shape is not None:
        note += "; every tier keeps its distance from the dial"
    write_plot(swept, marks, path.name, note, plot)


def _aim(
    max_drop: float | None, budget: float | None, reference_share: float | None, confidence: float
) -> Aim:
    from bestroute.calibrate.choose import Budget, MaxDrop, ReferenceShare

    if [max_drop, budget, reference_share].count(None) != 2:
        raise click.UsageError("give exactly one of --max-drop, --budget and --reference-share")
    if max_drop is not None:
        return MaxDrop(max_drop, confidence)
    if budget is not None:
        return Budget(budget)
    assert reference_share is not None
    return ReferenceShare(reference_share)


class _Chosen(NamedTuple):
    """The verdict, trials of what was chosen on the queries that judge, and its shape, None for the tiers' as
    they are.
    """

    verdict: Verdict
    judges: Trials
    shape: Shape | None = None


def _choose(aim: Aim, sides: Sides, seed: int) -> _Chosen:
    from bestroute.calibrate.shaping import choose_per_tier
    from bestroute.calibrate.trials import Shaped

    counter = Counter("settings tried")
    if sides.per_tier is None:
        chosen = _Chosen(aim.choose(_Counted(sides.chooses, counter)), sides.judges)
    else:
        shapes, rest, everything, judges = sides.per_tier
        verdict, shape = choose_per_tier(aim, shapes, rest, everything, seed, counter.advance)
        chosen = _Chosen(verdict, Shaped(judges, shape), shape)
    counter.close()
    return chosen


class _Counted:
    """Trials that count on stderr."""

    def __init__(self, trials: Trials, counter: Counter) -> None:
        self._trials, self._counter = trials, counter
        self.objective, self.arms = trials.objective, trials.arms
        self.reference_cost, self.reference_quality = trials.reference_cost, trials.reference_quality

    def __len__(self) -> int:
        return len(self._trials)

    def at(self, dial: float) -> Outcome:
        outcome = self._trials.at(dial)
        self._counter.advance()
        return outcome


def _write(policy: Policy, path: Path, dial: float, comment: str, shape: Shape | None) -> None:
    from bestroute.calibrate.write import write_dial

    limits = () if shape is None else shape.written(policy, dial)
    write_dial(path, policy, dial, f"{date.today().isoformat()} {comment}", limits)


def _said(ctx: click.Context, records: Sequence[Path]) -> str:
    """The command as it was given, but for how it reports."""
    words = ["bestroute", "calibrate", str(ctx.params["policy"]), *map(str, records[:_NAMED])]
    if len(records) > _NAMED:
        words.append(f"(and {len(records) - _NAMED} more files)")
    for name in ("max_drop", "budget", "reference_share", "confidence", "seed"):
        value, option = ctx.params[name], "--" + name.replace("_", "-")
        if value is None or ctx.get_parameter_source(name) == click.core.ParameterSource.DEFAULT:
            continue
        words += [option, f"{100 * value:g}%" if name in ("max_drop", "reference_share") else f"{value:g}"]
    flags = {"--per-tier": "per_tier", "--all": "judge_all"}
    words += [option for option, name in flags.items() if ctx.params[name]]
    return " ".join(map(_quoted, words))


def _quoted(word: str) -> str:
    return word if word.startswith("(and ") else shlex.quote(word)
