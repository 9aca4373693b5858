"""`serve --sample-only --export`: kept traces at somebody's backend, whole, whatever is killed or away meanwhile. The
backend is another `serve`, which shows a span once; what it received tells how often it came."""
import socket
import sys
from pathlib import Path

import pytest

from sampling import (ALL, ERRORS, ERROR_STATUS, SEED, UNKNOWN, block, decisions, eventually_dropped, found_by_search,
                      keep, late_span, make_trace, post_keep, send, send_trace, why)
from server import Load, backstitch, eventually
from test_route import cluster  # noqa: F401
from wire import attribute

sys.path.append(str(Path(__file__).parents[2] / "bench" / "peers"))

from peers import COLLECTOR, REPLAY, Collector, Sink  # noqa: E402


@pytest.fixture
def make_backend(make_server):
    """Kept ports: one that was away is found again."""
    return lambda: make_server(keep=("otlp-grpc", "otlp-http"))


@pytest.fixture
def make_exporter(make_server, tmp_path):
    """make_exporter(endpoint, *policies, flags=(), keys of the block): a sampler in front of a backend, not started."""
    def make(endpoint, *policies, flags=(), **keys):
        config = tmp_path / "sampling.yaml"
        config.write_text(block(*policies, **keys))
        return make_server("--sample-only", "--export", endpoint, *flags, config=config)

    return make


def eventually_at(backend, trace_id, spans=3, seconds=60):
    backend.eventually_found(trace_id, spans, seconds)


def eventually_kept_here(server, trace_id):
    eventually(lambda: (why(server, trace_id) or {}).get("verdict") == "kept", f"{trace_id} kept")


def received(backend):
    return backend.metric("backstitch_spans_received_total")


def waiting(server):
    return server.metric("backstitch_queue_messages", 'queue="export"')


def eventually_delivered(server):
    eventually(lambda: server.metric("backstitch_open_traces") == 0 and waiting(server) == 0, "all delivered", 60)


# --- what arrives

@pytest.mark.parametrize("scheme", ["", "grpc://", "http://"])
def test_kept_traces_arrive_whole_and_once_and_dropped_ones_do_not(make_backend, make_exporter, scheme):
    backend = make_backend().start()
    address = backend.addresses["otlp-http"] if scheme == "http://" else backend.grpc
    server = make_exporter(scheme + address, ERRORS).start()
    kept = [send_trace(server, spans=5, is_error=True) for _ in range(20)]
    dropped = [send_trace(server) for _ in range(20)]
    for trace_id in kept:
        eventually_at(backend, trace_id, 5)
    for trace_id in dropped:
        eventually_dropped(server, trace_id)
    eventually_delivered(server)
    assert received(backend) == 5 * len(kept)
    assert all(backend.span_count(trace_id) == 0 for trace_id in dropped)
    assert server.metric("backstitch_export_traces_total") == len(kept)
    assert server.metric("backstitch_export_lost_spans_total") == 0


def test_spans_arrive_as_they_were(make_backend, make_exporter):
    """Attributes, kinds, times: the bytes of the client."""
    backend = make_backend().start()
    server = make_exporter(backend.grpc, ERRORS).start()
    trace_id, spans = make_trace(is_error=True, attributes=[attribute("user.plan", "pro")])
    spans[1].kind = 3
    spans[1].trace_state = "a=b"
    send(server, *spans)
    eventually_at(backend, trace_id)
    told = backend.get(f"/api/bs/v1/traces/{trace_id}", headers={"Accept": "application/x-protobuf"}).content
    from opentelemetry.proto.trace.v1.trace_pb2 import TracesData
    found = {one.span_id: one for resource in TracesData.FromString(told).resource_spans
             for scope in resource.scope_spans for one in scope.spans}
    assert found == {one.span_id: one for one in spans}


