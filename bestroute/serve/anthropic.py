"""Anthropic's Messages in the words of Chat Completions, and back.

What is left out has no counterpart and changes how an answer comes about, not what it is to: `thinking`,
`cache_control`, `service_tier` and the like. What would make it another request is refused.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from bestroute.answering.sampling import Usage
from bestroute.serve.refusals import Refusal, encoded

_SAME = ("max_tokens", "model", "stream", "temperature", "top_k", "top_p")
_ELSEWHERE = ("container", "mcp_servers")  # runs at Anthropic
_CHOICES = {"any": "required", "auto": "auto", "none": "none"}
_REASONS = {"content_filter": "refusal", "length": "max_tokens", "stop": "end_turn", "tool_calls": "tool_use"}
_KINDS = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
}


def chat_request(body: Mapping[str, Any]) -> dict[str, Any]:
    """A request as Chat Completions has it. Raises Refusal, naming the place, for what has no counterpart."""
    for name in _ELSEWHERE:
        if body.get(name):
            raise _unknown(name)
    asked = {name: body[name] for name in _SAME if name in body}
    messages = _list(body.get("messages"), "messages")
    if not messages:
        raise Refusal(400, "messages is empty; give one at least", "invalid_value", "messages")
    asked["messages"] = [*_system(body.get("system")), *_messages(messages)]
    if body.get("stop_sequences") is not None:
        asked["stop"] = body["stop_sequences"]
    if body.get("tools"):
        asked["tools"] = [
            _tool(one, f"tools[{place}]") for place, one in enumerate(_list(body["tools"], "tools"))
        ]
    if body.get("tool_choice") is not None:
        asked |= _tool_choice(_object(body["tool_choice"], "tool_choice"))
    if body.get("metadata") is not None:
        metadata = dict(_object(body["metadata"], "metadata"))
        asked["user"], asked["metadata"] = metadata.pop("user_id", None), metadata or None
    if body.get("output_config") is not None:
        asked |= _output(_object(body["output_config"], "output_config"))
    return asked


def error_of(refusal: Refusal) -> dict[str, Any]:
    """A refusal as Anthropic's clients read it."""
    usual = "invalid_request_error" if refusal.status < 500 else "api_error"
    return {"type": "error", "error": {"type": _KINDS.get(refusal.status, usual), "message": str(refusal)}}


def message_of(completion: Mapping[str, Any]) -> dict[str, Any]:
    """A chat completion as a message."""
    [choice] = completion["choices"]
    said, content = choice["message"], list[dict[str, Any]]()
    text = said.get("content") or said.get("refusal")
    if isinstance(text, str) and text:
        content.append({"type": "text", "text": text})
    for call in said.get("tool_calls") or ():
        function = call["function"]
        called = {"id": call.get("id"), "name": function["name"]}
        content.append({"type": "tool_use", **called, "input": json.loads(function["arguments"] or "{}")})
    usage = completion["usage"]
    used = {"input_tokens": usage["prompt_tokens"], "output_tokens": usage["completion_tokens"]}
    return {**_head(completion["model"]), "content": content, **_end(choice["finish_reason"]), "usage": used}


class MessageEvents:
    """The events of a message, from the chunks of a chat completion; `input_tokens`: as estimated, until the
    end tells how many were billed."""

    def __init__(self, input_tokens: int) -> None:
        self._input_tokens = input_tokens
        self._blocks = -1
        self._open: int | str | None = None  # the call or kind of the block that is open
        self._reason: str | None = None
        self._started = False

    def chunk(self, data: Mapping[str, Any]) -> bytes:
        """What a chunk adds."""
        return b"".join(self._events(data))

    def ended(self, usage: Usage, more: Mapping[str, Any]) -> bytes:
        """The end, with what was billed."""
        used = {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens}
        ends = _event("message_delta", delta=_end(self._reason), usage=used, **more)
        return b"".join(self._closed()) + ends + _event("message_stop")

    def error(self, refusal: Refusal) -> bytes:
        """An error in a stream that began."""
        return _event("error", **error_of(refusal))

    def _events(self, data: Mapping[str, Any]) -> Iterator[bytes]:
        if not self._started:
            self._started = True
            used = {"input_tokens": self._input_tokens, "output_tokens": 0}
            message = {**_head(data.get("model")), "content": [], "stop_reason": None, "stop_sequence": None}
            yield _event("message_start", message={**message, "usage": used})
        for choice in data.get("choices") or ():
            delta = choice.get("delta") or {}
            text = delta.get("content") or delta.get("refusal")
            if isinstance(text, str) and text:
                yield from self._opened("text", {"type": "text", "text": ""})
                yield self._delta({"type": "text_delta", "text": text})
            for call in delta.get("tool_calls") or ():
                yield from self._called(call)
            self._reason = choice.get("finish_reason") or self._reason

    def _called(self, call: Mapping[str, Any]) -> Iterator[bytes]:
        function = call.get("function") or {}
        called = {"id": call.get("id"), "name": function.get("name")}
        which = call.get("index", f"after {self._blocks}")  # without an index each part is a call of its own
        yield from self._opened(which, {"type": "tool_use", **called, "input": {}})
        if function.get("arguments"):
            yield self._delta({"type": "input_json_delta", "partial_json": function["arguments"]})

    def _opened(self, what: int | str, block: Mapping[str, Any]) -> Iterator[bytes]:
        if self._open != what:
            yield from self._closed()
            self._open, self._blocks = what, self._blocks + 1
            yield _event("content_block_start", index=self._blocks, content_block=block)

    def _closed(self) -> Iterator[bytes]:
        if self._open is not None:
            self._open = None
            yield _event("content_block_stop", index=self._blocks)

    def _delta(self, delta: Mapping[str, Any]) -> bytes:
        return _event("content_block_delta", index=self._blocks, delta=delta)


