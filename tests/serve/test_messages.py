"""Anthropic's Messages through the gateway, by the official client and by hand."""

import json

import anthropic
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bestroute.serve.keys.load import append, new_key
from tests.answering.fake_endpoint import document, echo_key, event, pieces, status, streamed
from tests.patience import PATIENCE_S
from tests.serve.gateway import POLICY, started
from tests.serve.test_bad_input import VALUES

HELLO = [{"role": "user", "content": "hello"}]
ADD = {"name": "add", "description": "Adds.", "input_schema": {"type": "object"}}
CALL = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
PICTURE = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
FIELDS = (
    "messages", "system", "tools", "tool_choice", "metadata", "stop_sequences", "output_config", "thinking",
    "stream", "max_tokens",
)  # fmt: skip


def client_of(gateway, key="unused"):
    address = gateway.url.removesuffix("/v1")
    return anthropic.Anthropic(base_url=address, api_key=key, max_retries=0, timeout=PATIENCE_S)


@pytest.fixture
def client(gateway):
    with client_of(gateway) as client:
        yield client


def create(client, messages=HELLO, **fields):
    return client.messages.create(model="auto", max_tokens=50, messages=messages, **fields)


def calls(*calls):
    message = {"role": "assistant", "content": None, "tool_calls": [*calls]}
    return lambda _: document(
        {
            "choices": [{"index": 0, "finish_reason": "tool_calls", "message": message}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 5},
        }
    )


class TestClient:
    def test_a_whole_answer(self, client, upstream):
        raw = client.messages.with_raw_response.create(
            model="auto",
            max_tokens=50,
            messages=HELLO,
            system=[{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
            stop_sequences=["END"],
            metadata={"user_id": "u1"},
            extra_body={"temperature": 0.2},
        )
        found = raw.parse()
        assert (found.content[0].text, found.model, found.stop_reason) == ("hello", "tiny", "end_turn")
        assert (found.usage.input_tokens, found.usage.output_tokens) == (10, 5)
        assert raw.headers["x-bestroute-arm"] == "tiny@1"
        [asked] = upstream.requests
        assert asked.body["messages"] == [{"role": "system", "content": "Be brief."}, *HELLO]
        told = [asked.body[name] for name in ("max_tokens", "temperature", "stop", "user")]
        assert told == [50, 0.2, ["END"], "u1"]
        assert not {"metadata", "stop_sequences"} & asked.body.keys()

    def test_a_stream(self, client, upstream):
        upstream.play(pieces(*streamed("It is ", "deep.")))
        with client.messages.stream(model="auto", max_tokens=50, messages=HELLO) as stream:
            assert list(stream.text_stream) == ["It is ", "deep."]
            found = stream.get_final_message()
        assert (found.content[0].text, found.model, found.stop_reason) == ("It is deep.", "tiny", "end_turn")
        assert (found.usage.input_tokens, found.usage.output_tokens) == (10, 5)

    def test_a_stream_is_cut_off_at_its_limit(self, client, upstream):
        upstream.play(pieces(*streamed("It is ", finish_reason="length")))
        with client.messages.stream(model="auto", max_tokens=50, messages=HELLO) as stream:
            assert stream.get_final_message().stop_reason == "max_tokens"

    def test_calls_of_tools_and_their_results(self, client, upstream):
        upstream.play(calls(CALL, {**CALL, "id": "c2"}))
        choice = {"type": "any", "disable_parallel_tool_use": True}
        found = create(client, tools=[ADD], tool_choice=choice)
        assert [(one.id, one.name, one.input) for one in found.content] == [
            ("c1", "add", {"a": 1}),
            ("c2", "add", {"a": 1}),
        ]
        assert found.stop_reason == "tool_use"
        asked = upstream.requests[-1].body
        assert asked["tools"] == [
            {
                "type": "function",
                "function": {"name": "add", "description": "Adds.", "parameters": {"type": "object"}},
            }
        ]
        assert (asked["tool_choice"], asked["parallel_tool_calls"]) == ("required", False)
        results = [
            {"type": "tool_result", "tool_use_id": "c1", "content": "2"},
            {"type": "tool_result", "tool_use_id": "c2", "content": [{"type": "text", "text": "3"}]},
            {"type": "text", "text": "Go on."},
        ]
        turns = [
            *HELLO,
            {"role": "assistant", "content": found.content},
            {"role": "user", "content": results},
        ]
        upstream.play(calls(CALL))
        create(client, turns, tools=[ADD])
        _, said, one, two, more = upstream.requests[-1].body["messages"]
        assert [json.loads(call["function"]["arguments"]) for call in said["tool_calls"]] == [{"a": 1}] * 2
        assert one == {"role": "tool", "tool_call_id": "c1", "content": "2"}
        assert (two["tool_call_id"], two["content"]) == ("c2", "3")
        assert more == {"role": "user", "content": "Go on."}

    def test_a_text_and_calls_of_tools_in_a_stream(self, client, upstream):
        parts = [
            {"index": 0, **CALL},
            {"index": 0, "function": {"arguments": ""}},
            {"index": 1, **CALL, "id": "c2"},
        ]
        sent = [event({"content": "Let us add."}), *(event({"tool_calls": [part]}) for part in parts)]
        upstream.play(pieces(*sent, event({}, "tool_calls"), b"data: [DONE]\n\n"))
        with client.messages.stream(model="auto", max_tokens=50, messages=HELLO, tools=[ADD]) as stream:
            found = stream.get_final_message()
        assert [one.type for one in found.content] == ["text", "tool_use", "tool_use"]
        assert [(one.id, one.input) for one in found.content[1:]] == [("c1", {"a": 1}), ("c2", {"a": 1})]
        assert found.stop_reason == "tool_use"

    def test_calls_without_an_index_in_a_stream(self, client, upstream):
        sent = [event({"tool_calls": [{**CALL, "id": name}]}) for name in ("c1", "c2")]
        upstream.play(pieces(*sent, event({}, "tool_calls"), b"data: [DONE]\n\n"))
        with client.messages.stream(model="auto", max_tokens=50, messages=HELLO, tools=[ADD]) as stream:
            found = stream.get_final_message()
        assert [(one.id, one.input) for one in found.content] == [("c1", {"a": 1}), ("c2", {"a": 1})]

    def test_pictures_and_documents(self, client, upstream):
        create(
            client,
            [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "hello"},
                        {
                            "type": "document",
                            "source": {"type": "text", "media_type": "text/plain", "data": "A"},
                        },
                    ],
                }
            ],
        )
        parts = upstream.requests[-1].body["messages"][0]["content"]
        assert [part["text"] for part in parts] == ["hello", "A"]
        create(client, [{"role": "user", "content": [{"type": "image", "source": PICTURE}]}])
        [part] = upstream.requests[-1].body["messages"][0]["content"]
        assert part == {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}

    def test_a_schema_of_the_answer(self, client, upstream):
        upstream.play(lambda _: document({"choices": [{"message": {"content": '{"a": 1}'}}]}))
        schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
        found = create(client, output_config={"format": {"type": "json_schema", "schema": schema}})
        assert json.loads(found.content[0].text) == {"a": 1}
        assert upstream.requests[-1].body["response_format"]["json_schema"]["schema"] == schema

    def test_it_explains_itself_where_asked(self, client, upstream):
        wish = {"x-bestroute-explain": "true"}
        assert create(client, extra_headers=wish).bestroute["decision"]["cause"] == "rule"
        upstream.play(pieces(*streamed("deep")))
        *_, delta, _ = create(client, extra_headers=wish, stream=True)
        assert delta.bestroute["cost"] == pytest.approx(2e-5)


