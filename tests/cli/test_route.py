"""`bestroute route` as a user types it."""

import json

import pytest

from tests import ROOT
from tests.cli.typed import document, run, write

EXAMPLE = str(ROOT / "policy.example.yaml")
DECISION_FIELDS = [
    "model", "n", "models", "cause", "rule", "gap", "match_probability", "expected_cost", "reference_cost",
    "candidates", "policy", "objective", "novel", "session", "plan",
    "expected_calls", "expected_gap", "health", "timings_ms", "fallbacks",
]  # fmt: skip


def test_route_explains_and_gives_the_contract_as_json():
    shown = run("route", EXAMPLE, "Why is the sky blue?")
    assert shown.exit_code == 0
    assert "why not" in shown.stdout
    decision = document(run("route", EXAMPLE, "Why is the sky blue?", "--json"))
    assert list(decision) == DECISION_FIELDS
    assert len(decision["candidates"]) == 7
    assert set(decision["timings_ms"]) == {"rules", "tokenize", "predict", "total"}


def test_route_by_rule_has_no_gaps_unless_asked():
    decision = document(run("route", EXAMPLE, "Hello there", "--json"))
    assert (decision["cause"], decision["rule"], decision["gap"]) == ("rule", "greetings", None)
    explained = document(run("route", EXAMPLE, "Hello there", "--json", "--explain-all"))
    assert explained["cause"] == "rule"
    assert all(candidate["gap"] is not None for candidate in explained["candidates"])


def test_route_tells_why_rules_did_not_match():
    shown = run("route", EXAMPLE, "Is this a contract?").stdout
    assert "rule 'greetings': " in shown
    assert "rule 'legal stays with the reference': matches" in shown
    assert "paying customers" not in shown


PORTFOLIO = """\
version: 1
models:
  - {name: a, class: small, price: {input: 0.2, output: 0.2}}
  - {name: b, class: medium, price: {input: 0.3, output: 0.9}}
  - {name: big, class: large, price: {input: 2.5, output: 10}}
reference: big
max_gap: 1
abstain: false
tiers: [{models: {b: 1, a: 2}}, {model: big}]
rules: [{name: hi, when: {pattern: ^hi}, route: {models: {b: 1, a: 1}}}]
"""


def test_a_portfolio_is_checked_routed_to_and_counted(tmp_path):
    policy = write(tmp_path, "policy.yaml", PORTFOLIO)
    checked = run("check", policy)
    assert (checked.exit_code, checked.stderr) == (0, "")
    shown = run("route", policy, "Why is the sky blue?").stdout
    assert shown.startswith("a@2+b@1  (tier)")
    assert [line.split()[1] for line in shown.splitlines() if line.startswith(">")] == ["a@2+b@1"]
    assert run("route", policy, "hi there").stdout.startswith("a@1+b@1  (rule 'hi')")
    decision = document(run("route", policy, "Why is the sky blue?", "--json"))
    assert (decision["model"], decision["n"], decision["models"]) == ("a+b", 3, {"a": 2, "b": 1})
    first, last = decision["candidates"]
    assert (first["models"], last["models"]) == ({"a": 2, "b": 1}, {"big": 1})
    assert decision["expected_cost"] == pytest.approx(first["expected_cost"])
    queries = write(tmp_path, "queries.txt", "hi there\nWhy is the sky blue?\nWhy is the sea salty?\n")
    arms = document(run("dry-run", policy, queries, "--json"))["arms"]
    assert {label: arm["queries"] for label, arm in arms.items()} == {"a@2+b@1": 2, "a@1+b@1": 1}


def test_route_reads_standard_input_metadata_and_messages():
    tight = document(run("route", EXAMPLE, "-", "-m", "plan=enterprise", "--json", stdin="Name a river."))
    assert tight["rule"] == "paying customers lose nothing"
    messages = json.dumps([{"role": "user", "content": "Hi"}])
    assert document(run("route", EXAMPLE, messages, "--messages", "--json"))["rule"] == "greetings"


@pytest.mark.parametrize(
    ("query", "stdin", "message"),
    [
        ("", None, "error: the query is empty: no user message has text or an image"),
        (" \n\t ", None, "error: the query is empty: no user message has text or an image"),
        ("-", b"caf\xe9", "error: standard input is not UTF-8 (byte 4); convert it first"),
    ],
)
def test_route_refuses_what_cannot_be_routed(query, stdin, message):
    result = run("route", EXAMPLE, query, stdin=stdin)
    assert result.exit_code == 2
    assert message in result.stderr


@pytest.mark.parametrize(
    "query", ["word " * 200_000, "a\x00b", "abc \u202e def \u2066", "\ud83d lone surrogate"]
)
def test_route_takes_odd_texts(query):
    assert document(run("route", EXAMPLE, query, "--json"))["model"]


def test_an_invalid_policy_is_unusable_input_for_other_commands(tmp_path):
    result = run("route", write(tmp_path, "p.yaml", "version: 1\n"), "query")
    assert result.exit_code == 2
    assert "missing key 'models'" in result.stderr
