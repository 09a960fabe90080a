"""Scoring files: what is there is kept, nothing that was paid for is lost, and the order stays."""

import json
import signal
import subprocess
import sys
from functools import partial

import pytest

from bestroute.artefacts.manifest import default_folder
from bestroute.errors import InputError, ScoringError
from bestroute.records.lines import read_records
from bestroute.records.score import Job, Recipe, score_files
from bestroute.records.score.exact import ExactOracle
from tests.patience import until
from tests.records.score.records import lines_of, values, write


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

        def runs():
            return log.read_text().count("\n") if log.exists() else 0

        for kill in range(kills):
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            goal = runs() + 15
            until(lambda process=process, goal=goal: process.poll() is not None or runs() >= goal)
            assert process.poll() is None, (kill, process.stderr.read())
            process.send_signal(signal.SIGKILL)
            process.communicate()
        done = subprocess.run(command, capture_output=True, timeout=120)
        assert done.returncode == 0, done.stderr
        assert values(out) == [{"small": [1, 0], "large": [1]}] * count
        ran = log.read_text().splitlines()
        assert len(set(ran)) == 3 * count
        # what ran at a kill, or had run and was not on disk yet
        assert 3 * count <= len(ran) <= 3 * count + kills * (2 * workers)
        assert not (tmp_path / "out.jsonl.partial.jsonl").exists()
