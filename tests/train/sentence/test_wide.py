"""The wide table: what it adds, worked out by hand, and that its ridge is the ridge."""

import numpy as np
import pytest

from bestroute.artefacts.session import TokenRow

pytestmark = pytest.mark.train


def test_a_row_is_its_pieces_then_its_pairs():
    from bestroute.train.sentence.wide import BUCKETS, places

    assert places(TokenRow([3, 1, 2]), 4).tolist() == [
        3, 1, 2, 4 + (31321 * 3 + 7) % BUCKETS, 4 + (31321 + 14) % BUCKETS
    ]  # fmt: skip
    assert places(TokenRow([3]), 4).tolist() == [3]


def test_the_sum_is_divided_by_the_root_of_the_rarities():
    from bestroute.train.sentence.wide import BUCKETS, wide_of

    table = np.zeros((4 + BUCKETS, 3), np.float32)
    table[1], table[2] = (6.0, -3.0, 4.0), (2.0, 1.0, 5.0)
    added = wide_of([TokenRow([1, 2]), TokenRow([1, 1]), TokenRow([3])], table)
    np.testing.assert_allclose(added, [[8 / 3, -2 / 3], [12 / 8**0.5, -6 / 8**0.5], [0, 0]], rtol=1e-6)


def test_the_slopes_are_those_of_the_weighted_ridge():
    from bestroute.train.sentence.wide import _counted, _ridge

    generator = np.random.default_rng(1)
    rows = [TokenRow(generator.integers(0, 20, size).tolist()) for size in generator.integers(1, 12, 40)]
    counts, _ = _counted(rows, 20)
    left, steep, weights = generator.normal(size=40), generator.uniform(0.1, 0.25, 40), np.full(40, 2.0)
    left[5] = np.nan
    slopes = _ridge(counts, left, steep, weights, 3.0)
    dense = np.stack([counts.transposed_times(unit) for unit in np.eye(40)])
    known = ~np.isnan(left)
    some = np.flatnonzero(dense.any(0))
    x, sure = dense[known][:, some], 4 * steep[known]
    exact = np.linalg.solve(
        x.T @ (sure[:, None] * x) + 3 * np.eye(len(some)), x.T @ (sure * (left / steep)[known])
    )
    np.testing.assert_allclose(slopes[some], exact, atol=0.01)


def test_without_a_gain_there_is_no_table():
    import torch

    from bestroute.train.sentence.wide import fit_wide

    rows = [TokenRow([1, 2, 3])] * 6
    logits, targets = torch.zeros(6, 1), np.ones((6, 1))
    assert fit_wide(rows, logits, targets, np.ones(6), 5, lambda table: float(table.any())).any() == 0
    assert fit_wide(rows, logits, targets, np.ones(6), 5, lambda table: -float(table.any())).any() == 0
    rows[3:] = [TokenRow([4])] * 3
    assert fit_wide(rows, logits, targets, np.ones(6), 5, lambda table: -float(table.sum())).any() == 1
