"""Fields that an endpoint does not take: asked again without, remembered, and never a loop."""

import asyncio
import pickle
import threading

import pytest

from bestroute.answering.sampling import EndpointSampler
from bestroute.answering.sampling.complaints import read_complaint
from bestroute.answering.sampling.refusals import Refusals, refused_by
from bestroute.policy import Sampling
from tests.answering.fake_endpoint import document, raw, status
from tests.answering.sampling.endpoints import QUERY, SETTINGS, Picky, ask, choice, model, says, texts, used

SENT = ("model", "messages", "temperature", "max_tokens", "n")


def error(message, **fields):
    return {"error": {"message": message, **fields}}


def litellm(message):
    return error(f"litellm.BadRequestError: AzureException - {message}", type=None, param=None, code="400")


def fastapi(field):
    fault = {
        "type": "extra_forbidden",
        "loc": ["body", field],
        "msg": "Extra inputs are not permitted",
        "input": 20,
    }
    return {"detail": [fault]}


def mistral(field):
    return {"object": "error", "message": fastapi(field), "type": "invalid_request_error", "code": None}


NOT_MAX_TOKENS = "Unsupported parameter: 'max_tokens' is not supported with this model."
RENAMED = f"{NOT_MAX_TOKENS} Use 'max_completion_tokens' instead."


def fields_of(endpoint):
    """Of every request, what it had beside model and messages."""
    return [
        {k: v for k, v in one.body.items() if k not in ("model", "messages")} for one in endpoint.requests
    ]


class TestMaxTokens:
    @pytest.mark.parametrize(
        "complaint",
        [
            error(RENAMED, code="unsupported_parameter", param="max_tokens"),
            error(RENAMED, code="400", param=None),
            error(RENAMED, param="max_tokens"),
            error(RENAMED),
            litellm(RENAMED),
            {"error": RENAMED},
            {"detail": RENAMED},
            {"message": RENAMED},
            RENAMED,
        ],
        ids=str,
    )
    @pytest.mark.parametrize("code", [400, 422])
    def test_has_another_name_where_the_endpoint_says_so(self, fake_endpoint, complaint, code):
        fake_endpoint.play(Picky({"max_tokens": complaint}, code))
        sampled = ask(model(fake_endpoint.base_url))
        assert (texts(sampled), sampled.errors, sampled.notes) == (["fine"], (), ())
        assert fields_of(fake_endpoint)[1:] == [{"temperature": 0.7, "max_completion_tokens": 20}]

    @pytest.mark.parametrize(
        "complaint",
        [error(NOT_MAX_TOKENS), litellm(NOT_MAX_TOKENS), fastapi("max_tokens"), mistral("max_tokens")],
        ids=str,
    )
    def test_is_left_out_where_it_has_none_and_that_is_told(self, fake_endpoint, complaint):
        fake_endpoint.play(Picky({"max_tokens": complaint}))
        sampled = ask(model(fake_endpoint.base_url))
        assert sampled.notes == ("asked without max_tokens, which the endpoint does not take",)
        assert fields_of(fake_endpoint)[1:] == [{"temperature": 0.7}]

    def test_by_neither_name(self, fake_endpoint):
        other = error("Unrecognized request argument supplied: max_completion_tokens")
        fake_endpoint.play(Picky({"max_tokens": error(RENAMED), "max_completion_tokens": other}))
        sampled = ask(model(fake_endpoint.base_url))
        assert (texts(sampled), len(sampled.notes)) == (["fine"], 1)
        assert fields_of(fake_endpoint)[2:] == [{"temperature": 0.7}]

    def test_and_temperature_together(self, fake_endpoint):
        neither = error("openai does not support parameters: ['temperature'], for model=o5")
        fake_endpoint.play(Picky({"max_tokens": error(RENAMED), "temperature": neither}))
        sampled = ask(model(fake_endpoint.base_url))
        assert sampled.notes == ("asked without temperature, which the endpoint does not take",)
        assert fields_of(fake_endpoint)[2:] == [{"max_completion_tokens": 20}]


class TestTemperature:
    @pytest.mark.parametrize(
        "complaint",
        [
            error("`temperature` is deprecated for this model."),
            error("temperature is not supported", code="400"),
            error(
                "Unsupported value: 'temperature' does not support 0.7 with this model.", param="temperature"
            ),
            error("Unsupported value", code="unsupported_value", param="temperature"),
            error("Unsupported parameter", param="body.temperature"),
            fastapi("temperature"),
        ],
        ids=str,
    )
    def test_is_left_out_and_that_is_told(self, fake_endpoint, complaint):
        fake_endpoint.play(Picky({"temperature": complaint}))
        sampled = ask(model(fake_endpoint.base_url), 2)
        assert texts(sampled) == ["fine", "fine"]
        assert sampled.notes == ("asked without temperature, which the endpoint does not take",)

    def test_an_error_with_status_200(self, fake_endpoint):
        fake_endpoint.play(Picky({"temperature": error("temperature is not supported")}, 200))
        assert texts(ask(model(fake_endpoint.base_url))) == ["fine"]

    def test_one_that_is_out_of_range_is_the_users_to_mend(self, fake_endpoint):
        fake_endpoint.play(status(400, "temperature must be between 0 and 1; 1.5 is not allowed"))
        (told,) = ask(model(fake_endpoint.base_url, temperature=1.5)).errors
        assert "between 0 and 1" in told
        assert len(fake_endpoint.requests) == 1


