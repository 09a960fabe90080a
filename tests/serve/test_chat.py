"""Chat Completions through the gateway, by the official client and by hand."""

import asyncio
import json
import socket

import openai
import pytest

from tests.answering.fake_endpoint import (
    answer,
    document,
    echo_key,
    endless,
    event,
    hang,
    pieces,
    status,
    streamed,
)
from tests.patience import PATIENCE_S, until

HELLO = [{"role": "user", "content": "hello"}]
ADD = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}
CALL = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}


@pytest.fixture
def client(gateway):
    with openai.OpenAI(base_url=gateway.url, api_key="unused", max_retries=0, timeout=PATIENCE_S) as client:
        yield client


class TestClient:
    def test_a_whole_answer(self, client, upstream):
        found = client.chat.completions.create(model="auto", messages=HELLO, temperature=0.2, seed=7)
        assert (found.choices[0].message.content, found.model, found.object) == (
            "hello",
            "tiny",
            "chat.completion",
        )
        assert found.choices[0].finish_reason == "stop"
        assert (found.usage.prompt_tokens, found.usage.completion_tokens) == (10, 5)
        [asked] = upstream.requests
        assert (asked.body["model"], asked.body["temperature"], asked.body["seed"]) == ("tiny-up", 0.2, 7)

    def test_a_system_message_alone(self, client, upstream):
        alone = [{"role": "system", "content": "Say hello."}]
        found = client.chat.completions.create(model="auto", messages=alone)
        assert found.choices[0].message.content == "hello"
        assert upstream.requests[0].body["messages"] == alone

    def test_a_stream(self, client, upstream):
        upstream.play(pieces(*streamed("It is ", "deep.")))
        with client.chat.completions.create(
            model="auto", messages=HELLO, stream=True, stream_options={"include_usage": True}
        ) as stream:
            *chunks, last = list(stream)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "It is deep."
        assert {chunk.model for chunk in chunks} == {"tiny"}
        assert (last.choices, last.usage.total_tokens) == ([], 15)

    def test_a_stream_whose_usage_comes_with_an_empty_choice(self, client, upstream):
        """As LiteLLM's proxy ends it; for the caller the last chunk is the one that says why it ended."""
        bill = event({}, usage={"prompt_tokens": 10, "completion_tokens": 5})
        upstream.play(pieces(event({"content": "deep"}), event({}, "stop"), bill, b"data: [DONE]\n\n"))
        with client.chat.completions.create(model="auto", messages=HELLO, stream=True) as stream:
            *_, last = list(stream)
        assert last.choices[0].finish_reason == "stop"

    def test_calls_of_tools(self, client, upstream):
        message = {"role": "assistant", "content": None, "tool_calls": [CALL]}
        choices = [{"index": 0, "finish_reason": "tool_calls", "message": message}]
        upstream.play(lambda request: document({"choices": choices}))
        found = client.chat.completions.create(model="auto", messages=HELLO, tools=[ADD])
        assert found.choices[0].message.tool_calls[0].function.arguments == '{"a": 1}'
        assert found.choices[0].finish_reason == "tool_calls"

    def test_calls_of_tools_in_a_stream(self, client, upstream):
        call = event({"tool_calls": [{"index": 0, **CALL}]})
        upstream.play(pieces(call, event({}, "tool_calls"), b"data: [DONE]\n\n"))
        with client.chat.completions.create(model="auto", messages=HELLO, tools=[ADD], stream=True) as stream:
            calls = [call for chunk in stream for call in chunk.choices[0].delta.tool_calls or ()]
        assert calls[0].function.name == "add"

    def test_a_model_that_is_not_there(self, client):
        with pytest.raises(openai.NotFoundError) as caught:
            client.chat.completions.create(model="gpt-9", messages=HELLO)
        assert (caught.value.code, caught.value.param) == ("model_not_found", "model")

    def test_a_request_of_wrong_shape(self, client):
        with pytest.raises(openai.BadRequestError, match="role"):
            client.chat.completions.create(model="auto", messages=[{"role": "nobody", "content": "x"}])
        with pytest.raises(openai.BadRequestError, match="sampling.forbid of the policy"):
            client.chat.completions.create(model="auto", messages=HELLO, logit_bias={})

    def test_models(self, client):
        assert [model.id for model in client.models.list()] == ["auto", "p1", "tiny", "big"]
        assert client.models.retrieve("tiny").owned_by == "bestroute"
        with pytest.raises(openai.NotFoundError):
            client.models.retrieve("gpt-9")

    def test_no_model_answers(self, client, upstream):
        upstream.play(echo_key(500))
        with pytest.raises(openai.InternalServerError) as caught:
            client.chat.completions.create(model="auto", messages=HELLO)
        assert (caught.value.status_code, caught.value.code) == (502, "no_model_answered")
        assert "tiny@1, big@1" in str(caught.value)
        assert "127.0.0.1" not in str(caught.value)

    @pytest.mark.parametrize("stream", [False, True])
    def test_no_answer_keeps_the_schema(self, client, upstream, stream):
        form = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}
        with pytest.raises(openai.InternalServerError, match="every model answered") as caught:
            client.chat.completions.create(model="auto", messages=HELLO, response_format=form, stream=stream)
        assert caught.value.code == "no_valid_answer"

    def test_every_model_refuses_the_request(self, client, upstream):
        upstream.play(status(400, "your prompt is too long"))
        with pytest.raises(openai.BadRequestError, match="your prompt is too long"):
            client.chat.completions.create(model="auto", messages=HELLO)

    def test_a_stream_that_never_begins_has_a_status(self, client, upstream):
        upstream.play(status(429))
        with pytest.raises(openai.RateLimitError):
            client.chat.completions.create(model="auto", messages=HELLO, stream=True)

    def test_a_stream_that_breaks_tells(self, client, upstream):
        upstream.play(pieces(event({"content": "It is "}), cut=True))
        with client.chat.completions.create(model="auto", messages=HELLO, stream=True) as stream:
            assert next(stream).choices[0].delta.content == "It is "
            with pytest.raises(openai.APIError, match="broke off"):
                list(stream)


