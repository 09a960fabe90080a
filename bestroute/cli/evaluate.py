"""`bestroute evaluate`: replay records through a policy's router, beside a sceptic's baselines."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bestroute.cli.options import (
    FILE,
    INPUT,
    POLICY,
    json_option,
    records_argument,
    skip_bad_option,
    threads_option,
)
from bestroute.cli.output import BadLines, Counter, print_json, print_table
from bestroute.cli.reading import cautions, divide_records, replayed
from bestroute.errors import MissingExtra
from bestroute.table import dollars, number

if TYPE_CHECKING:
    from bestroute.evaluate.curve import Strategy
    from bestroute.evaluate.replay import Replay
    from bestroute.evaluate.routed import Routed
    from bestroute.evaluate.seen import Divided
    from bestroute.policy import Policy


@click.command(epilog="Example: bestroute evaluate policy.yaml records.jsonl.gz --plot frontier.svg")
@click.argument("policy", type=POLICY)
@records_argument
@click.option("--fit", type=INPUT, multiple=True, help="Records to fit the learned baselines on; repeatable.")
@click.option("--all", "judge_all", is_flag=True, help="Judge by records that training saw too.")
@click.option(
    "--beside", multiple=True, metavar="NAME=FOLDER", help="Another router artefact to compare; repeatable."
)
@click.option("--plot", type=FILE, help="Write a .svg or .png.")
@click.option(
    "--ablate", is_flag=True, help="Play plans also without what the query, rewards or agreement tell."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--draws", type=click.IntRange(20), default=500, show_default=True, help="Bootstrap resamples.")
@threads_option
@skip_bad_option
@click.option("--markdown", is_flag=True, help="Print Markdown tables.")
@json_option
def command(
    policy: Path, records: tuple[Path, ...], fit: tuple[Path, ...], judge_all: bool, beside: tuple[str, ...],
    plot: Path | None, ablate: bool, seed: int, draws: int, threads: int, skip_bad: bool, markdown: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Replay records: the cost-quality frontier of the policy's dial, beside the baselines.

    A saving is told at a drop in quality against always asking the reference. The dial is chosen on one
    half of the queries and judged on the other, for 20 random splits; sources count equally. Judged are
    queries that nothing that the policy names was trained on; those that something was, and --fit, fit the
    learned baselines. A policy that escalates is played, with the recorded responses in a random
    order; what it would be in one shot stands beside it. Baselines: every fixed arm, their static mix,
    random, the oracle, the published rule on the router's own predictions (NAME:match), and with the extra
    `evaluate` kNN, logistic regression and others on a frozen encoder.
    """
    from bestroute.evaluate.fixed import fixed_strategies
    from bestroute.evaluate.matched import by_match
    from bestroute.evaluate.picture import check_plot
    from bestroute.evaluate.plot import write_plot
    from bestroute.evaluate.report import Judge, build_report
    from bestroute.evaluate.seen import Seen
    from bestroute.policy import load_policy

    if as_json and markdown:
        raise click.UsageError("give one of --json and --markdown")
    if plot is not None:
        check_plot(plot)
    checked = load_policy(policy)
    others = _others(beside)
    plans_ahead = checked.sampling.plans
    if ablate and not plans_ahead:
        raise click.UsageError("--ablate is for a policy whose sampling escalates or stops early")
    seen = Seen([*checked.learned, *others.values()])
    bad = BadLines(skip_bad)
    divided = divide_records(checked, replayed(records, bad), replayed(fit, bad), seen, judge_all, threads)
    bad.tell()
    judged = divided.judged
    routers = [_route(checked, judged, name, folder, threads) for name, folder in others.items()]
    one_shot = _route(checked, judged, "one_shot" if plans_ahead else "router", checked.router, threads)
    router, *plans = _plans(checked, judged, one_shot, seed, ablate, threads) if plans_ahead else [one_shot]
    learned, absent = _learned(divided.fit, judged.replay, seed, threads)
    matched = [by_match(found) for found in (one_shot, *routers)]
    own = [*plans, one_shot] if plans_ahead else []
    baselines: list[Strategy | Routed] = [
        *fixed_strategies(judged.replay), *learned, *own, *routers, *matched,
    ]  # fmt: skip
    judge = Judge(judged.replay, seed, draws)
    report = build_report(judge, router, baselines, lambda name: _say(f"judging {name}"))
    report["baselines"] |= dict.fromkeys(absent)
    report["policy"] |= {"digest": checked.digest, **checked.objective.as_dict()}
    told = cautions(divided, seen, judge_all, checked)
    report["warnings"] = list(dict.fromkeys([*told, *absent.values(), *report["warnings"]]))
    report |= _counts(divided)
    for warning in report["warnings"]:
        click.echo(f"warning: {warning}", err=True)
    if as_json:
        print_json(report)
    else:
        _print(report, _print_markdown if markdown else print_table)
    if plot is not None:
        write_plot(report, plot)


