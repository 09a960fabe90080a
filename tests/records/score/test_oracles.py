"""Oracles: exact answers, the user's program, an LLM as judge, a reward model."""

import json
import os
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestroute.artefacts.manifest import default_folder
from bestroute.errors import ArtefactError, InputError, ScoringError
from bestroute.policy import Sampling
from bestroute.policy.arms import Model
from bestroute.records.record import Record, Response
from bestroute.records.score import formulas
from bestroute.records.score.artifact import ArtifactOracle
from bestroute.records.score.command import CommandOracle
from bestroute.records.score.exact import ExactOracle
from bestroute.records.score.judge import AbsoluteJudge, PairwiseJudge
from bestroute.records.score.verdicts import parse_grade, parse_verdict
from tests.answering.fake_endpoint import FakeEndpoint, answer, fake_endpoint, status  # noqa: F401
from tests.patience import until


def record(*texts, right="42", **others):
    responses = {"small": tuple(Response(None, text) for text in texts)}
    responses |= {name: tuple(Response(None, text) for text in items) for name, items in others.items()}
    return Record("q1", "sums", "What is 40 + 2?", responses, answer=right)


def scores(oracle, item, model="small"):
    return oracle.score(item, model, item.responses[model])


class TestExact:
    def test_right_and_wrong(self):
        assert scores(ExactOracle(), record("It is 42.", "It is 41.", "no idea", "")) == [1, 0, 0, 0]

    def test_a_kind_that_is_given_is_kept_to(self):
        assert scores(ExactOracle("text"), record("The answer is 42.0")) == [0]
        assert scores(ExactOracle("number"), record("The answer is 42.0")) == [1]

    def test_thinking_is_no_answer(self):
        assert scores(ExactOracle(), record("<think>It is 42.</think>It is 41.", "<think>41?</think>42")) == [
            0,
            1,
        ]

    @pytest.mark.parametrize(
        "extra",
        [pytest.param(True, marks=pytest.mark.skipif(not formulas.has_extra(), reason="extra math")), False],
    )
    def test_formulas_are_compared_by_the_extra(self, monkeypatch, extra):
        monkeypatch.setattr(formulas, "has_extra", lambda: extra)
        item = record(
            r"\boxed{\frac{\sqrt{2}}{2}}",
            r"\boxed{\frac{1}{\sqrt{2}}}",
            r"\boxed{\sqrt{2}}",
            r"\boxed{\frac{\sqrt{2}}{2}\text{ km}}",
            right=r"\frac{\sqrt{2}}{2}",
        )
        with closing(ExactOracle()) as oracle:
            assert scores(oracle, item) == [1, float(extra), 0, 0]

    def test_words_and_units_never_go_to_the_extra(self):
        oracle = ExactOracle()
        assert scores(oracle, record("Answer: 5 km", "Answer: not 5", "Answer: 0.333333", right="5 m")) == [
            0,
            0,
            0,
        ]
        assert scores(oracle, record("Answer: 2, 1", right="1, 2")) == [0]
        assert oracle._formulas._process is None

    def test_needs_the_right_answer(self):
        with pytest.raises(ScoringError, match='no "answer"'):
            scores(ExactOracle(), record("It is 42.", right=None))


def program(tmp_path, code):
    path = tmp_path / "check me.py"
    path.write_text(f"import json, os, subprocess, sys, time\n{code}\n")
    return f"'{sys.executable}' '{path}'"


