"""A shape: how far the limit of each tier lies from the dial, so that one dial moves them all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bestroute.errors import InputError
from bestroute.policy import Policy
from bestroute.policy.objective import AnyObjective, CostPerPoint

_DIGITS = 6  # of a sum of decimals that people write


@dataclass(frozen=True)
class Shape:
    """An offset for every tier but the last, the reference, in the dial's own unit."""

    offsets: tuple[float, ...]

    def limits(self, objective: AnyObjective, setting: float) -> tuple[float, ...]:
        """The limit of every tier but the last at a setting of the dial, within what a policy may say."""
        low, high = sorted((objective.grid[0], objective.grid[-1]))
        return tuple(min(max(round(setting + offset, _DIGITS), low), high) for offset in self.offsets)

    def written(self, policy: Policy, setting: float) -> tuple[float | None, ...]:
        """The same as they stand in the policy: None for a tier that has none and stays at the dial."""
        limits = self.limits(policy.objective, setting)
        return tuple(
            limit if offset or tier.objective is not None else None
            for tier, offset, limit in zip(policy.tiers, self.offsets, limits, strict=False)
        )

    def at(self, policy: Policy, setting: float) -> Policy:
        """The policy at a setting of its dial; rules with a dial of their own keep it."""
        return limited(policy, setting, self.written(policy, setting))


def limited(policy: Policy, setting: float, limits: Sequence[float | None]) -> Policy:
    """The policy at a setting of its dial, and its first tiers with limits of their own; None: as it is."""
    key, tiers = policy.objective.key, list(policy.tiers)
    for place, limit in enumerate(limits):
        if limit is not None:
            tiers[place] = tiers[place].model_copy(update={key: limit})
    return policy.at(setting).model_copy(update={"tiers": tuple(tiers)})


def check_shapable(policy: Policy) -> None:
    """Raise InputError for a policy whose tiers cannot differ in their limits."""
    if isinstance(policy.objective, CostPerPoint):
        raise InputError(
            f"--per-tier: under {policy.objective.key} a tier has no limit of its own, the least of cost and "
            "loss together serves; take a policy whose dial is max_gap or min_match"
        )
    if len(policy.tiers) < 3:
        raise InputError(
            "--per-tier needs two tiers or more before the reference; a single one follows the dial as it is"
        )
