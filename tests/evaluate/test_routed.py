"""The router as a strategy: that it is the Router that serves."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bestroute.evaluate.fixed import fixed_strategies
from bestroute.evaluate.replay import arms_of, replay
from bestroute.evaluate.report import Judge, build_report
from bestroute.evaluate.routed import Recall, dials_of, routed
from bestroute.policy.arms import Model
from bestroute.policy.objective import CostPerPoint, MaxGap, MinMatch
from bestroute.query import Query
from bestroute.records.lines import parse_record
from bestroute.router import Router
from tests.evaluate.replays import TextPredictor, record_of
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


def test_the_replay_of_records_fits_the_router():
    """From records to report: tiny is predicted and right on q0, wrong on q1."""
    scores = [{"small": [1.0], "large": [1.0]}, {"small": [0.0], "large": [1.0]}]
    raw = [record_of(f"q{index}", part) for index, part in enumerate(scores)]
    found = replay(TWO, [parse_record(part) for part in raw], None)
    router = routed(TWO, found.queries, found.replay.arms, TextPredictor({"q0": (1, 0, 1), "q1": (0, 0, 1)}))
    report = build_report(Judge(found.replay, draws=20), router, fixed_strategies(found.replay))
    assert report["overall"]["arms"] == {"tiny@1": 0.5, "big@1": 0.5}
    assert report["policy"]["quality"]["value"] == 1.0
