"""Limits of the tiers' own: found where they are known, left alone where none gains, and promised."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestroute.errors import InputError
from bestroute.evaluate.replay import Replayed
from bestroute.evaluate.routed import Recall
from bestroute.policy.arms import Arm
from bestroute.policy.objective import MaxGap, MinMatch
from bestroute.query import Query
from bestroute.retune.calibrate import shaping
from bestroute.retune.calibrate.aim import Choice, Refusal
from bestroute.retune.calibrate.promise import MaxDrop
from bestroute.retune.calibrate.shape import Shape, check_shapable, limited
from bestroute.retune.calibrate.shaping import OFFSETS, choose_per_tier, shape_for
from bestroute.retune.calibrate.trials import OneShot, Outcome, shaped, thirds
from bestroute.retune.calibrate.within import Budget, ReferenceShare
from tests import ROOT
from tests.evaluate.replays import TextPredictor, replay_of
from tests.fakes import make_policy
from tests.retune.calibrate.tables import Table
from tests.scripts import load

calibration = load(ROOT / "benchmarks" / "calibration.py")
TIERS = [{"model": "tiny"}, {"model": "mid"}, {"model": "big"}]
BEST = 0.8


def trials(bias, count=200, price=0.1, **parts):
    """Half of the queries can be answered by tiny, at this price, half by mid at 0.1, all by big at 1. Every
    second of either half loses nothing, the others lose 0.2. The router model says so, but that tiny loses
    `bias` more."""
    policy = make_policy(tiers=TIERS, rules=[], abstain=False, **parts)
    lose = np.full((count, 2), 0.8)
    for tier in (0, 1):
        lose[tier::4, tier], lose[tier + 2 :: 4, tier] = 0, 0.2
    quality = np.column_stack([BEST - lose, np.full(count, BEST)])
    arms = [Arm(model=name, n=1) for name in ("tiny", "mid", "big")]
    replay = replay_of(quality, [price, 0.1, 1.0], arms=arms)
    said = quality - [bias, 0, 0]
    recall = Recall(TextPredictor(dict(zip(replay.texts, said, strict=True))), replay.texts)
    return OneShot(policy, Replayed(replay, tuple(map(Query.of, replay.texts)), {}), recall)


@pytest.mark.parametrize(("bias", "offsets"), [(0.24, (0.1, 0)), (0.19, (0.05, 0)), (0, (0, 0))])
def test_a_bias_is_found(bias, offsets):
    """Of the dials that are tried the last at which mid still does not lose 0.2, with which the drop would be
    6 %, is 0.15; tiny is to serve what is said to lose `bias`."""
    assert shape_for(MaxDrop(0.05), trials(bias), 400).offsets == offsets


def test_what_gains_too_little_is_left_alone():
    """As above, but a quarter of the queries would save 2 % each."""
    assert shape_for(MaxDrop(0.05), trials(0.24, price=0.98), 400).offsets == (0, 0)


@pytest.mark.parametrize("aim", [Budget(0.65), ReferenceShare(0.6)])
def test_at_a_budget_it_is_quality_that_is_gained(aim):
    """All that mid can serve makes up half of the queries too, but a half of that loses 0.2."""
    assert shape_for(aim, trials(0.24), 400).offsets == (0.1, 0)
    assert shape_for(aim, trials(0.0), 400).offsets == (0, 0)


def test_under_another_objective():
    """TextPredictor says the same of match as of quality, 0.8 less what is lost: above 0.6 for mid, and 0.56
    for tiny."""
    assert shape_for(MaxDrop(0.05), trials(0.24, min_match=0.7), 400).offsets == (-0.1, 0)


def both(bias, shaping=100, choosing=160):
    """Trials that shape, that choose then, and on both."""
    return trials(bias, shaping), trials(bias, choosing), trials(bias, shaping + choosing)


def test_the_better_of_the_shape_and_the_dial_alone_is_chosen():
    """Half of the queries at a tenth of the price, or a quarter of them."""
    verdict, shape = choose_per_tier(MaxDrop(0.05), *both(0.24))
    assert (shape.offsets, len(verdict.outcome.cost)) == ((0.1, 0), 160)
    assert verdict.outcome.cost.mean() == pytest.approx(0.55)
    assert 0.14 <= verdict.outcome.dial < 0.2
    verdict, shape = choose_per_tier(MaxDrop(0.05), *both(0))
    assert (shape.offsets, len(verdict.outcome.cost)) == ((0, 0), 260)
    verdict, shape = choose_per_tier(Budget(0.65), *both(0.24))
    assert shape.offsets == (0.1, 0)


def test_what_a_shape_cannot_promise_the_dial_alone_may():
    """Where those that choose then are too few; where all are, that is told of all."""
    verdict, shape = choose_per_tier(MaxDrop(0.05), *both(0.24, 100, 40))
    assert (shape.offsets, len(verdict.outcome.cost)) == ((0, 0), 140)
    verdict, shape = choose_per_tier(MaxDrop(0.05), *both(0.24, 20, 20))
    assert isinstance(verdict, Refusal)
    assert "the 40 queries that choose are too few to promise: drop at most 5 % with 95 %" in verdict.why


def test_two_families_share_the_error():
    """ln 40 / ln 20 as many records."""
    table = Table({-1: (1.0, 0.0), 0: (0.9, 0.0)}, count=50)
    alone, shared = (aim.choose(table, (-1, 0)) for aim in (MaxDrop(0.02), MaxDrop(0.02).shared(2)))
    assert shared.records_needed == pytest.approx(alone.records_needed * 1.23, rel=0.06)
    assert MaxDrop(0.02).shared(2).words == MaxDrop(0.02).words
    assert Budget(1).shared(2) == Budget(1)


def test_nothing_is_tried_twice():
    """The limits (0.05, 0) are those of the offset 0.05 at dial 0, and of (0, -0.05) at 0.05."""
    one, tried = trials(0.24), []

    class Listed(OneShot):
        def __init__(self):
            vars(self).update(vars(one))

        def under(self, policy):
            tried.append(tuple(tier.max_gap for tier in policy.tiers))
            return super().under(policy)

    counted = []
    shape_for(MaxDrop(0.05), Listed(), 400, advance=lambda: counted.append(1))
    assert len(tried) == len(set(tried)) == len(counted) > 20


def test_a_shape_at_a_setting():
    policy = make_policy(tiers=[TIERS[0], {"model": "mid", "max_gap": 0.5}, {"model": "big", "max_gap": 0.7}])
    shaped = Shape((0.1, -0.05)).at(policy, 0.2)
    assert shaped.max_gap == 0.2
    assert [tier.max_gap for tier in shaped.tiers] == [0.3, 0.15, 0.7]
    assert shaped.rules == policy.rules
    assert limited(policy, 0.2, ()) == policy.at(0.2)


def test_a_tier_that_stays_at_the_dial_is_left_to_it():
    """So that the dial, and that of a rule, moves it as before."""
    policy = make_policy(tiers=[TIERS[0], {"model": "mid", "max_gap": 0.5}, {"model": "big"}])
    assert Shape((0.0, 0.0)).written(policy, 0.2) == (None, 0.2)
    assert Shape((0.05, 0.0)).written(policy, 0.2) == (0.25, 0.2)
    assert [tier.max_gap for tier in Shape((0.0, 0.0)).at(policy, 0.2).tiers] == [None, 0.2, None]


@given(st.sampled_from([MaxGap, MinMatch]), st.tuples(*[st.sampled_from([0.0, *OFFSETS])] * 3))
def test_limits_follow_the_dial_within_what_a_policy_may_say(objective, offsets):
    grid, shape = objective.grid, Shape(offsets)
    low, high = sorted((grid[0], grid[-1]))
    along = np.array([shape.limits(objective(setting), setting) for setting in grid])
    assert along.min() >= low
    assert along.max() <= high
    assert (np.diff(along, axis=0) * np.sign(grid[-1] - grid[0]) >= 0).all()
    inner = (along > low) & (along < high)
    np.testing.assert_allclose(
        (along - np.array(grid)[:, None])[inner], np.tile(offsets, (len(grid), 1))[inner]
    )


def test_shaped_trials():
    plain = trials(0.24)
    apart = shaped(plain, Shape((0.25, 0.0)))
    np.testing.assert_array_equal(apart.at(0.0).cost, trials(0.0).at(0.0).cost)
    assert apart.at(0.07).dial == 0.07
    assert (len(apart), apart.arms, apart.objective) == (len(plain), plain.arms, plain.objective)
    assert plain.at(0.0).cost.sum() > apart.at(0.0).cost.sum()


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ({"cost_per_point": 0.1}, "under cost_per_point a tier has no limit of its own"),
        ({"tiers": TIERS[::2]}, "needs two tiers or more before the reference"),
    ],
)
def test_what_has_no_limits_to_find(parts, why):
    with pytest.raises(InputError, match=why):
        check_shapable(make_policy(**{"tiers": TIERS, "rules": [], **parts}))


def test_thirds_do_not_depend_on_the_order_of_the_file():
    texts = [f"query {index}" for index in range(300)]
    shapes, chooses = thirds(texts, range(100, 300))
    assert sorted([*shapes, *chooses]) == list(range(100, 300))
    assert 45 < len(shapes) < 90
    assert [texts[place] for place in shapes] == [
        texts[::-1][place] for place in thirds(texts[::-1], range(199, -1, -1))[0]
    ]
    assert thirds(texts, range(100, 300), seed=1) != (shapes, chooses)


def outcome(cost, quality, reference=0.0):
    """Two queries; `reference`: whether it answers."""
    cost = np.array(cost, float)
    return Outcome(0.0, cost, np.ones(2), np.eye(2)[[int(reference)] * 2], np.array(quality, float))


class Two:
    """Trials of two queries, of which only the reference is asked for anything."""

    arms = (Arm(model="tiny", n=1), Arm(model="big", n=1))
    reference_cost = np.ones(2)
    reference_quality = np.ones(2)


PLACES = np.array([[0, 0], [1, 1], [0, 1]])


def test_what_budgets_are_worth_by_hand():
    """Of three resamples: the first query twice, the second twice, both. A resample takes the first outcome
    within; the last one has none where it would be within for the second query only."""
    tried = [
        outcome([1, 1], [1, 1], reference=1),
        outcome([0.2, 0.6], [0.7, 0.9]),
        outcome([0, 0.7], [0.1, 0.3]),
    ]
    assert Budget(0.4).worth(tried, Two(), PLACES).tolist() == pytest.approx([0.7, 0, 0.8])
    assert Budget(0.1).worth(tried, Two(), PLACES).tolist() == pytest.approx([0.1, 0, 0])
    assert ReferenceShare(0.3).worth(tried, Two(), PLACES).tolist() == pytest.approx([0.7, 0.9, 0.8])


def test_what_a_promise_is_worth_by_hand():
    """The cheapest of those before the first that cannot be promised, on 1,000 queries that are drawn."""
    places = np.random.default_rng(0).integers(0, 2, (4, 1000))
    tried = [outcome([0.8, 0.8], [1, 1]), outcome([0.9, 0.9], [1, 1]), outcome([0.5, 0.5], [0.5, 0.9]),
             outcome([0, 0], [1, 1])]  # fmt: skip
    assert MaxDrop(0.05).worth(tried, Two(), places).tolist() == pytest.approx([0.2] * 4)
    assert MaxDrop(0.5).worth(tried, Two(), places).tolist() == pytest.approx([1] * 4)
    assert MaxDrop(0.05).worth(tried[2:], Two(), places).tolist() == [0] * 4


def test_promises_per_tier_gain_where_predictions_are_wrong():
    promised, broken, saving, moved = calibration.simulate_tiers(
        MaxDrop(0.05), calibration.Tiers("wrong", 0.05), 300, 100, per_tier=True
    )
    assert broken <= 0.05
    assert promised > 0.9
    assert saving > 0.1
    assert moved > 0


FOUND = Shape((0.15, -0.1))


class Border(calibration.SampledTiers):
    """Queries of which either tier serves a half, and loses one in ten of them altogether: a hair more than
    the 5 % of all that may be lost. The dial alone comes to the second tier first, FOUND to the first: each
    has a chance of its own to promise too much, and whatever saves anything is a broken promise."""

    def __init__(self, count: int, seed: int) -> None:
        generator = np.random.default_rng(seed)
        self._tier = generator.integers(0, 2, count)
        self._said = np.array([0.3, 0.2])[self._tier]
        self.reference_quality = np.full(count, 0.7)
        self._quality = np.where(generator.random(count) < 0.1001, 0.0, 0.7)
        self.reference_cost = np.ones(count)


def broken_at_the_border(aim, monkeypatch, seed=0, resamples=300):
    """The promises that were broken: each the trials it was made on, and what was chosen."""
    monkeypatch.setattr(shaping, "shape_for", lambda *parts: FOUND)
    found = []
    for each in range(seed, seed + resamples):
        whole = Border(300, each)
        chooses = whole.part(100, 300)
        verdict, shape = choose_per_tier(aim, whole.part(0, 100), chooses, whole)
        if isinstance(verdict, Choice):
            found.append((chooses if shape == FOUND else whole, verdict.outcome))
    return found


def test_promises_are_kept_per_tier(monkeypatch):
    """5 % may be broken; a test of each family takes a half of that."""
    broken = broken_at_the_border(MaxDrop(0.05), monkeypatch)
    assert 0 < len(broken) <= 0.05 * 300
    half = MaxDrop(0.05, families=2)
    assert max(half.p_value(outcome, trials) for trials, outcome in broken) <= 0.025


def test_a_promise_without_the_bound_would_be_found(monkeypatch):
    assert len(broken_at_the_border(calibration.Normal(0.05), monkeypatch)) > 0.1 * 300
