"""Whether the models of a policy can be asked at all: they have an endpoint, and its key is set."""

from __future__ import annotations

from collections.abc import Mapping

from bestroute.answering.sampling.keys import has_key
from bestroute.policy import Policy
from bestroute.policy.arms import Model

NO_ENDPOINT = "it has no endpoint"
NO_KEY = "its key is not set"


def unaskable(policy: Policy) -> dict[str, str]:
    """Models that cannot be asked, and why; no variable is named, since whoever comes is told."""
    told = {model.name: _why(model) for model in policy.models}
    return {name: why for name, why in told.items() if why}


def why_unready(policies: Mapping[str, Policy]) -> list[str]:
    """What is wrong with each policy, by the name it is served by, none of whose models can be asked."""
    told = []
    for name, policy in policies.items():
        reasons = unaskable(policy)
        if len(reasons) == len(policy.models):
            listed = ", ".join(f"{model} ({why})" for model, why in reasons.items())
            told.append(f"no model of {name} can be asked: {listed}")
    return told


def _why(model: Model) -> str:
    if not model.places:
        return NO_ENDPOINT
    return "" if has_key(model) else NO_KEY
