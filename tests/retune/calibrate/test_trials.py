"""Trials of a policy at a dial, worked out by hand."""

import numpy as np

from bestroute.evaluate.replay import Collector, query_of
from bestroute.evaluate.routed import Recall
from bestroute.query import Query
from bestroute.retune.calibrate.aim import Choice
from bestroute.retune.calibrate.trials import (
    Escalating,
    Expected,
    OneShot,
    first_of_each,
    halves,
    part_of,
)
from bestroute.retune.calibrate.within import Budget
from tests.evaluate.records import BY_AGREEMENT, EASY, HARD, PRIORS, TIERS
from tests.evaluate.replays import TextPredictor
from tests.fakes import make_policy


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
    """As in test_planned of evaluate: the easy one stops at tiny, the hard one goes on."""
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
