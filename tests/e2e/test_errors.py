"""Where failures come from: error trees below a trace, origins over time, requests that were not sampled."""
import base64
import json
import time

import pytest
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from server import backstitch, eventually

NOT_FOUND, UNAUTHENTICATED = 5, 16  # gRPC's numbers
EDGE_CALLER = SpanContext(0xabc0de, 0x77, True, TraceFlags(TraceFlags.SAMPLED))


class Services:
    """A tracer for each service, as if each were a process."""

    def __init__(self, server):
        self.exporter = OTLPSpanExporter(endpoint=server.otlp)
        self.tracers = {}

    def span(self, service, name, kind, parent=None, status=None, is_error=False, attributes=None):
        if service not in self.tracers:
            provider = TracerProvider(resource=Resource({"service.name": service}))
            provider.add_span_processor(SimpleSpanProcessor(self.exporter))
            self.tracers[service] = provider.get_tracer("test")
        context = None if parent is None else trace.set_span_in_context(parent)
        span = self.tracers[service].start_span(name, context=context, kind=kind, attributes=attributes)
        if status is not None:
            span.set_attribute("http.response.status_code", status)
        if is_error:
            span.set_status(Status(StatusCode.ERROR))
        return span


def send_drift(server):
    """root → service-b → service-e, which denies; service-b makes not-found of it. Returns the trace id."""
    services = Services(server)
    server_kind, client_kind = SpanKind.SERVER, SpanKind.CLIENT
    spans = [services.span("root", "GET /", server_kind, status=404, is_error=True)]
    for service, name, kind, status in [("root", "GET", client_kind, 404), ("service-b", "GET /b", server_kind, 404),
                                        ("service-b", "GET", client_kind, 403),
                                        ("service-e", "GET /e", server_kind, 403)]:
        spans.append(services.span(service, name, kind, spans[-1], status, is_error=True))
    for span in reversed(spans):
        span.end()
    return f"{spans[0].get_span_context().trace_id:032x}"


def node(depth, service, code, error):
    """Node of docs/spec/error-tree.md, for texts below 128 bytes."""
    def text(field, content):
        return bytes([field << 3 | 2, len(content)]) + content.encode()

    depth_field = bytes([1 << 3, depth]) if depth else b""
    content = depth_field + text(2, service) + bytes([3 << 3, code]) + text(5, error)
    return bytes([1 << 3 | 2, len(content)]) + content


def send_unsampled(server):
    """Python's attributes know no bytes that are no text, so the tree goes as base64. Its caller is not exported."""
    entry = Services(server).span("edge", "GET /cart", SpanKind.SERVER, NonRecordingSpan(EDGE_CALLER), is_error=True,
                                  attributes={"backstitch.unsampled": True})
    tree = node(0, "edge", NOT_FOUND, "an upstream dependency failed in service edge")
    tree += node(1, "vault", UNAUTHENTICATED, "token expired")
    entry.add_event("backstitch.error_tree", {"tree": base64.b64encode(tree).decode()})
    entry.end()
    return f"{EDGE_CALLER.trace_id:032x}"


def errors(server, *flags):
    answer = backstitch("errors", "--json", "--server", server.url(""), *flags, check=0).stdout
    return json.loads(answer)["errors"]


@pytest.fixture
def quick_server(make_server):
    return make_server("--set", "decision_wait=3s").start()


def test_trace_show_draws_the_error_tree_below_the_waterfall(quick_server):
    trace_id = send_drift(quick_server)
    quick_server.eventually_found(trace_id, 5)
    text = backstitch("trace", "show", trace_id, "--server", quick_server.url(""), "--width", "100",
                      check=0).stdout.decode()
    assert text.split("\n\nerror tree\n")[1] == """\
✖ root GET /  not-found
│ ╰ an upstream dependency failed in service service-b
└─✖ service-b GET /b  not-found  DRIFT permission-denied → not-found
  │ ╰ an upstream dependency failed in service service-b
  └─✖ service-e GET /e  permission-denied  ORIGIN
      ╰ an error occurred in service service-e
""", text


def test_origins_are_counted_once_over_kill_9_and_restart(quick_server):
    ids = {send_drift(quick_server) for _ in range(5)}
    eventually(lambda: sum(one["count"] for one in errors(quick_server)) == 5, "counted")
    quick_server.kill()
    quick_server.start()
    found, = errors(quick_server, "--service", "root", "--since", "1h")
    assert found["exampleTraceId"] in ids
    assert (found["service"], found["operation"], found["code"]) == ("service-e", "GET /e", "permission-denied")
    assert found["driftChain"] == "permission-denied -> not-found"
    assert (found["count"], found["roots"]) == (5, [{"service": "root", "count": 5}])
    assert abs(int(found["lastTimeUnixNano"]) / 1e9 - time.time()) < 600
    assert errors(quick_server, "--service", "nobody") == []
    table = backstitch("errors", "--server", quick_server.url(""), check=0).stdout.decode()
    assert table.splitlines()[0].split()[:2] == ["count", "origin"]
    assert found["exampleTraceId"] in table and "service-e" in table


def test_entry_span_of_an_unsampled_request_is_found_as_a_failure_and_is_no_orphan(quick_server):
    trace_id = send_unsampled(quick_server)
    quick_server.eventually_found(trace_id, 1)

    def search():
        found = quick_server.get("/api/bs/v1/traces?q=%7B%20status%20%3D%20error%20%7D").json()["traces"]
        return [(one["traceId"], one["orphanCount"], one["open"]) for one in found]

    assert search()[0][:2] == (trace_id, 0)
    eventually(lambda: search() == [(trace_id, 0, False)], "sealed")
    eventually(lambda: errors(quick_server) != [], "counted")
    found, = errors(quick_server)
    assert (found["service"], found["code"], found["driftChain"]) == ("vault", "unauthenticated",
                                                                      "unauthenticated -> not-found")
    assert quick_server.metric("backstitch_unsampled_failures_total") == 1
    text = backstitch("trace", "show", trace_id, "--server", quick_server.url(""), check=0).stdout.decode()
    assert "error tree of an unsampled request" in text and "parent missing" not in text
    assert "vault  unauthenticated  ORIGIN" in text and "token expired" in text, text
