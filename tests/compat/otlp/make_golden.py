#!/usr/bin/env python3
"""Makes the golden OTLP files beside it with OpenTelemetry's own Python packages.

    pip install 'opentelemetry-sdk>=1.40' 'opentelemetry-exporter-otlp-proto-common>=1.40' opentelemetry-proto
    tests/compat/otlp/make_golden.py

full.binpb, full.json  every field of a span with every kind of value, in both encodings
unknown.binpb          fields that Backstitch gives no meaning to: entity_refs, string indices
sdk.binpb              what the SDK and its exporter's encoder send
The output is the same each time.
"""
import base64
import json
import pathlib
import random

from google.protobuf import json_format
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import Link, SpanKind, Status, StatusCode, set_span_in_context

HERE = pathlib.Path(__file__).resolve().parent
START = 1_700_000_000_000_000_000
TRACE = bytes(range(16))


def fill_values(attributes):
    def value(key):
        one = attributes.add()
        one.key = key
        return one.value

    value("text").string_value = 'é "quoted" \\ \n'
    value("empty").string_value = ""
    value("yes").bool_value = True
    value("no").bool_value = False
    value("large").int_value = 2**63 - 1
    value("negative").int_value = -(2**63)
    value("zero").int_value = 0
    value("real").double_value = 0.1
    value("infinite").double_value = float("-inf")
    value("bytes").bytes_value = b"\x00\xff\x10"
    value("nothing").SetInParent()
    array = value("array").array_value
    array.values.add().string_value = "a"
    array.values.add()
    array.values.add().array_value.values.add().int_value = 7
    value("no array").array_value.SetInParent()
    entry = value("map").kvlist_value.values.add()
    entry.key = "inner"
    entry.value.kvlist_value.values.add(key="empty").value.SetInParent()


def full():
    request = trace_service_pb2.ExportTraceServiceRequest()
    for service in ("cart", "checkout"):
        group = request.resource_spans.add(schema_url="https://opentelemetry.io/schemas/1.27.0")
        group.resource.attributes.add(key="service.name").value.string_value = service
        group.resource.dropped_attributes_count = 3
        scope = group.scope_spans.add(schema_url="https://opentelemetry.io/schemas/1.26.0")
        scope.scope.name = "library"
        scope.scope.version = "1.2"
        scope.scope.attributes.add(key="short").value.bool_value = True
        scope.scope.dropped_attributes_count = 4
        for i in range(2):
            span = scope.spans.add(trace_id=TRACE, span_id=bytes([i + 1] * 8), trace_state="a=b,c=d", name=f"GET /{i}")
            span.parent_span_id = b"" if i == 0 else bytes([1] * 8)
            span.flags = 257
            span.kind = 2 + i
            span.start_time_unix_nano = START + i
            span.end_time_unix_nano = START + 1_000_000 + i
            fill_values(span.attributes)
            span.dropped_attributes_count = 5
            event = span.events.add(time_unix_nano=START + 9, name="exception", dropped_attributes_count=6)
            fill_values(event.attributes)
            span.dropped_events_count = 7
            link = span.links.add(trace_id=TRACE[::-1], span_id=b"\x22" * 8, trace_state="e=f", flags=1)
            link.attributes.add(key="why").value.string_value = "batch"
            link.dropped_attributes_count = 8
            span.dropped_links_count = 9
            span.status.message = "no stock"
            span.status.code = 2
    return request


def unknown():
    request = full()
    for group in request.resource_spans:
        group.resource.entity_refs.add(type="service", id_keys=["service.name"])
        span = group.scope_spans[0].spans[0]
        span.attributes.add(key="indexed").value.string_value_strindex = 5
        span.events[0].attributes.add(key_strindex=6).value.int_value = 1
    return request


class SeededIds(IdGenerator):
    def __init__(self):
        self.random = random.Random(1)

    def generate_span_id(self):
        return self.random.getrandbits(64)

    def generate_trace_id(self):
        return self.random.getrandbits(128)


def sdk():
    resource = Resource({"service.name": "shop", "service.version": "7", "process.command_args": ["a", "b"]})
    provider = TracerProvider(resource=resource, id_generator=SeededIds(), shutdown_on_exit=False)
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("shop.http", "0.4", "https://opentelemetry.io/schemas/1.25.0")
    root = tracer.start_span("GET /cart", kind=SpanKind.SERVER, start_time=START, attributes={"http.route": "/cart"})
    child = tracer.start_span(
        "SELECT", context=set_span_in_context(root), kind=SpanKind.CLIENT, start_time=START + 10,
        attributes={"db.rows": 3, "db.ratio": 0.5, "db.cached": False, "db.tables": ("a", "b")},
        links=[Link(root.get_span_context(), {"cause": "retry"})])
    child.add_event("exception", {"exception.message": "timeout"}, timestamp=START + 20)
    child.set_status(Status(StatusCode.ERROR, "timeout"))
    child.end(START + 30)
    root.end(START + 40)
    return encode_spans(exporter.get_finished_spans())


def to_otlp_json(request):
    """protobuf's JSON, with OTLP's deviations: ids in hex, enums as integers."""

    def visit(node):
        if isinstance(node, list):
            return [visit(one) for one in node]
        if not isinstance(node, dict):
            return node
        made = {}
        for key, value in node.items():
            is_id = key in ("traceId", "spanId", "parentSpanId")
            made[key] = base64.b64decode(value).hex() if is_id else visit(value)
        return made

    return visit(json_format.MessageToDict(request, use_integers_for_enums=True))


def main():
    for name, request in (("full", full()), ("unknown", unknown()), ("sdk", sdk())):
        (HERE / f"{name}.binpb").write_bytes(request.SerializeToString(deterministic=True))
    (HERE / "full.json").write_text(json.dumps(to_otlp_json(full()), indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
