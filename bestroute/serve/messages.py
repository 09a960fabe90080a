"""/v1/messages: an answer as Anthropic's clients read it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from bestroute.serve.anthropic import MessageEvents, chat_request, message_of
from bestroute.serve.asking import Words, respond
from bestroute.serve.entry import Entry
from bestroute.serve.handling import Service
from bestroute.serve.intake import read_object


async def messages(request: Request, entry: Entry, service: Service) -> Response:
    """Answer a request of Anthropic's Messages."""
    body = chat_request(await read_object(request, service.limits))
    words = Words(message_of, lambda query: MessageEvents(query.input_tokens))
    return await respond(request, body, words, entry, service)
