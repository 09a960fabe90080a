"""From a forecast to an arm: costs, gaps and reasons worked out by hand, and what must always hold."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestroute.decision import ONLY_A_GUESS, Decider, Forecast
from bestroute.errors import InputError
from bestroute.policy.arms import Arm, Model
from bestroute.query import Query
from tests.fakes import BIG, MANIFEST, MATCH, MID, OUTPUT_TOKENS, QUALITY, TIERS, TINY, make_policy

QUERY = Query.of("abcdefgh")  # two tokens
FORECAST = Forecast(*(np.array(part, np.float32) for part in (QUALITY, MATCH, OUTPUT_TOKENS)))
IMAGE = Query.of(
    [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}, "abcdefgh"]}]
)
TOOLS = Query.of({"query": "abcdefgh", "tools": [{"type": "function"}]})
ALWAYS = {"tokens": {"min": 1}}


def decide(query=QUERY, forecast=FORECAST, without=None, **policy):
    decider = Decider(make_policy(**policy), MANIFEST)
    return decider.decide(query, decider.rule_for(query), forecast, without)


def rule(name="r", when=ALWAYS, **action):
    return {"name": name, "when": when, **action}


def reasons(decision):
    return [candidate.why_not for candidate in decision.candidates]


def labels(decision):
    return [candidate.arm.label for candidate in decision.candidates]


class TestNovelty:
    """A query beyond the artefact's max_novelty, here 1.5, goes to the reference."""

    def novel(self, novelty, max_novelty=1.5, **policy):
        decider = Decider(make_policy(max_gap=0.5, **policy), replace(MANIFEST, max_novelty=max_novelty))
        return decider.decide(QUERY, decider.rule_for(QUERY), replace(FORECAST, novelty=novelty))

    @pytest.mark.parametrize(
        ("novelty", "settings", "arm", "cause"),
        [
            (1.5, {}, "tiny@1", "tier"),
            (1.51, {}, "big@1", "abstain"),
            (1.51, {"abstain": False}, "tiny@1", "tier"),
            (1.51, {"max_novelty": None}, "tiny@1", "tier"),
            (1.51, {"rules": [rule(max_gap=0.4)]}, "big@1", "abstain"),
            (1.51, {"rules": [rule(route={"model": "mid"})]}, "mid@1", "rule"),
        ],
    )
    def test_decides(self, novelty, settings, arm, cause):
        decision = self.novel(novelty, **settings)
        assert decision.novel is (novelty > 1.5 if settings.get("max_novelty", 1.5) else None)
        assert (decision.arm.label, decision.cause) == (arm, cause)

    def test_is_said_of_every_tier_but_the_reference(self):
        decision = self.novel(2.0)
        said = "the query is unlike those that the router model was trained on"
        assert reasons(decision) == [said] * 4 + [None]
        assert [c.gap for c in decision.candidates] == [c.gap for c in decide(max_gap=0.5).candidates]


