"""Plans for one query: worked out by hand, and what must hold of any prediction."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestroute.artefacts.manifest import default_folder
from bestroute.artefacts.posterior import Posterior
from bestroute.artefacts.predictor import Prediction
from bestroute.decision import Decider, Forecast, reason
from bestroute.decision.order import Asked
from bestroute.decision.planner import Planner, Standing
from bestroute.policy import Sampling
from bestroute.policy.arms import Arm
from bestroute.query import Query
from tests.decision.plans import BIG_COST, MID_COST, POSTERIOR, QUERY, TINY_COST, course_of, planning, play
from tests.fakes import BIG, MANIFEST, MATCH, MID, OUTPUT_TOKENS, QUALITY, TINY, FakePredictor, make_policy

EMBEDDED = Posterior.load(default_folder("posterior"))
FORECAST = Forecast(*(np.array(part, np.float32) for part in (QUALITY, MATCH, OUTPUT_TOKENS)))
IMAGE = Query.of(
    [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}, "abcdefgh"]}]
)
ALWAYS = {"tokens": {"min": 1}}
DEAR = "costs more than max_cost"
CHEAP = "its 0% chance to suffice is not worth its price and what it may lose"


def decide(query=QUERY, **settings):
    return planning(**settings).route(query)


def steps(decision):
    return [step.arm.label for step in decision.plan]


def reasons(decision):
    return [candidate.why_not for candidate in decision.candidates]


def asked_with(planner, query=QUERY):
    rule = planner.decider.rule_for(query)
    return Asked(query, rule, FORECAST, planner.decide(query, rule, FORECAST))


def planner_of(posterior=POSTERIOR, max_gap=0.3, sampling=None, **policy):
    policy = make_policy(max_gap=max_gap, sampling={"escalate": True, **(sampling or {})}, **policy)
    return Planner(Decider(policy, MANIFEST), posterior)


class TestOneShot:
    """Without `escalate` one arm answers."""

    @pytest.mark.parametrize("max_gap", [0.3, 0.13, 0.03, 0.0])
    def test_is_what_the_decider_says(self, max_gap):
        decider = Decider(make_policy(max_gap=max_gap), MANIFEST)
        alone = decider.decide(QUERY, None, FORECAST)
        decision = Planner(decider, None).decide(QUERY, None, FORECAST)
        assert replace(decision, plan=(), expected_gap=None) == alone
        assert steps(decision) == [alone.arm.label]
        assert decision.expected_gap == alone.gap
        assert (decision.plan[0].reached, decision.plan[0].chance, decision.expected_calls) == (1, 1, 1)
        assert all(candidate.chance is None for candidate in decision.candidates)

    def test_stops_early_by_the_dial(self):
        decision = decide(max_gap=0.03, sampling={"escalate": False, "stop_early": True})
        assert decision.arm.label == "mid@4"
        assert steps(decision) == ["mid@2", "mid@3", "mid@4"]
        # The chance that two agree is 0.75, but the gap of 0 fits a dial of 0.03 only softly: 1 / (1 + e^-2).
        chance = 0.75 / (1 + np.exp(-2))
        assert decision.plan[0].chance == pytest.approx(chance, rel=1e-4)
        fails = 1 - chance
        assert decision.expected_cost == pytest.approx(MID_COST * (2 + fails + fails**2), rel=1e-4)
        assert decision.expected_calls == pytest.approx(1 + fails + fails**2, rel=1e-4)
        # Of two that agree the gap is 0; the whole arm, kept in any case, has the gap that is predicted.
        assert decision.expected_gap == pytest.approx(fails**2 * 0.015625, rel=1e-4)

    def test_what_stands_in_is_dearer_than_the_whole_arm(self):
        models = [TINY, MID, {**MID, "name": "other", "price": {"input": 3.0, "output": 4.0}}, BIG]
        tiers = [{"model": "other", "n": 4, "max_gap": -1}, {"model": "mid", "n": 4}, {"model": "big"}]
        planner = planner_of(
            max_gap=0.03, sampling={"escalate": False, "stop_early": True}, models=models, tiers=tiers
        )
        asked = asked_with(planner)
        assert asked.decision.expected_cost < asked.decision.candidates[0].expected_cost < 4 * MID_COST
        assert [one.arm.label for one in planner.order(asked)] == ["mid@2", "mid@3", "mid@4", "big@1"]


class TestEscalation:
    def test_a_plan_by_hand(self):
        decision = decide()
        assert steps(decision) == ["tiny@4", "mid@2", "mid@4", "big@1"]
        assert [s.chance for s in decision.plan] == pytest.approx([0.625, 0.75, 0.75, 1], rel=1e-5)
        reached = [1, 0.375, 0.09375, 0.0234375]
        costs = [4 * TINY_COST, 2 * MID_COST, 2 * MID_COST, BIG_COST]
        assert [s.reached for s in decision.plan] == pytest.approx(reached, rel=1e-5)
        assert [s.cost for s in decision.plan] == pytest.approx(costs)
        assert decision.expected_cost == pytest.approx(np.dot(reached, costs), rel=1e-5)
        assert decision.expected_calls == pytest.approx(sum(reached), rel=1e-5)
        assert (decision.arm.label, decision.cause, decision.gap) == ("tiny@4", "tier", 0.125)
        assert decision.reference_cost == pytest.approx(BIG_COST)
        assert decision.expected_gap == pytest.approx(0, abs=1e-5)  # what agrees loses nothing

    @pytest.mark.parametrize(
        ("dial", "keeps"),
        [
            ({"max_gap": 0.3}, False),
            ({"max_gap": 0.9}, True),
            ({"cost_per_point": 2e-3}, False),
            ({"cost_per_point": 1e-3}, True),
            ({"cost_per_point": 0.0}, True),
        ],
    )
    def test_a_plan_loses_what_its_tiers_lose_that_are_kept(self, dial, keeps):
        """Three in eight times the four of tiny differ, and the gap is 0.734: where a point costs 1000
        millionths that is less than the reference's 1220, where it costs 2000 it is more."""
        decision = decide(tiers=[{"model": "tiny", "n": 4}, {"model": "big"}], **dial)
        lost = 0.875 - 1 / (1 + np.exp(3.75 - np.log(7)))
        assert decision.expected_gap == pytest.approx(0.375 * lost if keeps else 0.0, abs=1e-5)

    @pytest.mark.parametrize("without", ["abstain", "fallback"])
    def test_the_reference_loses_nothing_where_nothing_is_predicted(self, without):
        decision = planner_of().decide(QUERY, None, None, without)
        assert (steps(decision), decision.gap, decision.expected_gap) == (["big@1"], None, 0.0)

    def test_what_a_rule_routes_unseen_loses_nobody_knows_what(self):
        decision = decide(rules=[{"name": "cheap", "when": ALWAYS, "route": {"model": "tiny"}}])
        assert (steps(decision), decision.expected_gap) == (["tiny@1"], None)

    def test_candidates_have_their_chance_and_reason(self):
        decision = decide()
        chances = [candidate.chance for candidate in decision.candidates]
        assert chances == pytest.approx([0, 0.625, 0.75, 0.75, 1], abs=1e-5)
        assert reasons(decision) == [CHEAP, None, None, None, None]
        assert [candidate.eligible for candidate in decision.candidates] == [False, True, True, True, True]

    def test_a_dial_that_nothing_fits_leaves_the_reference(self):
        decision = decide(max_gap=-0.5)
        assert (steps(decision), decision.cause, decision.expected_calls) == (["big@1"], "reference", 1)
        assert reasons(decision) == [CHEAP] * 4 + [None]

    @pytest.mark.parametrize(
        ("rule", "plan"),
        [
            ({"exclude": ["mid"]}, ["tiny@4", "big@1"]),
            ({"exclude": ["tiny", "mid"]}, ["big@1"]),
            ({"max_gap": -0.5}, ["big@1"]),
        ],
    )
    def test_rules_bound_it(self, rule, plan):
        decision = decide(rules=[{"name": "r", "when": ALWAYS, **rule}])
        assert (steps(decision), decision.rule) == (plan, "r")
        for candidate in decision.candidates:
            if candidate.model in rule.get("exclude", ()):
                assert (candidate.why_not, candidate.chance) == ("excluded by rule 'r'", None)

    def test_a_tiers_own_dial_counts(self):
        tiers = [{"model": "tiny", "n": 4, "max_gap": -0.5}, {"model": "mid", "n": 4}, {"model": "big"}]
        assert steps(decide(tiers=tiers)) == ["mid@4", "big@1"]
        rule = {"name": "r", "when": ALWAYS, "max_gap": 0.3}  # which replaces it
        assert steps(decide(tiers=tiers, rules=[rule])) == ["tiny@4", "mid@4", "big@1"]

    def test_models_that_cannot_take_the_query_are_left_out(self):
        models = [TINY, {**MID, "capabilities": ["image"]}, BIG]
        assert steps(decide(IMAGE, models=models)) == ["mid@2", "mid@4", "big@1"]
        models = [TINY, {**MID, "context_window": 100}, BIG]
        decision = decide(models=models)
        assert steps(decision) == ["tiny@4", "big@1"]
        assert decision.candidates[2].why_not == "needs 1026 tokens of 100"

    def test_a_model_that_was_not_learned_is_left_out(self):
        models = [{**TINY, "class": "new"}, MID, BIG]
        assert steps(decide(models=models)) == ["mid@2", "mid@4", "big@1"]

    def test_portfolios_are_tried(self):
        tiers = [{"models": {"tiny": 2, "mid": 1}}, {"model": "big"}]
        decision = decide(tiers=tiers)
        assert steps(decision) == ["mid@1+tiny@2", "big@1"]
        cost = 2 * TINY_COST + MID_COST
        assert decision.plan[0].chance == pytest.approx(0.75, rel=1e-4)  # that of the best of its models
        assert decision.expected_cost == pytest.approx(cost + 0.25 * BIG_COST, rel=1e-4)
        assert decision.models == {"mid": 1, "tiny": 2}

    def test_stopping_early_splits_what_is_more_than_two(self):
        decision = decide(sampling={"stop_early": True})
        parts = ["tiny@2", "tiny@3", "tiny@4", "mid@2", "mid@3", "mid@4", "big@1"]
        assert steps(decision) == parts
        costs = [2 * TINY_COST, TINY_COST, TINY_COST]
        assert [step.cost for step in decision.plan[:3]] == pytest.approx(costs)
        by_twos = decide(sampling={"stop_early": 2})
        assert steps(by_twos) == ["tiny@2", "tiny@4", "mid@2", "mid@4", "big@1"]
        tiers = [{"model": "tiny", "n": 2}, {"model": "big"}]
        assert steps(decide(sampling={"stop_early": True}, tiers=tiers)) == ["tiny@2", "big@1"]

    def test_an_unaffordable_tier_is_left_out(self):
        decision = decide(sampling={"max_cost": 600e-6})
        assert steps(decision) == ["tiny@4", "mid@2", "mid@4"]
        assert reasons(decision) == [CHEAP, None, None, None, DEAR]
        assert decision.candidates[-1].chance is None

    def test_no_budget_is_too_small_for_an_answer(self):
        decision = decide(sampling={"max_cost": 1e-9})
        assert (steps(decision), decision.cause) == (["tiny@1"], "tier")

    @pytest.mark.parametrize(
        ("size", "parts"), [(True, [2, 3, 4, 5, 6, 7]), (2, [2, 4, 6]), (5, [2, 7]), (8, [2]), (False, [])]
    )
    def test_parts_of_an_arm_come_one_at_a_time_or_by_the_number_that_is_said(self, size, parts):
        assert list(Sampling(stop_early=size).parts_of(8)) == parts
        planner = planner_of(
            tiers=[{"model": "mid", "n": 4}, {"model": "big"}], sampling={"stop_early": size}
        )
        order = [one.arm.label for one in planner.order(asked_with(planner))]
        assert order == [*(f"mid@{n}" for n in parts if n < 4), "mid@4", "big@1"]

    def test_a_prompt_is_paid_again_for_what_is_added(self):
        """Natively sampled, the prompt is paid once a call; here it is nearly all that a response costs."""
        endpoint = {"base_url": "http://localhost:1/v1", "samples": "native"}
        model = {**MID, "price": {"input": 200.0, "output": 0.001}, "endpoint": endpoint}
        planner = planner_of(models=[TINY, model, BIG])
        asked, four = asked_with(planner), Arm(model="mid", n=4)
        once = planner.price(asked, Arm(model="mid", n=2), {})
        assert planner.price(asked, four, {}) == pytest.approx(once, rel=1e-3)
        assert planner.price(asked, four, {"mid": 3}) == pytest.approx(once, rel=1e-3)


