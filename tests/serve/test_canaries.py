"""A canary decides for some callers, always the same ones, and follows its file."""

import json

import pytest
from click.testing import CliRunner

from bestroute.cli import cli
from bestroute.errors import InputError, PolicyError
from bestroute.policy import parse_policy
from bestroute.serve.callers import caller_of, drawn
from bestroute.serve.policies import Policies
from bestroute.serve.wishes import Wishes
from tests.answering.fake_endpoint import FakeEndpoint, answer_n
from tests.patience import until
from tests.serve.gateway import POLICY, started

BASE = POLICY.format(url="http://127.0.0.1:9/v1", dial=0.03)
NEXT = BASE.replace("route: {model: tiny}", "route: {model: big}")
CANARY = "canary: {policy: next.yaml, share: 0.5}\n"
HELLO = [{"role": "user", "content": "hello"}]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "next.yaml").write_text(NEXT, "utf-8")
    (tmp_path / "p.yaml").write_text(BASE + CANARY, "utf-8")
    return tmp_path


def policy_of(**canary):
    told = json.dumps({"policy": "next.yaml", "share": 0.5, **canary})
    return parse_policy(f"{BASE}canary: {told}\n", "p.yaml")


def test_callers():
    by = policy_of(by="customer")
    one = caller_of({"user": "u", "metadata": {"customer": "c"}}, by)
    assert one == caller_of({"user": "other", "metadata": {"customer": "c"}}, by)
    assert one != caller_of({"user": "u", "metadata": {"customer": "d"}}, by)
    assert caller_of({"user": "u"}, by) == caller_of({"user": "u", "messages": HELLO}, by)
    assert caller_of({"user": "u"}, by, "team-a") == caller_of({"user": "v"}, by, "team-a")
    assert len(one) == 12  # a digest: no name of a caller is logged


def test_a_conversation_stays_by_how_it_begins():
    policy = policy_of()
    later = [*HELLO, {"role": "assistant", "content": "hi"}, {"role": "user", "content": "Why?"}]
    assert caller_of({"messages": HELLO}, policy) == caller_of({"messages": later}, policy)
    assert caller_of({"messages": HELLO}, policy) == caller_of({"query": "hello"}, policy)
    assert caller_of({"messages": HELLO}, policy) != caller_of({"messages": later[1:]}, policy)
    assert caller_of({"queries": ["hello"]}, policy) == caller_of({"messages": 3}, policy) == ""


@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
def test_shares_hold_and_grow(share):
    policy = policy_of(share=share)
    callers = [caller_of({"user": f"u{number}"}, policy) for number in range(2000)]
    chosen = {one for one in callers if drawn(one, policy.canary)}
    assert abs(len(chosen) / 2000 - share) < 0.04
    wider = policy_of(share=min(1.0, 2 * share)).canary
    assert chosen <= {one for one in callers if drawn(one, wider)}  # who was in it stays in it


class TestPolicies:
    def test_who_decides(self, folder):
        policies = Policies([folder / "p.yaml"])
        found = [policies.find("auto", Wishes(), {"user": f"u{number}"}) for number in range(40)]
        assert {one.side for one in found} == {"base", "canary"}
        assert len({one.digest for one in found}) == 2
        assert {one.name for one in found} == {"auto"}
        again = [policies.find(None, Wishes(), {"user": f"u{number}"}).side for number in range(40)]
        assert [one.side for one in found] == again

    def test_who_has_wishes_or_no_name_is_in_no_trial(self, folder):
        policies = Policies([folder / "p.yaml"])
        for model, wishes, body in (
            ("big", Wishes(), {"user": "u"}),
            ("auto", Wishes(max_gap=0.02), {"user": "u"}),
            ("auto", Wishes(), {"queries": []}),
        ):
            assert policies.find(model, wishes, body).side == ""

    def test_one_that_does_not_hold(self, folder):
        (folder / "next.yaml").write_text("version: 2\n", "utf-8")
        with pytest.raises(PolicyError, match="next.yaml"):
            Policies([folder / "p.yaml"])

    def test_one_with_a_canary_itself(self, folder):
        (folder / "next.yaml").write_text(NEXT + CANARY, "utf-8")
        with pytest.raises(InputError, match="has a canary itself"):
            Policies([folder / "p.yaml"])

    def test_changes_are_followed(self, folder):
        policies = Policies([folder / "p.yaml"])
        policies.start()
        try:

            def digests():
                return {policies.find("auto", Wishes(), {"user": f"u{n}"}).digest for n in range(40)}

            before = digests()
            (folder / "next.yaml").write_text(NEXT.replace("max_gap: 0.03", "max_gap: 0.05"), "utf-8")
            until(lambda: digests() != before)
            assert len(digests()) == 2
            (folder / "p.yaml").write_text(BASE + CANARY.replace("next", "gone"), "utf-8")
            until(lambda: "auto/canary" in policies.faults)  # it decides nothing; nobody is refused
            assert len(digests()) == 1
            (folder / "p.yaml").write_text(BASE + CANARY, "utf-8")
            until(lambda: not policies.faults and len(digests()) == 2)
            (folder / "p.yaml").write_text(BASE, "utf-8")
            until(lambda: len(digests()) == 1)
        finally:
            policies.close()


def test_the_log_tells_them_apart(folder):
    endpoint = FakeEndpoint()
    endpoint.play(answer_n())
    log = folder / "log.jsonl"
    (folder / "next.yaml").write_text(
        POLICY.format(url=endpoint.base_url, dial=0.03).replace(
            "route: {model: tiny}", "route: {model: big}"
        ),
        "utf-8",
    )
    base = POLICY.format(url=endpoint.base_url, dial=0.03) + CANARY
    with started(folder, base, log=str(log)) as gateway:
        replies = [gateway.ask("hello", user=f"u{number}") for number in range(20)]
        metrics = gateway.get("/metrics").body.decode()
    endpoint.close()
    models = [one.headers["x-bestroute-model"] for one in replies]
    lines = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    assert {(line["side"], line["model"]) for line in lines} == {("base", "tiny"), ("canary", "big")}
    assert [line["model"] for line in lines] == models
    assert len({line["caller"] for line in lines}) == 20
    assert 'policy="auto/canary"' in metrics
    told = CliRunner().invoke(cli, ["log", "compare", str(log), "--json"])
    compared = json.loads(told.output)
    assert compared["canary"] == {"requests": models.count("big"), "callers": models.count("big")}
    # 10 tokens in and 5 out, each: tiny $20, big $250 a million such
    assert compared["figures"]["cost"]["base"] == pytest.approx(20e-6)
    assert compared["figures"]["cost"]["difference"] == pytest.approx(230e-6)
    assert compared["figures"]["cost"]["low"] == pytest.approx(230e-6)
    shown = CliRunner().invoke(cli, ["log", "compare", str(log)]).output
    assert "cost $ a request" in shown
    assert "differs" in shown
