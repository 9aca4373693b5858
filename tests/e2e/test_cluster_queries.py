"""Three nodes, parts of traces sent by hand to different ones: whichever node is asked answers for all, and says who
was missing."""
import json
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from server import SLOW, backstitch, eventually
from wire import new_trace_id, request, send_http, span

SCOPE_LOCAL = {"backstitch-scope": "local"}
UNKNOWN = "0" * 28 + "beef"


def member(node):
    return f"{node.grpc},query={node.addresses['web']}"


@pytest.fixture
def cluster(make_server, tmp_path):
    """Three nodes that know each other by a file; their ports stay over restarts."""
    members = tmp_path / "members.txt"
    members.write_text("# nobody yet\n")
    flags = ["--set", f"peers.file={members}", "--set", "peers.query_timeout=1s", "--set", "decision_wait=300ms"]
    nodes = []
    for number in range(3):
        node = make_server(*flags, keep=("otlp-grpc", "otlp-http", "web"))
        nodes.append(node.start())
    members.write_text("".join(f"{member(node)}\n" for node in nodes))
    for node in nodes:
        eventually(lambda node=node: node.metric("backstitch_members") == 3, "three members")
    return nodes


def send(node, *spans, service):
    answer = send_http(node, request(*spans, service=service).SerializeToString())
    assert answer.status_code == 200, answer.text


@pytest.fixture
def spread(cluster):
    """A trace whose root is on node 0 and whose child is on node 1; node 2 has nothing. (id, nodes)"""
    trace_id = new_trace_id()
    root = span(trace_id, name="root")
    child = span(trace_id, name="child", parent_span_id=root.span_id)
    child.status.code = 2
    child.start_time_unix_nano = root.start_time_unix_nano + 10
    send(cluster[0], root, service="front")
    send(cluster[1], child, service="back")
    return trace_id.hex(), cluster


def found(node, query, **parameters):
    return node.get("/api/bs/v1/traces", params={"q": query, **parameters}).json()


def ids(answer):
    return [trace["traceId"] for trace in answer["traces"]]


def test_a_node_without_any_part_shows_the_whole_trace(spread):
    trace_id, nodes = spread
    for node in nodes:
        trace = node.get(f"/api/bs/v1/traces/{trace_id}").json()
        assert [one["name"] for one in trace["spans"]] == ["root", "child"]
        assert trace["partial"] is False and "missing" not in trace
    alone = [node.session.get(node.url(f"/api/bs/v1/traces/{trace_id}"), headers=SCOPE_LOCAL) for node in nodes]
    assert [answer.status_code for answer in alone] == [200, 200, 404]
    assert [answer.json()["spanCount"] for answer in alone[:2]] == [1, 1]
    shown = backstitch("trace", "show", trace_id, "--server", nodes[2].url(""), check=0)
    assert b"root" in shown.stdout and b"child" in shown.stdout


def test_a_search_holds_conditions_against_the_whole_trace(spread):
    trace_id, nodes = spread
    for node in nodes:
        answer = found(node, '{ resource.service.name = "front" }')
        assert ids(answer) == [trace_id]
        assert answer["traces"][0]["spanCount"] == 2 and answer["traces"][0]["rootService"] == "front"
        assert answer["partial"] is False and "missing" not in answer
        tagged = node.get("/api/bs/v1/traces", params={"service": "back", "tags": "error=true"}).json()
        assert ids(tagged) == [trace_id], "what TraceQL has no words for is asked of other nodes too"
        # By the root's fragment it is found, and then the whole does not have this.
        assert ids(found(node, '{ name = "root" } && { name = "child" && status = unset }')) == []


