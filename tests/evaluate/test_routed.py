"""The router as a strategy: that it is the Router that serves, and what its report says."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestroute.errors import InputError
from bestroute.evaluate.curve import curves, mean_curve
from bestroute.evaluate.fixed import fixed_strategies, oracle, static_mix
from bestroute.evaluate.matched import by_match
from bestroute.evaluate.plot import band, write_plot
from bestroute.evaluate.predictions import collapse, ece, model_aucs
from bestroute.evaluate.replay import arms_of, replay
from bestroute.evaluate.report import Judge, build_report
from bestroute.evaluate.routed import Recall, dials_of, routed
from bestroute.evaluate.weights import everything
from bestroute.policy.arms import Arm, Model
from bestroute.policy.objective import CostPerPoint, MaxGap, MinMatch
from bestroute.query import Query
from bestroute.records.record import parse_record
from bestroute.router import Router
from tests.evaluate.replays import TextPredictor, one_hot, record_of, replay_of
from tests.fakes import make_policy

TWO = make_policy(tiers=[{"model": "tiny"}, {"model": "big"}])
RULES = [
    {"name": "greeting", "when": {"pattern": "^hi"}, "route": {"model": "mid", "n": 1}},
    {"name": "strict", "when": {"keywords": ["exactly"]}, "max_gap": -0.5},
    {"name": "not tiny", "when": {"metadata": {"plan": ["paid"]}}, "exclude": ["tiny"]},
]
TIERS = [
    {"model": "tiny", "max_gap": 0.02},
    {"model": "mid", "n": 2},
    {"models": {"tiny": 2, "mid": 1}},
    {"model": "tiny"},
    {"model": "big"},
]
IMAGE = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]


def unlearned(name):
    return Model.model_validate({"name": name, "class": "huge", "price": {"input": 1.0, "output": 1.0}})


def queries_of(quality, metadata=None):
    return [Query.of(text, metadata=metadata) for text in quality]


points = st.integers(0, 20).map(lambda twentieths: twentieths / 20)


class TestRouted:
    @given(st.lists(st.tuples(points, points, points), min_size=1, max_size=8), points)
    def test_every_choice_is_the_routers(self, rows, own):
        texts = [f"{'hi ' if row == 0 else 'exactly ' if row == 1 else ''}q{row}" for row in range(len(rows))]
        predictor = TextPredictor(dict(zip(texts, rows, strict=True)))
        policy = make_policy(tiers=TIERS, rules=RULES, max_gap=own)
        queries = [
            Query.of(text, metadata={"plan": "paid" if i % 3 else "free"}) for i, text in enumerate(texts)
        ]
        queries.append(Query.of(IMAGE))
        arms = arms_of(policy)
        found = routed(policy, queries, arms, predictor)
        assert found.strategy.dials[found.own] == own
        for dial, shares in zip(found.strategy.dials, found.strategy.shares, strict=True):
            router = Router(policy.model_copy(update={"max_gap": float(dial)}), predictor=predictor)
            assert [arms[place] for place in shares.argmax(axis=1)] == [router.route(q).arm for q in queries]
        np.testing.assert_array_equal(found.strategy.shares.sum(axis=2), 1)

    def test_the_model_is_asked_once_a_text(self):
        predictor = TextPredictor({"a": (0.5, 0.6, 0.7), "b": (0.1, 0.2, 0.3)})
        routed(TWO, queries_of(["a", "b", "a"]), arms_of(TWO), predictor)
        assert sorted(predictor.asked) == ["a", "b"]

    def test_what_was_predicted(self):
        predictor = TextPredictor({"a": (0.5, 0.6, 0.75)})
        found = routed(TWO, [*queries_of(["a"]), Query.of(IMAGE)], arms_of(TWO), predictor)
        np.testing.assert_array_equal(found.quality, [[0.5, 0.75], [np.nan, np.nan]])
        np.testing.assert_array_equal(found.gaps, [[0.25], [np.nan]])
        assert found.causes == {"reference": 1, "abstain": 1}

    def test_a_query_that_breaks_the_model_falls_back_alone(self):
        predictor = TextPredictor({"a": (0.9, 0.9, 0.9), "b": (0.9, 0.9, 0.9)}, broken=["b"])
        found = routed(TWO, queries_of(["a", "b"]), arms_of(TWO), predictor)
        assert found.causes == {"tier": 1, "fallback": 1}
        assert found.strategy.shares[:, 1, -1].all()

    def test_a_class_that_was_not_learned_is_unknown(self):
        policy = make_policy(
            models=[
                {"name": "new", "class": "huge", "price": {"input": 1.0, "output": 1.0}},
                {"name": "big", "class": "large", "price": {"input": 1.0, "output": 1.0}},
            ],
            tiers=[{"model": "new"}, {"model": "big"}],
        )
        found = routed(policy, queries_of(["a"]), arms_of(policy), TextPredictor({"a": (0.5, 0.6, 0.75)}))
        assert np.isnan(found.quality[0, 0])
        assert found.strategy.shares[:, 0, 1].all()

    def test_a_portfolio_is_predicted_as_the_router_does(self):
        """Two of three responses are mid's: 0.5 / 3 + 0.6 * 2 / 3. Alone, mid's class is known."""
        policy = make_policy(tiers=[{"models": {"tiny": 1, "mid": 2}}, {"model": "mid"}, {"model": "big"}])
        queries, predictor = queries_of(["a"]), TextPredictor({"a": (0.5, 0.6, 0.75)})
        found = routed(policy, queries, arms_of(policy), predictor)
        mixed = 0.5 / 3 + 0.6 * 2 / 3
        np.testing.assert_allclose(found.quality, [[mixed, 0.6, 0.75]], rtol=1e-6)
        np.testing.assert_allclose(found.strategy.predicted, found.quality)
        np.testing.assert_allclose(found.match, found.quality)
        candidate = Router(policy, predictor=predictor).route("a").candidates[0]
        assert found.gaps[0, 0] == candidate.gap  # to the last bit: the dial is set to these
        unknown = policy.model_copy(update={"models": (*policy.models[1:], unlearned("tiny"))})
        found = routed(unknown, queries, arms_of(policy), predictor)
        assert np.isnan(found.quality).tolist() == [[True, False, False]]

    def test_rules_are_counted(self):
        policy = make_policy(rules=RULES)
        predictor = TextPredictor({"hi you": (0.1, 0.2, 0.9), "q": (0.1, 0.2, 0.9)})
        found = routed(policy, queries_of(["hi you", "q"]), arms_of(policy), predictor)
        assert (found.causes, found.rules) == ({"rule": 1, "reference": 1}, {"greeting": 1})

    def test_dials(self):
        """tiny and mid lose 0.25 and 0.125 to the reference; the extremes, 0 and its own stand beside."""
        tiers = [{"model": "tiny"}, {"model": "mid"}, {"model": "big"}]
        router = Router(make_policy(tiers=tiers), predictor=TextPredictor({"a": (0.5, 0.625, 0.75)}))
        decision = router.route("a")
        assert dials_of(MaxGap(0.03), [decision]).tolist() == [-1, 0, 0.03, 0.125, 0.25, 1]
        assert dials_of(MinMatch(0.7), []).tolist() == [0, 0.7, 1]
        assert dials_of(CostPerPoint(0.5), []).tolist() == [0, 0.5, 100]
        prices = dials_of(CostPerPoint(0.5), [decision])
        tiny = next(one for one in decision.candidates if one.model == "tiny")
        assert (decision.reference_cost - tiny.expected_cost) / 0.25 in prices


def test_recall_knows_nothing_of_a_blank_text():
    said = Recall(TextPredictor({"a": (0.5, 0.6, 0.75)}), ["a", " "]).said_of([" ", "a"])
    assert np.isnan(said.quality[0]).all()
    assert said.quality[1, 2, 0] == 0.75


class TestJudge:
    """Twenty queries; q0 to q9 are right with tiny and big, the others with big alone. Costs 1 and 10."""

    replay = replay_of([[1, 1]] * 10 + [[0, 1]] * 10, [1, 10])
    queries = [Query.of(text) for text in replay.texts]

    def routed_by(self, predicted):
        quality = {text: (said, 0, 1.0) for text, said in zip(self.replay.texts, predicted, strict=True)}
        return routed(TWO, self.queries, arms_of(TWO), TextPredictor(quality))

    def test_perfect_predictions_reach_the_oracle(self):
        """Half of the queries at 1 of 10: 45 % saving in all; on a half of k easy ones of ten, 9 k %."""
        judge = Judge(self.replay, draws=20)
        own = judge.assess(self.routed_by(self.replay.quality[:, 0]).strategy).overall
        best = judge.assess(oracle(self.replay)).overall
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
        constant = routed(TWO, self.queries, arms_of(TWO), TextPredictor(quality)).strategy
        own, mix = judge.assess(constant).overall, judge.assess(static_mix(replay)).overall
        for drop, saving in own["saving"].items():
            assert saving["mean"] <= mix["saving"][drop]["mean"] + 1e-9
        assert own["aiq"] <= mix["aiq"] + 1e-9

    def test_a_constant_router_is_called_collapsed(self):
        routers = [self.routed_by([0.5] * 20), self.routed_by(np.linspace(0.5, 0.51, 20))]
        for router in routers:
            assert any("collapse" in words for words in Judge(self.replay).collapse(router))
        assert not Judge(self.replay).collapse(self.routed_by(np.linspace(0.2, 0.8, 20)))

    def test_the_policy_as_it_stands(self):
        """Dial 0.03: the ten easy ones go to tiny. Cost 0.5 * 1 + 0.5 * 10, quality 1, whatever is drawn."""
        found = Judge(self.replay, draws=50).as_it_stands(self.routed_by(self.replay.quality[:, 0]))
        assert found["quality"] == {"value": 1.0, "low": pytest.approx(1.0), "high": pytest.approx(1.0)}
        assert found["cost"]["value"] == pytest.approx(5.5)
        assert found["cost"]["low"] < 5.5 < found["cost"]["high"]
        assert found["saving"]["value"] == pytest.approx(0.45)
        assert found["drop"]["value"] == pytest.approx(0)
        assert found["band"][-1]["drop"] == pytest.approx(0.5)

    def test_calibration_by_hand(self):
        """Said 0.8 of all, right for half: off by 0.3 in quality; matches are the same here."""
        router = self.routed_by([0.8] * 20)
        found = Judge(self.replay, draws=20).assess(router.strategy, router).overall
        assert found["ece_quality"] == pytest.approx(0.3)
        assert found["ece_match"] == pytest.approx(0.3)
        assert found["auc"]["tiny"] == {"value": 0.5, "low": 0.5, "high": 0.5}
        assert np.isnan(found["auc"]["big"]["value"])  # it is always right: there is nothing to tell apart

    def test_matches_within_another_margin_are_not_compared(self):
        router = replace(self.routed_by([0.8] * 20), margin=0.1)
        found = Judge(self.replay, draws=20).assess(router.strategy, router).overall
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
        judge = Judge(self.replay, draws=20)
        assert judge.assess(oracle(self.replay)).overall["arms"] == {"tiny@1": 0.5, "big@1": 0.5}
        assert judge.assess(fixed_strategies(self.replay)[0]).overall["arms"] == {"tiny@1": 0, "big@1": 1}

    def test_the_router_below_the_static_mix_is_told(self):
        """It sends the wrong half to tiny: at 5 % the mix sends a tenth of all there."""
        router = self.routed_by(1 - self.replay.quality[:, 0])
        replay = replay_of([[1, 1]] * 10 + [[0.9, 1]] * 10, [1, 10])
        report = build_report(Judge(replay, draws=20), router, fixed_strategies(replay))
        assert any(words.endswith("than the router on all sources, one") for words in report["warnings"])


def test_auc_weights_groups_equally():
    """Group one is told apart right, group two the wrong way round: 1 and 0, so 0.5."""
    replay = replay_of([[0, 1], [1, 1], [0, 1], [1, 1]], [1, 10])
    predicted = np.array([[0.1, np.nan], [0.9, np.nan], [0.9, np.nan], [0.1, np.nan]])
    found = model_aucs(predicted, replay, [np.array([0, 1]), np.array([2, 3])], 20, 0)
    assert [report["tiny"]["value"] for report in found] == [1.0, 0.0, 0.5]
    assert "big" not in found[0]


def test_portfolios_have_no_auc():
    arms = (Arm(models={"tiny": 1, "mid": 1}), Arm(model="tiny"), Arm(model="big"))
    replay = replay_of([[0, 0, 1], [1, 1, 1]], [1, 2, 10], arms=arms)
    (found, overall) = model_aucs(np.array([[0.1] * 3, [0.9] * 3]), replay, [np.arange(2)], 20, 0)
    assert set(found) == set(overall) == {"tiny", "big"}


def test_ece_leaves_out_the_reference_and_what_was_not_predicted():
    predicted, outcome = np.array([[0.5, 0.0], [np.nan, 0.0]]), np.array([[1.0, 1.0], [0.0, 1.0]])
    assert ece(predicted, outcome, np.arange(2)) == pytest.approx(0.5)
    assert np.isnan(ece(predicted, outcome, np.array([1])))
    assert np.isnan(ece(None, outcome, np.arange(2)))


def test_one_arm_at_every_dial_is_a_collapse():
    replay = replay_of([[0, 1]] * 40, [1, 10])
    strategy = one_hot([[1] * 40, [1] * 39 + [0], [0] * 40], 2)
    curve = mean_curve(curves(strategy, replay, everything(replay.sources)))
    assert "one arm takes more than 95%" in collapse(curve, np.linspace(0, 1, 40)[:, None], replay.labels)[0]


class TestPlot:
    def report(self):
        router = TestJudge().routed_by(np.linspace(0, 1, 20))
        return build_report(Judge(TestJudge.replay, draws=20), router, fixed_strategies(TestJudge.replay))

    def test_the_band_is_around_the_line(self):
        report = self.report()
        costs, low, high = band(report)
        points = sorted((point["cost"], point["quality"]) for point in report["overall"]["frontier"])
        assert costs == pytest.approx([10 * cost for cost, _ in points])  # the reference costs 10
        for (_, quality), least, most in zip(points, low, high, strict=True):
            assert least - 1e-9 <= 100 * quality <= most + 1e-9
        assert costs == sorted(costs)
        assert max(np.subtract(high, low)) > 1

    def test_the_same_report_gives_the_same_picture(self, tmp_path):
        pytest.importorskip("matplotlib")
        report = self.report()
        for name in ("a.svg", "b.svg", "c.png"):
            write_plot(report, tmp_path / name)
        drawn = (tmp_path / "a.svg").read_text("utf-8")
        assert drawn == (tmp_path / "b.svg").read_text("utf-8")
        for words in ("router", "static mix", "tiny@1", "oracle", "cost, % of always asking the reference"):
            assert words in drawn
        assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")

    def test_of_a_reference_that_costs_nothing_there_is_none(self, tmp_path):
        pytest.importorskip("matplotlib")
        report = self.report()
        report["overall"]["reference_cost"] = 0.0
        with pytest.raises(InputError, match="give the reference a price"):
            write_plot(report, tmp_path / "a.svg")
        assert not (tmp_path / "a.svg").exists()


def test_the_replay_of_records_fits_the_router():
    """From records to report: tiny is predicted and right on q0, wrong on q1."""
    scores = [{"small": [1.0], "large": [1.0]}, {"small": [0.0], "large": [1.0]}]
    raw = [record_of(f"q{index}", part) for index, part in enumerate(scores)]
    found = replay(TWO, [parse_record(part) for part in raw], None)
    router = routed(TWO, found.queries, found.replay.arms, TextPredictor({"q0": (1, 0, 1), "q1": (0, 0, 1)}))
    report = build_report(Judge(found.replay, draws=20), router, fixed_strategies(found.replay))
    assert report["overall"]["arms"] == {"tiny@1": 0.5, "big@1": 0.5}
    assert report["policy"]["quality"]["value"] == 1.0


class TestMatched:
    """Predictions are the same for quality and match: tiny reaches the dial on b, mid on a."""

    def strategy(self, **policy):
        predictor = TextPredictor({"a": (0.25, 0.75, 0.9), "b": (0.75, 0.5, 0.9)})
        made = make_policy(tiers=[{"model": "tiny"}, {"model": "mid", "n": 2}, {"model": "big"}], **policy)
        return by_match(routed(made, queries_of(["a", "b"]), arms_of(made), predictor))

    def test_the_first_arm_that_reaches_the_dial_answers(self):
        found = self.strategy()
        chosen = {
            dial: tuple(shares.argmax(axis=1)) for dial, shares in zip(found.dials, found.shares, strict=True)
        }
        assert (chosen[0.0], chosen[0.5], chosen[0.75], chosen[1.0]) == ((0, 0), (1, 0), (1, 0), (2, 2))
        assert found.name == "router:match"

    def test_without_a_match_of_this_reference_it_answers_all(self):
        predictor = TextPredictor({"a": (0.25, 0.75, 0.9)})
        made = make_policy(reference="mid", tiers=[{"model": "tiny"}, {"model": "mid"}])  # learned: big
        found = by_match(routed(made, queries_of(["a"]), arms_of(made), predictor))
        assert (found.shares.argmax(axis=2) == 1).all()
