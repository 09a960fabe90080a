"""`bestroute dry-run`: route a file of queries without asking any model."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bestroute.cli.options import (
    FILE,
    POLICY,
    QUERIES,
    json_option,
    refuse_to_overwrite,
    skip_bad_option,
    threads_option,
)
from bestroute.cli.output import BadLines, Counter, counted, print_json, print_table
from bestroute.decision import Decision
from bestroute.errors import InputError
from bestroute.table import dollars, number, share

if TYPE_CHECKING:
    from bestroute.artefacts.predictor import Predictor
    from bestroute.policy import Policy
    from bestroute.retune.dry_run import Reservoir

_DRAWN, _PLANNED = 2000, 500  # queries that --plot sweeps; fewer where each is planned


@click.command(
    "dry-run",
    epilog="Example: bestroute dry-run policy.example.yaml examples/queries.jsonl --out decisions.jsonl",
)
@click.argument("policy", type=POLICY)
@click.argument("queries", type=QUERIES)
@click.option("--out", type=FILE, help="Write one decision a line.")
@click.option("--plot", type=FILE, help="The dial: .svg, .png, .txt.")
@click.option("--explain-all", is_flag=True, help="Ask the router model even where a rule decides.")
@click.option("--sessions", is_flag=True, help="Replay conversations turn by turn, each with its session.")
@skip_bad_option
@threads_option
@json_option
def command(
    policy: Path, queries: Path, out: Path | None, plot: Path | None, explain_all: bool, sessions: bool,
    skip_bad: bool, threads: int, as_json: bool,
) -> None:  # fmt: skip
    """Route every query of a file: share per arm, expected cost and gap, against always the reference.

    QUERIES is .txt (a query a line) or .jsonl ({"query" or "messages", "metadata"?} a line). The file is
    streamed: memory does not grow with it. --plot shows, at every setting of the dial, the share of each arm,
    and cost against predicted quality: on at most 2,000 of the queries, 500 where the policy escalates or
    stops early, drawn at random with a fixed seed (extra `plot`; not for .txt, a table). What a rule routes
    is not predicted, and its cost is that of a response of mean length, unless --explain-all is given.

    --sessions makes a query of every turn of each line's messages, hands each the session of the one before,
    and says what switching models costs, beside every turn for itself and always the reference, with what
    prompt caches hold.
    """
    from bestroute.artefacts.adapter import open_predictor
    from bestroute.evaluate.picture import check_plot
    from bestroute.policy import load_policy
    from bestroute.query import read_queries
    from bestroute.retune.conversations import Replayed, replay
    from bestroute.retune.dry_run import Reservoir, Tally, decide_all
    from bestroute.router import Router

    if out is not None:
        refuse_to_overwrite(out, policy, queries)
    if plot is not None:
        check_plot(plot, table=True)
        if out is not None and out.resolve() == plot.resolve():
            raise click.UsageError(f"--out and --plot are both {out}; give each a name of its own")
    checked = load_policy(policy)
    predictor = open_predictor(checked.router, checked.adapter, checked.columns, threads)
    router = Router(checked, predictor=predictor)
    bad, tally, replayed = BadLines(skip_bad), Tally(), Replayed()
    sample = Reservoir(_PLANNED if checked.sampling.plans else _DRAWN)
    read = read_queries(queries, bad.on_bad)
    with _writer(out) as write:
        passing = read if plot is None else sample.passing(read)
        decisions = (
            replay(router, passing, replayed)
            if sessions
            else decide_all(router, passing, explain_all=explain_all)
        )
        for decision in counted("queries", decisions):
            tally.add(decision)
            write(decision)
    bad.tell()
    if not tally.queries:
        raise InputError(f"{queries}: holds no query")
    summary = {
        "policy": checked.digest,
        **tally.summary(),
        "skipped": bad.count,
        "fallbacks": router.fallbacks,
        **({"sessions": replayed.as_dict()} if sessions else {}),
        "levels": "guessed" if checked.guesses_levels else "learned",
    }
    if as_json:
        print_json(summary)
    else:
        _print(summary, checked.sampling.plans, explain_all)
        if sessions:
            _print_sessions(summary["sessions"])
    if plot is not None:
        _draw(plot, policy, checked, predictor, sample, explain_all)


def _draw(
    plot: Path, path: Path, policy: Policy, predictor: Predictor, sample: Reservoir, explain_all: bool
) -> None:
    """The dial on a sample of the queries; `path` is the policy's file."""
    from bestroute.evaluate.routed import Recall
    from bestroute.retune.calibrate.plot import Mark, write_plot
    from bestroute.retune.calibrate.sweep import settings_for, sweep
    from bestroute.retune.calibrate.trials import Expected

    counter = Counter("settings of the dial")
    recall = Recall(predictor, [query.text for query in sample.kept])
    trials = Expected(policy, sample.kept, recall, explain_all)
    swept = sweep(trials, settings_for(policy), counter.advance)
    counter.close()
    marks = [Mark("as it is", policy.objective.setting)]
    drawn = f"{len(sample.kept):,} of {sample.seen:,} queries, drawn at random"
    note = drawn if len(sample.kept) < sample.seen else f"all {sample.seen:,} queries"
    write_plot(swept, marks, path.name, note, plot)


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


