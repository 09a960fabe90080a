"""`bestroute route`: explain one decision."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from bestroute.cli.output import (
    POLICY,
    dollars,
    json_option,
    metadata_option,
    number,
    parse_metadata,
    print_json,
    print_table,
    read_text,
)
from bestroute.decision import Decision
from bestroute.errors import InputError
from bestroute.query import Query
from bestroute.rules import Rule


@click.command(epilog='Example: bestroute route policy.example.yaml "Why is the sky blue?"')
@click.argument("policy", type=POLICY)
@click.argument("query")
@metadata_option
@click.option("--messages", is_flag=True, help='QUERY is JSON: chat messages, or {"messages", "metadata"}.')
@click.option("--explain-all", is_flag=True, help="Ask the router model even where a rule decides.")
@json_option
def command(
    policy: Path, query: str, metadata: tuple[str, ...], messages: bool, explain_all: bool, as_json: bool
) -> None:
    """Route one QUERY by POLICY and show why. QUERY `-` is read from standard input."""
    from bestroute.router import Router

    router = Router.from_policy(policy)
    text = read_text(query)
    asked = parse_messages(text) if messages else text
    known = parse_metadata(metadata) if metadata else None
    decision = router.route(asked, metadata=known, explain_all=explain_all)
    if as_json:
        print_json(decision.as_dict())
    else:
        print_decision(decision)
        if router.policy.rules:
            print_rules(router.policy.rules, Query.of(asked, metadata=known), decision.rule)


def parse_messages(text: str) -> Any:
    """Chat messages, or an object that holds them, from JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"QUERY is not JSON ({error}); --messages takes a list of chat messages") from error


def print_decision(decision: Decision) -> None:
    """The chosen arm, why, and every tier as it was weighed."""
    why = f"rule {decision.rule!r}" if decision.cause == "rule" else decision.cause
    click.echo(f"{decision.arm.label}  ({why})")
    if decision.rule is not None and decision.cause != "rule":
        click.echo(f"rule {decision.rule!r} applied")
    saving = 1 - decision.expected_cost / decision.reference_cost if decision.reference_cost else 0.0
    click.echo(
        f"expected cost ${dollars(decision.expected_cost)}, "
        f"reference ${dollars(decision.reference_cost)}, saving {saving:.0%}\n"
    )
    if len(decision.plan) > 1:
        steps = ", then ".join(f"{step.arm.label} ({step.chance:.0%} to suffice)" for step in decision.plan)
        click.echo(f"plan: {steps}; {decision.expected_calls:.2f} rounds of asking expected\n")
    print_table(
        ["", "tier", "gap", "max gap", "match", "cost $", "why not"],
        [
            [
                ">" if candidate.models == decision.models else "",
                candidate.arm.label,
                number(candidate.gap),
                number(candidate.max_gap),
                number(candidate.match_probability),
                dollars(candidate.expected_cost),
                candidate.why_not or "",
            ]
            for candidate in decision.candidates
        ],
    )
    spans = ", ".join(f"{name} {value:.2f}" for name, value in decision.timings_ms.items())
    click.echo(f"\npolicy {decision.policy}; ms: {spans}")


def print_rules(rules: Sequence[Rule], query: Query, matched: str | None) -> None:
    """Every rule up to the one that matched, and why those before it did not."""
    click.echo()
    for rule in rules:
        taken = "matches" if rule.name == matched else "its model cannot take the request"
        click.echo(f"rule {rule.name!r}: {rule.unmet(query) or taken}")
        if rule.name == matched:
            return
