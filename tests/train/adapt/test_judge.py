"""The measures of an adapter, by hand."""

import numpy as np
import pytest

from bestroute.train.adapt.judge import (
    Told,
    correlation,
    difficulty,
    figures,
    gap_correlation,
    grouped,
    level_error,
    ranks,
)

SCORE = np.array([[0.0, 1.0], [0.5, 1.0], [1.0, 1.0], [0.0, 0.0], [1.0, 0.0]])


def told(said, score=SCORE):
    return Told(said, score, np.ones(score.shape), reference=1)


def test_ranks_of_ties_are_their_mean():
    assert ranks(np.array([3.0, 1.0, 3.0, 2.0])).tolist() == [3.5, 1.0, 3.5, 2.0]


def test_what_is_constant_correlates_with_nothing():
    assert correlation(np.ones(4), np.arange(4.0)) == 0
    assert correlation(np.arange(4.0), -2 * np.arange(4.0)) == pytest.approx(-1)


def test_who_says_the_scores_has_all_right():
    found = figures(told(SCORE), draws=20)
    assert found["gap_correlation"]["value"] == pytest.approx(1)
    assert found["difficulty"]["value"] == pytest.approx(1)
    assert found["level_error"] == found["ece"] == found["error"] == 0


def test_levels_are_off_by_what_is_said_too_much():
    assert level_error(told(SCORE + np.array([0.25, -0.15]))) == pytest.approx(0.2)
    assert gap_correlation(told(SCORE + np.array([0.25, -0.15]))) == pytest.approx(1)


def test_the_levels_of_folds_are_no_order():
    """Levels learned on the other folds alone say nothing of which query is hard, and not the opposite."""
    generator = np.random.default_rng(0)
    score, fold = generator.random((200, 2)), np.arange(200) % 5
    levels = np.array([score[fold != one].mean(axis=0) for one in fold])
    crossed = told(levels, score)._replace(fold=fold)
    assert gap_correlation(crossed._replace(fold=None)) < -0.05
    assert gap_correlation(crossed) == pytest.approx(0, abs=1e-9)
    assert difficulty(crossed) == pytest.approx(0, abs=1e-9)
    shaped = crossed._replace(said=levels + 0.1 * score)
    assert gap_correlation(shaped) == pytest.approx(1, abs=0.05)


def test_levels_are_weighted():
    weights = np.array([[3.0, 1.0], [1.0, 1.0], [0.0, 1.0], [0.0, 1.0], [0.0, 1.0]])
    said = SCORE + np.array([[0.4, 0], [0, 0], [0, 0], [0, 0], [0, 0]])
    assert level_error(Told(said, SCORE, weights, 1)) == pytest.approx((0.3 + 0) / 2)


def test_what_no_query_tells_is_none():
    logged = np.where(np.eye(2)[np.arange(5) % 2] > 0, SCORE, np.nan)
    found = figures(told(SCORE, logged), draws=20)
    assert found["gap_correlation"] is None
    assert found["difficulty"] is None
    assert found["level_error"] == 0


def test_difficulty_compares_queries_that_all_models_answered():
    holed = np.vstack([SCORE, [[np.nan, 0.0]] * 3])
    assert difficulty(told(np.nan_to_num(holed), holed)) == pytest.approx(1)


def test_groups_are_told_from_twenty_queries_on():
    many = np.tile(SCORE, (9, 1))
    labels = np.array(["fr"] * 20 + ["de"] * 19 + [""] * 6)
    assert [*grouped(told(many, many), labels)] == ["fr"]
