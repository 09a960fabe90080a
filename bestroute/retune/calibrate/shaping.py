"""Finding a shape, on queries that do not then choose its dial.

A shape is worth what choosing a dial under it would give, so that is what is done: on resamples of the
queries at hand, as many as will choose, a dial is chosen by the very aim. Coordinate ascent, a tier at a
time. The more limits are free, the better some fit by chance: a tier stays at the dial unless leaving it
gains enough, and more than half of the standard deviation of that gain between resamples.

Queries that shape do not choose, which costs more than most shapes gain. So the dial alone, all tiers at it,
is tried too, on all of them, and the better choice is taken; a promise is shared between the two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from bestroute.evaluate.replay import Floats
from bestroute.retune.calibrate.aim import Aim, Choice, Refusal, Verdict
from bestroute.retune.calibrate.shape import Shape, limited
from bestroute.retune.calibrate.trials import OnRecords, Outcome, shaped

OFFSETS = (-0.1, -0.05, 0.05, 0.1)
_GAIN = 0.01  # of the reference's cost, or quality points
_SWEEPS = 2
_RESAMPLES = 20
_COARSE = 5  # every so many of the grid's settings: for max_gap and min_match steps as large as the offsets'


def choose_per_tier(
    aim: Aim, shapes: OnRecords, chooses: OnRecords, everything: OnRecords, seed: int = 0,
    advance: Callable[[], None] = lambda: None,
) -> tuple[Verdict, Shape]:  # fmt: skip
    """Choose a dial and its shape, from queries that shape, those that choose then, and both together.

    `advance` is called at every setting that is tried.
    """
    each = aim.shared(2)
    plain = Shape((0.0,) * (len(everything.policy.tiers) - 1))
    found = shape_for(each, shapes, len(chooses), seed, advance)
    verdict = each.choose(shaped(everything, plain, advance))
    if found == plain:
        return verdict, plain
    other = each.choose(shaped(chooses, found, advance))
    tried = verdict.tried + other.tried
    if isinstance(other, Choice) and _gains(each, chooses, (verdict, plain), (other, found)):
        return replace(other, tried=tried), found
    return replace(verdict, tried=tried), plain


def _gains(aim: Aim, trials: OnRecords, one: tuple[Verdict, Shape], other: tuple[Choice, Shape]) -> bool:
    """Whether the other choice gains more than the one, on the same queries."""
    if isinstance(one[0], Refusal):
        return True
    before, after = (
        aim.gain(shaped(trials, shape).at(choice.outcome.dial), trials).mean()
        for choice, shape in ((one[0], one[1]), other)
    )
    return bool(after > before)


def shape_for(
    aim: Aim, trials: OnRecords, count: int, seed: int = 0, advance: Callable[[], None] = lambda: None
) -> Shape:
    """The shape for an aim, where `count` other queries will choose the dial. `advance` is called at every
    setting that is tried."""
    worth = _Worth(aim, trials, count, seed, advance)
    offsets = (0.0,) * (len(trials.policy.tiers) - 1)
    for _ in range(_SWEEPS):
        before = offsets
        for tier in range(len(offsets)):
            offsets = _best(worth, offsets, tier)
        if offsets == before:
            break
    return Shape(offsets)


class _Worth:
    """What shapes are worth, on resamples that all of them share. Nothing is tried twice."""

    def __init__(
        self, aim: Aim, trials: OnRecords, count: int, seed: int, advance: Callable[[], None]
    ) -> None:
        self._aim, self._trials, self._advance = aim, trials, advance
        self._places = np.random.default_rng(seed).integers(0, len(trials), (_RESAMPLES, count))
        self._tried: dict[tuple[float, ...], Outcome] = {}
        self._known: dict[tuple[float, ...], Floats] = {}

    def __call__(self, offsets: tuple[float, ...]) -> Floats:
        """Of each resample."""
        if offsets not in self._known:
            outcomes = self._outcomes(Shape(offsets))
            self._known[offsets] = self._aim.worth(outcomes, self._trials, self._places)
        return self._known[offsets]

    def _outcomes(self, shape: Shape) -> Iterator[Outcome]:
        policy = self._trials.policy
        for setting in policy.objective.grid[::_COARSE]:
            limits = shape.limits(policy.objective, setting)
            if limits not in self._tried:
                self._tried[limits] = self._trials.under(limited(policy, setting, limits))
                self._advance()
            yield self._tried[limits]


def _best(
    worth: Callable[[tuple[float, ...]], Floats], offsets: tuple[float, ...], tier: int
) -> tuple[float, ...]:
    """The offsets with the best one of a tier, 0 where no other is better by enough."""

    def having(offset: float) -> tuple[float, ...]:
        return (*offsets[:tier], offset, *offsets[tier + 1 :])

    best, most = having(0.0), 0.0
    for offset in OFFSETS:
        gain = worth(having(offset)) - worth(having(0.0))
        if gain.mean() > max(_GAIN, gain.std() / 2, most):
            best, most = having(offset), float(gain.mean())
    return best
