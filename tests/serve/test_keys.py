"""A gateway that asks for keys: who is let in, what their keys let them do, and that no key is told."""

import json
import socket
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest

from bestroute.serve.keys.load import append, new_key
from tests.answering.fake_endpoint import FakeEndpoint, answer_n, endless, pieces, status, streamed
from tests.patience import PATIENCE_S, until
from tests.serve.gateway import POLICY, launch, started
from tests.serve.keys.redis_server import PASSWORD, redis_running

CHAT = "/v1/chat/completions"
KEYS = {
    "free": {},
    "team-a": {"metadata": {"team": "a"}},
    "narrow": {"models": ("auto",)},
    "ops": {"operator": True},
    "slow": {"rate": {"requests": 2}},
    "saver": {"budget": {"day": 0.1}},
    "streams": {"budget": {"day": 0.1}},
    "failing": {"budget": {"day": 0.1}},
    "leaving": {"budget": {"day": 0.1}},
    "burst": {"budget": {"day": 0.1}},
    "tokens": {"rate": {"tokens": 2000}},
    "official": {"rate": {"requests": 1}},
}


def policy(endpoint):
    rule = "rules:\n  - {name: team, when: {metadata: {key.team: a}}, route: {model: big}}\n"
    return POLICY.format(url=endpoint.base_url, dial=1.0).replace("rules:\n", rule, 1)


def with_keys(folder, names):
    """The file of these keys, and the keys."""
    made = {name: new_key(name, **KEYS[name]) for name in names}
    for _, kept in made.values():
        append(kept, folder / "keys.yaml")
    return str(folder / "keys.yaml"), {name: key for name, (key, _) in made.items()}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    endpoint = FakeEndpoint()
    path, keys = with_keys(folder, KEYS)
    with started(folder, policy(endpoint), keys=path, log=str(folder / "log.jsonl")) as gateway:
        gateway.log, gateway.keys, gateway.file = folder / "log.jsonl", keys, folder / "keys.yaml"
        yield gateway, endpoint
    endpoint.close()


@pytest.fixture
def upstream(served):
    served[1].requests.clear()
    served[1].play(answer_n())
    return served[1]


@pytest.fixture
def gateway(served, upstream):
    return served[0]


def bearer(gateway, name):
    return {"authorization": f"Bearer {gateway.keys[name]}"}


def ask(gateway, name, text="hello", **fields):
    return gateway.ask(text, headers=bearer(gateway, name), **fields)


def left(gateway, name):
    """US$ that a key has left of its day, as a request tells that reserves nothing but itself."""
    reply = ask(gateway, name, max_tokens=1)
    return float(reply.headers["x-bestroute-budget-day-left"])


def test_only_who_has_a_key_is_let_in(gateway, upstream):
    key = gateway.keys["free"]
    for headers, code in (
        ({}, "missing_api_key"),
        ({"authorization": f"Bearer {key}x"}, "invalid_api_key"),
        ({"authorization": key}, "missing_api_key"),
        ({"cookie": f"key={key}"}, "missing_api_key"),
    ):
        for path in (CHAT, "/v1/route", f"{CHAT}?api_key={key}&key={key}"):
            reply = gateway.post(path, {"messages": [{"role": "user", "content": "hello"}]}, **headers)
            assert (reply.status, reply.error["code"]) == (401, code)
            assert reply.error["type"] == "invalid_request_error"
            assert key.encode() not in reply.body
    assert upstream.requests == []
    assert gateway.get("/v1/models").status == 401
    assert gateway.get("/metrics").status == 401
    assert gateway.get("/healthz").status == gateway.get("/readyz").status == 200
    assert ask(gateway, "free").status == 200
    assert key not in json.dumps([dict(one.headers) for one in upstream.requests])


def test_who_has_no_key_sends_no_body(gateway):
    """It is refused before a body is waited for."""
    came = gateway.raw(
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 99\r\n\r\n"
    )
    assert came.startswith(b"HTTP/1.1 401 ")


def test_the_official_client_understands(gateway):
    def ask(key, request):
        with openai.OpenAI(base_url=gateway.url, api_key=key, max_retries=0) as client:
            return request(client)

    def chat(key, model="auto"):
        question = {"model": model, "messages": [{"role": "user", "content": "hello"}]}
        return ask(key, lambda client: client.chat.completions.create(**question))

    def models(key):
        return ask(key, lambda client: [one.id for one in client.models.list()])

    with pytest.raises(openai.AuthenticationError) as failure:
        chat("br-nobody")
    assert failure.value.code == "invalid_api_key"
    assert chat(gateway.keys["official"]).choices[0].message.content == "hello"
    with pytest.raises(openai.RateLimitError) as failure:
        chat(gateway.keys["official"])
    assert failure.value.code == "rate_limit_exceeded"
    with pytest.raises(openai.PermissionDeniedError):
        chat(gateway.keys["narrow"], "tiny")
    assert models(gateway.keys["narrow"]) == ["auto"]
    assert set(models(gateway.keys["free"])) == {"auto", "tiny", "big"}


