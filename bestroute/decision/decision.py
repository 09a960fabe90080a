"""The decision that leaves the router, and how it is told to people, in one screen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bestroute.decision.candidate import BY_FORECAST, TOO_DEAR, Candidate, Cause, arm_of
from bestroute.decision.health import Health
from bestroute.decision.plan import Step
from bestroute.policy.arms import Arm
from bestroute.policy.objective import AnyObjective
from bestroute.policy.rules import Rule
from bestroute.query import Query, Session
from bestroute.table import dollars, number, table

_NOT_TOLD = ("query_id", "asked", "rules", "again", "further")


@dataclass(frozen=True, slots=True)
class Decision:
    """Which arm answers a query, and why.

    `models` are what each model is asked for; `model` is `a+b` for a portfolio, `n` all responses. `cause`:
    `rule` (a rule chose the arm), `tier` (the first tier within the dial), `reference` (no cheaper tier was),
    `abstain` (the query is unlike all that the router model was trained on, or has no text to predict from),
    `fallback` (the router model failed or overran its time budget). `rule` is the name of the rule that
    matched, whatever it did. `plan` holds the steps that may follow one another, `expected_calls` how many of
    them are expected, `expected_gap` what the response that is kept is expected to lose, in quality points,
    None where that cannot be told. `objective`: the dial of this query, a rule's or the policy's. `novel`:
    the query is unlike all that the router model was trained on, so what is predicted of it is a guess; None
    where the router model cannot tell, and any prediction may be one. `session`: how the conversation stands
    after it, to hand in with the next turn; None where neither the policy nor the query has sessions.
    `health`: what was known of the models then, None where nobody asked. Costs are US$ for this query,
    `expected_cost` that of the plan. `policy` is the policy's digest. Two decisions are equal whatever their
    timings. `candidates` are put into words when they are first looked at. `asked`, `rules`, the policy's,
    `again`, which decides anew at another setting of the dial, and `further` are what `explain` and
    `fallbacks` go by.
    """

    model: str
    n: int
    models: Mapping[str, int] = field(hash=False)
    cause: Cause
    rule: str | None
    gap: float | None
    match_probability: float | None
    expected_cost: float
    reference_cost: float
    candidates: Sequence[Candidate]
    policy: str
    objective: AnyObjective
    novel: bool | None = False
    query_id: str | None = None
    session: Session | None = None
    plan: tuple[Step, ...] = ()
    expected_calls: float = 1.0
    expected_gap: float | None = None
    health: Health | None = None
    timings_ms: Mapping[str, float] = field(default_factory=dict, compare=False)
    asked: Query | None = field(default=None, compare=False, repr=False)
    rules: tuple[Rule, ...] = field(default=(), compare=False, repr=False)
    again: Callable[[float], Decision] | None = field(default=None, compare=False, repr=False)
    further: Callable[[Decision], tuple[Arm, ...]] | None = field(default=None, compare=False, repr=False)

    @property
    def arm(self) -> Arm:
        """The arm that answers."""
        return arm_of(tuple(self.models.items()))

    @property
    def fallbacks(self) -> tuple[Arm, ...]:
        """What would be asked where all that is planned gave nothing, in order."""
        return () if self.further is None else self.further(self)

    def explain(self) -> str:
        """The decision for people, as `bestroute route` shows it: what was decided, what it costs, the rules
        tried, every tier with what stood against it, and dials that would have chosen another.
        Takes milliseconds, tens of them where there is a plan."""
        return explain(self)

    def as_dict(self) -> dict[str, Any]:
        """The decision as JSON values; `query_id` only where the query has one."""
        content = {name: getattr(self, name) for name in Decision.__slots__ if name not in _NOT_TOLD}
        content |= {"models": dict(self.models), "timings_ms": dict(self.timings_ms)}
        content["objective"] = self.objective.as_dict()
        content["candidates"] = [candidate.as_dict() for candidate in self.candidates]
        content["plan"] = [step.as_dict() for step in self.plan]
        content["session"] = None if self.session is None else self.session.as_dict()
        content["fallbacks"] = [arm.model_dump() for arm in self.fallbacks]
        content["health"] = None if self.health is None else self.health.as_dict()
        return content if self.query_id is None else {"query_id": self.query_id, **content}


def changed(decision: Decision, **changes: Any) -> Decision:
    """As dataclasses.replace, which takes as long as all the rest of a decision by a rule."""
    fresh = object.__new__(Decision)
    for name in Decision.__slots__:
        object.__setattr__(fresh, name, changes[name] if name in changes else getattr(decision, name))
    return fresh


def explain(decision: Decision) -> str:
    """What was decided and why, what it costs, the rules tried, the plan, every tier as it was weighed, and
    dials that would have decided otherwise."""
    why = f"rule {decision.rule!r}" if decision.cause == "rule" else decision.cause
    lines = [f"{decision.arm.label}  ({why})"]
    if decision.cause != "rule" and len(decision.plan) < 2:
        lines.append(reason(decision))
    lines += _cautions(decision)
    saving = 1 - decision.expected_cost / decision.reference_cost if decision.reference_cost else 0.0
    lines += [
        f"expected cost ${dollars(decision.expected_cost)}, "
        f"reference ${dollars(decision.reference_cost)}, saving {saving:.0%}",
        *_session(decision),
        "",
    ]
    rules = _rules(decision)
    if rules:
        lines += [*rules, ""]
    if len(decision.plan) > 1:
        lines += [f"plan: {_plan(decision)}; {decision.expected_calls:.2f} rounds of asking expected", ""]
    lines += [_tiers(decision), ""]
    distances = [*_distances(decision)]
    if distances:
        lines += [*distances, ""]
    spans = ", ".join(f"{name} {value:.2f}" for name, value in decision.timings_ms.items())
    lines.append(f"policy {decision.policy}" + (f"; ms: {spans}" if spans else ""))
    return "\n".join(lines)


def _session(decision: Decision) -> list[str]:
    """What became of the conversation, in a line; none where nobody held it."""
    before = decision.asked.session if decision.asked is not None else None
    after = decision.session
    if before is None or after is None:
        return []
    held = f"session: {before.model} holds {before.cached_tokens:,} tokens"
    if after.stays is not None:
        return [f"{held}; it stays: {after.stays}"]
    if after.model == before.model:
        return [held]
    return [f"{held}; going to {after.model} puts ${dollars(after.switch_cost)} at stake"]


def _cautions(decision: Decision) -> list[str]:
    """Why the prediction that a decision rests on may be less than it seems; a line each."""
    if decision.cause not in BY_FORECAST:
        return []
    lines = []
    if decision.novel is None:
        lines.append("the router model cannot tell a query unlike its training queries: this may be a guess")
    elif decision.novel:
        lines.append("unlike the router model's training queries, so what is predicted is a guess")
    if any(one.models == decision.models and not one.taught for one in decision.candidates):
        lines.append("its n was not taught, so what is predicted is that of as many responses as were")
    return lines


def _rules(decision: Decision) -> list[str]:
    """Every rule up to the one that matched, and why those before it did not; a line a rule."""
    lines: list[str] = []
    for rule in decision.rules if decision.asked is not None else ():
        assert decision.asked is not None
        if rule.name == decision.rule:
            return [*lines, f"rule {rule.name!r}: matches"]
        unmet = rule.unmet(decision.asked)
        lines.append(f"rule {rule.name!r}: {unmet or 'its model cannot take the request'}")
    return lines


def reason(decision: Decision) -> str:
    """Why this arm, in one line."""
    applied = f"rule {decision.rule!r}" if decision.rule is not None else ""
    if decision.cause == "rule":
        return applied
    words = _reason(decision)
    if decision.session is not None and decision.session.stays is not None:
        words = f"the conversation stays with its model: {decision.session.stays}"
    return f"{words}; {applied} applied" if applied else words


def _reason(decision: Decision) -> str:
    if decision.cause == "fallback":
        return "the router model failed"
    if decision.cause == "abstain":
        known = any(one.gap is not None for one in decision.candidates)
        why = "unlike the router model's training queries" if known else "nothing to predict from"
        return f"{why}; as much as max_cost allows" if _bounded_by_cost(decision) else why
    if len(decision.plan) > 1:
        return f"plan: {_plan(decision)}"
    if decision.cause == "tier":
        taken = [one for one in decision.candidates if one.models == decision.models and one.eligible]
        if not taken or taken[0].gap is None or taken[0].too_far:
            return _why_no_other(decision)
        return _dial_of(taken[0], decision).why(taken[0].offer(decision.reference_cost))
    near = min(
        (one for one in decision.candidates if one.too_far),
        key=lambda one: _dial_of(one, decision).distance(one.offer(decision.reference_cost)),
        default=None,
    )
    return "no cheaper tier can" if near is None else f"no cheaper tier; {near.arm.label}: {near.why_not}"


def _why_no_other(decision: Decision) -> str:
    """Why an arm answers that the dial did not choose."""
    if _bounded_by_cost(decision):
        return "as much as max_cost allows"
    ill = passed_over(decision)
    return f"passed over: {ill}" if ill else "no other can take the request"


def passed_over(decision: Decision) -> str:
    """Which models were not asked for their health, and why; "" where none was."""
    words = [one.why_not or "" for one in decision.candidates if one.objection in ("cooling", "late")]
    if decision.health is not None:
        words += [f"{name} {why}" for name, why in decision.health.cooling.items()]
    return "; ".join(dict.fromkeys(words))


def _dial_of(candidate: Candidate, decision: Decision) -> AnyObjective:
    """The dial that a tier was weighed by: its own, else the query's."""
    objective = decision.objective
    own = getattr(candidate, objective.key, None)
    return objective if own is None else objective.at(own)


