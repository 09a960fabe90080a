"""What a decision rests on: the forecast for one query, and each tier as it was weighed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from math import isfinite
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from bestroute.artefacts.predictor import Prediction
from bestroute.errors import PredictorError
from bestroute.policy.arms import Arm
from bestroute.policy.objective import Offer

Cause: TypeAlias = Literal["rule", "tier", "reference", "abstain", "fallback"]
BY_FORECAST: tuple[Cause, ...] = ("tier", "reference")
"""Causes of a decision that was left to the dial."""
WhyNot: TypeAlias = Literal[
    "capability", "chance", "cooling", "cost", "dial", "excluded", "guess", "last", "late", "no_better",
    "no_forecast", "not_learned", "novel", "rule", "session", "window",
]  # fmt: skip
"""What kind of thing stands against a tier."""
Floats = NDArray[np.float32]
TOO_DEAR = "costs more than max_cost"
"""Why a tier is left out that costs more than one query may."""
ONLY_A_GUESS = "the dial lets nothing be lost, and what is predicted of this query is a guess"
"""Why the reference answers a novel query where the dial, too, would lose nothing."""


class Objection(NamedTuple):
    """What stands against a tier, and in words."""

    kind: WhyNot
    words: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """One tier as it was weighed for one query.

    `models` are what each model is asked for; `model` is `a+b` for a portfolio, `n` all responses. `quality`,
    0 to 1, is predicted of the kept response, `gap` is what that is below the reference's, in quality points
    (negative: better); both None where they cannot be told. `expected_cost` is in US$ for this query,
    `max_gap` the largest gap the tier may have, None where the dial is `min_match`, which it then must reach.
    `total_cost`: under `cost_per_point`, US$ with what its gap is worth. `why_not` says what stood against
    it, `objection` of what kind that is, both None if nothing did; `too_far`: the dial did, and nothing else.
    `chance`: where the policy escalates, that its gap after will be within `max_gap`. `taught`: its n is one
    that the router model was taught of each class; where not, what is predicted of it is what is predicted of
    the most that it was.
    """

    model: str
    n: int
    models: Mapping[str, int] = field(hash=False)
    quality: float | None
    gap: float | None
    match_probability: float | None
    expected_cost: float
    max_gap: float | None
    eligible: bool
    why_not: str | None
    too_far: bool = False
    chance: float | None = None
    min_match: float | None = None
    total_cost: float | None = None
    taught: bool = True
    objection: WhyNot | None = None

    @property
    def arm(self) -> Arm:
        """The arm that was weighed."""
        return arm_of(tuple(self.models.items()))

    def offer(self, reference_cost: float) -> Offer:
        """What it offers, for an objective. Needs a gap."""
        assert self.gap is not None
        return Offer(self.gap, self.match_probability, self.expected_cost, reference_cost)

    def as_dict(self) -> dict[str, Any]:
        """The candidate as JSON values."""
        return {name: getattr(self, name) for name in Candidate.__slots__} | {"models": dict(self.models)}


class Numbers(NamedTuple):
    """A forecast as plain numbers, a row a class: numpy's scalars cost more than the arithmetic."""

    quality: list[list[float]]
    match: list[list[float]]
    output_tokens: list[float]


@dataclass(frozen=True)
class Forecast:
    """A prediction for one query: `quality` and `match` of shape (classes, n), `output_tokens` (classes,).

    `novelty`: how unlike its training queries the router model finds it; 0 where it cannot tell.
    """

    quality: Floats
    match: Floats
    output_tokens: Floats
    novelty: float = 0.0

    @classmethod
    def of(cls, prediction: Prediction, row: int) -> Forecast:
        """The forecast for one query of a batch. Raises PredictorError where it is not all finite."""
        novelty = 0.0 if prediction.novelty is None else float(prediction.novelty[row])
        found = cls(prediction.quality[row], prediction.match[row], prediction.output_tokens[row], novelty)
        said = found.numbers
        rows = (*said.quality, *said.match, said.output_tokens)
        if not isfinite(sum(map(sum, rows), novelty)):  # single precision: what is finite adds up to less
            raise PredictorError("a prediction is not a finite number")
        return found

    @cached_property
    def numbers(self) -> Numbers:
        """The same as plain numbers."""
        return Numbers(self.quality.tolist(), self.match.tolist(), self.output_tokens.tolist())


def asks_only(arm: Arm, name: str) -> bool:
    """Whether an arm asks this model and no other."""
    return len(arm.parts) == 1 and arm.parts[0][0] == name


@lru_cache(maxsize=1024)
def arm_of(parts: tuple[tuple[str, int], ...]) -> Arm:
    """The arm of pairs (model, n), kept: a policy has few, and validation costs more than deciding."""
    return Arm(models=dict(parts))
