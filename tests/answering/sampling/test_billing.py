"""A bill is a bill: what an endpoint says it billed is spent, whatever else came, and none is unseen."""

import asyncio
from math import isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestroute import Router
from bestroute.answering.sampling import EndpointSampler, Sample, Sampled, Usage
from bestroute.answering.sampling.billing import bill, billed, read_usage
from bestroute.errors import SamplingError
from tests.answering.fake_endpoint import answer, document, hang, status
from tests.answering.sampling.endpoints import QUERY, SETTINGS, ask, choice, model, says, texts, used
from tests.fakes import BIG, MID, TINY, FakePredictor, FakeReward, make_policy

CUT = "length"
NULL = says(
    {"finish_reason": CUT, "message": {"content": None, "reasoning_content": "hm"}}, usage=used(10, 1024)
)
BLANK = says(choice("", CUT), usage=used(10, 1024))
NO_CHOICES = says(usage=used(10, 1024))
BESIDE = used(10, 50, total_tokens=1060, completion_tokens_details={"reasoning_tokens": 1000})
INSIDE = used(10, 1050, total_tokens=1060, completion_tokens_details={"reasoning_tokens": 1000})


def complete(endpoint, first, *, n=2, max_cost=None):
    """The answer where a cheap model (US$ 100 a million tokens) plays `first`, and the reference (US$ 1,000)
    says "4", billed 10 + 50 tokens: US$ 0.06."""
    last = says(choice("4"), usage=used(10, 50))
    endpoint.play(lambda request: (first if request.body["model"] == "tiny" else last)(request))
    served = {"endpoint": {"base_url": endpoint.base_url}}
    models = [
        {**one, **served, "price": {"input": price, "output": price}}
        for one, price in ((TINY, 100), (MID, 200), (BIG, 1000))
    ]
    policy = make_policy(
        models=models,
        tiers=[{"model": "tiny", "n": n}, {"model": "big"}],
        max_gap=1.0,
        sampling={} if max_cost is None else {"max_cost": max_cost},
    )
    sampler = EndpointSampler(retries=0)
    return Router(policy, predictor=FakePredictor(), reward=FakeReward(), sampler=sampler).complete(
        "What is 2 + 2? Say the number, please. "
    )


def cost_of(asked, reply):
    return bill(asked, asked, QUERY, reply).cost


