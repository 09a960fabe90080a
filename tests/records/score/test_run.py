"""Scoring files: what is there is kept, nothing that was paid for is lost, and the order stays."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from functools import partial

import pytest
from click.testing import CliRunner

from bestroute.artefacts.manifest import default_folder
from bestroute.cli import cli
from bestroute.errors import InputError, ScoringError
from bestroute.records.record import Record, Response, parse_record, read_records
from bestroute.records.score import Job, Recipe, score_files
from bestroute.records.score.exact import ExactOracle
from bestroute.records.score.work import Task, record_key, tasks_of
from tests.answering.fake_endpoint import answer


def lines_of(count, answers=("1", "2")):
    """Records q0, q1, ... whose right answer is 1: small answers 1 and 2 (or `answers`), large answers 1."""
    for index in range(count):
        small = [{"text": f"The answer is {text}.", "output_tokens": 5} for text in answers]
        yield {
            "id": f"q{index}",
            "source": "even" if index % 2 == 0 else "odd",
            "query": f"What is 1 + {index} - {index}?",
            "answer": "1",
            "responses": {"small": small, "large": [{"text": "1", "by": "gpt"}]},
        }


def write(path, lines):
    content = "".join(json.dumps(line) + "\n" for line in lines).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def values(path, name="score"):
    return [
        {model: [getattr(item, name) for item in items] for model, items in record.responses.items()}
        for record in read_records([path], scored=False)
    ]


class Counting(ExactOracle):
    """An exact oracle that remembers what it was asked, and fails on texts with `bad` in them."""

    asked: list = []
    paid = True

    def score(self, record, model, responses):
        self.asked.append((record.id, model, [response.text for response in responses]))
        if any("bad" in response.text for response in responses):
            raise ScoringError("cannot say")
        return super().score(record, model, responses)


@pytest.fixture
def counting():
    Counting.asked = []
    return Counting


def job(records, out, oracle=ExactOracle, again=False, reward=None, **settings):
    made = oracle and partial(oracle)
    recipe = Recipe(made, reward, bool(oracle and oracle.paid), workers=3)
    return Job((records,), out, recipe, settings, again)


class TestFiles:
    @pytest.mark.parametrize("name", ["out.jsonl", "out.jsonl.gz"])
    @pytest.mark.parametrize("count", [1, 200])
    def test_every_response_is_scored_and_the_order_stays(self, tmp_path, name, count):
        records = write(tmp_path / "in.jsonl.gz", lines_of(count))
        summary = score_files(job(records, tmp_path / name))
        assert values(tmp_path / name) == [{"small": [1, 0], "large": [1]}] * count
        assert [record.id for record in read_records([tmp_path / name])] == [f"q{i}" for i in range(count)]
        assert (summary.records, summary.responses, summary.scored) == (count, 3 * count, 3 * count)
        assert summary.complete
        assert summary.as_dict()["mean_scores"]["even"] == {"small": 0.5, "large": 1.0}
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["in.jsonl.gz", name])

    def test_nothing_else_changes(self, tmp_path):
        records = write(tmp_path / "in.jsonl", lines_of(3))
        score_files(job(records, tmp_path / "out.jsonl"))
        [before, after] = [
            [json.loads(line) for line in path.read_text().splitlines()]
            for path in (records, tmp_path / "out.jsonl")
        ]
        for line in after:
            for items in line["responses"].values():
                for item in items:
                    del item["score"]
        assert after == before

    def test_scores_that_are_there_are_kept_unless_again(self, tmp_path, counting):
        lines = list(lines_of(1))
        lines[0]["responses"]["small"][0]["score"] = 0.25
        records = write(tmp_path / "in.jsonl", lines)
        out = tmp_path / "out.jsonl"
        assert score_files(job(records, out, counting)).scored == 2
        assert values(out) == [{"small": [0.25, 0], "large": [1]}]
        assert score_files(job(out, out, counting)).scored == 0
        assert score_files(job(out, out, counting, again=True)).scored == 3
        assert values(out) == [{"small": [1, 0], "large": [1]}]

    def test_equal_texts_of_a_model_are_scored_once(self, tmp_path, counting):
        records = write(tmp_path / "in.jsonl", lines_of(1, ["1", "2", "1", "1"]))
        summary = score_files(job(records, tmp_path / "out.jsonl", counting))
        assert values(tmp_path / "out.jsonl") == [{"small": [1, 0, 1, 1], "large": [1]}]
        assert summary.scored == 5
        assert len(counting.asked) == 3

    def test_what_fails_stays_without_and_is_tried_again(self, tmp_path, counting):
        records = write(tmp_path / "in.jsonl", lines_of(30, ["1", "bad"]))
        out = tmp_path / "out.jsonl"
        summary = score_files(job(records, out, counting))
        assert not summary.complete
        assert (summary.scored, summary.missing_scores, len(summary.failures)) == (60, 30, 20)
        assert "record 'q0', small, response 1: cannot say" in summary.failures
        assert values(out) == [{"small": [1, None], "large": [1]}] * 30
        counting.asked.clear()
        assert not score_files(job(records, out, counting)).complete
        assert len(counting.asked) == 30
        assert all("bad" in texts[0] for _, _, texts in counting.asked)

    def test_a_response_without_text_or_a_record_without_answer(self, tmp_path):
        lines = list(lines_of(2))
        del lines[0]["answer"], lines[1]["responses"]["small"][1]["text"]
        records = write(tmp_path / "in.jsonl", lines)
        summary = score_files(job(records, tmp_path / "out.jsonl"))
        assert values(tmp_path / "out.jsonl") == [
            {"small": [None, None], "large": [None]},
            {"small": [1, None], "large": [1]},
        ]
        assert "record 'q1', small, response 1: no text to score" in summary.failures
        assert any("'q0'" in text and 'no "answer"' in text for text in summary.failures)

    def test_a_bad_line_is_named_or_skipped_once(self, tmp_path):
        records = write(tmp_path / "in.jsonl", [*lines_of(2), {"id": "x"}, *lines_of(1)])
        out, bad = tmp_path / "out.jsonl", []
        with pytest.raises(InputError, match=r"in\.jsonl:3: "):
            score_files(job(records, out))
        assert not out.exists()
        assert score_files(job(records, out), on_bad=bad.append).records == 3
        assert len(bad) == 1

    def test_no_records(self, tmp_path):
        with pytest.raises(InputError, match="no record"):
            score_files(job(write(tmp_path / "in.jsonl", []), tmp_path / "out.jsonl"))
        assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]

    def test_a_name_that_records_do_not_have(self, tmp_path):
        with pytest.raises(InputError, match=r"\.jsonl or \.jsonl\.gz"):
            score_files(job(write(tmp_path / "in.jsonl", lines_of(1)), tmp_path / "out.json"))

    def test_rewards(self, tmp_path, reward_model):
        records = write(tmp_path / "in.jsonl", lines_of(2))
        out = tmp_path / "out.jsonl"
        summary = score_files(job(records, out, None, reward=default_folder("reward")))
        assert (summary.scored, summary.rewarded, summary.missing_rewards) == (0, 6, 0)
        texts = ["The answer is 1.", "The answer is 2."]
        expected = reward_model.rewards("What is 1 + 0 - 0?", texts).tolist()
        assert values(out, "reward")[0]["small"] == pytest.approx(expected, abs=1e-6)
        assert values(out)[0] == {"small": [None, None], "large": [None]}


class TestResuming:
    def stopped(self, tmp_path, counting, after):
        """A journal of a run that was stopped after so many steps."""
        records = write(tmp_path / "in.jsonl", lines_of(100))

        def stop(done, count=[0]):  # noqa: B006
            count[0] += done
            if count[0] >= after:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            score_files(job(records, tmp_path / "out.jsonl", counting), on_progress=stop)
        assert not (tmp_path / "out.jsonl").exists()
        kept = (tmp_path / "out.jsonl.partial.jsonl").read_bytes().count(b"\n") - 1
        assert kept >= after
        return records, kept

    def test_goes_on_where_it_was(self, tmp_path, counting):
        records, kept = self.stopped(tmp_path, counting, 150)
        counting.asked.clear()
        summary = score_files(job(records, tmp_path / "out.jsonl", counting))
        assert len(counting.asked) == 300 - kept == summary.scored
        assert values(tmp_path / "out.jsonl") == [{"small": [1, 0], "large": [1]}] * 100

    def test_records_may_change_meanwhile(self, tmp_path, counting):
        records, kept = self.stopped(tmp_path, counting, 150)
        lines = [*reversed(list(lines_of(101)))]
        lines[-1]["answer"] = "2"  # q0, which was the first
        write(records, lines)
        counting.asked.clear()
        score_files(job(records, tmp_path / "out.jsonl", counting))
        assert len(counting.asked) == 300 - kept + 6
        assert values(tmp_path / "out.jsonl") == [
            *[{"small": [1, 0], "large": [1]}] * 100,
            {"small": [0, 1], "large": [0]},
        ]

    def test_a_bad_line_loses_nothing_that_came_before_it(self, tmp_path, counting):
        records = write(tmp_path / "in.jsonl", [*lines_of(2), {"id": "x"}])
        with pytest.raises(InputError, match=r"in\.jsonl:3: "):
            score_files(job(records, tmp_path / "out.jsonl", counting))
        tried = len(counting.asked)
        assert tried >= 3  # as many as there are workers
        write(records, lines_of(2))
        score_files(job(records, tmp_path / "out.jsonl", counting))
        assert len(counting.asked) == 6
        assert values(tmp_path / "out.jsonl") == [{"small": [1, 0], "large": [1]}] * 2

    def test_another_scoring_is_refused(self, tmp_path, counting):
        records, _ = self.stopped(tmp_path, counting, 1)
        with pytest.raises(InputError, match=r"another run \(other: kind\)"):
            score_files(job(records, tmp_path / "out.jsonl", counting, kind="text"))

    def test_killed_again_and_again(self, tmp_path):
        count, kills, workers = 40, 4, 3
        records = write(tmp_path / "in.jsonl", lines_of(count))
        log, out = tmp_path / "log", tmp_path / "out.jsonl"
        program = tmp_path / "check.py"
        program.write_text(
            "import json, sys\n"
            "asked = json.load(sys.stdin)\n"
            f"open({str(log)!r}, 'a').write(asked['id'] + asked['response'] + '\\n')\n"
            "print(float(asked['response'] in ('1', 'The answer is 1.')))\n"
        )
        words = ["score", records, "--oracle", "command", "--command", f"{sys.executable} -S {program}"]
        words += ["--no-reward", "--out", out, "--workers", workers]
        command = [sys.executable, "-m", "bestroute", *map(str, words)]
        for kill in range(kills):
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            until = log.read_text().count("\n") + 15 if log.exists() else 15
            while not (log.exists() and log.read_text().count("\n") >= until):
                assert process.poll() is None, (kill, process.stderr.read())
                time.sleep(0.005)
            process.send_signal(signal.SIGKILL)
            process.communicate()
        done = subprocess.run(command, capture_output=True, timeout=120)
        assert done.returncode == 0, done.stderr
        assert values(out) == [{"small": [1, 0], "large": [1]}] * count
        runs = log.read_text().splitlines()
        assert len(set(runs)) == 3 * count
        # what ran at a kill, or had run and was not on disk yet
        assert 3 * count <= len(runs) <= 3 * count + kills * (2 * workers)
        assert not (tmp_path / "out.jsonl.partial.jsonl").exists()


class TestWork:
    def test_a_task_travels_as_a_line(self):
        [line] = lines_of(1)
        record = parse_record({**line, "metadata": {"plan": "é"}}, scored=False)
        [task] = tasks_of(record, {"small": [0, 1]}, {"large": [0]}, paid=False)
        assert Task.from_json(task.to_json()) == task

    def test_paid_work_is_split_by_text(self):
        record = Record(
            "q", "", "a", {"m": tuple(Response(None, text) for text in "aba"), "k": (Response(None),)}
        )
        tasks = list(tasks_of(record, {"m": [0, 1, 2], "k": [0]}, {"m": [1]}, paid=True))
        assert [(task.scores, task.rewards) for task in tasks] == [
            ({"m": [0, 2]}, {}),
            ({"m": [1]}, {}),
            ({"k": [0]}, {}),
            ({}, {"m": [1]}),
        ]

    def test_a_key_depends_on_what_is_scored_and_not_on_scores(self):
        record = Record("q", "s", "a", {"m": (Response(None, "t"),)}, answer="1")
        key = record_key(record)
        assert key == record_key(Record("q", "z", "a", {"m": (Response(0.5, "t", 3.0, "x", 0.1),)}, 9.0, "1"))
        for other in (
            Record("r", "s", "a", {"m": (Response(None, "t"),)}, answer="1"),
            Record("q", "s", "b", {"m": (Response(None, "t"),)}, answer="1"),
            Record("q", "s", "a", {"k": (Response(None, "t"),)}, answer="1"),
            Record("q", "s", "a", {"m": (Response(None, "u"),)}, answer="1"),
            Record("q", "s", "a", {"m": (Response(None, "t"),)}, answer="2"),
        ):
            assert record_key(other) != key


def run(*words):
    return CliRunner().invoke(cli, [str(word) for word in words], prog_name="bestroute")


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
        process = subprocess.Popen(command, stderr=subprocess.PIPE, start_new_session=True)
        while not started.exists():
            assert process.poll() is None
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 1
        assert b"Aborted" in errors
        assert b"Traceback" not in errors
        assert (tmp_path / "out.jsonl.partial.jsonl").read_bytes().count(b'"scores"') == 9
