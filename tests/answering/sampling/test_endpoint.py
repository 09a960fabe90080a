"""Sampling against a real server on loopback: every way an endpoint can answer, or not."""

import asyncio
import gc
import json
import logging
import subprocess
import sys
import time
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestroute.answering.sampling import (
    Attempt,
    EndpointSampler,
    Sample,
    Sampled,
    Usage,
    attempt_of,
    contenders,
    own_settings,
)
from bestroute.answering.sampling.completion import read_completion
from bestroute.answering.sampling.retry_after import retry_after_s
from bestroute.answering.sampling.upstream import MAX_BYTES
from bestroute.errors import InputError, MissingExtra
from bestroute.policy import Sampling
from bestroute.policy.arms import Model
from bestroute.query import Query
from tests.answering.fake_endpoint import (
    answer,
    answer_n,
    closed_port,
    completion,
    cut_off,
    document,
    echo_key,
    fake_endpoint,
    hang,
    raw,
    status,
)

__all__ = ["fake_endpoint"]
QUERY = Query.of("How deep is the sea?")
SETTINGS = Sampling(temperature=0.7, timeout_s=3.0, max_tokens=20)
KEY = "sk-secret-0123456789"


def model(base_url: str | None, name: str = "m", **endpoint: object) -> Model:
    values = {"name": name, "price": {"input": 1.0, "output": 2.0}}
    if base_url:
        values["endpoint"] = {"base_url": base_url, **endpoint}
    return Model.model_validate(values)


def ask(asked: Model, n: int = 1, *, retries: int = 0, settings: Sampling = SETTINGS) -> Sampled:
    return asyncio.run(EndpointSampler(retries=retries).sample(asked, QUERY, n, settings))


def texts(sampled: Sampled) -> list[str]:
    return [sample.text for sample in sampled.samples]


class TestVariants:
    def test_request_fields_are_sent(self, fake_endpoint):
        base = model(fake_endpoint.base_url)
        low = base.model_copy(update={"params": {"reasoning_effort": "low", "max_completion_tokens": 99}})
        ask(low, 2)
        ask(base)
        bodies = [request.body for request in fake_endpoint.requests]
        for body in bodies[:2]:
            assert (body["reasoning_effort"], body["max_completion_tokens"]) == ("low", 99)
            assert "max_tokens" not in body
        assert "reasoning_effort" not in bodies[2]
        assert bodies[2]["max_tokens"] == 20

    def test_what_one_effort_refuses_the_other_may_take(self, fake_endpoint):
        base = model(fake_endpoint.base_url)
        one, other = (base.model_copy(update={"params": {"reasoning_effort": e}}) for e in ("high", "none"))
        refusal = {"error": {"message": "temperature is not supported with reasoning_effort high"}}

        def play(request):
            picky = request.body["reasoning_effort"] == "high" and "temperature" in request.body
            return document(refusal, 400) if picky else answer("fine")(request)

        fake_endpoint.play(play)
        sampler = EndpointSampler(retries=0)

        async def both():
            return [await sampler.sample(asked, QUERY, 1, SETTINGS) for asked in (one, other)]

        first, second = asyncio.run(both())
        assert (texts(first), texts(second)) == (["fine"], ["fine"])
        assert "temperature" in first.notes[0]
        assert not second.notes