def _say(words: str) -> None:
    click.echo(words, err=True)


def _others(beside: Sequence[str]) -> dict[str, Path]:
    """Router folders by name, from NAME=FOLDER."""
    from bestroute.evaluate.fixed import FIXED
    from bestroute.evaluate.planned import PARTS

    found: dict[str, Path] = {}
    for pair in beside:
        name, equals, folder = pair.partition("=")
        if not (equals and name and folder):
            raise click.BadParameter(f"{pair!r} is not NAME=FOLDER", param_hint="--beside")
        played = ("one_shot", *(f"without_{part}" for part in PARTS))
        taken = name in (*found, *_learned_names(), *FIXED, *played, "router")
        if taken or name.startswith("fixed:") or name.endswith(":match"):
            raise click.BadParameter(f"{name!r} is the name of another baseline", param_hint="--beside")
        found[name] = Path(folder)
    return found


def _route(policy: Policy, judged: Any, name: str, folder: Path, threads: int) -> Routed:
    from bestroute.artefacts.adapter import open_predictor
    from bestroute.evaluate.routed import routed

    adapter = policy.adapter if folder == policy.router else None  # it goes with no other router model
    own = policy.in_one_shot().model_copy(update={"router": folder, "adapter": adapter})
    counter = Counter(f"queries read by {name}")
    result = routed(
        own,
        judged.queries,
        judged.replay.arms,
        open_predictor(folder, own.adapter, own.columns, threads),
        name,
        counter.advance,
    )
    counter.close()
    return result


def _plans(
    policy: Policy, judged: Any, one_shot: Routed, seed: int, ablate: bool, threads: int
) -> Iterator[Routed]:
    """The policy's plans, and where asked for without each part of what they go by."""
    from bestroute.artefacts.posterior import Posterior
    from bestroute.evaluate.planned import DIALS, PARTS, Table, planned

    posterior = Posterior.load(policy.posterior)
    table = Table(policy, judged.replay, judged.queries, judged.recorded, posterior, seed=seed)
    for part in (None, *PARTS) if ablate else (None,):
        name = "router" if part is None else f"without_{part}"
        counter = Counter(f"of {len(DIALS) + 1} dials of {name} played")
        yield planned(table, one_shot, name=name, without=part, advance=counter.advance, processes=threads)
        counter.close()


def _learned(
    fit: Replay | None, judged: Replay, seed: int, threads: int
) -> tuple[list[Strategy], dict[str, str]]:
    """The learned baselines that can be had, and why not for the others."""
    from bestroute.evaluate.baselines import learned
    from bestroute.evaluate.baselines.embedding import frozen_features

    names = _learned_names()
    if fit is None:
        why = "no records to fit the learned baselines on: give some with --fit, of other queries than judge"
        return [], dict.fromkeys(names, why)
    _say(f"fitting the learned baselines on {len(fit.texts)} queries")
    try:
        embed = partial(frozen_features, processes=threads)
        return learned(fit, judged, embed, seed, threads), {}
    except MissingExtra as error:
        return [], dict.fromkeys(names, f"the learned baselines are left out: {error}")


