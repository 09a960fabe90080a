"""Plans replayed on records: by hand where the order of responses does not matter, and their properties."""

import json
from dataclasses import replace

import numpy as np
import pytest

from bestroute.evaluate.planned import DIALS, Table, planned
from bestroute.evaluate.replay import Collector, query_of
from bestroute.evaluate.report import Judge
from bestroute.evaluate.routed import routed
from bestroute.records.record import Response
from tests.evaluate.records import BY_AGREEMENT, EASY, HARD, PRIORS, TIERS, record
from tests.evaluate.replays import TextPredictor
from tests.fakes import make_policy


def played(records, tiers=TIERS, draws=3, without=None, max_gap=0.1, every=1, **sampling):
    policy = make_policy(
        tiers=tiers, rules=[], max_gap=max_gap, abstain=False, sampling={"escalate": True} | sampling
    )
    collector = Collector(policy, None, keep_responses=True)
    for one in records:
        collector.add(one, query_of(one))
    found = collector.finish()
    one_shot = policy.model_copy(update={"sampling": policy.sampling.model_copy(update={"escalate": False})})
    base = routed(one_shot, found.queries, found.replay.arms, TextPredictor(PRIORS))
    table = Table(policy, found.replay, found.queries, found.recorded, BY_AGREEMENT, draws=draws)
    return planned(table, base, without=without, every=every), found


def at_own_dial(result):
    strategy = result.strategy
    return strategy.quality[result.own], strategy.cost[result.own], strategy.rounds[result.own]


def test_responses_that_agree_are_returned_and_others_go_up():
    """tiny: 2 x (5 x 1 + 10 x 2) = 50 millionths of a dollar; big: 5 x 10 + 10 x 30 = 350."""
    result, found = played([EASY, HARD])
    quality, cost, rounds = at_own_dial(result)
    assert quality.tolist() == [1.0, 0.75]  # the mean of the reference's responses, exactly
    np.testing.assert_allclose(cost, [50e-6, 400e-6])
    assert rounds.tolist() == [1, 2]
    assert result.strategy.responses[result.own].tolist() == [2, 3]
    shares = result.strategy.shares[result.own]
    assert found.replay.labels == ("tiny@2", "big@1")
    assert shares.tolist() == [[1, 0], [0, 1]]
    assert result.causes == {"tier": 2}


def test_at_the_tightest_dial_the_reference_answers_at_once():
    result, _ = played([EASY, HARD])
    assert result.strategy.dials[0] == -1
    np.testing.assert_allclose(result.strategy.cost[0], 350e-6)
    assert (result.strategy.rounds[0] == 1).all()


def test_a_quick_play_takes_fewer_dials_and_the_policys_own():
    every, quick = (played([EASY, HARD], every=every, max_gap=0.085)[0] for every in (1, 5))
    assert quick.strategy.dials.tolist() == sorted([*DIALS[::5], 0.085])
    assert quick.strategy.dials[quick.own] == 0.085
    at = np.isin(every.strategy.dials, quick.strategy.dials)
    np.testing.assert_array_equal(every.strategy.cost[at], quick.strategy.cost)


def test_at_the_widest_nothing_goes_up():
    result, _ = played([EASY, HARD])
    assert result.strategy.dials[-1] == 1
    np.testing.assert_allclose(result.strategy.cost[-1], 50e-6)
    assert result.strategy.quality[-1].tolist() == [1.0, 0.0]


def test_a_part_of_an_arm_counts_as_the_arm():
    tiers = [{"model": "tiny", "n": 4}, {"model": "big"}]
    result, found = played([record("easy", [7, 7, 7, 7], 1.0)], tiers, stop_early=True)
    assert found.replay.labels == ("tiny@4", "big@1")
    np.testing.assert_allclose(at_own_dial(result)[1], [50e-6])  # two of the four were enough
    assert result.strategy.shares[result.own].tolist() == [[1, 0]]


def test_without_agreement_nothing_is_good_enough():
    result, _ = played([EASY], without="agreement")
    assert at_own_dial(result)[1][0] >= 350e-6


def test_without_the_query_every_query_has_the_same_plan():
    result, _ = played([EASY, HARD], without="query")
    assert at_own_dial(result)[0].tolist() == [1.0, 0.75]


def test_the_order_of_responses_matters_and_is_told():
    """Of 3, 3, 4 two agree in a third of the draws."""
    result, _ = played([record("hard", [3, 3, 4], 0.0)], draws=40)
    quality = at_own_dial(result)[0][0]
    assert 0.4 < quality < 0.9
    assert result.strategy.error[result.own] > 0


def test_the_same_seed_plays_the_same():
    first, again = (played([record("hard", [3, 3, 4], 0.0), EASY])[0].strategy for _ in range(2))
    for name in ("quality", "cost", "rounds", "shares"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))


def test_a_blank_response_of_the_reference_has_its_score():
    raw = {"text": "", "score": 0.25, "output_tokens": 10}
    blank = replace(HARD, responses={**HARD.responses, "big": (Response(**raw),)})
    assert at_own_dial(played([blank])[0])[0].tolist() == [0.25]


def test_blank_responses_of_a_tier_send_the_query_up():
    silent = tuple(replace(item, text=" ", reward=0.0) for item in EASY.responses["tiny"])
    quality, cost, _ = at_own_dial(played([replace(EASY, responses={**EASY.responses, "tiny": silent})])[0])
    assert quality.tolist() == [1.0]
    np.testing.assert_allclose(cost, [400e-6])


def test_records_without_texts_are_left_out():
    mute = tuple(replace(item, text=None) for item in EASY.responses["tiny"])
    _, found = played([HARD, replace(EASY, responses={**EASY.responses, "tiny": mute})])
    assert found.left_out == {"without texts, by which plans judge, of tiny": 1}


def test_a_policy_that_only_stops_early_is_played_too():
    tiers = [{"model": "tiny", "n": 4}, {"model": "big"}]
    records = [record("easy", [7, 7, 7, 7], 1.0)]
    result, _ = played(records, tiers, max_gap=0.3, escalate=False, stop_early=True)
    np.testing.assert_allclose(at_own_dial(result)[1], [50e-6])


def test_a_play_is_judged_like_any_strategy():
    result, found = played([EASY, HARD])
    judge = Judge(found.replay, draws=20)
    report = judge.assess(result.strategy, result).as_dict()
    own = next(point for point in report["overall"]["frontier"] if point["dial"] == 0.1)
    assert own == pytest.approx({"dial": 0.1, "quality": 0.875, "cost": 225e-6, "calls": 1.5})
    assert len(report["overall"]["frontier"]) == len(np.unique([*DIALS, 0.1]))
    assert judge.as_it_stands(result)["resampling_error"] == 0
    json.dumps(report)


def test_an_overall_saving_weighs_each_source_by_its_own_cost():
    """A source that saves all and one ten times as dear that saves nothing: half, not a tenth."""
    from tests.evaluate.replays import one_hot, replay_of

    replay = replay_of([[1, 1]] * 8, [[0, 1]] * 4 + [[10, 10]] * 4, ["cheap"] * 4 + ["dear"] * 4)
    saving = Judge(replay, draws=20).assess(one_hot([[0] * 8], 2)).overall["saving"]["0.0"]["mean"]
    assert saving == pytest.approx(0.5)