class TestHowManyCalls:
    def test_native_asks_once_for_all(self, fake_endpoint):
        sampled = ask(model(fake_endpoint.base_url, samples="native"), 4)
        assert texts(sampled) == ["hello"] * 4
        assert sampled.errors == ()
        assert sampled.usage == Usage(input_tokens=10, output_tokens=20)
        assert [sample.output_tokens for sample in sampled.samples] == [None] * 4
        assert [request.body["n"] for request in fake_endpoint.requests] == [4]

    def test_parallel_asks_n_times_for_one(self, fake_endpoint):
        sampled = ask(model(fake_endpoint.base_url), 4)
        message = {"role": "assistant", "content": "hello"}
        assert sampled.samples == (Sample("hello", "stop", 10, 5, message=message),) * 4
        assert sampled.usage == Usage(input_tokens=40, output_tokens=20)
        assert ["n" in request.body for request in fake_endpoint.requests] == [False] * 4

    def test_calls_run_side_by_side_but_no_more_than_allowed(self, fake_endpoint):
        fake_endpoint.play(answer_n(hold_s=0.1))
        sampler = EndpointSampler(concurrency=4)
        sampled = asyncio.run(sampler.sample(model(fake_endpoint.base_url), QUERY, 8, SETTINGS))
        assert len(sampled.samples) == 8
        assert fake_endpoint.most_at_once == 4

    @pytest.mark.parametrize(
        "numbers", [{name: bad} for name in ("retries", "concurrency") for bad in (-1, "x", 1.5)]
    )
    def test_numbers_that_are_none_are_refused(self, numbers):
        with pytest.raises(InputError, match=f"^{next(iter(numbers))} is .*; give a whole number"):
            EndpointSampler(**numbers)

    def test_no_call_at_a_time_is_refused(self):
        """It waited for its turn without end."""
        with pytest.raises(InputError, match="^concurrency is 0; give a whole number, at least 1"):
            EndpointSampler(concurrency=0)

    def test_missing_choices_of_a_native_endpoint_are_asked_for_one_by_one(self, fake_endpoint):
        fake_endpoint.play(answer("a", "b"), answer("c"))
        assert texts(ask(model(fake_endpoint.base_url, samples="native"), 4)) == ["a", "b", "c", "c"]
        assert [request.body.get("n") for request in fake_endpoint.requests] == [4, None, None]

    def test_more_choices_than_asked_are_dropped(self, fake_endpoint):
        fake_endpoint.play(answer("a", "b", "c"))
        assert texts(ask(model(fake_endpoint.base_url, samples="native"), 2)) == ["a", "b"]

    @pytest.mark.parametrize(("code", "asked"), [(403, 1), (400, 2)])
    def test_a_native_endpoint_that_fails_is_asked_for_one_at_most(self, fake_endpoint, code, asked):
        fake_endpoint.play(status(code, "blocked"))
        sampled = ask(model(fake_endpoint.base_url, samples="native"), 4)
        assert [error[:17] for error in sampled.errors] == [f"HTTP {code}: blocked"]
        assert len(fake_endpoint.requests) == asked

    def test_what_came_is_kept_when_some_calls_fail(self, fake_endpoint):
        fake_endpoint.play(answer("a"), status(404, "gone"), cut_off(), answer("b"))
        sampled = ask(model(fake_endpoint.base_url), 5)
        assert sorted(texts(sampled)) == ["a", "b", "b"]
        assert len(sampled.errors) == 2
        assert sampled.usage == Usage(input_tokens=30, output_tokens=15)

    def test_the_request(self, fake_endpoint):
        ask(model(fake_endpoint.base_url, model="its-name-there"))
        (request,) = fake_endpoint.requests
        assert request.path == "/v1/chat/completions"
        assert request.body == {
            "model": "its-name-there",
            "messages": [{"role": "user", "content": "How deep is the sea?"}],
            "temperature": 0.7,
            "max_tokens": 20,
        }

    def test_what_the_endpoint_says_goes_before_the_policy(self, fake_endpoint):
        asked = model(fake_endpoint.base_url, temperature=0.0)
        ask(asked)
        assert fake_endpoint.requests[0].body["temperature"] == 0.0
        assert own_settings(asked, SETTINGS) == Sampling(temperature=0.0, timeout_s=3.0, max_tokens=20)
        assert own_settings(model(None), SETTINGS) == SETTINGS

    @pytest.mark.parametrize("samples", ["native", "parallel"])
    def test_a_single_call_is_one_whatever_comes(self, fake_endpoint, samples):
        fake_endpoint.play(answer("a", "b"))
        asked = model(fake_endpoint.base_url, samples=samples)
        sampled = asyncio.run(EndpointSampler(retries=0).call(asked, QUERY, 4, SETTINGS))
        assert texts(sampled) == ["a", "b"]
        assert [request.body["n"] for request in fake_endpoint.requests] == [4]

    def test_fields_that_a_model_refuses_are_left_out_from_then_on(self, fake_endpoint):
        fake_endpoint.play(refuse("max_tokens"), refuse("temperature"), answer_n())
        sampler = EndpointSampler()

        async def twice() -> list[Sampled]:
            return [await sampler.sample(model(fake_endpoint.base_url), QUERY, 1, SETTINGS) for _ in "ab"]

        assert [texts(sampled) for sampled in asyncio.run(twice())] == [["hello"], ["hello"]]
        assert len(fake_endpoint.requests) == 4
        for request in fake_endpoint.requests[2:]:
            assert request.body["max_completion_tokens"] == 20
            assert not {"max_tokens", "temperature"} & set(request.body)

    def test_a_field_that_is_refused_over_and_over_ends_in_an_error(self, fake_endpoint):
        fake_endpoint.play(refuse("max_tokens"))
        assert ask(model(fake_endpoint.base_url)).errors == ("HTTP 400: no max_tokens",)


