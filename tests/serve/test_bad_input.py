"""Whatever is sent, an error in OpenAI's shape comes back, and nothing of the server in it."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

CHAT = "/v1/chat/completions"
HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n"
JSON = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
)
VALUES = st.recursive(
    JSON,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
FIELDS = [
    "model", "messages", "metadata", "stream", "stream_options", "n", "tools", "functions", "response_format",
    "temperature", "max_tokens", "stop", "user", "tool_choice",
]  # fmt: skip


def check_shape(reply):
    """An error as OpenAI has it, with nothing in it that is the server's own."""
    assert set(reply.error) == {"message", "type", "param", "code"}
    assert reply.headers["content-type"] == "application/json"
    for secret in (b"Traceback", b"127.0.0.1", b"/tmp", b".py", b".yaml", b"site-packages"):
        assert secret not in reply.body


def body_of(came):
    head, _, body = came.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)["error"]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"[]", "must be a JSON object"),
        (b'"text"', "must be a JSON object"),
        (b'{"messages": "\xff"}', "not UTF-8 (byte 15)"),
        (b'{"temperature": NaN}', "NaN is no number of JSON"),
        (b'{"temperature": 1e400, "messages": []}', "1e400 is larger than any number"),
        (b'{"max_tokens": [-1e999], "messages": []}', "-1e999 is larger than any number"),
        (b'{"a":' * 100_000, "deeper than 64 levels"),
        (b'{"a":' * 100 + b"1" + b"}" * 100, "deeper than 64 levels"),
        (b'{"messages": ' + b"9" * 5000 + b"}", "not JSON"),
        (b"{}", "messages must be a list"),
    ],
)
def test_a_body_that_is_no_request(gateway, body, told):
    for path in (CHAT, "/v1/route"):
        reply = gateway.send("POST", path, body)
        assert reply.status == 400
        check_shape(reply)
        assert told in reply.error["message"] or path != CHAT


def test_a_body_that_is_encoded_is_refused_by_the_name_of_its_encoding(gateway):
    for path in (CHAT, "/v1/messages", "/v1/route"):
        reply = gateway.send("POST", path, b"\x1f\x8b", content_encoding="gzip")
        assert (reply.status, reply.headers["accept-encoding"]) == (415, "identity")
        assert "'gzip'" in reply.error["message"]


def test_a_mark_of_byte_order_before_the_body_is_passed_over(gateway):
    body = b'\xef\xbb\xbf{"messages": [{"role": "user", "content": "hello"}]}'
    assert gateway.send("POST", CHAT, body, content_encoding="identity").status == 200


def test_halves_of_characters_are_mended(gateway, upstream):
    body = b'{"messages": [{"role": "user", "content": "hello \\ud83d"}], "user": "\\uDe00"}'
    assert gateway.send("POST", CHAT, body).status == 200
    assert upstream.requests[-1].body["user"] == "?"


@pytest.mark.parametrize(
    "model", ["http://169.254.169.254/latest", "../../etc/passwd", "auto\r\nx: y", "", "x" * 9999]
)
def test_a_model_that_is_an_address(gateway, upstream, model):
    reply = gateway.ask(model=model)
    assert (reply.status, reply.error["code"]) == (404, "model_not_found")
    assert len(reply.body) < 400
    assert upstream.requests == []


@pytest.mark.parametrize(
    ("wishes", "param"),
    [
        ("max_gap=low", "metadata.bestroute.max_gap"),
        ({"max_gap": True}, "metadata.bestroute.max_gap"),
        ({"max_gap": 10**400}, "metadata.bestroute.max_gap"),
        ({"model": 7}, "metadata.bestroute.model"),
        ({"explain": []}, "metadata.bestroute.explain"),
        ({"key": "x"}, "metadata.bestroute"),
        (7, "metadata.bestroute"),
    ],
)
def test_wishes_that_are_none(gateway, wishes, param):
    reply = gateway.ask(metadata={"bestroute": wishes})
    assert (reply.status, reply.error["param"]) == (400, param)


def test_nothing_that_is_sent_makes_a_header(gateway):
    evil = "x\r\nset-cookie: a=b"
    for reply in (
        gateway.ask(metadata={"team": evil, "bestroute": "explain"}, user=evil),
        gateway.ask(metadata={"bestroute": {"model": evil}}),
        gateway.ask(headers={"x-request-id": "a b; c"}),
    ):
        assert "set-cookie" not in reply.headers
        assert reply.headers["x-bestroute-request-id"].isalnum()


def test_large_bodies(gateway):
    told = gateway.raw(HEAD + b"content-length: 99999999\r\n\r\n")
    assert body_of(told)[0] == 413
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    told = gateway.raw(HEAD + b"transfer-encoding: chunked\r\n\r\n", *[chunk] * 20)
    assert body_of(told)[1]["code"] == "request_too_large"


