"""`bestroute score` as a user types it."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from bestroute.artefacts.manifest import default_folder
from tests.answering.fake_endpoint import answer
from tests.cli.typed import run
from tests.records.score.records import lines_of, values, write


class TestCommandLine:
    def test_help_has_an_example(self):
        assert "Example: bestroute score " in run("score", "--help").output

    def test_exact(self, tmp_path):
        records = write(tmp_path / "in.jsonl", lines_of(2))
        result = run("score", records, "--oracle", "exact", "--out", tmp_path / "out.jsonl", "--json")
        assert result.exit_code == 0, result.output
        report = json.loads(result.stdout)
        assert report["mean_scores"] == {
            "even": {"small": 0.5, "large": 1.0},
            "odd": {"small": 0.5, "large": 1.0},
        }
        assert (report["scored"], report["rewarded"], report["missing_scores"], report["skipped"]) == (
            6,
            6,
            0,
            0,
        )
        assert report["failures"] == []

    def test_mean_thinking(self, tmp_path):
        lines = [*lines_of(2)]
        lines[0]["responses"]["small"][0]["thinking_tokens"] = 600  # of four responses
        records = write(tmp_path / "in.jsonl", lines)
        words = ["score", records, "--oracle", "exact", "--no-reward", "--out", tmp_path / "out.jsonl"]
        assert json.loads(run(*words, "--json").stdout)["mean_thinking_tokens"] == {"small": 150.0}
        assert "small: thinking_tokens: 150 a response" in run(*words).stdout

    def test_table_and_skipped_lines(self, tmp_path):
        records = write(tmp_path / "in.jsonl", [*lines_of(1), {"id": "x"}])
        result = run(
            "score", records, "--oracle", "exact", "--out", tmp_path / "o.jsonl", "--no-reward", "--skip-bad"
        )
        assert result.exit_code == 0, result.output
        assert "even    large       1.000" in result.stdout
        assert "1 records, 3 responses; 3 scores and 0 rewards given" in result.stdout
        assert result.stderr.startswith(f"skipped {records}:2: ")

    def test_what_fails_ends_with_1_and_nothing_is_lost(self, tmp_path):
        records = write(tmp_path / "in.jsonl", lines_of(2))
        program = tmp_path / "p.py"
        program.write_text("import sys\nsys.exit('boom') if 'q0' in sys.stdin.read() else print(1)")
        words = ["score", records, "--oracle", "command", "--command", f"{sys.executable} -S {program}"]
        words += ["--no-reward", "--out", tmp_path / "out.jsonl"]
        result = run(*words, "--json")
        assert result.exit_code == 1
        assert json.loads(result.stdout)["missing_scores"] == 3
        assert "record 'q0', small, response 0: the program ended with status 1: boom" in result.stderr
        assert "give the same command again" in result.stderr
        program.write_text("print(0.5)")
        assert run(*words).exit_code == 0
        assert values(tmp_path / "out.jsonl") == [
            {"small": [0.5, 0.5], "large": [0.5]},
            {"small": [1, 1], "large": [1]},
        ]
        (tmp_path / "out.jsonl").unlink()
        program.write_text("import sys; sys.exit(1)")
        assert run(*words, "--on-failure", "zero").exit_code == 0
        assert values(tmp_path / "out.jsonl") == [{"small": [0, 0], "large": [0]}] * 2

    def test_what_has_values_already_is_told(self, tmp_path):
        lines = [*lines_of(2)]
        lines[0]["responses"]["small"][0] |= {"score": 1.0, "reward": 0.5}
        lines[1]["responses"]["small"][0] |= {"score": 0.0}
        records = write(tmp_path / "in.jsonl", lines)
        words = ["score", records, "--oracle", "exact", "--out", tmp_path / "out.jsonl"]
        told = run(*words, "--json")
        report = json.loads(told.stdout)
        assert [report[name] for name in ("scored", "had_scores", "rewarded", "had_rewards")] == [4, 2, 5, 1]
        assert told.stderr == (
            "of 6 responses 2 had a score already and 1 had a reward already; --again gives new ones\n"
        )
        assert "already" not in run(*words, "--again").stderr

    def test_judge(self, tmp_path, fake_endpoint):
        models = [
            {
                "name": name,
                "class": "large",
                "price": {"input": 1, "output": 1},
                "endpoint": {"base_url": url},
            }
            for name, url in (("m", fake_endpoint.base_url), ("judge:7b", fake_endpoint.base_url))
        ]
        policy = tmp_path / "policy.yaml"
        content = {
            "version": 1,
            "models": models,
            "reference": "m",
            "max_gap": 0.1,
            "tiers": [{"model": "m"}],
        }
        policy.write_text(json.dumps(content))
        rubric = tmp_path / "rubric.txt"
        rubric.write_text("Only gold counts.")
        records = write(tmp_path / "in.jsonl", lines_of(1))
        words = ["score", records, "--oracle", "judge", "--judge", policy, "judge:7b", "--rubric", rubric]
        words += ["--no-reward", "--out", tmp_path / "out.jsonl", "--workers", 1]
        fake_endpoint.play(
            answer("Verdict: A"), answer("Verdict: B"), answer("Verdict: B"), answer("Verdict: A")
        )
        result = run(*words, "--reference", "large")
        assert result.exit_code == 0, result.output
        assert values(tmp_path / "out.jsonl") == [{"small": [1, 0], "large": [0.5]}]
        assert {request.body["model"] for request in fake_endpoint.requests} == {"judge:7b"}
        assert all("Only gold counts." in str(request.body) for request in fake_endpoint.requests)
        fake_endpoint.play(answer("Grade: 4"))
        assert run(*words, "--absolute").exit_code == 0
        assert values(tmp_path / "out.jsonl") == [{"small": [0.4, 0.4], "large": [0.4]}]

    def test_artifact_and_rewards_only(self, tmp_path):
        records = write(tmp_path / "in.jsonl", lines_of(1))
        out, folder = tmp_path / "out.jsonl", default_folder("reward")
        assert run("score", records, "--oracle", "none", "--out", out).exit_code == 0
        assert values(out) == [{"small": [None, None], "large": [None]}]
        result = run("score", out, "--oracle", "artifact", "--artifact", folder, "--out", out)
        assert result.exit_code == 0, result.output
        assert values(out)[0]["small"] == pytest.approx(values(out, "reward")[0]["small"], abs=1e-6)

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (["--oracle", "command"], "needs --command"),
            (["--oracle", "judge"], "needs --judge"),
            (["--oracle", "judge", "--judge", "p.yaml", "m"], "needs either --reference NAME or --absolute"),
            (["--oracle", "artifact"], "needs --artifact"),
            (["--oracle", "exact", "--command", "x"], "--command belongs to --oracle command"),
            (["--oracle", "command", "--command", "x", "--kind", "text"], "--kind belongs to --oracle exact"),
            (["--oracle", "exact", "--actors", "5"], "--actors belongs to --engine ray"),
            (["--oracle", "none", "--no-reward"], "nothing"),
            (["--oracle", "command", "--command", "/nowhere/x", "--no-reward"], "cannot be started"),
        ],
    )
    def test_wrong_usage(self, tmp_path, words, message):
        records = write(tmp_path / "in.jsonl", lines_of(1))
        result = run("score", records, "--out", tmp_path / "out.jsonl", *words)
        assert result.exit_code == 2
        assert message in " ".join(result.stderr.split())
        assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]

    def test_ctrl_c_ends_at_once_and_keeps_what_is_done(self, tmp_path):
        records = write(tmp_path / "in.jsonl", lines_of(20))
        started = tmp_path / "started"
        program = tmp_path / "p.py"
        program.write_text(
            "import json, sys, time\n"
            "if json.load(sys.stdin)['id'] == 'q3':\n"
            f"    open({str(started)!r}, 'w'); time.sleep(600)\n"
            "print(1)\n"
        )
        words = ["score", records, "--oracle", "command", "--command", f"{sys.executable} -S {program}"]
        words += ["--no-reward", "--out", tmp_path / "out.jsonl", "--workers", 1]
        command = [sys.executable, "-m", "bestroute", *map(str, words)]
        process = subprocess.Popen(
            command,
            stderr=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # ignored in the background
        )
        while not started.exists():
            assert process.poll() is None
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 130
        assert b"Aborted" in errors
        assert b"Traceback" not in errors
        assert (tmp_path / "out.jsonl.partial.jsonl").read_bytes().count(b'"scores"') == 9
