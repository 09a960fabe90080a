"""Savings: chosen on one half, judged on the other."""

import numpy as np
import pytest

from bestroute.evaluate.saving import savings


class TestSavings:
    """Reference: quality 1, cost 10 on each half."""

    ones, tens = np.ones(2), np.full(2, 10.0)

    def saved(self, quality, cost, **other):
        calls = 1 + np.array(cost, float) / 10  # any number that tells settings apart
        given = {"reference_quality": self.ones, "reference_cost": self.tens, "calls": calls, **other}
        return savings(np.array(quality, float), np.array(cost, float), **given)

    def test_chosen_on_one_half_judged_on_the_other(self):
        """At 1 % the first half chooses dial 1 (saving 0.5), the second dial 0; each judges the other's.

        Judged: dial 1 on the second half, saving 0.4 at drop 0.2, and dial 0 on the first, 0.1 at 0.
        """
        found = self.saved([[1.0, 0.995], [0.99, 0.8]], [[9, 5], [8, 6]])["0.01"]
        assert found == pytest.approx(
            {"mean": 0.25, "low": 0.1 + 0.025 * 0.3, "high": 0.4 - 0.025 * 0.3, "drop": 0.1, "calls": 1.75}
        )

    def test_always_the_reference_is_allowed(self):
        found = self.saved([[0.5], [0.5]], [[1], [1]])
        assert found["0.05"] == {"mean": 0.0, "low": 0.0, "high": 0.0, "drop": 0.0, "calls": 1.0}

    def test_a_drop_of_one_in_a_hundred_is_within_one_per_cent(self):
        assert self.saved([[0.99], [0.99]], [[4], [4]])["0.01"]["mean"] == pytest.approx(0.6)

    def test_nothing_is_chosen_that_costs_more_than_the_reference(self):
        assert self.saved([[1.0], [1.0]], [[11], [11]])["0.0"]["mean"] == 0.0

    @pytest.mark.parametrize(
        "other",
        [
            {"reference_quality": np.array([1.0, 0.0])},
            {"reference_cost": np.zeros(2)},
            {"reference_quality": np.array([1.0, np.nan])},
        ],
    )
    def test_what_cannot_be_had_is_unknown(self, other):
        found = self.saved([[1.0], [1.0]], [[4], [4]], **other)["0.01"]
        assert np.isnan(list(found.values())).all()

    def test_keys(self):
        assert list(self.saved([[1.0], [1.0]], [[4], [4]])) == ["0.0", "0.01", "0.02", "0.05"]
