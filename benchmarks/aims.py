"""How near do aims of `bestroute calibrate` that promise nothing come, and how sure is what is said of it?

    python benchmarks/aims.py --resamples 100

In a world where that is known: gaps are uniform from -0.1 to 0.5, costs log-normal with a mean of 1, and the
cheap arm costs a tenth of the reference. "half" and "all": the mean distance of the truth at the chosen dial
from the aim, in hundredths, where half of the queries choose and where all do. "holds": the share of
resamples in which the 95 % interval of `reached` holds the truth. "flattered": by how much the truth is above
what the queries that chose show, in hundredths on average; "cross-fitted": the same of that figure.
"""

from __future__ import annotations

import argparse

import numpy as np

from bestroute.policy.arms import Arm
from bestroute.policy.objective import MaxGap
from bestroute.retune.calibrate.aim import Aim, Choice
from bestroute.retune.calibrate.bound import Floats
from bestroute.retune.calibrate.crossfit import cross_fitted
from bestroute.retune.calibrate.held_out import figures
from bestroute.retune.calibrate.trials import Outcome, Part
from bestroute.retune.calibrate.within import Budget, ReferenceShare, Within

LOW, HIGH, CHEAP, SPREAD = -0.1, 0.5, 0.1, 0.8


class World:
    """Trials of `count` queries, drawn anew with every seed."""

    objective = MaxGap(0.0)
    arms = (Arm(model="cheap"), Arm(model="reference"))
    reference_quality: Floats | None = None

    def __init__(self, count: int, seed: int) -> None:
        generator = np.random.default_rng(seed)
        self._gap = generator.uniform(LOW, HIGH, count)
        self.reference_cost = generator.lognormal(-(SPREAD**2) / 2, SPREAD, count)

    def __len__(self) -> int:
        return len(self._gap)

    def at(self, dial: float) -> Outcome:
        """What this setting gives."""
        cheap = self._gap <= dial
        cost = np.where(cheap, CHEAP, 1.0) * self.reference_cost
        return Outcome(dial, cost, np.ones(len(self)), np.stack([cheap, ~cheap], axis=1).astype(float))


def truth(aim: Within, dial: float) -> float:
    """What the aim bounds, of all queries there are."""
    share = min(max((HIGH - dial) / (HIGH - LOW), 0.0), 1.0)
    return share if isinstance(aim, ReferenceShare) else CHEAP + (1 - CHEAP) * share


def chosen(aim: Aim, trials: World | Part) -> float:
    """The dial; every aim here can be kept to."""
    verdict = aim.choose(trials)
    assert isinstance(verdict, Choice)
    return verdict.outcome.dial


def simulate(aim: Within, count: int, resamples: int) -> Floats:
    """Means over resamples: half, all, holds, flattered, apart."""
    texts, rows = [f"query {place}" for place in range(count)], []
    for seed in range(resamples):
        world = World(count, seed)
        half = truth(aim, chosen(aim, Part(world, np.arange(count // 2))))
        dial = chosen(aim, world)
        found, true = figures(world.at(dial), world, texts, seed), truth(aim, dial)
        reached = aim.reached(found)
        apart = cross_fitted(aim, world, texts, seed)
        assert apart is not None
        away = aim.reached(figures(apart.outcome, world, texts, seed, draws=2))["value"]
        expected = np.mean([truth(aim, one) for one in apart.dials])
        holds = reached["low"] <= true <= reached["high"]
        distance = (abs(half - aim.bound), abs(true - aim.bound))
        rows.append((*distance, holds, true - reached["value"], expected - away))
    means: Floats = np.mean(rows, axis=0)
    return means


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--resamples", type=int, default=300)
    parser.add_argument("--queries", type=int, nargs="+", default=[30, 100, 300, 1000])
    options = parser.parse_args()
    print("| aim | queries | half | all | holds | flattered | cross-fitted |")
    print("|---|" + "---:|" * 6)
    for aim in (ReferenceShare(0.3), ReferenceShare(0.05), Budget(0.4)):
        for count in options.queries:
            half, all_, holds, flattered, apart = simulate(aim, count, options.resamples) * 100
            misses = f"{half:.1f} | {all_:.1f} | {holds:.1f} % | {flattered:+.1f} | {apart:+.1f}"
            print(f"| {next(iter(aim.as_dict()))} {aim.bound:g} | {count:,} | {misses} |", flush=True)


if __name__ == "__main__":
    main()