class TestN:
    @pytest.mark.parametrize(
        "complaint",
        [
            error("n must be 1 when using greedy sampling, got 4."),
            error("'n' : number must be at most 1"),
            error("Invalid n value (currently only n = 1 is supported)"),
            error("Only one completion choice is allowed"),
            error("n must equal 1 (multi-choice is not supported)"),
            error("Multiple candidates is not enabled for this model"),
            error("API 调用参数有误"),
            litellm("n is not supported"),
            fastapi("n"),
            "Bad Request",
        ],
        ids=str,
    )
    @pytest.mark.parametrize("code", [400, 422])
    def test_is_done_without(self, fake_endpoint, complaint, code):
        fake_endpoint.play(Picky({"n": complaint}, code))
        sampled = ask(model(fake_endpoint.base_url, samples="native", temperature=0.0), 4)
        assert (texts(sampled), sampled.errors, sampled.status) == (["fine"] * 4, (), None)
        assert sampled.notes == ("asked one by one: the endpoint gives one response to a call",)
        assert sampled.usage.input_tokens == 40
        assert [one.get("n") for one in fields_of(fake_endpoint)] == [4, None, None, None, None]

    def test_it_is_remembered(self, fake_endpoint):
        fake_endpoint.play(Picky({"n": error("n must be 1 when using greedy sampling")}))
        sampler, asked = EndpointSampler(), model(fake_endpoint.base_url, samples="native")
        for _ in range(2):
            assert texts(asyncio.run(sampler.sample(asked, QUERY, 2, SETTINGS))) == ["fine"] * 2
        assert [one.get("n") for one in fields_of(fake_endpoint)] == [2] + [None] * 4

    def test_one_that_gives_a_single_response_without_a_word(self, fake_endpoint):
        fake_endpoint.play(says(choice("a"), usage=used(10, 5)))
        sampler, asked = EndpointSampler(), model(fake_endpoint.base_url, samples="native")
        for _ in range(2):
            sampled = asyncio.run(sampler.sample(asked, QUERY, 3, SETTINGS))
            assert (len(sampled.samples), len(sampled.notes)) == (3, 1)
        assert [one.get("n") for one in fields_of(fake_endpoint)] == [3] + [None] * 5

    def test_it_is_remembered_for_one_temperature(self, fake_endpoint):
        def greedy(request):
            picky = Picky({"n": error("n must be 1 when using greedy sampling")})
            return picky(request) if request.body["temperature"] == 0 else Picky({})(request)

        fake_endpoint.play(greedy)
        sampler = EndpointSampler()
        for temperature in (0.0, 1.0):
            asked = model(fake_endpoint.base_url, samples="native", temperature=temperature)
            asyncio.run(sampler.sample(asked, QUERY, 2, SETTINGS))
        assert [one.get("n") for one in fields_of(fake_endpoint)] == [2, None, None, 2]

    def test_a_single_call_gives_one(self, fake_endpoint):
        fake_endpoint.play(Picky({"n": error("n is not supported")}))
        sampler, asked = EndpointSampler(), model(fake_endpoint.base_url, samples="native")
        for _ in range(2):
            assert texts(asyncio.run(sampler.call(asked, QUERY, 4, SETTINGS))) == ["fine"]
        assert [one.get("n") for one in fields_of(fake_endpoint)] == [4, None, None]


class TestMemory:
    def ask_twice(self, endpoint, sampler=None, other=None):
        sampler = sampler or EndpointSampler(retries=0)
        for base_url in (endpoint.base_url, other or endpoint.base_url):
            sampled = asyncio.run(sampler.sample(model(base_url), QUERY, 1, SETTINGS))
        return sampled

    def test_what_was_refused_is_left_out_from_then_on(self, fake_endpoint):
        fake_endpoint.play(Picky({"temperature": error("temperature is not supported")}))
        second = self.ask_twice(fake_endpoint)
        assert len(fake_endpoint.requests) == 3
        assert second.notes == ("asked without temperature, which the endpoint does not take",)

    def test_another_address_is_another_endpoint(self, fake_endpoint):
        fake_endpoint.play(Picky({"temperature": error("temperature is not supported")}))
        self.ask_twice(fake_endpoint, other=fake_endpoint.base_url + "/other")
        assert len(fake_endpoint.requests) == 4

    def test_what_did_not_help_is_not_remembered(self, fake_endpoint):
        fake_endpoint.play(status(400, "temperature is not supported"))
        sampled = self.ask_twice(fake_endpoint)
        assert sampled.errors == ("HTTP 400: temperature is not supported",)
        assert ["temperature" in one for one in fields_of(fake_endpoint)] == [True, False] * 2

    def test_no_endpoint_makes_it_loop(self, fake_endpoint):
        everything = "max_tokens, max_completion_tokens, temperature and n are not supported"
        fake_endpoint.play(status(400, everything))
        sampled = ask(model(fake_endpoint.base_url, samples="native"), 4)
        assert sampled.samples == ()
        assert len(fake_endpoint.requests) <= 8

    def test_it_is_bounded_and_keeps_the_latest(self):
        refusals = Refusals()
        for place in range(1000):
            refusals.add((place,), {"n": None})
        assert len([place for place in range(1000) if refusals.of((place,))]) == 256
        assert refusals.of((999,)) == {"n": None}

    def test_threads_may_share_it(self):
        refusals = Refusals()

        def add(name):
            for place in range(200):
                refusals.add((place,), {name: None})

        threads = [threading.Thread(target=add, args=(name,)) for name in ("a", "b", "c", "d")]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert all(len(refusals.of((place,))) == 4 for place in range(200))

    def test_a_sampler_travels_without_its_connections(self, fake_endpoint):
        sampler = EndpointSampler(retries=0, concurrency=3)
        self.ask_twice(fake_endpoint, sampler)
        copy = pickle.loads(pickle.dumps(sampler))
        assert texts(self.ask_twice(fake_endpoint, copy)) == ["hello"]
        assert pickle.dumps(copy) == pickle.dumps(sampler)


