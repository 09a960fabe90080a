"""What there is, and whether it works: /v1/models, /openapi.json, /healthz, /readyz, /metrics."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from bestroute.serve.handling import Service, json_response, response_of
from bestroute.serve.metrics import CONTENT_TYPE
from bestroute.serve.openapi import document
from bestroute.serve.readiness import unaskable, why_unready
from bestroute.serve.refusals import not_served


async def models(request: Request) -> Response:
    """The names that a request may give as its model: `auto`, further policies, their models."""
    return json_response({"object": "list", "data": [*map(_model, _names(request))]})


async def model(request: Request) -> Response:
    """One of them."""
    name = request.path_params["name"]
    if name not in _names(request):
        return response_of(not_served(name, _names(request)))
    return json_response(_model(name))


async def healthz(request: Request) -> Response:
    """That the event loop goes round."""
    return json_response({"status": "ok"})


async def readyz(request: Request) -> Response:
    """Whether requests would be answered at once, by which policies, and which of these, or the keys, are not
    as their files now are, since those do not hold; `why` says what it is not ready for, `unaskable` which
    models cannot be asked; `worker` is the process that says so."""
    policies = _service(request).policies
    served = {name: router.policy for name, router in policies.routers.items()}
    why = why_unready(served)
    if not request.app.state.ready.is_set():
        why.append("it is starting")
    digests = {name: router.digest for name, router in policies.routers.items()}
    ring = _service(request).guard.ring
    refused = [*policies.faults, *(["keys"] if ring is not None and ring.fault else [])]
    told: dict[str, Any] = {
        "ready": not why,
        "why": why,
        "unaskable": {name: reasons for name, policy in served.items() if (reasons := unaskable(policy))},
        "policies": digests,
        "reloads": policies.reloads,
        "refused": refused,
    }
    told["worker"] = os.getpid()
    return json_response(told, 503 if why else 200)


async def metrics(request: Request) -> Response:
    """All counts, as Prometheus reads them."""
    body = await asyncio.to_thread(_service(request).metrics.exposition)
    return Response(body, media_type=CONTENT_TYPE)


async def openapi(request: Request) -> Response:
    """Every address, what it takes and what it answers."""
    return json_response(document(_service(request).guard.ring is not None))


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


def _names(request: Request) -> list[str]:
    """The models that this caller may name."""
    return [*filter(request.state.caller.may_name, _service(request).policies.models)]


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "bestroute"}
