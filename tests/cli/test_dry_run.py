"""`bestroute dry-run` as a user types it, on the embedded models."""

import json
import sys
from pathlib import Path

import pytest

from bestroute.cli import dry_run
from bestroute.policy import Policy, load_policy
from tests import ROOT
from tests.cli.sums import ESCALATE, ONE_SHOT, copied, plain
from tests.cli.typed import document, run, write
from tests.retune.calibrate.pictures import texts

EXAMPLE = str(ROOT / "policy.example.yaml")


def test_dry_run_adds_up_and_writes_decisions(tmp_path):
    out = tmp_path / "decisions.jsonl"
    summary = document(run("dry-run", EXAMPLE, ROOT / "examples/queries.jsonl", "--out", out, "--json"))
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert summary["queries"] == len(lines) >= 40
    assert sum(arm["queries"] for arm in summary["arms"].values()) == len(lines)
    assert summary["cost_per_1000"] == pytest.approx(
        1000 * sum(d["expected_cost"] for d in lines) / len(lines)
    )
    assert all(line["query_id"] for line in lines)


@pytest.mark.parametrize("levels", ["guessed", "learned"])
def test_dry_run_says_what_is_known_and_what_is_guessed(levels, tmp_path, monkeypatch):
    monkeypatch.setattr(Policy, "guesses_levels", levels == "guessed")
    known = "Tom has 12 marbles. He finds 11 more and then loses half of 6. How many does he have now?"
    queries = write(tmp_path, "queries.txt", f"{known}\nQmFzZTY0 9f8a77e2 xJ2kQ== //8AAPz0QLbxD3d+\n")
    told = run("dry-run", EXAMPLE, queries).stdout
    assert ("known: the order of the queries" in told) == (levels == "guessed")
    assert "the reference answers 1 queries (50.0%) unlike all that the router model knows" in told
    assert "`abstain: false` in the policy lets the dial decide them" in told
    assert document(run("dry-run", EXAMPLE, queries, "--json"))["levels"] == levels


def test_dry_run_does_not_write_over_what_it_reads(tmp_path):
    queries = write(tmp_path, "queries.txt", "What is a prime?\n")
    result = run("dry-run", EXAMPLE, queries, "--out", queries)
    assert result.exit_code == 2
    assert "is one of the files read; give another name" in result.stderr
    assert Path(queries).read_text() == "What is a prime?\n"


def test_dry_run_reads_plain_text(tmp_path):
    queries = write(tmp_path, "queries.txt", "What is a prime?\n\nWho wrote Faust?\n")
    assert document(run("dry-run", EXAMPLE, queries, "--json"))["queries"] == 2


def test_dry_run_names_a_broken_line_and_can_skip_it(tmp_path):
    lines = ['{"query": "fine"}'] * 6 + ['{"query": '] + ['{"query": "fine"}']
    queries, out = write(tmp_path, "queries.jsonl", "\n".join(lines)), tmp_path / "out.jsonl"
    result = run("dry-run", EXAMPLE, queries, "--out", out)
    assert result.exit_code == 2
    assert f"{queries}:7: not JSON" in result.stderr
    assert not out.exists()
    skipping = run("dry-run", EXAMPLE, queries, "--skip-bad", "--json")
    assert json.loads(skipping.stdout)["skipped"] == 1
    assert f"skipped {queries}:7: not JSON" in skipping.stderr


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("q.txt", b"fine\ncaf\xe9\n", "q.txt:2: not UTF-8 (byte 4 of the line); save the file as UTF-8"),
        ("q.csv", b"a,b", "q.csv: unknown kind of query file; convert it to .txt (a query a line) or .jsonl"),
        ("q.jsonl", b'{"query": "  "}', "q.jsonl:1: the query is empty"),
        ("q.jsonl", b"1", 'q.jsonl:1: an object with "query" or "messages" is needed, not int'),
        ("q.jsonl", b"[1]", "not list; of a JSON array, `jq -c '.[]' FILE` writes each value on a line"),
        ("q.txt", b"\n\n", "q.txt: holds no query"),
    ],
)
def test_dry_run_refuses_unreadable_input(tmp_path, name, content, message):
    result = run("dry-run", EXAMPLE, write(tmp_path, name, content))
    assert result.exit_code == 2
    assert message in result.stderr