def _plan(decision: Decision) -> str:
    return ", then ".join(f"{step.arm.label} ({step.chance:.0%} to suffice)" for step in decision.plan)


def _tiers(decision: Decision) -> str:
    same = [one for one in decision.candidates if one.models == decision.models]
    chosen = next((one for one in same if one.eligible), same[0] if same else None)
    # Of a plan, tiers without a reason are those that may follow; and money may have had the last word.
    silent = len(decision.plan) > 1 or _bounded_by_cost(decision)
    passed_over = "" if silent else decision.objective.passed_over
    columns: list[tuple[str, Callable[[Candidate], str]]] = [
        ("", lambda one: ">" if one is chosen else ""),
        ("tier", lambda one: one.arm.label),
        ("quality", lambda one: number(one.quality)),
        ("gap", lambda one: number(one.gap, 4)),
        ("max gap", lambda one: number(one.max_gap, 4)),
        ("match", lambda one: number(one.match_probability)),
        ("min match", lambda one: number(one.min_match)),
        ("chance", lambda one: number(one.chance, 2)),
        ("cost $", lambda one: dollars(one.expected_cost)),
        ("with gap $", lambda one: "-" if one.total_cost is None else dollars(one.total_cost)),
        ("why not", lambda one: one.why_not or ("" if one is chosen else passed_over)),
    ]
    asked = {
        "max gap": any(one.max_gap is not None for one in decision.candidates),
        "min match": any(one.min_match is not None for one in decision.candidates),
        "chance": _planned(decision),
        "with gap $": any(one.total_cost is not None for one in decision.candidates),
    }
    shown = [(head, cell) for head, cell in columns if asked.get(head, True)]
    rows = [[cell(one) for _, cell in shown] for one in decision.candidates]
    return table([head for head, _ in shown], rows)


