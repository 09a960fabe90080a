"""What a completion would not pass on is refused by name, with the place to set it."""

import json

import pytest

from bestroute.answering.request import check_request
from bestroute.errors import InputError
from bestroute.query import Query
from tests.decision.plans import planning
from tests.fakes import FakeSampler, said

MESSAGES = [{"role": "user", "content": "What is 2 + 2?"}]


def complete(request):
    return planning(sampler=FakeSampler({"tiny": said("4"), "mid": said("4"), "big": said("4")})).complete(
        request
    )


class TestRefused:
    def test_every_field_is_named_with_its_mend(self):
        request = {"messages": MESSAGES, "response_format": {}, "temperature": 0, "max_tokens": 50}
        with pytest.raises(InputError) as caught:
            complete(request)
        assert str(caught.value) == (
            "max_tokens, response_format, temperature are not passed on: "
            "set sampling.max_tokens, sampling.temperature in the policy; "
            "for response_format route the request and call the chosen model yourself"
        )

    @pytest.mark.parametrize(
        ("field", "value", "mend"),
        [
            ("temperature", 0, "set sampling.temperature in the policy"),
            ("temperature", 0.8, "set sampling.temperature in the policy"),
            ("max_completion_tokens", 50, "set sampling.max_tokens in the policy"),
            ("n", 4, "set the tiers' n in the policy"),
            ("top_p", 1.0, "for top_p route the request"),
            ("stop", ["\n"], "for stop route the request"),
            ("seed", 0, "for seed route the request"),
            ("stream", True, "for stream route the request"),
            ("tool_choice", "auto", "for tool_choice route the request"),
            ("functions", [{"name": "f"}], "for functions route the request"),
            ("reasoning_effort", "low", "for reasoning_effort route the request"),
            ("user", "u-1", "for user route the request"),
            ("conversation", "c-1", "for conversation route the request"),
        ],
    )
    def test_a_field(self, field, value, mend):
        with pytest.raises(InputError, match="not passed on") as caught:
            complete({"messages": MESSAGES, field: value})
        assert mend in str(caught.value)

    def test_beside_a_query_too(self):
        with pytest.raises(InputError, match="temperature is not passed on"):
            complete({"query": "What is 2 + 2?", "temperature": 0})

    @pytest.mark.parametrize(
        "name", ["system", "instructions", "output_format", "output_config", "toolConfig"]
    )
    @pytest.mark.parametrize("of", [dict, Query.of])
    def test_what_is_part_of_the_prompt_is_not_dropped_beside_a_query(self, name, of):
        with pytest.raises(InputError, match=f"{name} (is|are) not passed on"):
            complete(of({"query": "What is 2 + 2?", name: {"text": "Be brief."}}))

    def test_tools_of_a_query_too(self):
        query = Query.of({"messages": MESSAGES, "tools": [{"type": "function"}]})
        with pytest.raises(InputError, match="tools are not passed on"):
            check_request(query, query)


class TestTaken:
    @pytest.mark.parametrize(
        "request_",
        [
            "What is 2 + 2?",
            MESSAGES,
            Query.of(MESSAGES),
            {"messages": MESSAGES, "model": "auto", "metadata": {"plan": "free"}, "id": "q1"},
            {"messages": MESSAGES, "temperature": None, "stream": False, "n": 1, "tools": [], "tools_": None},
            {"query": "What is 2 + 2?", "topic": "arithmetic"},
        ],
        ids=lambda one: json.dumps(one, default=str)[:60],
    )
    def test_what_asks_for_nothing_more_is_answered(self, request_):
        assert complete(request_).text == "4"