def test_late_spans_of_kept_traces_and_what_is_taken_back_arrive_too(make_backend, make_exporter):
    backend = make_backend().start()
    server = make_exporter(backend.grpc, ERRORS).start()
    late, by_error, by_person = send_trace(server, is_error=True), send_trace(server), send_trace(server)
    eventually_at(backend, late)
    for trace_id in (by_error, by_person):
        eventually_dropped(server, trace_id)
    send(server, late_span(late))
    send(server, late_span(by_error, status=ERROR_STATUS))
    keep(server, by_person, check=0)
    eventually_at(backend, late, 4)
    eventually_at(backend, by_error, 4)
    eventually_at(backend, by_person, 3)
    assert decisions(server, by_error) == [("dropped", "window", 0), ("kept", "reopened", 0)]
    assert decisions(server, by_person) == [("dropped", "window", 0), ("kept", "person", 0)]
    eventually_delivered(server)
    assert received(backend) == 11


def test_large_traces_arrive_whole_in_bounded_requests(make_backend, make_exporter):
    backend = make_backend().start()
    server = make_exporter(backend.grpc, ERRORS, flags=["--set", "export.request_bytes_max=16KiB"]).start()
    trace_id = send_trace(server, spans=2000, is_error=True)
    eventually_at(backend, trace_id, 2000)
    assert server.metric("backstitch_export_cut_traces_total") == 1
    assert backend.metric("backstitch_requests_total") > 5
    assert received(backend) == 2000


def test_without_policies_all_is_exported(make_backend, make_server):
    backend = make_backend().start()
    server = make_server("--sample-only", "--export", backend.grpc, "--set", "decision_wait=100ms").start()
    trace_id = send_trace(server)
    eventually_at(backend, trace_id)
    told = server.get(f"/api/bs/v1/traces/{trace_id}", status=404).text
    assert f"what is kept is exported to {backend.grpc}" in told


# --- what the node itself says

def test_it_answers_from_open_traces_and_says_where_kept_ones_went(make_backend, make_exporter):
    backend = make_backend().start()
    server = make_exporter(backend.grpc, ERRORS, wait="1h", decision_wait_after_root_received="300ms").start()
    trace_id, spans = make_trace(is_error=True)
    send(server, *spans[1:])  # without the root it stays open
    assert server.span_count(trace_id) == 2
    assert found_by_search(server) == ({trace_id}, {trace_id})
    send(server, spans[0])
    eventually_at(backend, trace_id)
    eventually(lambda: server.span_count(trace_id) == 0, "gone from here")
    shown = backstitch("trace", "show", trace_id, "--server", server.url(""))
    assert shown.returncode != 0
    said = f"trace {trace_id} was kept and exported to {backend.grpc}"
    assert said in (shown.stdout + shown.stderr).decode(), shown
    assert said in server.get(f"/api/bs/v1/traces/{trace_id}", status=404).text
    server.get(f"/api/traces/{trace_id}", status=404)
    assert found_by_search(server) == (set(), set())
    assert why(server, trace_id)["verdict"] == "kept"
    assert post_keep(server, trace_id).status_code == 200, "it is kept already"
    assert post_keep(server, UNKNOWN).status_code == 404
    for path in ("/", f"/trace/{trace_id}", "/api/bs/v1/services", "/api/services", "/api/bs/v1/errors"):
        server.get(path)
    backstitch("store", "stats", "--server", server.url(""), check=0)


def test_span_metrics_count_what_is_dropped_too(make_backend, make_exporter):
    backend = make_backend().start()
    server = make_exporter(backend.grpc, ERRORS).start()
    for trace_id in [send_trace(server) for _ in range(5)]:
        eventually_dropped(server, trace_id)
    kept = send_trace(server, is_error=True)
    eventually_at(backend, kept)
    eventually(lambda: server.metric("traces_spanmetrics_calls_total") == 18, "all spans counted")


def test_headers_go_with_each_request(make_server, tmp_path):
    """Seen by a backend over HTTP that is no Backstitch."""
    import http.server
    import threading

    seen = []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            seen.append((self.path, dict(self.headers)))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    receiver = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=receiver.serve_forever)
    thread.start()
    try:
        config = tmp_path / "sampling.yaml"
        config.write_text(block(ERRORS))
        server = make_server("--sample-only", "--export", f"http://127.0.0.1:{receiver.server_port}/otlp/v1/traces",
                             "--set", "export.headers=Authorization=Bearer s3cret,x-scope-orgid=shop",
                             config=config).start()
        send_trace(server, is_error=True)
        path, headers = eventually(lambda: seen[0] if seen else None, "a request")
        assert path == "/otlp/v1/traces"
        headers = {name.lower(): value for name, value in headers.items()}
        assert headers["authorization"] == "Bearer s3cret" and headers["x-scope-orgid"] == "shop"
        eventually_delivered(server)
        assert "s3cret" not in server.log()
        server.stop()
    finally:
        receiver.shutdown()
        thread.join()
        receiver.server_close()