def test_slow_bodies_and_heads(gateway):
    assert body_of(gateway.raw(HEAD + b"content-length: 9\r\n\r\n{"))[0] == 408
    assert body_of(gateway.raw(HEAD))[0] == 408
    assert body_of(gateway.raw())[0] == 408


def test_large_heads(gateway):
    many = b"".join(b"h%d: 1\r\n" % place for place in range(10_000))
    for head in (HEAD + many, HEAD + b"h: " + b"x" * 100_000 + b"\r\n"):
        assert body_of(gateway.raw(head + b"\r\n")) == (
            431,
            {
                "message": "the head of a request may have 100 headers and 32768 bytes",
                "type": "invalid_request_error",
                "param": None,
                "code": "head_too_large",
            },
        )
    assert body_of(gateway.raw(b"nonsense\r\n\r\n"))[0] == 400


def test_addresses_that_are_not_there(gateway):
    for method, path, status, code in (
        ("GET", "/v1/nothing", 404, "unknown_url"),
        ("GET", CHAT, 405, "method_not_allowed"),
        ("POST", "/v1/nothing?key=secret", 404, "unknown_url"),
    ):
        reply = gateway.send(method, path)
        assert (reply.status, reply.error["code"]) == (status, code)
        assert b"secret" not in reply.body


@pytest.mark.parametrize(
    "path", [CHAT, "/v1/messages", "/v1/route", "/healthz", "/metrics", "/page/overview"]
)
def test_an_address_with_a_slash_too_many_leads_nowhere(gateway, path):
    for method in ("GET", "POST"):
        reply = gateway.send(method, f"{path}/", host="evil.example")
        assert (reply.status, "location" in reply.headers) == (404, False)
        assert b"evil.example" not in reply.body


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fields=st.dictionaries(st.sampled_from(FIELDS), VALUES, min_size=1, max_size=3))
def test_wrong_types_in_any_field(gateway, fields):
    reply = gateway.ask(**fields)
    assert reply.status in (200, 400, 404)
    if reply.status != 200:
        check_shape(reply)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.dictionaries(st.sampled_from(["query", "queries", "messages", "metadata", "tools", "id"]), VALUES)
)
def test_wrong_types_in_what_is_to_be_decided(gateway, body):
    reply = gateway.post("/v1/route", body)
    assert reply.status in (200, 400)
    if reply.status != 200:
        check_shape(reply)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"n": 3}, "n"),
        ({"stream": "yes"}, "stream"),
        ({"max_tokens": "12"}, "max_tokens"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"max_tokens": [1]}, "max_tokens"),
        ({"max_tokens": 10**40}, "max_tokens"),
        ({"max_completion_tokens": 1.5}, "max_completion_tokens"),
        ({"temperature": "0.5"}, "temperature"),
        ({"temperature": 10**400}, "temperature"),
        ({"top_p": False}, "top_p"),
        ({"presence_penalty": {}}, "presence_penalty"),
        ({"messages": [{"role": "nobody", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 7}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{}]}]}, "messages[0].content[0]"),
        ({"messages": []}, "messages"),
        ({"tools": ["x"]}, "tools[0]"),
        ({"tools": 7}, "tools"),
        ({"response_format": "json"}, "response_format"),
        ({"extra_body": {}}, "extra_body"),
        ({"logit_bias": {}}, "logit_bias"),
        ({"metadata": "x"}, "metadata"),
        ({"model": "gpt-4"}, "model"),
    ],
)
def test_the_field_at_fault_is_named(gateway, fields, param):
    reply = gateway.ask(**fields)
    assert (reply.status, reply.error["param"]) == (404 if param == "model" else 400, param)


def test_what_there_is_instead_is_named(gateway):
    told = "the model 'gpt-4' is not served here, but auto, p1, tiny, big; GET /v1/models lists all"
    assert gateway.ask(model="gpt-4").error["message"] == told
    assert gateway.ask(headers={"x-bestroute-model": "gpt-4"}).error["message"] == told
    assert gateway.get("/v1/models/gpt-4").error["message"] == told
    for path in ("/v1/completions", "/chat/completions", "/v1/nothing"):
        assert "POST /v1/chat/completions" in gateway.post(path, {}).error["message"]
    assert gateway.get(CHAT).error["message"] == f"GET {CHAT}: this address takes POST"


def test_a_header_that_is_mistyped_is_refused(gateway, upstream):
    reply = gateway.ask(headers={"x-bestroute-explian": "true"})
    assert (reply.status, reply.error["param"]) == (400, "x-bestroute-explian")
    assert upstream.requests == []
