"""What a plan makes of each candidate, and why one is not in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bestroute.decision.candidate import TOO_DEAR, Candidate, Objection
from bestroute.decision.order import NOT_TO_BE_JUDGED
from bestroute.policy.arms import Arm


def as_planned(
    candidate: Candidate, chances: Mapping[Arm, float | None], taken: set[Arm], max_gap: float | None
) -> Candidate:
    """A candidate with its place in a plan: `chances` of what may be asked (None: it costs too much), `taken`
    arms, and the gap after that it may have."""
    chance = chances.get(candidate.arm)
    if candidate.arm in taken:
        return replace(candidate, eligible=True, why_not=None, objection=None, chance=chance, max_gap=max_gap)
    if candidate.objection in NOT_TO_BE_JUDGED:
        return replace(candidate, max_gap=max_gap)
    kind, words = _why_untaken(candidate, chances)
    return replace(candidate, eligible=False, why_not=words, objection=kind, chance=chance, max_gap=max_gap)


def _why_untaken(candidate: Candidate, chances: Mapping[Arm, float | None]) -> Objection:
    if candidate.arm not in chances:
        if candidate.why_not is not None and candidate.objection is not None:
            return Objection(candidate.objection, candidate.why_not)
        return Objection("last", "it asks the reference, which stands last")
    chance = chances[candidate.arm]
    if chance is None:
        return Objection("cost", TOO_DEAR)
    words = f"its {chance:.0%} chance to suffice is not worth its price and what it may lose"
    return Objection("chance", words)
