"""Python's OpenTelemetry SDK with both of its OTLP exporters."""
import grpc
import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor

import reading
import scenario
from python_driver import Driver
from server import eventually

EXPORTERS = {
    "grpc": lambda server: GrpcExporter(endpoint=server.grpc, insecure=True),
    "grpc with gzip": lambda server: GrpcExporter(endpoint=server.grpc, insecure=True,
                                                  compression=grpc.Compression.Gzip),
    "http": lambda server: HttpExporter(endpoint=server.otlp),
    "http with gzip": lambda server: HttpExporter(endpoint=server.otlp, compression=Compression.Gzip),
    "http with deflate": lambda server: HttpExporter(endpoint=server.otlp, compression=Compression.Deflate),
}


def send_scenario(server, exporter):
    told = scenario.make("python")
    made = Driver(told, lambda: EXPORTERS[exporter](server)).send()
    return made["spans"]["checkout"]["traceId"], scenario.expected(told, made, "python")


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_every_field_comes_back_from_every_api(shared_server, exporter):
    trace_id, wanted = send_scenario(shared_server, exporter)
    shared_server.eventually_found(trace_id, len(wanted), seconds=2)  # long before its window ends
    assert shared_server.get(f"/api/bs/v1/traces/{trace_id}").json()["open"]
    reading.assert_every_api_tells(shared_server, trace_id, wanted)


def test_a_sealed_trace_tells_the_same_as_an_open_one(make_server):
    server = make_server("--set", "decision_wait=200ms").start()
    trace_id, wanted = send_scenario(server, "grpc")
    eventually(lambda: server.get(f"/api/bs/v1/traces/{trace_id}").json()["open"] is False, "sealed")
    reading.assert_every_api_tells(server, trace_id, wanted)


@pytest.mark.parametrize("decision_wait", ["1h", "200ms"])
def test_a_trace_is_whole_after_kill_9_and_restart(make_server, decision_wait):
    server = make_server("--set", f"decision_wait={decision_wait}").start()
    trace_id, wanted = send_scenario(server, "grpc")
    is_open = decision_wait == "1h"
    eventually(lambda: server.get(f"/api/bs/v1/traces/{trace_id}").json()["open"] is is_open, "open or sealed")
    server.kill()
    server.start()
    assert server.get(f"/api/bs/v1/traces/{trace_id}").json()["open"] is is_open
    reading.assert_every_api_tells(server, trace_id, wanted)


def test_the_first_span_is_visible_before_the_others_come(shared_server):
    provider = TracerProvider(resource=Resource({"service.name": "slow"}))
    provider.add_span_processor(SimpleSpanProcessor(EXPORTERS["http"](shared_server)))
    tracer = provider.get_tracer("test")
    with tracer.start_as_current_span("root") as root:
        trace_id = f"{root.get_span_context().trace_id:032x}"
        with tracer.start_as_current_span("first child"):
            pass
        shared_server.eventually_found(trace_id, 1, seconds=2)
        found = shared_server.get("/api/bs/v1/traces?service=slow&operation=first%20child").json()["traces"]
        assert [(one["traceId"], one["open"]) for one in found] == [(trace_id, True)]
    shared_server.eventually_found(trace_id, 2, seconds=2)


@pytest.mark.parametrize("exporter", ["grpc", "http with gzip"])
def test_a_batch_of_20000_spans_comes_back_whole(shared_server, exporter):
    provider = TracerProvider(resource=Resource({"service.name": "batch"}))
    provider.add_span_processor(BatchSpanProcessor(EXPORTERS[exporter](shared_server), max_queue_size=30_000,
                                                   max_export_batch_size=20_001))
    tracer = provider.get_tracer("test")
    with tracer.start_as_current_span("root") as root:
        for number in range(20_000):
            tracer.start_span(f"child {number}", attributes={"number": number}).end()
    assert provider.force_flush()
    provider.shutdown()
    trace_id = f"{root.get_span_context().trace_id:032x}"
    shared_server.eventually_found(trace_id, 20_001)
    spans = reading.native_protobuf(shared_server, trace_id)
    numbers = sorted(dict(span["attributes"])["number"][1] for span in spans.values() if span["parent"])
    assert numbers == list(range(20_000))


def test_what_the_sdk_itself_dropped_is_told(shared_server):
    limits = SpanLimits(max_span_attributes=2, max_events=1, max_links=0, max_event_attributes=1)
    provider = TracerProvider(resource=Resource({"service.name": "limits"}), span_limits=limits)
    provider.add_span_processor(SimpleSpanProcessor(EXPORTERS["grpc"](shared_server)))
    span = provider.get_tracer("test").start_span("full", attributes={"a": 1, "b": 2, "c": 3})
    span.add_event("first", {"x": 1})
    span.add_event("second", {"x": 1, "y": 2, "z": 3})
    span.end()
    context = span.get_span_context()
    trace_id = f"{context.trace_id:032x}"
    shared_server.eventually_found(trace_id, 1, seconds=2)
    for read in (reading.native_protobuf, reading.native_json, reading.jaeger_v3):
        read_span, = read(shared_server, trace_id).values()
        assert (read_span["droppedAttributes"], read_span["droppedEvents"]) == (1, 1)
        assert [event[3] for event in read_span["events"]] == [2]
