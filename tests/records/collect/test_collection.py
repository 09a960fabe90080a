"""`collect` against real servers on loopback: what is asked, what is kept, what failures leave."""

import gzip
import json
import sys
import time
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bestroute.errors import InputError, MissingExtra, SamplingError
from bestroute.records.collect import Progress
from bestroute.records.collect.ledger import Journal
from bestroute.records.lines import record_as_json
from bestroute.records.record import Record, Response
from tests.answering.fake_endpoint import (
    FakeEndpoint,
    Numbered,
    answer,
    answer_n,
    closed_port,
    completion,
    document,
    status,
)
from tests.records.collect.desk import PROMPTS


class TestRecords:
    def test_what_is_written(self, desk, fake_endpoint):
        report = desk.json("--samples", "2", "--concurrency", "1")
        assert desk.records() == [
            Record(
                "q1", "sums", "What is 2 + 2?", {"a": (given_by("a0"), given_by("a1"))}, 4.0, "4"
            ),
            Record(
                "q2", "sums", "What is 3 + 3?", {"a": (given_by("a2"), given_by("a3"))}, 4.0, "6",
                {"plan": "free"},
            ),
            Record(
                "q3", "", ({"role": "user", "content": "Why is the sky blue?"},),
                {"a": (given_by("a4"), given_by("a5"))}, 5.0,
            ),
        ]  # fmt: skip
        assert [request.body["n"] for request in fake_endpoint.requests] == [2, 2, 2]
        assert not desk.journal.exists()
        assert report == {
            "out": str(desk.out), "complete": True, "missing": 0, "prompts": 3, "repeats": 0,
            "models": {
                "a": {
                    "wanted": 6, "done": 6, "collected": 6, "blank": 0,
                    "mean_output_tokens": 5.0, "mean_thinking_tokens": None, "given_up": None,
                }
            },
            "failed": [], "cost": 0.0, "spent": 0.0, "stopped_by": None, "written": True,
        }  # fmt: skip

    def test_how_sure_the_model_was_where_the_endpoint_tells(self, desk, fake_endpoint):
        """Asked for by the model's params; one choice tells, the other does not."""
        given = completion("4", "5")
        tops = [{"token": "4", "logprob": -0.25}, {"token": "5", "logprob": -1.5}]
        given["choices"][0]["logprobs"] = {"content": [{**tops[0], "top_logprobs": tops}]}
        fake_endpoint.play(lambda request: document(given))
        policy = json.loads(desk.policy.read_text())
        policy["models"][0]["params"] = {"logprobs": True, "top_logprobs": 2}
        desk.policy.write_text(json.dumps(policy))
        desk.json("--samples", "2")
        assert {request.body["top_logprobs"] for request in fake_endpoint.requests} == {2}
        for record in desk.records():
            told, untold = record.responses["a"]
            assert (told.mean_logprob, told.least_margin) == (-0.25, 1.25)
            assert (untold.mean_logprob, untold.least_margin) == (None, None)
            assert "mean_logprob" not in record_as_json(record)["responses"]["a"][1]

    def test_parallel_makes_single_calls_and_keeps_reported_tokens(self, desk, fake_endpoint):
        desk.write_policy(a={"base_url": fake_endpoint.base_url})
        desk.json("--samples", "3")
        assert [len(record.responses["a"]) for record in desk.records()] == [3, 3, 3]
        assert {item.output_tokens for record in desk.records() for item in record.responses["a"]} == {5}
        assert {item.by for record in desk.records() for item in record.responses["a"]} == {"a"}
        assert [request.body.get("n") for request in fake_endpoint.requests] == [None] * 9

    @pytest.mark.parametrize(
        ("texts", "tokens"), [(("four tokens as counted", "one"), [34, 6]), (("", ""), [20, 20])]
    )
    def test_a_bill_for_several_is_shared_by_length(self, desk, fake_endpoint, texts, tokens):
        fake_endpoint.play(lambda request: document(completion(*texts, tokens=20)))
        report = desk.json("--samples", "2")
        found = [[one.output_tokens for one in record.responses["a"]] for record in desk.records()]
        assert [sum(each) for each in found] == pytest.approx([40.0] * 3)
        assert list(map(round, found[0])) == tokens
        assert report["models"]["a"]["mean_output_tokens"] == pytest.approx(20.0)

    def test_blank_responses_are_told_and_kept(self, desk, fake_endpoint):
        """One of two is blank; what an earlier run wrote counts, too."""
        fake_endpoint.play(answer("fine", " \n"))
        first = desk.run("--samples", "2")
        assert first.exit_code == 0
        assert first.stderr == ("warning: 3 blank responses of a; they were paid for and stay recorded\n")
        assert desk.texts()["q1"] == ["fine", " \n"]
        assert desk.json("--samples", "4")["models"]["a"]["blank"] == 6

    def test_thinking_that_was_billed_is_told(self, desk, fake_endpoint):
        """Two responses a call, 30 tokens of thinking among the 40 that both took."""
        body = completion("fine", "fine", tokens=20)
        body["usage"]["completion_tokens_details"] = {"reasoning_tokens": 30}
        fake_endpoint.play(lambda request: document(body))
        desk.collect(samples=2)
        assert {one.thinking_tokens for record in desk.records() for one in record.responses["a"]} == {15.0}
        again = desk.run("--samples", "4")
        assert "a: thinking_tokens: 15 a response, for its entry in the policy" in again.output

    def test_every_model_or_those_named(self, desk, fake_endpoint):
        url = fake_endpoint.base_url
        desk.write_policy(a={"base_url": url}, b={"base_url": url, "temperature": 0.1}, c=None)
        result = desk.run("--samples", "1")
        assert result.exit_code == 2
        assert "no endpoint for c; give each one, or choose others with --model" in result.stderr
        assert desk.run("--model", "d").exit_code == 2
        desk.json("--samples", "1", "--model", "a", "--model", "b")
        assert [sorted(record.responses) for record in desk.records()] == [["a", "b"]] * 3
        assert (
            sorted(request.body["temperature"] for request in fake_endpoint.requests) == [0.1] * 3 + [0.8] * 3
        )

    def test_an_endpoint_that_gives_fewer_is_asked_for_the_rest(self, desk, fake_endpoint):
        fake_endpoint.play(Numbered(at_most=2))
        desk.json("--samples", "5", "--concurrency", "1")
        assert [len(texts) for texts in desk.texts().values()] == [5, 5, 5]
        assert [request.body.get("n", 1) for request in fake_endpoint.requests] == [5, 3, 1] * 3

    @pytest.mark.parametrize(("allowed", "asked"), [(4, [10, 5, 2]), (1, [10, 5, 2, 1])])
    def test_an_endpoint_that_allows_fewer_at_once(self, desk, fake_endpoint, allowed, asked):
        numbered = Numbered()

        def play(request):
            return (numbered if request.body.get("n", 1) <= allowed else status(400, "n too large"))(request)

        fake_endpoint.play(play)
        desk.json("--samples", "10", "--concurrency", "1")
        assert [len(texts) for texts in desk.texts().values()] == [10, 10, 10]
        calls = [request.body.get("n", 1) for request in fake_endpoint.requests]
        assert calls == asked + [asked[-1]] * (len(calls) - len(asked))
        assert len(calls) == len(asked) - 1 + 30 // asked[-1]

    def test_packed_records(self, desk, tmp_path):
        desk.out = tmp_path / "records.jsonl.gz"
        desk.json("--samples", "1")
        first = gzip.decompress(desk.out.read_bytes())
        assert len(desk.records()) == 3
        desk.json("--samples", "2")
        assert [len(texts) for texts in desk.texts().values()] == [2, 2, 2]
        assert len(gzip.decompress(desk.out.read_bytes())) > len(first)

    def test_repeats_are_told(self, desk):
        desk.write_prompts(PROMPTS[0], PROMPTS[0])
        result = desk.run("--samples", "1")
        assert result.exit_code == 0
        assert "1 lines repeat an earlier prompt; each prompt counts once" in result.stderr
        assert "records.jsonl: 1 prompts" in result.stdout

    def test_the_file_read_is_not_written(self, desk):
        desk.out = desk.prompts
        assert desk.run().exit_code == 2
        assert len(desk.prompts.read_text().splitlines()) == 3

    def test_a_key_that_is_not_there_is_told_before_any_call(self, desk, fake_endpoint, monkeypatch):
        monkeypatch.delenv("BESTROUTE_UNSET", raising=False)
        desk.write_policy(a={"base_url": fake_endpoint.base_url, "api_key_env": "BESTROUTE_UNSET"})
        with pytest.raises(SamplingError, match="BESTROUTE_UNSET is not set"):
            desk.collect()
        assert fake_endpoint.requests == []