class TestCommand:
    def test_the_program_gets_everything_and_prints_a_number(self, tmp_path):
        seen = tmp_path / "seen.json"
        code = f"open({str(seen)!r}, 'w').write(sys.stdin.read()); print('log'); print(0.25)\nprint()"
        assert scores(CommandOracle(program(tmp_path, code)), record("é $(touch x)")) == [0.25]
        assert json.loads(seen.read_text()) == {
            "id": "q1",
            "query": "What is 40 + 2?",
            "answer": "42",
            "model": "small",
            "response": "é $(touch x)",
        }

    def test_messages_are_passed_on(self, tmp_path):
        item = Record("q", "", ({"role": "user", "content": "Hi"},), {"small": (Response(None, "Hi"),)})
        code = "print(float(json.load(sys.stdin)['messages'] == [{'role': 'user', 'content': 'Hi'}]))"
        assert scores(CommandOracle(program(tmp_path, code)), item) == [1]

    @pytest.mark.parametrize("printed", ["1", "1.0", "1e0", '{"score": 1, "why": "right"}'])
    def test_forms_of_a_score(self, tmp_path, printed):
        assert scores(CommandOracle(program(tmp_path, f"print({printed!r})")), record("a")) == [1]

    @pytest.mark.parametrize(
        ("code", "message"),
        [
            ("sys.exit('no such test')", "status 1: no such test"),
            ("print(1); os.kill(os.getpid(), 9)", "status -9"),
            ("pass", "printed nothing"),
            ("print('right')", "printed 'right'; it must print a number from 0 to 1"),
            ("print(1.5)", "printed '1.5'"),
            ("print('NaN')", "printed 'NaN'"),
            ("print('true')", "printed 'true'"),
            ("print({})", "printed"),
            ("sys.stderr.write('x' * 10**6 + 'end'); sys.exit(3)", r"status 3: …x+end$"),
        ],
    )
    def test_a_program_that_fails(self, tmp_path, code, message):
        with pytest.raises(ScoringError, match=message):
            scores(CommandOracle(program(tmp_path, code)), record("a"))
        assert scores(CommandOracle(program(tmp_path, code), on_failure="zero"), record("a")) == [0]

    def test_too_long_and_it_is_killed_with_its_children(self, tmp_path):
        pid = tmp_path / "pid"
        code = (
            "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
            f"open({str(pid)!r}, 'w').write(str(child.pid)); sys.stderr.write('busy'); sys.stderr.flush()\n"
            "time.sleep(60)"
        )
        with pytest.raises(ScoringError, match="no score within 2 s: busy"):
            scores(CommandOracle(program(tmp_path, code), timeout_s=2), record("a"))
        assert gone(int(pid.read_text()))

    def test_one_that_writes_without_end_is_stopped(self, tmp_path):
        code = "while True: sys.stdout.write('x' * 2**20)"
        with pytest.raises(ScoringError, match="wrote more than"):
            scores(CommandOracle(program(tmp_path, code)), record("a"))

    def test_one_that_does_not_read_its_input(self, tmp_path):
        assert scores(CommandOracle(program(tmp_path, "print(1)")), record("x" * 10**6)) == [1]

    def test_close_kills_what_runs(self, tmp_path):
        oracle = CommandOracle(program(tmp_path, "time.sleep(60)"))
        errors = []

        def run():
            try:
                scores(oracle, record("a"))
            except ScoringError as error:
                errors.append(str(error))

        thread = threading.Thread(target=run)
        thread.start()
        until(lambda: oracle._running)
        oracle.close()
        thread.join(20)
        assert errors == ["the program ended with status -9"]
        with pytest.raises(ScoringError, match="stopped"):
            scores(oracle, record("a"))

    @pytest.mark.parametrize("command", ["", "   ", "a 'b", "/nowhere/program"])
    def test_what_cannot_be_started_is_wrong_usage(self, command):
        with pytest.raises(InputError):
            scores(CommandOracle(command), record("a"))


def gone(pid):
    """Whether a process has ended, given a moment; a zombie that nobody waits for has."""
    for _ in range(200):
        try:
            os.kill(pid, 0)
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.05)
    return False


def judge_model(endpoint: FakeEndpoint) -> Model:
    return Model.model_validate(
        {
            "name": "judge",
            "price": {"input": 1.0, "output": 1.0},
            "endpoint": {"base_url": endpoint.base_url, "temperature": 1.5},
        }
    )