class TestNotEscalated:
    @pytest.mark.parametrize("explain_all", [False, True])
    def test_a_rule_that_routes(self, explain_all):
        route = {"name": "r", "when": ALWAYS, "route": {"model": "tiny", "n": 4}}
        router = planning(rules=[route], sampling={"stop_early": True})
        decision = router.route(QUERY, explain_all=explain_all)
        assert (steps(decision), decision.cause, decision.expected_calls) == (["tiny@4"], "rule", 1)

    def test_fallback(self):
        decision = decide(predictor=FakePredictor(error=RuntimeError("broken")))
        assert (steps(decision), decision.cause) == (["big@1"], "fallback")

    def test_abstain(self):
        class Novel(FakePredictor):
            def predict(self, rows, time_budget_s=None):
                said = super().predict(rows, time_budget_s)
                return Prediction(said.quality, said.match, said.output_tokens, np.full(len(rows), 2.0))

        decision = decide(predictor=Novel(manifest=replace(MANIFEST, max_novelty=1.5)))
        assert (steps(decision), decision.cause) == (["big@1"], "abstain")


class TestOnTheWay:
    def plan(self, standing, **settings):
        planner = planner_of(**settings)
        return planner.plan(asked_with(planner), standing)

    def test_what_is_there_is_not_paid_again(self):
        plan = self.plan(Standing(there={"mid": 2}, tried=2))
        assert [(s.arm.label, s.cost) for s in plan.steps][0] == ("mid@4", pytest.approx(2 * MID_COST))

    def test_a_model_that_failed_is_left_out(self):
        assert [s.arm.label for s in self.plan(Standing(failed=frozenset({"mid"}), tried=1)).steps] == [
            "big@1"
        ]

    def test_in_haste_the_last_tier_is_taken(self):
        assert [s.arm.label for s in self.plan(Standing(in_haste=True, tried=1)).steps] == ["big@1"]
        hurried = Standing(in_haste=True, tried=1, money_left=600e-6)
        assert [s.arm.label for s in self.plan(hurried).steps] == ["mid@4"]

    def test_nothing_is_left_at_the_end(self):
        assert self.plan(Standing(tried=4)).steps == ()


