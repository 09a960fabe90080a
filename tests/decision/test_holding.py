"""Sessions in decisions: what caches make of costs, when a conversation stays, and when it must."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestroute import Router
from bestroute.decision.holding import PINNED, WORTH
from bestroute.errors import InputError
from bestroute.query import Query, Session
from bestroute.query.session import SEALED, TOOL_LOOP
from tests.decision.plans import POSTERIOR
from tests.fakes import BIG, MID, TIERS, TINY, FakePredictor, make_policy

# 1,000 tokens, and the prices of tests.fakes with a tenth of it for what is cached.
TURN = Query.of([{"role": "user", "content": "abcd" * 1000}])
MODELS = [
    {**one, "capabilities": ["tools"], "price": {**one["price"], "cached_input": one["price"]["input"] / 10}}
    for one in (TINY, MID, BIG)
]
CALL = {"role": "assistant", "content": None, "tool_calls": [{"id": "a", "function": {"name": "f"}}]}
RESULT = {"role": "tool", "tool_call_id": "a", "content": "3"}
ASKED = {"role": "user", "content": "How many?"}
GOOD, EVEN = ((0.875,) * 4,) * 3, ((0.5,) * 4, (0.75,) * 4, (0.875,) * 4)  # every model as good; growing


def router(quality=EVEN, models=MODELS, **parts):
    tiers = [{"model": "tiny"}, {"model": "mid"}, {"model": "big"}]
    policy = make_policy(models=models, **{"tiers": tiers, **parts})
    posterior = POSTERIOR if policy.sampling.plans else None
    return Router(policy, predictor=FakePredictor(quality), posterior=posterior, time_budget_s=None)


def held(model, tokens=1000):
    return Session(model, tokens)


def keeping(keep):
    return {"session": {"keep": keep}}


class TestCosts:
    def test_the_holder_reads_from_its_cache(self):
        costs = {
            one.model: one.expected_cost for one in router().route(TURN, session=held("mid", 800)).candidates
        }
        alone = {one.model: one.expected_cost for one in router().route(TURN).candidates}
        assert costs["mid"] == pytest.approx((200 * 3 + 800 * 0.3 + 20 * 6) / 1e6)
        assert (costs["tiny"], costs["big"]) == (alone["tiny"], alone["big"])

    def test_a_cache_holds_no_more_than_there_is(self):
        decision = router().route(TURN, session=held("big", 10**9))
        assert decision.expected_cost == pytest.approx((1000 * 1 + 40 * 30) / 1e6)

    def test_what_switching_puts_at_stake(self):
        """mid would save 2.7 millionths a token by what tiny holds, and tiny saves 0.9 by it."""
        policy = router(max_gap=0.15)
        decision = policy.route(TURN, session=held("tiny"))
        assert decision.session == Session("mid", 1000, pytest.approx((2.7 + 0.9) * 1e-3), None)
        assert f"going to mid puts ${0.0036:g} at stake" in decision.explain()
        assert policy.route(TURN, session=held("mid")).session.switch_cost == 0

    def test_two_efforts_share_a_cache(self):
        endpoint = {"base_url": "http://x/v1", "model": "there"}
        tiny, mid, big = MODELS
        variants = [{**one, "endpoint": endpoint} for one in (mid, big)]
        decision = router(models=[tiny, *variants]).route(TURN, session=held("mid"))
        assert decision.model == "big"
        assert decision.expected_cost == pytest.approx((1000 * 1 + 40 * 30) / 1e6)
        assert decision.session.switch_cost == 0


class TestStaying:
    def test_up_it_goes_for_quality(self):
        assert router(max_gap=0.2).route(TURN, session=held("tiny")).model == "mid"

    def test_keep_lets_as_much_more_be_lost(self):
        """mid loses 0.125."""
        for keep, model in ((0.09, "big"), (0.1, "mid")):
            decision = router(sampling=keeping(keep)).route(TURN, session=held("mid"))
            assert decision.model == model
            assert decision.session.stays == (WORTH if model == "mid" else None)

    def test_down_it_goes_where_that_brings_more_than_the_cache_is_worth(self):
        """mid costs 420 millionths by its cache, tiny 1,020. Of 100 tokens mid costs
        2,850."""
        good = router(GOOD)
        assert good.route(TURN).model == "tiny"
        stayed = good.route(TURN, session=held("mid"))
        assert (stayed.model, stayed.session.stays) == ("mid", WORTH)
        assert "the conversation stays with mid" in stayed.candidates[0].why_not
        assert good.route(TURN, session=held("mid", 100)).model == "tiny"
        assert good.route(TURN, session=held("mid", 0)).model == "tiny"

    def test_keep_is_worth_something_downwards_too(self):
        """mid costs 1,830 millionths more than tiny after 100 tokens, and the reference 11,200: 0.01 of
        0.05 of that is 2,240."""
        for keep, model in ((0.001, "tiny"), (0.01, "mid")):
            assert router(GOOD, sampling=keeping(keep)).route(TURN, session=held("mid", 100)).model == model

    def test_one_keeps_it_for_good(self):
        pinned = router(sampling=keeping(1))
        decision = pinned.route(TURN, session=held("tiny"))
        assert (decision.model, decision.session.stays) == ("tiny", PINNED)
        assert pinned.route(TURN).model == "big"

    def test_under_a_price_of_a_point(self):
        priced = {"cost_per_point": 0.004, "quality": EVEN}
        assert router(**priced).route(TURN).model == "tiny"
        assert router(**priced).route(TURN, session=held("big")).model == "big"  # its cache tells

    def test_a_model_that_is_not_there_holds_nothing(self):
        decision = router().route(TURN, session=held("gone"))
        assert decision.candidates == router().route(TURN).candidates

    def test_rules_go_before(self):
        ruled = [{"name": "r", "when": {"tokens": {"min": 1}}, "route": {"model": "mid"}}]
        messages = [ASKED, CALL, RESULT]
        assert router(rules=ruled).route(messages, session=held("tiny")).model == "mid"
        shut = [{"name": "r", "when": {"tokens": {"min": 1}}, "exclude": ["tiny"]}]
        assert router(rules=shut).route(messages, session=held("tiny")).model == "big"


LOOPS = [
    [ASKED, CALL, RESULT],
    [ASKED, CALL],
    [ASKED, CALL, {"role": "user", "content": "And?"}],
    [ASKED, CALL, {"role": "user", "content": [{"type": "tool_result", "content": "3"}]}],
]
CLOSED = [ASKED, CALL, RESULT, {"role": "assistant", "content": "3"}, {"role": "user", "content": "Sure?"}]
SEALS = [
    {"reasoning_details": [{"type": "reasoning.encrypted", "data": "x"}]},
    {"reasoning_details": [{"type": "reasoning.text", "text": "hm", "signature": "x"}]},
    {"content": [{"type": "thinking", "thinking": "hm", "signature": "x"}, {"type": "text", "text": "3"}]},
    {"content": [{"type": "redacted_thinking", "data": "x"}]},
    {"thinking_blocks": [{"type": "thinking", "thinking": "", "signature": "x"}]},
    {"reasoning": {"encrypted_content": "x"}},
    {"tool_calls": [{"id": "a", "extra_content": {"google": {"thought_signature": "x"}}}]},
]


class TestBonds:
    @pytest.mark.parametrize("messages", LOOPS)
    @pytest.mark.parametrize("sampling", [{}, {"escalate": True}, {"max_cost": 1e-9}])
    def test_no_switch_inside_a_tool_loop(self, messages, sampling):
        policy = router(max_gap=0.3, sampling=sampling)
        for model in ("tiny", "mid", "big"):
            decision = policy.route(messages, session=held(model, 10))
            assert (decision.model, decision.session.stays) == (model, TOOL_LOOP)
            assert {name for step in decision.plan for name in step.arm.models} == {model}
            assert decision.explain()

    def test_where_the_loop_is_closed_it_may(self):
        assert Query.of(CLOSED, session=held("tiny")).bond is None
        assert router().route(CLOSED, session=held("tiny")).model == "big"

    @pytest.mark.parametrize("fields", SEALS)
    def test_nobody_else_can_read_sealed_reasoning(self, fields):
        answered = {"role": "assistant", "content": "3", **fields}
        messages = [
            ASKED,
            answered,
            *([RESULT] if "tool_calls" in fields else []),
            {**ASKED, "content": "Sure?"},
        ]
        query = Query.of(messages, session=held("tiny", 10))
        assert query.bond == SEALED
        assert router().route(query).model == "tiny"

    def test_arguments_of_calls_seal_nothing(self):
        signed = {"type": "tool_use", "id": "a", "input": {"signature": "x"}}
        messages = [ASKED, {"role": "assistant", "content": [signed]}, ASKED]
        assert Query.of(messages, session=held("tiny")).bond is None

    def test_the_tier_of_the_holder_that_comes_nearest(self):
        tiers = [{"model": "tiny"}, {"model": "tiny", "n": 4}, {"model": "big"}]
        decision = router(tiers=tiers).route(LOOPS[0], session=held("tiny", 10))
        assert decision.arm.label == "tiny@4"

    def test_a_model_without_a_tier_answers_once(self):
        decision = router(tiers=[{"model": "tiny"}, {"model": "big"}]).route(
            LOOPS[0], session=held("mid", 10)
        )
        assert (decision.arm.label, decision.session.model) == ("mid@1", "mid")

    def test_who_cannot_take_the_request_cannot_stay(self):
        bare = [{**one, "capabilities": []} for one in MODELS[:2]]
        assert router(models=[*bare, MODELS[2]]).route(LOOPS[0], session=held("tiny", 10)).model == "big"


class TestHandedOver:
    def test_through_json_and_back(self):
        policy = router(sampling=keeping(0.2))
        first = policy.route(TURN)
        assert first.session == Session(first.model, 1000)
        state = first.as_dict()["session"]
        assert policy.route(TURN, session=state) == policy.route(TURN, session=first.session)

    def test_without_sessions_there_is_none(self):
        assert router().route(TURN).session is None
        assert router().route(TURN).as_dict()["session"] is None

    @pytest.mark.parametrize("state", [{}, {"model": 3}, {"model": "tiny", "cached_tokens": -1}, "tiny", [1]])
    def test_what_is_no_session_is_refused(self, state):
        with pytest.raises(InputError, match="a session is"):
            router().route(TURN, session=state)


@given(
    st.lists(st.lists(st.sampled_from([0.25, 0.5, 0.75]), min_size=4, max_size=4), min_size=3, max_size=3),
    st.sampled_from(["tiny", "mid", "big"]),
    st.integers(0, 5000),
    st.floats(0, 1),
    st.sampled_from([*LOOPS, CLOSED, TURN.messages]),
)
def test_it_is_deterministic_and_never_leaves_a_loop(quality, model, tokens, keep, messages):
    policy = router(np.sort(np.array(quality)), sampling=keeping(keep), tiers=TIERS)
    query = Query.of(list(messages), session=held(model, tokens))
    decision = policy.route(query)
    assert decision == policy.route(query)
    assert decision.session.switch_cost >= 0
    assert 0 <= decision.expected_cost <= policy.route(Query.of(list(messages))).reference_cost * 10
    if query.bond == TOOL_LOOP or keep == 1:
        assert decision.model == model


def test_more_cached_tokens_or_keep_never_make_it_leave():
    for quality, model in product((EVEN, GOOD), ("tiny", "mid", "big")):
        stays = [
            [router(quality, sampling=keeping(keep)).route(TURN, session=held(model, tokens)).model == model
             for tokens in (0, 100, 500, 1000)]
            for keep in (0, 0.01, 0.1, 0.5, 1)
        ]  # fmt: skip
        assert (np.diff(np.array(stays, int), axis=0) >= 0).all()
        assert (np.diff(np.array(stays, int), axis=1) >= 0).all()
