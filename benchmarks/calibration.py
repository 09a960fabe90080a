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

    python benchmarks/calibration.py --per-tier --resamples 1000

Two tiers at a tenth of the reference's price, each for a half of the queries; a drop of 5 % is promised, by
the dial alone and per tier.

even    gaps are predicted as they are
biased  the first tier's gaps are predicted 0.1 too high
wrong   0.2 too high
edge    every gap is predicted to be 0.2; where both tiers serve, a hair more is lost than is allowed

"moved" is the share of resamples in which the limit of a tier is not the dial.
"""

from __future__ import annotations

import argparse
from copy import copy
from dataclasses import dataclass
from math import erfc

import numpy as np

from bestroute.policy import Policy
from bestroute.policy.objective import MaxGap
from bestroute.retune.calibrate.aim import Choice
from bestroute.retune.calibrate.bound import Floats, lost
from bestroute.retune.calibrate.promise import MaxDrop
from bestroute.retune.calibrate.shape import Shape
from bestroute.retune.calibrate.shaping import choose_per_tier
from bestroute.retune.calibrate.trials import Outcome, Trials

DIALS = tuple(np.round(np.arange(0.0, 1.0, 0.05), 2).tolist())
CHEAP = 0.1
EDGE = 0.3
LEAST, MOST = -0.05, 0.25  # true gaps of the tiers' worlds
BIAS = {"even": 0.0, "biased": 0.1, "wrong": 0.2, "edge": 0.0}
NAMES = ("first", "second", "reference")
POLICY = Policy.model_validate(
    {
        "version": 1,
        "models": [{"name": name, "price": {"input": 1, "output": 1}} for name in NAMES],
        "reference": "reference",
        "max_gap": 0.0,
        "tiers": [{"model": name} for name in NAMES],
    },
    strict=False,
)


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

    objective = MaxGap(0.0)
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


@dataclass(frozen=True)
class Tiers:
    """What two tiers lose, each for a half of the queries, where a drop of `allowed` is promised."""

    kind: str
    allowed: float

    def drop_and_saving(self, limits: tuple[float, ...]) -> tuple[float, float]:
        """The true ones, where these are the tiers' limits."""
        if self.kind == "edge":
            served = np.mean([limit >= 0.2 for limit in limits])
            return 1.0001 * self.allowed * float(served), (1 - CHEAP) * float(served)
        up_to = np.clip(np.array(limits) - [BIAS[self.kind], 0.0], LEAST, MOST)
        lost = (up_to**2 - LEAST**2).mean() / 2 / (MOST - LEAST) / 0.8
        return float(lost), (1 - CHEAP) * float((up_to - LEAST).mean()) / (MOST - LEAST)


class SampledTiers:
    """Trials of such a world: `count` of its queries, drawn anew with every seed."""

    policy, objective, arms = POLICY, POLICY.objective, ()

    def __init__(self, world: Tiers, count: int, seed: int) -> None:
        generator = np.random.default_rng(seed)
        self._tier = generator.integers(0, 2, count)
        gap = generator.uniform(LEAST, MOST, count)
        if world.kind == "edge":
            gap[:] = 1.0001 * world.allowed * 0.8
        self._said = (
            np.full(count, 0.2) if world.kind == "edge" else gap + BIAS[world.kind] * (self._tier == 0)
        )
        self.reference_quality: Floats | None = (generator.random(count) < 0.8).astype(float)
        self._quality = (generator.random(count) < 0.8 - gap).astype(float)
        self.reference_cost = np.ones(count)

    def part(self, start: int, end: int) -> SampledTiers:
        """Some of the queries."""
        some = copy(self)
        for name in ("_tier", "_said", "_quality", "reference_quality", "reference_cost"):
            setattr(some, name, getattr(self, name)[start:end])
        return some

    def __len__(self) -> int:
        return len(self._tier)

    def at(self, dial: float) -> Outcome:
        """What this setting gives."""
        return self.under(self.policy.at(dial))

    def under(self, policy: Policy) -> Outcome:
        """What a policy with these limits gives."""
        limits = [policy.max_gap if tier.max_gap is None else tier.max_gap for tier in policy.tiers[:-1]]
        served = self._said <= np.array(limits)[self._tier]
        quality = np.where(served, self._quality, self.reference_quality)
        ones = np.ones(len(self))
        cost = np.where(served, CHEAP, 1.0)
        return Outcome(policy.objective.setting, cost, ones, np.ones((len(self), 0)), quality)


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


def simulate_tiers(
    aim: MaxDrop, world: Tiers, count: int, resamples: int, per_tier: bool
) -> tuple[float, float, float, float]:
    """As `simulate`, then the share of resamples in which a tier's limit leaves the dial."""
    sums = np.zeros(4)
    for seed in range(resamples):
        trials = SampledTiers(world, count, seed)
        verdict, shape = (
            choose_per_tier(aim, trials.part(0, count // 3), trials.part(count // 3, count), trials, seed)
            if per_tier
            else (aim.choose(trials), Shape((0.0, 0.0)))
        )
        sums[3] += any(shape.offsets)
        if isinstance(verdict, Choice):
            drop, saving = world.drop_and_saving(shape.limits(POLICY.objective, verdict.outcome.dial))
            sums[:3] += (1, drop > world.allowed, saving)
    promised, broken, saving, moved = (sums / resamples).tolist()
    return promised, broken, saving, moved


def print_tiers(counts: list[int], resamples: int) -> None:
    """Print the table of --per-tier."""
    print("| world | records that choose | limits | promised | broken | saving | moved |")
    print("|---|---:|---|---:|---:|---:|---:|")
    aim = MaxDrop(0.05)
    for kind in BIAS:
        for count in counts:
            for per_tier in (False, True):
                shares = simulate_tiers(aim, Tiers(kind, aim.drop), count, resamples, per_tier)
                told = ["per tier" if per_tier else "the dial", *(f"{100 * one:.1f} %" for one in shares)]
                print(f"| {kind} | {count:,} | {' | '.join(told)} |", flush=True)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description="How often promises are broken, and what they cost.")
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--records", type=int, nargs="+", default=[100, 300, 1000, 3000])
    parser.add_argument("--per-tier", action="store_true", help="the worlds of two tiers")
    options = parser.parse_args()
    if options.per_tier:
        print_tiers(options.records, options.resamples)
        return
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