QUALITIES = st.lists(st.floats(0.05, 0.95), min_size=3, max_size=3).map(
    lambda rows: np.array([[base] * 4 for base in rows], np.float32)
)


def forecast_of(quality):
    return replace(FORECAST, quality=quality)


@given(QUALITIES, st.floats(-0.1, 0.4), st.booleans())
def test_no_plan_is_worse_than_the_reference_alone(quality, max_gap, stop_early):
    planner = planner_of(EMBEDDED, max_gap, {"stop_early": stop_early})
    forecast = forecast_of(quality)
    decision = planner.decide(QUERY, None, forecast)
    rate = decision.reference_cost / max(max_gap, 0.05)
    prior = {model: planner.decider.prior(model, forecast) for model in ("tiny", "mid", "big")}

    def loss(arm: Arm) -> float:
        outlook = EMBEDDED.outlook(None, prior["big"], [(prior[arm.model], arm.n)])
        return rate * EMBEDDED.chance(outlook, max_gap).gap

    losses = sum(step.reached * loss(step.arm) for step in decision.plan[:-1])
    assert decision.expected_cost + losses <= decision.reference_cost * (1 + 1e-9)
    assert steps(decision)[-1] == "big@1"
    assert len(set(steps(decision))) == len(decision.plan)
    assert 1 <= decision.expected_calls <= len(decision.plan)