# --- mistakes

def test_one_flag_without_the_other_is_a_mistake(tmp_path):
    alone = backstitch("serve", "--sample-only", "--data", tmp_path / "a", check=2).stderr.decode()
    assert "sample_only needs export.endpoint" in alone
    alone = backstitch("serve", "--export", "127.0.0.1:4317", "--data", tmp_path / "b", check=2).stderr.decode()
    assert "export.endpoint needs sample_only" in alone
    assert not list(tmp_path.iterdir())


def test_a_data_directory_is_for_stored_or_for_exported_traces(make_backend, make_server, tmp_path):
    stored = make_backend().start()
    stored.stop()
    refused = backstitch("serve", "--sample-only", "--export", "127.0.0.1:1", "--data", stored.data, check=2)
    assert "holds stored traces" in refused.stderr.decode()
    exported = make_server("--sample-only", "--export", "127.0.0.1:1").start()
    exported.stop()
    refused = backstitch("serve", "--data", exported.data, check=2)
    assert "belongs to a node that only samples" in refused.stderr.decode()


# --- who is away, who is killed

def test_a_backend_that_is_away_for_a_while_gets_everything_once(make_backend, make_exporter):
    backend = make_backend().start()
    server = make_exporter(backend.grpc, ERRORS).start()
    before = send_trace(server, is_error=True)
    eventually_at(backend, before)
    backend.stop()
    kept = [send_trace(server, is_error=True) for _ in range(20)]
    for trace_id in kept:
        eventually_kept_here(server, trace_id)
    eventually(lambda: waiting(server) > 0, "kept traces wait")
    eventually(lambda: "cannot be reached" in server.log(), "the operator is told")
    backend.start()
    for trace_id in [before, *kept]:
        eventually_at(backend, trace_id)
    eventually_delivered(server)
    eventually(lambda: "is back" in server.log(), "the operator is told")
    assert received(backend) == 3 * len(kept)


def test_what_was_exported_is_not_sent_again_after_a_restart(make_backend, make_exporter):
    backend = make_backend().start()
    server = make_exporter(backend.grpc, ERRORS).start()
    kept = [send_trace(server, is_error=True) for _ in range(20)]
    open_one = send_trace(server)  # its segment of the log stays: in grace
    for trace_id in kept:
        eventually_at(backend, trace_id)
    eventually_dropped(server, open_one)
    eventually_delivered(server)
    for end in (server.kill, server.stop):
        end()
        server.start()
        eventually_delivered(server)
        later = send_trace(server, is_error=True)
        eventually_at(backend, later)
        kept.append(later)
    assert received(backend) == 3 * len(kept)
    assert all(decisions(server, trace_id) == [("kept", "window", 0)] for trace_id in kept)


def test_a_stop_delivers_what_waits(make_backend, make_exporter):
    backend = make_backend().start()
    server = make_exporter(backend.grpc, ERRORS, wait="1h", flags=["--drain", "decide"]).start()
    kept = [send_trace(server, is_error=True) for _ in range(10)]
    server.stop()
    for trace_id in kept:
        eventually_at(backend, trace_id)
    assert received(backend) == 3 * len(kept)


@pytest.mark.parametrize("scheme", ["grpc://", "http://"])
def test_a_backend_that_never_answers_holds_up_no_stop(make_exporter, scheme):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        server = make_exporter(f"{scheme}127.0.0.1:{silent.getsockname()[1]}", ERRORS).start()
        trace_id = send_trace(server, is_error=True)
        eventually(lambda: waiting(server) == 1, "it waits")
        server.stop()  # in the time that is promised
        server.start()
        eventually(lambda: waiting(server) == 1, "it waits still")
        assert decisions(server, trace_id) == [("kept", "window", 0)]
        server.stop()


