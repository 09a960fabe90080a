"""Completions that come streamed, though that was not asked for."""

import json

import pytest

from bestroute.answering.sampling import Usage, attempt_of
from bestroute.answering.sampling.completion import read_completion
from tests.answering.fake_endpoint import raw
from tests.answering.sampling.endpoints import ask, model, texts, used


def event(delta=None, index=0, finish_reason=None, **fields):
    return {"choices": [{"index": index, "delta": delta or {}, "finish_reason": finish_reason}], **fields}


def body(*events):
    return "".join(f"data: {json.dumps(one)}\n\n" for one in events).encode() + b"data: [DONE]\n\n"


def test_it_is_put_together_again(fake_endpoint):
    events = [
        event({"role": "assistant", "content": ""}),
        event({"reasoning_content": "hm"}),
        event({"content": "The answer "}),
        event({"content": "is 4."}, finish_reason="stop"),
        {"choices": [], "usage": used(10, 50)},
    ]
    fake_endpoint.play(raw(b": keep-alive\n\n" + body(*events), content_type="text/event-stream"))
    sampled = ask(model(fake_endpoint.base_url))
    assert (texts(sampled), sampled.usage) == (["The answer is 4."], Usage(10, 50))
    assert (sampled.samples[0].finish_reason, sampled.samples[0].raw) == ("stop", "hm\nThe answer is 4.")


def test_choices_are_told_apart():
    events = [event({"content": "a"}), event({"content": "x"}, 1), event({"content": "b"})]
    assert texts(read_completion(body(*events))) == ["ab", "x"]


def test_parts_are_joined():
    events = [event({"content": [{"type": "text", "text": one}]}) for one in ("The answer ", "is 4.")]
    assert texts(read_completion(body(*events))) == ["The answer is 4."]


def test_an_error_in_the_middle_is_told():
    failed = {
        "error": {"message": "upstream overloaded"},
        "choices": [{"delta": {}, "error": {"message": "gone"}}],
    }
    sampled = read_completion(body(event({"content": "The ans"}), failed))
    assert sampled.samples == ()
    assert "upstream overloaded" in str(attempt_of("m", 1, sampled, 0.1))


@pytest.mark.parametrize(
    "odd", [b"data: {oh", b"data: 4\n", b"data:", b'data: {"choices": [4]}', b"data: {}\n"]
)
def test_what_is_no_completion_is_none(odd):
    sampled = read_completion(odd)
    assert sampled.samples == ()
    assert sampled.errors[0].startswith("not a chat completion")
