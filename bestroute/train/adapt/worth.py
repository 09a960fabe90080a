"""What an adapter saves, replayed on queries that fitted nothing, beside the static mix and the base."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from bestroute.artefacts.predictor import Predictor
from bestroute.artefacts.reward import RewardModel
from bestroute.errors import InputError
from bestroute.evaluate.fixed import static_mix
from bestroute.evaluate.replay import Replayed, replay
from bestroute.evaluate.report import Judge
from bestroute.evaluate.routed import routed
from bestroute.policy import Policy, Tier
from bestroute.policy.objective import OBJECTIVES
from bestroute.records.record import Record

_DROP = "0.01"
_DRAWS = 100


class Rival(NamedTuple):
    """A policy, and the predictor that it is replayed with."""

    name: str
    policy: Policy
    predictor: Predictor


def savings(
    policy: Policy, records: Sequence[Record], reward: RewardModel | None, rivals: Sequence[Rival]
) -> dict[str, Any]:
    """Saving at 1 % drop of each rival and of the static mix, as JSON values, with what it rests on.

    The arms are the policy's, in one shot; where its tiers ask for more responses than were recorded, its
    models at one response each (`arms` tells which). `why_not` says why nothing could be replayed.
    """
    asked, found, why_not = policy, None, None
    for asked in (one_shot(policy), single(policy)):
        try:
            found = replay(asked, records, reward)
            break
        except InputError as error:
            why_not = why_not or str(error)
    if found is None:
        return {"queries": 0, "arms": [], "saving": {}, "why_not": why_not}
    judge = Judge(found.replay, draws=_DRAWS)
    strategies = {rival.name: _strategy(rival, asked, found) for rival in rivals}
    strategies["static_mix"] = static_mix(found.replay)
    return {
        "queries": len(found.queries),
        "arms": list(found.replay.labels),
        "saving": {name: judge.assess(one).overall["saving"][_DROP] for name, one in strategies.items()},
        "why_not": None,
    }


def _strategy(rival: Rival, asked: Policy, found: Replayed) -> Any:
    own = rival.policy.model_copy(update={"tiers": asked.tiers, "sampling": asked.sampling})
    return routed(own, found.queries, found.replay.arms, rival.predictor, rival.name).strategy


def one_shot(policy: Policy) -> Policy:
    """The policy without plans and rules, and with one dial for all tiers."""
    tiers = tuple(tier.model_copy(update=dict.fromkeys(OBJECTIVES)) for tier in policy.tiers)
    return policy.in_one_shot().model_copy(update={"tiers": tiers, "rules": ()})


def single(policy: Policy) -> Policy:
    """As `one_shot`, and every model of the tiers is asked for one response."""
    names = dict.fromkeys(name for tier in policy.tiers[:-1] for name in tier.models)
    tiers = tuple(
        Tier(model=name) for name in (*(n for n in names if n != policy.reference), policy.reference)
    )
    return one_shot(policy).model_copy(update={"tiers": tiers})