def refuse(field: str):
    error = {"message": f"no {field}", "param": field, "code": "unsupported_parameter"}
    return lambda request: document({"error": error}, 400)


class TestTrouble:
    @pytest.mark.parametrize(
        ("play", "error"),
        [
            (raw(b"<html>\n  Welcome</html>"), "not a chat completion but an HTML page: Welcome"),
            (raw(b"{oh", content_type="application/json"), "not a chat completion: {oh"),
            (raw(b"[1]", content_type="application/json"), "not a chat completion: [1]"),
            (raw(b"\xff\xfe"), "not a chat completion: \ufffd\ufffd"),
            (raw(b""), "the endpoint answered with an empty body"),
            (raw(b'{"choices": null}'), 'not a chat completion: {"choices": null}'),
            (raw(b'{"error": {"message": "no credit"}}'), "the endpoint answered with an error: no credit"),
            (raw(b'{"error": "no credit"}'), "the endpoint answered with an error: no credit"),
            (answer(), "the endpoint answered with no choices"),
            (answer(None, finish_reason="tool_calls"), "a response without text (finish_reason: tool_calls)"),
            (status(409, "not now"), "HTTP 409: not now"),
            (raw(b"<h1>Bad gateway</h1>", 502), "HTTP 502: an HTML page: Bad gateway"),
        ],
    )
    def test_a_bad_answer_is_an_error_text(self, fake_endpoint, play, error):
        fake_endpoint.play(play)
        sampled = ask(model(fake_endpoint.base_url))
        assert sampled.samples == ()
        assert [text.strip() for text in sampled.errors] == [error.strip()]

    def test_an_answer_that_breaks_off(self, fake_endpoint):
        fake_endpoint.play(cut_off())
        (error,) = ask(model(fake_endpoint.base_url)).errors
        assert error == "the answer broke off: the connection was closed before its end"

    def test_an_answer_without_end_is_not_read(self, fake_endpoint, monkeypatch):
        monkeypatch.setattr("bestroute.answering.sampling.upstream.MAX_BYTES", 1000)
        fake_endpoint.play(raw(b"x" * 100_000))
        assert ask(model(fake_endpoint.base_url)).errors == ("the answer is longer than 1000 bytes",)
        assert MAX_BYTES > 10**7

    def test_error_texts_are_short(self, fake_endpoint):
        fake_endpoint.play(raw(b"x" * 100_000))
        (error,) = ask(model(fake_endpoint.base_url)).errors
        assert len(error) == 300
        assert error.endswith("x…")

    def test_nobody_listens(self):
        url = closed_port()
        (error,) = ask(model(url)).errors
        assert error.startswith(f"cannot reach {url}/chat/completions: ")

    @pytest.mark.parametrize("of_endpoint", [True, False])
    def test_a_hanging_endpoint_is_given_up_after_its_time(self, fake_endpoint, of_endpoint):
        fake_endpoint.play(hang())
        own = {"timeout_s": 0.2} if of_endpoint else {}
        settings = SETTINGS if of_endpoint else Sampling(timeout_s=0.2)
        start = time.perf_counter()
        sampled = ask(model(fake_endpoint.base_url, **own), 2, retries=2, settings=settings)
        assert sampled.errors == ("no answer within 0.2 s",) * 2
        assert time.perf_counter() - start < 15

    def test_a_query_that_cannot_be_sent(self, fake_endpoint):
        half = Query.of([{"role": "user", "content": "half a character: \ud800"}])
        sampled = asyncio.run(EndpointSampler().sample(model(fake_endpoint.base_url), half, 1, SETTINGS))
        assert sampled.samples or sampled.errors

    def test_a_model_without_endpoint(self):
        assert ask(model(None)).errors == ("model 'm' has no endpoint; give it one in the policy",)