def _learned_names() -> tuple[str, ...]:
    from bestroute.evaluate.baselines.predict import PREDICTORS

    return (*PREDICTORS, "n_class", "n_label", "clustering")


def _counts(divided: Divided) -> dict[str, Any]:
    return {
        "judged": len(divided.judged.queries),
        "fit": 0 if divided.fit is None else len(divided.fit.texts),
        "seen": divided.saw,
        "left_out": divided.judged.left_out,
    }


Table = Callable[[Sequence[str], Sequence[Sequence[str]]], None]


def _print(report: dict[str, Any], table: Table) -> None:
    drops = list(report["overall"]["saving"])
    rows = [_row("router", report["overall"], drops)]
    rows += [_row(name, part and part["overall"], drops) for name, part in report["baselines"].items()]
    click.echo(_heading(report) + "\n")
    savings = [f"saving at {float(drop):.0%} drop" for drop in drops]
    table(["strategy", "best quality", "at $ per 1,000", *savings, "calls at 1%", "AIQ"], rows)
    sources = list(report["sources"])
    click.echo("\nSaving at 1% drop, a source each:\n")
    named = {"router": report, **{name: part for name, part in report["baselines"].items() if part}}
    each = [
        [name, *(_saving(part["sources"][source]["saving"]["0.01"]) for source in sources)]
        for name, part in named.items()
    ]
    table(["strategy", *(f"{name} ({report['sources'][name]['queries']})" for name in sources)], each)
    click.echo("\n" + _standing(report))


def _heading(report: dict[str, Any]) -> str:
    return (
        f"{report['judged']:,} queries judge, {report['fit']:,} fit the learned baselines. Sources count "
        "equally; the dial is chosen on one half and judged on the other, "
        "20 splits: mean (2.5 and 97.5 percentile)."
    )


def _row(name: str, part: dict[str, Any] | None, drops: Sequence[str]) -> list[str]:
    if part is None:
        return [name, *["-"] * (len(drops) + 4)]
    best = max(part["frontier"], key=lambda point: (point["quality"], -point["cost"]))
    cells = [number(best["quality"]), dollars(1000 * best["cost"])]
    calls = number(part["calls"]["0.01"], 2)
    return [name, *cells, *(_saving(part["saving"][drop]) for drop in drops), calls, number(part["aiq"], 4)]


def _saving(saving: dict[str, float]) -> str:
    """`12.3% (10.1 to 14.0)`, without brackets where no interval is known."""
    if math.isnan(saving["mean"]):
        return "-"
    mean, low, high = (round(100 * saving[name], 1) + 0.0 for name in ("mean", "low", "high"))  # no -0.0
    return f"{mean:.1f}%" + ("" if math.isnan(low) else f" ({low:.1f} to {high:.1f})")


def _standing(report: dict[str, Any]) -> str:
    """The policy at its own dial, in a sentence."""
    from bestroute.policy.objective import OBJECTIVES

    policy = report["policy"]
    dial = next(key for key in OBJECTIVES if key in policy)
    quality, cost = policy["quality"]["value"], policy["cost"]["value"]
    causes = ", ".join(f"{count:,} {cause}" for cause, count in policy["causes"].items())
    arms = ", ".join(f"{label} {share:.0%}" for label, share in report["overall"]["arms"].items() if share)
    saving, drop = (_saving(_as_saving(policy[name])) for name in ("saving", "drop"))
    return (
        f"As it stands ({dial} {policy[dial]:g}): quality {quality:.3f}, "
        f"${dollars(1000 * cost)} per 1,000 queries, saving {saving}, drop {drop}; {arms}. "
        f"Decided by: {causes}."
    )


def _as_saving(interval: dict[str, float]) -> dict[str, float]:
    return {"mean": interval["value"], "low": interval["low"], "high": interval["high"]}


def _print_markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table as Markdown, the first column to the left and the others to the right."""
    click.echo(f"| {' | '.join(head)} |")
    click.echo("|---|" + "---:|" * (len(head) - 1))
    for row in rows:
        click.echo(f"| {' | '.join(row)} |")