@given(QUALITIES, st.floats(-0.3, 0.5), st.floats(0, 0.5))
def test_a_larger_dial_lowers_no_chance(quality, max_gap, further):
    low, high = (
        planner_of(EMBEDDED, dial).decide(QUERY, None, forecast_of(quality)).candidates
        for dial in (max_gap, max_gap + further)
    )
    assert all(b.chance >= a.chance for a, b in zip(low, high, strict=True))


@given(
    QUALITIES,
    st.sampled_from([0.0, -0.01, -1.0]),
    st.sampled_from([{}, {"stop_early": True}, {"escalate": False}, {"max_cost": 0.01}]),
)
def test_a_guess_goes_to_the_reference_where_the_dial_lets_nothing_be_lost(quality, max_gap, sampling):
    policy = make_policy(max_gap=max_gap, abstain=False, sampling={"escalate": True, **sampling})
    planner = Planner(Decider(policy, replace(MANIFEST, max_novelty=1.5)), EMBEDDED)
    decision = planner.decide(QUERY, None, replace(forecast_of(quality), novelty=2.0))
    assert (decision.cause, steps(decision), decision.expected_gap) == ("reference", ["big@1"], 0.0)
    known = planner.decide(QUERY, None, replace(forecast_of(quality), novelty=1.0))
    assert not known.novel


