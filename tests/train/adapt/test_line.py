"""Levels and a slope: what they come to, and what must always hold."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestroute.artefacts.odds import sigmoid
from bestroute.train.adapt.line import fit_lines

SEEDS = st.integers(0, 1000)


def sample(seed, rows=60, models=2):
    generator = np.random.default_rng(seed)
    return generator.normal(size=(rows, models)), generator.random((rows, models)), np.ones((rows, models))


def test_no_rows_leave_all_as_it_is():
    levels, slope = fit_lines(np.zeros((1, 2)), np.full((1, 2), np.nan), np.ones((1, 2)))
    assert levels.tolist() == [0, 0]
    assert slope == 1


def test_a_level_by_hand():
    """All odds 0, half of the pull left out: sigmoid(level) is the mean where nothing pulls."""
    levels, slope = fit_lines(
        np.zeros((10, 1)), np.full((10, 1), 0.8), np.ones((10, 1)), level_pull=0, slope_pull=np.inf
    )
    assert levels == pytest.approx([np.log(4)], abs=1e-6)
    assert slope == 1


def test_a_slope_that_is_known_is_found():
    odds = np.random.default_rng(0).normal(size=(2000, 2))
    target = sigmoid(np.array([1.0, -0.5]) + 0.4 * odds)
    levels, slope = fit_lines(odds, target, np.ones(odds.shape))
    assert levels == pytest.approx([1.0, -0.5], abs=0.02)
    assert slope == pytest.approx(0.4, abs=0.02)


def test_odds_that_point_the_wrong_way_have_no_slope():
    odds = np.random.default_rng(0).normal(size=(500, 1))
    levels, slope = fit_lines(odds, sigmoid(0.5 - odds), np.ones(odds.shape))
    assert slope == pytest.approx(0, abs=1e-9)
    assert sigmoid(levels[0]) == pytest.approx(sigmoid(0.5 - odds).mean(), abs=0.01)


@given(SEEDS)
def test_levels_come_out_right(seed):
    """At the optimum the mean is missed by no more than what the pull holds back."""
    odds, target, weights = sample(seed)
    levels, slope = fit_lines(odds, target, weights)
    missed = (sigmoid(levels + slope * odds) - target).sum(axis=0)
    assert np.abs(missed + 0.5 * levels) == pytest.approx(0, abs=1e-4)


@given(SEEDS)
def test_order_and_what_is_not_known_change_nothing(seed):
    odds, target, weights = sample(seed)
    target[::3, 0] = np.nan
    known = fit_lines(odds, target, weights)
    odds[::3, 0] = 99
    mixed = np.random.default_rng(seed).permutation(len(odds))
    again = fit_lines(odds[mixed], target[mixed], weights[mixed])
    assert again[0] == pytest.approx(known[0], abs=1e-5)
    assert again[1] == pytest.approx(known[1], abs=1e-5)
