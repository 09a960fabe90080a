"""What a router model cannot tell, in sentences, and how many like the known queries count as novel."""

from dataclasses import replace

import numpy as np
import pytest

from bestroute.train.limits import expected_novel, untold
from tests.fakes import MANIFEST


@pytest.mark.parametrize(("validation", "share"), [(10, 1 / 11), (15, 1 / 16), (49, 0.02), (1000, 0.02)])
def test_the_share_of_known_queries_that_count_as_novel(validation, share):
    assert expected_novel(validation) == pytest.approx(share, abs=1e-4)


def test_it_is_the_chance_to_pass_the_largest_of_as_many():
    """Whatever the distribution: 20,000 draws of 15 and one more."""
    values = np.random.default_rng(0).exponential(size=(20_000, 16))
    passed = values[:, 15] > values[:, :15].max(axis=1)
    assert passed.mean() == pytest.approx(expected_novel(15), abs=0.005)


def test_nothing_is_untold_of_a_router_that_was_taught_enough():
    assert list(untold(MANIFEST, 50)) == []


def test_what_is_untold_says_what_would_help():
    (none,) = untold(replace(MANIFEST, max_novelty=None), 3)
    assert none.startswith(
        "3 validation queries are too few to tell what is unlike the queries of training; 10 "
    )
    (few,) = untold(MANIFEST, 15)
    assert "told by 15 validation queries: about 6% of queries like them will count as unlike them" in few


def test_the_n_of_every_class_but_the_reference():
    (medium,) = untold(replace(MANIFEST, taught_n=(4, 1, 1)), 50)
    assert medium.startswith("medium was taught n = 1 at most, of 4: an arm of more counts as one of 1.")