class TestWhatIsSpent:
    @pytest.mark.parametrize("first", [NULL, BLANK, NO_CHOICES], ids=["null", "blank", "no choices"])
    def test_a_reply_without_text_costs_what_it_was_billed(self, fake_endpoint, first):
        found = complete(fake_endpoint, first)
        assert (found.text, found.model) == ("4", "big")
        # Two calls of 10 + 1,024 tokens at 100 millionths of a dollar, and the reference's US$ 0.06.
        assert found.cost == pytest.approx(0.2668)

    @pytest.mark.parametrize("first", [NULL, BLANK, NO_CHOICES], ids=["null", "blank", "no choices"])
    def test_max_cost_counts_what_was_billed_unseen(self, fake_endpoint, first):
        with pytest.raises(SamplingError, match="no more may be spent"):
            complete(fake_endpoint, first, max_cost=0.25)
        assert {request.body["model"] for request in fake_endpoint.requests} == {"tiny"}

    @pytest.mark.parametrize("usage", [BESIDE, INSIDE], ids=["beside", "inside"])
    def test_reasoning_is_billed_wherever_it_is_counted(self, fake_endpoint, usage):
        found = complete(fake_endpoint, says(choice("4"), usage=usage), n=1)
        assert found.model == "tiny"
        assert found.cost == pytest.approx(0.106)
        assert found.samples[0].output_tokens == 1050

    @pytest.mark.parametrize(
        "usage",
        [
            used(0, 0),
            used(-10, -1024),
            used(None, None),
            used("10", "1024"),
            used(1.5, 2.5),
            used(True, True),
            {},
        ],
        ids=str,
    )
    def test_what_is_no_count_is_estimated(self, fake_endpoint, usage):
        found = complete(fake_endpoint, says(choice("The answer is 4."), usage=usage), n=1)
        silent = complete(fake_endpoint, says(choice("The answer is 4.")), n=1)
        assert found.cost == silent.cost == pytest.approx((10 + 4) * 100e-6)  # tokens of query and text

    def test_an_error_may_be_billed_too(self, fake_endpoint):
        failed = {"error": {"message": "overloaded", "usage": used(10, 1024)}}
        for play in (
            lambda request: document(failed, 500),
            lambda request: document({"error": "overloaded", "usage": used(10, 1024)}, 503),
            lambda request: document(failed),
            says(choice("The ans", error={"code": 502, "message": "overloaded"}), usage=used(10, 1024)),
        ):
            assert complete(fake_endpoint, play).cost == pytest.approx(0.2668)

    def test_tries_that_failed_are_billed_once_each(self, fake_endpoint):
        failed = {"error": {"message": "overloaded"}, "usage": used(10, 100)}
        fake_endpoint.play(
            lambda request: document(failed, 500, retry_after_ms="1"),
            lambda request: document(failed, 503, retry_after_ms="1"),
            says(choice("4"), usage=used(10, 50)),
        )
        sampled = ask(model(fake_endpoint.base_url), retries=2)
        assert (texts(sampled), sampled.usage) == (["4"], Usage(30, 250))
        assert sampled.samples[0].output_tokens == 50

    def test_tries_before_one_that_hangs_are_billed(self, fake_endpoint):
        failed = {"error": "overloaded", "usage": used(10, 100)}
        fake_endpoint.play(lambda request: document(failed, 500, retry_after_ms="1"), hang())
        sampled = ask(model(fake_endpoint.base_url, timeout_s=0.5), retries=1)
        assert (sampled.samples, sampled.usage) == ((), Usage(10, 100))

    def test_native_and_parallel_calls_add_up(self, fake_endpoint):
        fake_endpoint.play(
            says(choice("a"), choice("b"), usage=used(10, 40)), says(choice("c"), usage=used(10, 20))
        )
        sampled = ask(model(fake_endpoint.base_url, samples="native"), 4)
        assert sampled.usage == Usage(30, 80)

    def test_calls_without_a_count_are_estimated_beside_the_others(self, fake_endpoint):
        fake_endpoint.play(NULL, says(choice("The answer is 4.")), status(500), says(choice(None)))
        sampled = ask(model(fake_endpoint.base_url), 4)
        assert sampled.usage == Usage(10 + 5, 1024 + 4)

    def test_without_a_count_thinking_is_estimated_too(self, fake_endpoint):
        thought = {"message": {"content": "4", "reasoning_content": "x" * 4000}}
        tagged = choice("<think>" + "x" * 4000 + "</think>4")
        for one in (thought, tagged):
            found = complete(fake_endpoint, says(one), n=1)
            assert found.text == "4"
            assert 1010 * 100e-6 < found.cost < 1020 * 100e-6

    def test_half_a_count_is_completed(self, fake_endpoint):
        fake_endpoint.play(says(choice("The answer is 4."), usage={"prompt_tokens": 5000}))
        assert ask(model(fake_endpoint.base_url)).usage == Usage(5000, 4)
        fake_endpoint.play(says(choice("The answer is 4."), usage={"completion_tokens": 700}))
        assert ask(model(fake_endpoint.base_url)).usage == Usage(5, 700)

    def test_a_call_that_came_is_billed_where_another_hangs(self, fake_endpoint):
        fake_endpoint.play(NULL, hang())
        assert ask(model(fake_endpoint.base_url, timeout_s=0.5), 2).usage == Usage(10, 1024)


