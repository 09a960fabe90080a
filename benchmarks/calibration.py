"""Are the promises of `bestroute calibrate --max-drop` kept, and what do they cost?

    python benchmarks/calibration.py --resamples 1000

In worlds where that is known: a dial d from 0 to 1 moves a share d of the queries to an arm at a tenth of the
reference's price, and what that loses is known, and so whether a promised dial breaks its promise.

smooth  right or wrong, little correlated; the cheap arm is better on the first queries to move, then worse
edge    nothing is lost below d = 0.3; from there on, a hair more than is allowed: the hardest to tell
rare    quality 0.7 whatever answers, but that a moved query is lost altogether once in a while

"broken" is the share of all resamples in which the chosen dial loses more than was promised, which may be
5 %; "normal" the same where a normal approximation takes the place of the bet. "saving" is the mean over
resamples (nothing is saved where nothing is promised), "possible" that of the best dial by the truth.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from math import erfc

import numpy as np

from bestroute.calibrate.bound import Floats, lost
from bestroute.calibrate.choose import Choice, MaxDrop
from bestroute.calibrate.trials import Outcome, Trials

DIALS = tuple(np.round(np.arange(0.0, 1.0, 0.05), 2).tolist())
CHEAP = 0.1
EDGE = 0.3


@dataclass(frozen=True)
class World:
    """What moving queries loses, where a drop of `allowed` is promised; every kind crosses it somewhere."""

    kind: str
    allowed: float

    def drop(self, dial: float) -> float:
        """The true drop: a share of the reference's quality."""
        if self.kind == "smooth":
            return dial * (0.3 * dial - 0.05) / 0.8
        if self.kind == "edge":
            return 1.0001 * self.allowed if dial >= EDGE else 0.0
        return 1.0001 * self.allowed * dial / EDGE

    def possible(self) -> float:
        """The largest saving of a dial that loses no more than is allowed."""
        return max(self.saving(dial) for dial in DIALS if self.drop(dial) <= self.allowed)

    def saving(self, dial: float) -> float:
        """The true saving."""
        return (1 - CHEAP) * dial


class Sampled:
    """Trials of a world: `count` of its queries, drawn anew with every seed."""

    arms = ()

    def __init__(self, world: World, count: int, seed: int) -> None:
        generator = np.random.default_rng(seed)
        self._world = world
        self._turn, self._fate = generator.random(count), generator.random(count)
        right = (generator.random(count) < 0.8).astype(float)
        self.reference_quality: Floats | None = np.full(count, 0.7) if world.kind == "rare" else right
        self.reference_cost = np.ones(count)

    def __len__(self) -> int:
        return len(self._turn)

    def at(self, dial: float) -> Outcome:
        """What this setting gives on the queries that were drawn."""
        moved = self._turn < dial
        best = self.reference_quality
        assert best is not None
        loss = self._world.drop(dial) / dial if dial else 0.0  # of those that are moved
        if self._world.kind == "rare":
            there = np.where(self._fate < loss, 0.0, best)
        else:
            there = (self._fate < 0.8 * (1 - loss)).astype(float)
        ones = np.ones(len(self))
        cost = np.where(moved, CHEAP, 1.0)
        return Outcome(dial, cost, ones, np.ones((len(self), 0)), np.where(moved, there, best))


class Normal(MaxDrop):
    """As MaxDrop, by a normal approximation: what is usual, and promises too much."""

    def p_value(self, outcome: Outcome, trials: Trials) -> float:
        """One-sided, of the mean over its standard error."""
        assert trials.reference_quality is not None
        assert outcome.quality is not None
        values = lost(trials.reference_quality, outcome.quality, self.drop)
        spread = float(values.std(ddof=1)) or 1e-12
        return erfc(-float(values.mean()) / spread * len(values) ** 0.5 / 2**0.5) / 2


def simulate(objective: MaxDrop, world: World, count: int, resamples: int) -> tuple[float, float, float]:
    """Shares of resamples with a promise and with a broken one, and the mean saving."""
    verdicts = (objective.choose(Sampled(world, count, seed), DIALS) for seed in range(resamples))
    dials = [verdict.outcome.dial for verdict in verdicts if isinstance(verdict, Choice)]
    broken = sum(world.drop(dial) > world.allowed for dial in dials)
    saving = sum(world.saving(dial) for dial in dials)
    return len(dials) / resamples, broken / resamples, saving / resamples


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description="How often promises are broken, and what they cost.")
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--records", type=int, nargs="+", default=[100, 300, 1000, 3000])
    options = parser.parse_args()
    print(
        "| world | drop | records that choose | promised | broken | normal | saving | possible | given up |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    for kind in ("smooth", "edge", "rare"):
        for drop in (0.01, 0.05):
            world = World(kind, drop)
            for count in options.records:
                promised, broken, saving = simulate(MaxDrop(drop), world, count, options.resamples)
                _, normal, _ = simulate(Normal(drop), world, count, options.resamples)
                possible = world.possible()
                shares = (promised, broken, normal, saving, possible, possible - saving)
                cells = [kind, f"{drop:.0%}", f"{count:,}", *(f"{100 * share:.1f} %" for share in shares)]
                print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
