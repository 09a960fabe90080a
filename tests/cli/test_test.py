"""`bestroute test` and `check` of probes as a user types them, on the embedded models."""

import json

from tests import ROOT
from tests.cli.typed import run
from tests.policy.files import PROBES, write_probes

BALANCED = ROOT / "policies" / "balanced.yaml"


class TestCommand:
    PASSING = "query: Hello, expect: {rule: greetings}"
    FAILING = "query: Hello, expect: {model: gpt-4o}, tags: [hello]"

    def test_all_pass(self, tmp_path):
        result = run("test", BALANCED, write_probes(tmp_path, self.PASSING))
        assert result.exit_code == 0
        assert result.stdout.startswith("1 of 1 probes pass (policy ")

    def test_a_failing_probe_is_explained_as_route_does(self, tmp_path):
        path = write_probes(tmp_path, self.PASSING, self.FAILING)
        result = run("test", BALANCED, path)
        assert result.exit_code == 1
        assert f"{path}:5: 'p1' FAILS: Hello" in result.stdout
        assert "  model is llama-3.1-8b, expected gpt-4o\n" in result.stdout
        routed = run("route", BALANCED, "Hello").stdout
        for line in routed.splitlines():
            if not line.startswith("policy "):
                assert f"  {line}".rstrip() in result.stdout
        assert "1 of 2 probes pass" in result.stdout

    def test_json_is_one_document(self, tmp_path):
        result = run("test", BALANCED, write_probes(tmp_path, self.PASSING, self.FAILING), "--json")
        found = json.loads(result.stdout)
        assert result.exit_code == 1
        assert (found["ok"], found["probes"], found["passed"]) == (False, 2, 1)
        failing = found["results"][1]
        assert (failing["name"], failing["line"], failing["passed"]) == ("p1", 5, False)
        assert failing["decision"]["model"] == "llama-3.1-8b"

    def test_a_rate_that_is_reached_excuses_and_is_shown(self, tmp_path):
        probes = write_probes(
            tmp_path, f"{self.PASSING}, tags: [hello]", self.FAILING, head="min_pass_rate: {hello: 0.5}"
        )
        result = run("test", BALANCED, probes)
        assert result.exit_code == 0
        assert "'p1' excused by its tags' rates" in result.stdout
        assert [line.split() for line in result.stdout.splitlines() if line.startswith("hello")] == [
            ["hello", "1", "2", "50.0%", "50.0%"]
        ]
        probes.write_text(probes.read_text().replace("0.5", "0.9"))
        assert run("test", BALANCED, probes).exit_code == 1

    def test_unreadable_probes_are_wrong_usage(self, tmp_path):
        result = run("test", BALANCED, write_probes(tmp_path, "query: Hello, expect: {rul: greetings}"))
        assert result.exit_code == 2
        assert (
            "x.probes.yaml:4:39: unknown key 'rul' in probes[0].expect (did you mean 'rule'?)"
            in result.stderr
        )
        assert run("test", BALANCED, "nowhere.yaml").exit_code == 2
        assert run("test", "nowhere.yaml", PROBES[0]).exit_code == 2

    def test_check_takes_probes_for_what_they_are(self, tmp_path):
        result = run("check", *PROBES)
        assert result.exit_code == 0
        assert result.stdout.count("holds (probes)") == len(PROBES)
        path = write_probes(tmp_path, "query: Hello, expect: {rule: greeting}")
        assert run("check", path).exit_code == 0
        (tmp_path / "x.yaml").write_text(BALANCED.read_text())
        beside = run("check", path)
        assert beside.exit_code == 1
        assert "the policy has no rule 'greeting' (did you mean 'greetings'?)" in beside.stdout
