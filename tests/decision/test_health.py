"""Decisions where models cool down or are late."""

import json

import pytest

from bestroute import Router
from bestroute.decision import Health, reason
from bestroute.errors import InputError
from tests.decision.plans import POSTERIOR, planning
from tests.fakes import FakePredictor, FakeReward, make_policy

ALWAYS = {"tokens": {"min": 1}}
ROUTED = [{"name": "r", "when": ALWAYS, "route": {"model": "mid"}}]


def ill(*names, **latency_ms):
    return Health(dict.fromkeys(names, "cools down after HTTP 503"), latency_ms)


def decide(health, query="abcdefgh", fallback=None, **policy):
    sampling = {} if fallback is None else {"fallback": fallback}
    router = Router(make_policy(sampling=sampling, **policy), predictor=FakePredictor(), reward=FakeReward())
    return router.route(query, health=health)


def against(decision):
    return {one.arm.label: one.objection for one in decision.candidates if one.objection is not None}


def labels(decision):
    return [arm.label for arm in decision.fallbacks]


class TestCooling:
    def test_a_tier_is_passed_over_with_the_reason(self):
        decision = decide(ill("tiny"), max_gap=0.3)
        assert decision.arm.label == "mid@2"
        assert against(decision) == {"tiny@1": "cooling", "tiny@4": "cooling"}
        assert decision.candidates[0].why_not == "tiny cools down after HTTP 503"

    def test_the_reference_is_asked_all_the_same(self):
        decision = decide(ill("big"), max_gap=0.0)
        assert (decision.arm.label, decision.cause) == ("big@1", "reference")

    def test_but_not_where_any_may_answer(self):
        decision = decide(ill("big"), fallback="any", max_gap=0.0)
        assert (decision.arm.label, decision.cause) == ("mid@4", "tier")
        assert reason(decision) == "passed over: big cools down after HTTP 503"
        assert labels(decision) == ["tiny@4", "big@1"]

    def test_a_query_that_is_abstained_from_has_an_answer_then(self):
        decision = decide(ill("big"), query={"messages": IMAGE}, fallback="any", models=SEEING)
        assert (decision.arm.label, decision.cause) == ("mid@4", "abstain")

    def test_where_all_cool_down_the_reference_is_asked(self):
        decision = decide(ill("tiny", "mid", "big"), fallback="any", max_gap=0.3)
        assert decision.arm.label == "big@1"

    def test_a_rule_goes_up_not_down(self):
        decision = decide(ill("mid"), rules=ROUTED)
        assert (decision.arm.label, decision.rule, decision.cause) == ("big@1", "r", "reference")
        assert decision.expected_cost == decision.reference_cost

    @pytest.mark.parametrize("fallback", ["none"])
    def test_with_no_fallback_a_rule_stands(self, fallback):
        decision = decide(ill("mid"), rules=ROUTED, fallback=fallback)
        assert (decision.arm.label, decision.cause, labels(decision)) == ("mid@1", "rule", [])

    def test_an_escalating_plan_leaves_it_out(self):
        decision = planning().route("abcdefgh", health=ill("tiny"))
        assert {step.arm.model for step in decision.plan} <= {"mid", "big"}
        assert against(decision)["tiny@4"] == "cooling"

    def test_an_escalating_plan_ends_with_the_dearest_where_the_reference_is_ill(self):
        router = planning(sampling={"escalate": True, "fallback": "any"})
        decision = router.route("abcdefgh", health=ill("big"))
        assert decision.plan[-1].arm.label == "mid@4"


class TestLate:
    def test_tiers_expected_to_be_later_are_passed_over(self):
        late = {"query": "abcdefgh", "metadata": {"max_latency_ms": 800}}
        decision = decide(ill(tiny=900.0, mid=700.0), query=late, max_gap=0.3)
        assert decision.arm.label == "mid@2"
        assert decision.candidates[0].why_not == "tiny takes 900 ms, more than 800"
        assert against(decision)["tiny@1"] == "late"

    def test_a_rule_says_so_too_and_the_smaller_bound_counts(self):
        rules = [{"name": "chat", "when": ALWAYS, "max_latency_ms": 1000}]
        health = ill(tiny=900.0)
        assert decide(health, rules=rules, max_gap=0.3).arm.label == "tiny@1"
        hasty = {"query": "abcdefgh", "metadata": {"max_latency_ms": "500"}}
        assert decide(health, query=hasty, rules=rules, max_gap=0.3).arm.label == "mid@2"

    def test_the_reference_answers_however_late(self):
        late = {"query": "abcdefgh", "metadata": {"max_latency_ms": 1}}
        health = ill(tiny=9.0, mid=9.0, big=9.0)
        assert decide(health, query=late, max_gap=0.3).arm.label == "big@1"

    @pytest.mark.parametrize("given", ["soon", 0, -1, float("inf"), [1]])
    def test_a_bound_is_a_number_above_zero(self, given):
        query = {"query": "abcdefgh", "metadata": {"max_latency_ms": given}}
        with pytest.raises(InputError, match="max_latency_ms"):
            decide(ill("tiny"), query=query)


class TestFallbacks:
    def test_are_what_would_be_asked_next(self):
        assert labels(decide(None, max_gap=0.3)) == ["mid@2", "big@1"]
        assert labels(decide(None, max_gap=0.0)) == []
        assert labels(decide(None, max_gap=0.0, fallback="any")) == ["mid@4", "tiny@4"]
        assert labels(decide(None, max_gap=0.3, fallback="none")) == []

    def test_a_tier_within_the_dial_that_costs_no_more_comes_first(self):
        tiers = [{"model": "mid"}, {"model": "tiny", "n": 4}, {"model": "big"}]
        assert labels(decide(None, tiers=tiers, max_gap=0.3)) == ["tiny@4", "big@1"]
        assert labels(decide(None, tiers=tiers, max_gap=0.124)) == []

    def test_as_data(self):
        content = decide(ill("big"), max_gap=0.3).as_dict()
        assert content["fallbacks"] == [{"model": "mid", "n": 2}, {"model": "big", "n": 1}]
        assert content["health"] == {"cooling": {"big": "cools down after HTTP 503"}, "latency_ms": {}}
        assert json.loads(json.dumps(content)) == content

    def test_of_a_plan_are_what_is_not_in_it(self):
        assert POSTERIOR
        decision = planning(sampling={"escalate": True, "fallback": "any"}).route("abcdefgh")
        planned = {step.arm.label for step in decision.plan}
        assert planned.isdisjoint(labels(decision))


def test_the_same_health_gives_the_same_decision():
    first, second = (decide(ill("tiny", mid=3.0), max_gap=0.3) for _ in range(2))
    assert first == second
    assert first.health == ill("tiny", mid=3.0)
    assert decide(None).health is None


IMAGE = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]
SEEING = [
    {"name": name, "class": class_, "price": {"input": price, "output": price}, "capabilities": ["image"]}
    for name, class_, price in (("tiny", "small", 1.0), ("mid", "medium", 3.0), ("big", "large", 10.0))
]