class TestRetries:
    def test_a_server_error_is_tried_again(self, fake_endpoint):
        fake_endpoint.play(status(500, retry_after_ms="1"), status(503, retry_after_ms="1"), answer("a"))
        assert texts(ask(model(fake_endpoint.base_url), retries=2)) == ["a"]

    def test_retries_end(self, fake_endpoint):
        fake_endpoint.play(status(500, "down", retry_after_ms="1"))
        assert ask(model(fake_endpoint.base_url), retries=2).errors == ("HTTP 500: down",)
        assert len(fake_endpoint.requests) == 3

    def test_retry_after_is_honoured(self, fake_endpoint):
        fake_endpoint.play(status(429, retry_after="0.3"), answer("a"))
        start = time.perf_counter()
        assert texts(ask(model(fake_endpoint.base_url), retries=1)) == ["a"]
        assert time.perf_counter() - start >= 0.3

    def test_a_refusal_says_how_long_to_wait(self, fake_endpoint):
        fake_endpoint.play(status(429, "later", retry_after="7"))
        sampled = ask(model(fake_endpoint.base_url))
        assert (sampled.status, sampled.retry_after_s) == (429, 7.0)
        assert (ask(model(None)).status, ask(model(None)).retry_after_s) == (None, None)

    def test_of_several_refusals_the_longest_wait_is_told(self, fake_endpoint):
        fake_endpoint.play(
            answer("a"), status(503, retry_after="9"), status(429), status(429, retry_after="2")
        )
        sampled = ask(model(fake_endpoint.base_url), 4)
        assert (texts(sampled), sampled.status, sampled.retry_after_s) == (["a"], 503, 9.0)

    @pytest.mark.parametrize(
        ("headers", "seconds"),
        [
            ({}, None),
            ({"retry-after": "120"}, 120.0),
            ({"retry-after": "0.5"}, 0.5),
            ({"retry-after": "-3"}, 0.0),
            ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
            ({"retry-after-ms": "soon", "retry-after": "9"}, 9.0),
            ({"retry-after": "Thu, 01 Jan 1970 00:16:50 GMT"}, 10.0),  # 1,010 s after the epoch
            ({"retry-after": "Thu, 01 Jan 1970 00:00:50 GMT"}, 0.0),
            ({"retry-after": "soon"}, None),
            ({"retry-after": "inf"}, None),
            ({"retry-after": "nan"}, None),
            ({"retry-after": "Thu, 01 Jan 99999 00:00:50 GMT"}, None),
        ],
    )
    def test_the_wait_in_its_forms(self, headers, seconds):
        assert retry_after_s(headers, now=1000.0) == seconds

    @given(st.text())
    def test_any_header_is_a_wait_or_none(self, text):
        wait_s = retry_after_s({"retry-after": text}, now=1000.0)
        assert wait_s is None or wait_s >= 0

    @pytest.mark.parametrize("code", [400, 401, 403, 404, 422])
    def test_a_faulty_request_is_not_tried_again(self, fake_endpoint, code):
        fake_endpoint.play(status(code))
        ask(model(fake_endpoint.base_url), retries=2)
        assert len(fake_endpoint.requests) == 1


