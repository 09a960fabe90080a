"""Objectives: what the dial of a policy means, and so which tier serves.

`max_gap` bounds what a query may be expected to lose, `min_match` how surely it loses nothing (`first`);
`cost_per_point` says what quality is worth (`price`). What each must answer is in `dial`.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field, FiniteFloat

from bestroute.policy.objective.dial import Limits, Objective, Offer
from bestroute.policy.objective.first import LEAST_DIAL, MaxGap, MinMatch
from bestroute.policy.objective.price import CostPerPoint

__all__ = [
    "LEAST_DIAL", "OBJECTIVES", "AnyObjective", "CostPerPoint", "Gap", "Limits", "Match", "MaxGap",
    "MinMatch", "Objective", "Offer", "PointPrice", "objective_of",
]  # fmt: skip

Gap = Annotated[FiniteFloat, Field(ge=-1, le=1)]
Match = Annotated[FiniteFloat, Field(ge=0, le=1)]
PointPrice = Annotated[FiniteFloat, Field(ge=0)]
AnyObjective: TypeAlias = MaxGap | MinMatch | CostPerPoint
OBJECTIVES: dict[str, type[AnyObjective]] = {one.key: one for one in (MaxGap, MinMatch, CostPerPoint)}
"""Every objective by its key in the policy."""


def objective_of(holder: object) -> AnyObjective | None:
    """The objective that one of the holder's attributes sets; None where none does."""
    for key, kind in OBJECTIVES.items():
        setting = getattr(holder, key, None)
        if setting is not None:
            return kind(setting)
    return None
