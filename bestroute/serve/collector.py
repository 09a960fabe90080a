"""Whether requests are traced: the standard OTEL_ variables of the environment say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from bestroute.errors import InputError, require

if TYPE_CHECKING:
    from bestroute.serve.tracing import Tracing

_ADDRESSES = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_SPOKEN = "http/protobuf"


def tracing_of(environ: Mapping[str, str]) -> Tracing | None:
    """Spans to the collector that the environment names; None where it names none, or wants no spans.

    Raises MissingExtra without the extra `otel`, InputError for a protocol that is not spoken.
    """
    off = environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    if off or environ.get("OTEL_TRACES_EXPORTER") == "none" or not any(map(environ.get, _ADDRESSES)):
        return None
    wanted = next(filter(None, map(environ.get, _PROTOCOLS)), _SPOKEN)
    if wanted != _SPOKEN:
        raise InputError(f"OTEL_EXPORTER_OTLP_PROTOCOL is {wanted!r}; spans are sent by {_SPOKEN} alone")
    require("opentelemetry.exporter.otlp.proto.http", "otel")
    from bestroute.serve.tracing import Tracing

    return Tracing.to_collector(environ)