def test_where_that_costs_too_much_money_has_the_last_word():
    """Of 600 millionths mid@4 (504) takes most."""
    policy = make_policy(max_gap=0.0, abstain=False, sampling={"escalate": True, "max_cost": 600e-6})
    planner = Planner(Decider(policy, replace(MANIFEST, max_novelty=1.5)), POSTERIOR)
    decision = planner.decide(QUERY, None, replace(FORECAST, novelty=2.0))
    assert (decision.arm.label, steps(decision)) == ("mid@4", ["mid@4"])
    assert reason(decision) == "as much as max_cost allows"


def test_a_plan_may_try_an_n_that_was_not_taught():
    """The posterior judges what came, by what is predicted of one response."""
    tiers = [{"model": "tiny", "n": 4}, {"model": "big"}]
    policy = make_policy(max_gap=0.3, tiers=tiers, sampling={"escalate": True})
    plans = [
        Planner(Decider(policy, manifest), POSTERIOR).decide(QUERY, None, FORECAST).plan
        for manifest in (MANIFEST, replace(MANIFEST, taught_n=(1, 1, 1)))
    ]
    assert plans[0] == plans[1]
    assert [step.arm.label for step in plans[0]] == ["tiny@4", "big@1"]


def test_one_shot_asks_what_it_can_afford():
    """At dial 0 big is decided (1220 millionths); within 600, mid@4 (504) is the last tier that fits."""
    settings = {"max_gap": 0.0, "sampling": {"escalate": False, "max_cost": 600e-6}}
    decision = decide(**settings)
    assert (decision.arm.label, steps(decision)) == ("mid@4", ["mid@4"])
    assert decision.expected_cost == pytest.approx(4 * MID_COST)
    assert decide(max_gap=0.0, sampling={"escalate": False}).arm.label == "big@1"


def test_an_abstention_stays_one_where_the_reference_costs_too_much():
    """The reference costs 1220 millionths of a dollar; within 600 mid@4 is the last tier that fits."""
    decider = Decider(make_policy(sampling={"max_cost": 600e-6}), replace(MANIFEST, max_novelty=1.0))
    decision = Planner(decider, None).decide(QUERY, None, replace(FORECAST, novelty=2.0))
    assert (decision.arm.label, decision.cause) == ("mid@4", "abstain")
    assert reason(decision) == "unlike the router model's training queries; as much as max_cost allows"
    assert decision.candidates[-1].why_not == DEAR


