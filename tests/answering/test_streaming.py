"""Streams over real HTTP on loopback: of one response, of several, escalated, broken, stalled, cancelled."""

import asyncio
import json
import time

import pytest

from bestroute import Broken, Chunk, Ended, EndpointSampler, Progress
from bestroute.errors import InputError, SamplingError
from tests.answering.fake_endpoint import (
    answer,
    closed_port,
    document,
    endless,
    event,
    fake_endpoint,  # noqa: F401
    hang,
    pieces,
    raw,
    status,
    streamed,
)
from tests.decision.plans import planning
from tests.fakes import BIG, MID, TINY, FakeSampler, said
from tests.patience import until

MESSAGES = [{"role": "user", "content": "abcdefgh"}]
ONE = [{"model": "mid"}, {"model": "big"}]
ONE_SHOT = {"escalate": False}
ADD = {
    "type": "function",
    "function": {"name": "add", "parameters": {"type": "object", "required": ["a"]}},
}


def call_event(arguments, **head):
    return event({"tool_calls": [{"index": 0, **head, "function": {"arguments": arguments}}]})


@pytest.fixture
def streaming(fake_endpoint):  # noqa: F811
    """A router whose models play what `plays` says; one response of mid answers, then big."""

    def made(urls=(), tiers=ONE, sampling=ONE_SHOT, **plays):
        fake_endpoint.play(lambda request: plays[request.body["model"]](request))

        def served(one):
            url = dict(urls).get(one["name"], fake_endpoint.base_url)
            return {**one, "capabilities": ["tools"], "endpoint": {"base_url": url}}

        return planning(
            sampler=EndpointSampler(retries=0),
            models=[served(one) for one in (TINY, MID, BIG)],
            tiers=tiers,
            sampling=sampling,
        )

    return made


def events_of(router, **fields):
    return list(router.stream({"messages": MESSAGES, **fields}))


def text_of(events):
    return "".join(one.text for one in events if isinstance(one, Chunk))


class TestOne:
    def test_chunks_go_through_as_they_are(self, streaming, fake_endpoint):  # noqa: F811
        sent = streamed("It is ", "deep.")
        found = events_of(streaming(mid=pieces(*sent)))
        chunks = [one.data for one in found if isinstance(one, Chunk)]
        assert chunks == [json.loads(piece.removeprefix(b"data: ")) for piece in sent[:4]]
        assert isinstance(found[-1], Ended)
        answer = found[-1].answer
        assert (answer.text, answer.model, answer.n, answer.shortfall) == ("It is deep.", "mid", 1, None)
        assert (answer.usage.input_tokens, answer.usage.output_tokens) == (10, 5)
        assert answer.cost == pytest.approx(60e-6)
        assert answer.message == {"role": "assistant", "content": "It is deep."}
        body = fake_endpoint.requests[0].body
        assert (body["stream"], body["stream_options"]) == (True, {"include_usage": True})

    def test_the_bill_is_the_last_chunk_where_it_is_asked_for(self, streaming):
        router = streaming(mid=pieces(*streamed("Deep.")))
        found = events_of(router, stream=True, stream_options={"include_usage": True})
        usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
        head = {"id": "up-1", "object": "chat.completion.chunk", "created": 1, "model": "upstream"}
        assert found[-2] == Chunk({**head, "choices": [], "usage": usage})

    def test_a_character_that_comes_in_two_halves(self, streaming):
        whole = b"".join(
            event({"content": "Tief: "})[:-2].replace(b"Tief", "Große Tiefe 🌊".encode()).split()
        )
        whole = b"data: " + whole.removeprefix(b"data:") + b"\n\n"
        at = whole.index("🌊".encode()) + 2
        router = streaming(mid=pieces(whole[:at], whole[at:], event({}, "stop"), gap_s=0.05))
        assert "🌊" in text_of(events_of(router))

    def test_a_server_that_does_not_stream(self, streaming):
        found = events_of(streaming(mid=answer("Whole.")))
        assert (text_of(found), found[-1].answer.text) == ("Whole.", "Whole.")
        assert found[-2].data["choices"][0]["finish_reason"] == "stop"

    def test_a_field_that_is_refused_is_left_out(self, streaming, fake_endpoint):  # noqa: F811
        def picky(request):
            if "stream_options" in request.body:
                return document({"error": {"message": "stream_options is not supported"}}, 400)
            return pieces(*streamed("Deep."))(request)

        found = events_of(streaming(mid=picky))
        assert text_of(found) == "Deep."
        assert "stream_options" not in fake_endpoint.requests[-1].body

    def test_the_first_chunk_does_not_wait_for_the_last(self, streaming, fake_endpoint):  # noqa: F811
        router = streaming(mid=pieces(*streamed("a", "b"), gap_s=1.0))
        for one in router.stream(MESSAGES):
            if isinstance(one, Chunk) and one.text == "a":
                break
        assert fake_endpoint.streaming == 1  # and "b" is still to come