class TestAGuess:
    """A novel query where the policy says `abstain: false`."""

    KNOWN = replace(MANIFEST, max_novelty=1.5)
    BETTER = ((0.9375,) * 4, (0.75,) * 4, (0.875,) * 4)  # tiny is predicted to be better than big

    def guess(self, quality=BETTER, match=MATCH, **policy):
        decider = Decider(make_policy(abstain=False, **policy), self.KNOWN)
        forecast = Forecast(*(np.array(part, np.float32) for part in (quality, match, OUTPUT_TOKENS)), 2.0)
        return decider.decide(QUERY, decider.rule_for(QUERY), forecast)

    @pytest.mark.parametrize(
        ("dial", "model"),
        [
            ({"max_gap": 0.0}, "big"),
            ({"max_gap": -0.05}, "big"),
            ({"max_gap": 0.001}, "tiny"),
            ({"max_gap": 0.03, "rules": [rule(max_gap=0.0)]}, "big"),
            ({"max_gap": 0.0, "rules": [rule(max_gap=0.03)]}, "tiny"),
            ({"max_gap": 0.0, "tiers": [{"model": "tiny", "max_gap": 0.01}, {"model": "big"}]}, "tiny"),
            ({"max_gap": 0.03, "tiers": [{"model": "tiny", "max_gap": 0.0}, {"model": "big"}]}, "big"),
            ({"max_gap": 0.0, "rules": [rule(route={"model": "mid"})]}, "mid"),
            ({"max_gap": 0.0, "tiers": [{"model": "big", "n": 2}, {"model": "big"}]}, "big"),
            ({"min_match": 1.0}, "big"),
            ({"min_match": 0.99}, "tiny"),
            ({"cost_per_point": 1e-9}, "tiny"),
        ],
    )
    def test_loses_nothing_only_at_the_reference(self, dial, model):
        decision = self.guess(match=((1.0,) * 4,) * 3, **dial)
        assert (decision.novel, decision.model) == (True, model)

    def test_the_price_of_a_point_pays_for_no_guess_that_costs_more_than_the_reference(self):
        """Four responses of mid cost 4 * (20 + 600) millionths, one of big 1220."""
        dear = [{"models": {"tiny": 4, "mid": 4}}, {"model": "mid", "n": 4}, {"model": "big"}]
        models = [TINY, {**MID, "price": {"input": 10.0, "output": 30.0}}, BIG]
        decision = self.guess(cost_per_point=1000.0, tiers=dear, models=models)
        assert reasons(decision)[:2] == [ONLY_A_GUESS] * 2

    def test_is_said(self):
        decision = self.guess(max_gap=0.0)
        assert decision.cause == "reference"
        assert reasons(decision) == [ONLY_A_GUESS] * 4 + [None]
        assert all(one.too_far for one in decision.candidates[:-1])
        assert f"no cheaper tier; tiny@1: {ONLY_A_GUESS}" in decision.explain()

    def test_of_a_query_like_those_of_training_the_prediction_counts(self):
        decider = Decider(make_policy(max_gap=0.0, abstain=False), self.KNOWN)
        forecast = replace(FORECAST, quality=np.array(self.BETTER, np.float32), novelty=1.0)
        assert decider.decide(QUERY, None, forecast).model == "tiny"

    @given(
        st.lists(st.floats(0, 1, width=32), min_size=24, max_size=24),
        st.sampled_from([{"max_gap": 0.0}, {"max_gap": -0.01}, {"max_gap": -1.0}, {"min_match": 1.0}]),
    )
    def test_a_dial_that_lets_nothing_be_lost_sends_it_to_the_reference(self, values, dial):
        quality, match = np.array(values).reshape(2, 3, 4)
        assert self.guess(quality, match, **dial).arm == Arm(model="big")


class TestAnUntaughtN:
    """Of tiny and mid one response each was taught, so tiny@4 counts as tiny@1, a gap of 0.25."""

    TAUGHT = replace(MANIFEST, taught_n=(1, 1, 4))

    def decide(self, quality=QUALITY, manifest=TAUGHT, **policy):
        forecast = replace(FORECAST, quality=np.array(quality, np.float32))
        return Decider(make_policy(**policy), manifest).decide(QUERY, None, forecast)

    def test_is_not_predicted(self):
        decision = self.decide(max_gap=0.13)
        assert [one.gap for one in decision.candidates] == [0.25, 0.25, 0.125, 0.125, 0.0]
        assert [one.match_probability for one in decision.candidates] == [0.125, 0.125, 0.25, 0.25, 1.0]
        assert [one.taught for one in decision.candidates] == [True, False, False, False, True]
        assert reasons(decision) == [
            "gap 0.250 is above 0.13",
            "so large an n was not taught: predicted to be no better than tiny@1",
            None,
            "so large an n was not taught: predicted to be no better than mid@2",
            None,
        ]
        assert decision.arm.label == "mid@2"
        assert "its n was not taught" in decision.explain()

    def test_what_is_too_far_says_as_of_which_n(self):
        tiers = [{"model": "tiny", "n": 4}, {"model": "big"}]
        assert reasons(self.decide(tiers=tiers)) == [
            "gap 0.250 is above 0.03, as of the largest n that was taught",
            None,
        ]
        assert self.decide(tiers=tiers, max_gap=0.25).arm.label == "tiny@4"

    def test_of_a_portfolio(self):
        """Of tiny 1 was taught and of mid 2: the mean of their qualities at these."""
        manifest = replace(MANIFEST, taught_n=(1, 2, 4))
        portfolio = [{"models": {"tiny": n, "mid": n}} for n in (1, 2)]
        decision = self.decide(manifest=manifest, tiers=[*portfolio, {"model": "big"}])
        assert [one.quality for one in decision.candidates[:2]] == [(0.625 + 0.8125) / 2] * 2
        assert reasons(decision)[1].endswith("no better than mid@1+tiny@1")

    def test_a_manifest_of_before_was_taught_all(self):
        decision = self.decide(manifest=MANIFEST, max_gap=0.13)
        assert {one.taught for one in decision.candidates} == {True}
        assert decision.arm.label == "tiny@4"

    def test_money_does_not_prefer_it_either(self):
        decider = Decider(make_policy(max_gap=0.0), self.TAUGHT)
        decision = decider.decide(QUERY, None, FORECAST)
        assert decider.affordable(decision, QUERY, None, 100e-6).label == "tiny@1"  # tiny@4 costs 88

    @given(
        st.lists(st.floats(0, 1, width=32), min_size=24, max_size=24),
        st.tuples(*[st.integers(1, 4)] * 3),
        st.sampled_from(
            [{"max_gap": gap / 20} for gap in range(-5, 8)]
            + [{"min_match": 0.5}, {"cost_per_point": 0.0}, {"cost_per_point": 0.01}]
        ),
        st.permutations(TIERS[:-1]),
    )
    def test_never_beats_a_taught_one_by_its_guess(self, values, taught, dial, tiers):
        """Whatever is predicted beyond: its value is that at the n taught, and it is never taken where
        another tier of its models is predicted to be as good."""
        quality, match = np.array(values, np.float32).reshape(2, 3, 4)
        policy = make_policy(tiers=[*tiers, {"model": "big"}], **dial)
        decider = Decider(policy, replace(MANIFEST, taught_n=taught))
        decision = decider.decide(QUERY, None, replace(FORECAST, quality=quality, match=match))
        row = {"tiny": 0, "mid": 1, "big": 2}
        for one in decision.candidates[:-1]:
            at = min(one.n, taught[row[one.model]])
            assert one.quality == quality[row[one.model], at - 1]
            less = [c for c in decision.candidates if c.model == one.model and at <= c.n < one.n]
            if not one.taught and less:
                assert not one.eligible


