"""Which dial is chosen, on trials worked out by hand."""

import re

import numpy as np
import pytest

from bestroute.errors import InputError
from bestroute.evaluate.replay import Collector, query_of
from bestroute.evaluate.routed import Recall
from bestroute.policy.objective import MaxGap
from bestroute.query import Query
from bestroute.retune.calibrate.aim import Choice, Refusal
from bestroute.retune.calibrate.choose import Budget, MaxDrop, ReferenceShare
from bestroute.retune.calibrate.trials import (
    Escalating,
    Expected,
    OneShot,
    Outcome,
    first_of_each,
    halves,
    part_of,
)
from tests.evaluate.replays import CHEAP, DEAR, TextPredictor
from tests.evaluate.test_planned import BY_AGREEMENT, EASY, HARD, PRIORS, TIERS
from tests.fakes import make_policy


class Table:
    """Trials from what each dial costs and loses, the same for each of `count` queries."""

    objective = MaxGap(0.0)

    def __init__(self, rows, count=2000, reference=1.0):
        self.rows, self.count = rows, count
        self.arms = (CHEAP, DEAR)
        self.reference_cost = np.ones(count)
        self.reference_quality = np.full(count, reference)
        self.tried = []

    def __len__(self):
        return self.count

    def at(self, dial):
        self.tried.append(dial)
        cost, drop = self.rows[dial]
        ones = np.ones(self.count)
        shares = np.outer(ones, [1 - cost, cost])
        return Outcome(dial, cost * ones, ones, shares, (1 - drop) * self.reference_quality)


ROWS = {-1: (1.0, 0.0), 0: (0.6, 0.005), 0.1: (0.7, 0.008), 0.2: (0.3, 0.05), 0.3: (0.1, 0.0)}


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
    assert f"About {verdict.records_needed} judged records would do" in verdict.why
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
    ],
)  # fmt: skip
def test_aims_that_make_no_sense(make):
    with pytest.raises(InputError):
        make()


def test_dials_rise_within_what_a_policy_may_say():
    assert list(MaxGap.grid) == sorted(set(MaxGap.grid))
    assert (MaxGap.grid[0], MaxGap.grid[-1]) == (-1, 1)
    assert 0 in MaxGap.grid


def replayed(**sampling):
    policy = make_policy(tiers=TIERS, rules=[], abstain=False, sampling=sampling)
    collector = Collector(policy, None, keep_responses=True)
    for one in (EASY, HARD):
        collector.add(one, query_of(one))
    found = collector.finish()
    return (
        policy,
        found,
        Recall(TextPredictor({"easy": (0.75, 0.7, 0.8), "hard": PRIORS["hard"]}), found.replay.texts),
    )


def test_one_shot_by_hand():
    """Gaps of 0.05 and 0.2. tiny@2: 2 x (5 x 1 + 10 x 2) = 50 millionths of a dollar; big: 350. Both
    of tiny's responses to the easy one are right, to the hard one wrong; big has 1 and 0.75."""
    policy, found, recall = replayed()
    trials = OneShot(policy, found, recall)
    first, second = trials.at(0.1), trials.at(0.3)
    np.testing.assert_allclose(first.cost, [50e-6, 350e-6])
    np.testing.assert_allclose(first.quality, [1, 0.75])
    assert first.shares.tolist() == [[1, 0], [0, 1]]
    np.testing.assert_allclose(second.cost, [50e-6, 50e-6])
    np.testing.assert_allclose(second.quality, [1, 0])
    np.testing.assert_allclose(trials.reference_cost, [350e-6, 350e-6])


def test_plans_are_played(monkeypatch):
    """As in test_evaluate_planned: the easy one stops at tiny, the hard one goes on."""
    monkeypatch.setattr("bestroute.retune.calibrate.trials.Posterior.load", lambda folder: BY_AGREEMENT)
    policy, found, _ = replayed(escalate=True)
    trials = Escalating(policy, found, Recall(TextPredictor(PRIORS), found.replay.texts))
    outcome = trials.at(0.1)
    np.testing.assert_allclose(outcome.cost, [50e-6, 400e-6])
    np.testing.assert_allclose(outcome.quality, [1, 0.75])
    assert outcome.calls.tolist() == [1, 2]
    assert outcome.shares.tolist() == [[1, 0], [0, 1]]


def test_plain_queries_have_expected_costs_and_no_quality():
    """The predictor expects 10 output tokens; `easy` has one input token: 2 x (1 + 20), and 10 + 300."""
    policy, _, recall = replayed()
    trials = Expected(policy, [Query.of("easy"), Query.of("hard")], recall)
    outcome = trials.at(0.1)
    np.testing.assert_allclose(outcome.cost, [42e-6, 310e-6])
    assert outcome.shares.tolist() == [[1, 0], [0, 1]]
    assert outcome.quality is None
    assert isinstance(Budget(200e-6).choose(trials), Choice)


def test_halves_do_not_depend_on_the_order_of_the_file():
    texts = [f"query {index}" for index in range(200)]
    chooses, judges = halves(texts)
    assert sorted([*chooses, *judges]) == list(range(200))
    assert 70 < len(chooses) < 130
    assert chooses != sorted(chooses)
    backwards = texts[::-1]
    assert [[backwards[place] for place in side] for side in halves(backwards)] == [
        [texts[place] for place in side] for side in (chooses, judges)
    ]
    assert halves(texts, seed=1) != (chooses, judges)


def test_a_query_that_repeats_counts_once():
    assert sorted(first_of_each(["a", "b", " a", "c", "b "])) == [0, 1, 3]


def test_a_part_of_a_replay_keeps_its_order():
    _, found, _ = replayed()
    part = part_of(found, [1, 0])
    assert part.replay.texts == found.replay.texts[::-1]
    np.testing.assert_array_equal(part.replay.quality, found.replay.quality[::-1])
    assert part.recorded == found.recorded[::-1]
