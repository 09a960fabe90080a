"""A response that breaks what the request demands cannot win; where none of n may, the next tier is asked."""

import asyncio
import json
import sys

import pytest

from bestroute.answering.demands import Demands
from bestroute.answering.sampling import EndpointSampler, Sample, Sampled
from bestroute.answering.toolcall import ToolCall
from bestroute.errors import SamplingError
from bestroute.query import ChatRequest
from tests.answering.fake_endpoint import document, fake_endpoint  # noqa: F401
from tests.decision.plans import planning
from tests.fakes import BIG, MID, TINY, FakeReward, FakeSampler

ADD = {
    "type": "function",
    "function": {
        "name": "add",
        "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
    },
}
SHELL = {"type": "custom", "custom": {"name": "sh"}}
POINT = {
    "type": "json_schema",
    "json_schema": {"name": "p", "schema": {"type": "object", "required": ["x"]}},
}


def request(**fields):
    return {"messages": [{"role": "user", "content": "abcdefgh"}], **fields}


def fault(sample, **fields):
    return Demands(ChatRequest.of(request(**fields)).query).fault(sample)


def calling(*calls, text=""):
    return Sample(text, "tool_calls", calls=tuple(ToolCall(*call) for call in calls))


class TestCalls:
    @pytest.mark.parametrize(
        ("call", "words"),
        [
            (("add", '{"a": 1}'), None),
            (
                ("add", '{"a": "1"}'),
                "the arguments of add break its schema: $.a: '1' is not of type 'integer'",
            ),
            (("add", '{"a": 1'), "the arguments of add are no JSON: "),
            (("add", '{"a": NaN}'), "the arguments of add are no JSON: NaN"),
            (("add", '{"a": 1e400}'), "the arguments of add are no JSON: 1e400"),
            (("add", ""), "the arguments of add break its schema: 'a' is a required property"),
            (("sub", "{}"), "sub is called, which is not offered"),
            (("sh", "rm -r {", True), None),
        ],
    )
    def test_one(self, call, words):
        found = fault(calling(call), tools=[ADD, SHELL])
        assert found == words or (words is not None and found.startswith(words))

    def test_one_fault_of_several_calls_is_enough(self):
        assert fault(calling(("add", '{"a": 1}'), ("add", "{}")), tools=[ADD]) is not None

    def test_functions_of_old_and_tools_that_declare_no_arguments(self):
        assert fault(calling(("now", "")), functions=[{"name": "now"}]) is None
        assert fault(calling(("now", "")), tools=[{"type": "function", "function": {"name": "now"}}]) is None

    @pytest.mark.parametrize(
        ("choice", "sample", "words"),
        [
            ("required", Sample("4"), "no tool is called"),
            ("required", calling(("add", '{"a": 1}')), None),
            ("auto", Sample("4"), None),
            ({"type": "function", "function": {"name": "add"}}, Sample("4"), "add is not called"),
            (
                {"type": "function", "function": {"name": "add"}},
                calling(("sh", "", True)),
                "add is not called",
            ),
            ({"type": "function", "function": {"name": "add"}}, calling(("add", '{"a": 1}')), None),
        ],
    )
    def test_where_one_must_be_made(self, choice, sample, words):
        assert fault(sample, tools=[ADD, SHELL], tool_choice=choice) == words

    def test_without_the_extra_the_json_is_checked(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "jsonschema", None)
        assert fault(calling(("add", '{"a": "1"}')), tools=[ADD]) is None
        assert fault(calling(("add", "{")), tools=[ADD]) is not None


class TestFormat:
    @pytest.mark.parametrize(
        ("sample", "words"),
        [
            (Sample('{"x": 1}'), None),
            (Sample("{}"), "it breaks the schema: 'x' is a required property"),
            (Sample('```json\n{"x": 1}\n```'), "it is no JSON: "),
            (Sample('{"x": 1', "length"), "it is no JSON: "),
            (Sample("No.", message={"content": None, "refusal": "No."}), None),
            (Sample(" "), None),  # blank: it lacks more
            (calling(("add", '{"a": 1}')), None),  # no text yet
        ],
    )
    def test_a_schema(self, sample, words):
        found = fault(sample, response_format=POINT, tools=[ADD])
        assert found == words or (words is not None and found.startswith(words))

    def test_an_object(self):
        assert fault(Sample("[1]"), response_format={"type": "json_object"}) == "it is no JSON object"
        assert fault(Sample("[1]"), response_format={"type": "text"}) is None


