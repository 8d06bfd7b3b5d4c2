"""OpenTelemetry SDKs as exporters, MLflow's client as the reader.

Python sends over HTTP and gRPC, JSON goes by hand, Go through a program of its
own module. Only servers with OTLP on the usual two ports too: Assay.
"""

import base64
import gzip
import json
import os
import secrets
import subprocess
import time
from pathlib import Path

import mlflow
import pytest
import requests
from mlflow import MlflowClient
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GRPCExporter
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HTTPExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode

HERE = Path(__file__).parent
SPANS = 150  # below the root: more than one batch


@pytest.fixture(scope="module")
def endpoints(url, running) -> dict[str, str]:
    """URLs of OTLP over HTTP and host:port of gRPC."""
    mlflow.set_tracking_uri(url)
    if running is None:
        return {"http": url, "http port": os.environ.get("ASSAY_OTLP_HTTP_URL", "http://127.0.0.1:4318"), "grpc": os.environ.get("ASSAY_OTLP_GRPC_ADDR", "127.0.0.1:4317")}
    return {"http": url, "http port": running.otlp_http, "grpc": running.otlp_grpc}


@pytest.fixture
def client(url) -> MlflowClient:
    return MlflowClient(url)


@pytest.fixture
def name(request) -> str:
    return "otel " + secrets.token_hex(6)


def exporter(how: str, endpoints: dict[str, str], headers=None):
    transport, _, compressed = how.partition("+")
    if transport == "grpc":
        import grpc

        return GRPCExporter(endpoint=endpoints["grpc"], insecure=True, headers=headers, compression=grpc.Compression.Gzip if compressed else None)
    return HTTPExporter(endpoint=endpoints[transport] + "/v1/traces", headers=headers, compression=Compression.Gzip if compressed else None)


def send(how, endpoints, service, spans=SPANS, headers=None, resource=None) -> str:
    """One trace of a root and `spans` model calls, the last failed; returns its MLflow id."""
    provider = TracerProvider(resource=Resource({"service.name": service, **(resource or {})}))
    provider.add_span_processor(BatchSpanProcessor(exporter(how, endpoints, headers), max_export_batch_size=64))
    tracer = provider.get_tracer("conformance")
    with tracer.start_as_current_span("handle request") as root:
        for i in range(spans):
            with tracer.start_as_current_span(f"chat {i}", kind=SpanKind.CLIENT, record_exception=False, set_status_on_exception=False) as span:
                span.set_attributes({"gen_ai.operation.name": "chat", "gen_ai.request.model": "scripted-1", "gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 5})
                if i == spans - 1:
                    span.record_exception(ValueError("the model is asleep"))
                    span.set_status(Status(StatusCode.ERROR, "the model is asleep"))
    assert provider.force_flush(30_000)
    provider.shutdown()
    return f"tr-{root.get_span_context().trace_id:032x}"


def check(client, trace_id, experiment_name, spans=SPANS):
    """Every span is there once, in its tree, and its tokens are counted once."""
    trace = client.get_trace(trace_id)
    experiment = client.get_experiment_by_name(experiment_name)
    assert trace.info.experiment_id == experiment.experiment_id
    names = sorted(s.name for s in trace.data.spans)
    assert names == sorted(["handle request", *(f"chat {i}" for i in range(spans))])
    root = next(s for s in trace.data.spans if s.parent_id is None)
    assert root.name == "handle request"
    assert all(s.parent_id == root.span_id for s in trace.data.spans if s is not root)
    failed = next(s for s in trace.data.spans if s.name == f"chat {spans - 1}")
    assert str(failed.status.status_code).endswith("ERROR")
    assert failed.status.description == "the model is asleep"
    assert [e.attributes["exception.message"] for e in failed.events] == ["the model is asleep"]
    assert failed.attributes["gen_ai.request.model"] == "scripted-1"
    assert {k: trace.info.token_usage[k] for k in ("input_tokens", "output_tokens", "total_tokens")} == {"input_tokens": 10 * spans, "output_tokens": 5 * spans, "total_tokens": 15 * spans}
    found = client.search_traces(locations=[experiment.experiment_id], filter_string="trace.name = 'handle request'")
    assert trace_id in [t.info.trace_id for t in found]


@pytest.mark.parametrize("how", ["http", "http+gzip", "http port", "grpc", "grpc+gzip"])
def test_python_sdk(endpoints, client, name, how):
    check(client, send(how, endpoints, name), name)


def test_sent_twice_is_there_once(endpoints, client, name):
    class Twice(HTTPExporter):
        def export(self, spans):
            super().export(spans)
            return super().export(spans)

    provider = TracerProvider(resource=Resource({"service.name": name}))
    provider.add_span_processor(BatchSpanProcessor(Twice(endpoint=endpoints["http"] + "/v1/traces")))
    with provider.get_tracer("conformance").start_as_current_span("handle request") as root:
        root.set_attributes({"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 5})
    provider.shutdown()
    trace = client.get_trace(f"tr-{root.get_span_context().trace_id:032x}")
    assert len(trace.data.spans) == 1
    assert trace.info.token_usage["input_tokens"] == 10


def span_json(trace_id: str, span_id: str, name: str, parent: str | None = None):
    now = time.time_ns()
    return {
        "traceId": trace_id, "spanId": span_id, **({"parentSpanId": parent} if parent else {}), "name": name, "kind": 1,
        "startTimeUnixNano": str(now), "endTimeUnixNano": str(now + 1_000_000), "status": {},
        "attributes": [
            {"key": "text", "value": {"stringValue": "ünï 日本"}}, {"key": "count", "value": {"intValue": "7"}}, {"key": "ratio", "value": {"doubleValue": 0.5}}, {"key": "flag", "value": {"boolValue": True}},
            {"key": "list", "value": {"arrayValue": {"values": [{"intValue": 1}, {"intValue": "2"}]}}},
        ],
    }  # fmt: skip


def body(service, *spans):
    return {"resourceSpans": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]}, "scopeSpans": [{"scope": {"name": "by hand"}, "spans": list(spans)}]}]}


