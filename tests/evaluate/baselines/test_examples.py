"""Examples out of fold: no query is on both sides."""

import numpy as np

from bestroute.evaluate.baselines.examples import FOLDS, Examples, brier, fold_of


def test_a_query_that_recurs_is_never_on_both_sides_of_a_fold():
    folds = fold_of(["one", "two", "one ", "three"] * 20, 0)
    assert folds[0] == folds[2]
    assert set(fold_of([str(number) for number in range(200)], 0)) == set(range(FOLDS))


def test_brier_is_the_mean_square_out_of_fold():
    examples = Examples(np.zeros((4, 1)), np.array([[0.0], [1.0], [1.0], [1.0]]), np.array([0, 0, 1, 1]))

    def mean_or_half(part, asked):
        means = np.full((len(asked), 1), part.targets.mean())
        return np.array([means, np.full_like(means, 0.5)])

    # Fold 0 hears 1 from fold 1: errors 1, 0. Fold 1 hears 0.5 from fold 0: errors 0.25, 0.25.
    np.testing.assert_allclose(brier(examples, mean_or_half, 2), [[1.5 / 4], [0.25]])
    alone = examples.take(np.array([0, 1]))
    np.testing.assert_array_equal(brier(alone, mean_or_half, 2), [[0.0], [0.0]])
