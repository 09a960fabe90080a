"""What a router model cannot tell, in sentences, and how many like the known queries count as novel."""

from dataclasses import replace

import numpy as np
import pytest

from bestroute.records.record import Record, Response
from bestroute.train.limits import expected_novel, further, lonely, untold
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
    assert list(untold(MANIFEST, 50, 500)) == []


def test_what_is_untold_says_what_would_help():
    (none,) = untold(replace(MANIFEST, max_novelty=None), 3, 48)
    assert none.startswith(
        "3 validation queries are too few to tell what is unlike the queries of training. 10 validation "
        "queries would do: give about 116 more prompts, 164 in all, since "
    )
    (few,) = untold(MANIFEST, 15, 150)
    assert "told by 15 validation queries: about 6% of queries like them will count as unlike them" in few


def test_the_n_of_every_class_but_the_reference():
    (medium,) = untold(replace(MANIFEST, taught_n=(4, 1, 1)), 50, 500)
    assert medium.startswith("medium was taught n = 1 at most, of 4: an arm of more counts as one of 1.")


@pytest.mark.parametrize(("validation", "prompts"), [(1, 29), (10, 154), (50, 615)])
def test_how_many_prompts_hold_enough_validation_queries(validation, prompts):
    """Where a tenth of them are: 1 - 0.9 ** 29 = 0.953."""
    assert further(validation) == prompts
    hit = np.random.default_rng(0).binomial(prompts, 0.1, 20_000) >= validation
    assert hit.mean() == pytest.approx(0.95, abs=0.01)


def test_what_a_log_holds_is_told_as_no_gap():
    both, one = ({name: (Response(1.0),) for name in names} for names in (("a", "b"), ("a",)))
    record = Record("1", "", "Why?", both)
    assert lonely([record, replace(record, responses=one)]) is None
    said = lonely([record, *[replace(record, responses=one)] * 2])
    assert said.startswith("2 of 3 records hold responses of one model alone")
    assert "3,000 prompts in all, of which 2,250 teach" in said