class TestAnswering:
    MODELS = [{**one, "capabilities": ["tools"]} for one in (TINY, MID, BIG)]
    TIERS = [{"model": "tiny", "n": 2}, {"model": "mid", "n": 2}, {"model": "big"}]

    def ask(self, script, asked=None, reward=None, **sampling):
        router = planning(
            sampler=FakeSampler(script),
            models=self.MODELS,
            tiers=self.TIERS,
            sampling=sampling,
            reward=reward,
        )
        return router.complete(asked or request(tools=[ADD]))

    def test_a_broken_response_is_outvoted_by_a_valid_one(self):
        broken, valid = calling(("add", "{")), calling(("add", '{"a": 1}'))
        reward = FakeReward({"add({)": 1.0, 'add({"a": 1})': 0.0})
        found = self.ask({"tiny": Sampled((broken, valid))}, reward=reward, escalate=False)
        assert (found.sample.calls, found.text) == (valid.calls, "")
        assert found.samples[0].fault.startswith("the arguments of add are no JSON")

    @pytest.mark.parametrize("escalate", [False, True])
    def test_where_none_of_n_may_win_the_next_tier_is_asked(self, escalate):
        broken, valid = calling(("add", "{}")), calling(("add", '{"a": 1}'))
        script = {"tiny": Sampled((broken, broken)), "mid": Sampled((broken,)), "big": Sampled((valid,))}
        found = self.ask(script, escalate=escalate)
        assert (found.model, found.sample.calls) == ("big", valid.calls)
        assert [one.got for one in found.attempts][-1] == 1
        assert "cannot win: the arguments of add break its schema" in found.attempts[0].error

    def test_nothing_that_may_win_is_an_error_that_says_why(self):
        broken = Sampled((calling(("add", "{")),))
        with pytest.raises(SamplingError, match="the arguments of add are no JSON"):
            self.ask({"tiny": broken, "mid": broken, "big": broken})

    def test_equal_calls_agree_and_suffice(self):
        same = [calling(("add", text)) for text in ('{"a": 1}', '{"a":1.0}')]
        found = self.ask({"tiny": Sampled(tuple(same))})
        assert (found.model, found.steps[-1].agreement) == ("tiny", 1.0)

    def test_what_is_judged_is_text_and_calls(self):
        reward = FakeReward()
        both = calling(("add", '{"a": 1}'), ("add", '{"a": 2}'), text="Let me see.")
        self.ask({"tiny": Sampled((both, both))}, reward=reward)
        assert reward.seen[0][1][0] == 'Let me see.\nadd({"a": 1})\nadd({"a": 2})'


def test_the_whole_message_is_kept(fake_endpoint):  # noqa: F811
    call = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
    message = {"role": "assistant", "content": None, "tool_calls": [call], "annotations": [{"type": "x"}]}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls", "logprobs": {"content": []}}
    usage = {"prompt_tokens": 10, "completion_tokens": 5}
    fake_endpoint.play(lambda asked: document({"choices": [choice], "usage": usage}))
    models = [
        {**one, "capabilities": ["tools"], "endpoint": {"base_url": fake_endpoint.base_url}}
        for one in (TINY, MID, BIG)
    ]
    tiers = [{"model": "tiny", "n": 2}, {"model": "big"}]
    router = planning(sampler=EndpointSampler(retries=0), models=models, tiers=tiers)
    found = asyncio.run(router.acomplete(request(tools=[ADD], logprobs=True)))
    assert found.message == message
    assert (found.sample.finish_reason, found.sample.logprobs) == ("tool_calls", {"content": []})
    assert not found.sample.truncated
    assert (found.usage.input_tokens, found.usage.output_tokens) == (20, 10)
    assert found.cost == pytest.approx(40e-6)
    assert found.reference_cost == pytest.approx(250e-6)  # 10 in at 10, 5 out at 30 millionths
    json.dumps(found.as_dict())


def test_thinking_is_taken_off_the_message_too():
    message = {"role": "assistant", "content": "<think>2+2</think>4", "refusal": None}
    kept = Sampled((Sample("4", "stop", raw="<think>2+2</think>4", message=message),))
    found = planning(sampler=FakeSampler({"big": kept})).complete(request())
    assert found.message == {"role": "assistant", "content": "4", "refusal": None}
