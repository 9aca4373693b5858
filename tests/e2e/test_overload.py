"""Several times the load that the server can take: it says so, keeps within its memory, loses nothing that it
acknowledged, and recovers by itself."""
import random

from server import Load, eventually
from wire import new_trace_id, request, send_http, span

MIB = 1 << 20
# Small, so that the bound is reached within seconds; what is in flight when it is noticed may pass it for a moment.
MEMORY, SLACK = 96 * MIB, 64 * MIB
CHECKED = 400  # acknowledged traces that are looked at, of many thousands


def test_memory_holds_clients_are_told_nothing_is_lost_and_it_recovers(make_server, tmp_path):
    server = make_server("--memory", "96MiB", "--set", "limits.request_bytes_max=16MiB").start()
    targets = [f"grpc://{server.grpc}", f"http://{server.addresses['otlp-http']}"]
    loads = [Load(tmp_path, target, "--no-retry", "--connections", "8", "--seed", seed, name=f"load{seed}")
             for seed, target in enumerate(targets, 10)]
    eventually(lambda: server.metric("backstitch_requests_refused_total") > 200, "refusals", 180, interval=0.2)
    body = request(span(new_trace_id())).SerializeToString()
    refusal = eventually(lambda: refused(server, body), "a refusal of ours", 60)
    assert refusal.status_code == 429 and int(refusal.headers["Retry-After"]) >= 1
    assert server.get("/readyz").text == "ok"
    assert server.get("/api/bs/v1/services").json()["services"], "it goes on answering"
    reports = [load.stop() for load in loads]

    peak = server.status("VmHWM")
    assert peak < MEMORY + SLACK, f"{peak / MIB:.0f} MiB"
    for report in reports:
        assert report["failedSpans"] > 0, "clients were told"
    for load in loads:
        assert "memory" in load.err_path.read_text(), "with the reason"
    made = sum(report["spans"] for report in reports)
    told = sum(report["acknowledgedSpans"] + report["failedSpans"] for report in reports)
    assert told > made * 0.98, "only what was in flight when the load was stopped is neither"

    random_source = random.Random(1)
    for load in loads:
        counts, acknowledged = load.span_counts(), load.acknowledged()
        for trace_id in random_source.sample(acknowledged, min(CHECKED, len(acknowledged))):
            assert server.span_count(trace_id) == counts[trace_id], trace_id

    # By itself: without a restart, a new trace is taken and found.
    trace_id = new_trace_id()
    body = request(span(trace_id)).SerializeToString()
    eventually(lambda: send_http(server, body).status_code == 200, "accepted again", 120, interval=0.2)
    server.eventually_found(trace_id.hex(), 1)


def refused(server, body):
    answer = send_http(server, body)
    return answer if answer.status_code != 200 else None
