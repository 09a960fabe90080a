"""`bestroute diff` as a user types it, on the embedded models."""

import json
import re

import pytest

from bestroute.policy import load_policy
from tests import ROOT
from tests.cli import typed


def run(*words):
    return typed.run("diff", *words)


BALANCED, SAVER = ROOT / "policies" / "balanced.yaml", ROOT / "policies" / "cost-saver.yaml"
DIAL = load_policy(BALANCED).max_gap
EXAMPLES = ROOT / "examples" / "queries.jsonl"


class TestCommand:
    def test_json_is_one_document_that_adds_up(self):
        result = run(BALANCED, SAVER, EXAMPLES, "--json")
        found = json.loads(result.stdout)
        assert (result.exit_code, result.stderr) == (0, "")
        assert found["queries"] == found["old"]["queries"] == found["new"]["queries"] == 61
        assert sum(move["queries"] for move in found["moves"]) == found["moved"]
        assert found["fallbacks"] == {"old": 0, "new": 0}
        assert (found["fail_if"], found["skipped"]) == ([], 0)

    def test_its_costs_are_those_of_dry_run(self):
        found = json.loads(run(BALANCED, SAVER, EXAMPLES, "--json").stdout)
        alone = typed.run("dry-run", SAVER, EXAMPLES, "--json")
        expected = json.loads(alone.stdout)
        counts = {label: arm["queries"] for label, arm in expected["arms"].items()}
        assert {label: arm["queries"] for label, arm in found["new"]["arms"].items()} == counts
        assert found["cost_per_1000"]["new"] == pytest.approx(expected["cost_per_1000"])

    def test_a_policy_against_itself(self):
        result = run(BALANCED, BALANCED, EXAMPLES, "--fail-if", "moved > 0", "--fail-if", "cost > +0%")
        assert result.exit_code == 0
        assert "0 of 61 queries move (0.0%)" in result.stdout
        assert "fails if moved > 0: it is 0.00%" in result.stdout

    def test_people_see_what_moves_and_why(self, tmp_path):
        text = BALANCED.read_text().replace(f"max_gap: {DIAL}", "max_gap: 0.3").replace("greetings", "hellos")
        new = tmp_path / "new.yaml"
        new.write_text(text + "abstain: false\n")
        result = run(BALANCED, new, EXAMPLES, "--top", "2")
        assert result.exit_code == 0
        for words in ("queries move", "rule before", "hellos", "most affected by quality", "old  gpt-4o@1"):
            assert words in result.stdout
        assert result.stdout.count("\n    old  ") == 4
        assert "unlike the router model's training queries, so quality is a guess: " in result.stdout
        told = typed.run("dry-run", new, EXAMPLES).stdout
        assert "so what it predicts of them is a guess\n" in told

    @pytest.mark.parametrize(
        ("command", "place", "words", "order"),
        [
            ("diff", "OLD", (EXAMPLES, BALANCED, SAVER), "OLD NEW QUERIES"),
            ("diff", "NEW", (BALANCED, EXAMPLES, SAVER), "OLD NEW QUERIES"),
            ("dry-run", "POLICY", (EXAMPLES, BALANCED), "POLICY QUERIES"),
            ("evaluate", "POLICY", (EXAMPLES, BALANCED), "POLICY RECORDS"),
        ],
    )
    def test_arguments_that_are_exchanged_are_told_with_their_order(self, command, place, words, order):
        result = typed.run(command, *words)
        assert result.exit_code == 2
        told = f"'{place}': {EXAMPLES} is a file of queries or records by its name; write `"
        assert told in result.stderr
        assert result.stderr.endswith(f"{command} {order}`\n")

    def test_queries_by_a_name_without_meaning_are_told_by_the_policy_in_their_place(self, tmp_path):
        lines = tmp_path / "queries.txt"
        lines.write_text("Hello\n")
        result = run(lines, SAVER, BALANCED)
        assert f"'QUERIES': {BALANCED} is a policy by its name; write `" in result.stderr

    def test_the_faults_of_both_policies_are_told_at_once(self, tmp_path):
        broken = [tmp_path / name for name in ("old.yaml", "new.yaml")]
        for path, key in zip(broken, ("max_gpa", "refrence"), strict=True):
            path.write_text(BALANCED.read_text() + f"{key}: 1\n")
        result = run(*broken, EXAMPLES)
        assert result.exit_code == 2
        for path, key in zip(broken, ("max_gpa", "refrence"), strict=True):
            assert re.search(rf"{path}:\d+:1: unknown key '{key}'", result.stderr)

    def test_a_bound_that_is_broken_fails(self, tmp_path):
        new = tmp_path / "new.yaml"
        new.write_text(BALANCED.read_text().replace("output: 10.00", "output: 20.00"))
        bounds = ("--fail-if", "cost > +5%", "--fail-if", "moved > 50%")
        result = run(BALANCED, new, EXAMPLES, *bounds)
        assert result.exit_code == 1
        assert result.stdout.count("FAILS") == 1
        verdicts = json.loads(run(BALANCED, new, EXAMPLES, *bounds, "--json").stdout)["fail_if"]
        assert [verdict["failed"] for verdict in verdicts] == [True, False]

    @pytest.mark.parametrize(
        ("bound", "message"),
        [
            ("cost > 5%", "a value with % needs a sign"),
            ("share of gpt-4@1 > 3%", "did you mean 'gpt-4o@1'?"),
        ],
    )
    def test_a_bad_bound_is_wrong_usage(self, bound, message):
        result = run(BALANCED, SAVER, EXAMPLES, "--fail-if", bound)
        assert result.exit_code == 2
        assert message in result.stderr
        assert result.stdout == ""

    def test_bad_lines(self, tmp_path):
        queries = tmp_path / "queries.jsonl"
        queries.write_text('{"query": "fine"}\n{"query": \n')
        result = run(BALANCED, SAVER, queries)
        assert result.exit_code == 2
        assert f"{queries}:2: not JSON" in result.stderr
        skipping = run(BALANCED, SAVER, queries, "--skip-bad", "--json")
        assert json.loads(skipping.stdout)["skipped"] == 1
        assert "skipped" in skipping.stderr
        queries.write_text("\n")
        assert "holds no query" in run(BALANCED, SAVER, queries).stderr

    def test_help_has_the_grammar(self):
        shown = run("--help").output
        for word in ("share of ARM", "moved", "+5%", "Example: "):
            assert word in shown