def test_the_price_of_a_point_chooses_among_what_can_be_afforded():
    """At $0.008 a point mid@4 comes to least, 629 millionths; within 300 mid@2, 752, before tiny@4, 1088."""
    price, one_shot = 0.008, {"escalate": False}
    assert decide(cost_per_point=price, sampling=one_shot).arm.label == "mid@4"
    tiers = [{"model": "mid", "n": 2}, {"model": "mid", "n": 4}, {"model": "tiny"}, {"model": "big"}]
    decision = decide(cost_per_point=price, sampling={**one_shot, "max_cost": 300e-6}, tiers=tiers)
    assert decision.arm.label == "mid@2"
    assert decide(max_gap=0.02, sampling={**one_shot, "max_cost": 300e-6}, tiers=tiers).arm.label == "tiny@1"


def test_one_shot_asks_fewer_of_a_model_where_that_is_all_it_can_afford():
    """At dial 0.02 mid@4 is decided (504 millionths); within 300 mid@2 (252) is the last that fits."""
    decision = decide(max_gap=0.02, sampling={"escalate": False, "max_cost": 300e-6})
    assert (decision.arm.label, decision.gap, steps(decision)) == ("mid@2", 0.0625, ["mid@2"])
    assert [(one.eligible, one.why_not) for one in decision.candidates[3:]] == [(False, DEAR)] * 2


def test_a_tier_that_asks_the_reference_too_is_no_step_before_it():
    tiers = [{"model": "tiny", "n": 2}, {"models": {"tiny": 1, "big": 1}}, {"model": "big"}]
    decision = decide(tiers=tiers)
    assert steps(decision) == ["tiny@2", "big@1"]
    assert reasons(decision)[1] == "it asks the reference, which stands last"


class TestCostPerPoint:
    """Two of tiny agree with a chance of 0.625 and lose nothing; apart they lose 0.51, $5.1e-3 at 0.01,
    $1.02e-3 at 0.002; the reference costs $1.22e-3.
    """

    TIERS = ({"model": "tiny", "n": 2}, {"model": "big"})

    def test_what_loses_more_than_the_reference_costs_is_not_kept(self):
        decision = decide(cost_per_point=0.01, tiers=self.TIERS)
        assert steps(decision) == ["tiny@2", "big@1"]
        assert decision.plan[0].chance == pytest.approx(0.625, abs=1e-3)
        assert decision.expected_cost == pytest.approx(2 * TINY_COST + 0.375 * BIG_COST, rel=1e-2)
        assert decision.candidates[0].max_gap == pytest.approx(BIG_COST / 0.01)

    def test_what_loses_less_is(self):
        decision = decide(cost_per_point=0.002, tiers=self.TIERS)
        assert decision.plan[0].chance == 1
        assert decision.expected_cost == pytest.approx(2 * TINY_COST)

    @pytest.mark.parametrize(("price", "arms"), [(0.01, ["tiny@2", "big@1"]), (0.002, ["tiny@2"])])
    def test_a_course_goes_by_it_too(self, price, arms):
        course = course_of(planning(cost_per_point=price, tiers=self.TIERS))
        assert play(course, {"tiny": "AB", "big": "C"}) == arms
        assert course.steps[0].why.startswith("gap 0.51")

    def test_a_cheap_tier_that_is_left_raises_what_is_asked_of_the_one_before(self):
        """mid@2 would lose little for $0.25e-3, so 0.51 from tiny is too much where the reference alone, at
        $1.22e-3, would not have been worth it."""
        tiers = (*self.TIERS[:1], {"model": "mid", "n": 2}, {"model": "big"})
        course = course_of(planning(cost_per_point=0.002, tiers=tiers))
        assert play(course, {"tiny": "AB", "mid": "CC", "big": "D"}) == ["tiny@2", "mid@2"]

    def test_a_dearer_point_never_costs_less(self):
        costs = [decide(cost_per_point=price, tiers=self.TIERS).expected_cost for price in (0, 0.002, 0.01)]
        assert costs == sorted(costs)

    def test_of_worthless_points_the_cheapest_is_taken(self):
        assert decide(cost_per_point=0.0).expected_cost == pytest.approx(TINY_COST)
