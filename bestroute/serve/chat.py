"""/v1/chat/completions: an answer, whole or in pieces, with the decision on it."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from bestroute.query import ChatRequest
from bestroute.serve.entry import Entry
from bestroute.serve.explaining import explained
from bestroute.serve.handling import Service, find, json_response, unless_gone
from bestroute.serve.intake import read_object
from bestroute.serve.refusals import Refusal
from bestroute.serve.streaming import begin
from bestroute.serve.wishes import KEY, wishes_of, without_wishes


async def chat(request: Request, entry: Entry, service: Service) -> Response:
    """Answer a Chat Completions request."""
    body = await read_object(request, service.limits)
    if not isinstance(body.get("messages"), list):
        raise Refusal(400, "messages must be a list of chat messages", "invalid_type", "messages")
    wishes = wishes_of(request.headers, body.get("metadata"))
    found = find(service, body, wishes, entry)
    with found.faults():
        asked = ChatRequest.of(without_wishes(body))
        entry.query, entry.stream = asked.query, asked.stream and not wishes.route_only
        router = await found.router()
        if wishes.route_only:
            entry.decided(await asyncio.to_thread(router.route, asked.query))
            assert entry.decision is not None
            return json_response(entry.decision.as_dict())
        if asked.stream:
            return await begin(
                request, router.astream(asked, on_decision=entry.decided), entry, service, wishes.explain
            )
        answer = await unless_gone(request.receive, router.acomplete(asked, on_decision=entry.decided))
    entry.answered(answer)
    completion = answer.as_completion()
    return json_response({**completion, KEY: explained(answer)} if wishes.explain else completion)