class TestCost:
    """Two prompt tokens at 1.0, ten response tokens at 2.0, in millionths of a dollar."""

    @pytest.mark.parametrize(
        ("samples", "n", "cost"),
        [
            ("native", 1, 2 + 20),
            ("native", 4, 2 + 4 * 20),
            ("parallel", 1, 2 + 20),
            ("parallel", 4, 4 * (2 + 20)),
            (None, 4, 4 * (2 + 20)),
        ],
    )
    def test_as_the_endpoint_bills(self, samples, n, cost):
        endpoint = samples and {"base_url": "http://localhost:1/v1", "samples": samples}
        model = Model.model_validate({**TINY, "endpoint": endpoint})
        assert model.cost(n, 2, 10) == pytest.approx(cost / 1e6)

    def test_of_every_tier_from_the_predicted_tokens(self):
        costs = [22, 4 * 22, 2 * (6 + 120), 4 * (6 + 120), 20 + 1200]
        decision = decide()
        assert [c.expected_cost * 1e6 for c in decision.candidates] == pytest.approx(costs)
        assert decision.expected_cost * 1e6 == pytest.approx(504)
        assert decision.reference_cost * 1e6 == pytest.approx(1220)

    def test_without_a_forecast_from_the_mean_tokens_of_training(self):
        decision = decide(forecast=None, without="abstain")
        costs = [202, 4 * 202, 2 * 1206, 4 * 1206, 9020]  # 100, 200 and 300 response tokens
        assert [c.expected_cost * 1e6 for c in decision.candidates] == pytest.approx(costs)
        assert decision.expected_cost == decision.reference_cost

    def test_of_an_unlearned_class_from_the_mean_over_classes(self):
        own = {"name": "own", "price": {"input": 0.0, "output": 3.0}}
        tiers = [{"model": "own"}, {"model": "big"}]
        decision = decide(models=[own, BIG], tiers=tiers)
        assert decision.candidates[0].expected_cost * 1e6 == pytest.approx(10 + 20 + 40)  # 3 * their mean


class TestTiers:
    @pytest.mark.parametrize(
        ("dial", "arm", "cause"),
        [
            (0.25, "tiny@1", "tier"),
            (0.24, "tiny@4", "tier"),
            (0.125, "tiny@4", "tier"),
            (0.0625, "mid@2", "tier"),
            (0.03, "mid@4", "tier"),
            (0.0156, "big@1", "reference"),
            (-1.0, "big@1", "reference"),
        ],
    )
    def test_the_first_within_the_dial_serves(self, dial, arm, cause):
        decision = decide(max_gap=dial)
        assert (decision.arm.label, decision.cause, decision.rule) == (arm, cause, None)

    def test_gaps_matches_and_reasons(self):
        decision = decide()
        assert labels(decision) == ["tiny@1", "tiny@4", "mid@2", "mid@4", "big@1"]
        assert [c.gap for c in decision.candidates] == [0.25, 0.125, 0.0625, 0.015625, 0.0]
        assert [c.match_probability for c in decision.candidates] == [0.125, 0.25, 0.375, 0.46875, 1.0]
        above = "gap {} is above 0.03".format
        assert reasons(decision) == [above("0.250"), above("0.125"), above("0.062"), None, None]
        assert [c.eligible for c in decision.candidates] == [False, False, False, True, True]
        assert (decision.gap, decision.match_probability) == (0.015625, 0.46875)

    def test_a_tier_may_have_its_own_dial(self):
        tiers = [{"model": "tiny", "max_gap": 0.2}, {"model": "tiny", "n": 4, "max_gap": 0.2}, *TIERS[2:]]
        decision = decide(tiers=tiers)
        assert decision.arm == Arm(model="tiny", n=4)
        assert [c.max_gap for c in decision.candidates] == [0.2, 0.2, 0.03, 0.03, 0.03]

    def test_more_samples_of_the_reference_have_a_gap_below_zero(self):
        tiers = [{"model": "big", "n": 2}, {"model": "big"}]
        assert [c.gap for c in decide(tiers=tiers).candidates] == [-0.015625, 0.0]

    def test_another_model_of_the_references_class_is_its_equal(self):
        twin = {"name": "twin", "class": "large", "price": {"input": 1.0, "output": 1.0}}
        decision = decide(models=[twin, BIG], tiers=[{"model": "twin"}, {"model": "big"}], max_gap=0.0)
        assert (decision.model, decision.gap, decision.match_probability) == ("twin", 0.0, 0.5)


