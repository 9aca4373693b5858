"""Rates, errors, durations and calls of all traffic, on /metrics as Grafana Tempo names them: docs/guides/metrics.md"""
import re
import time

import pytest
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode

from server import eventually
from wire import new_trace_id, request, send_grpc, span

MILLISECOND = 1_000_000
OPENMETRICS = {"Accept": "application/openmetrics-text; version=1.0.0"}
EXEMPLAR = re.compile(r'^traces_\w+_bucket\{[^#]*\} \d+ # \{traceID="([0-9a-f]{32})"\} ([0-9.]+) [0-9.]+$', re.M)


class Traffic:
    """Requests to a shop that asks a bank, which asks its database and an audit service that nobody traces."""

    def __init__(self, server):
        self.providers = {name: self.provider(server, name) for name in ("shop", "bank")}

    @staticmethod
    def provider(server, name):
        provider = TracerProvider(resource=Resource({"service.name": name}))
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=server.grpc, insecure=True)))
        return provider

    def span(self, service, name, kind, parent, milliseconds, fails=False, **attributes):
        context = trace.set_span_in_context(parent) if parent else None
        start = time.time_ns() - 10_000 * MILLISECOND
        span = self.providers[service].get_tracer("e2e").start_span(
            name, context, kind, {key.replace("_", "."): value for key, value in attributes.items()}, start_time=start)
        if fails:
            span.set_status(Status(StatusCode.ERROR))
        span.end(start + milliseconds * MILLISECOND)
        return span

    def request(self, fails):
        """Returns its trace id."""
        root = self.span("shop", "GET /", SpanKind.SERVER, None, 90, fails)
        call = self.span("shop", "POST", SpanKind.CLIENT, root, 50, fails)
        paid = self.span("bank", "pay", SpanKind.SERVER, call, 30, fails)
        self.span("bank", "SELECT", SpanKind.CLIENT, paid, 3, db_system="mysql", server_address="bank-db")
        self.span("bank", "audit", SpanKind.CLIENT, paid, 1, peer_service="auditor")
        self.span("bank", "check", SpanKind.INTERNAL, paid, 0)
        return f"{root.get_span_context().trace_id:032x}"

    def flush(self):
        for provider in self.providers.values():
            assert provider.force_flush()
            provider.shutdown()


def send(server, requests, failing):
    traffic = Traffic(server)
    ids = [traffic.request(fails=i < failing) for i in range(requests)]
    traffic.flush()
    return ids


def figures(server):
    """What the ledger shows: {'name{labels}': value}"""
    return {key: value for key, value in server.metrics().items() if key.startswith("traces_")}


def calls(server):
    """{(service, span name, kind, status): calls}"""
    found = {}
    for key, value in server.metrics().items():
        if key.startswith("traces_spanmetrics_calls_total{"):
            labels = dict(re.findall(r'(\w+)="([^"]*)"', key))
            found[tuple(labels[name] for name in ("service", "span_name", "span_kind", "status_code"))] = value
    return found


def edges(server):
    """{(client, server, connection type): (requests, failed)}"""
    shown = figures(server)

    def value(name, client, callee, connection):
        return shown.get(f'{name}{{client="{client}",server="{callee}",connection_type="{connection}"}}')

    pairs = [("user", "shop", "virtual_node"), ("shop", "bank", ""), ("bank", "bank-db", "database"),
             ("bank", "auditor", "virtual_node")]
    return {pair: (value("traces_service_graph_request_total", *pair),
                   value("traces_service_graph_request_failed_total", *pair)) for pair in pairs}