def test_a_key_may_be_for_some_models_alone(gateway):
    assert ask(gateway, "narrow").status == 200
    for reply in (
        ask(gateway, "narrow", model="tiny"),
        ask(gateway, "narrow", metadata={"bestroute": "model=tiny"}),
        gateway.ask("hello", headers={**bearer(gateway, "narrow"), "x-bestroute-model": "tiny"}),
    ):
        assert (reply.status, reply.error["type"]) == (403, "permission_error")
    assert gateway.send("GET", "/v1/models/tiny", **bearer(gateway, "narrow")).status == 404


def test_rules_see_what_a_key_says_and_endpoints_do_not(gateway, upstream):
    assert ask(gateway, "team-a").headers["x-bestroute-rule"] == "team"
    assert ask(gateway, "free").headers["x-bestroute-model"] == "tiny"
    assert ask(gateway, "team-a", metadata={"user": "7"}).status == 200
    assert upstream.requests[-1].body["metadata"] == {"user": "7"}
    assert all("metadata" not in one.body for one in upstream.requests[:-1])
    for body in ({"query": "hello"}, {"query": "hello", "metadata": {"x": 1}}):
        assert gateway.post("/v1/route", body, **bearer(gateway, "team-a")).json["rule"] == "team"
    batch = {"queries": ["hello", {"query": "hello", "metadata": {}}]}
    found = gateway.post("/v1/route", batch, **bearer(gateway, "team-a")).json
    assert [one["rule"] for one in found["decisions"]] == ["team", "team"]


@pytest.mark.parametrize("name", ["key.team", "KEY.team", " key.team", "key.name"])
def test_nobody_can_claim_what_a_key_says(gateway, upstream, name):
    claim = {name: "a"}
    for path, body in (
        (CHAT, {"messages": [{"role": "user", "content": "hello"}], "metadata": claim}),
        ("/v1/route", {"query": "hello", "metadata": claim}),
        ("/v1/route", {"queries": ["hello", {"query": "hello", "metadata": claim}]}),
    ):
        reply = gateway.post(path, body, **bearer(gateway, "free"))
        assert reply.status == 400
        assert reply.error["param"] in ("metadata", "queries[1].metadata")
    assert upstream.requests == []


def test_a_rate_is_held(gateway):
    found = [ask(gateway, "slow") for _ in range(3)]
    assert [one.status for one in found] == [200, 200, 429]
    assert [one.headers["x-ratelimit-remaining-requests"] for one in found] == ["1", "0", "0"]
    assert found[-1].error["code"] == "rate_limit_exceeded"
    assert 1 <= int(found[-1].headers["retry-after"]) <= 60
    assert ask(gateway, "free").status == 200


def test_tokens_are_held(gateway):
    """Of 2,000 a request may take some 1,030; its bill is 15."""
    assert ask(gateway, "tokens").status == 200
    until(lambda: ask(gateway, "tokens", max_tokens=1900).status == 200)
    assert ask(gateway, "tokens", max_tokens=1980).error["code"] == "rate_limit_exceeded"


def test_a_budget_is_charged_from_what_was_billed(gateway):
    """A request may cost $0.031; tiny is billed 10 and 5 tokens, $0.00002."""
    for _ in range(8):
        assert ask(gateway, "saver").status == 200
        until(lambda: left(gateway, "saver") > 0.099)
    refused = ask(gateway, "saver", max_tokens=10_000)
    assert (refused.status, refused.error["code"]) == (429, "insufficient_quota")
    assert refused.headers["x-should-retry"] == "false"


def test_streams_are_charged_too(gateway, upstream):
    upstream.play(pieces(*streamed("hel", "lo")))
    assert b"[DONE]" in ask(gateway, "streams", stream=True).body
    until(lambda: 0.099 < left(gateway, "streams") < 0.1)


def test_what_no_model_answered_is_not_charged(gateway, upstream):
    upstream.play(status(400))
    assert [ask(gateway, "failing").status for _ in range(8)] == [400] * 8
    assert [ask(gateway, "failing", logit_bias={"1": 1}).status for _ in range(8)] == [400] * 8
    upstream.play(answer_n())
    until(lambda: left(gateway, "failing") > 0.099)


def test_a_burst_does_not_overrun_a_budget(gateway, upstream):
    """Three of at most $0.031 each fit into $0.1 at a time."""
    upstream.play(answer_n(hold_s=0.5))
    with ThreadPoolExecutor(12) as pool:
        found = [*pool.map(lambda _: ask(gateway, "burst").status, range(12))]
    assert set(found) == {200, 429}
    assert upstream.most_at_once <= 3


