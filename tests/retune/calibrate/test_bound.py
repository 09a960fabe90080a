"""The promise's statistics: p-values worked out by hand, against exact tests, and in simulation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestroute.retune.calibrate.bound import lost, p_value, queries_needed
from bestroute.retune.calibrate.promise import MaxDrop
from tests import ROOT
from tests.scripts import load

calibration = load(ROOT / "benchmarks" / "calibration.py")


def exact(lowered: int, count: int, chance: float) -> float:
    """P[Binomial(count, chance) <= lowered]."""
    return sum(math.comb(count, k) * chance**k * (1 - chance) ** (count - k) for k in range(lowered + 1))


def test_what_is_lost():
    np.testing.assert_allclose(lost([1, 0.5, 0], [0.9, 0.5, 1], 0.02), [0.08, -0.01, -1])


def test_a_single_query_by_hand():
    """drop 0: Z = -1 is 0 of the range, 0 its middle. The first stake is sqrt(2 ln 20 / (1/4)) = 4.9, cut to
    0.9 / (1/2) = 1.8; the capital becomes 1 + 1.8 * 1/2 = 1.9."""
    assert p_value(np.array([-1.0]), 0.0, 0.05) == pytest.approx(1 / 1.9)


def test_two_queries_by_hand():
    """The first as above, but sqrt(2 ln 20 / (2/4)) = 3.46 is cut. Then mean (1/2 + 0) / 2 = 1/4, variance
    (1/4 + 1/16) / 2 = 0.15625, stake sqrt(2 ln 20 / (2 * 0.15625)) = 4.38, cut again: 1.9 ** 2."""
    assert p_value(np.array([-1.0, -1.0]), 0.0, 0.05) == pytest.approx(1 / 1.9**2)


def test_a_stake_that_is_not_cut_by_hand():
    """200 queries, the first Z = -1, the rest 0: stake sqrt(2 ln 20 / (200 / 4)) = 0.34616, capital
    1 + 0.34616 / 2; where Z is 0 nothing is won or lost."""
    values = np.zeros(200)
    values[0] = -1
    stake = math.sqrt(2 * math.log(20) / 50)
    assert p_value(values, 0.0, 0.05) == pytest.approx(1 / (1 + stake / 2))


def test_the_best_moment_counts():
    """The capital may fall again: what counts is that it was ever so high."""
    assert p_value(np.array([-1.0, 1.0]), 0.0, 0.05) == p_value(np.array([-1.0, 0.0]), 0.0, 0.05)


@pytest.mark.parametrize("values", [[], [0.0] * 50, [0.5] * 50, [1.0]])
def test_nothing_is_rejected_without_evidence(values):
    assert p_value(np.array(values), 0.0, 0.05) == 1


def test_along_the_last_axis():
    values = np.random.default_rng(0).uniform(-1, 0.9, (3, 4, 60))
    together = p_value(values, 0.1, 0.05)
    each = [[p_value(row, 0.1, 0.05) for row in part] for part in values]
    np.testing.assert_allclose(together, each)


@given(
    st.lists(st.floats(-1, 0.99), min_size=1, max_size=60),
    st.floats(0.001, 0.5),
    st.floats(0.001, 0.3),
)
def test_a_p_value_is_a_probability_and_the_worst_is_survived(values, drop, error):
    p = p_value(np.minimum(values, 1 - drop), drop, error)
    assert 0 < p <= 1


@given(st.integers(1, 300), st.floats(0.005, 0.3))
def test_never_below_the_exact_test_where_nothing_is_lost(count, drop):
    """All Z = -1 or all Z = 1 - drop is a coin: of all tests of a coin's mean the binomial one is the
    strongest, with p = chance ** count where it never fell."""
    assert p_value(np.full(count, -1.0), drop, 0.05) >= exact(0, count, 1 / (2 - drop)) * (1 - 1e-9)


@pytest.mark.parametrize("drop", [0.01, 0.1, 0.4])
@pytest.mark.parametrize("count", [20, 100, 400])
def test_no_more_rejections_than_an_exact_test_has(drop, count):
    """Coins at the edge of the hypothesis: p below u has probability u at most; and of coins that are a
    little better, the exact binomial test rejects more."""
    chance = 1 / (2 - drop)
    generator = np.random.default_rng(7)
    for at, within in ((chance, True), (chance - 0.1, False)):
        fell = generator.random((4000, count)) < at
        p = p_value(np.where(fell, 1 - drop, -1.0), drop, 0.05)
        binomial = np.array([exact(k, count, chance) for k in range(count + 1)])[fell.sum(axis=1)]
        for level in (0.01, 0.05, 0.1):
            rejected = (p <= level).mean()
            noise = 3 * math.sqrt(level / 4000)
            assert not within or rejected <= level + noise
            assert rejected <= (binomial <= level).mean() + noise


def test_queries_needed():
    """Where nothing is lost Z = -drop: each query wins 0.9 * drop / (1 - drop) of the capital, and 20 is to
    be reached, with half as much to spare: ln 20 * 1.5 / 0.00905 = 497; sizes are 3.5 % apart."""
    assert 490 <= queries_needed(np.full(100, -0.01), 0.01, 0.05) <= 520
    assert queries_needed(np.zeros(100), 0.01, 0.05) is None
    assert queries_needed(np.full(100, 0.01), 0.01, 0.05) is None
    assert queries_needed(np.array([]), 0.01, 0.05) is None


def test_what_is_said_to_do_does_mostly():
    generator = np.random.default_rng(3)
    some = generator.choice([-1.0, 0.0, 0.9], size=5000, p=[0.1, 0.85, 0.05])
    needed = queries_needed(some, 0.1, 0.05)
    assert needed is not None
    again = generator.choice(some, size=(500, needed))
    assert 0.5 < (p_value(again, 0.1, 0.05) <= 0.05).mean() < 0.95


@pytest.mark.parametrize("kind", ["smooth", "edge", "rare"])
@pytest.mark.parametrize(("count", "drop", "confidence"), [(300, 0.05, 0.95), (200, 0.1, 0.8)])
def test_promises_are_broken_no_more_often_than_is_said(kind, count, drop, confidence):
    """1,000 resamples of worlds where the true drop of every dial is known, and crosses the promised one."""
    world = calibration.World(kind, drop)
    promised, broken, saving = calibration.simulate(MaxDrop(drop, confidence), world, count, 1000)
    assert broken <= 1 - confidence
    assert promised > 0.5  # or nothing was tested
    assert saving > 0.05


def test_a_normal_approximation_would_break_them():
    """Where a loss is rare and large: so the test above can fail."""
    world = calibration.World("rare", 0.05)
    assert calibration.simulate(calibration.Normal(0.05), world, 100, 1000)[1] > 0.1