class TestCalls:
    def test_are_given_once_they_may_win(self, streaming):
        calls = [call_event('{"a"', id="c1", type="function"), call_event(": 1}")]
        calls[0] = calls[0].replace(b'"function": {', b'"function": {"name": "add", ')
        found = events_of(
            streaming(mid=pieces(event({"content": "Adding."}), *calls, event({}, "tool_calls"))), tools=[ADD]
        )
        answer = found[-1].answer
        assert [(one.name, one.arguments) for one in answer.sample.calls] == [("add", '{"a": 1}')]
        assert answer.message["tool_calls"] == [
            {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
        ]
        assert sum(isinstance(one, Chunk) for one in found) == 4

    def test_broken_ones_send_it_on(self, streaming):
        bad = event({"tool_calls": [{"index": 0, "function": {"name": "add", "arguments": "{}"}}]})
        found = events_of(
            streaming(mid=pieces(bad, event({}, "tool_calls")), big=pieces(*streamed("No tool."))),
            tools=[ADD],
        )
        assert (text_of(found), found[-1].answer.model) == ("No tool.", "big")

    def test_a_schema_is_held_against_all_of_it_before_any_is_given(self, streaming):
        form = {"type": "json_object"}
        found = events_of(streaming(mid=answer("{"), big=answer('{"a": 1}')), response_format=form)
        assert text_of(found) == '{"a": 1}'


class TestSeveral:
    def test_the_kept_one_is_given_when_it_is_known(self, streaming):
        router = streaming(tiers=[{"model": "mid", "n": 4}, {"model": "big"}], mid=answer("Answer: A"))
        found = events_of(router, stream_options={"include_usage": True})
        assert found[0] == Progress("mid@4")
        assert (found[1].arm, found[1].step.responses) == ("mid@4", 4)
        assert text_of(found) == "Answer: A"
        assert found[-2].data["usage"] == {"prompt_tokens": 40, "completion_tokens": 20, "total_tokens": 60}
        assert found[-1].answer.n == 4

    def test_the_reference_goes_through_where_all_else_was_not_good_enough(self, streaming):
        tiers = [{"model": "tiny", "n": 2}, {"model": "big"}]
        letters = iter("AB")
        found = events_of(
            streaming(
                tiers=tiers,
                sampling={"escalate": True},
                tiny=lambda request: answer(f"Answer: {next(letters)}")(request),
                big=pieces(*streamed("Answer: ", "Z")),
            ),
            stream_options={"include_usage": True},
        )
        arms = [one.arm for one in found if isinstance(one, Progress)]
        assert arms == ["tiny@2", "tiny@2"]
        assert found[2].data["id"] == "up-1"
        assert (text_of(found), found[-1].answer.model) == ("Answer: Z", "big")
        assert found[-2].data["usage"]["prompt_tokens"] == 30

    def test_a_sampler_that_cannot_stream(self):
        router = planning(sampler=FakeSampler({"mid": said("4")}), tiers=ONE, sampling=ONE_SHOT)
        found = events_of(router)
        assert (text_of(found), found[-1].answer.text) == ("4", "4")


class TestTrouble:
    @pytest.mark.parametrize(
        ("play", "error"),
        [
            (pieces(event({"content": "half"}), cut=True), "the answer broke off: the connection was closed"),
            (pieces(event({"content": "half"})), "the stream ended before the response did"),
            (pieces(event({"content": "half"}), event({"content": "x"})[:30]), "JSONDecodeError"),
            (pieces(event({"content": "half"}), b'data: {"error": {"message": "lost"}}\n\n'), "lost"),
            (
                pieces(event({"content": "half"}), event({"content": "🌊"})[:70], cut=True),
                "the answer broke off: the connection was closed",
            ),
        ],
        ids=["cut", "ended", "half an event", "error", "half a character"],
    )
    def test_in_the_middle_is_told_with_what_came(self, streaming, play, error):
        found = events_of(streaming(mid=play, big=pieces(*streamed("never asked"))))
        assert text_of(found) == "half"
        broken = found[-1]
        assert isinstance(broken, Broken)
        assert error in broken.error
        assert (broken.sample.text, broken.sample.truncated) == ("half", True)
        assert [one.arm for one in broken.attempts] == ["mid@1"]
        assert broken.cost > 0
        assert broken.reference_cost > broken.cost

    def test_what_the_reference_broke_off_saves_nothing(self, streaming):
        play = pieces(event({"content": "half"}), cut=True)
        broken = events_of(streaming(tiers=[{"model": "big"}], big=play))[-1]
        assert broken.reference_cost == broken.cost > 0

    @pytest.mark.parametrize(
        "play",
        [
            status(500),
            raw(b"<html>"),
            pieces(cut=True),
            pieces(event({"role": "assistant", "content": ""}), cut=True),
            pieces(event({"role": "assistant"}), event({}, "stop")),
            pieces(b'data: {"error": {"message": "overloaded"}}\n\n'),
            pieces(b"data: [DONE]\n\n"),
            pieces(*streamed(" ", "\n")),
            pieces(event({"content": "\n", "reasoning_content": " "}), cut=True),
            pieces(event({"content": [{"type": "text", "text": "\u3000"}]}), event({}, "stop")),
            pieces(event({"provider_specific_fields": {"seen": 1}}), event({}, "stop")),
        ],
        ids=[
            "500",
            "html",
            "cut",
            "cut after the role",
            "blank",
            "error",
            "done",
            "blanks",
            "cut after blanks",
            "blank parts",
            "beside",
        ],  # fmt: skip
    )
    def test_before_the_first_word_the_next_tier_answers(self, streaming, play):
        found = events_of(streaming(mid=play, big=pieces(*streamed("Deep."))))
        assert (text_of(found), found[-1].answer.model) == ("Deep.", "big")
        assert found[-1].answer.attempts[0].error

    @pytest.mark.parametrize(
        ("play", "unfit"),
        [
            (pieces(event({"role": "assistant", "content": ""}), cut=True), 0),
            (pieces(*streamed(" ", "\n")), 1),
        ],
        ids=["cut after the role", "blanks"],
    )
    def test_what_broke_off_is_no_answer(self, streaming, play, unfit):
        found = events_of(streaming(mid=play, big=pieces(*streamed("Deep."))))
        assert found[-1].answer.attempts[0].unfit == unfit

    def test_blanks_before_the_first_word_are_kept(self, streaming):
        assert (
            text_of(events_of(streaming(mid=pieces(*streamed("\n", " ", "So", " be it."))))) == "\n So be it."
        )

    def test_a_refused_connection_too(self, streaming):
        found = events_of(streaming(urls={"mid": closed_port()}, big=pieces(*streamed("Deep."))))
        assert found[-1].answer.model == "big"

    def test_silence_ends_it(self, streaming):
        stalled = pieces(event({"content": "half"}), b"", gap_s=3)
        found = events_of(streaming(sampling={**ONE_SHOT, "timeout_s": 0.4}, mid=stalled))
        assert (text_of(found), found[-1].error) == ("half", "nothing more came within 0.4 s")

    def test_silence_before_the_first_word_sends_it_on(self, streaming):
        router = streaming(
            sampling={**ONE_SHOT, "timeout_s": 0.4}, mid=hang(3), big=pieces(*streamed("Deep."))
        )
        assert events_of(router)[-1].answer.model == "big"

    def test_a_stream_is_a_call_that_health_counts(self, streaming):
        router = streaming(tiers=[{"model": "big"}], sampling=ONE_SHOT, big=pieces(*streamed("Deep.")))
        events_of(router)
        (site,) = router.health().endpoints
        assert (site.model, site.calls, site.under_way, dict(site.faults)) == ("big", 1, 0, {})
        assert router.health().counts["answered"] == 1

    def test_the_deadline_holds_in_a_stream(self, streaming):
        router = streaming(tiers=[{"model": "big"}], sampling={**ONE_SHOT, "deadline_s": 1.0}, big=endless())
        started = time.perf_counter()
        broken = events_of(router)[-1]
        assert "no more time" in broken.error
        assert broken.sample.text.startswith("on on")
        assert time.perf_counter() - started < 10

    def test_nobody_answers(self, streaming):
        with pytest.raises(SamplingError, match="no model answered"):
            events_of(streaming(mid=status(500), big=status(500)))


class TestGone:
    """A caller that goes away leaves nothing running at the endpoint."""

    def test_closed(self, streaming, fake_endpoint):  # noqa: F811
        events = streaming(mid=endless()).stream(MESSAGES)
        assert next(events).text == "on "
        assert fake_endpoint.streaming == 1
        events.close()
        assert until(lambda: fake_endpoint.streaming == 0)

    def test_cancelled(self, streaming, fake_endpoint):  # noqa: F811
        router, got = streaming(mid=endless()), []

        async def read():
            async for one in router.astream(MESSAGES):
                got.append(one)

        async def run():
            tasks = [asyncio.create_task(read()) for _ in range(5)]
            while fake_endpoint.streaming < 5 or len(got) < 20:
                await asyncio.sleep(0.01)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            return await asyncio.to_thread(until, lambda: fake_endpoint.streaming == 0)

        assert asyncio.run(run())

    def test_left_without_a_word(self, streaming, fake_endpoint):  # noqa: F811
        router = streaming(mid=endless())

        async def run():
            async for _ in router.astream(MESSAGES):
                break
            return await asyncio.to_thread(until, lambda: fake_endpoint.streaming == 0)

        assert asyncio.run(run())

    def test_while_several_are_sampled(self, streaming, fake_endpoint):  # noqa: F811
        router = streaming(tiers=[{"model": "mid", "n": 4}, {"model": "big"}], mid=hang(20))

        async def run():
            task = asyncio.create_task(anext(skipping_first(router)))
            while fake_endpoint.waiting < 4:
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        asyncio.run(run())
        assert len(fake_endpoint.requests) == 4


async def skipping_first(router):
    async for one in router.astream(MESSAGES):
        if not isinstance(one, Progress):
            yield one


def test_a_loop_that_runs_already():
    router = planning(sampler=FakeSampler({}))

    async def run():
        with pytest.raises(InputError, match="use `async for event in router.astream"):
            router.stream(MESSAGES)

    asyncio.run(run())
