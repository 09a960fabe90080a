"""When it is said that queries like these may go beyond an aim, worked out by hand."""

import pytest

from bestroute.retune.calibrate.doubt import doubts
from bestroute.retune.calibrate.promise import MaxDrop
from bestroute.retune.calibrate.within import Budget, ModelShare, ReferenceShare


def report(value, high, queries=40, apart=None, low=0.0):
    return {
        "reached": {"value": value, "low": low, "high": high},
        "after": {"queries": queries},
        "cross_fitted": None if apart is None else {"reference_share_interval": {"value": apart}},
    }


def test_an_interval_that_reaches_far_beyond_the_aim():
    """From 0.3 to 0.46 is 16 / 3 as far as to 0.33: 28.4 times as many queries, 1,138."""
    assert list(doubts(ReferenceShare(0.3), report(0.3, 0.46))) == [
        "aimed at 30.0 % at most, but by these 40 queries others like them may come to 46.0 %; about 1,200 "
        "would keep that within a tenth of the aim"
    ]
    (money,) = doubts(Budget(0.0004), report(0.0004, 0.0005, queries=1000))
    assert money.startswith(
        "aimed at $0.0004 at most, but by these 1,000 queries others like them may come to $"
    )


@pytest.mark.parametrize("high", [0.31, 0.33])
def test_one_that_does_not_is_no_doubt(high):
    assert not list(doubts(ReferenceShare(0.3), report(0.29, high, apart=0.32)))


@pytest.mark.parametrize(("queries", "high"), [(1, None), (2, 0.0003), (40, None)])
def test_too_few_queries_tell_nothing_of_others(queries, high):
    """Forty of one text are one."""
    (said,) = doubts(Budget(0.0004), report(0.0003, high, queries=queries))
    assert said == (
        f"aimed at $0.0004 at most, but {queries} queries are too few to tell what others like "
        "them come to; give 6 different ones or more"
    )
    assert not list(doubts(Budget(0.0004), report(0.0003, 0.0004, queries=6)))


def test_queries_that_had_no_part_in_it_and_went_beyond():
    said = list(doubts(ReferenceShare(0.3), report(0.29, 0.32, apart=0.4)))
    assert said == [
        "a dial chosen without a fifth of the queries gave that fifth 40.0 %, "
        "where 30.0 % at most was aimed at"
    ]


def test_a_share_that_is_to_be_reached_is_missed_from_below():
    """From 0.3 to 0.14 is 16 / 3 as far as to 0.27."""
    apart = {"shares": {"nano": {"value": 0.2}}}
    said = list(doubts(ModelShare("nano", 0.3), {**report(0.3, 0.9, low=0.14), "cross_fitted": apart}))
    assert said == [
        "aimed at 30.0 % at least, but by these 40 queries others like them may come to 14.0 %; about 1,200 "
        "would keep that within a tenth of the aim",
        "a dial chosen without a fifth of the queries gave that fifth 20.0 %, "
        "where 30.0 % at least was aimed at",
    ]
    assert not list(doubts(ModelShare("nano", 0.3), report(0.35, 0.9, low=0.28)))


def test_a_half_that_judges_and_is_beyond_already_needs_no_number():
    (said,) = doubts(ReferenceShare(0.3), report(0.64, 0.8))
    assert said.endswith("may come to 80.0 %")


def test_a_promise_and_a_refusal_have_none():
    assert not list(doubts(MaxDrop(0.01), report(0.3, 0.9)))
    assert not list(doubts(ReferenceShare(0.3), {**report(0.3, 0.9), "reached": None}))