class TestWhatTheRouterHasNotLearned:
    UNKNOWN = "the router model has not learned this class or n"

    @pytest.mark.parametrize(
        ("model", "n"),
        [({**TINY, "class": "minute"}, 1), ({"name": "tiny", "price": TINY["price"]}, 1), (TINY, 5)],
    )
    def test_is_never_chosen(self, model, n):
        tiers = [{"model": "tiny", "n": n}, {"model": "big"}]
        decision = decide(models=[model, BIG], tiers=tiers, max_gap=1.0)
        assert (decision.model, decision.cause) == ("big", "reference")
        assert reasons(decision) == [self.UNKNOWN, None]
        assert (decision.candidates[0].gap, decision.candidates[0].match_probability) == (None, None)

    def test_a_model_may_be_learned_by_its_own_name(self):
        models = [{"name": "small", "price": TINY["price"]}, BIG]
        decision = decide(models=models, tiers=[{"model": "small"}, {"model": "big"}])
        assert decision.candidates[0].gap == 0.25

    def test_a_reference_of_an_unlearned_class_always_serves(self):
        decision = decide(models=[TINY, MID, {**BIG, "class": "giant"}], max_gap=1.0)
        assert (decision.model, decision.cause, decision.gap) == ("big", "reference", None)
        assert {(c.gap, c.match_probability) for c in decision.candidates} == {(None, None)}
        assert reasons(decision) == [self.UNKNOWN] * 4 + [None]

    def test_match_is_unknown_where_the_router_was_trained_against_another_class(self):
        tiers = [{"model": "tiny"}, {"model": "mid", "n": 2}, {"model": "mid"}]
        decision = decide(models=[TINY, MID], reference="mid", tiers=tiers)
        assert [c.gap for c in decision.candidates] == [0.125, -0.0625, 0.0]
        assert [c.match_probability for c in decision.candidates] == [None, None, 1.0]


