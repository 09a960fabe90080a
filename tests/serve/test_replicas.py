"""Two gateways on one policy are as one: decisions, canaries, conversations handed through, reloads."""

import pytest

from tests.answering.fake_endpoint import FakeEndpoint, answer_n
from tests.patience import until
from tests.serve.gateway import POLICY, started

SESSION = POLICY.replace("sampling: {{", "sampling: {{session: {{keep: 1}}, ")
CANARY = "canary: {policy: next.yaml, share: 0.5}\n"
TURNS = [
    {"role": "user", "content": "Good day."},
    {"role": "assistant", "content": "Good day."},
    {"role": "user", "content": "Why is the sky blue?"},
]


@pytest.fixture(scope="module")
def replicas(tmp_path_factory):
    folder = tmp_path_factory.mktemp("replicas")
    endpoint = FakeEndpoint()
    endpoint.play(answer_n())
    base = SESSION.format(url=endpoint.base_url, dial=0.0)
    (folder / "next.yaml").write_text(base.replace("route: {model: tiny}", "route: {model: big}"), "utf-8")
    with started(folder, base + CANARY) as one, started(folder, base + CANARY) as two:
        yield one, two, folder / "p0.yaml"
    endpoint.close()


def header(reply, name):
    return reply.headers[f"x-bestroute-{name}"]


def test_they_decide_alike(replicas):
    one, two, _ = replicas
    for number in range(12):
        asked = [replica.ask("hello", user=f"u{number}") for replica in (one, two)]
        assert len({(header(reply, "model"), header(reply, "policy")) for reply in asked}) == 1


def test_a_conversation_is_handed_through(replicas):
    """A turn that the router model would give to big stays with tiny, which holds the conversation."""
    one, two, _ = replicas
    user = next(f"u{n}" for n in range(40) if header(one.ask("hello", user=f"u{n}"), "model") == "tiny")
    first = one.ask("hello", user=user)
    body = {"model": "auto", "messages": TURNS, "user": user}
    handed = {"x-bestroute-session": header(first, "session")}
    assert header(first, "session").startswith("tiny;")
    fresh, going_on = (two.post("/v1/chat/completions", body, **more) for more in ({}, handed))
    assert (header(fresh, "model"), header(going_on, "model")) == ("big", "tiny")
    words = {"bestroute": f"session={header(first, 'session')}"}
    told = two.post("/v1/route", {"messages": TURNS, "metadata": words, "user": user}).json
    assert told["session"]["model"] == told["model"] == "tiny"


@pytest.mark.parametrize("session", ["", "tiny", "tiny;x", ";5", "tiny;-1", "tiny;12345678901"])
def test_what_is_no_session(replicas, session):
    reply = replicas[0].ask("hello", headers={"x-bestroute-session": session})
    assert (reply.status, reply.error["param"]) == (400, "x-bestroute-session")


def test_a_session_of_a_model_that_is_not_there(replicas):
    assert replicas[0].ask("hello", headers={"x-bestroute-session": "gone;5"}).status == 200


def test_both_follow_the_file(replicas):
    one, two, path = replicas
    before = one.get("/readyz").json["policies"]["auto"]
    text = path.read_text("utf-8").replace("overrides: {", "overrides: {models: false, ")
    path.write_text(text, "utf-8")
    until(lambda: all(each.get("/readyz").json["policies"]["auto"] != before for each in (one, two)))
    refused = two.ask("hello", headers={"x-bestroute-session": "tiny;5"})
    assert (refused.status, refused.error["code"]) == (400, "not_allowed")
    assert "x-bestroute-session" not in two.ask("hello").headers