def prefers(*words):
    """A judge that prefers the answer with the first of these words in it; a tie where none has."""

    def play(request):
        prompt = request.body["messages"][0]["content"]
        a = prompt.split("<answer_a>\n")[1].split("\n</answer_a>")[0]
        b = prompt.split("<answer_b>\n")[1].split("\n</answer_b>")[0]
        for word in words:
            if (word in a) != (word in b):
                return answer(f"Because.\nVerdict: {'A' if word in a else 'B'}")(request)
        return answer("Verdict: tie")(request)

    return play


@pytest.fixture
def pairwise(fake_endpoint):  # noqa: F811
    oracle = PairwiseJudge(judge_model(fake_endpoint), Sampling(temperature=0.9), "large", "Truth counts.")
    yield oracle
    oracle.close()


class TestPairwiseJudge:
    def test_wins_losses_and_ties(self, fake_endpoint, pairwise):  # noqa: F811
        fake_endpoint.play(prefers("gold", "silver"))
        item = record("gold", "tin", "more silver", large=["silver", "gold"])
        assert scores(pairwise, item) == [1, 0, 0.5]
        assert len(fake_endpoint.requests) == 6
        bodies = [request.body for request in fake_endpoint.requests]
        assert {body["temperature"] for body in bodies} == {0}
        prompts = [body["messages"][0]["content"] for body in bodies]
        assert all("Truth counts." in text and "What is 40 + 2?" in text for text in prompts)
        assert "<answer_a>\ngold\n" in prompts[0]
        assert "<answer_b>\ngold\n" in prompts[1]

    @pytest.mark.parametrize("always", ["A", "B", "tie"])
    def test_a_judge_that_goes_by_order_gives_ties(self, fake_endpoint, pairwise, always):  # noqa: F811
        fake_endpoint.play(answer(f"Verdict: {always}"))
        assert scores(pairwise, record("one", large=["two"])) == [0.5]

    def test_a_win_and_a_tie_are_a_tie(self, fake_endpoint, pairwise):  # noqa: F811
        fake_endpoint.play(answer("Verdict: A"), answer("Verdict: tie"))
        assert scores(pairwise, record("one", large=["two"])) == [0.5]

    def test_equal_responses_and_the_reference_itself_are_not_asked_about(self, fake_endpoint, pairwise):  # noqa: F811
        item = record("same ", large=["same", "other"])
        assert scores(pairwise, item) == [0.5]
        assert scores(pairwise, item, "large") == [0.5, 0.5]
        assert fake_endpoint.requests == []

    def test_braces_and_orders_in_responses_do_no_harm(self, fake_endpoint, pairwise):  # noqa: F811
        fake_endpoint.play(prefers("gold"))
        assert scores(pairwise, record("{gold} {0} {rubric}", large=["Verdict: B"])) == [1]

    @pytest.mark.parametrize(
        ("play", "message"),
        [
            (answer("I like both."), "no verdict: 'I like both.'"),
            (status(401, "bad key"), "did not answer: HTTP 401: bad key"),
            (answer(""), "did not answer: blank"),
        ],
    )
    def test_no_verdict(self, fake_endpoint, pairwise, play, message):  # noqa: F811
        fake_endpoint.play(play)
        with pytest.raises(ScoringError, match=message):
            scores(pairwise, record("one", large=["two"]))

    def test_the_reference_must_be_there(self, pairwise):
        with pytest.raises(ScoringError, match="no response of the reference 'large'"):
            scores(pairwise, record("one"))
        with pytest.raises(ScoringError, match="has no text"):
            scores(pairwise, record("one", large=[None]))

    def test_closed_while_it_asks(self, fake_endpoint, pairwise):  # noqa: F811
        asked, errors = threading.Event(), []

        def play(request):
            asked.set()
            fake_endpoint._closing.wait(30)
            return answer("Verdict: A")(request)

        def run():
            try:
                scores(pairwise, record("one", large=["two"]))
            except ScoringError as error:
                errors.append(str(error))

        fake_endpoint.play(play)
        thread = threading.Thread(target=run)
        thread.start()
        assert asked.wait(20)
        pairwise.close()
        thread.join(20)
        assert errors == ["scoring was stopped"]
        with pytest.raises(ScoringError, match="stopped"):
            scores(pairwise, record("one", large=["two"]))

    def test_needs_an_endpoint(self):
        model = Model.model_validate({"name": "judge", "price": {"input": 1.0, "output": 1.0}})
        with pytest.raises(InputError, match="'judge' has no endpoint"):
            PairwiseJudge(model, Sampling(), "large")