class TestPortfolios:
    """Four responses of which two are tiny's: half of 0.75 and half of 0.859375, a gap of 0.0703125."""

    TIERS = [{"models": {"mid": 2, "tiny": 2}}, {"model": "big"}]

    def test_gap_match_and_cost(self):
        """US$ in millionths: tiny 2 * (2 + 20), mid 2 * (6 + 120)."""
        decision = decide(tiers=self.TIERS, max_gap=0.0703125)
        assert (decision.model, decision.n, decision.models) == ("mid+tiny", 4, {"mid": 2, "tiny": 2})
        assert (decision.arm, decision.cause) == (Arm(models={"tiny": 2, "mid": 2}), "tier")
        assert (decision.gap, decision.match_probability) == (0.0703125, (0.25 + 0.46875) / 2)
        assert decision.expected_cost * 1e6 == pytest.approx(44 + 252)
        assert decide(tiers=self.TIERS, max_gap=0.0703).model == "big"

    @pytest.mark.parametrize(
        ("models", "gap"),
        [
            ({"tiny": 4}, 0.125),
            ({"tiny": 3, "mid": 1}, 0.875 - 0.75 * 0.75 - 0.25 * 0.859375),
            ({"tiny": 1, "mid": 1}, 0.875 - (0.6875 + 0.8125) / 2),
            ({"tiny": 1, "mid": 1, "big": 2}, 0.875 - (0.75 + 0.859375) / 4 - 0.921875 / 2),
            ({"tiny": 3, "mid": 3}, 0.0703125),  # six in all, and four is the most that was learned
            ({"tiny": 5, "mid": 1}, None),
        ],
    )
    def test_gap(self, models, gap):
        decision = decide(tiers=[{"models": models}, {"model": "big"}])
        assert decision.candidates[0].gap == (None if gap is None else pytest.approx(gap, abs=1e-12))

    def test_with_a_class_that_was_not_learned_it_has_no_gap(self):
        decision = decide(models=[{**TINY, "class": "minute"}, MID, BIG], tiers=self.TIERS, max_gap=1.0)
        assert reasons(decision) == [TestWhatTheRouterHasNotLearned.UNKNOWN, None]

    def test_it_is_out_where_one_of_its_models_is(self):
        decision = decide(tiers=self.TIERS, max_gap=1.0, rules=[rule("not you", exclude=["mid"])])
        assert reasons(decision) == ["excluded by rule 'not you'", None]
        models = [{**TINY, "capabilities": ["image"]}, MID, BIG]
        assert reasons(decide(IMAGE, models=models, tiers=self.TIERS)) == ["mid cannot take image", None]
        models = [{**TINY, "context_window": 101}, MID, BIG]
        decision = decide(models=models, tiers=self.TIERS, max_gap=1.0, sampling={"max_tokens": 100})
        assert reasons(decision) == ["tiny needs 102 tokens of 101", None]

    def test_a_rule_may_route_to_one(self):
        route = rule(route={"models": {"tiny": 2, "mid": 2}})
        decision = decide(tiers=self.TIERS, rules=[route])
        assert (decision.arm.label, decision.cause, decision.gap) == ("mid@2+tiny@2", "rule", 0.0703125)
        assert reasons(decision) == [None, "a rule decided"]
        images = [{**TINY, "capabilities": ["image"]}, MID, BIG]
        assert decide(IMAGE, forecast=None, without="abstain", rules=[route], models=images).rule is None

    def test_it_is_no_reference_for_holding_it(self):
        tiers = [{"models": {"big": 1, "tiny": 1}}, {"model": "big"}]
        assert decide(tiers=tiers, max_gap=1.0).cause == "tier"

    def test_as_json(self):
        content = decide(tiers=self.TIERS).as_dict()
        assert content["candidates"][0]["model"] == "mid+tiny"
        assert content["candidates"][0]["models"] == {"mid": 2, "tiny": 2}
        assert json.loads(json.dumps(content, allow_nan=False)) == content

    def test_decisions_do_not_share_what_could_be_changed(self):
        decider = Decider(make_policy(tiers=self.TIERS), MANIFEST)
        first = decider.decide(QUERY, None, FORECAST)
        first.candidates[0].models["tiny"] = 9
        assert decider.decide(QUERY, None, FORECAST).candidates[0].models == {"mid": 2, "tiny": 2}

    def test_equal_decisions_have_equal_hashes(self):
        decider = Decider(make_policy(tiers=self.TIERS), MANIFEST)
        assert hash(decider.decide(QUERY, None, FORECAST)) == hash(decider.decide(QUERY, None, FORECAST))


class TestRules:
    def test_route(self):
        decision = decide(forecast=None, rules=[rule(route={"model": "tiny", "n": 4})])
        assert (decision.arm.label, decision.cause, decision.rule) == ("tiny@4", "rule", "r")
        assert (decision.gap, decision.match_probability) == (None, None)
        assert decision.expected_cost * 1e6 == pytest.approx(808)
        assert labels(decision) == ["tiny@1", "tiny@4", "mid@2", "mid@4", "big@1"]
        assert {c.gap for c in decision.candidates} == {None}
        assert reasons(decision) == ["a rule decided", None, *["a rule decided"] * 3]

    def test_route_to_an_arm_of_no_tier_with_a_forecast(self):
        decision = decide(rules=[rule(route={"model": "mid", "n": 3})])
        assert (decision.arm.label, decision.gap, decision.match_probability) == ("mid@3", 0.03125, 0.4375)
        assert [c.gap for c in decision.candidates] == [0.25, 0.125, 0.0625, 0.015625, 0.0]
        assert reasons(decision) == ["a rule decided"] * 5

    @pytest.mark.parametrize(("max_gap", "arm"), [(0.125, "tiny@4"), (0.0, "big@1")])
    def test_max_gap_replaces_every_tiers(self, max_gap, arm):
        tiers = [{**TIERS[0], "max_gap": 0.5}, {**TIERS[1], "max_gap": 0.0}, *TIERS[2:]]
        decision = decide(tiers=tiers, rules=[rule(max_gap=max_gap)])
        assert (decision.arm.label, decision.rule) == (arm, "r")
        assert {c.max_gap for c in decision.candidates} == {max_gap}

    def test_exclude(self):
        decision = decide(max_gap=1.0, rules=[rule("not you", exclude=["tiny"])])
        assert (decision.arm.label, decision.cause, decision.rule) == ("mid@2", "tier", "not you")
        assert reasons(decision) == ["excluded by rule 'not you'"] * 2 + [None] * 3
        assert decision.candidates[0].gap == 0.25

    def test_only_the_first_that_matches_acts(self):
        rules = [
            rule("long", {"tokens": {"min": 99}}, route={"model": "tiny"}),
            rule("first", max_gap=0.0),
            rule("second", route={"model": "tiny"}),
        ]
        decision = decide(rules=rules)
        assert (decision.model, decision.rule) == ("big", "first")

    def test_a_route_to_a_model_that_cannot_take_the_request_is_passed_over(self):
        rules = [rule("a", route={"model": "tiny"}), rule("b", exclude=["mid"])]
        assert decide(rules=rules).rule == "a"
        assert decide(IMAGE, rules=rules).rule == "b"

    def test_excluding_every_cheaper_model_leaves_the_reference(self):
        decision = decide(max_gap=1.0, rules=[rule(exclude=["tiny", "mid"])])
        assert (decision.model, decision.cause) == ("big", "reference")


