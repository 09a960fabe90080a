"""Texts that begin with a dash, on the commands that take one."""

import pytest

from bestroute import Router
from tests import ROOT
from tests.answering.fake_endpoint import FakeEndpoint, answer
from tests.cli.test_ask import local_policy
from tests.cli.typed import document, run

POLICY = str(ROOT / "policies" / "two-models.yaml")
TEXTS = [
    "-5 + 3 = ?",
    "-5",
    "- an item",
    "--- a line",
    "-what is this",
    "-h is what?",
    "-2*x=4",
    "-\u00e9t\u00e9",
    "--5",
]


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_may_begin_with_a_dash(text):
    for words in ([POLICY, text, "--json"], ["--json", POLICY, text], ["--json", "--", POLICY, text]):
        decided = document(run("route", *words))
        assert decided["gap"] == Router.from_policy(POLICY).route(text).gap
    alone = run("route", POLICY, text, "-m", "a=b", "--explain-all")
    assert alone.exit_code == 0


def test_it_is_the_text_that_is_asked(tmp_path, fake_endpoint: FakeEndpoint):
    fake_endpoint.play(*[answer("-2")] * 8)
    document(run("ask", local_policy(tmp_path, fake_endpoint.base_url), "-5 + 3 = ?", "--json"))
    assert fake_endpoint.requests[0].body["messages"] == [{"role": "user", "content": "-5 + 3 = ?"}]


def test_pick_takes_it_too():
    assert document(run("pick", "-5 + 3 = ?", "-", "--json", stdin='["-2", "no"]'))["groups"] == [0, 1]


@pytest.mark.parametrize("text", ["-x", "--jsno", "--what=is this?"])
def test_what_looks_like_an_option_goes_after_two(text):
    refused = run("route", POLICY, text)
    assert refused.exit_code == 2
    assert "A text that begins with a dash goes after `--`: -- '-" in refused.stderr
    assert run("route", POLICY, "--", text).exit_code == 0


def test_options_are_still_options():
    assert "Did you mean '--json'?" in run("route", POLICY, "x", "--jsno").stderr
    assert run("route", POLICY, "-h").stdout.startswith("Usage: ")
    assert document(run("route", POLICY, "x", "--json", "-m", "-a b=1", "-mc=d e"))["rule"] is None
    assert document(run("route", POLICY, "-", "--json", stdin="-1?"))["rule"] is None