@pytest.mark.parametrize("compressed", [False, True])
def test_json(endpoints, client, name, compressed):
    trace_id, root, child = secrets.token_hex(16), secrets.token_hex(8), secrets.token_hex(8)
    payload = json.dumps(body(name, span_json(trace_id, root, "root"), span_json(trace_id, child, "child", root))).encode()
    headers = {"Content-Type": "application/json"}
    if compressed:
        payload, headers["Content-Encoding"] = gzip.compress(payload), "gzip"
    got = requests.post(endpoints["http"] + "/v1/traces", data=payload, headers=headers, timeout=30)
    assert got.status_code == 200, got.text
    assert got.headers["Content-Type"].startswith("application/json")
    trace = client.get_trace("tr-" + trace_id)
    assert [s.name for s in trace.data.spans] == ["root", "child"]
    attributes = trace.data.spans[0].attributes
    assert {k: attributes[k] for k in ("text", "count", "ratio", "flag")} == {"text": "ünï 日本", "count": 7, "ratio": 0.5, "flag": True}
    assert list(attributes["list"]) == [1, 2]


@pytest.mark.parametrize(
    "content,kind,encoding",
    [(b"{", "application/json", None), (b"\x0a\xff\xff\xff", "application/x-protobuf", None), (b"x", "text/plain", None), (b"not gzip", "application/json", "gzip"), (b'{"resourceSpans": "none"}', "application/json", None)],
)
def test_bad_bodies_are_the_senders_fault(endpoints, content, kind, encoding):
    headers = {"Content-Type": kind, **({"Content-Encoding": encoding} if encoding else {})}
    got = requests.post(endpoints["http"] + "/v1/traces", data=content, headers=headers, timeout=30)
    assert 400 <= got.status_code < 500


