"""An answer, whole or in pieces, with the decision on it, in the words of whoever asks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from bestroute.query import ChatRequest, Query
from bestroute.serve.bills import most_of
from bestroute.serve.claims import metadata_for
from bestroute.serve.entry import Entry
from bestroute.serve.explaining import explained
from bestroute.serve.handling import Service, find, json_response, unless_gone
from bestroute.serve.streaming import Events, Told, begin
from bestroute.serve.wishes import KEY, wishes_of, without_wishes


class Words(NamedTuple):
    """How an answer is told: a chat completion as a whole, and what turns its chunks into events, made for
    a query."""

    whole: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    events: Callable[[Query], Events]


async def respond(
    request: Request, body: dict[str, Any], words: Words, entry: Entry, service: Service
) -> Response:
    """Answer a Chat Completions request, `body`. Raises Refusal, and as `Router.acomplete`."""
    wishes = wishes_of(request.headers, body.get("metadata"))
    found = find(service, body, wishes, entry)
    with found.faults():
        own = metadata_for(entry.caller, body)
        asked = ChatRequest.of(without_wishes(body), metadata=own, session=wishes.session)
        entry.query, entry.stream = asked.query, asked.stream and not wishes.route_only
        entry.router = router = await found.router()
        if wishes.route_only:
            entry.decided(await asyncio.to_thread(router.route, asked.query))
            assert entry.decision is not None
            return json_response(entry.decision.as_dict())
        if entry.caller.charged:
            await service.guard.reserve(entry.caller, *most_of(asked.query, router.policy))
        if asked.stream:
            events = router.astream(asked, on_decision=entry.decided)
            told = Told(events, words.events(asked.query), entry, wishes.explain)
            return await begin(request, told, service)
        answer = await unless_gone(request.receive, router.acomplete(asked, on_decision=entry.decided))
    entry.answered(answer)
    whole = words.whole(answer.as_completion())
    return json_response({**whole, KEY: explained(answer)} if wishes.explain else whole)