def given_by(text: str) -> Response:
    """A response as it is kept: a choice is billed 5 tokens; its writer is the name at the endpoint."""
    return Response(score=None, text=text, output_tokens=5.0, by="a-there")


class TestGoingOn:
    def test_nothing_is_asked_again(self, desk, fake_endpoint):
        desk.json("--samples", "2")
        before = desk.out.read_bytes()
        report = desk.json("--samples", "2")
        assert len(fake_endpoint.requests) == 3
        assert (report["complete"], report["models"]["a"]["collected"]) == (True, 0)
        assert desk.out.read_bytes() == before

    def test_more_samples_add_to_what_is_there(self, desk, fake_endpoint):
        desk.json("--samples", "2")
        scored = [record_as_json(record) for record in desk.records()]
        scored[1]["responses"]["a"][0] |= {"score": 0.5, "reward": 0.25}
        desk.out.write_text("".join(json.dumps(record) + "\n" for record in scored))
        desk.json("--samples", "5")
        assert [request.body["n"] for request in fake_endpoint.requests] == [2] * 3 + [3] * 3
        assert [len(set(texts)) for texts in desk.texts().values()] == [5, 5, 5]
        kept = desk.records()[1].responses["a"][0]
        assert (kept.text, kept.score, kept.reward) == (scored[1]["responses"]["a"][0]["text"], 0.5, 0.25)

    def test_fewer_samples_drop_nothing(self, desk):
        desk.json("--samples", "3")
        desk.json("--samples", "1")
        assert [len(texts) for texts in desk.texts().values()] == [3, 3, 3]

    def test_more_prompts_and_another_model(self, desk, fake_endpoint):
        desk.json("--samples", "1")
        desk.write_prompts(PROMPTS[0], {"id": "new", "query": "Who?"}, *PROMPTS[1:])
        url = fake_endpoint.base_url
        desk.write_policy(b={"base_url": url}, a={"base_url": url, "model": "a-there"})
        desk.json("--samples", "1", "--model", "b")
        assert [(record.id, sorted(record.responses)) for record in desk.records()] == [
            ("q1", ["a", "b"]), ("new", ["b"]), ("q2", ["a", "b"]), ("q3", ["a", "b"]),
        ]  # fmt: skip
        assert len(fake_endpoint.requests) == 7

    @pytest.mark.parametrize(
        ("prompts", "message"),
        [
            (PROMPTS[:2], "'q3' is not in .*, or in another order there; give another --out"),
            ([PROMPTS[1], PROMPTS[0], PROMPTS[2]], "'q2' is not in .*, or in another order there"),
            ([{**PROMPTS[0], "query": "What is 2 + 1?"}, *PROMPTS[1:]], "'q1' has another prompt than in"),
        ],
    )
    def test_records_of_other_prompts_are_refused(self, desk, fake_endpoint, prompts, message):
        desk.json("--samples", "1")
        desk.write_prompts(*prompts)
        with pytest.raises(InputError, match=message):
            desk.collect()
        assert len(fake_endpoint.requests) == 3

    def test_records_by_another_model_are_refused(self, desk, fake_endpoint):
        desk.json("--samples", "1")
        desk.write_policy(a={"base_url": fake_endpoint.base_url, "model": "new-there"})
        with pytest.raises(
            InputError, match="of a to 'q1' are by a-there, and the policy now asks new-there"
        ):
            desk.collect()

    def test_a_journal_of_another_run_is_refused(self, desk, fake_endpoint):
        fake_endpoint.play(Numbered())
        desk.write_policy(1e6, a={"base_url": fake_endpoint.base_url})
        desk.json("--max-cost", "21", exit_code=1)
        desk.write_policy(1e6, a={"base_url": fake_endpoint.base_url, "temperature": 0.5})
        result = desk.run()
        assert result.exit_code == 2
        assert "is the journal of another run (other: models)" in result.stderr

    def test_a_kill_between_writing_and_tidying_doubles_nothing(self, desk, fake_endpoint, monkeypatch):
        def killed(journal: Journal) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(Journal, "remove", killed)
            with pytest.raises(KeyboardInterrupt):
                desk.collect()
        assert desk.out.exists()
        assert len(desk.journal.read_text().splitlines()) == 5  # header, three replies, digest of the records
        outcome = desk.collect()
        assert outcome.complete
        assert len(fake_endpoint.requests) == 3
        assert not desk.journal.exists()
        assert [len(texts) for texts in desk.texts().values()] == [2, 2, 2]


