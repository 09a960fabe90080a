"""A whole request, read once: what is bestroute's own, what goes on, and what no endpoint takes."""

import pytest

from bestroute.errors import InputError
from bestroute.query import ChatRequest, Query

MESSAGES = [{"role": "user", "content": "hi"}]


def test_what_is_bestroutes_own_does_not_go_on():
    own = {"model": "auto", "n": 1, "stream": True, "stream_options": {"include_usage": True}, "id": 3}
    request = ChatRequest.of({"messages": MESSAGES, "seed": 1, **own})
    assert (request.model, request.stream, request.include_usage) == ("auto", True, True)
    assert (request.query.fields, request.query.id) == ({"seed": 1}, "3")


def test_a_request_is_itself():
    request = ChatRequest.of({"messages": MESSAGES, "seed": 1})
    assert ChatRequest.of(request) == request
    tagged = ChatRequest.of(request, metadata={"plan": "pro"})
    assert (tagged.query.metadata, tagged.query.fields) == ({"plan": "pro"}, {"seed": 1})


def test_the_longest_response():
    limits = [{"max_tokens": 5}, {"max_completion_tokens": 7, "max_tokens": 5}, {"max_tokens": None}, {}]
    requests = [ChatRequest.of({"messages": MESSAGES, **one}) for one in limits]
    assert [request.query.max_tokens for request in requests] == [5, 7, None, None]


def test_what_counts_as_prompt_is_the_same_as_of_a_query():
    whole = {"messages": MESSAGES, "tools": [{"type": "function"}], "response_format": {"type": "text"}}
    query, request = Query.of(whole), ChatRequest.of({**whole, "seed": 1}).query
    assert (request.tools, request.beside, request.needs) == (query.tools, query.beside, query.needs)
    assert request.input_tokens == query.input_tokens


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"n": 4}, "n is 4; give 1 or leave it out"),
        ({"n": "1"}, "n is '1'"),
        ({"tools": {}}, "tools is dict; give a list"),
        ({"tools": ["add"]}, r"tools\[0\] is str; give an object"),
        ({"functions": True}, "functions is bool; give a list"),
        ({"response_format": "json"}, "response_format is str; give an object"),
        ({"stream": "yes"}, "stream is 'yes'; give true or false"),
        ({"stream_options": True}, "stream_options is bool; give an object"),
        ({"timeout": 3}, "timeout is an argument of a client.*sampling.timeout_s"),
        ({"extra_body": {}}, "extra_body is an argument of a client.*beside the others"),
        ({"max_tokens": "5"}, "max_tokens is '5'; give a whole number from 1 to 1000000"),
        ({"max_tokens": 10**5000}, "max_tokens is too large"),
        ({"max_completion_tokens": 5.0}, "max_completion_tokens is 5.0"),
        ({"temperature": float("nan")}, "temperature is nan; give a number"),
        ({"top_p": True}, "top_p is True; give a number"),
        ({3: 4}, "a request has the key 3"),
        ({"metadata": 3}, '"metadata" is int'),
    ],
)
def test_a_shape_that_no_endpoint_takes_is_told(fields, words):
    with pytest.raises(InputError, match=words):
        ChatRequest.of({"messages": MESSAGES, **fields})


def test_how_soon_the_answer_should_come_is_told_to_no_endpoint():
    def sent(**metadata):
        messages = [{"role": "user", "content": "hi"}]
        return ChatRequest.of({"messages": messages, "metadata": metadata}).query

    assert sent(max_latency_ms=300, team="a").fields == {"metadata": {"team": "a"}}
    assert sent(max_latency_ms=300).fields == {}
    assert sent(max_latency_ms=300).max_latency_ms == 300