class TestDecision:
    def test_it_stands_in_the_headers(self, gateway):
        found = gateway.ask("hello", {"x-request-id": "mine-1"}).headers
        told = {name[12:]: value for name, value in found.items() if name.startswith("x-bestroute-")}
        assert told.pop("policy") == gateway.get("/readyz").json["policies"]["auto"]
        # 10 and 5 tokens: 10 + 10 millionths of a dollar by tiny, 100 + 150 by big.
        assert told == {
            "request-id": "mine-1",
            "model": "tiny",
            "arm": "tiny@1",
            "cause": "rule",
            "rule": "greetings %E2%80%93 %E5%A5%91%E7%B4%84",
            "cost": "2e-05",
            "reference-cost": "0.00025",
        }

    def test_a_gap_is_told_where_there_is_one(self, gateway):
        found = gateway.ask("Prove that there are infinitely many primes.", model="p1").headers
        assert found["x-bestroute-cause"] in ("tier", "reference", "abstain")
        assert found.get("x-bestroute-cause") == "abstain" or float(found["x-bestroute-gap"])

    def test_it_explains_itself_where_asked(self, gateway, upstream):
        found = gateway.ask(metadata={"bestroute": "explain", "team": "law"}).json
        assert found["bestroute"]["decision"]["cause"] == "rule"
        assert found["bestroute"]["attempts"][0]["arm"] == "tiny@1"
        assert upstream.requests[-1].body["metadata"] == {"team": "law"}
        assert "bestroute" not in gateway.ask().json

    def test_a_stream_explains_itself_in_its_last_chunk(self, gateway, upstream):
        upstream.play(pieces(*streamed("deep")))
        body = gateway.ask(stream=True, metadata={"bestroute": {"explain": True}}).body
        *_, last, done, _ = body.split(b"\n\n")
        assert done == b"data: [DONE]"
        assert json.loads(last[6:])["bestroute"]["cost"] == pytest.approx(2e-5)

    def test_route_only_asks_nobody(self, gateway, upstream):
        for wish in (
            {"metadata": {"bestroute": "route-only"}},
            {"headers": {"x-bestroute-route-only": "true"}},
        ):
            found = gateway.ask("a lawsuit", stream=True, **wish)
            assert (found.json["model"], found.json["cause"], found.status) == ("big", "rule", 200)
            assert found.headers["x-bestroute-model"] == "big"
        assert upstream.requests == []

    def test_a_model_that_is_named_answers(self, gateway, upstream):
        for wish in ({"model": "big"}, {"headers": {"x-bestroute-model": "big"}}):
            assert gateway.ask("hello", **wish).headers["x-bestroute-arm"] == "big@1"
        assert {request.body["model"] for request in upstream.requests} == {"big-up"}

    def test_the_dial_moves_within_bounds(self, gateway):
        body = {"query": "Why is the sky blue?", "metadata": {"bestroute": {"max_gap": 0.1}}}
        assert gateway.post("/v1/route", body).json["objective"] == {"max_gap": 0.1}
        refused = gateway.ask(headers={"x-bestroute-max-gap": "0.2"})
        assert (refused.status, refused.error["code"]) == (400, "out_of_bounds")
        assert refused.error["message"] == "max_gap may be from 0 to 0.1, not 0.2"

    def test_the_policy_is_served_under_its_own_digest_whatever_the_wish(self, gateway):
        wished = gateway.ask(headers={"x-bestroute-max-gap": "0.05"}).headers["x-bestroute-policy"]
        assert wished == gateway.ask().headers["x-bestroute-policy"]


