"""A whole request is completed as it is; what a policy forbids is refused by name."""

import asyncio
import json

import pytest

from bestroute.answering.sampling import EndpointSampler
from bestroute.answering.sampling.body import body_of
from bestroute.errors import InputError
from bestroute.policy import Sampling
from bestroute.policy.arms import Model
from bestroute.query import ChatRequest, Query
from tests.answering.fake_endpoint import answer, fake_endpoint  # noqa: F401
from tests.decision.plans import planning
from tests.fakes import BIG, MID, TINY, FakeSampler, said

MESSAGES = [{"role": "user", "content": "What is 2 + 2?"}]
TOOL = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}
FIELDS = {
    "tools": [TOOL],
    "tool_choice": "auto",
    "parallel_tool_calls": False,
    "stop": ["\n"],
    "seed": 7,
    "logprobs": True,
    "top_logprobs": 2,
    "max_completion_tokens": 99,
    "reasoning_effort": "low",
    "user": "u-1",
    "metadata": {"plan": "free"},
    "prompt_cache_key": "k",
    "temperature": 0.25,
    "top_p": 0.5,
    "logit_bias": {"50256": -100},
    "store": False,
    "conversation": {"of": ["another", "server"]},
}


def complete(request, **sampling):
    sampler = FakeSampler({"tiny": said("4"), "mid": said("4"), "big": said("4")})
    return planning(sampler=sampler, sampling=sampling).complete(request)


@pytest.fixture
def sent(fake_endpoint):  # noqa: F811
    """The body of the one call that a request comes to, without its model and messages."""

    def body(request, **sampling):
        fake_endpoint.play(answer("4"))
        models = [
            {**one, "capabilities": ["tools"], "endpoint": {"base_url": fake_endpoint.base_url}}
            for one in (TINY, MID, BIG)
        ]
        router = planning(
            sampler=EndpointSampler(retries=0), models=models, sampling={**sampling, "escalate": False}
        )
        asyncio.run(router.acomplete(request))
        got = dict(fake_endpoint.requests[0].body)
        assert got.pop("messages") == MESSAGES
        assert got.pop("model") in ("tiny", "mid", "big")
        return got

    return body


class TestPassedOn:
    def test_every_field_as_it_is(self, sent):
        assert (
            sent({"messages": MESSAGES, "model": "auto", "id": "q1", "n": 1, "stream": True, **FIELDS})
            == FIELDS
        )

    def test_the_policys_where_the_request_says_nothing(self, sent):
        assert sent(MESSAGES) == {"temperature": 0.8, "max_tokens": 1024}

    @pytest.mark.parametrize(
        ("said_", "expected"),
        [
            ({"temperature": 0}, {"temperature": 0, "max_tokens": 1024}),
            ({"max_tokens": 5}, {"temperature": 0.8, "max_tokens": 5}),
            ({"max_completion_tokens": 5}, {"temperature": 0.8, "max_completion_tokens": 5}),
            ({"temperature": None, "tools": [], "functions": []}, {"temperature": 0.8, "max_tokens": 1024}),
        ],
        ids=json.dumps,
    )
    def test_the_requests_before_the_policys(self, sent, said_, expected):
        assert sent({"messages": MESSAGES, **said_}) == expected

    def test_what_makes_a_variant_before_the_requests(self):
        model = Model.model_validate(
            {**MID, "params": {"reasoning_effort": "low", "max_completion_tokens": 9}}
        )
        query = ChatRequest.of(
            {"messages": MESSAGES, "reasoning_effort": "high", "max_tokens": 5, "seed": 1}
        ).query
        assert body_of(model, query, Sampling()) == {
            "model": "mid",
            "messages": MESSAGES,
            "temperature": 0.8,
            "seed": 1,
            "reasoning_effort": "low",
            "max_completion_tokens": 9,
        }

    def test_beside_a_query_those_of_chat_completions(self, sent):
        got = sent({"query": "What is 2 + 2?", "seed": 7, "topic": "sums", "user_id": 3})
        assert got == {"temperature": 0.8, "max_tokens": 1024, "seed": 7}

    def test_of_a_query_what_is_part_of_its_prompt(self, sent):
        got = sent(Query.of({"messages": MESSAGES, "tools": [TOOL], "seed": 7}))
        assert got == {"temperature": 0.8, "max_tokens": 1024, "tools": [TOOL]}

    def test_metadata_given_beside_is_for_rules_alone(self):
        request = ChatRequest.of({"messages": MESSAGES, "metadata": {"a": "b"}}, metadata={"plan": "pro"})
        assert (request.query.metadata, request.query.fields) == ({"plan": "pro"}, {"metadata": {"a": "b"}})


class TestForbidden:
    def test_each_is_named(self):
        request = {"messages": MESSAGES, "seed": 0, "temperature": 0, "top_p": 1}
        with pytest.raises(InputError) as caught:
            complete(request, forbid=["temperature", "seed", "stop"])
        assert str(caught.value) == (
            "temperature, seed: a request may not set them, says sampling.forbid of policy.yaml"
        )

    def test_what_is_not_set_is_not_forbidden(self):
        assert complete({"messages": MESSAGES, "seed": None}, forbid=["seed"]).text == "4"


@pytest.mark.parametrize(
    "request_",
    [
        "What is 2 + 2?",
        MESSAGES,
        Query.of(MESSAGES),
        ChatRequest.of(MESSAGES),
        {"messages": MESSAGES, "model": "auto", "metadata": {"plan": "free"}, "id": "q1"},
        {"messages": MESSAGES, "temperature": None, "stream": False, "n": 1, "tools": [], "tools_": None},
        {"query": "What is 2 + 2?", "topic": "arithmetic"},
    ],
    ids=lambda one: json.dumps(one, default=str)[:60],
)
def test_every_kind_of_request_is_answered(request_):
    assert complete(request_).text == "4"