def _bounded_by_cost(decision: Decision) -> bool:
    """Whether a tier was left out for max_cost."""
    return any(one.why_not == TOO_DEAR for one in decision.candidates)


def _planned(decision: Decision) -> bool:
    """Whether a plan was weighed: chances are known only then."""
    return any(one.chance is not None for one in decision.candidates)


def _distances(decision: Decision) -> list[str]:
    """A setting on either side of the one that was set at which another tier serves: the nearest, of a plan
    the nearest of the dial's grid."""
    again, dial = decision.again, decision.objective
    if decision.cause not in BY_FORECAST or again is None:
        return []
    offers = [one.offer(decision.reference_cost) for one in decision.candidates if one.gap is not None]
    settings, words = set(dial.edges(offers)), "chosen {}"
    if _planned(decision):  # a gap before does not tell where a plan changes
        settings, words = settings.union(dial.grid), "asked {} first"
    elif decision.novel:  # nor does it where a guess is not enough
        settings = settings.union(dial.grid)
    lines = []
    nearest = sorted(settings, key=lambda setting: abs(setting - dial.setting))
    for side in (
        (setting for setting in nearest if setting > dial.setting),
        (setting for setting in nearest if setting < dial.setting),
    ):
        others = ((setting, again(setting).arm) for setting in side)
        found = next(((setting, arm) for setting, arm in others if arm != decision.arm), None)
        if found is not None:
            lines.append(f"{dial.key} {found[0]:g} would have {words.format(found[1].label)}")
    return lines