class TestRoute:
    def test_one(self, gateway, upstream):
        found = gateway.post("/v1/route", {"query": "hello"})
        assert (found.json["model"], found.json["rule"], found.status) == ("tiny", "greetings – 契約", 200)
        assert upstream.requests == []

    def test_many(self, gateway):
        queries = ["hello", {"query": "a lawsuit"}, HELLO]
        found = gateway.post("/v1/route", {"queries": queries}).json["decisions"]
        assert [one["model"] for one in found] == ["tiny", "big", "tiny"]

    @pytest.mark.parametrize(
        ("queries", "param"),
        [([], "queries"), (["x"] * 4, "queries"), (["x", 7], "queries[1]"), ("x", "queries")],
    )
    def test_a_batch_that_is_none(self, gateway, queries, param):
        found = gateway.post("/v1/route", {"queries": queries})
        assert (found.status, found.error["param"]) == (400, param)


def test_a_caller_who_goes_away_ends_what_is_under_way(gateway, upstream):
    upstream.play(pieces(*[event({"content": "on "})] * 3, gap_s=0.0), endless())

    async def leave_after_the_first_chunk():
        async with openai.AsyncOpenAI(base_url=gateway.url, api_key="unused", max_retries=0) as client:
            stream = await client.chat.completions.create(model="auto", messages=HELLO, stream=True)
            await anext(aiter(stream))
            await stream.close()

    upstream.play(endless())
    asyncio.run(leave_after_the_first_chunk())
    until(lambda: not upstream.streaming)
    upstream.play(answer("fine"))
    assert gateway.ask().status == 200


@pytest.mark.parametrize("stream", [True, False])
def test_the_log_has_who_was_asked_for_a_caller_who_went_away(gateway, upstream, stream):
    upstream.play(status(400), endless() if stream else hang())
    body = json.dumps({"messages": [{"role": "user", "content": "hello"}], "stream": stream}).encode()
    known = f"gone-{stream}"
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        f"x-request-id: {known}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=PATIENCE_S) as connection:
        connection.sendall(head.encode() + body)
        if stream:
            assert b"200 OK" in connection.recv(1000)
        else:
            until(lambda: len(upstream.requests) == 2)

    def line():
        lines = map(json.loads, gateway.log.read_text("utf-8").splitlines())
        return next((one for one in lines if one["request_id"] == known), None)

    until(line)
    assert (line()["status"], line()["error"]) == (499, "caller_gone")
    assert [(one["arm"], one["got"]) for one in line()["attempts"]] == [("tiny@1", 0), ("big@1", 0)]
    assert "nobody waited" in line()["attempts"][1]["error"]