class TestReadUsage:
    @pytest.mark.parametrize(
        ("report", "usage"),
        [
            (used(10, 50), Usage(10, 50)),
            (used(10, 50, total_tokens=60), Usage(10, 50)),
            (
                used(10, 50, total_tokens=1060),
                Usage(10, 1050, 0, 1000),
            ),  # Gemini: thinking shows in the total alone
            (
                used(21, 0, total_tokens=81, completion_tokens_details={"reasoning_tokens": 60}),
                Usage(21, 60, 0, 60),
            ),
            (used(10, 50, total_tokens=60, reasoning_tokens=1000), Usage(10, 1050, 0, 1000)),  # Perplexity
            (used(10, 50, completion_tokens_details={"reasoning_tokens": 1000}), Usage(10, 1050, 0, 1000)),
            (used(10, 1050, completion_tokens_details={"reasoning_tokens": 1000}), Usage(10, 1050, 0, 1000)),
            (used(10, 1050, completion_tokens_details=None), Usage(10, 1050)),
            ({"input_tokens": 10, "output_tokens": 50}, Usage(10, 50)),  # Anthropic, OpenAI's Responses
            (
                {"input_tokens": 10, "output_tokens": 50, "cache_read_input_tokens": 5000},
                Usage(5010, 50, 5000),
            ),
            (used(10, 50, total_tokens=5060, cache_read_input_tokens=5000), Usage(5010, 50, 5000)),
            (used(5010, 50, total_tokens=5060, cache_read_input_tokens=5000), Usage(5010, 50, 5000)),
            (
                {"input_tokens": 9, "output_tokens": 1, "output_tokens_details": {"reasoning_tokens": 7}},
                Usage(9, 8, 0, 7),
            ),
            (used(10, 50, prompt_tokens_details={"cached_tokens": 8}), Usage(10, 50, 8)),
            ({"input_tokens": 10, "input_tokens_details": {"cached_tokens": 8}}, Usage(10, 0, 8)),
            (
                used(10, 50, prompt_cache_hit_tokens=8, prompt_cache_miss_tokens=2),
                Usage(10, 50, 8),
            ),  # DeepSeek
            (used(10, 50, cached_tokens=8), Usage(10, 50, 8)),  # Moonshot
            (used(10, 50, prompt_tokens_details={"cached_tokens": 80}), Usage(10, 50, 10)),
            (used(10.0, 50.0), Usage(10, 50)),
            (used(None, 50, total_tokens=60), Usage(10, 50)),
            ({"total_tokens": 60}, Usage(60, 0)),
            (used(10, 10**300), Usage(10, 0)),
            (used(float("inf"), float("nan")), None),
            (None, None),
            ([10, 50], None),
            ({}, None),
        ],
    )
    def test_reports_as_servers_write_them(self, report, usage):
        assert read_usage({"usage": report}) == usage
        assert read_usage({"error": {"usage": report}}) == usage

    @given(
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.text(), lambda one: st.lists(one), max_leaves=4
        )
    )
    def test_a_document_of_any_shape_is_read(self, value):
        assert read_usage(value) is None
        assert read_usage({"usage": value}) is None
        assert read_usage({"usage": used(value, value, total_tokens=value)}) is None or isinstance(
            value, float
        )


COUNTS = st.integers(-10, 10**7) | st.none() | st.just(0)
TEXTS = st.lists(st.text(max_size=40).map(lambda text: Sample(text)), max_size=5)
REPORTS = st.none() | st.builds(Usage, st.integers(-5, 10**6), st.integers(-5, 10**6))
NATIVE = model("http://localhost/v1", samples="native", price=3.0)
PARALLEL = model("http://localhost/v1", price=3.0)
MODELS = st.sampled_from([NATIVE, PARALLEL])


class TestAlways:
    @given(COUNTS, COUNTS, COUNTS, COUNTS)
    def test_nothing_reported_is_lost(self, prompt, written, total, thought):
        details = {"reasoning_tokens": thought}
        usage = read_usage(
            {"usage": used(prompt, written, total_tokens=total, completion_tokens_details=details)}
        )
        found = usage or Usage(0, 0)
        assert found.input_tokens >= max(prompt or 0, 0)
        assert found.output_tokens >= max(written or 0, thought or 0, 0)
        assert found.input_tokens + found.output_tokens >= max(total or 0, 0)

    @given(MODELS, TEXTS, REPORTS)
    def test_a_bill_is_at_least_what_was_reported_and_never_negative(self, asked, samples, reported):
        cost = cost_of(asked, Sampled(tuple(samples), usage=reported))
        least = 0 if reported is None else max(reported.input_tokens, 0) + max(reported.output_tokens, 0)
        assert isfinite(cost)
        assert cost >= least * 3e-6 - 1e-12

    @given(MODELS, TEXTS, TEXTS, REPORTS)
    def test_more_samples_never_cost_less(self, asked, samples, more, reported):
        few = cost_of(asked, Sampled(tuple(samples), usage=reported))
        assert cost_of(asked, Sampled((*samples, *more), usage=reported)) >= few

    @given(
        MODELS, TEXTS.filter(bool), st.just(None) | st.builds(Usage, st.integers(-5, 0), st.integers(-5, 0))
    )
    def test_a_text_is_never_free(self, asked, samples, reported):
        assert cost_of(asked, Sampled(tuple(samples), usage=reported)) > 0

    @given(REPORTS, TEXTS, st.integers(0, 100))
    def test_what_is_billed_is_no_less_than_zero_on_either_side(self, reported, samples, prompt_tokens):
        usage = billed(reported, samples, prompt_tokens)
        assert min(usage.input_tokens, usage.output_tokens) >= 0

    @pytest.mark.parametrize("n", [1, 2, 4])
    def test_n_responses_cost_n_times_one(self, fake_endpoint, n):
        fake_endpoint.play(answer("hello"))
        sampled = asyncio.run(EndpointSampler().sample(model(fake_endpoint.base_url), QUERY, n, SETTINGS))
        assert cost_of(model(fake_endpoint.base_url), sampled) == pytest.approx(n * 15 * 1e-6)
