"""Logistic regression: what is there is found again, signs are held, little data moves little."""

import numpy as np
import pytest

from bestroute.artefacts.posterior import Logistic
from bestroute.train.logistic import fit_logistic


def test_a_model_is_found_again():
    generator = np.random.default_rng(0)
    rows = generator.normal(size=(4000, 3))
    true = Logistic(0.5, (1.0, -2.0, 0.0))
    targets = np.array([true(row) for row in rows])
    found = fit_logistic(rows, targets, np.ones(len(rows)), strength=1e-6)
    assert (found.intercept, *found.weights) == pytest.approx((0.5, 1, -2, 0), abs=0.01)


def test_signs_are_held():
    rows = np.random.default_rng(0).normal(size=(500, 2))
    targets = 1 / (1 + np.exp(2 * rows[:, 0] - 2 * rows[:, 1]))
    found = fit_logistic(rows, targets, np.ones(len(rows)), rising=[0], falling=[1])
    assert found.weights[0] == 0
    assert found.weights[1] == 0


def test_without_data_to_speak_of_a_model_stays_where_it_starts():
    start = Logistic(-1.0, (2.0, 0.5))
    rows = np.array([[0.1, 0.2], [0.3, 0.1]])
    near = fit_logistic(rows, np.array([1.0, 0.0]), np.full(2, 1e-9), toward=start)
    assert near([0.5, 0.5]) == pytest.approx(start([0.5, 0.5]), abs=1e-6)