class TestKeys:
    @pytest.fixture(autouse=True)
    def _environment(self, monkeypatch):
        monkeypatch.setenv("THE_KEY", KEY)

    def test_the_key_is_sent(self, fake_endpoint):
        ask(model(fake_endpoint.base_url, api_key_env="THE_KEY"))
        assert fake_endpoint.requests[0].headers["authorization"] == f"Bearer {KEY}"

    @pytest.mark.parametrize("value", [None, "", " \n"])
    def test_a_missing_key_is_named_and_no_call_made(self, fake_endpoint, monkeypatch, value):
        monkeypatch.delenv("THE_KEY") if value is None else monkeypatch.setenv("THE_KEY", value)
        (error,) = ask(model(fake_endpoint.base_url, api_key_env="THE_KEY"), 4).errors
        assert error == (
            "environment variable THE_KEY is not set; "
            "export it, or take api_key_env out of the endpoint of model 'm'"
        )
        assert fake_endpoint.requests == []

    @pytest.mark.parametrize("value", ["two words", "schlüssel", "a\nb"])
    def test_what_is_no_key_is_not_sent(self, fake_endpoint, monkeypatch, value):
        monkeypatch.setenv("THE_KEY", value)
        (error,) = ask(model(fake_endpoint.base_url, api_key_env="THE_KEY")).errors
        assert error == "environment variable THE_KEY holds characters that no key has"
        assert fake_endpoint.requests == []

    def test_an_endpoint_gets_nothing_from_the_users_environment(self, fake_endpoint, monkeypatch):
        for name in ("API_KEY", "ADMIN_KEY", "ORG_ID", "PROJECT_ID", "WEBHOOK_SECRET"):
            monkeypatch.setenv(f"OPENAI_{name}", f"private-{name}")
        monkeypatch.setenv("OPENAI_BASE_URL", closed_port())
        monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Other: private\nAuthorization: Bearer private")
        for api_key_env in ({}, {"api_key_env": "THE_KEY"}):
            assert texts(ask(model(fake_endpoint.base_url, **api_key_env))) == ["hello"]
        assert "private" not in repr(fake_endpoint.requests)
        assert fake_endpoint.requests[0].headers["authorization"] == "Bearer no-key"

    @pytest.mark.parametrize(
        "play",
        [
            echo_key(),
            echo_key(200),
            echo_key(500),
            lambda request: document(request.headers["authorization"], 400),
            lambda request: document(completion(request.headers["authorization"], None)),
            lambda request: raw(b"x" * 275 + request.headers["authorization"].encode())(request),
        ],
    )
    def test_a_key_that_is_echoed_shows_nowhere(self, fake_endpoint, play, caplog, capfd):
        caplog.set_level(logging.DEBUG)
        fake_endpoint.play(play)
        sampler = EndpointSampler(retries=0)
        asked = model(fake_endpoint.base_url, api_key_env="THE_KEY")

        shown = (
            str(attempt_of(asked.name, 1, asyncio.run(sampler.sample(asked, QUERY, 1, SETTINGS)), 0.1))
            + repr(sampler)
            + repr(vars(sampler))
            + caplog.text
            + "".join(capfd.readouterr())
        )
        assert fake_endpoint.requests[0].headers["authorization"].endswith(KEY)
        assert KEY[:8] not in shown


class TestConnections:
    def test_one_client_serves_a_loop_and_closes_with_it(self, fake_endpoint):
        sampler, asked = EndpointSampler(), model(fake_endpoint.base_url)

        async def thrice() -> None:
            for _ in range(3):
                await sampler.sample(asked, QUERY, 1, SETTINGS)

        for _ in range(2):
            asyncio.run(thrice())
        gc.collect()  # a connection left open would warn here, and warnings are errors
        assert fake_endpoint.connections == 2

    def test_a_sampler_keeps_no_loop_alive(self, fake_endpoint):
        sampler, loops = EndpointSampler(), []

        async def once() -> None:
            loops.append(weakref.ref(asyncio.get_running_loop()))
            await sampler.sample(model(fake_endpoint.base_url), QUERY, 2, SETTINGS)

        asyncio.run(once())
        gc.collect()
        assert loops[0]() is None

    def test_closing_sooner_and_going_on(self, fake_endpoint):
        sampler, asked = EndpointSampler(), model(fake_endpoint.base_url)

        async def close_between() -> list[Sampled]:
            first = await sampler.sample(asked, QUERY, 1, SETTINGS)
            await sampler.aclose()
            await sampler.aclose()
            return [first, await sampler.sample(asked, QUERY, 1, SETTINGS)]

        assert [texts(sampled) for sampled in asyncio.run(close_between())] == [["hello"]] * 2
        assert fake_endpoint.connections == 2

    def test_cancelling_ends_the_calls_under_way(self, fake_endpoint):
        fake_endpoint.play(hang())
        asked = model(fake_endpoint.base_url)

        async def cancel() -> int:
            task = asyncio.create_task(EndpointSampler().sample(asked, QUERY, 3, SETTINGS))
            while len(fake_endpoint.requests) < 3:
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return len(asyncio.all_tasks())

        assert asyncio.run(cancel()) == 1
        assert len(fake_endpoint.requests) == 3


