"""Which address is answered by what."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bestroute.answering.sampling import EndpointSampler
from bestroute.router import Router
from bestroute.serve import listing
from bestroute.serve.anthropic import error_of
from bestroute.serve.chat import chat
from bestroute.serve.handling import Service, for_callers, for_operators, recorded, response_of
from bestroute.serve.messages import messages
from bestroute.serve.page import page_routes
from bestroute.serve.refusals import Refusal
from bestroute.serve.routing import route

_MESSAGES = "/v1/messages"
_CODES = {404: "unknown_url", 405: "method_not_allowed"}


def app_of(
    service: Service, on_ready: Callable[[], object] = lambda: None, middleware: Sequence[Middleware] = ()
) -> Starlette:
    """The gateway as an ASGI application. `on_ready` is called once the first request would not wait."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        app.state.service, app.state.ready = service, asyncio.Event()
        service.policies.start()
        if service.guard.ring is not None:
            service.guard.ring.start()
        _reopen_on_hangup(service)
        warming = asyncio.create_task(_warm(app, on_ready))
        yield
        warming.cancel()
        await service.shadows.close()
        await asyncio.to_thread(service.policies.close)
        await service.guard.close()
        if service.tracing is not None:
            await asyncio.to_thread(service.tracing.close)
        if service.log is not None:
            await asyncio.to_thread(service.log.close)

    routes = [
        Route("/v1/chat/completions", recorded(chat), methods=["POST"]),
        Route(_MESSAGES, recorded(messages, error_of), methods=["POST"]),
        Route("/v1/route", recorded(route), methods=["POST"]),
        Route("/v1/models", for_callers(listing.models)),
        Route("/v1/models/{name:path}", for_callers(listing.model)),
        Route("/healthz", listing.healthz),
        Route("/readyz", listing.readyz),
        Route("/openapi.json", listing.openapi),
        Route("/metrics", for_operators(listing.metrics)),
        *page_routes(),
    ]
    app = Starlette(
        routes=routes,
        middleware=[*middleware],
        lifespan=lifespan,
        exception_handlers={HTTPException: _not_here},
    )
    # Redirects for a slash would send callers to the scheme and name that came through a proxy.
    app.router.redirect_slashes = False
    return app


async def _warm(app: Starlette, on_ready: Callable[[], object]) -> None:
    """Do once what the first request would wait for."""
    service: Service = app.state.service
    for router in service.policies.routers.values():
        await asyncio.to_thread(_first, router)
    app.state.ready.set()
    on_ready()


def _first(router: Router) -> None:
    router.route("Is anybody there?")
    EndpointSampler.load()


def _reopen_on_hangup(service: Service) -> None:
    log = service.log
    if log is not None and hasattr(signal, "SIGHUP"):
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, log.reopen)
        log.reopen()  # a hangup that came since the log was opened went unheard


async def _not_here(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    path = request.scope["path"]
    asked = f"{request.method} {path[:200]}"
    told = f"{asked}: {error.detail}"
    of_messages = f"{path}/".startswith(f"{_MESSAGES}/")
    if error.status_code == 404:
        there = f"messages are at POST {_MESSAGES}" if of_messages else "chat is at POST /v1/chat/completions"
        told = f"there is no {asked}; {there}, all addresses are in /openapi.json"
    elif error.headers and "Allow" in error.headers:
        told = f"{asked}: this address takes {error.headers['Allow']}"
    code = _CODES.get(error.status_code)
    refusal = Refusal(error.status_code, told, code, headers=error.headers)
    return response_of(refusal, error_of if of_messages else Refusal.as_dict)
