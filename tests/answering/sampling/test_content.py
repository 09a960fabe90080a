"""Which responses count, and what they say, in the shapes that servers give them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestroute.answering.sampling import EndpointSampler, Sample, attempt_of, contenders
from bestroute.answering.sampling.completion import read_completion
from bestroute.answering.sampling.content import read_message
from tests.answering.fake_endpoint import raw
from tests.answering.sampling.endpoints import ask, choice, model, says, texts, used
from tests.decision.plans import planning
from tests.fakes import MID

WHOLE = [
    "stop",
    "STOP",
    "Stop",
    "eos",
    "eos_token",
    "end_of_text",
    "end_turn",
    "stop_sequence",
    "FinishReason.STOP",
    None,
    "",
]
CUT = [
    "length",
    "content_filter",
    "MAX_TOKENS",
    "max_tokens",
    "model_length",
    "model_context_window_exceeded",
    "insufficient_system_resource",
    "error",
    "network_error",
    "abort",
    "cancelled",
    "SAFETY",
    "RECITATION",
    "sensitive",
    "refusal",
    "tool_calls",
    "OTHER",
    2,
    {"type": "length"},
]

ENDED = {"", "complete", "completed", "end_turn", "eos", "eos_token", "stop", "stop_sequence"}


def read(content, **message):
    body = {"choices": [{"message": {"content": content, **message}, "finish_reason": "stop"}]}
    return read_completion(json.dumps(body).encode())


class TestWhole:
    @pytest.mark.parametrize("reason", WHOLE)
    def test_few_reasons_mean_a_whole_response(self, reason):
        assert Sample("4", reason).whole

    @pytest.mark.parametrize("reason", CUT, ids=str)
    def test_any_other_means_that_it_was_cut_off(self, reason):
        body = {"choices": [choice("5", reason), choice("4", "stop")]}
        cut, whole = read_completion(json.dumps(body).encode()).samples
        assert cut.truncated
        assert contenders([cut, whole]) == (1,)
        assert contenders([cut]) == (0,)

    @given(st.text().filter(lambda reason: reason.strip().lower().rpartition(".")[2] not in ENDED))
    def test_a_reason_that_nobody_knows_is_none(self, reason):
        assert Sample("4", reason).truncated

    @pytest.mark.parametrize("reason", ["MAX_TOKENS", "model_length", "error", "abort", "SAFETY"])
    def test_what_is_cut_off_does_not_outvote_what_is_whole(self, fake_endpoint, reason):
        cut = choice("The answer is 5.", reason)
        fake_endpoint.play(says(cut, cut, choice("The answer is 4."), usage=used(10, 15)))
        served = {"base_url": fake_endpoint.base_url, "samples": "native"}
        router = planning(
            models=[{**MID, "endpoint": served}],
            reference="mid",
            tiers=[{"model": "mid", "n": 3}],
            sampling={"escalate": False},
            sampler=EndpointSampler(),
        )
        assert router.complete("2 + 2?").text == "The answer is 4."


class TestFailedChoices:
    ERROR = {"code": 502, "message": "upstream overloaded"}

    @pytest.mark.parametrize(
        "failed",
        [
            choice("The ans", "error", error=ERROR),
            choice("The ans", "stop", error=ERROR),
            choice("The ans", None, error="upstream overloaded"),
            choice("The ans", error={"error": ERROR}),
            {"message": {"content": "The ans", "error": ERROR}},
            choice(
                "The ans",
                error={"message": "Provider returned error", "metadata": {"raw": "upstream overloaded"}},
            ),
        ],
    )
    def test_the_message_is_told_and_the_text_is_not_returned(self, fake_endpoint, failed):
        fake_endpoint.play(says(failed))
        sampled = ask(model(fake_endpoint.base_url))
        assert sampled.samples == ()
        assert "upstream overloaded" in str(attempt_of("m", 1, sampled, 0.1))

    @pytest.mark.parametrize("nothing", [None, {}, "", []])
    def test_an_error_that_is_none_is_none(self, nothing):
        body = {"choices": [choice("4", error=nothing)], "error": nothing}
        assert texts(read_completion(json.dumps(body).encode())) == ["4"]

    @pytest.mark.parametrize("reason", [None, "error", "length"])
    def test_an_error_of_the_whole_body_fails_what_does_not_say_that_it_is_whole(self, fake_endpoint, reason):
        fake_endpoint.play(
            says(choice("The ans", finish_reason=reason), choice("4"), error={"message": "gone"})
        )
        sampled = ask(model(fake_endpoint.base_url, samples="native"), n=2)
        assert texts(sampled) == ["4"]
        assert "gone" in str(attempt_of("m", 2, sampled, 0.1))

    def test_an_empty_body_is_told(self):
        assert read_completion(b" ").errors == ("the endpoint answered with an empty body",)

    def test_the_others_are_kept(self, fake_endpoint):
        fake_endpoint.play(says(choice("a"), choice("The ans", error=self.ERROR), usage=used(10, 20)))
        sampled = ask(model(fake_endpoint.base_url, samples="native"), 2)
        assert (texts(sampled), len(sampled.errors)) == (["a"], 1)


class TestShapes:
    @pytest.mark.parametrize(
        ("content", "text"),
        [
            ("The answer is 4.", "The answer is 4."),
            (["The answer is 4."], "The answer is 4."),
            (["The answer ", "is 4."], "The answer is 4."),
            (4, "4"),
            (4.5, "4.5"),
            (True, "true"),
            ({"answer": 4}, '{"answer": 4}'),
            ({"type": "object", "answer": "vier"}, '{"type": "object", "answer": "vier"}'),
            ([{"answer": 4}], '{"answer": 4}'),
            ([4], "4"),
            ({"type": "text", "text": "4"}, "4"),
            ({"parts": [{"text": "4"}]}, "4"),
            ([{"type": "text", "text": {"value": "4"}}], "4"),
            ([{"type": "text", "text": {"value": "4", "annotations": []}}], "4"),
            ([{"type": "text", "content": "4"}], "4"),
            ([{"type": "output_text", "text": "4", "annotations": []}], "4"),
            ([{"type": "json", "json": {"answer": 4}}], '{"answer": 4}'),
            ([{"type": "refusal", "refusal": "I cannot."}], "I cannot."),
            ([{"type": "reasoning", "text": "hm 5?"}, {"type": "text", "text": "4"}], "4"),
            ([{"type": "reasoning.text", "text": "hm 5?"}, {"type": "text", "text": "4"}], "4"),
            (
                [{"type": "thinking", "thinking": "hm 5?", "signature": "x"}, {"type": "text", "text": "4"}],
                "4",
            ),
            (
                [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "5?"}]},
                    {"type": "text", "text": "4"},
                ],
                "4",
            ),
            ([{"type": "redacted_thinking", "data": "x"}, {"type": "text", "text": "4"}], "4"),
            (
                [{"type": "reasoning", "summary": [{"type": "summary_text", "text": "5?"}]}, {"text": "4"}],
                "4",
            ),
            ([{"text": "hm 5?", "thought": True}, {"text": "4"}], "4"),
            ([{"type": "tool_use", "id": "x", "name": "f", "input": {}}, {"type": "text", "text": "4"}], "4"),
            ("<think>hm 5?</think>4", "4"),
            ("hm 5?</think>\n\n4", "4"),
            ("<|channel|>analysis<|message|>5?<|end|><|start|>assistant<|channel|>final<|message|>4", "4"),
            (["<think>hm", " 5?</think>", "4"], "4"),
        ],
        ids=str,
    )
    def test_the_text_is_kept(self, content, text):
        assert texts(read(content)) == [text]

    @pytest.mark.parametrize("content", [None, "", []])
    def test_a_refusal_is_an_answer(self, content):
        assert texts(read(content, refusal="I cannot.")) == ["I cannot."]

    @pytest.mark.parametrize("name", ["text", "message"])
    def test_a_choice_with_a_bare_text(self, name):
        body = json.dumps({"choices": [{name: "4", "finish_reason": "stop"}]})
        assert texts(read_completion(body.encode())) == ["4"]

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "utf-16-le"])
    def test_a_body_in_another_encoding(self, encoding):
        body = json.dumps({"choices": [choice("grün 4")]}, ensure_ascii=False).encode(encoding)
        assert texts(read_completion(body)) == ["grün 4"]

    def test_a_byte_order_mark_over_http(self, fake_endpoint):
        body = b"\xef\xbb\xbf" + json.dumps({"choices": [choice("4")]}).encode()
        fake_endpoint.play(raw(body, content_type="application/json"))
        assert texts(ask(model(fake_endpoint.base_url))) == ["4"]

    def test_all_that_was_written_is_there_too(self):
        (sample,) = read("<think>hm 5?</think>4").samples
        assert (sample.text, sample.raw) == ("4", "<think>hm 5?</think>4")
        (sample,) = read("4", reasoning_content="hm 5?").samples
        assert (sample.text, sample.raw) == ("4", "hm 5?\n4")
        assert read("4").samples[0].raw is None


class TestHalfCharacters:
    @pytest.mark.parametrize("half", ["\\ud83d", "\\ude00", "\\ude00\\ud83d"])
    def test_none_of_four_is_lost(self, fake_endpoint, half):
        body = json.dumps({"choices": [choice(text) for text in "abXd"], "usage": used(10, 20)})
        fake_endpoint.play(raw(body.replace("X", f"c{half}").encode(), content_type="application/json"))
        sampled = ask(model(fake_endpoint.base_url, samples="native"), 4)
        assert [text[0] for text in texts(sampled)] == ["a", "b", "c", "d"]
        assert texts(sampled)[2].endswith("\ufffd")
        assert sampled.usage.output_tokens == 20
        "".join(texts(sampled)).encode()

    def test_broken_bytes_are_replaced(self):
        body = json.dumps({"choices": [choice("aX")]}).encode().replace(b"X", b"\xe2\x82")
        assert texts(read_completion(body)) == ["a\ufffd"]

    def test_halves_elsewhere_are_no_trouble(self):
        body = b'{"choices": [{"message": {"content": "4", "name": "\\ud83d"}, "finish_reason": "\\ud83d"}]}'
        (sample,) = read_completion(body).samples
        assert (sample.text, set(sample.finish_reason)) == ("4", {"\ufffd"})

    def test_an_error_with_half_a_character_can_be_printed(self, fake_endpoint):
        fake_endpoint.play(raw(b'{"error": {"message": "bad \\ud83d"}}', 500, "application/json"))
        (error,) = ask(model(fake_endpoint.base_url)).errors
        assert error.encode().replace("\ufffd".encode(), b"") == b"HTTP 500: bad "

    def test_a_whole_pair_stays(self):
        assert texts(read_completion(b'{"choices": [{"message": {"content": "\\ud83d\\ude00"}}]}')) == [
            "\U0001f600"
        ]


class TestOnlyReasoning:
    @pytest.mark.parametrize(
        "message",
        [
            {"content": "", "reasoning_content": "hm"},
            {"content": None, "reasoning_content": "hm"},
            {"content": " \n", "reasoning": "hm"},
            {"reasoning_details": [{"type": "reasoning.text", "text": "hm"}]},
            {"content": [{"type": "thinking", "thinking": "hm"}]},
            {"content": "<think>hm"},
            {"content": "<think>hm</think>"},
            {"content": "<|channel|>analysis<|message|>hm"},
        ],
    )
    def test_the_attempt_says_so_and_what_to_do(self, fake_endpoint, message):
        fake_endpoint.play(says({"message": message, "finish_reason": "length"}))
        sampled = ask(model(fake_endpoint.base_url))
        assert [text.strip() for text in texts(sampled)] == [""]
        assert str(attempt_of("m", 1, sampled, 0.5)) == (
            "m@1: 0 of 1 in 0.50 s: only reasoning came, and no answer (finish_reason: length); "
            "max_tokens may be too small"
        )

    @pytest.mark.parametrize("nothing", [None, "", [], {}, True, {"effort": "low"}])
    def test_no_reasoning_is_none(self, nothing):
        assert texts(read("", reasoning=nothing, reasoning_content=nothing)) == [""]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "text", "content", "thinking", "parts", "a"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)


class TestAnything:
    @given(content=JSON, reasoning=JSON)
    def test_a_message_of_any_shape_is_read(self, content, reasoning):
        said = read_message({"content": content, "reasoning_content": reasoning})
        assert said.text is None or isinstance(said.text, str)
        assert (said.text is None) <= (content is None or content == "")

    def test_nesting_without_end_is_an_error(self):
        for body in (
            b'{"choices": [' * 50_000,
            b"[" * 100_000,
            b'{"choices":[{"message":{"content":' + b"[" * 900,
        ):
            assert read_completion(body).errors
        deep = b'{"choices":[{"message":{"content":' + b"[" * 400 + b'"4"' + b"]" * 400 + b"}}]}"
        sampled = read_completion(deep)
        assert texts(sampled) == ["4"] or sampled.errors
