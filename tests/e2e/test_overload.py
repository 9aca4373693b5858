"""Ten times the load that the server can take: it says so, keeps within its memory, loses nothing that it
acknowledged, and recovers by itself."""
import random
from concurrent.futures import ThreadPoolExecutor

import requests

from server import Load, eventually
from wire import new_trace_id, request, send_http, span

MIB = 1 << 20
MEMORY = 256 * MIB  # small, so that it is reached within seconds
OVERLOAD = 10
BATCH = 720  # spans in a request
REFUSED = 70_000  # requests during the overload, long enough that the server is full for most of it
# Acknowledged traces of each load that are looked at one by one: all of them, some 100,000, would take minutes. That
# none is missing as a whole, the spans' sums tell.
CHECKED = 5_000


def test_memory_holds_clients_are_told_nothing_is_lost_and_it_recovers(make_server, tmp_path):
    server = make_server("--memory", "256MiB", "--set", "limits.request_bytes_max=16MiB").start()
    targets = [f"grpc://{server.grpc}", f"http://{server.addresses['otlp-http']}"]
    loads = [Load(tmp_path, target, "--no-retry", "--connections", "8", "--batch", BATCH, "--seed", seed,
                  name=f"load{seed}") for seed, target in enumerate(targets, 10)]
    eventually(lambda: refused_requests(server) > 200, "refusals", 180, interval=0.2)

    # What is refused is offered at once in another request, so the clients set the pace and the server its capacity.
    before, refused_before = server.metrics(), refused_requests(server)
    eventually(lambda: refused_requests(server) > refused_before + REFUSED, "overload", 240, interval=0.2)
    after = server.metrics()
    received, sealed = (after[name] - before.get(name, 0)
                        for name in ("backstitch_spans_received_total", "backstitch_spans_sealed_total"))
    offered = received + REFUSED * BATCH
    print(f"offered {offered:.0f} spans, took {received:.0f}, sealed {sealed:.0f}")
    assert offered >= OVERLOAD * max(received, sealed)
    body = request(span(new_trace_id())).SerializeToString()
    refusal = eventually(lambda: refused(server, body), "a refusal of ours", 60)
    assert refusal.status_code == 429 and int(refusal.headers["Retry-After"]) >= 1
    assert server.get("/readyz").text == "ok"
    assert server.get("/api/bs/v1/services").json()["services"], "it goes on answering"
    reports = [load.stop() for load in loads]

    failed = sum(report["failedSpans"] for report in reports)
    assert failed > 0.95 * BATCH * refused_requests(server), "clients were told, and requests were full"
    for load in loads:
        assert "memory" in load.err_path.read_text(), "with the reason"
    made = sum(report["spans"] for report in reports)
    told = sum(report["acknowledgedSpans"] + report["failedSpans"] for report in reports)
    assert told > made * 0.98, "only what was in flight when the load was stopped is neither"

    # By itself: without a restart, a new trace is taken and found.
    trace_id = new_trace_id()
    body = request(span(trace_id)).SerializeToString()
    eventually(lambda: send_http(server, body).status_code == 200, "accepted again", 240, interval=0.2)
    server.eventually_found(trace_id.hex(), 1)

    eventually(lambda: server.metric("backstitch_open_spans") == 0, "everything sealed", 240, interval=0.2)
    received = server.metric("backstitch_spans_received_total")
    assert received >= sum(report["acknowledgedSpans"] for report in reports)
    assert server.metric("backstitch_spans_sealed_total") == received
    assert_sample_whole(server, loads)

    peak = server.status("VmHWM")
    print(f"peak {peak / MIB:.0f} of {MEMORY / MIB:.0f} MiB")
    assert peak < MEMORY, f"{peak / MIB:.0f} MiB"


def refused_requests(server):
    return server.metric("backstitch_requests_refused_total")


def refused(server, body):
    answer = send_http(server, body)
    return answer if answer.status_code != 200 else None


def assert_sample_whole(server, loads):
    pick = random.Random(1)
    expected = []
    for load in loads:
        counts, acknowledged = load.span_counts(), load.acknowledged()
        expected += [(trace_id, counts[trace_id])
                     for trace_id in pick.sample(acknowledged, min(CHECKED, len(acknowledged)))]

    def wrong(part):
        with requests.Session() as session:
            for trace_id, spans in part:
                answer = session.get(server.url(f"/api/bs/v1/traces/{trace_id}"), timeout=60)
                found = answer.json()["spanCount"] if answer.status_code == 200 else answer.status_code
                if found != spans:
                    return trace_id, found, spans
        return None

    with ThreadPoolExecutor(4) as pool:
        lost = [one for one in pool.map(wrong, [expected[i::4] for i in range(4)]) if one]
    assert not lost, lost
    print(f"{len(expected)} acknowledged traces are whole")
