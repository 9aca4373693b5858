"""TraceQL over what a stock SDK sends, open and sealed: the API, the command line, and metrics."""
import json
import time

import pytest

import scenario
from python_driver import Driver
from server import SLOW, backstitch, eventually
from test_sdk_python import EXPORTERS
from wire import new_trace_id, request, send_http, span

# Of scenario.py: what finds its trace, and the names of the spans that match, in the order of the tree.
FINDS = {
    "attribute": ('{ span.peer.service = "bank" }', ["charge card"]),
    "attribute, not equal": ('{ span.peer.service != "bank" }', None),
    "attribute anywhere": ('{ .service.version = "1.4.2" && kind = server }', ["POST /checkout"]),
    "integer": ("{ span.int = -42 }", ["POST /checkout"]),
    "double": ("{ span.double > 2.25 && span.double <= 2.5 }", ["POST /checkout"]),
    "boolean": ("{ span.yes = true && span.no = false }", ["POST /checkout"]),
    "text that is no ASCII": ('{ span.text = "Grüße, 世界 🧵" }', ["POST /checkout"]),
    "array": ('{ span.texts = "b" }', ["POST /checkout"]),
    "absence": ("{ span.peer.service = nil && kind = client }", None),
    "resource": ('{ resource.service.name = "cart-python" }', ["PUT /cart/{id}", "orders publish"]),
    "scope": ('{ instrumentation:name = "shop.http" && instrumentation.library.language = "python" }',
              ["POST /checkout", "charge card"]),
    "event": ('{ event.cache = "redis" }', ["PUT /cart/{id}"]),
    "event name": ('{ event:name = "exception" }', ["charge card"]),
    "exception": ('{ event.exception.message =~ ".*declined.*" }', ["charge card"]),
    "link": ('{ link.why = "batched" && link.n = 3 }', ["PUT /cart/{id}"]),
    "link's trace": ('{ link:traceID = "%s" }' % scenario.OTHER_TRACE, ["PUT /cart/{id}"]),
    "regex": ('{ name =~ "orders (publish|process)" }', ["orders publish", "orders process"]),
    "regex is anchored": ('{ name =~ "orders" }', None),
    "status": ("{ status = error }", ["charge card"]),
    "status message": ('{ statusMessage = "card declined" }', ["charge card"]),
    "duration": ("{ duration > 500ms }", ["POST /checkout", "orders process"]),
    "trace": ('{ traceDuration > 1s && rootName = "POST /checkout" && name = "pack" }', ["pack"]),
    "arithmetic": ("{ span.int + 84 = 42 }", ["POST /checkout"]),
    "descendants": ('{ name = "POST /checkout" } >> { kind = producer }', ["orders publish"]),
    "children": ('{ name = "POST /checkout" } > { status = error }', ["charge card"]),
    "ancestors": ('{ kind = consumer } << { resource.service.name =~ "cart.*" }',
                  ["PUT /cart/{id}", "orders publish"]),
    "siblings": ('{ status = error } ~ { kind = server }', ["PUT /cart/{id}"]),
    "no such child": ('{ name = "pack" } > { }', None),
    "both": ('{ status = error } && { name = "pack" }', ["charge card", "pack"]),
    "count": ("{ kind = server } | count() = 2", ["POST /checkout", "PUT /cart/{id}"]),
    "by": ('{ } | by(resource.service.name) | count() = 2', ["PUT /cart/{id}", "orders publish"]),
    "average": ("{ kind = server } | avg(duration) < 100ms", None),
}


def search(server, q, **parameters):
    return server.get("/api/bs/v1/traces", params={"q": q, "spans": 10, **parameters}).json()


def send_scenario(server):
    told = scenario.make("python")
    return Driver(told, lambda: EXPORTERS["grpc"](server)).send()["spans"]


@pytest.fixture(scope="module", params=["open", "sealed"])
def told(request, tmp_path_factory):
    """(a server with the scenario's trace, its id)"""
    from server import Server
    wait = "1h" if request.param == "open" else "200ms"
    server = Server(tmp_path_factory.mktemp("traceql") / "data", "--set", f"decision_wait={wait}").start()
    spans = send_scenario(server)
    trace_id = spans["checkout"]["traceId"]
    server.eventually_found(trace_id, len(spans))
    is_open = request.param == "open"
    eventually(lambda: server.get(f"/api/bs/v1/traces/{trace_id}").json()["open"] is is_open, request.param)
    yield server, trace_id
    server.close()


@pytest.mark.parametrize("what", FINDS)
def test_a_trace_is_found(told, what):
    server, trace_id = told
    q, names = FINDS[what]
    traces = search(server, q)["traces"]
    if names is None:
        assert traces == []
        return
    assert [one["traceId"] for one in traces] == [trace_id]
    assert [one["name"] for one in traces[0]["spans"]] == names
    assert traces[0]["matchedSpans"] == len(names)
    assert traces[0]["spanCount"] == 6


