"""Logs read back, and the commands that do so. Costs and ranks by hand."""

import json

import pytest
from click.testing import CliRunner

from bestroute.cli import cli
from bestroute.errors import InputError
from bestroute.serve.reading import Summary, read_log, read_queries_of


def line(number, **fields):
    known = {
        "time": 100.0 + number, "request_id": f"r{number}", "path": "/v1/chat/completions", "status": 200,
        "error": None, "digest": "d1", "arm": "tiny@1", "cause": "tier", "input_tokens": 10, "cost": 1.0,
        "reference_cost": 4.0, "latency_ms": float(number), "first_ms": None,
    }  # fmt: skip
    return json.dumps({**known, **fields})


LINES = [
    line(1),
    line(2),
    line(3, arm="big@1", cause="rule", cost=4.0, first_ms=7.0, digest="d2"),
    line(4, status=502, error="no_model_answered", input_tokens=None),
    line(5, path="/v1/route", input_tokens=None),
    line(6, error="stream_broken", cost=0.1, reference_cost=400.0, first_ms=1.0),
]


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(LINES) + "\n", "utf-8")
    return path


def test_a_summary(log):
    summary = Summary()
    for one in read_log([log]):
        summary.add(one)
    assert summary.as_dict() == {
        "requests": 6,
        "answered": 3,
        "since": 101.0,
        "until": 106.0,
        "cost": 6.0,
        "reference_cost": 12.0,
        "saving": 0.5,
        "arms": {
            "tiny@1": {"requests": 2, "share": 2 / 3, "cost": 2.0},
            "big@1": {"requests": 1, "share": 1 / 3, "cost": 4.0},
        },
        "causes": {"tier": 5, "rule": 1},
        "errors": {"no_model_answered": 1, "stream_broken": 1},
        "policies": {"d1": 5, "d2": 1},
        "latency_ms": {"p50": 2.0, "p95": 3.0, "p99": 3.0},
        "first_ms": {"p50": 7.0, "p95": 7.0, "p99": 7.0},
    }


def test_of_nothing_nothing_can_be_told():
    told = Summary().as_dict()
    assert (told["requests"], told["saving"], told["latency_ms"], told["since"]) == (0, None, None, None)


def test_the_commands(log, tmp_path):
    shown = CliRunner().invoke(cli, ["log", "summary", str(log)])
    assert "cost $6, from the reference $12, saving 50%" in shown.output
    told = CliRunner().invoke(cli, ["log", "summary", str(log), "--json"])
    assert json.loads(told.stdout)["answered"] == 3
    none = CliRunner().invoke(cli, ["log", "queries", str(log)])
    assert (none.exit_code, "--log-queries" in none.output) == (2, True)


def test_queries_are_what_dry_run_reads(log, tmp_path):
    messages = [{"role": "user", "content": "Why?"}]
    log.write_text(line(1, messages=messages, metadata={"team": "law"}) + "\n" + LINES[0], "utf-8")
    assert [*read_queries_of([log])] == [{"id": "r1", "messages": messages, "metadata": {"team": "law"}}]
    out = tmp_path / "queries.jsonl"
    assert CliRunner().invoke(cli, ["log", "queries", str(log), "--out", str(out)]).exit_code == 0
    routed = CliRunner().invoke(cli, ["dry-run", "policy.example.yaml", str(out), "--json"])
    assert json.loads(routed.stdout)["queries"] == 1


@pytest.mark.parametrize("command", [["summary", "--json"], ["queries"], ["compare", "--json"]])
def test_torn_lines_are_passed_over_and_counted(log, command):
    sides = [
        line(number, side=side, caller="c", messages=[]) for number, side in enumerate(("base", "canary"))
    ]
    torn = [
        LINES[0][:40],
        LINES[1][:70] + LINES[0],
        "\0" * 9,
        '{"request_id": 1, "status": [], "path": ""}',
        "x",
    ]
    log.write_text("\n".join([sides[0], *torn, sides[1]]) + "\n", "utf-8")
    ran = CliRunner().invoke(cli, ["log", *command, str(log)])
    assert ran.exit_code == 0, ran.output
    assert ran.stdout.count("\n") == (2 if command == ["queries"] else 1)
    assert f"skipped {log}:2: not JSON" in ran.stderr
    assert "skipped 2 more lines" in ran.stderr


def test_a_file_without_any_line_of_a_log_is_none(log):
    log.write_text('{"query": "x"}\n{"query"', "utf-8")
    ran = CliRunner().invoke(cli, ["log", "summary", str(log)])
    assert ran.exit_code == 2
    assert "log.jsonl:1: no line of a decision log" in ran.output


def test_a_line_that_is_none(log):
    log.write_text('{"query": "x"}\n' + LINES[0], "utf-8")
    with pytest.raises(InputError, match="log.jsonl:1: no line of a decision log"):
        [*read_log([log])]
    bad = []
    assert len([*read_log([log], bad.append)]) == len(bad) == 1