def test_who_goes_away_is_charged_what_was_reserved(gateway, upstream):
    upstream.play(endless())
    body = json.dumps({"model": "auto", "stream": True, "messages": [{"role": "user", "content": "hello"}]})
    head = f"POST {CHAT} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {gateway.keys['leaving']}\r\n"
    sent = f"{head}content-length: {len(body)}\r\n\r\n{body}".encode()
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=PATIENCE_S) as connection:
        connection.sendall(sent)
        assert connection.recv(100).startswith(b"HTTP/1.1 200")
    until(lambda: upstream.streaming == 0)
    upstream.play(answer_n())
    until(lambda: '"caller_gone"' in gateway.log.read_text("utf-8"))
    assert left(gateway, "leaving") < 0.07


def test_operators_see_what_each_key_came_to(gateway):
    ask(gateway, "free")
    assert gateway.send("GET", "/metrics", **bearer(gateway, "free")).status == 403
    counts = gateway.send("GET", "/metrics", **bearer(gateway, "ops")).body.decode()
    assert 'bestroute_key_requests_total{key="free",status="200"}' in counts
    assert 'bestroute_key_cost_dollars_total{key="free"}' in counts


def test_no_key_is_told_anywhere(gateway):
    wrong = "br-a-wrong-key-that-is-not-known-here"
    gateway.ask(headers={"authorization": f"Bearer {wrong}"})
    gateway.get(f"/v1/nothing?key={wrong}")
    reply = ask(gateway, "free", user="7")
    until(lambda: reply.headers["x-bestroute-request-id"] in gateway.log.read_text("utf-8"))
    counts = gateway.send("GET", "/metrics", **bearer(gateway, "ops")).body.decode()
    told = [gateway.log.read_text("utf-8"), "".join(gateway.lines), counts]
    for key in (*gateway.keys.values(), wrong):
        assert not any(key in text or key[3:] in text for text in told)
    lines = [json.loads(line) for line in told[0].splitlines()]
    assert {"free", None} <= {line["key"] for line in lines}


def test_keys_come_and_go_while_it_runs(gateway):
    key, kept = new_key("late")
    before = gateway.file.read_bytes()
    append(kept, gateway.file)
    late = {"authorization": f"Bearer {key}"}
    until(lambda: gateway.ask(headers=late).status == 200)
    gateway.file.write_text("nonsense", "utf-8")
    until(lambda: gateway.get("/readyz").json["refused"] == ["keys"])
    assert gateway.ask(headers=late).status == 200
    gateway.file.write_bytes(before)
    until(lambda: gateway.ask(headers=late).status == 401)
    assert gateway.get("/readyz").json["refused"] == []


def test_replicas_share_what_was_used_in_redis(tmp_path, fake_endpoint):
    """A key that may ask twice a minute may ask twice of all."""
    path, keys = with_keys(tmp_path, ["slow", "saver"])
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    with redis_running(tmp_path) as redis:
        settings = {"keys": path, "redis": redis.url}
        with (
            started(tmp_path / "one", policy(fake_endpoint), **settings) as one,
            started(tmp_path / "two", policy(fake_endpoint), **settings) as two,
        ):
            one.keys = two.keys = keys
            found = [ask(gateway, "slow").status for gateway in (one, two, two, one)]
            assert found == [200, 200, 429, 429]
            assert ask(one, "saver").status == 200
            until(lambda: 0.099 < left(two, "saver") < 0.1)
            redis.stop()
            assert [ask(one, "slow").status for _ in range(3)] == [200, 200, 429]  # counted by itself now
            assert not any(PASSWORD in line for line in (*one.lines, *two.lines))


def test_it_does_not_listen_where_others_reach_it_without_keys(tmp_path, fake_endpoint, monkeypatch):
    monkeypatch.delenv("BESTROUTE_KEYS", raising=False)
    (tmp_path / "p.yaml").write_text(policy(fake_endpoint), "utf-8")
    gateway = launch([tmp_path / "p.yaml"], host="0.0.0.0")
    assert gateway.process.wait(PATIENCE_S) != 0
    until(lambda: any("--keys FILE" in line for line in gateway.lines))
    gateway.process.stderr.close()


def test_keys_of_the_environment_let_in_wherever_it_listens(tmp_path, fake_endpoint, monkeypatch):
    key = "br-0123456789-of-the-environment"
    monkeypatch.setenv("BESTROUTE_KEYS", f"env:{key}")
    with started(tmp_path, policy(fake_endpoint), host="0.0.0.0") as gateway:
        gateway.url = f"http://127.0.0.1:{gateway.port}/v1"
        assert gateway.ask().status == 401
        assert gateway.ask(headers={"authorization": f"Bearer {key}"}).status == 200
    assert not any(key in line for line in gateway.lines)
