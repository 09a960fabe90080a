"""Halves and resamples."""

import numpy as np

from bestroute.evaluate.weights import halves, overall, resamples


class TestWeights:
    sources = ("a",) * 5 + ("b",) * 4 + ("c",)

    def test_halves_are_complements_of_every_source(self):
        for at, weights in halves(self.sources, 8, 3).parts:
            first, second = weights[:8] > 0, weights[8:] > 0
            assert (first ^ second).all()
            assert (abs(first.sum(axis=1) - second.sum(axis=1)) <= len(at) % 2).all()
            rows = weights[~np.isnan(weights[:, 0])]
            np.testing.assert_allclose(rows.sum(axis=1), 1)

    def test_a_half_without_queries_is_unknown(self):
        (_, weights) = halves(self.sources, 8, 3).parts[2]
        assert np.isnan(weights).sum() == 8

    def test_resamples_keep_the_size_of_every_source(self):
        for at, weights in resamples(self.sources, 50, 0).parts:
            counts = weights * len(at)
            np.testing.assert_allclose(counts, counts.round(), atol=1e-12)
            np.testing.assert_allclose(counts.sum(axis=1), len(at))

    def test_a_seed_repeats(self):
        again = [halves(self.sources, 4, seed).parts[0][1] for seed in (1, 1, 2)]
        assert np.array_equal(again[0], again[1])
        assert not np.array_equal(again[0], again[2])

    def test_overall_is_the_mean_of_what_is_known(self):
        values = np.array([[1.0, np.nan, np.nan], [3.0, 5.0, np.nan]])
        np.testing.assert_array_equal(overall(values), [2.0, 5.0, np.nan])