def test_pages_over_all_nodes_neither_repeat_nor_leave_out(cluster):
    now = time.time_ns()
    sent = []
    for number in range(30):
        trace_id = new_trace_id()
        one = span(trace_id)
        one.start_time_unix_nano = now - (number // 2) * 1000  # ties
        one.end_time_unix_nano = now
        send(cluster[number % 3], one, service="paged")
        sent.append((-one.start_time_unix_nano, trace_id.hex()))
    expected = [trace_id for _, trace_id in sorted(sent)]
    for node in cluster:
        got, cursor = [], None
        while True:
            page = found(node, "{ }", limit=4, **({"cursor": cursor} if cursor else {}))
            got += ids(page)
            cursor = page.get("next")
            if not cursor:
                break
        assert got == expected


def test_metrics_names_and_values_are_of_all_nodes(cluster):
    start = time.time_ns() - 3600 * 10**9
    for number, node in enumerate(cluster):
        for _ in range(number + 1):
            send(node, span(new_trace_id(), name=f"op{number}"), service=f"service{number}")
    for node in cluster:
        def counted(node=node):
            answer = node.get("/api/bs/v1/metrics/query_range",
                              params={"q": "{ } | count_over_time() by (resource.service.name)", "start": start,
                                      "end": time.time_ns() + 10**9, "step": "2h"}).json()
            assert answer["partial"] is False
            return {one["labels"][0]["value"]["stringValue"]: one["values"] for one in answer["series"]}

        # A trace that is being sealed may count twice at that moment.
        eventually(lambda: counted() == {"service0": [1], "service1": [2], "service2": [3]}, "all spans counted once")
        assert node.get("/api/bs/v1/services").json()["services"] == ["service0", "service1", "service2"]
        operations = node.get("/api/bs/v1/operations").json()["operations"]
        assert [one["name"] for one in operations] == ["op0", "op1", "op2"]
        assert node.get("/api/services").json()["data"] == ["service0", "service1", "service2"]
        eventually(lambda: {"service.name"} <= {one["name"] for one in node.get("/api/bs/v1/attributes").json()[
            "attributes"]}, "attribute names")
        values = "/api/bs/v1/attributes/service.name/values?scope=resource"
        eventually(lambda: sorted(node.get(values).json()["values"]) == ["service0", "service1", "service2"], "values")
        eventually(lambda: node.get("/api/bs/v1/store/stats").json()["totals"]["spans"] == 6, "all spans sealed")


def test_jaegers_clients_see_all_nodes(spread):
    trace_id, nodes = spread
    for node in nodes:
        trace = node.get(f"/api/traces/{trace_id}").json()
        assert sorted(one["operationName"] for one in trace["data"][0]["spans"]) == ["child", "root"]
        assert trace["errors"] is None
        searched = node.get("/api/traces", params={"service": "back"}).json()
        assert [one["traceID"] for one in searched["data"]] == [trace_id]
        assert len(searched["data"][0]["spans"]) == 2


def test_a_dead_node_is_named_and_comes_back(spread):
    trace_id, nodes = spread
    dead = nodes[1].grpc
    nodes[1].kill()
    for node in (nodes[0], nodes[2]):
        trace = node.get(f"/api/bs/v1/traces/{trace_id}").json()
        assert [one["name"] for one in trace["spans"]] == ["root"]
        assert trace["partial"] is True and trace["missing"] == [dead]
        answer = found(node, '{ name = "root" }')
        assert ids(answer) == [trace_id] and answer["partial"] is True and answer["missing"] == [dead]
        unknown = node.get(f"/api/bs/v1/traces/{UNKNOWN}", status=404).json()["error"]
        assert unknown["missing"] == [dead] and dead in unknown["message"]
        assert node.metric("backstitch_peer_failures_total", f'peer="{dead}"') > 0
    jaeger = nodes[2].get(f"/api/traces/{trace_id}").json()
    assert len(jaeger["data"][0]["spans"]) == 1 and dead in jaeger["errors"][0]["msg"]
    assert dead in nodes[2].get(f"/api/traces/{UNKNOWN}", status=404).text
    shown = backstitch("trace", "show", trace_id, "--server", nodes[2].url(""), check=0)
    assert dead.encode() in shown.stderr
    searched = backstitch("search", '{ name = "root" }', "--server", nodes[2].url(""), check=0)
    assert trace_id.encode() in searched.stdout and dead.encode() in searched.stderr

    nodes[1].start()
    for node in nodes:
        trace = node.get(f"/api/bs/v1/traces/{trace_id}").json()
        assert trace["spanCount"] == 2 and trace["partial"] is False
        assert "missing" not in node.get(f"/api/bs/v1/traces/{UNKNOWN}", status=404).json()["error"]


def test_a_node_that_says_nothing_costs_no_more_than_the_timeout(spread):
    trace_id, nodes = spread
    silent = nodes[1]
    silent.process.send_signal(signal.SIGSTOP)
    try:
        started = time.monotonic()
        answer = found(nodes[0], "{ }")
        took = time.monotonic() - started
        assert ids(answer) == [trace_id] and answer["missing"] == [silent.grpc]
        assert took < 1 + 5 * SLOW, "a question waits for a dead node once"
    finally:
        silent.process.send_signal(signal.SIGCONT)
    eventually(lambda: "missing" not in found(nodes[0], "{ }"), "it answers again")


def test_a_member_that_leaves_the_list_is_not_asked(spread, tmp_path):
    trace_id, nodes = spread
    nodes[1].kill()
    (tmp_path / "members.txt").write_text(f"{member(nodes[0])}\n{member(nodes[2])}\n")
    eventually(lambda: nodes[2].get(f"/api/bs/v1/traces/{trace_id}").json()["partial"] is False, "nobody missing")


def test_many_questions_at_every_node_wait_for_nobody(spread):
    """Nodes that ask each other must not use up the threads that answer."""
    trace_id, nodes = spread

    def ask(number):
        url = nodes[number % 3].url(f"/api/bs/v1/traces/{trace_id}")
        return requests.get(url, timeout=60 * SLOW).json()

    with ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(ask, range(240)))
    assert all(answer["spanCount"] >= 1 for answer in answers)
    assert sum(answer["spanCount"] == 2 for answer in answers) >= 200