def test_kills_mid_window_under_load_lose_nothing_that_is_kept(make_backend, make_exporter, tmp_path):
    """All is: whatever was acknowledged is at the backend, whole, two kills later."""
    backend = make_backend().start()
    server = make_exporter(backend.grpc, ALL, wait="1s")
    server.keep = ("otlp-grpc",)
    server.start()
    load = Load(tmp_path, "grpc://" + server.grpc, "--rate", "6000", "--batch", "200", "--seed", SEED)
    for _ in range(2):
        so_far = received(backend)
        eventually(lambda so_far=so_far: received(backend) > so_far + 500, "some are exported", 60)
        server.kill()
        server.start()
    load.stop()
    eventually_delivered(server)
    expected = load.span_counts()
    acknowledged = load.acknowledged()
    assert len(acknowledged) > 100
    lost = [trace_id for trace_id in acknowledged if backend.span_count(trace_id) != expected[trace_id]]
    assert lost == []


def test_kill_with_a_full_queue_loses_nothing(make_backend, make_exporter):
    backend = make_backend().start()
    backend.stop()
    server = make_exporter(backend.grpc, ERRORS, flags=["--set", "export.max_bytes=16MiB"]).start()
    kept, text = [], "x" * 60_000
    while server.metric("backstitch_queue_refused_total", 'queue="export"') == 0:
        assert len(kept) < 1000, "the queue never fills"
        trace_id, spans = make_trace(is_error=True)
        for one in spans:
            one.attributes.extend([attribute_of("big", text)])
        send(server, *spans)
        kept.append(trace_id)
    assert server.metric("backstitch_seal_failures_total") > 0
    server.kill()
    server.start()
    kept += [send_trace(server, is_error=True) for _ in range(5)]
    server.kill()
    server.start()
    backend.start()
    for trace_id in kept:
        eventually_at(backend, trace_id, seconds=120)
    eventually_delivered(server)


def attribute_of(key, text):
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
    return KeyValue(key=key, value=AnyValue(string_value=text))


# --- more than one

def test_a_router_and_two_samplers_stand_in_front_of_one_backend(make_backend, cluster, tmp_path):  # noqa: F811
    backend = make_backend().start()
    config = tmp_path / "sampling.yaml"
    config.write_text(block(ERRORS, wait="1s"))
    nodes = [cluster.add_node("--sample-only", "--export", backend.grpc, config=config) for _ in range(2)]
    router = cluster.add_router()
    eventually(lambda: all(node.metric("backstitch_members") == 2 for node in nodes), "two members")
    traces = [make_trace(spans=4, is_error=number % 2 == 0) for number in range(60)]
    for part in range(4):  # each trace in four requests
        send(router, *(spans[part] for _, spans in traces))
    kept = [trace_id for number, (trace_id, _) in enumerate(traces) if number % 2 == 0]
    for trace_id in kept:
        eventually_at(backend, trace_id, 4)
    for node in nodes:
        eventually_delivered(node)
        assert node.metric("backstitch_export_traces_total") > 0, "both have their share"
    assert received(backend) == 4 * len(kept)
    told = nodes[0].get(f"/api/bs/v1/traces/{kept[0]}", status=404).text
    assert f"was kept and exported to {backend.grpc}" in told


@pytest.mark.skipif(not (COLLECTOR.exists() and REPLAY.exists()), reason="no Collector in build/peers")
def test_a_collector_takes_it(make_exporter):
    sink = Sink()
    collector = Collector({"otlp_grpc": {"endpoint": sink.address, "tls": {"insecure": True}}})
    try:
        server = make_exporter(collector.address, ERRORS).start()
        kept = [send_trace(server, spans=300, is_error=True) for _ in range(50)]
        for _ in range(50):
            send_trace(server)
        eventually(lambda: sink.traces() == {trace_id: 300 for trace_id in kept}, "at the Collector's sink", 60)
        server.stop()
    finally:
        collector.kill()
        sink.kill()