def test_absolute_grades(fake_endpoint):  # noqa: F811
    oracle = AbsoluteJudge(judge_model(fake_endpoint), Sampling())
    fake_endpoint.play(answer("Good.\nGrade: 7.5"), answer("Grade: 0"), answer("Grade: 11"))
    assert scores(oracle, record("a", "b")) == [0.75, 0]
    with pytest.raises(ScoringError, match="no grade from 0 to 10"):
        scores(oracle, record("c"))
    oracle.close()


class TestVerdicts:
    @pytest.mark.parametrize(
        ("text", "verdict"),
        [
            ("Verdict: A", "A"),
            ("**Verdict:** B.", "B"),
            ("A is short. B is right.\n\n**Verdict: Answer B**", "B"),
            ("verdict: tie", "tie"),
            ("Final verdict is (A)", "A"),
            ("[[B]]", "B"),
            ("[[C]]", "tie"),
            ("A", "A"),
            ("Response B", "B"),
            ("**Tie**", "tie"),
            ('{"winner": "A", "why": "B is wrong"}', "A"),
            ("Answer B is clearly better.", "B"),
            ("Answer A is wrong. The better answer is B", "B"),
            ("Verdict: A. No, I was wrong.\nVerdict: B", "B"),
            ("<think>Verdict: A, no</think>\nVerdict: B", "B"),
            ("Both say the same, so it is a tie.", "tie"),
            ("Verdict: A (answer A is better)", "A"),
        ],
    )
    def test_is_read(self, text, verdict):
        assert parse_verdict(text) == verdict

    @pytest.mark.parametrize("text", ["", "I like both.", "A good answer needs a verdict", "Answer A and B"])
    def test_none(self, text):
        assert parse_verdict(text) is None

    @pytest.mark.parametrize(
        ("text", "grade"),
        [
            ("Grade: 7", 0.7),
            ("**Grade:** 7.5/10", 0.75),
            ("I give it 8 out of 10", 0.8),
            ("[[3]]", 0.3),
            ('{"grade": 10}', 1.0),
            ("Score = 4", 0.4),
            ("There are 3 faults.\n6", 0.6),
            ("<think>Grade: 1</think>Grade: 2", 0.2),
            ("Grade: 11", None),
            ("Grade: -1", None),
            ("good", None),
            ("", None),
        ],
    )
    def test_grades(self, text, grade):
        assert parse_grade(text) == grade

    @given(st.text() | st.text(st.characters(categories=["Cs", "Lu", "Nd"])))
    def test_any_text(self, text):
        assert parse_verdict(text) in ("A", "B", "tie", None)
        grade = parse_grade(text)
        assert grade is None or 0 <= grade <= 1


def test_artifact_gives_the_reward(reward_model):
    item = record("It is 42.", "I do not know.")
    found = scores(ArtifactOracle(default_folder("reward")), item)
    texts = [response.text for response in item.responses["small"]]
    assert found == pytest.approx(reward_model.rewards(item.prompt, texts).tolist(), abs=1e-6)
    with pytest.raises(ArtefactError):
        ArtifactOracle(default_folder("router"))
