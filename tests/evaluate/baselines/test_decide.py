"""Worked by hand: from what is predicted of the arms to the one that is asked."""

import numpy as np

from bestroute.evaluate.baselines.decide import by_margin, by_threshold, by_utility


def test_utility_moves_from_the_reference_to_the_cheapest_arm():
    # Query 0 loses 0.2 to save 8: it leaves at 0.025 a dollar. Query 1 loses 0.8: it leaves at 0.1.
    quality = np.array([[0.7, 0.9], [0.1, 0.9]])
    cost = np.array([[2.0, 10.0], [2.0, 10.0]])
    strategy = by_utility("x", quality, cost)
    chosen = strategy.shares.argmax(axis=2)
    for dial, arms in zip(strategy.dials, chosen, strict=True):
        if not np.isclose(dial, [0.025, 0.1]).any():
            assert list(arms) == [int(dial < 0.025), int(dial < 0.1)]
    assert list(chosen[0]) == [1, 1]
    assert list(chosen[-1]) == [0, 0]


def test_utility_can_distrust_a_cheap_arm_that_looks_better():
    strategy = by_utility("x", np.array([[0.9, 0.8], [0.95, 0.8]]), np.array([[1.0, 2.0]] * 2))
    assert strategy.dials.min() < -0.15
    assert list(strategy.shares[0].argmax(axis=1)) == [1, 1]


def test_threshold_takes_the_first_arm_within_the_dial():
    gaps = np.array([[0.3, 0.1, 0.7], [0.5, 0.4, 0.7]])  # the reference's own gap is never read
    strategy = by_threshold("x", gaps, np.array([0, 1, 2]))
    chosen = {
        dial: list(arms) for dial, arms in zip(strategy.dials, strategy.shares.argmax(axis=2), strict=True)
    }
    assert chosen[min(chosen)] == [2, 2]
    assert chosen[0.1] == [1, 2]
    assert chosen[0.5] == [0, 0]
    assert chosen[max(dial for dial in chosen if dial < 0.4)] == [0, 2]


def test_threshold_never_passes_a_cheaper_reference():
    strategy = by_threshold("x", np.zeros((4, 2)), np.array([1, 0]))
    assert (strategy.shares[:, :, 1] == 1).all()


def test_margin_is_added_to_the_reference():
    strategy = by_margin("x", np.array([[0.6, 0.1, 0.3], [0.2, 0.1, 0.7]]))
    chosen = {
        dial: list(arms) for dial, arms in zip(strategy.dials, strategy.shares.argmax(axis=2), strict=True)
    }
    assert chosen[0.0] == [0, 2]
    assert chosen[max(chosen)] == [2, 2]
    assert chosen[min(chosen)] == [0, 0]
