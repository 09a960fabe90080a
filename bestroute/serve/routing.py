"""/v1/route: the decision alone, of one request or of many; no endpoint is asked."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from bestroute.errors import InputError
from bestroute.query import Query
from bestroute.serve.claims import metadata_for
from bestroute.serve.entry import Entry
from bestroute.serve.handling import Service, find, json_response
from bestroute.serve.intake import read_object
from bestroute.serve.keys.guard import Caller
from bestroute.serve.refusals import Refusal
from bestroute.serve.settings import Limits
from bestroute.serve.wishes import wishes_of, without_wishes


async def route(request: Request, entry: Entry, service: Service) -> Response:
    """Decide `{"query" | "messages", "metadata"?, "model"?}`, or each of its `queries`."""
    body = await read_object(request, service.limits)
    wishes = wishes_of(request.headers, body.get("metadata"))
    found = find(service, body, wishes, entry)
    with found.faults():
        if "queries" in body:
            queries = _batch(body["queries"], service.limits, entry.caller)
            router = await found.router()
            decisions = await asyncio.to_thread(router.route_batch, queries)
            return json_response({"decisions": [one.as_dict() for one in decisions]})
        own = metadata_for(entry.caller, body)
        entry.query = Query.of(without_wishes(body), metadata=own, session=wishes.session)
        router = await found.router()
        decision = await asyncio.to_thread(router.route, entry.query)
    entry.decided(decision)
    return json_response(decision.as_dict())


def _batch(value: Any, limits: Limits, caller: Caller) -> list[Query]:
    """The queries of a batch. Raises Refusal, naming the place, for one that is none."""
    if not isinstance(value, list) or not 0 < len(value) <= limits.batch:
        raise Refusal(
            400, f"queries must be a list of 1 to {limits.batch} queries", "invalid_value", "queries"
        )
    return [_query(one, place, caller) for place, one in enumerate(value)]


def _query(value: Any, place: int, caller: Caller) -> Query:
    try:
        if not isinstance(value, (str, list, dict)):
            raise InputError(f"a query is a text, messages or an object, not {type(value).__name__}")
        own = value if isinstance(value, dict) else {}
        return Query.of(value, metadata=metadata_for(caller, own, f"queries[{place}].metadata"))
    except InputError as error:
        raise Refusal(400, f"queries[{place}]: {error}", "invalid_value", f"queries[{place}]") from None
