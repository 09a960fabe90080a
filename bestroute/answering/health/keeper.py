"""Keeper: what is known of every site, shared by threads, event loops and the routers of later policies."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence

from bestroute.answering.health.report import EndpointReport
from bestroute.answering.health.site import Site
from bestroute.decision.health import Health
from bestroute.policy.arms import Endpoint, Model

_SHARE = 0.9  # an arm that is late one time in ten is late
_Key = tuple[str, str, str, str | None]


class Keeper:
    """Remembers how endpoints behave. In memory, of this process.

    `clock` gives seconds and does not go back. `breaks`: whether an ill endpoint is left alone; where not,
    only latencies and counts are kept.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, breaks: bool = True) -> None:
        self._clock, self._breaks = clock, breaks
        self._sites: dict[_Key, Site] = {}
        self._lock = threading.Lock()

    def site(self, model: Model, endpoint: Endpoint) -> Site:
        """The site where a model's endpoint is; with another limit it begins anew."""
        key = _key(model, endpoint)
        with self._lock:
            known = self._sites.get(key)
            if known is None or known.limit != endpoint.concurrency:
                known = Site(model.name, endpoint.base_url, endpoint.concurrency, self._clock, self._breaks)
                self._sites[key] = known
            return known

    def now(self, models: Iterable[Model]) -> Health:
        """What decisions may take into account: which models cool down at all their endpoints, and the 90th
        percentile of the latency of one call at the fastest of the others."""
        cooling, latency_ms = {}, {}
        for model in models:
            known = self._known(model)
            why = [site.resting for site in known]
            if known and all(why) and len(known) == len(model.places):
                cooling[model.name] = str(why[0])
                continue
            seen = [site.latency_ms(_SHARE) for site, ill in zip(known, why, strict=True) if not ill]
            fastest = min((one for one in seen if one is not None), default=None)
            if fastest is not None:
                latency_ms[model.name] = fastest
        return Health(cooling, latency_ms)

    def report(self) -> tuple[EndpointReport, ...]:
        """Every site that was asked, in order of model and address."""
        with self._lock:
            sites = list(self._sites.values())
        return tuple(sorted((site.report() for site in sites), key=lambda one: (one.model, one.address)))

    def _known(self, model: Model) -> Sequence[Site]:
        with self._lock:
            found = (self._sites.get(_key(model, endpoint)) for endpoint in model.places)
            return [site for site in found if site is not None]


def _key(model: Model, endpoint: Endpoint) -> _Key:
    return model.name, endpoint.base_url, endpoint.model or model.name, endpoint.api_key_env
