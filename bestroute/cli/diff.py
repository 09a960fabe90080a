"""`bestroute diff`: what a change of policy does to a file of queries."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bestroute.cli.options import POLICY, QUERIES, json_option, skip_bad_option, threads_option
from bestroute.cli.output import BadLines, counted, print_json, print_table
from bestroute.errors import InputError, Issue, PolicyError
from bestroute.table import dollars, number, share

if TYPE_CHECKING:
    from bestroute.policy import Policy

_LISTED = 20

_HELP = """Route every query of a file by two policies: what moves, what it costs, what quality it risks.

    QUERIES is .txt (a query a line) or .jsonl ({"query" or "messages", "metadata"?} a line). The file is
    streamed: memory does not grow with it. A query moves where another arm is asked (first); its cost is that
    of its plan, where the policy escalates. Quality is what is predicted of the responses that are kept. Of
    queries that rules route to the same arm under both policies nothing is predicted; these are counted.
    Others that a rule routes are predicted here, so costs may differ a little from those of `dry-run`,
    which does that with --explain-all.

    --fail-if METRIC OP VALUE exits 1 where that is so. OP is one of > >= < <=, and METRIC one of

    \b
      cost                US$ per 1,000 queries
      quality             mean predicted quality, 0 to 1
      calls               rounds of asking a query
      moved               share of the queries that move
      share of ARM        share of the queries that ask e.g. gpt-4o@1 (first)
      share of reference  likewise, of each policy's own reference

    VALUE is against OLD where it has a sign: +5% is five percent more than under OLD, +0.02 is 0.02 more.
    Without a sign it is the value under NEW: 12.5, or for moved and shares also 30%. A number that cannot be
    had, such as quality where nothing was predicted, fails too.
    """


@click.command(
    help=_HELP,
    epilog="Example: bestroute diff policies/balanced.yaml policies/cost-saver.yaml examples/queries.jsonl "
    "--fail-if 'cost > +5%' --fail-if 'quality < -0.01'",
)
@click.argument("old", type=POLICY)
@click.argument("new", type=POLICY)
@click.argument("queries", type=QUERIES)
@click.option("--fail-if", "conditions", multiple=True, metavar="BOUND", help="Exit 1 if so; repeatable.")
@click.option("--top", type=click.IntRange(0), default=10, show_default=True, help="Queries to list.")
@skip_bad_option
@threads_option
@json_option
@click.pass_context
def command(
    ctx: click.Context, old: Path, new: Path, queries: Path, conditions: tuple[str, ...], top: int,
    skip_bad: bool, threads: int, as_json: bool,
) -> None:  # fmt: skip
    """Compare two policies."""
    from bestroute.query import read_queries
    from bestroute.retune.diff import Changes, Sides, arms_of, parse_bound

    before, after = _loaded(old, new)
    bounds = [parse_bound(text, arms_of(before) | arms_of(after)) for text in conditions]
    sides = Sides(before, after, threads=threads)
    bad, changes = BadLines(skip_bad), Changes(before, after, top)
    for pair in counted("queries", sides.compare(read_queries(queries, bad.on_bad))):
        changes.add(pair)
    bad.tell()
    if not changes.queries:
        raise InputError(f"{queries}: holds no query")
    verdicts = [bound.judge(changes) for bound in bounds]
    figures = changes.summary()
    summary = {
        **figures,
        "fail_if": [verdict.as_dict() for verdict in verdicts],
        "skipped": bad.count,
        "fallbacks": {side: figures[side]["causes"].get("fallback", 0) for side in ("old", "new")},
    }
    if as_json:
        print_json(summary)
    else:
        _print(summary, plans=before.sampling.plans or after.sampling.plans)
        if verdicts:
            click.echo()
        for verdict in verdicts:
            click.echo(verdict)
    ctx.exit(1 if any(verdict.failed for verdict in verdicts) else 0)


def _loaded(*paths: Path) -> list[Policy]:
    """The policies. Raises PolicyError with the faults of all of them."""
    from bestroute.policy import load_policy

    policies: list[Policy] = []
    issues: list[Issue] = []
    for path in paths:
        try:
            policies.append(load_policy(path))
        except PolicyError as error:
            issues += error.issues
    if issues:
        raise PolicyError(tuple(dict.fromkeys(issues)))
    return policies


def _print(summary: dict[str, Any], plans: bool) -> None:
    _print_figures(summary, plans)
    click.echo(
        f"\n{summary['moved']:,} of {summary['queries']:,} queries move ({share(summary['moved_share'])})"
        + (f"; {summary['replanned']:,} more may be asked other arms later" if summary["replanned"] else "")
    )
    if summary["moves"]:
        click.echo()
        print_table(
            ["from", "to", "queries", "share", "US$ per 1,000", "quality of these"],
            [
                [
                    move["from"],
                    move["to"],
                    str(move["queries"]),
                    share(move["share"]),
                    f"{move['cost_per_1000_change']:+.4g}",
                    _signed(move["quality_change"]),
                ]
                for move in summary["moves"][:_LISTED]
            ],
        )
    if abs(summary["unmoved_cost_per_1000_change"]) > 1e-9:
        cost = f"US$ {summary['unmoved_cost_per_1000_change']:+.4g} per 1,000"
        change = f"{cost}, quality {_signed(summary['unmoved_quality_change'])}"
        click.echo(f"\nqueries that do not move: {change}, by prices or plans")
    if summary["rules"]:
        click.echo()
        rows = [[r["from"] or "-", r["to"] or "-", str(r["queries"])] for r in summary["rules"][:_LISTED]]
        print_table(["rule before", "rule after", "queries"], rows)
    for title, entries in summary["most_affected"].items():
        if entries:
            click.echo(f"\nmost affected {title.replace('_', ' ')}")
            for entry in entries:
                _print_entry(entry)


def _print_figures(summary: dict[str, Any], plans: bool) -> None:
    cost, calls, quality = summary["cost_per_1000"], summary["calls"], summary["quality"]
    reference = summary["reference_share"]
    predicted = f"{summary['predicted']:,} queries"
    rounds = ["rounds of asking", number(calls["old"], 2), number(calls["new"], 2), _signed(calls["change"])]
    print_table(
        ["", "old", "new", "change"],
        [
            ["US$ per 1,000", dollars(cost["old"]), dollars(cost["new"]), _percent(cost["relative"])],
            [
                f"predicted quality ({predicted})",
                number(quality["old"], 4),
                number(quality["new"], 4),
                _signed(quality["change"]),
            ],
            *([rounds] if plans else []),
            [
                f"asked of the reference{_references(summary)}",
                share(reference["old"]),
                share(reference["new"]),
                _points(reference["change"]),
            ],
        ],
    )
    if summary["without_prediction"]:
        click.echo(f"left out of quality, not predicted: {summary['without_prediction']:,} queries")
    guessed = max(summary[side]["guessed"] for side in ("old", "new"))
    if guessed:
        click.echo(f"unlike the router model's training queries, so quality is a guess: {guessed:,} queries")
    unsure = max(summary[side]["unsure"] for side in ("old", "new"))
    if unsure:
        click.echo(
            f"quality may be a guess, since a router model cannot tell which it is of: {unsure:,} queries"
        )


def _references(summary: dict[str, Any]) -> str:
    """Their names, where they differ."""
    old, new = (summary[side]["reference"] for side in ("old", "new"))
    return "" if old == new else f" ({old}, then {new})"


def _print_entry(entry: dict[str, Any]) -> None:
    name = entry["query_id"] or f"query {entry['number']}"
    text = entry["text"] if len(entry["text"]) <= 70 else entry["text"][:67] + "..."
    quality = _signed(entry["quality_change"])
    click.echo(f"  {name}: quality {quality}, US$ {entry['cost_change']:+.4g}: {text}")
    for side in ("old", "new"):
        click.echo(f"    {side}  {entry[side]['arm']}  {entry[side]['reason']}")


def _signed(value: float | None) -> str:
    return "-" if value is None else f"{value:+.4f}"


def _points(value: float | None) -> str:
    """A change of a share."""
    return "-" if value is None else f"{100 * value:+.1f} points"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:+.1%}"
