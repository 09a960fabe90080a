"""What every handler shares: an id, errors, the record of a request, and callers who go away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive

from bestroute.errors import BestRouteError, InputError
from bestroute.serve.calls import CALLS
from bestroute.serve.entry import Entry
from bestroute.serve.headers import headers_of, request_id
from bestroute.serve.keys.guard import Caller, Guard
from bestroute.serve.log import DecisionLog
from bestroute.serve.metrics import Metrics
from bestroute.serve.policies import AUTO, Found, NotServed, Policies
from bestroute.serve.recent import Recent
from bestroute.serve.refusals import SHUTTING_DOWN, Refusal, encoded, not_served, refusal_of
from bestroute.serve.settings import Limits
from bestroute.serve.shadow import Shadows
from bestroute.serve.wishes import Wishes

if TYPE_CHECKING:
    from bestroute.serve.tracing import Tracing

_LOG = logging.getLogger("bestroute.serve")
T = TypeVar("T")


class Service(NamedTuple):
    """What handlers work with: one of each in a worker."""

    policies: Policies
    metrics: Metrics
    log: DecisionLog | None
    limits: Limits
    guard: Guard
    shadows: Shadows
    recent: Recent
    dialling: asyncio.Lock
    tracing: Tracing | None = None

    def traced(self, entry: Entry, request: Request) -> AbstractContextManager[None]:
        """What happens in here belongs to the request's span, where there are spans."""
        tracing = self.tracing
        return nullcontext() if tracing is None else tracing.request(entry, request.method, request.headers)

    def over(self, entry: Entry, status: int) -> None:
        """Record a request that has its response, and charge it."""
        entry.ended(status)
        self.guard.charge(entry.caller, entry.bill, entry.billed_tokens)
        self.shadows.after(entry)
        self.recent.add(entry)
        self.metrics.add(entry)
        if self.tracing is not None:
            self.tracing.ended(entry)
        if self.log is not None:
            self.log.add(entry)


Handler: TypeAlias = Callable[[Request, Entry, Service], Awaitable[Response]]
ErrorShape: TypeAlias = Callable[[Refusal], dict[str, Any]]


def recorded(
    handler: Handler, told: ErrorShape = Refusal.as_dict
) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint of a handler: whatever happens there is a response, with an id, and a record of it. `told`
    gives the body of an error."""

    async def answered(request: Request, entry: Entry, service: Service) -> Response:
        try:
            entry.caller = service.guard.known(request.headers)
            service.guard.check_body(request.headers)
            await service.guard.count(entry.caller)
            return await handler(request, entry, service)
        except asyncio.CancelledError:  # uvicorn's, when the time to drain is over
            return _refused(SHUTTING_DOWN, entry, told)
        except Exception as error:
            return _refused(error, entry, told)

    async def endpoint(request: Request) -> Response:
        service: Service = request.app.state.service
        entry = Entry(request_id(request.headers.get("x-request-id")), request.scope["path"])
        CALLS.set(entry.calls)
        with service.traced(entry, request):
            response = await answered(request, entry, service)
        response.headers.update(headers_of(entry))
        if not isinstance(response, Ongoing):
            service.over(entry, response.status_code)
        return response

    return endpoint


class Ongoing(Response):
    """A response that is recorded when it ends, not when it begins."""


def json_response(value: Any, status: int = 200) -> Response:
    """A JSON document."""
    return Response(encoded(value), status, media_type="application/json")


def response_of(refusal: Refusal, told: ErrorShape = Refusal.as_dict) -> Response:
    """A refusal as a response."""
    response = json_response(told(refusal), refusal.status)
    response.headers.update(refusal.headers)
    return response


Plain: TypeAlias = Callable[[Request], Awaitable[Response]]


def for_callers(endpoint: Plain) -> Plain:
    """The endpoint, for whoever has a key, where keys are asked for; it counts against no limit."""
    return _let_in(endpoint, Guard.known)


def for_operators(endpoint: Plain) -> Plain:
    """The endpoint, for operators' keys alone, where keys are asked for."""
    return _let_in(endpoint, Guard.operator)


def _let_in(endpoint: Plain, check: Callable[[Guard, Headers], Caller]) -> Plain:
    async def checked(request: Request) -> Response:
        service: Service = request.app.state.service
        try:
            request.state.caller = check(service.guard, request.headers)
        except Refusal as refusal:
            return response_of(refusal)
        return await endpoint(request)

    return checked


def find(service: Service, body: dict[str, Any], wishes: Wishes, entry: Entry) -> Found:
    """What decides a request, by the model that it names. Raises Refusal."""
    model = body.get("model")
    if model is not None and not isinstance(model, str):
        raise Refusal(400, "model must be a text", "invalid_type", "model")
    for name in (model or AUTO, wishes.model):
        if name is not None and not entry.caller.may_name(name):
            told = f"this key may not ask for the model {name[:100]!r}; GET /v1/models lists what it may"
            raise Refusal(403, told, "model_not_found", "model")
    try:
        found = service.policies.find(model, wishes, body, entry.caller.name)
    except NotServed as error:
        raise not_served(error.model, filter(entry.caller.may_name, service.policies.models)) from None
    entry.policy, entry.digest, entry.asked = found.name, found.digest, wishes.model or model or AUTO
    entry.side, entry.asker = found.side, found.asker
    entry.hands_sessions = found.may_name_models
    return found


async def unless_gone(receive: Receive, work: Coroutine[Any, Any, T]) -> T:
    """What the work gives; it is cancelled, and Refusal raised, where the caller goes away before."""
    working = asyncio.current_task()
    assert working is not None
    gone = asyncio.ensure_future(_cancelled_when_gone(receive, working))
    try:
        return await work
    except asyncio.CancelledError:
        if gone.done():
            raise Refusal(499, "the caller went away", "caller_gone") from None
        raise
    finally:
        gone.cancel()


async def _cancelled_when_gone(receive: Receive, working: asyncio.Task[Any]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    working.cancel()


def _refused(error: Exception, entry: Entry, told: ErrorShape) -> Response:
    if isinstance(error, BestRouteError):
        entry.attempts = getattr(error, "attempts", ())
        if not isinstance(error, InputError):
            _LOG.warning("request %s: %s", entry.request_id, error)
    elif not isinstance(error, Refusal):
        _LOG.error("request %s failed", entry.request_id, exc_info=error)
    refusal = refusal_of(error)
    entry.error = refusal.code or refusal.kind
    return response_of(refusal, told)
