"""`bestroute test`: hold a policy to its probes."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING

import click

from bestroute.cli.options import FILE, POLICY, json_option
from bestroute.cli.output import print_json, print_table
from bestroute.table import share

if TYPE_CHECKING:
    from bestroute.retune.probes import ProbeReport, ProbeResult


@click.command(epilog="Example: bestroute test policies/balanced.yaml policies/balanced.probes.yaml")
@click.argument("policy", type=POLICY)
@click.argument("probes", type=FILE)
@json_option
@click.pass_context
def command(ctx: click.Context, policy: Path, probes: Path, as_json: bool) -> None:
    """Decide every probe of a file by POLICY, and tell which are not decided as expected.

    PROBES is YAML: a list of `probes`, each with a name, a query or messages, metadata, tools, tags, and what
    to `expect`: model, n, models, not_model, why_not, rule, not_rule, no_rule, cause, max_cost (US$),
    max_gap, min_match, max_calls. `min_pass_rate` may give tags the share of their probes that must pass: a
    probe that fails is excused where it has such tags and all of them reach their share. Of a failing probe
    the decision is explained as `bestroute route` does. Exits 1 when a probe fails and is not excused.
    """
    from bestroute.policy import load_policy
    from bestroute.retune.probes import report_of
    from bestroute.router import Router

    report = report_of(Router(load_policy(policy), time_budget_s=None), probes)
    if as_json:
        print_json(report.as_dict())
    else:
        _print(report, probes)
    ctx.exit(0 if report.ok else 1)


def _print(report: ProbeReport, path: Path) -> None:
    for result in report.results:
        if not result.passed:
            _print_failure(result, path)
    rows = [
        [
            rate.tag,
            str(rate.passed),
            str(rate.probes),
            share(rate.rate),
            share(rate.minimum),
            "" if rate.ok else "FAILS",
        ]
        for rate in report.tags
        if rate.minimum is not None
    ]
    if rows:
        print_table(["tag", "pass", "of", "rate", "at least", ""], rows)
        click.echo()
    passed = sum(result.passed for result in report.results)
    click.echo(f"{passed} of {len(report.results)} probes pass (policy {report.policy})")


def _print_failure(result: ProbeResult, path: Path) -> None:
    state = "excused by its tags' rates" if result.excused else "FAILS"
    asked = " ".join(result.probe.asked.text[:200].split())[:100] or "(no text)"
    click.echo(f"{path}:{result.line}: {result.probe.name!r} {state}: {asked}")
    click.echo(indent(result.explain(), "  ") + "\n")
