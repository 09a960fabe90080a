"""What a judge says of a router, by hand."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestroute.evaluate.fixed import fixed_strategies, oracle, static_mix
from bestroute.evaluate.replay import arms_of
from bestroute.evaluate.report import Judge, build_report
from bestroute.evaluate.routed import routed
from bestroute.policy.arms import Arm
from tests.evaluate.replays import QUERIES, TWENTY, TWO, TextPredictor, replay_of, routed_by

points = st.integers(0, 20).map(lambda twentieths: twentieths / 20)


class TestJudge:
    def test_perfect_predictions_reach_the_oracle(self):
        """Half of the queries at 1 of 10: 45 % saving in all; on a half of k easy ones of ten, 9 k %."""
        judge = Judge(TWENTY, draws=20)
        own = judge.assess(routed_by(TWENTY.quality[:, 0]).strategy).overall
        best = judge.assess(oracle(TWENTY)).overall
        assert own["saving"]["0.0"] == best["saving"]["0.0"]
        assert own["saving"]["0.0"]["mean"] == pytest.approx(0.45)
        assert own["aiq"] == pytest.approx(best["aiq"])
        assert own["aiq"] == pytest.approx(0.75 * 0.5 + 0.5)
        assert own["cpt"] == pytest.approx({"0.5": 0.25, "0.8": 0.4})
        assert own["by_calls"]["apgr"] == pytest.approx(0.75)

    @given(st.lists(points, min_size=20, max_size=20), st.floats(0, 1, width=16))
    def test_a_constant_router_never_beats_the_static_mix(self, scores, said):
        replay = replay_of([[score, 1 - score / 2] for score in scores], [1, 10])
        judge = Judge(replay, draws=20)
        quality = dict.fromkeys(replay.texts, (said, 0, 0.5))
        constant = routed(TWO, QUERIES, arms_of(TWO), TextPredictor(quality)).strategy
        own, mix = judge.assess(constant).overall, judge.assess(static_mix(replay)).overall
        for drop, saving in own["saving"].items():
            assert saving["mean"] <= mix["saving"][drop]["mean"] + 1e-9
        assert own["aiq"] <= mix["aiq"] + 1e-9

    def test_a_constant_router_is_called_collapsed(self):
        routers = [routed_by([0.5] * 20), routed_by(np.linspace(0.5, 0.51, 20))]
        for router in routers:
            assert any("collapse" in words for words in Judge(TWENTY).cautions(router))
        assert not Judge(TWENTY).cautions(routed_by(np.linspace(0.2, 0.8, 20)))

    def test_the_policy_as_it_stands(self):
        """Dial 0.03: the ten easy ones go to tiny. Cost 0.5 * 1 + 0.5 * 10, quality 1, whatever is drawn."""
        found = Judge(TWENTY, draws=50).as_it_stands(routed_by(TWENTY.quality[:, 0]))
        assert found["quality"] == {"value": 1.0, "low": pytest.approx(1.0), "high": pytest.approx(1.0)}
        assert found["cost"]["value"] == pytest.approx(5.5)
        assert found["cost"]["low"] < 5.5 < found["cost"]["high"]
        assert found["saving"]["value"] == pytest.approx(0.45)
        assert found["drop"]["value"] == pytest.approx(0)
        assert found["band"][-1]["drop"] == pytest.approx(0.5)

    def test_beside_a_source_of_one_query_no_interval_is_known(self):
        """The one query can be drawn again and again, and says as little of others each time."""
        replay = replay_of(TWENTY.quality, TWENTY.cost, ["a"] * 19 + ["b"])
        judge, router = Judge(replay, draws=20), routed_by(TWENTY.quality[:, 0])
        found = judge.as_it_stands(router)
        assert found["cost"]["value"] > 0
        assert np.isnan([found["cost"]["low"], found["drop"]["high"], found["band"][-1]["drop_low"]]).all()
        [told] = judge.cautions(router)
        assert told.startswith("a single query judges of b, so the policy as it stands has no interval")
        auc = judge.assess(router.strategy, router).sources["b"]["auc"]["tiny"]
        assert np.isnan([auc["value"], auc["low"], auc["high"]]).all()

    def test_of_one_query_nothing_is_said_of_the_router(self):
        replay = replay_of([[0, 1]], [1, 10])
        router = routed(TWO, QUERIES[:1], arms_of(TWO), TextPredictor({"q0": (0.5, 0, 0.9)}))
        [told] = Judge(replay).cautions(router)
        assert "no saving and no interval can be told; give records of more queries" in told

    def test_calibration_by_hand(self):
        """Said 0.8 of all, right for half: off by 0.3 in quality; matches are the same here."""
        router = routed_by([0.8] * 20)
        found = Judge(TWENTY, draws=20).assess(router.strategy, router).overall
        assert found["ece_quality"] == pytest.approx(0.3)
        assert found["ece_match"] == pytest.approx(0.3)
        assert found["auc"]["tiny"] == {"value": 0.5, "low": 0.5, "high": 0.5}
        assert np.isnan(found["auc"]["big"]["value"])  # it is always right: there is nothing to tell apart

    def test_matches_within_another_margin_are_not_compared(self):
        router = replace(routed_by([0.8] * 20), margin=0.1)
        found = Judge(TWENTY, draws=20).assess(router.strategy, router).overall
        assert np.isnan(found["ece_match"])
        assert found["ece_quality"] == pytest.approx(0.3)

    def test_two_sources_count_equally(self):
        """Source a has 15 queries at cost 1, b has 5 at cost 9: 5 the query, not 3."""
        replay = replay_of([[1, 1]] * 20, [[1, 10]] * 15 + [[9, 10]] * 5, ["a"] * 15 + ["b"] * 5)
        found = Judge(replay, draws=20).assess(fixed_strategies(replay)[0])
        assert found.overall["frontier"] == [{"dial": 0, "quality": 1, "cost": 5, "calls": 1}]
        assert found.overall["saving"]["0.0"]["mean"] == pytest.approx(0.5)
        assert found.sources["b"]["saving"]["0.0"]["mean"] == pytest.approx(0.1)
        assert (found.overall["queries"], found.sources["a"]["queries"]) == (20, 15)

    def test_a_source_of_one_query_has_no_halves(self):
        replay = replay_of([[1, 1]] * 3, [1, 10], ["a", "a", "b"])
        found = Judge(replay, draws=20).assess(fixed_strategies(replay)[0])
        assert np.isnan(found.sources["b"]["saving"]["0.01"]["mean"])
        assert found.overall["saving"]["0.01"]["mean"] == pytest.approx(0.9)

    def test_a_reference_that_is_always_wrong_has_no_share(self):
        replay = replay_of([[0, 0]] * 4, [1, 10])
        found = Judge(replay, draws=20).assess(fixed_strategies(replay)[0]).overall
        assert np.isnan(found["saving"]["0.01"]["mean"])
        assert found["aiq"] == 0
        assert np.isnan(found["apgr"])

    def test_figures_of_calls_are_for_two_models_alone(self):
        replay = replay_of([[0, 1]] * 4, [1, 10], arms=[Arm(model="big", n=2), Arm(model="big")])
        assert Judge(replay, draws=20).assess(fixed_strategies(replay)[0]).overall["by_calls"] is None

    def test_arms_of_a_baseline_are_those_of_its_cheapest_setting_within_one_per_cent(self):
        judge = Judge(TWENTY, draws=20)
        assert judge.assess(oracle(TWENTY)).overall["arms"] == {"tiny@1": 0.5, "big@1": 0.5}
        assert judge.assess(fixed_strategies(TWENTY)[0]).overall["arms"] == {"tiny@1": 0, "big@1": 1}

    @pytest.mark.parametrize(
        ("sources", "where"),
        [(["one"] * 20, "all sources"), (["a", "b"] * 10, "all sources, a, b")],
    )
    def test_the_router_below_the_static_mix_is_told(self, sources, where):
        """It sends the wrong half to tiny: at 5 % the mix sends a tenth of all there."""
        router = routed_by(1 - TWENTY.quality[:, 0])
        replay = replay_of([[1, 1]] * 10 + [[0.9, 1]] * 10, [1, 10], sources)
        report = build_report(Judge(replay, draws=20), router, fixed_strategies(replay))
        assert any(words.endswith(f"than the router on {where}") for words in report["warnings"])