def _system(value: Any) -> Iterator[dict[str, Any]]:
    if value:
        yield {"role": "system", "content": _text(value, "system")}


def _messages(messages: list[Any]) -> Iterator[dict[str, Any]]:
    for place, one in enumerate(messages):
        where = f"messages[{place}]"
        message = _object(one, where)
        role, content = message.get("role"), message.get("content")
        if isinstance(content, str):
            yield {"role": role, "content": content}
            continue
        blocks = [
            (_object(block, f"{where}.content[{at}]"), f"{where}.content[{at}]")
            for at, block in enumerate(_list(content, f"{where}.content"))
        ]
        yield from _answers(blocks)
        parts = [part for block, at in blocks if (part := _part(block, at)) is not None]
        calls = [_call(block) for block, _ in blocks if block.get("type") == "tool_use"]
        if parts or calls:
            said = parts[0]["text"] if len(parts) == 1 and parts[0]["type"] == "text" else parts or None
            yield {"role": role, "content": said, **({"tool_calls": calls} if calls else {})}


def _answers(blocks: list[tuple[Mapping[str, Any], str]]) -> Iterator[dict[str, Any]]:
    """The results of tools, which are messages of their own."""
    for block, at in blocks:
        if block.get("type") == "tool_result":
            content = block.get("content") or ""
            yield {"role": "tool", "tool_call_id": block.get("tool_use_id"), "content": _text(content, at)}


def _part(block: Mapping[str, Any], at: str) -> dict[str, Any] | None:
    """A block as a part of a message; None where it is told elsewhere, or is the model's own thinking."""
    kind, source = block.get("type"), block.get("source")
    if kind in ("redacted_thinking", "thinking", "tool_result", "tool_use"):
        return None
    if kind == "text" and isinstance(block.get("text"), str):
        return {"type": "text", "text": block["text"]}
    if kind in ("document", "image") and isinstance(source, Mapping):
        if source.get("type") == "text":
            return {"type": "text", "text": str(source.get("data"))}
        data = f"data:{source.get('media_type')};base64,{source.get('data')}"
        if kind == "image" and source.get("type") in ("base64", "url"):
            url = source.get("url") if source["type"] == "url" else data
            return {"type": "image_url", "image_url": {"url": url}}
        if source.get("type") == "base64":
            return {"type": "file", "file": {"filename": block.get("title") or "document", "file_data": data}}
    raise _unknown(f"{at} ({str(kind)[:40]})")


def _call(block: Mapping[str, Any]) -> dict[str, Any]:
    called = {"name": block.get("name"), "arguments": json.dumps(block.get("input") or {})}
    return {"id": block.get("id"), "type": "function", "function": called}


def _text(value: Any, where: str) -> str:
    """The texts of a text or of blocks, with blank lines between."""
    if isinstance(value, str):
        return value
    parts = [_part(_object(block, where), where) for block in _list(value, where)]
    if any(part is None or part["type"] != "text" for part in parts):
        raise _unknown(f"what is no text in {where}")
    return "\n\n".join(part["text"] for part in parts if part is not None)


def _tool(value: Any, where: str) -> dict[str, Any]:
    tool = _object(value, where)
    if tool.get("type", "custom") != "custom":
        raise _unknown(f"{where} ({str(tool['type'])[:40]})")
    function = {"name": tool.get("name"), "parameters": tool.get("input_schema")}
    more = {name: tool[name] for name in ("description", "strict") if name in tool}
    return {"type": "function", "function": {**function, **more}}


def _tool_choice(choice: Mapping[str, Any]) -> dict[str, Any]:
    kind = choice.get("type")
    asked: Any = {"type": "function", "function": {"name": choice.get("name")}}
    if kind != "tool":
        asked = _CHOICES.get(str(kind))
        if asked is None:
            raise _unknown(f"tool_choice.type {str(kind)[:40]}")
    alone = {"parallel_tool_calls": False} if choice.get("disable_parallel_tool_use") is True else {}
    return {"tool_choice": asked, **alone}


def _output(config: Mapping[str, Any]) -> dict[str, Any]:
    asked = {"reasoning_effort": config["effort"]} if config.get("effort") else {}
    if config.get("format") is None:
        return asked
    schema = {"name": "answer", "schema": _object(config["format"], "output_config.format").get("schema")}
    return {**asked, "response_format": {"type": "json_schema", "json_schema": schema}}


def _head(model: Any) -> dict[str, Any]:
    return {"id": f"msg_{uuid.uuid4().hex}", "type": "message", "role": "assistant", "model": model}


def _end(reason: str | None) -> dict[str, Any]:
    return {"stop_reason": _REASONS.get(reason or "stop", "end_turn"), "stop_sequence": None}


def _event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: ".encode("ascii") + encoded({"type": kind, **fields}) + b"\n\n"


def _object(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise Refusal(400, f"{where} must be an object", "invalid_type", where)
    return value


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise Refusal(400, f"{where} must be a list", "invalid_type", where)
    return value


def _unknown(what: str) -> Refusal:
    return Refusal(400, f"{what} has no counterpart in a chat completion", "not_supported")
