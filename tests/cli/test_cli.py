"""The command line as a user types it: output, JSON, exit codes, messages for bad input."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bestroute.cli import cli
from tests import ROOT
from tests.answering.fake_endpoint import FakeEndpoint, answer

EXAMPLE = str(ROOT / "policy.example.yaml")
DECISION_FIELDS = [
    "model", "n", "models", "cause", "rule", "gap", "match_probability", "expected_cost", "reference_cost",
    "candidates", "policy", "objective", "novel", "plan", "expected_calls", "expected_gap", "timings_ms",
]  # fmt: skip


def run(*words: str, stdin: str | bytes | None = None) -> Result:
    return CliRunner().invoke(cli, [str(word) for word in words], input=stdin, prog_name="bestroute")


def document(result: Result) -> dict:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def write(folder: Path, name: str, content: str | bytes) -> str:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


def test_help_of_every_command_has_an_example():
    listed = run("--help").output
    for name in (
        "ask", "bench", "calibrate", "check", "completion", "diff", "dry-run", "init", "pick", "route",
        "schema", "test", "train",
    ):  # fmt: skip
        assert name in listed
        result = run(name, "--help")
        assert result.exit_code == 0
        assert "Example: " in result.output
    for kind in ("router", "reward"):
        assert "Example: bestroute train" in " ".join(run("train", kind, "--help").output.split())


def test_a_mistyped_command_is_corrected():
    result = run("dryrun")
    assert result.exit_code == 2
    assert "Did you mean 'dry-run'?" in result.stderr


def test_check_holds():
    result = run("check", EXAMPLE)
    assert result.exit_code == 0
    assert "holds (policy " in result.stdout


def test_check_reports_every_fault_with_its_place(tmp_path):
    text = (
        Path(EXAMPLE)
        .read_text()
        .replace("max_gap: 0.03 ", "max_gap: wide ")
        .replace("class: small", "clas: small")
    )
    text = text.replace("exported_models", str(ROOT / "exported_models"))
    path = write(tmp_path, "policy.yaml", text)
    result = run("check", path)
    assert result.exit_code == 1
    assert f"{path}:11:5: unknown key 'clas' in models[0] (did you mean 'class'?)" in result.stdout
    assert "max_gap" in result.stdout
    report = json.loads(run("check", path, "--json").stdout)["policies"][0]
    assert report["valid"] is False
    assert report["errors"][0].keys() == {"line", "column", "message"}


def test_check_reads_on_after_a_missing_file():
    result = run("check", "nowhere.yaml", EXAMPLE, "--json")
    assert result.exit_code == 2
    missing, example = json.loads(result.stdout)["policies"]
    assert (missing["valid"], example["valid"]) == (False, True)
    assert missing["errors"] == [
        {"line": None, "column": None, "message": "nowhere.yaml: No such file or directory"}
    ]


def test_check_finds_a_damaged_artefact(tmp_path, copy_of):
    copy = copy_of("router")
    copy.truncate("model.onnx")
    text = (ROOT / "policies" / "balanced.yaml").read_text() + f"router: {copy.folder}\n"
    result = run("check", write(tmp_path, "policy.yaml", text))
    assert result.exit_code == 1
    assert "differs from the digest in manifest.json" in result.stdout


def test_check_of_a_file_that_is_not_there_is_wrong_usage():
    result = run("check", "nowhere.yaml")
    assert result.exit_code == 2
    assert "nowhere.yaml: No such file" in result.stderr


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


def test_dry_run_does_not_write_over_what_it_reads(tmp_path):
    queries = write(tmp_path, "queries.txt", "What is a prime?\n")
    result = run("dry-run", EXAMPLE, queries, "--out", queries)
    assert result.exit_code == 2
    assert "is one of the files read; give another name" in result.stderr
    assert Path(queries).read_text() == "What is a prime?\n"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    class: medium", "      class: medium"),
        ("    class: medium", "   class: medium"),
        ("    class: medium", "  class: medium"),
    ],
)
def test_check_calls_wrong_indentation_by_its_name(tmp_path, old, new):
    text = Path(EXAMPLE).read_text().replace(old, new)
    result = run("check", write(tmp_path, "policy.yaml", text))
    assert result.exit_code == 1
    assert ":21:" in result.stdout
    assert "this line is indented unlike its neighbours" in result.stdout


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
        ("q.jsonl", b"[1]", 'q.jsonl:1: an object with "query" or "messages" is needed, not list'),
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


def test_pick_from_a_list_lines_and_standard_input(tmp_path):
    texts = ["It is 4.", "", "Bananas are yellow."]
    from_list = document(
        run("pick", "What is 2 + 2?", write(tmp_path, "r.json", json.dumps(texts)), "--json")
    )
    assert list(from_list) == ["best", "rewards", "groups"]
    assert from_list["best"] in (0, 2)
    assert len(from_list["rewards"]) == 3
    lines = write(tmp_path, "r.jsonl", "\n".join(json.dumps({"text": text}) for text in texts))
    assert document(run("pick", "What is 2 + 2?", lines, "--json")) == from_list
    assert document(run("pick", "What is 2 + 2?", "-", "--json", stdin=json.dumps(texts))) == from_list
    assert "It is 4." in run("pick", "What is 2 + 2?", lines).stdout
    assert len(document(run("pick", "q", "-", "--json", stdin='["half \\ud800", "b"]'))["rewards"]) == 2


def test_pick_keeps_what_the_selector_says(tmp_path):
    responses = write(tmp_path, "r.json", json.dumps(["Answer: 5", "Bananas.", "#### 5"]))
    shown = {}
    for select in ("reward", "vote", "reward+vote"):
        shown[select] = document(run("pick", "What is 2 + 3?", responses, "--json", "--select", select))
        assert shown[select]["groups"] == [0, 1, 0]
    rewards = shown["reward"]["rewards"]
    assert shown["reward"]["best"] == rewards.index(max(rewards))
    assert shown["vote"]["best"] in (0, 2)
    assert document(run("pick", "What is 2 + 3?", responses, "--json")) == shown["reward+vote"]
    assert "Invalid value for '--select'" in run("pick", "q", responses, "--select", "luck").stderr


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", "there is no response to pick from"),
        ('["  "]', "there is no response to pick from"),
        ("{}", "holds dict; give a JSON list of texts"),
        ("nonsense", "not a JSON list of texts"),
        ("[1]", 'response 0: a text or an object with "text" is needed'),
    ],
)
def test_pick_refuses_what_is_not_responses(tmp_path, content, message):
    result = run("pick", "query", write(tmp_path, "r.json", content))
    assert result.exit_code == 2
    assert message in result.stderr


def test_an_invalid_policy_is_unusable_input_for_other_commands(tmp_path):
    result = run("route", write(tmp_path, "p.yaml", "version: 1\n"), "query")
    assert result.exit_code == 2
    assert "missing key 'models'" in result.stderr


def local_policy(folder: Path, base_url: str, **extra: str) -> str:
    text = (ROOT / "policies" / "local.yaml").read_text().replace("http://127.0.0.1:8089/v1", base_url)
    for old, new in extra.items():
        text = text.replace(old, new)
    return write(folder, "local.yaml", text)


def test_ask_samples_a_real_endpoint_and_keeps_one(tmp_path, fake_endpoint: FakeEndpoint):
    fake_endpoint.play(answer("It is 4.", "Four.", "5", "Two plus two is four."))
    answered = document(
        run("ask", local_policy(tmp_path, fake_endpoint.base_url), "What is 2 + 2?", "--json")
    )
    assert (answered["model"], answered["n"]) == ("smollm2-135m", 4)
    assert len(answered["samples"]) == len(answered["rewards"]) == 4
    assert answered["text"] == answered["samples"][answered["best"]]["text"]
    assert answered["decision"]["rule"] == "sums"
    shown = run("ask", local_policy(tmp_path, fake_endpoint.base_url), "What is 2 + 2?", "--all")
    assert shown.exit_code == 0
    assert shown.stdout.count("\n> ") + shown.stdout.startswith("> ") == 1


def test_ask_without_an_endpoint_that_answers_lists_the_attempts(tmp_path):
    result = run("ask", local_policy(tmp_path, "http://127.0.0.1:9/v1"), "What is 2 + 2?")
    assert result.exit_code == 1
    assert "no model answered" in result.stderr
    assert "smollm2-135m@4" in result.stderr
    assert "local-large@1" in result.stderr


def test_bench_reports_every_row():
    report = document(run("bench", "--runs", "10", "--json"))
    assert set(report["route_ms"]) == {"a rule decides", "16 tokens", "64 tokens", "256 tokens", "1 MB"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(shell):
    result = run("completion", shell)
    assert result.exit_code == 0
    assert "_BESTROUTE_COMPLETE" in result.stdout


def test_python_dash_m_runs_the_command_line():
    shown = subprocess.run([sys.executable, "-m", "bestroute", "--version"], capture_output=True, text=True)
    assert shown.stdout.startswith("bestroute ")
