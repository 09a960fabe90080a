"""`dry-run --plot` and `calibrate --plot` as a user types them, on the embedded models."""

import json
import sys

import pytest
from click.testing import CliRunner

from bestroute.cli import cli, dry_run
from tests import ROOT
from tests.cli.test_calibrate import ESCALATE, ONE_SHOT, copied, sums, write
from tests.retune.calibrate.test_plot import texts

pytest.importorskip("matplotlib")

BALANCED = ROOT / "policies" / "balanced.yaml"
QUERIES = ROOT / "examples" / "queries.jsonl"


def run(*words):
    return CliRunner().invoke(cli, [*map(str, words)], prog_name="bestroute")


def plain(folder, count):
    return write(folder / "queries.jsonl", [{"query": record["query"]} for record in sums(count)])


def test_dry_run_draws_the_dial(tmp_path):
    first, second = (tmp_path / name for name in ("a.svg", "b.svg"))
    result = run("dry-run", BALANCED, QUERIES, "--json", "--plot", first)
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)
    found = texts(first)
    arms = {
        "llama-3.1-8b@1",
        "llama-3.1-8b@3",
        "qwen-2.5-72b@1",
        "qwen-2.5-72b@3",
        "qwen-2.5-72b@5",
        "gpt-4o@1",
    }
    assert {*arms, "balanced.yaml", "as it is: 0.03", "max_gap"} <= {*found}
    cost = f"US$ {summary['reference_cost_per_1000']:.4g} per 1,000 queries"
    assert f"cost, % of the reference's ({cost})" in found
    note = f"all 61 queries; quality is predicted of {summary['with_gap']} of them, as rules route the others"
    assert note in found
    assert run("dry-run", BALANCED, QUERIES, "--plot", second).exit_code == 0
    assert first.read_bytes() == second.read_bytes()


def test_the_dial_as_a_table_needs_no_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    table = tmp_path / "dial.txt"
    assert run("dry-run", BALANCED, QUERIES, "--plot", table).exit_code == 0
    lines = table.read_text("utf-8").splitlines()
    assert lines[0].startswith("balanced.yaml: all 61 queries; quality is predicted of 58 of them")
    assert lines[2].split()[0] == "max_gap"
    assert [line.split()[0] for line in lines if line.endswith("  as it is")] == ["0.03"]
    assert run("dry-run", BALANCED, QUERIES, "--plot", tmp_path / "dial.svg").exit_code == 2


def test_dry_run_draws_a_sample_of_many_queries(tmp_path, monkeypatch):
    """What is planned has a sample of its own."""
    monkeypatch.setattr(dry_run, "_DRAWN", 12)
    monkeypatch.setattr(dry_run, "_PLANNED", 8)
    queries = plain(tmp_path, 20)
    for policy, count in ((ONE_SHOT, 12), (ESCALATE, 8)):
        result = run("dry-run", copied(policy, tmp_path), queries, "--json", "--plot", tmp_path / "dial.svg")
        assert result.exit_code == 0, result.output
        assert json.loads(result.stdout)["queries"] == 20
        assert f"{count} of 20 queries, drawn at random" in texts(tmp_path / "dial.svg")


def test_calibrate_draws_what_it_chose(tmp_path):
    policy, records = copied(ONE_SHOT, tmp_path), write(tmp_path / "records.jsonl", sums(40))
    words = ("calibrate", policy, records, "--reference-share", "50%", "--json")
    result = run(*words, "--plot", tmp_path / "dial.svg")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    found = texts(tmp_path / "dial.svg")
    assert {"as it was: 0", f"chosen: {report['dial']:g}", *report["after"]["arms"]} <= {*found}
    assert f"the {report['after']['queries']} queries that judge; bars are 95 % intervals" in found
    assert f"quality, % of the reference's ({report['after']['reference_quality']:.3f})" in found
    assert run(*words, "--plot", tmp_path / "dial.png").exit_code == 0
    assert (tmp_path / "dial.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads(run(*words).stdout) == report


def test_calibrate_draws_too_where_it_chose_nothing(tmp_path):
    policy, records = copied(ONE_SHOT, tmp_path), write(tmp_path / "records.jsonl", sums(40))
    result = run("calibrate", policy, records, "--max-drop", "1%", "--plot", tmp_path / "dial.svg")
    assert result.exit_code == 1
    found = texts(tmp_path / "dial.svg")
    assert "as it was: 0" in found
    assert not [one for one in found if one.startswith("chosen")]


@pytest.mark.parametrize("policy", [ONE_SHOT, ESCALATE])
def test_calibrate_draws_what_it_expects_of_plain_queries(tmp_path, policy):
    words = ("--reference-share", "90%", "--plot", tmp_path / "dial.svg")
    assert run("calibrate", copied(policy, tmp_path), plain(tmp_path, 20), *words).exit_code == 0
    assert "predicted quality less the reference's, in points" in texts(tmp_path / "dial.svg")


@pytest.mark.parametrize("command", [["dry-run"], ["calibrate", "--budget", "1"]])
class TestRefusals:
    """All before anything is read: the policy and the queries are nonsense."""

    @pytest.fixture
    def words(self, command, tmp_path):
        for name in ("policy.yaml", "queries.jsonl"):
            (tmp_path / name).write_text("{", "utf-8")
        return [*command, tmp_path / "policy.yaml", tmp_path / "queries.jsonl"]

    def test_another_suffix(self, words, tmp_path):
        result = run(*words, "--plot", tmp_path / "dial.pdf")
        assert result.exit_code == 2
        assert "dial.pdf: a plot is written as .png or .svg or .txt; give such a name" in result.stderr

    def test_a_missing_extra(self, words, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "matplotlib", None)
        result = run(*words, "--plot", tmp_path / "dial.svg")
        assert result.exit_code == 2
        assert 'pip install "bestroute[plot]"' in result.stderr
        assert not (tmp_path / "dial.svg").exists()