class TestErrors:
    def test_a_model_that_is_not_there(self, client):
        with pytest.raises(anthropic.NotFoundError, match="not served here") as caught:
            client.messages.create(model="claude-9", max_tokens=5, messages=HELLO)
        assert caught.value.body["error"]["type"] == "not_found_error"

    def test_addresses_that_are_not_there(self, client, gateway):
        with pytest.raises(anthropic.NotFoundError, match="messages are at POST /v1/messages") as caught:
            client.messages.count_tokens(model="auto", messages=HELLO)
        assert (caught.value.body["type"], caught.value.body["error"]["type"]) == ("error", "not_found_error")
        for method, path in (
            ("GET", "/v1/messages"),
            ("POST", "/v1/messages/"),
            ("GET", "/v1/messages/batches/1"),
        ):
            told = gateway.send(method, path).json
            assert (told["type"], set(told["error"])) == ("error", {"type", "message"})
        assert set(gateway.get("/v1/messages-of-mine").error) == {"message", "type", "param", "code"}

    def test_no_model_answers(self, client, upstream):
        upstream.play(echo_key(500))
        with pytest.raises(anthropic.InternalServerError) as caught:
            create(client)
        assert (caught.value.status_code, caught.value.body["error"]["type"]) == (502, "api_error")

    def test_a_stream_that_never_begins_has_a_status(self, client, upstream):
        upstream.play(status(429))
        with pytest.raises(anthropic.RateLimitError):
            create(client, stream=True)

    def test_a_stream_that_breaks_tells(self, client, upstream):
        upstream.play(pieces(event({"content": "It is "}), cut=True))
        with pytest.raises(anthropic.APIStatusError, match="broke off"):
            list(create(client, stream=True))

    @pytest.mark.parametrize(
        ("fields", "told"),
        [
            ({"tools": [{"type": "web_search_20260209", "name": "web_search"}]}, r"tools\[0\] \(web_search"),
            ({"tool_choice": {"type": "some"}}, "tool_choice.type some"),
            ({"container": "c1"}, "container has no counterpart"),
            ({"system": [{"type": "image", "source": PICTURE}]}, "no text in system"),
            (
                {"messages": [{"role": "user", "content": [{"type": "odd"}]}]},
                r"messages\[0\].content\[0\] \(odd\)",
            ),
            ({"messages": [{"role": "user", "content": None}]}, r"messages\[0\].content must be a list"),
            ({"messages": []}, "empty"),
            ({"messages": [], "system": "Say hello."}, "empty"),
        ],
    )
    def test_what_has_no_counterpart_is_refused(self, gateway, upstream, fields, told):
        with client_of(gateway) as client, pytest.raises(anthropic.BadRequestError, match=told):
            create(client, **fields)
        assert upstream.requests == []


def test_a_key_is_taken_as_its_clients_send_it(tmp_path, fake_endpoint):
    key, kept = new_key("a")
    append(kept, tmp_path / "keys.yaml")
    policy = POLICY.format(url=fake_endpoint.base_url, dial=1.0)
    with started(tmp_path, policy, keys=str(tmp_path / "keys.yaml")) as gateway:
        with client_of(gateway, key) as client:
            assert create(client).content[0].text == "hello"
        with client_of(gateway, "other") as client, pytest.raises(anthropic.AuthenticationError):
            create(client)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fields=st.dictionaries(st.sampled_from(FIELDS), VALUES, min_size=1, max_size=3))
def test_wrong_types_in_any_field(gateway, fields):
    reply = gateway.post("/v1/messages", {"messages": HELLO, **fields})
    assert reply.status in (200, 400)
    if reply.status == 400:
        assert reply.json["type"] == "error"
        assert {*reply.error} == {"type", "message"}