@given(share=st.floats(0, 1))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_journal_that_is_torn_anywhere_is_gone_on_with(desk, fake_endpoint, monkeypatch, share):
    """Of a run that never tidied up, keep the first bytes; every reply whose line is whole stays."""
    fake_endpoint.play(Numbered())
    for path in (desk.out, desk.journal):
        path.unlink(missing_ok=True)
    with monkeypatch.context() as patched:
        patched.setattr("bestroute.records.collect.ledger.atomic_write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            desk.collect(3)
    content = desk.journal.read_bytes()
    kept = content[: round(share * len(content))]
    desk.journal.write_bytes(kept)
    whole = [json.loads(line) for line in kept.split(b"\n")[1:-1]]
    replies = {entry["id"]: [item["text"] for item in entry["responses"]] for entry in whole}
    fake_endpoint.requests.clear()
    assert desk.collect(3).complete
    assert len(fake_endpoint.requests) == 3 - len(replies)
    assert [len(set(texts)) for texts in desk.texts().values()] == [3, 3, 3]
    assert desk.texts().items() >= replies.items()


def interrupted(path: object) -> None:
    raise KeyboardInterrupt


def test_every_reply_is_reported(desk):
    told: list[Progress] = []
    desk.collect(2, concurrency=1, report=told.append)
    assert [(p.done, p.wanted, p.collected) for p in told] == [(2, 6, 2), (4, 6, 4), (6, 6, 6)]
    desk.collect(3, concurrency=1, report=told.append)
    assert (told[3].done, told[3].collected, told[3].wanted) == (7, 1, 9)


class TestTrouble:
    def test_a_prompt_that_fails_costs_only_itself(self, desk, fake_endpoint):
        numbered, fails = Numbered(), [True]

        def play(request):
            bad = fails[0] and "3 + 3" in request.body["messages"][0]["content"]
            return status(400, "too long")(request) if bad else numbered(request)

        fake_endpoint.play(play)
        desk.write_policy(a={"base_url": fake_endpoint.base_url})
        report = desk.json("--samples", "4", "--concurrency", "1", exit_code=1)
        assert report["failed"] == [{"id": "q2", "model": "a", "error": "HTTP 400: too long"}]
        assert report["missing"] == 4
        assert len(fake_endpoint.requests) == 9  # the other three of q2 are not tried
        assert list(desk.texts()) == ["q1", "q3"]
        assert not desk.journal.exists()
        fails[0] = False
        desk.json("--samples", "4")
        assert len(fake_endpoint.requests) == 13
        assert list(desk.texts()) == ["q1", "q2", "q3"]

    def test_what_fails_now_and_then_is_tried_again(self, desk, fake_endpoint):
        numbered, count = Numbered(), [0]

        def play(request):
            count[0] += 1
            return numbered(request) if count[0] % 3 == 0 else status(500)(request)

        fake_endpoint.play(play)
        assert desk.collect(2, concurrency=1).complete
        assert len(fake_endpoint.requests) == 9

    def test_tries_are_bounded(self, desk, fake_endpoint):
        fake_endpoint.play(status(500, "down"))
        outcome = desk.collect(2)
        assert [failure.error for failure in outcome.failed] == ["HTTP 500: down"] * 3
        assert len(fake_endpoint.requests) == 18
        assert not outcome.written
        assert not desk.out.exists()
        assert not desk.journal.exists()

    def test_a_model_that_nobody_serves_is_given_up(self, desk, fake_endpoint):
        url = fake_endpoint.base_url
        desk.write_prompts(*({"query": f"What is {i} + {i}?"} for i in range(30)))
        desk.write_policy(a={"base_url": closed_port()}, b={"base_url": url})
        outcome = desk.collect(1, concurrency=2)
        assert outcome.models["a"].given_up.startswith("cannot reach http://127.0.0.1:")
        assert 5 <= len(outcome.failed) <= 6
        assert (outcome.models["b"].done, outcome.missing, outcome.written) == (30, 30, True)

    def test_an_endpoint_that_never_has_room_is_given_up(self, desk, fake_endpoint):
        fake_endpoint.play(status(429, "later"))
        outcome = desk.collect(1, concurrency=1)
        assert outcome.models["a"].given_up == "HTTP 429: later"
        assert len(fake_endpoint.requests) == 10

    @pytest.mark.parametrize("form", ["seconds", "date"])
    def test_a_busy_endpoint_is_left_alone_for_as_long_as_it_says(self, desk, fake_endpoint, form):
        times, numbered = [], Numbered()

        def play(request):
            times.append(time.monotonic())
            if len(times) > 1:
                return numbered(request)
            until = datetime.now(timezone.utc) + timedelta(seconds=2)
            said = "0.5" if form == "seconds" else format_datetime(until, usegmt=True)
            return status(429, retry_after=said)(request)

        fake_endpoint.play(play)
        assert desk.collect(1, concurrency=1).complete
        assert times[1] - times[0] >= 0.5

    def test_blank_replies_and_those_without_text(self, desk, fake_endpoint):
        fake_endpoint.play(lambda request: document(completion(None)))
        desk.write_policy(1e6, a={"base_url": fake_endpoint.base_url})
        desk.write_prompts(PROMPTS[0])
        outcome = desk.collect(1)
        assert outcome.failed[0].error == "a response without text (finish_reason: stop)"
        assert outcome.cost == 30.0  # six tries of five tokens are billed all the same
        assert not desk.out.exists()
        fake_endpoint.play(answer_n(""))
        assert desk.collect(1).complete
        assert desk.texts() == {"q1": [""]}

    @pytest.mark.parametrize("concurrency", [1, 8])
    def test_a_reply_that_cannot_be_kept_ends_the_run(self, desk, monkeypatch, concurrency):
        def full(journal: Journal, *entries: object) -> list[int]:
            raise InputError("no space left on device")

        monkeypatch.setattr(Journal, "append", full)
        with pytest.raises(InputError, match="no space left"):
            desk.collect(concurrency=concurrency)

    def test_without_the_client_the_pip_line_is_given_and_no_journal_left(self, desk, monkeypatch):
        monkeypatch.setitem(sys.modules, "aiohttp", None)
        with pytest.raises(MissingExtra, match=r'pip install "bestroute\[client\]"'):
            desk.collect()
        assert not desk.journal.exists()

    def test_concurrency_is_of_the_address(self, desk, fake_endpoint):
        url = fake_endpoint.base_url
        desk.write_policy(a={"base_url": url}, b={"base_url": url})
        fake_endpoint.play(Numbered(hold_s=0.1))
        desk.json("--samples", "3", "--concurrency", "3")
        assert fake_endpoint.most_at_once == 3
        assert len(fake_endpoint.requests) == 18


def test_two_endpoints_do_not_wait_for_one_another(desk, fake_endpoint):
    other = FakeEndpoint()
    try:
        slow, fast = Numbered("b"), Numbered("a")
        slow.gate.clear()
        other.play(slow)

        def play(request):
            if fast.count == 8:
                slow.gate.set()  # the last call of the fast one frees the slow one
            return fast(request)

        fake_endpoint.play(play)
        desk.write_policy(b={"base_url": other.base_url}, a={"base_url": fake_endpoint.base_url})
        assert desk.collect(3, concurrency=1).complete
    finally:
        other.close()


def test_some_of_many_prompts_and_more_of_them_later(desk):
    desk.write_prompts(*({"query": f"What is {number}?"} for number in range(30)))
    first = desk.json("--choose", "5", "-n", "1")
    assert (first["prompts"], first["models"]["a"]["collected"]) == (5, 5)
    few = desk.texts()
    more = desk.json("--choose", "12", "-n", "1")
    assert (more["prompts"], more["models"]["a"]["collected"]) == (12, 7)
    assert few.items() <= desk.texts().items()
