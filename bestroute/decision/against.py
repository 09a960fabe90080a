"""Against: what stands against an arm before the dial is asked."""

from __future__ import annotations

from collections.abc import Sequence

from bestroute.decision.candidate import Cause, Objection
from bestroute.decision.health import WELL, Health
from bestroute.decision.holding import Holding
from bestroute.decision.row import Row
from bestroute.policy import Policy
from bestroute.policy.arms import Model
from bestroute.policy.rules import Rule
from bestroute.query import Query


class Against:
    """What one policy has against its arms for one query after another. Immutable; `last` is the reference's
    row."""

    def __init__(self, policy: Policy, holding: Holding, last: Row) -> None:
        self._holding = holding
        self._reference = policy.reference_model
        self._max_tokens = policy.sampling.max_tokens
        self._reference_stays = policy.sampling.fallback != "any"
        self._last = last

    def before_the_dial(
        self, row: Row, query: Query, rule: Rule | None, known: bool, without: Cause | None, bound: bool,
        health: Health,
    ) -> Objection | None:  # fmt: skip
        """The first thing that stands against an arm. `known`: its gap is; `without`: why no forecast is to
        be trusted; `bound`: only the model that holds the conversation may go on."""
        if rule is not None and rule.route is not None:
            return None if row.arm.parts == rule.route.parts else Objection("rule", "a rule decided")
        if bound and (bond := self._bond(row, query)) is not None:
            return bond
        if row is self._last:
            beyond = self.beyond_reference(query)
            return beyond if beyond or self._reference_stays else self.health(row, query, rule, health)
        closed = self.at_all(row, query, rule, bound)
        if closed is not None:
            return closed
        if known and without == "abstain":
            return Objection("novel", "the query is unlike those that the router model was trained on")
        if not known:
            return _NO_FORECAST.get(without or "", _NOT_LEARNED)
        if row.no_better:
            return Objection("no_better", row.no_better)
        return self.health(row, query, rule, health)

    def at_all(self, row: Row, query: Query, rule: Rule | None, bound: bool) -> Objection | None:
        """Why an arm may not be asked whatever is predicted of it."""
        if bound and (bond := self._bond(row, query)) is not None:
            return bond
        if rule is not None and rule.exclude is not None and row.arm.models.keys() & set(rule.exclude):
            return Objection("excluded", f"excluded by rule {rule.name!r}")
        return self.obstacle(row, query)

    def binds(self, query: Query, rule: Rule | None) -> bool:
        """Whether only the model that holds the conversation may go on: it has a bond, and the holder may and
        can take the request. What a rule routes or excludes goes before."""
        holder = self._holding.holder(query)
        if holder is None or (rule is not None and (rule.route or holder.name in (rule.exclude or ()))):
            return False
        if self._holding.bond(query) is None:
            return False
        if holder.name == self._reference.name:
            return self.beyond_reference(query) is None
        return self._obstacle_of(holder, query) is None

    def _bond(self, row: Row, query: Query) -> Objection | None:
        why_not = self._holding.why_not(row.arm, query)
        return None if why_not is None else Objection("session", why_not)

    def health(self, row: Row, query: Query, rule: Rule | None, health: Health) -> Objection | None:
        """Why an arm cannot be asked now, or would answer too late."""
        if health is WELL:
            return None
        given = (query.max_latency_ms, rule.max_latency_ms if rule is not None else None)
        return health.against(row.arm.models, min((one for one in given if one is not None), default=None))

    def beyond_reference(self, query: Query) -> Objection | None:
        """Why even the reference cannot take a request: somebody must, but most models refuse these."""
        if not query.needs:
            return None
        missing = _ONLY_WHERE_TOLD & query.needs.difference(self._reference.capabilities)
        return Objection("capability", f"cannot take {' and '.join(sorted(missing))}") if missing else None

    def obstacle(self, row: Row, query: Query) -> Objection | None:
        """Why an arm cannot take a request at all: a model's window or capabilities."""
        for model, _ in row.models:
            obstacle = self._obstacle_of(model, query)
            if obstacle is not None:
                named = obstacle.words if len(row.models) == 1 else f"{model.name} {obstacle.words}"
                return Objection(obstacle.kind, named)
        return None

    def nobody(self, rows: Sequence[Row], query: Query, rule: Rule | None) -> str:
        """Why no arm can take a request, and the mend."""
        excluded = (rule.exclude if rule is not None else None) or ()
        why = {name: f"{name} is excluded" for name in excluded}
        for row in rows:
            for model, _ in row.models:
                obstacle = self._obstacle_of(model, query)
                why.setdefault(model.name, f"{model.name} {obstacle and obstacle.words}")
        needed = sorted(_ONLY_WHERE_TOLD & query.needs)
        which = "" if query.id is None else f"query {query.id!r}: "
        return (
            f"{which}no model that may answer can take {' and '.join(needed)}: {'; '.join(why.values())}. "
            f"Where one can, say so: capabilities: [{', '.join(sorted(query.needs))}]"
        )

    def longest(self, query: Query) -> int:
        """Tokens of the longest response: as the request says, else as the policy does."""
        return query.max_tokens or self._max_tokens

    def _obstacle_of(self, model: Model, query: Query) -> Objection | None:
        missing = query.needs.difference(model.capabilities) if query.needs else None
        if missing:
            return Objection("capability", f"cannot take {' and '.join(sorted(missing))}")
        if model.context_window is None:
            return None
        needed = query.input_tokens + self.longest(query)
        if needed <= model.context_window:
            return None
        return Objection("window", f"needs {needed} tokens of {model.context_window}")


_ONLY_WHERE_TOLD = frozenset({"audio", "file", "video"})
_NOT_LEARNED = Objection("not_learned", "the router model has not learned this class or n")
_NO_FORECAST = {
    "abstain": Objection("no_forecast", "there is no text to predict from"),
    "fallback": Objection("no_forecast", "the router model failed"),
}