class TestWhatAModelCanTake:
    @pytest.mark.parametrize(
        ("query", "capabilities", "why_not"),
        [
            (IMAGE, ["tools"], "cannot take image"),
            (TOOLS, ["image"], "cannot take tools"),
            (TOOLS, [], "cannot take tools"),
            (IMAGE, ["image"], None),
            (TOOLS, ["tools", "image"], None),
        ],
    )
    def test_capabilities(self, query, capabilities, why_not):
        models = [{**TINY, "capabilities": capabilities}, MID, BIG]
        decision = decide(query, models=models, max_gap=1.0)
        assert decision.candidates[0].why_not == why_not
        assert decision.model == ("tiny" if why_not is None else "big")

    @pytest.mark.parametrize("kind", ["audio", "file", "video"])
    def test_sound_files_and_films_go_where_a_model_says_it_takes_them(self, kind):
        part = {"type": kind, kind: {"url": "x"}}
        query = Query.of([{"role": "user", "content": [part, "abcdefgh"]}])
        able = {"capabilities": [kind]}
        for models, gap, model in (
            ([{**TINY, **able}, MID, {**BIG, **able}], 1.0, "tiny"),
            ([{**TINY, **able}, MID, {**BIG, **able}], 0.0, "big"),
            (
                [{**TINY, **able}, {**MID, **able}, BIG],
                0.0,
                "mid",
            ),  # the last that can, as the reference cannot
        ):
            decision = decide(query, models=models, max_gap=gap)
            assert decision.model == model
            assert [one.model for one in decision.candidates if one.eligible][-1] in (model, "big")
            assert decision.explain().startswith(model)
        silent = Query.of([{"role": "user", "content": [part]}])
        alone = decide(silent, None, "abstain", models=[TINY, {**MID, **able}, BIG])
        assert (alone.model, alone.cause) == ("mid", "abstain")
        heard = decide(silent, None, "abstain", models=[TINY, {**MID, **able}, {**BIG, **able}])
        assert (heard.model, heard.cause) == ("big", "abstain")

    def test_where_no_model_can_take_it_that_is_told(self):
        part = {"type": "input_audio", "input_audio": {"data": ""}}
        sound = Query.of([{"role": "user", "content": [part]}])
        lacks = "tiny cannot take audio; mid cannot take audio; big cannot take audio. Where one can, say so"
        with pytest.raises(InputError, match=f"can take audio: {lacks}: capabilities: .audio."):
            decide(sound, None, "abstain")
        models = [{**TINY, "capabilities": ["audio"]}, MID, BIG]
        excluding = rule(when={"has": ["audio"]}, exclude=["tiny"])
        with pytest.raises(InputError, match="can take audio: tiny is excluded; mid cannot take audio"):
            decide(sound, None, "abstain", models=models, rules=[excluding])
        models = [{**TINY, "capabilities": ["audio"], "context_window": 400}, MID, BIG]
        with pytest.raises(InputError, match="can take audio: tiny needs 420 tokens of 400; mid cannot"):
            decide(sound, None, "abstain", models=models, sampling={"max_tokens": 100})

    def test_the_reference_is_not_tried_after_where_it_cannot(self):
        sound = Query.of([{"role": "user", "content": [{"type": "audio", "audio": {}}, "abcdefgh"]}])
        models = [{**TINY, "capabilities": ["audio"]}, MID, BIG]
        decider = Decider(make_policy(models=models, max_gap=1.0), MANIFEST)
        decision = decider.decide(sound, None, FORECAST)
        assert [arm.label for arm in decider.ladder(decision, sound, None, decision.expected_cost)] == [
            "tiny@1"
        ]

    @pytest.mark.parametrize(("window", "why_not"), [(102, None), (101, "needs 102 tokens of 101")])
    def test_context_window_holds_prompt_and_response(self, window, why_not):
        models = [{**TINY, "context_window": window}, MID, BIG]
        decision = decide(models=models, max_gap=1.0, sampling={"max_tokens": 100})
        assert decision.candidates[0].why_not == why_not

    def test_the_system_prompt_counts_too(self):
        query = Query.of([{"role": "system", "content": "abcd"}, {"role": "user", "content": "abcdefgh"}])
        models = [{**TINY, "context_window": 102}, MID, BIG]
        decision = decide(query, models=models, sampling={"max_tokens": 100})
        assert decision.candidates[0].why_not == "needs 103 tokens of 102"

    def test_the_reference_is_never_left_out(self):
        models = [TINY, MID, {**BIG, "context_window": 1}]
        decision = decide(IMAGE, models=models)
        assert (decision.model, decision.cause) == ("big", "reference")
        assert decision.candidates[-1].why_not is None


