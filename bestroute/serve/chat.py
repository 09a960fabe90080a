"""/v1/chat/completions: an answer, whole or in pieces, with the decision on it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.requests import Request
from starlette.responses import Response

from bestroute.answering.sampling import Usage
from bestroute.errors import SamplingError
from bestroute.policy import Policy
from bestroute.query import ChatRequest
from bestroute.serve.bills import bill_of, most_of
from bestroute.serve.claims import metadata_for
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
        with _billing(entry, router.policy):
            if asked.stream:
                return await begin(
                    request, router.astream(asked, on_decision=entry.decided), entry, service, wishes.explain
                )
            answer = await unless_gone(request.receive, router.acomplete(asked, on_decision=entry.decided))
    entry.answered(answer)
    completion = answer.as_completion()
    return json_response({**completion, KEY: explained(answer)} if wishes.explain else completion)


@contextmanager
def _billing(entry: Entry, policy: Policy) -> Iterator[None]:
    """Charge what was asked in here in vain."""
    try:
        yield
    except SamplingError as error:
        usage = Usage.total(attempt.usage for attempt in error.attempts)
        entry.charged(bill_of(error.attempts, policy), usage)
        raise