def test_dry_run_skips_what_is_of_another_shape(tmp_path):
    lines = [
        '{"query": "fine"}',
        '{"messages": [{"role": ["user"], "content": "x"}]}',
        '{"messages": [{"role": "user", "content": [{"type": ["text"], "text": "x"}]}]}',
        '{"query": "fine", "id": "\\ud800"}',
    ]
    queries = write(tmp_path, "queries.jsonl", "\n".join(lines))
    summary = document(run("dry-run", EXAMPLE, queries, "--skip-bad", "--json"))
    assert (summary["queries"], summary["skipped"]) == (2, 2)


BALANCED = ROOT / "policies" / "balanced.yaml"
DIAL = load_policy(BALANCED).max_gap
QUERIES = ROOT / "examples" / "queries.jsonl"


def test_dry_run_draws_the_dial(tmp_path):
    pytest.importorskip("matplotlib")
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
    assert {*arms, "balanced.yaml", f"as it is: {DIAL}", "max_gap"} <= {*found}
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
    assert lines[0].startswith("balanced.yaml: all 61 queries; quality is predicted of 60 of them")
    assert lines[2].split()[0] == "max_gap"
    assert [line.split()[0] for line in lines if line.endswith("  as it is")] == [str(DIAL)]
    assert run("dry-run", BALANCED, QUERIES, "--plot", tmp_path / "dial.svg").exit_code == 2


def test_dry_run_draws_a_sample_of_many_queries(tmp_path, monkeypatch):
    """What is planned has a sample of its own."""
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(dry_run, "_DRAWN", 12)
    monkeypatch.setattr(dry_run, "_PLANNED", 8)
    queries = plain(tmp_path, 20)
    for policy, count in ((ONE_SHOT, 12), (ESCALATE, 8)):
        result = run("dry-run", copied(policy, tmp_path), queries, "--json", "--plot", tmp_path / "dial.svg")
        assert result.exit_code == 0, result.output
        assert json.loads(result.stdout)["queries"] == 20
        assert f"{count} of 20 queries, drawn at random" in texts(tmp_path / "dial.svg")


def test_conversations_turn_by_turn(tmp_path):
    """Two turns and a tool loop: what stood before each answer, and the end."""
    policy = tmp_path / "policy.yaml"
    two = (ROOT / "policies" / "balanced.yaml").read_text("utf-8")
    policy.write_text(two + "abstain: false\nsampling: {session: {keep: 1}}\n", "utf-8")
    call = {"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{}"}}]}
    messages = [
        {"role": "user", "content": "What is the capital of France?"},
        {"role": "assistant", "content": "Paris."},
        {"role": "user", "content": "How many live there? Look it up."},
        call,
        {"role": "tool", "tool_call_id": "a", "content": "2.1 million"},
    ]
    queries, out = tmp_path / "c.jsonl", tmp_path / "out.jsonl"
    queries.write_text(json.dumps({"messages": messages}) + "\n", "utf-8")
    words = ["dry-run", policy, queries, "--sessions"]
    found = document(run(*words, "--out", out, "--json"))
    assert (found["queries"], found["sessions"]["conversations"], found["sessions"]["turns"]) == (3, 1, 3)
    decisions = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert {one["session"]["model"] for one in decisions[:2]} == {decisions[0]["model"]}
    ways = [found["sessions"][way] for way in ("with_sessions", "without", "reference")]
    assert all(way["cost"] > 0 and way["in_tool_loops"] == 0 for way in ways)
    assert "1 conversations, 3 turns" in run(*words).output
    assert "sessions" not in document(run("dry-run", policy, queries, "--json"))
