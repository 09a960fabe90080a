"""The dual ridge against the primal one."""

import numpy as np
import pytest

from bestroute.train.adapt.ridge import dual_ridge


def primal(features, target, weights, strength):
    square = features.T @ (weights[:, None] * features) + strength * np.eye(features.shape[1])
    return np.linalg.solve(square, features.T @ (weights * target))


def test_it_is_the_primal_ridge():
    generator = np.random.default_rng(0)
    features, target = generator.normal(size=(12, 5)), generator.normal(size=(12, 3))
    weights = generator.uniform(0.5, 2, size=(12, 3))
    weights[:, 1] = weights[:, 0]  # solved together
    found = features.T @ dual_ridge(features @ features.T, target, weights, 2.0)
    for column in range(3):
        assert found[:, column] == pytest.approx(primal(features, target[:, column], weights[:, column], 2.0))


def test_rows_that_are_not_known_take_no_part():
    generator = np.random.default_rng(1)
    features, target = generator.normal(size=(9, 4)), generator.normal(size=(9, 1))
    holed = np.where(np.arange(9)[:, None] % 3 == 0, np.nan, target)
    kept = np.arange(9) % 3 != 0
    found = dual_ridge(features @ features.T, holed, np.ones((9, 1)), 1.0)
    assert (found[~kept] == 0).all()
    assert features.T @ found[:, 0] == pytest.approx(primal(features[kept], target[kept, 0], np.ones(6), 1.0))


def test_nothing_known_is_nothing():
    assert dual_ridge(np.eye(3), np.full((3, 2), np.nan), np.ones((3, 2)), 1.0).tolist() == [[0, 0]] * 3