def expected_calls(requests, failing):
    well = requests - failing
    kinds = {("shop", "GET /", "SPAN_KIND_SERVER"), ("shop", "POST", "SPAN_KIND_CLIENT"),
             ("bank", "pay", "SPAN_KIND_SERVER")}
    expected = {(*key, "STATUS_CODE_UNSET"): well for key in kinds}
    expected |= {(*key, "STATUS_CODE_ERROR"): failing for key in kinds}
    expected |= {("bank", name, kind, "STATUS_CODE_UNSET"): requests
                 for name, kind in [("SELECT", "SPAN_KIND_CLIENT"), ("audit", "SPAN_KIND_CLIENT"),
                                    ("check", "SPAN_KIND_INTERNAL")]}
    return expected


def expected_edges(requests, failing):
    return {("user", "shop", "virtual_node"): (requests, failing), ("shop", "bank", ""): (requests, failing),
            ("bank", "bank-db", "database"): (requests, 0), ("bank", "auditor", "virtual_node"): (requests, 0)}


def test_known_traffic_has_known_figures(make_server):
    server = make_server("--set", "decision_wait=300ms").start()
    ids = send(server, requests=40, failing=7)
    assert calls(server) == expected_calls(40, 7), "spans count at once"
    eventually(lambda: edges(server) == expected_edges(40, 7), "calls count when their traces are sealed")
    shown = figures(server)
    pay = 'service="bank",span_name="pay",span_kind="SPAN_KIND_SERVER",status_code="STATUS_CODE_UNSET"'
    assert shown[f'traces_spanmetrics_latency_bucket{{{pay},le="0.016"}}'] == 0
    assert shown[f'traces_spanmetrics_latency_bucket{{{pay},le="0.032"}}'] == 33
    assert shown[f'traces_spanmetrics_latency_sum{{{pay}}}'] == pytest.approx(33 * 0.03)
    assert shown[f'traces_spanmetrics_size_total{{{pay}}}'] > 33 * 50
    between = 'client="shop",server="bank",connection_type=""'
    assert shown[f"traces_service_graph_request_client_seconds_sum{{{between}}}"] == pytest.approx(40 * 0.05)
    assert shown[f"traces_service_graph_request_server_seconds_sum{{{between}}}"] == pytest.approx(40 * 0.03)
    assert not any("unpaired" in key for key in shown)
    # Each exemplar is a trace that is there.
    answer = server.get("/metrics", headers=OPENMETRICS).text
    exemplars = EXEMPLAR.findall(answer)
    assert len(exemplars) == answer.count(" # {") > len(expected_calls(1, 1))
    assert {trace_id for trace_id, _ in exemplars} <= set(ids)
    assert "traceID" not in server.get("/metrics", headers={"Accept": "text/plain"}).text


@pytest.mark.parametrize("decision_wait, is_sealed", [("200ms", True), ("1h", False)])
def test_figures_are_the_same_after_kill_9(make_server, decision_wait, is_sealed):
    server = make_server("--set", f"decision_wait={decision_wait}").start()
    send(server, requests=25, failing=5)
    if is_sealed:
        eventually(lambda: edges(server) == expected_edges(25, 5), "sealed")
    before = figures(server)
    server.kill()
    server.start()
    assert figures(server) == before
    assert calls(server) == expected_calls(25, 5)
    # They go on from there.
    send(server, requests=10, failing=1)
    assert calls(server) == expected_calls(35, 6)
    if is_sealed:
        eventually(lambda: edges(server) == expected_edges(35, 6), "sealed")
    before = figures(server)
    server.stop()  # seals what is open
    server.start()
    assert calls(server) == expected_calls(35, 6)
    assert edges(server) == expected_edges(35, 6)


def test_names_beyond_the_bound_are_counted_together(make_server):
    server = make_server().start()
    spans = [span(new_trace_id(), name=f"GET /item/{i}") for i in range(2_100)]
    send_grpc(server, request(*spans, service="shop").SerializeToString())
    counted = calls(server)
    assert sum(counted.values()) == 2_100
    assert counted[("shop", "\u2026", "SPAN_KIND_UNSPECIFIED", "STATUS_CODE_UNSET")] == 100
    assert server.metric("backstitch_span_metrics_overflow_total") == 100
