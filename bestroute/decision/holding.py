"""Holding: what the prompt caches of a policy's models hold, and when a conversation stays with its model.

Entries of one endpoint's model, two efforts, share its cache. Of the models that answered before the last one
nothing is known to be held. Pure arithmetic on the session that comes with a query.
"""

from __future__ import annotations

from collections.abc import Sequence

from bestroute.decision.candidate import Objection
from bestroute.decision.weighed import Weighed
from bestroute.policy import Policy
from bestroute.policy.arms import Arm, Model
from bestroute.policy.objective import AnyObjective
from bestroute.query import Query, Session
from bestroute.query.session import TOOL_LOOP

PINNED = "the policy keeps it there (keep: 1)"
WORTH = "its prompt cache, and keep, are worth more than going would bring"
_STAYS = "the conversation stays with {}: {}"


class Holding:
    """Prompt caches of one policy. Immutable."""

    def __init__(self, policy: Policy) -> None:
        self._models = {model.name: model for model in policy.models}
        self._caches = {model.name: _cache_of(model) for model in policy.models}
        self._asked_for = policy.sampling.session is not None
        self._keep = policy.sampling.session.keep if policy.sampling.session is not None else 0.0

    def holder(self, query: Query) -> Model | None:
        """The model that holds the conversation, where the policy has it."""
        return None if query.session is None else self._models.get(query.session.model)

    def cached(self, model: Model, query: Query) -> int:
        """Tokens of a prompt that a model's cache holds."""
        if query.session is None:
            return 0
        holder = self.holder(query)
        if holder is None or self._caches[holder.name] != self._caches[model.name]:
            return 0
        return min(query.session.cached_tokens, query.input_tokens)

    def bond(self, query: Query) -> str | None:
        """Why no other model may go on with the conversation; None where one may."""
        if self.holder(query) is None:
            return None
        return query.bond or (PINNED if self._keep >= 1 else None)

    def goes_on(self, arm: Arm, query: Query) -> bool:
        """Whether an arm asks only what may go on under a bond: the holder, and where that is no tool loop
        what shares its cache."""
        holder = self.holder(query)
        if holder is None or query.bond == TOOL_LOOP:
            return holder is None or list(arm.models) == [holder.name]
        return {self._caches[name] for name in arm.models} == {self._caches[holder.name]}

    def why_not(self, arm: Arm, query: Query) -> str | None:
        """What a bond has against an arm."""
        bond, holder = self.bond(query), self.holder(query)
        if bond is None or holder is None or self.goes_on(arm, query):
            return None
        return _STAYS.format(holder.name, bond)

    def staying(
        self, chosen: Weighed, weighed: Sequence[Weighed], query: Query, objective: AnyObjective
    ) -> Weighed | None:
        """The tier that answers in place of the chosen one since the conversation stays; None where it goes.

        It stays where a tier of its model is within the dial, `keep` more being let go, unless going, at what
        caches now make of the costs, brings more than `keep` at the price that the dial gives a quality
        point.
        """
        if chosen.offer is None or self.holder(query) is None or self.goes_on(chosen.arm, query):
            return None
        near = [
            (one, one.offer)
            for one in weighed
            if one.offer is not None and (one.eligible or one.too_far == "dial")
            and self.goes_on(one.arm, query)
            and objective.allows(one.offer, self._keep)
        ]  # fmt: skip
        if not near:
            return None
        held, offer = min(near, key=lambda one: max(0.0, objective.distance(one[1])))
        gain = objective.gain(offer, chosen.offer)
        return None if gain > self._keep * objective.point(chosen.reference_cost) else held

    def kept(self, held: Weighed, weighed: Sequence[Weighed], query: Query) -> list[Weighed]:
        """The tiers where the conversation stays with one of them."""
        assert query.session is not None
        stays = Objection("session", _STAYS.format(query.session.model, WORTH))
        return [
            one._replace(objection=None, too_far=None, spared=False)
            if one is held
            else one._replace(objection=stays, spared=False) if one.eligible else one
            for one in weighed
        ]  # fmt: skip

    def after(self, arm: Arm, query: Query, stays: str | None) -> Session | None:
        """How the conversation stands once an arm has answered, of a portfolio the model that is asked for
        most; None where nobody asks."""
        if query.session is None and not self._asked_for:
            return None
        model = max(arm.parts, key=lambda part: part[1])[0]
        return Session(model, query.input_tokens, self._switch_cost(arm, query), stays)

    def _switch_cost(self, arm: Arm, query: Query) -> float:
        """US$ at stake where an arm leaves the holder: what it reads uncached that the holder has, and what
        the holder's cache saves it."""
        holder = self.holder(query)
        if holder is None or any(self._caches[name] == self._caches[holder.name] for name in arm.models):
            return 0.0
        return self._discount(arm, query) + self._discount(Arm(model=holder.name), query)

    def _discount(self, arm: Arm, query: Query) -> float:
        """US$ that as much as the holder has of the prompt, in its caches, saves an arm."""
        assert query.session is not None
        tokens = min(query.session.cached_tokens, query.input_tokens)
        parts = ((self._models[name], n) for name, n in arm.parts)
        return sum(model.cost(n, tokens, 0.0) - model.cost(n, tokens, 0.0, tokens) for model, n in parts)


def _cache_of(model: Model) -> tuple[frozenset[str], str]:
    """What a prompt cache belongs to: the addresses and what they serve or, without any, the entry itself."""
    addresses = frozenset(endpoint.base_url for endpoint in model.places)
    return addresses, model.served_as if addresses else model.name
