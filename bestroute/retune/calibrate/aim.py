"""Aims: what a dial is chosen for, and what comes of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from bestroute.evaluate.replay import Floats
from bestroute.retune.calibrate.trials import Outcome, Trials

Places = NDArray[np.intp]
ROUNDING = 1e-9
"""What sums may differ by and still be the same."""


@dataclass(frozen=True)
class Choice:
    """The dial that was chosen, what it gave on the queries that chose, and how many dials were tried."""

    outcome: Outcome
    tried: int


@dataclass(frozen=True)
class Refusal:
    """Why no dial was chosen; `records_needed`: how many records in all would do, None where more do not help
    or it cannot be told."""

    why: str
    tried: int
    records_needed: int | None = None


Verdict: TypeAlias = Choice | Refusal


class Aim(Protocol):
    """What a dial is chosen for."""

    @property
    def needs_labels(self) -> bool:
        """Whether it needs the quality of responses."""
        ...

    @property
    def words(self) -> str:
        """What the chosen dial keeps to, for a sentence."""
        ...

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        ...

    def choose(self, trials: Trials, dials: Sequence[float] | None = None) -> Verdict:
        """Choose one of the dials, by default those of the objective's grid, from the safest to the
        loosest."""
        ...

    def shared(self, families: int) -> Aim:
        """The same, where so many families of dials are chosen from and the best choice is taken."""
        ...

    def gain(self, outcome: Outcome, trials: Trials) -> Floats:
        """What more of is better, query by query: the share of the reference's mean cost that is saved, or
        the quality."""
        ...

    def worth(self, outcomes: Iterable[Outcome], trials: Trials, places: Places) -> Floats:
        """The gain of choosing among outcomes, from the safest on, for each resample (resamples, queries of
        `trials`); 0 where none is chosen."""
        ...


def named(dial: float, trials: Trials) -> str:
    """`max_gap 0.1`."""
    return f"{trials.objective.key} {dial:g}"
