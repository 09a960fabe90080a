"""What an answer cost and saved, like for like, and why it is the answer."""

import json

import pytest

from bestroute import Router
from bestroute.answering.sampling import EndpointSampler, Sample, Sampled, Usage
from tests.answering.fake_endpoint import document
from tests.answering.sampling.endpoints import choice, says, used
from tests.decision.plans import planning
from tests.fakes import BIG, MID, TINY, FakePredictor, FakeReward, FakeSampler, make_policy, said

QUERY = "abcdefgh"  # two tokens
# US$ a token: tiny 1 and 2, mid 3 and 6, big, the reference, 10 and 30 millionths; the arm is mid@4 unless
# max_gap says otherwise.


def complete(script, query=QUERY, **policy):
    policy.setdefault("sampling", {})
    router = Router(
        make_policy(**policy), predictor=FakePredictor(), reward=FakeReward(), sampler=FakeSampler(script)
    )
    return router.complete(query)


def counted(text, prompt, written):
    return Sampled((Sample(text, "stop", prompt, written),), usage=Usage(prompt, written))


class TestSaved:
    def test_a_cheap_response_at_the_references_price(self):
        answer = complete({"tiny": counted("4", 100, 50)}, max_gap=1.0)
        assert answer.cost == pytest.approx((100 * 1 + 50 * 2) / 1e6)
        assert answer.reference_cost == pytest.approx((100 * 10 + 50 * 30) / 1e6)
        assert answer.saved == pytest.approx(2300 / 1e6)

    @pytest.mark.parametrize(
        "reply", [counted("4", 100, 50), said("The answer is 4.")], ids=["counted", "estimated"]
    )
    def test_the_reference_saves_nothing(self, reply):
        answer = complete({"big": reply}, max_gap=-1.0)
        assert answer.model == "big"
        assert answer.reference_cost == answer.cost
        assert answer.saved == 0

    def test_the_reference_after_others_costs_more(self):
        script = {"tiny": Sampled(errors=("no",), usage=Usage(100, 50)), "big": counted("4", 100, 50)}
        answer = complete(script, max_gap=1.0, tiers=[{"model": "tiny"}, {"model": "big"}])
        assert answer.model == "big"
        assert answer.saved == pytest.approx(-(100 * 1 + 50 * 2) / 1e6)

    def test_several_responses_are_paid_and_one_is_compared(self):
        four = Sampled(
            tuple(Sample("The answer is 4.", "stop", 10, 5) for _ in range(4)), usage=Usage(40, 20)
        )
        answer = complete({"mid": four})
        assert answer.cost == pytest.approx((40 * 3 + 20 * 6) / 1e6)
        assert answer.reference_cost == pytest.approx((10 * 10 + 5 * 30) / 1e6)

    def test_a_shared_count_is_shared_by_length(self):
        shared = Sampled(tuple(Sample(text) for text in ("x" * 40, "x" * 40, "y" * 80)), usage=Usage(30, 400))
        answer = complete({"mid": shared}, sampling={"select": "vote"})
        assert len(answer.text) == 40
        # A third of the prompts, and 10 of 40 parts of what was written.
        assert answer.reference_cost == pytest.approx((10 * 10 + 100 * 30) / 1e6)

    def test_without_counts_both_are_estimates(self):
        answer = complete({"tiny": said("The answer is 4.")}, max_gap=1.0)
        assert answer.cost == pytest.approx((2 * 1 + 4 * 2) / 1e6)
        assert answer.reference_cost == pytest.approx((2 * 10 + 4 * 30) / 1e6)

    def test_failed_tries_of_the_reference_are_its_own_bill(self, fake_endpoint):
        failed = {"error": "overloaded", "usage": used(10, 100)}
        fake_endpoint.play(
            lambda request: document(failed, 500, retry_after_ms="1"), says(choice("4"), usage=used(10, 50))
        )
        served = [{**one, "endpoint": {"base_url": fake_endpoint.base_url}} for one in (TINY, MID, BIG)]
        router = planning(
            models=served, sampler=EndpointSampler(retries=1), sampling={"escalate": False}, max_gap=-1.0
        )
        answer = router.complete(QUERY)
        assert answer.cost == pytest.approx((20 * 10 + 150 * 30) / 1e6)
        assert answer.saved == 0


class TestWhy:
    def test_a_tier_within_the_dial(self):
        answer = complete({"mid": said("a", "b", "c", "d")})
        assert answer.why == "mid@4: gap 0.016 is within 0.03"

    def test_a_rule(self):
        rule = {"name": "all", "when": {"tokens": {"max": 9}}, "route": {"model": "tiny"}}
        assert complete({"tiny": said("a")}, rules=[rule]).why == "tiny@1: rule 'all'"

    def test_another_in_place_of_the_decided_one(self):
        answer = complete({"big": said("a")})
        assert answer.why == "big@1: its response is taken; mid@4 gave nothing (connection refused)"

    def test_after_steps_it_is_the_gap_after(self):
        script = {"tiny": said("Answer: A", "Answer: A"), "big": said("Answer: Z")}
        tiers = [{"model": "tiny", "n": 2}, {"model": "big"}]
        answer = planning(sampler=FakeSampler(script), tiers=tiers).complete(QUERY)
        assert answer.why == f"tiny@2: {answer.steps[-1].why}"
        assert answer.why.endswith("is within 0.3")

    def test_what_ended_it_too_soon(self):
        script = {"tiny": said("Answer: A", "Answer: B")}
        tiers = [{"model": "tiny", "n": 2}, {"model": "big"}]
        why = planning(sampler=FakeSampler(script), tiers=tiers).complete(QUERY).why
        assert why.startswith("tiny@2: gap 0.")
        assert why.endswith("big@1 gave nothing (connection refused); ended too soon: failure")

    def test_it_is_one_line(self):
        script = {"mid": Sampled(errors=("two\nlines",)), "big": said("a")}
        assert "\n" not in complete(script).why


def test_as_json():
    answer = complete({"mid": said("a", " ", "b", "a")})
    content = answer.as_dict()
    assert json.loads(json.dumps(content, allow_nan=False)) == json.loads(json.dumps(content))
    assert [content[key] for key in ("text", "model", "n", "cost", "saved", "why")] == [
        answer.text,
        "mid",
        4,
        answer.cost,
        answer.saved,
        answer.why,
    ]
    assert content["rewards"][1] is None
    assert content["attempts"][0]["arm"] == "mid@4"
    assert content["decision"]["model"] == "mid"