def test_a_peer_of_another_version_is_refused_by_name(spread):
    _, nodes = spread
    answer = nodes[0].session.post(nodes[0].url("/api/bs/v1/peers/search"), data=b"",
                                   headers={"content-type": "application/x-backstitch-peers; version=99"})
    assert answer.status_code == 415 and "version=1" in answer.text
    for body in (b"\xff", b"\x0a\x03{ x", b"\x0a\x03{ }\x38\xff\xff\xff\x0f", b"\xfa\x01\x01x"):
        answer = nodes[0].session.post(nodes[0].url("/api/bs/v1/peers/search"), data=body,
                                       headers={"content-type": "application/x-backstitch-peers; version=1"})
        assert answer.status_code == 400, body


def test_why_and_keep_ask_all_nodes(make_server, tmp_path):
    members = tmp_path / "members.txt"
    members.write_text("")
    policies = tmp_path / "sampling.yaml"
    policies.write_text("tail_sampling:\n  decision_wait: 200ms\n  policies:\n"
                        "    - {name: errors, type: status_code, status_code: {status_codes: [ERROR]}}\n")
    nodes = [make_server("--set", f"peers.file={members}", config=policies).start()
             for number in range(2)]
    members.write_text("".join(f"{member(node)}\n" for node in nodes))
    for node in nodes:
        eventually(lambda node=node: node.metric("backstitch_members") == 2, "two members")
    trace_id = new_trace_id()
    send(nodes[1], span(trace_id, name="dull"), service="there")

    def dropped():
        answer = nodes[0].session.get(nodes[0].url(f"/api/bs/v1/traces/{trace_id.hex()}/why"))
        return answer.json() if answer.status_code == 200 else None

    why = eventually(dropped, "the other node's decision")
    assert why["verdict"] == "dropped" and why["decisions"][0]["node"] == nodes[1].grpc
    told = backstitch("why", trace_id.hex(), "--server", nodes[0].url(""), check=0)
    assert f"on {nodes[1].grpc}".encode() in told.stdout
    assert "dropped" in nodes[0].get(f"/api/bs/v1/traces/{trace_id.hex()}", status=404).text
    kept = json.loads(backstitch("keep", trace_id.hex(), "--json", "--server", nodes[0].url(""), check=0).stdout)
    assert nodes[1].grpc in kept["nodes"]  # and perhaps whose trace it is, which was told of it
    nodes[0].eventually_found(trace_id.hex(), 1)
    backstitch("keep", UNKNOWN, "--server", nodes[0].url(""), check=4)
