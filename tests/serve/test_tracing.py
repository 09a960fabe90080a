"""Spans as the real SDK has them: of requests, and in them of every model that was asked."""

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from bestroute.errors import InputError
from bestroute.serve.collector import tracing_of
from bestroute.serve.policies import Policies
from bestroute.serve.tracing import Tracing
from tests.answering.fake_endpoint import FakeEndpoint, answer_n, endless, pieces, status, streamed
from tests.patience import PATIENCE_S, until
from tests.serve.gateway import POLICY, started
from tests.serve.inprocess import served

WORDS = "hello, my secret words"


@pytest.fixture(scope="module")
def traced(tmp_path_factory):
    endpoint, exporter = FakeEndpoint(), InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    path = tmp_path_factory.mktemp("traced") / "p.yaml"
    path.write_text(POLICY.format(url=endpoint.base_url, dial=1.0), "utf-8")
    tracing = Tracing(provider)
    with served(Policies([path], tracing.sampler), tracing=tracing) as gateway:
        yield gateway, endpoint, exporter
    endpoint.close()


def spans(exporter, names):
    """The spans that are there once so many are, the request's last; none has words."""
    until(lambda: len(exporter.get_finished_spans()) >= len(names))
    found = exporter.get_finished_spans()
    exporter.clear()
    assert [span.name for span in found] == names
    assert not any("secret" in str(span.to_json()) for span in found)
    return found


def test_a_request_and_its_call(traced):
    gateway, endpoint, exporter = traced
    endpoint.play(answer_n("more secret words"))
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    reply = gateway.ask(WORDS, headers={"traceparent": parent, "authorization": "Bearer secret-key"})
    call, request = spans(exporter, ["chat tiny-up", "POST /v1/chat/completions"])
    assert (call.kind, request.kind) == (SpanKind.CLIENT, SpanKind.SERVER)
    assert call.parent.span_id == request.context.span_id
    assert f"{request.context.trace_id:032x}" == parent.split("-")[1]
    assert f"{request.parent.span_id:016x}" == parent.split("-")[2]
    assert dict(call.attributes) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "tiny-up",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 5,
        "bestroute.model": "tiny",
    }
    told = dict(request.attributes)
    assert told["bestroute.request_id"] == reply.headers["x-bestroute-request-id"]
    assert told["bestroute.cost"] == pytest.approx(2e-5)
    assert {
        "http.request.method": "POST",
        "http.route": "/v1/chat/completions",
        "http.response.status_code": 200,
        "gen_ai.request.model": "auto",
        "gen_ai.response.model": "tiny",
        "gen_ai.usage.input_tokens": 10,
        "bestroute.arm": "tiny@1",
        "bestroute.cause": "rule",
    }.items() <= told.items()


def test_every_model_that_was_asked_in_vain(traced):
    gateway, endpoint, exporter = traced
    endpoint.play(status(400, "secret: bad"))
    assert gateway.ask(WORDS).status == 400
    *calls, request = spans(exporter, ["chat tiny-up", "chat big-up", "POST /v1/chat/completions"])
    assert [call.attributes["error.type"] for call in calls] == ["400", "400"]
    assert all(call.status.status_code is StatusCode.ERROR for call in calls)
    assert request.attributes["error.type"] == "refused_by_model"
    assert request.status.status_code is StatusCode.UNSET


def test_a_stream(traced):
    gateway, endpoint, exporter = traced
    endpoint.play(pieces(*streamed("hel", "lo")))
    assert b"[DONE]" in gateway.ask(WORDS, stream=True).body
    call, request = spans(exporter, ["chat tiny-up", "POST /v1/chat/completions"])
    assert call.parent.span_id == request.context.span_id
    assert call.attributes["gen_ai.usage.output_tokens"] == 5
    assert request.attributes["gen_ai.request.stream"] is True
    assert request.attributes["gen_ai.response.time_to_first_chunk"] > 0


def test_a_caller_who_goes_away(traced):
    gateway, endpoint, exporter = traced
    endpoint.play(endless())
    body = json.dumps({"stream": True, "messages": [{"role": "user", "content": WORDS}]})
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=PATIENCE_S) as connection:
        head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n"
        connection.sendall(f"{head}{body}".encode())
        assert connection.recv(100)
    call, request = spans(exporter, ["chat tiny-up", "POST /v1/chat/completions"])
    assert call.attributes["error.type"] == "cancelled"
    assert request.attributes["error.type"] == "caller_gone"


def test_refused_and_decided_requests_have_a_span_alone(traced):
    gateway, _, exporter = traced
    gateway.ask(WORDS, model="nobody-secret")
    [request] = spans(exporter, ["POST /v1/chat/completions"])
    assert request.attributes["error.type"] == "model_not_found"
    gateway.post("/v1/route", {"query": WORDS})
    [request] = spans(exporter, ["POST /v1/route"])
    assert request.attributes["bestroute.arm"] == "tiny@1"
    assert "gen_ai.operation.name" not in request.attributes


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_SDK_DISABLED": "true"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_TRACES_EXPORTER": "none"},
    ],
)
def test_nothing_is_traced_unless_a_collector_is_named(environ):
    assert tracing_of(environ) is None


def test_a_protocol_that_is_not_spoken():
    with pytest.raises(InputError, match="http/protobuf alone"):
        tracing_of({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})


class _Collector(ThreadingHTTPServer):
    def __init__(self):
        self.spans = []
        super().__init__(("127.0.0.1", 0), _Receiver)


class _Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        for told in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = {one.key: one.value.string_value for one in told.resource.attributes}["service.name"]
            self.server.spans += [(service, span.name) for one in told.scope_spans for span in one.spans]
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args):
        pass


def test_a_gateway_sends_its_spans_to_the_collector_of_the_environment(tmp_path, fake_endpoint, monkeypatch):
    with _Collector() as collector:
        threading.Thread(target=collector.serve_forever, args=(0.01,), daemon=True).start()
        address = f"http://127.0.0.1:{collector.server_port}"
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
        with started(tmp_path, POLICY.format(url=fake_endpoint.base_url, dial=1.0)) as gateway:
            assert gateway.ask(WORDS).status == 200
            assert gateway.end() == 0
        collector.shutdown()
    found = [("bestroute", "chat tiny-up"), ("bestroute", "POST /v1/chat/completions")]
    assert sorted(collector.spans) == sorted(found)
