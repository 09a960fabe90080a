"""The page at `/`: traffic by arm, saving, latency, endpoints, and the dial, tried on the last decisions.

Its files lie in `assets/` and load nothing from elsewhere; what it shows comes from /page/overview and
/page/dial. No text of a caller, no address and no key is told.
"""

from __future__ import annotations

import asyncio
import math
import os
from functools import cache
from importlib.resources import files
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bestroute.answering.health import EndpointReport
from bestroute.router import Router
from bestroute.serve.handling import Service, for_operators, json_response
from bestroute.serve.recent import MOST_DECISIONS, at_dial, summary
from bestroute.serve.refusals import Refusal

_KINDS = {"index.html": "text/html", "page.css": "text/css", "page.js": "text/javascript"}
_HEADERS = {
    "cache-control": "no-cache",
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


def page_routes() -> list[Route]:
    """The page's addresses."""
    return [
        Route("/", for_operators(_asset)),
        Route("/page/overview", for_operators(overview)),
        Route("/page/dial", for_operators(dial)),
        Route("/page/{name}", _asset),
    ]


async def overview(request: Request) -> Response:
    """What was served: counts of all workers since the start, and of this one the last requests by policy."""
    service: Service = request.app.state.service
    totals = await asyncio.to_thread(service.metrics.totals)
    policies = {name: _policy(name, router, service) for name, router in service.policies.routers.items()}
    told = {"totals": totals, "policies": policies, "refused": [*service.policies.faults], "pid": os.getpid()}
    return _without_cache(json_response(told))


async def dial(request: Request) -> Response:
    """What the last decisions of `policy` would come to with its dial at `setting`, and as it stands."""
    service: Service = request.app.state.service
    name = request.query_params.get("policy", "auto")
    router = service.policies.routers.get(name)
    if router is None:
        refusal = Refusal(404, f"no policy is served as {name[:100]!r}", "model_not_found", "policy")
        return json_response(refusal.as_dict(), refusal.status)
    objective = router.policy.objective
    setting = _number(request.query_params.get("setting"))
    if not min(objective.grid) <= setting <= max(objective.grid):
        least, most = min(objective.grid), max(objective.grid)
        told = f"setting must be a number from {least:g} to {most:g}"
        return json_response(Refusal(400, told, "invalid_value", "setting").as_dict(), 400)
    decisions = service.recent.decisions(name, router.digest)
    async with service.dialling:  # one at a time: each takes some tenths of a millisecond a decision
        if await request.is_disconnected():  # the dial was moved on meanwhile
            return Response(status_code=499)
        there = await asyncio.to_thread(at_dial, decisions, setting)
        as_it_is = await asyncio.to_thread(at_dial, decisions, objective.setting)
    line = f"{objective.key}: {setting:g}"
    return _without_cache(json_response({"setting": setting, "line": line, "there": there, "now": as_it_is}))


def _policy(name: str, router: Router, service: Service) -> dict[str, Any]:
    policy, objective = router.policy, router.policy.objective
    return {
        "digest": router.digest,
        "file": policy.path.name,
        "reference": policy.reference,
        "dial": {
            "key": objective.key,
            "setting": objective.setting,
            "grid": [*objective.grid],
            "decisions": len(service.recent.decisions(name, router.digest)),
            "most": MOST_DECISIONS,
        },
        "recent": summary(service.recent.seen(name)),
        "endpoints": [_endpoint(one) for one in router.health().endpoints],
    }


def _endpoint(report: EndpointReport) -> dict[str, Any]:
    return {
        "model": report.model,
        "state": report.state,
        "why": report.why,
        "rest_s": report.rest_s,
        "under_way": report.under_way,
        "calls": report.calls,
        "faults": dict(report.faults),
        "latency_ms": dict(report.latency_ms),
    }


async def _asset(request: Request) -> Response:
    name = request.path_params.get("name", "index.html")
    if name not in _KINDS:
        refusal = Refusal(404, f"GET {request.url.path[:200]}: Not Found", "unknown_url")
        return json_response(refusal.as_dict(), refusal.status)
    return Response(_content(name), media_type=_KINDS[name], headers=_HEADERS)


@cache
def _content(name: str) -> bytes:
    return (files("bestroute.serve") / "assets" / name).read_bytes()


def _number(text: str | None) -> float:
    """The number that a text is; NaN for another."""
    try:
        return float(text or "")
    except ValueError:
        return math.nan


def _without_cache(response: Response) -> Response:
    response.headers["cache-control"] = "no-store"
    return response
