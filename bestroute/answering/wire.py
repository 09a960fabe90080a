"""A kept response as Chat Completions has it: a message, a completion, chunks."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from bestroute.answering.sampling.values import Sample, Usage


def message_of(sample: Sample) -> dict[str, Any]:
    """The message of the assistant as the endpoint gave it; thinking that stood in its text is taken off."""
    given = dict(sample.message or {"content": sample.text})
    content = {"content": sample.text} if isinstance(given.get("content"), str) else {}
    return {"role": "assistant", **given, **content}


def completion_of(sample: Sample, model: str, usage: Usage) -> dict[str, Any]:
    """A chat completion with this response, under a new id."""
    choice = {
        "index": 0,
        "message": message_of(sample),
        "logprobs": sample.logprobs,
        "finish_reason": _reason(sample),
    }
    return {**_head("chat.completion", model), "choices": [choice], "usage": usage_of(usage)}


def chunks_of(sample: Sample, model: str) -> Iterator[dict[str, Any]]:
    """The chunks of this response: all that it says, and why it ended."""
    head, message = _head("chat.completion.chunk", model), message_of(sample)
    calls = message.get("tool_calls")
    if isinstance(calls, list):
        message["tool_calls"] = [{"index": place, **call} for place, call in enumerate(calls)]
    said = {"index": 0, "delta": message, "logprobs": sample.logprobs, "finish_reason": None}
    yield {**head, "choices": [said]}
    yield {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": _reason(sample)}]}


def usage_chunk(usage: Usage, after: Mapping[str, Any]) -> dict[str, Any]:
    """The last chunk, with the bill of everything that was asked; its head is that of the chunk before."""
    return {**after, "choices": [], "usage": usage_of(usage)}


def usage_of(usage: Usage) -> dict[str, int]:
    """A count of tokens in the words of Chat Completions."""
    total = usage.input_tokens + usage.output_tokens
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": total,
    }


def _head(kind: str, model: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": kind,
        "created": int(time.time()),
        "model": model,
    }


def _reason(sample: Sample) -> str:
    return sample.finish_reason or ("tool_calls" if sample.calls else "stop")