def _print(summary: dict[str, Any], plans: bool, explain_all: bool) -> None:
    arms = [
        [label, str(arm["queries"]), share(arm["share"]), dollars(arm["cost_per_1000"])]
        for label, arm in summary["arms"].items()
    ]
    print_table(["asked first" if plans else "arm", "queries", "share", "US$ per 1,000"], arms)
    click.echo()
    for title, counts in (("cause", summary["causes"]), ("rule", summary["rules"])):
        if counts:
            print_table([title, "queries"], [[name, str(count)] for name, count in counts.items()])
            click.echo()
    saving = summary["saving"]
    click.echo(
        f"{summary['queries']:,} queries: ${dollars(summary['cost_per_1000'])} per 1,000 against "
        f"${dollars(summary['reference_cost_per_1000'])} for always the reference, saving {share(saving)}\n"
        f"mean predicted gap {number(summary['mean_gap'], 4)} over {summary['with_gap']:,} queries"
        + ("" if explain_all else _not_predicted(summary))
    )
    if plans:
        click.echo(f"{number(summary['calls'], 2)} rounds of asking a query")
    if summary["levels"] == "guessed" and summary["with_gap"]:
        click.echo(
            "known: the order of the queries, easy to hard, as the router model predicts it; guessed: the "
            "levels, and so the gaps, as no response of these models was scored (`bestroute adapt` learns "
            "them)"
        )
    _print_novelty(summary)


def _print_sessions(sessions: dict[str, Any]) -> None:
    """What switching costs: all costs are of the same turns, with what prompt caches hold."""
    ways = {"with sessions": "with_sessions", "every turn for itself": "without", "reference": "reference"}
    found = ((name, sessions[key]) for name, key in ways.items())
    rows = [[n, dollars(way["cost"]), str(way["switches"]), str(way["in_tool_loops"])] for n, way in found]
    counts = f"{sessions['conversations']:,} conversations, {sessions['turns']:,} turns"
    stake = dollars(sessions["switch_cost"])
    click.echo(f"\n{counts}; with sessions switches put ${stake} at stake\n")
    print_table(["way", "US$", "switches", "in tool loops"], rows)


def _print_novelty(summary: dict[str, Any]) -> None:
    """How much of what was predicted is a guess."""
    unlike, guessed, held_back = summary["unlike"], summary["guessed"], summary["held_back"]
    if unlike:
        click.echo(
            f"the reference answers {unlike:,} queries ({share(unlike / summary['queries'])}) unlike all "
            "that the router model knows (cause abstain)"
            + (_LET_DECIDE if unlike > summary["queries"] / 4 else "")
        )
    if guessed:
        click.echo(
            f"{guessed:,} queries are unlike those that the router model was trained on (abstain: false), so "
            "what it predicts of them is a guess"
            + (
                f"; {held_back:,} go to the reference, as their dial lets nothing be lost"
                if held_back
                else ""
            )
        )
    if summary["unsure"]:
        click.echo(
            "the router model cannot tell which queries are unlike those that it was trained on, so any of "
            f"{summary['unsure']:,} predictions may be a guess; `bestroute check` says what would help"
        )


_LET_DECIDE = (
    "; `abstain: false` in the policy lets the dial decide them on a guess, a rule by what you know of them, "
    "and an adapter from scored queries like yours by what it learned"
)


def _not_predicted(summary: dict[str, Any]) -> str:
    missing = summary["queries"] - summary["with_gap"]
    if not missing or not summary["causes"].get("rule"):
        return ""
    return f"; a rule routes the other {missing:,} unpredicted (--explain-all predicts them too)"
