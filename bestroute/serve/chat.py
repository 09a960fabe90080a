"""/v1/chat/completions: an answer as OpenAI's clients read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from bestroute.answering.sampling import Usage
from bestroute.serve.asking import Words, respond
from bestroute.serve.entry import Entry
from bestroute.serve.handling import Service
from bestroute.serve.intake import read_object
from bestroute.serve.refusals import Refusal, encoded


async def chat(request: Request, entry: Entry, service: Service) -> Response:
    """Answer a Chat Completions request."""
    body = await read_object(request, service.limits)
    if not isinstance(body.get("messages"), list):
        raise Refusal(400, "messages must be a list of chat messages", "invalid_type", "messages")
    words = Words(lambda completion: completion, lambda _: ChatEvents())
    return await respond(request, body, words, entry, service)


class ChatEvents:
    """Chunks as they are."""

    def __init__(self) -> None:
        self._last: Mapping[str, Any] = {}

    def chunk(self, data: Mapping[str, Any]) -> bytes:
        """The chunk."""
        self._last = data
        return _event(data)

    def ended(self, usage: Usage, more: Mapping[str, Any]) -> bytes:
        """The end; usage stands in a chunk where it was asked for."""
        told = _event({**self._last, "choices": [], "usage": None, **more}) if more else b""
        return told + b"data: [DONE]\n\n"

    def error(self, refusal: Refusal) -> bytes:
        """An error in a stream that began."""
        return _event(refusal.as_dict())


def _event(value: Mapping[str, Any]) -> bytes:
    return b"data: " + encoded(value) + b"\n\n"