def test_a_small_body_may_not_unfold_into_a_huge_one(endpoints):
    bomb = gzip.compress(b" " * (512 << 20))
    got = requests.post(endpoints["http"] + "/v1/traces", data=bomb, headers={"Content-Type": "application/json", "Content-Encoding": "gzip"}, timeout=60)
    assert 400 <= got.status_code < 500


class TestExperimentOf:
    """Which experiment a trace goes to: header, then resource attribute, then service.name."""

    @pytest.mark.parametrize("how", ["http", "grpc"])
    def test_header(self, endpoints, client, name, how):
        experiment = client.create_experiment(name)
        trace_id = send(how, endpoints, "some service", spans=2, headers={"x-mlflow-experiment-id": experiment}, resource={"mlflow.experiment.name": "another"})
        check(client, trace_id, name, spans=2)

    @pytest.mark.parametrize("attribute", ["mlflow.experiment.name", "assay.experiment"])
    @pytest.mark.parametrize("how", ["http", "grpc"])
    def test_resource_attribute(self, endpoints, client, name, how, attribute):
        check(client, send(how, endpoints, "some service", spans=2, resource={attribute: name}), name, spans=2)

    @pytest.mark.parametrize("how", ["http", "grpc"])
    def test_service_name(self, endpoints, client, name, how):
        check(client, send(how, endpoints, name, spans=2), name, spans=2)

    def test_unknown_id_is_refused(self, endpoints):
        got = requests.post(
            endpoints["http"] + "/v1/traces", json=body("x", span_json(secrets.token_hex(16), secrets.token_hex(8), "root")),
            headers={"x-mlflow-experiment-id": "987654321"}, timeout=30,
        )  # fmt: skip
        assert 400 <= got.status_code < 500


@pytest.fixture(scope="module")
def sendspans(tmp_path_factory) -> Path:
    """The Go exporter, built from its own module."""
    binary = tmp_path_factory.mktemp("go") / "sendspans"
    subprocess.run(["go", "build", "-o", str(binary), "."], cwd=HERE / "go", check=True, timeout=600)
    return binary


@pytest.mark.parametrize("how", ["http", "http+gzip", "http port", "grpc", "grpc+gzip"])
@pytest.mark.parametrize("by", ["header", "resource", "service"])
def test_go_sdk(sendspans, endpoints, client, name, how, by):
    transport, _, compressed = how.partition("+")
    where = endpoints[transport].removeprefix("http://")
    flags = ["-protocol", "grpc" if transport == "grpc" else "http", "-endpoint", where, "-spans", str(SPANS), *(["-gzip"] if compressed else [])]
    if by == "header":
        flags += ["-header", f"x-mlflow-experiment-id={client.create_experiment(name)}"]
    elif by == "resource":
        flags += ["-resource", f"mlflow.experiment.name={name}"]
    else:
        flags += ["-service", name]
    done = subprocess.run([str(sendspans), *flags], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    check(client, "tr-" + done.stdout.strip(), name)


def test_spans_and_header_from_different_clients(endpoints, client, name):
    """An OTel exporter sends the spans, MLflow's client the tags and feedback."""
    trace_id = send("grpc", endpoints, name, spans=2)
    client.set_trace_tag(trace_id, "colour", "red")
    mlflow.log_feedback(trace_id=trace_id, name="good", value=True)
    trace = client.get_trace(trace_id)
    assert trace.info.tags["colour"] == "red"
    assert [a.name for a in trace.info.assessments] == ["good"]


def test_ids_are_hexadecimal_in_json(endpoints, client, name):
    """OTLP's JSON has ids in hexadecimal, unlike protobuf's own JSON mapping."""
    trace_id = secrets.token_bytes(16)
    wrong = base64.b64encode(trace_id).decode()
    got = requests.post(endpoints["http"] + "/v1/traces", json=body(name, span_json(wrong, secrets.token_hex(8), "root")), timeout=30)
    # Refused whole, or the span is counted as rejected; never stored.
    assert got.status_code == 400 or got.json()["partialSuccess"]["rejectedSpans"] in (1, "1")
