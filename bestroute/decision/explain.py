"""A decision in words, for people. One screen."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from bestroute.decision.values import Candidate, Decision
from bestroute.query import Query
from bestroute.rules import Rule
from bestroute.table import dollars, number, table

_BY_FORECAST = ("tier", "reference")


def explain(decision: Decision) -> str:
    """What was decided, what it costs, its plan, every tier as it was weighed, and how far the dial is from
    another tier."""
    why = f"rule {decision.rule!r}" if decision.cause == "rule" else decision.cause
    lines = [f"{decision.arm.label}  ({why})"]
    if decision.rule is not None and decision.cause != "rule":
        lines.append(f"rule {decision.rule!r} applied")
    saving = 1 - decision.expected_cost / decision.reference_cost if decision.reference_cost else 0.0
    lines += [
        f"expected cost ${dollars(decision.expected_cost)}, "
        f"reference ${dollars(decision.reference_cost)}, saving {saving:.0%}",
        "",
    ]
    if len(decision.plan) > 1:
        lines += [f"plan: {_plan(decision)}; {decision.expected_calls:.2f} rounds of asking expected", ""]
    lines += [_tiers(decision), ""]
    distances = [*_distances(decision)]
    if distances:
        lines += [*distances, ""]
    spans = ", ".join(f"{name} {value:.2f}" for name, value in decision.timings_ms.items())
    lines.append(f"policy {decision.policy}" + (f"; ms: {spans}" if spans else ""))
    return "\n".join(lines)


def explain_rules(rules: Sequence[Rule], query: Query, matched: str | None) -> str:
    """Every rule up to the one that matched, and why those before it did not; a line a rule."""
    lines = []
    for rule in rules:
        taken = "matches" if rule.name == matched else "its model cannot take the request"
        lines.append(f"rule {rule.name!r}: {rule.unmet(query) or taken}")
        if rule.name == matched:
            break
    return "\n".join(lines)


def reason(decision: Decision) -> str:
    """Why this arm, in one line."""
    applied = f"rule {decision.rule!r}" if decision.rule is not None else ""
    if decision.cause == "rule":
        return applied
    words = _reason(decision)
    return f"{words}; {applied} applied" if applied else words


def _reason(decision: Decision) -> str:
    tiers = decision.candidates
    if decision.cause == "fallback":
        return "the router model failed"
    if decision.cause == "abstain":
        known = any(one.gap is not None for one in tiers)
        return "unlike the router model's training queries" if known else "nothing to predict from"
    if len(decision.plan) > 1:
        return f"plan: {_plan(decision)}"
    if decision.cause == "tier":
        return f"gap {number(decision.gap)} is within {_limit(decision):g}"
    near = min((one for one in tiers if one.too_far), key=lambda one: _gap(one) - one.max_gap, default=None)
    return "no cheaper tier can" if near is None else f"no cheaper tier; {near.arm.label}: {near.why_not}"


def _limit(decision: Decision) -> float:
    limits = [one.max_gap for one in decision.candidates if one.models == decision.models]
    return limits[0] if limits else math.nan


def _plan(decision: Decision) -> str:
    return ", then ".join(f"{step.arm.label} ({step.chance:.0%} to suffice)" for step in decision.plan)


def _tiers(decision: Decision) -> str:
    planned = _planned(decision)
    head = ["", "tier", "gap", "max gap", "match", *(["chance"] if planned else []), "cost $", "why not"]
    rows = [
        [
            ">" if one.models == decision.models else "",
            one.arm.label,
            number(one.gap),
            number(one.max_gap),
            number(one.match_probability),
            *([number(one.chance, 2)] if planned else []),
            dollars(one.expected_cost),
            one.why_not or "",
        ]
        for one in decision.candidates
    ]
    return table(head, rows)


def _planned(decision: Decision) -> bool:
    """Whether a plan was weighed: chances are known only then."""
    return any(one.chance is not None for one in decision.candidates)


def _distances(decision: Decision) -> list[str]:
    """The dials nearest to the one that was set that would have chosen another tier.

    The dial is what most tiers may lose; those that may lose something else have a `max_gap` of their own.
    """
    if decision.cause not in _BY_FORECAST or _planned(decision):
        return []
    tiers = decision.candidates
    dial = Counter(one.max_gap for one in tiers).most_common(1)[0][0]
    chosen = next(at for at, one in enumerate(tiers) if one.models == decision.models)
    looser = [_up(_gap(one)) for one in tiers[:chosen] if one.too_far and one.max_gap == dial]
    dials = [min(looser)] if looser else []
    if chosen < len(tiers) - 1 and tiers[chosen].max_gap == dial:
        dials.append(_below(_gap(tiers[chosen])))
    return [
        f"max_gap {other:g} would have chosen {_chosen_at(other, dial, tiers).arm.label}"
        for other in dials
        if -1 <= other <= 1
    ]


def _chosen_at(dial: float, in_place_of: float, tiers: Sequence[Candidate]) -> Candidate:
    """The tier that another dial would have chosen."""
    *open_, last = [one for one in tiers if one.eligible or one.too_far]
    limits = [dial if one.max_gap == in_place_of else one.max_gap for one in open_]
    return next((one for one, limit in zip(open_, limits, strict=True) if _gap(one) <= limit), last)


def _gap(candidate: Candidate) -> float:
    return candidate.gap or 0.0


def _up(value: float) -> float:
    """To three decimals, not below the value."""
    return math.ceil(value * 1000) / 1000


def _below(value: float) -> float:
    """To three decimals, below the value."""
    return (math.ceil(value * 1000) - 1) / 1000