def test_matched_spans_show_what_was_asked_for(told):
    server, _ = told
    found = search(server, '{ span.peer.service = "bank" } | select(resource.service.version)')["traces"][0]["spans"][0]
    assert {one["key"]: one["value"] for one in found["attributes"]} == {
        "span.peer.service": {"stringValue": "bank"}, "resource.service.version": {"stringValue": "1.4.2"}}
    assert found["service"] == "shop-python"
    assert int(found["durationNano"]) == 299_000_000


def test_other_parameters_must_hold_beside_the_query(told):
    server, trace_id = told
    assert search(server, "{ status = error }", service="cart-python", minDuration="1s")["traces"] == []
    found = search(server, "{ status = error }", service="cart-python", minDuration="500ms")["traces"]
    assert [one["traceId"] for one in found] == [trace_id]


def test_a_query_from_the_command_line(told):
    server, trace_id = told
    q = '{ name = "POST /checkout" } > { status = error }'
    text = backstitch("search", q, "--server", server.url(""), check=0).stdout.decode()
    assert trace_id in text and "1 matched: shop-python charge card 299ms" in text
    found = json.loads(backstitch("search", q, "--json", "--server", server.url(""), check=0).stdout)
    assert [one["traceId"] for one in found["traces"]] == [trace_id]
    nothing = backstitch("search", '{ name = "none" }', "--server", server.url(""), check=0)
    assert nothing.stdout == b"" and b"no trace matches" in nothing.stderr


def test_metrics_count_spans_over_time(told):
    server, _ = told
    end = time.time_ns() + 60_000_000_000
    answer = server.get("/api/bs/v1/metrics/query_range", params={
        "q": "{ } | count_over_time() by (resource.service.name)", "start": end - 3_600_000_000_000, "end": end,
        "step": "1m"}).json()
    counts = {one["labels"][0]["value"]["stringValue"]: sum(one["values"]) for one in answer["series"]}
    assert counts == {"shop-python": 4, "cart-python": 2}
    assert answer["partial"] is False
    text = backstitch("search", "{ } | count_over_time() by (resource.service.name)", "--server", server.url(""),
                      check=0).stdout.decode()
    assert "resource.service.name" in text and "shop-python" in text and "cart-python" in text


def test_mistakes_are_told_by_place(server):
    error = server.get("/api/bs/v1/traces", params={"q": "{ name = }"}, status=400).json()["error"]
    assert (error["code"], error["parameter"], error["line"], error["column"]) == ("invalid_argument", "q", 1, 10)
    for q in ("{ name > 5 }", "{ } | compare({ status = error })", "{ name =~ \"(\" }", "{ }}", "{ } | rate()"):
        assert server.get("/api/bs/v1/traces", params={"q": q}, status=400).json()["error"]["parameter"] == "q", q
    done = backstitch("search", "{ name = }", "--server", server.url(""), check=2)
    assert b"1:10" in done.stderr and b"\n  { name = }\n           ^\n" in done.stderr, done.stderr.decode()


def test_pages_follow_each_other_over_open_and_sealed_traces(make_server):
    server = make_server("--set", "decision_wait=300ms").start()
    ids = [new_trace_id() for _ in range(12)]
    for trace_id in ids[:6]:
        assert send_http(server, request(span(trace_id)).SerializeToString()).status_code == 200
    eventually(lambda: server.metric("backstitch_open_traces") == 0, "sealed")
    for trace_id in ids[6:]:
        assert send_http(server, request(span(trace_id)).SerializeToString()).status_code == 200
    all_of_them = [one["traceId"] for one in search(server, "{ }", limit=100)["traces"]]
    assert sorted(all_of_them) == sorted(trace_id.hex() for trace_id in ids)
    paged, cursor = [], {}
    while True:
        page = search(server, "{ }", limit=5, **cursor)
        paged += [one["traceId"] for one in page["traces"]]
        if "next" not in page:
            break
        cursor = {"cursor": page["next"]}
    assert paged == all_of_them


def test_what_was_acknowledged_is_found_at_once(server):
    slowest = 0.0
    for _ in range(20):
        trace_id = new_trace_id()
        assert send_http(server, request(span(trace_id)).SerializeToString()).status_code == 200
        acknowledged = time.monotonic()
        q = '{ trace:id = "%s" }' % trace_id.hex()
        eventually(lambda: search(server, q)["traces"], "found", interval=0.005)
        slowest = max(slowest, time.monotonic() - acknowledged)
    assert slowest < 0.1 * SLOW


def test_what_the_store_keeps_is_told(make_server, tmp_path):
    server = make_server("--set", "decision_wait=200ms").start()
    spans = send_scenario(server)
    eventually(lambda: server.metric("backstitch_open_traces") == 0, "sealed")
    stats = server.get("/api/bs/v1/store/stats").json()
    assert stats["totals"]["diskBytes"] > 0
    assert b"on disk" in backstitch("store", "stats", "--server", server.url(""), check=0).stdout
    server.stop()
    offline = json.loads(backstitch("store", "stats", "--data", server.data, "--json", check=0).stdout)
    assert offline["totals"]["spans"] == stats["totals"]["spans"] or stats["totals"]["spans"] == 0
    assert len(spans) == 6
    backstitch("store", "stats", "--data", tmp_path / "nowhere", check=4)
