"""Where no keys are asked for no page that somebody reads may ask: by name, origin or body."""

import json

import pytest

from bestroute.serve.door import Door
from bestroute.serve.keys.load import append, new_key
from bestroute.serve.refusals import Refusal
from tests.answering.fake_endpoint import answer_n
from tests.serve.gateway import POLICY, started

CHAT = "/v1/chat/completions"
ASKED = json.dumps({"messages": [{"role": "user", "content": "hello"}]}).encode()


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        ({"origin": "https://evil.example", "content_type": "text/plain"}, 403, "origin_not_allowed"),
        ({"origin": "https://evil.example"}, 403, "origin_not_allowed"),
        ({"origin": "null"}, 403, "origin_not_allowed"),
        ({"origin": "http://["}, 403, "origin_not_allowed"),
        ({"origin": "http://localhost:3000"}, 403, "origin_not_allowed"),
        ({"host": "evil.example:8080", "origin": "http://evil.example:8080"}, 403, "host_not_allowed"),
        ({"host": "10.0.0.7"}, 403, "host_not_allowed"),
        ({"host": "localhost.evil.example"}, 403, "host_not_allowed"),
        ({"host": "[::1"}, 403, "host_not_allowed"),
        ({"content_type": "text/plain;charset=UTF-8"}, 415, "unsupported_media_type"),
        ({"content_type": "application/x-www-form-urlencoded"}, 415, "unsupported_media_type"),
        ({"content_type": "application/json; charset=utf-8"}, 200, None),
        ({"content_type": "Application/JSON"}, 200, None),
        ({"content_type": ""}, 200, None),
        ({"host": "localhost:1"}, 200, None),
        ({"host": "[::1]:8080"}, 200, None),
        ({"host": "localhost:8080", "origin": "http://localhost:8080"}, 200, None),
    ],
)
def test_who_may_ask(gateway, upstream, sent, status, code):
    reply = gateway.send("POST", CHAT, ASKED, **sent)
    assert (reply.status, code and reply.error["code"]) == (status, code)
    assert len(upstream.requests) == (status == 200)
    for path in ("/v1/messages", "/v1/route"):
        assert gateway.send("POST", path, ASKED, **sent).status == status
    if code == "origin_not_allowed":
        assert "CORS, which the gateway does not" in reply.error["message"]
    if status == 403:
        for path in ("/", "/v1/models", "/v1/models/auto", "/metrics", "/page/overview"):
            assert gateway.send("GET", path, **sent).status == 403


@pytest.mark.parametrize(
    ("version", "hosts", "status"),
    [("1.1", 0, 400), ("1.1", 2, 400), ("1.0", 2, 400), ("1.1", 1, 200), ("1.0", 1, 200), ("1.0", 0, 200)],
)
def test_a_request_names_one_host(gateway, version, hosts, status):
    head = f"GET /v1/models HTTP/{version}\r\n" + "host: localhost\r\n" * hosts
    came = gateway.raw(f"{head}connection: close\r\n\r\n".encode())
    assert int(came.split()[1]) == status
    if status == 400:
        assert json.loads(came.partition(b"\r\n\r\n")[2])["error"]["code"] == "invalid_http"


def test_with_keys_no_browser_of_another_origin_is_let_in_either(tmp_path, fake_endpoint):
    """What is told of pages from elsewhere is so: nothing answers their preflight."""
    key, kept = new_key("a")
    append(kept, tmp_path / "keys.yaml")
    text = POLICY.format(url=fake_endpoint.base_url, dial=1.0)
    with started(tmp_path, text, keys=str(tmp_path / "keys.yaml")) as one:
        asks = {"origin": "http://b.example", "access_control_request_method": "POST"}
        reply = one.send("OPTIONS", CHAT, **asks)
        assert reply.status == 405
        assert not [name for name in reply.headers if name.startswith("access-control")]


def test_the_address_that_was_given_is_a_name():
    Door("gateway.internal").check({"host": "Gateway.internal:8080"})
    with pytest.raises(Refusal, match="'other.internal' is no name of this machine"):
        Door("gateway.internal").check({"host": "other.internal"})


def test_an_open_gateway_has_any_name_and_no_guests(tmp_path, fake_endpoint):
    """Which names others have for it nobody can know; pages from elsewhere are kept out all the same."""
    fake_endpoint.play(answer_n())
    with started(
        tmp_path, POLICY.format(url=fake_endpoint.base_url, dial=1.0), is_open=True, host="0.0.0.0"
    ) as one:
        one.url = f"http://127.0.0.1:{one.port}/v1"
        assert one.send("POST", CHAT, ASKED, host="gateway.example").status == 200
        assert one.send("POST", CHAT, ASKED, host="a.example", origin="http://b.example").status == 403
        assert one.send("POST", CHAT, ASKED, content_type="text/plain").status == 415


def test_with_keys_the_key_decides(tmp_path, fake_endpoint):
    fake_endpoint.play(answer_n())
    key, kept = new_key("a")
    append(kept, tmp_path / "keys.yaml")
    text = POLICY.format(url=fake_endpoint.base_url, dial=1.0)
    with started(tmp_path, text, keys=str(tmp_path / "keys.yaml")) as one:
        sent = {"host": "a.example", "origin": "http://b.example", "content_type": "text/plain"}
        assert one.send("POST", CHAT, ASKED, authorization=f"Bearer {key}", **sent).status == 200
        assert one.send("POST", CHAT, ASKED, **sent).status == 401