@pytest.mark.parametrize(
    ("cause", "why_not"),
    [("abstain", "there is no text to predict from"), ("fallback", "the router model failed")],
)
def test_without_a_forecast_the_reference_answers(cause, why_not):
    decision = decide(forecast=None, without=cause, max_gap=1.0)
    assert (decision.arm.label, decision.cause, decision.gap) == ("big@1", cause, None)
    assert reasons(decision) == [why_not] * 4 + [None]


def test_every_tier_tells_what_is_predicted_of_it():
    decision = decide()
    qualities = [one.quality for one in decision.candidates]
    assert qualities == [0.625, 0.75, 0.8125, 0.859375, 0.875]
    assert [0.875 - quality for quality in qualities] == [one.gap for one in decision.candidates]
    assert {one.quality for one in decide(forecast=None, without="fallback").candidates} == {None}


def test_as_dict_is_the_contract():
    content = decide(Query.of({"query": "abcdefgh", "id": "q1"})).as_dict()
    assert list(content) == [
        "query_id", "model", "n", "models", "cause", "rule", "gap", "match_probability", "expected_cost",
        "reference_cost", "candidates", "policy", "objective", "novel", "session", "plan", "expected_calls",
        "expected_gap", "health", "timings_ms", "fallbacks",
    ]  # fmt: skip
    assert list(content["candidates"][0]) == [
        "model", "n", "models", "quality", "gap", "match_probability", "expected_cost", "max_gap", "eligible",
        "why_not", "too_far", "chance", "min_match", "total_cost", "taught",
        "objection",
    ]  # fmt: skip
    assert content["models"] == {"mid": 4}
    assert content["candidates"][0]["models"] == {"tiny": 1}
    assert content["query_id"] == "q1"
    assert content["objective"] == {"max_gap": 0.03}
    assert content["policy"] == make_policy().digest
    assert json.loads(json.dumps(content, allow_nan=False)) == content
    assert "query_id" not in decide().as_dict()


def test_the_digest_tells_dials_apart():
    assert decide().policy == decide().policy != decide(max_gap=0.04).policy


class TestLadder:
    @staticmethod
    def ladder(query=QUERY, **policy):
        decider = Decider(make_policy(**policy), MANIFEST)
        matched = decider.rule_for(query)
        decision = decider.decide(query, matched, FORECAST)
        return [arm.label for arm in decider.ladder(decision, query, matched, decision.expected_cost)]

    @pytest.mark.parametrize(
        ("dial", "arms"),
        [
            (1.0, ["tiny@1", "mid@2", "big@1"]),
            (0.125, ["tiny@4", "mid@2", "big@1"]),
            (0.03, ["mid@4", "big@1"]),  # nothing cheaper than what was decided
            (0.0, ["big@1"]),
        ],
    )
    def test_dearer_tiers_of_other_models_at_last_the_reference(self, dial, arms):
        assert self.ladder(max_gap=dial) == arms

    @pytest.mark.parametrize(
        ("route", "arms"),
        [
            ({"model": "tiny", "n": 2}, ["tiny@2", "mid@2", "big@1"]),
            ({"model": "mid"}, ["mid@1", "big@1"]),
            ({"model": "big", "n": 3}, ["big@3"]),
        ],
    )
    def test_from_an_arm_that_a_rule_chose(self, route, arms):
        assert self.ladder(rules=[rule(route=route)]) == arms

    def test_excluded_models_are_never_asked(self):
        assert self.ladder(max_gap=1.0, rules=[rule(exclude=["mid"])]) == ["tiny@1", "big@1"]
        assert self.ladder(max_gap=1.0, rules=[rule(exclude=["tiny"])]) == ["mid@2", "big@1"]

    def test_models_that_cannot_take_the_request_are_not_asked(self):
        models = [{**TINY, "capabilities": ["image"]}, MID, BIG]
        assert self.ladder(IMAGE, max_gap=1.0, models=models) == ["tiny@1", "big@1"]

    def test_portfolios_share_no_model_with_what_was_asked(self):
        tiers = [TIERS[0], {"models": {"tiny": 1, "mid": 1}}, {"models": {"mid": 2}}, TIERS[4]]
        assert self.ladder(max_gap=1.0, tiers=tiers) == ["tiny@1", "mid@2", "big@1"]
        tiers = [{"models": {"tiny": 1, "mid": 1}}, TIERS[3], TIERS[4]]
        assert self.ladder(max_gap=1.0, tiers=tiers) == ["mid@1+tiny@1", "big@1"]

    def test_a_reference_cheaper_than_what_was_decided_is_still_the_last_resort(self):
        models = [{**TINY, "price": {"input": 99.0, "output": 99.0}}, MID, BIG]
        tiers = [TIERS[1], TIERS[4]]
        assert self.ladder(models=models, tiers=tiers, max_gap=1.0) == ["tiny@4", "big@1"]