class TestAttempt:
    def test_errors_are_told_once(self):
        blank = Sample(" \n", "stop")
        sampled = Sampled((Sample("fine"), blank), ("down", "down"), Usage(1, 2))
        attempt = attempt_of("a", 4, sampled, 1.234)
        assert attempt == Attempt("a@4", 4, 1, "down (2 times); blank response", 1.234, Usage(1, 2), unfit=1)
        assert str(attempt) == "a@4: 1 of 4 in 1.23 s: down (2 times); blank response"

    def test_one_without_trouble(self):
        assert str(attempt_of("a", 1, Sampled((Sample("fine"),)), 0.5)) == "a@1: 1 of 1 in 0.50 s"


SAMPLES = st.lists(
    st.builds(Sample, st.sampled_from(["", " \n", "text"]), st.sampled_from(["stop", "length", None]))
)


class TestValues:
    @given(SAMPLES)
    def test_contenders_are_never_blank_and_whole_wherever_one_is(self, samples):
        kept = [samples[index] for index in contenders(samples)]
        assert not any(sample.blank for sample in kept)
        assert bool(kept) == any(not sample.blank for sample in samples)
        if any(sample.whole for sample in samples):
            assert kept == [sample for sample in samples if sample.whole]

    def test_usage_adds_up_what_is_known(self):
        assert Usage.total([Usage(1, 2), Usage(3, 4)]) == Usage(4, 6)
        assert Usage.total([Usage(1, 2), None]) == Usage(1, 2)
        assert Usage.total([None]) is None
        assert Usage.total([]) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


class TestReading:
    @given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
    def test_anything_is_samples_or_an_error(self, body):
        sampled = read_completion(body)
        assert sampled.samples or sampled.errors

    @given(message=JSON, finish_reason=JSON, usage=JSON, content=JSON)
    def test_any_choice_is_a_sample_or_an_error(self, message, finish_reason, usage, content):
        for one in (message, {"content": content}, {"content": "text", "refusal": content}):
            choice = {"message": one, "finish_reason": finish_reason}
            body = {"choices": [choice], "usage": usage}
            sampled = read_completion(json.dumps(body).encode())
            assert len(sampled.samples) + len(sampled.errors) == 1

    @given(JSON)
    def test_an_odd_report_of_usage_never_costs_the_answer(self, usage):
        for report in (usage, {"prompt_tokens": usage, "completion_tokens": usage}):
            body = {**completion("fine"), "usage": report}
            assert texts(read_completion(json.dumps(body).encode())) == ["fine"]

    def test_content_in_parts(self):
        parts = [{"type": "text", "text": "a"}, {"type": "thinking"}, {"type": "text", "text": "b"}]
        assert texts(read_completion(json.dumps(completion(parts)).encode())) == ["ab"]

    def test_a_refusal_is_a_response(self):
        body = {"choices": [{"message": {"content": None, "refusal": "I cannot."}}]}
        assert texts(read_completion(json.dumps(body).encode())) == ["I cannot."]


def test_without_the_client_the_pip_line_is_given(monkeypatch):
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    with pytest.raises(MissingExtra, match=r'pip install "bestroute\[client\]"'):
        ask(model("http://127.0.0.1:9/v1"))


def test_importing_opens_no_http_client():
    code = (
        "import sys, bestroute.answering.sampling; print({'aiohttp', 'openai', 'httpx'} & set(sys.modules))"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "set()\n"
    )


def test_a_choice_that_is_no_message_does_not_cost_the_others(fake_endpoint):
    body = completion("first", "second", "third")
    body["choices"][1]["message"] = None
    fake_endpoint.play(lambda request: document(body), answer("again"))
    sampled = ask(model(fake_endpoint.base_url, samples="native"), 3)
    assert texts(sampled)[:2] == ["first", "third"]
    assert any("a response that is no message" in error for error in sampled.errors)