class TestReading:
    @pytest.mark.parametrize(
        ("message", "field"),
        [
            ("ValidationException: extraneous key [max_tokens] is not permitted", "max_tokens"),  # Bedrock
            ("invalid temperature: only 1 is allowed for this model", "temperature"),  # Moonshot
            ("Argument not supported on this model: maxTokens", "max_tokens"),  # xAI
            ('Unknown name "max_tokens": Cannot find field.', "max_tokens"),  # Gemini
            ("property 'temperature' is unsupported", "temperature"),  # Groq
            ("Additional properties are not allowed ('max_tokens' was unexpected)", "max_tokens"),
            ('json: unknown field "temperature"', "temperature"),  # Go
            ("unknown field `max_tokens`, expected one of `temperature`, `n`", "max_tokens"),  # Rust
            ("`temperature` may only be set to 1 when thinking is enabled", "temperature"),  # Anthropic
            ("This model doesn't support temperature", "temperature"),
            ("Parameter temperature isn’t supported", "temperature"),
            ("该模型不支持 temperature 参数", "temperature"),
            ("temperature はこのモデルではサポートされていません", "temperature"),
            ("temperature 매개변수는 지원되지 않습니다", "temperature"),
            ("The parameter temperature is not valid for this model", "temperature"),
            ("max_tokens isn't applicable to reasoning models", "max_tokens"),
            ("'max_tokens' is deprecated; use max_completion_tokens", "max_tokens"),
            ("max_tokens is too large: 50000. This model supports at most 4096 completion tokens", None),
            ("max_tokens (384000) exceeds model's maximum output tokens (65536)", None),
            ("Invalid 'max_tokens': integer above maximum value. Expected a value <= 4096", None),
            ("temperature must be less than or equal to 2", None),
            ("This model's maximum context length is 8192 tokens. However, you requested 9000 tokens", None),
            ("'max_tokens' or 'max_completion_tokens' is too large: 1024.", None),
            ("The model `x` does not exist or is not supported", None),
            ("image input is not supported", None),
            ("temperature 5 is not valid", None),
            ("Unsupported parameter: 'response_format' is not supported with this model.", None),
            ("Range of n should be [1, 4]", None),
            ("no", None),
        ],
    )
    def test_what_a_complaint_is_about(self, message, field):
        assert next(iter(refused_by(read_complaint(error(message)), SENT)), None) == field

    def test_one_error_in_a_list_is_that_error(self):
        """As Gemini has it."""
        complaint = read_complaint([error("temperature is not supported")])
        assert complaint.message == "temperature is not supported"
        assert refused_by(complaint, SENT) == {"temperature": None}

    def test_what_means_nothing_without_a_field_goes_with_it(self):
        """llama.cpp refuses logprobs in streams with tools, and then top_logprobs alone."""
        complaint = read_complaint(error("logprobs is not supported with tools + stream"))
        sent = (*SENT, "logprobs", "top_logprobs", "tools", "stream")
        assert refused_by(complaint, sent) == {"logprobs": None, "top_logprobs": None}

    def test_only_what_was_sent_can_be_refused(self):
        assert refused_by(read_complaint(RENAMED), ["model", "messages"]) == {}
        assert refused_by(read_complaint(RENAMED), ["model", "max_completion_tokens"]) == {}

    def test_a_page_of_html_is_about_nothing(self, fake_endpoint):
        fake_endpoint.play(raw(b"<html>temperature is not supported</html>", 502))
        ask(model(fake_endpoint.base_url))
        assert len(fake_endpoint.requests) <= 2

    def test_a_field_that_the_query_speaks_of_is_no_complaint(self, fake_endpoint):
        fake_endpoint.play(lambda request: document(error("prompt blocked: 'n is not supported'"), 403))
        ask(model(fake_endpoint.base_url), settings=Sampling(timeout_s=5.0))
        assert len(fake_endpoint.requests) == 1