def rising(count, size):
    return st.lists(
        st.lists(st.floats(0, 1, width=32), min_size=size, max_size=size).map(sorted),
        min_size=count,
        max_size=count,
    )


forecasts = st.builds(
    lambda quality, match, tokens: Forecast(
        *(np.array(part, np.float32) for part in (quality, match, tokens))
    ),
    rising(3, 4),
    rising(3, 4),
    st.lists(st.floats(1, 2000, width=32), min_size=3, max_size=3),
)
dials = st.floats(-1, 1)


class TestWhateverTheForecast:
    @given(forecasts, st.integers(1, 4), st.integers(1, 4))
    def test_a_portfolio_lies_between_its_models(self, forecast, tiny, mid):
        total = min(tiny + mid, 4)
        tiers = [{"models": {"tiny": tiny, "mid": mid}}, *({"model": m, "n": total} for m in ("tiny", "mid"))]
        both, *alone = decide(forecast=forecast, tiers=[*tiers, {"model": "big"}]).candidates[:-1]
        for value in ("gap", "match_probability"):
            low, high = sorted(getattr(candidate, value) for candidate in alone)
            assert low - 1e-9 <= getattr(both, value) <= high + 1e-9

    @given(forecasts, dials, dials)
    def test_a_larger_dial_never_picks_a_later_tier(self, forecast, one, other):
        chosen = [
            labels(decision).index(decision.arm.label)
            for decision in (decide(forecast=forecast, max_gap=dial) for dial in sorted((one, other)))
        ]
        assert chosen[0] >= chosen[1]

    @given(forecasts, dials, dials)
    def test_a_larger_dial_never_picks_a_dearer_arm_of_tiers_in_order_of_cost(self, forecast, one, other):
        weighed = decide(forecast=forecast).candidates
        cheaper = [c for c in weighed[:-1] if c.expected_cost <= weighed[-1].expected_cost]
        ordered = [*sorted(cheaper, key=lambda candidate: candidate.expected_cost), weighed[-1]]
        tiers = [{"model": candidate.model, "n": candidate.n} for candidate in ordered]
        narrow, wide = (decide(forecast=forecast, tiers=tiers, max_gap=dial) for dial in sorted((one, other)))
        assert wide.expected_cost <= narrow.expected_cost <= narrow.reference_cost

    @given(forecasts)
    def test_more_samples_never_widen_the_gap_or_lower_the_match(self, forecast):
        tiers = [*({"model": "mid", "n": n} for n in (1, 2, 3, 4)), {"model": "big"}]
        arms = decide(forecast=forecast, tiers=tiers).candidates[:-1]
        assert [c.gap for c in arms] == sorted((c.gap for c in arms), reverse=True)
        assert [c.match_probability for c in arms] == sorted(c.match_probability for c in arms)
        assert [c.expected_cost for c in arms] == sorted(c.expected_cost for c in arms)

    @given(forecasts, dials)
    def test_the_first_eligible_serves_and_a_reason_stands_against_the_others(self, forecast, dial):
        decision = decide(forecast=forecast, max_gap=dial)
        assert decision.arm == next(c.arm for c in decision.candidates if c.eligible)
        for candidate in decision.candidates[:-1]:
            assert candidate.eligible == (candidate.gap <= dial) == (candidate.why_not is None)
        assert decision == decide(forecast=forecast, max_gap=dial)
