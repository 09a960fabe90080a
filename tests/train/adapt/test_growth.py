"""How quality rises with n, from samples."""

import numpy as np
import pytest

from bestroute.artefacts.odds import log_odds, sigmoid
from bestroute.records.quality import expected_max_normal
from bestroute.train.adapt.growth import fit_growth

COLUMN = np.tile(log_odds(np.array([0.5, 0.6, 0.65, 0.68])), (50, 1))
ODDS = np.random.default_rng(0).normal(size=50)


def curve(pace, shape):
    return sigmoid(ODDS[:, None] + pace * shape)


def test_without_samples_the_column_stands():
    pace, rise = fit_growth(ODDS, COLUMN, np.full((50, 4), np.nan))
    assert pace == 1
    assert not rise.any()


@pytest.mark.parametrize("pace", [0.0, 0.5, 2.0])
def test_a_pace_is_found(pace):
    found, _ = fit_growth(ODDS, COLUMN, curve(pace, COLUMN - COLUMN[:, :1]))
    assert found == pytest.approx(pace, abs=0.051)


def test_a_flat_column_rises_as_samples_do():
    flat, normal = np.zeros((50, 4)), expected_max_normal(4)
    pace, rise = fit_growth(ODDS, flat, curve(0.8, normal))
    assert pace == 0
    assert rise == pytest.approx(0.8 * normal, abs=0.1)


def test_a_flat_column_without_samples_stays_flat():
    assert not fit_growth(ODDS, np.zeros((50, 4)), np.full((50, 4), np.nan))[1].any()


def test_gains_that_are_none_or_less_are_none():
    falling = curve(1.0, COLUMN - COLUMN[:, :1])[:, ::-1]
    assert fit_growth(ODDS, COLUMN, falling)[0] == 0
