"""Which dial is chosen, on trials worked out by hand."""

import re

import pytest

from bestroute.errors import InputError
from bestroute.policy.objective import MaxGap
from bestroute.retune.calibrate.aim import Choice, Refusal
from bestroute.retune.calibrate.promise import MaxDrop
from bestroute.retune.calibrate.within import Budget, ModelShare, ReferenceShare, share_now, share_of
from tests.fakes import make_policy
from tests.retune.calibrate.tables import ROWS, Table


def choose(objective, **parts):
    trials = Table(ROWS, **parts)
    return objective.choose(trials, tuple(ROWS)), trials


def test_dials_are_tried_until_one_cannot_be_promised():
    """And of those before, the cheapest is taken: the one after, however good, is not tested."""
    verdict, trials = choose(MaxDrop(0.02))
    assert isinstance(verdict, Choice)
    assert (verdict.outcome.dial, verdict.tried) == (0, 4)
    assert trials.tried == [-1, 0, 0.1, 0.2]


def test_too_few_queries_are_said_to_be():
    """At max_gap 0 Z = -0.015: 100 queries win 0.9 * 0.015 / 0.98 each at most, 1.38 in 100 where 3 is
    needed; 3 * 1.5 / 0.0137 = 330 would do, twice that with those that judge."""
    verdict, trials = choose(MaxDrop(0.02), count=100)
    assert isinstance(verdict, Refusal)
    assert 640 <= verdict.records_needed <= 700
    assert "the 100 queries that choose are too few" in verdict.why
    assert f"About {verdict.records_needed} prompts in all would do" in verdict.why
    assert trials.tried == [-1, 0]


def test_what_speaks_against_a_promise_is_told():
    """No more records help where the first dial that saves anything loses too much."""
    rows = {-1: (1.0, 0.0), 0: (0.9, 0.03), 0.1: (0.5, 0.0)}
    verdict = MaxDrop(0.02).choose(Table(rows), tuple(rows))
    assert isinstance(verdict, Refusal)
    assert verdict.records_needed is None
    assert "At max_gap 0 the drop is 3 % already" in verdict.why


@pytest.mark.parametrize("count", [20, 2000])
def test_where_no_dial_saves_anything(count):
    rows = {-1: (1.0, 0.0), 1: (1.0, 0.0)}
    verdict = MaxDrop(0.02).choose(Table(rows, count), tuple(rows))
    assert isinstance(verdict, Refusal)
    assert verdict.why.startswith("no dial costs less than always asking the reference")


def test_a_reference_that_is_always_wrong():
    verdict = MaxDrop(0.02).choose(Table(ROWS, reference=0.0), tuple(ROWS))
    assert isinstance(verdict, Refusal)
    assert "the reference's quality is 0 on every query" in verdict.why


@pytest.mark.parametrize(
    ("objective", "dial", "tried"),
    [
        (Budget(2), -1, 1),
        (Budget(0.7), 0, 2),
        (Budget(0.3), 0.2, 4),
        (ReferenceShare(1), -1, 1),
        (ReferenceShare(0.6), 0, 2),
        (ReferenceShare(0.1), 0.3, 5),
        (ModelShare("tiny", 0.0), -1, 1),
        (ModelShare("tiny", 0.4), 0, 2),
        (ModelShare("tiny", 0.9), 0.3, 5),
    ],
)
def test_the_lowest_dial_within(objective, dial, tried):
    verdict, _ = choose(objective)
    assert isinstance(verdict, Choice)
    assert (verdict.outcome.dial, verdict.tried) == (dial, tried)


@pytest.mark.parametrize(
    ("objective", "why"),
    [
        (
            Budget(0.05),
            r"at most \$0.05 a query \(\$50 per 1,000\): the cheapest, max_gap 0.3, costs \$0.1",
        ),
        (ReferenceShare(0.05), "the least is 10 %, at max_gap 0.3"),
        (ModelShare("tiny", 0.95), "tiny answers at least 95 %: the most is 90 %, at max_gap 0.3"),
    ],
)
def test_what_cannot_be_reached_is_told(objective, why):
    verdict, _ = choose(objective)
    assert isinstance(verdict, Refusal)
    assert re.search(why, verdict.why)


@pytest.mark.parametrize(
    "make",
    [
        lambda: MaxDrop(0.0), lambda: MaxDrop(1.0), lambda: MaxDrop(0.1, 1.0), lambda: MaxDrop(0.1, 0.0),
        lambda: Budget(0.0), lambda: Budget(float("nan")), lambda: ReferenceShare(1.1),
        lambda: ModelShare("tiny", 1.1), lambda: ModelShare("tiny", -0.1),
    ],
)  # fmt: skip
def test_aims_that_make_no_sense(make):
    with pytest.raises(InputError):
        make()


def test_a_share_is_at_most_of_the_reference_and_at_least_of_any_other():
    policy = make_policy(tiers=[{"model": "tiny"}, {"models": {"tiny": 1, "mid": 1}}, {"model": "big"}])
    assert share_of("big", 0.3, policy) == ReferenceShare(0.3)
    assert share_of("tiny", 0.3, policy) == ModelShare("tiny", 0.3)
    with pytest.raises(InputError, match="no tier asks mid alone"):
        share_of("mid", 0.3, policy)
    with pytest.raises(InputError, match="no model is named 'nano'"):
        share_of("nano", 0.3, policy)


def test_the_share_now_is_that_at_the_dial_as_it_stands():
    trials = Table(ROWS)
    assert trials.objective.setting == 0
    assert (share_now("tiny", trials), share_now("big", trials)) == pytest.approx((0.4, 0.6))
    assert trials.tried == [0, 0]


def test_dials_rise_within_what_a_policy_may_say():
    assert list(MaxGap.grid) == sorted(set(MaxGap.grid))
    assert (MaxGap.grid[0], MaxGap.grid[-1]) == (-1, 1)
    assert 0 in MaxGap.grid
