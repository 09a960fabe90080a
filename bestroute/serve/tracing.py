"""OpenTelemetry spans after its conventions for generative AI (extra `otel`): a server span for each request,
and in it a client span for each model that is asked, retries counted in.

Where they go the standard OTEL_ variables of the environment say. No span has words of a query, of an answer
or of an endpoint's error, nor a key.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, use_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from bestroute.answering.sampling import EndpointSampler, Sampled, Usage
from bestroute.policy.arms import Model
from bestroute.serve.calls import NotedSampler
from bestroute.serve.entry import Entry

_LOG = logging.getLogger("bestroute.serve")
_CHAT = {"gen_ai.operation.name": "chat"}
_PROPAGATOR = TraceContextTextMapPropagator()


class Tracing:
    """Makes the spans; `provider` takes them where they go."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("bestroute", version("bestroute"))

    @classmethod
    def to_collector(cls, environ: Mapping[str, str]) -> Tracing:
        """Spans to the collector that the environment names, sent in the background."""
        named = environ.get("OTEL_SERVICE_NAME") or SERVICE_NAME in environ.get(
            "OTEL_RESOURCE_ATTRIBUTES", ""
        )
        resource = Resource.create({} if named else {SERVICE_NAME: "bestroute"})
        provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        return cls(provider)

    def sampler(self) -> EndpointSampler:
        """What asks endpoints, each call in a span."""
        return _TracedSampler(self)

    @contextmanager
    def request(self, entry: Entry, method: str, headers: Mapping[str, str]) -> Iterator[None]:
        """What happens in here is part of the request's span, which `ended` ends."""
        entry.span = self._tracer.start_span(
            f"{method} {entry.path}",
            context=_PROPAGATOR.extract(headers),
            kind=SpanKind.SERVER,
            attributes={"http.request.method": method, "http.route": entry.path, "url.path": entry.path},
        )
        with use_span(entry.span, record_exception=False, set_status_on_exception=False):
            yield

    def ended(self, entry: Entry) -> None:
        """The request is over."""
        span: Span = entry.span
        if span.is_recording():
            span.set_attributes(_attributes(_told(entry)))
            if entry.status >= 500:
                span.set_status(Status(StatusCode.ERROR))
        span.end()

    def call(self, model: Model, n: int) -> Span:
        """The span of asking a model for n responses, inside that of the request."""
        told = {
            **_CHAT,
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": model.served_as,
            "gen_ai.request.choice.count": n if n > 1 else None,
            "bestroute.model": model.name,
        }
        name = f"chat {model.served_as}"
        return self._tracer.start_span(name, kind=SpanKind.CLIENT, attributes=_attributes(told))

    def close(self) -> None:
        """Send what waits."""
        self._provider.shutdown()


class _TracedSampler(NotedSampler):
    def __init__(self, tracing: Tracing) -> None:
        super().__init__()
        self._tracing = tracing

    @contextmanager
    def observing(self, model: Model, n: int) -> Iterator[list[Sampled]]:
        with super().observing(model, n) as came, _calling(self._tracing.call(model, n), came):
            yield came


@contextmanager
def _calling(span: Span, came: list[Sampled]) -> Iterator[None]:
    """End the span with what came in here; it is cancelled where nothing did."""
    try:
        yield
    finally:
        span.set_attributes(_attributes(_came(came[0]) if came else {"error.type": "cancelled"}))
        if not came or not came[0].samples:
            span.set_status(Status(StatusCode.ERROR))
        span.end()


def _came(sampled: Sampled) -> dict[str, Any]:
    failed = None if sampled.samples else str(sampled.status or "no_answer")
    reasons = [sample.finish_reason for sample in sampled.samples if sample.finish_reason]
    return {"error.type": failed, "gen_ai.response.finish_reasons": reasons or None, **_usage(sampled.usage)}


def _usage(usage: Usage | None) -> dict[str, Any]:
    if usage is None:
        return {}
    return {
        "gen_ai.usage.input_tokens": usage.input_tokens,
        "gen_ai.usage.output_tokens": usage.output_tokens,
        "gen_ai.usage.cache_read.input_tokens": usage.cached_tokens or None,
        "gen_ai.usage.reasoning.output_tokens": usage.thinking_tokens or None,
    }


def _told(entry: Entry) -> dict[str, Any]:
    decision = entry.decision
    told: dict[str, Any] = {
        "http.response.status_code": entry.status,
        "error.type": entry.error,
        "bestroute.request_id": entry.request_id,
        "bestroute.key": entry.caller.name or None,
        "bestroute.policy": entry.policy or None,
        "bestroute.policy.digest": entry.digest or None,
    }
    if decision is None:
        return told
    asked = {
        **_CHAT,
        "gen_ai.provider.name": "bestroute",
        "gen_ai.request.model": entry.asked or None,
        "gen_ai.request.stream": entry.stream or None,
        "gen_ai.response.model": entry.model if entry.usage is not None else None,
        "gen_ai.response.time_to_first_chunk": entry.first_s,
        **_usage(entry.usage),
    }
    return {
        **told,
        **(asked if entry.path.endswith(("/chat/completions", "/messages")) else {}),
        "bestroute.arm": decision.arm.label,
        "bestroute.cause": decision.cause,
        "bestroute.rule": decision.rule,
        "bestroute.gap": decision.gap,
        "bestroute.cost": entry.cost,
        "bestroute.reference_cost": entry.reference_cost,
    }


def _attributes(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if value is not None}
