"""`backstitch route` in front of real nodes: whole traces at one of them, and nothing lost that was acknowledged, when
routers and nodes are killed, added, or away."""
import json
import os
import random
import re
import signal

import pytest

from sampling import ERRORS, block
from server import SLOW, Load, Server, backstitch, eventually
from wire import new_trace_id, request, send_grpc, send_http, span

SEED = int(os.environ.get("BACKSTITCH_TEST_SEED", "1"))


class Router(Server):
    def command(self):
        command = super().command()
        command[1] = "route"
        return command

    def epoch(self):
        return next(re.search(r'epoch="(\w+)"', key).group(1) for key in self.metrics()
                    if key.startswith("backstitch_members_epoch{"))

    def queued(self):
        return self.metric("backstitch_queue_messages")


class Cluster:
    """Nodes with one list of members, in a file, and routers that go by it."""

    def __init__(self, folder, make_server):
        self.folder, self.make_server = folder, make_server
        self.members = folder / "members"
        self.members.write_text("")
        self.nodes, self.routers = [], []

    def add_node(self, *flags, **kwargs):
        node = self.make_server("--set", f"peers.file={self.members}", *flags, keep=("otlp-grpc", "web"),
                                **kwargs).start()
        self.nodes.append(node)
        self.write_members()
        return node

    def write_members(self, path=None, nodes=None):
        lines = [f"{node.grpc},query={node.addresses['web']}" for node in nodes or self.nodes]
        path = path or self.members
        path.with_suffix(".new").write_text("\n".join(lines) + "\n")
        path.with_suffix(".new").rename(path)

    def add_router(self, members=None):
        flags = ["--members-file", str(members or self.members)]
        router = Router(self.folder / f"router{len(self.routers)}", *flags, keep=("otlp-grpc", "otlp-http"))
        self.routers.append(router)
        return router.start()

    def span_ids(self, trace_id, nodes=None):
        """[a set for each node]"""
        found = []
        for node in nodes or self.nodes:
            answer = node.session.get(node.url(f"/api/bs/v1/traces/{trace_id}"), timeout=60 * SLOW,
                                      headers={"backstitch-scope": "local"})
            assert answer.status_code in (200, 404), answer.text[:500]
            spans = answer.json()["spans"] if answer.status_code == 200 else []
            found.append({one["spanId"] for one in spans})
        return found

    def assert_all_there(self, load):
        """Every acknowledged trace, over all nodes together; returns how many."""
        for router in self.routers:
            if router.process is not None:
                eventually(lambda router=router: router.queued() == 0, "queue delivered", 60)
        expected, acknowledged = load.span_counts(), load.acknowledged()
        lost = {}
        for trace_id in acknowledged:
            found = len(set().union(*self.span_ids(trace_id)))
            if found != expected[trace_id]:
                lost[trace_id] = (found, expected[trace_id])
        assert not lost, f"{len(lost)} of {len(acknowledged)} are not whole: {list(lost.items())[:5]}"
        return len(acknowledged)


@pytest.fixture
def cluster(tmp_path, make_server):
    made = Cluster(tmp_path, make_server)
    yield made
    for router in made.routers:
        router.close()


def eventually_acknowledged(load, more):
    target = len(load.acknowledged()) + more
    eventually(lambda: len(load.acknowledged()) >= target, f"{target} traces acknowledged (seed {SEED})", 90)


def test_each_trace_is_whole_at_one_node_and_error_traces_are_kept(cluster, tmp_path):
    config = tmp_path / "sampling.yaml"
    config.write_text(block(ERRORS, wait="500ms"))
    for _ in range(2):
        cluster.add_node(config=config)
    routers = [cluster.add_router() for _ in range(2)]
    loads = [Load(tmp_path, f"grpc://{router.grpc}", "--traces", 300, "--seed", SEED + i, name=f"load{i}")
             for i, router in enumerate(routers)]
    for load in loads:
        load.wait()
    failed = {}
    for load in loads:
        for line in load.truth_path.read_text().splitlines():
            one = json.loads(line)
            if one["errors"]:
                failed[one["trace_id"]] = one["spans"]
    assert failed
    for node in cluster.nodes:
        eventually(lambda node=node: node.metric("backstitch_open_traces") == 0, "decided", 60)
    for trace_id, spans in failed.items():
        assert sorted(map(len, cluster.span_ids(trace_id))) == [0, spans], trace_id
    sent = [sum(router.metric("backstitch_route_spans_total", node.grpc) for router in routers)
            for node in cluster.nodes]
    assert min(sent) > 0.3 * sum(sent)
    assert sum(sent) == sum(sum(load.span_counts().values()) for load in loads)
    assert all(router.metric("backstitch_route_queued_spans_total") == 0 for router in routers)


def test_http_and_json_go_through_too(cluster):
    cluster.add_node()
    router = cluster.add_router()
    trace_id = new_trace_id()
    assert send_http(router, request(span(trace_id), span(trace_id)).SerializeToString()).status_code == 200
    cluster.nodes[0].eventually_found(trace_id.hex(), 2)
    broken = request(span(trace_id), span(b"short"))
    assert b"\x08\x01" in send_grpc(router, broken.SerializeToString())  # rejected_spans: 1, as the node said
    assert send_http(router, b"\x0a\x7f").status_code == 400


def test_nothing_acknowledged_is_lost_when_a_router_is_killed_under_load(cluster, tmp_path):
    for _ in range(2):
        cluster.add_node()
    router = cluster.add_router()
    load = Load(tmp_path, f"http://{router.addresses['otlp-http']}", "--rate", "6000", "--batch", "200", "--seed", SEED)
    dice = random.Random(SEED)
    for _ in range(4):
        eventually_acknowledged(load, dice.randrange(10, 100))
        router.kill()
        router.start()
    eventually_acknowledged(load, 20)
    load.stop()
    assert cluster.assert_all_there(load) > 60


def test_nothing_acknowledged_is_lost_when_a_node_is_killed_and_comes_back(cluster, tmp_path):
    for _ in range(2):
        cluster.add_node()
    router = cluster.add_router()
    load = Load(tmp_path, f"grpc://{router.grpc}", "--rate", "6000", "--batch", "200", "--seed", SEED)
    for _ in range(3):
        eventually_acknowledged(load, 50)
        cluster.nodes[0].kill()
        eventually_acknowledged(load, 50)  # the other one takes them all
        cluster.nodes[0].start()
    eventually_acknowledged(load, 50)
    load.stop()
    assert router.metric("backstitch_route_rerouted_spans_total", cluster.nodes[0].grpc) > 0
    assert cluster.assert_all_there(load) > 300


def test_node_that_hangs_stops_nobody_and_no_shutdown(cluster, tmp_path):
    for _ in range(2):
        cluster.add_node()
    router = cluster.add_router()
    load = Load(tmp_path, f"grpc://{router.grpc}", "--rate", "6000", "--batch", "200", "--seed", SEED)
    eventually_acknowledged(load, 50)
    hung = cluster.nodes[0]
    hung.process.send_signal(signal.SIGSTOP)
    try:
        failures = "backstitch_route_failures_total"
        eventually(lambda: router.metric(failures, 'reason="timeout"') > 0, "it was noticed", 60)
        eventually_acknowledged(load, 100)
        router.stop()  # within 10 s, with 0
    finally:
        hung.process.send_signal(signal.SIGCONT)
    router.start()
    eventually_acknowledged(load, 50)
    load.stop()
    assert cluster.assert_all_there(load) > 200


def test_member_added_under_load_gets_its_share_and_nothing_is_lost(cluster, tmp_path):
    cluster.add_node()
    router = cluster.add_router()
    load = Load(tmp_path, f"grpc://{router.grpc}", "--rate", "6000", "--batch", "200", "--seed", SEED)
    eventually_acknowledged(load, 50)
    before = router.epoch()
    added = cluster.add_node()
    eventually(lambda: router.epoch() != before, "the list is read again")
    eventually(lambda: router.metric("backstitch_route_spans_total", added.grpc) > 0, "spans at the new node")
    eventually_acknowledged(load, 50)
    load.stop()
    assert cluster.assert_all_there(load) > 100


def test_spans_that_no_node_takes_wait_over_a_restart_of_the_router(cluster, tmp_path):
    for _ in range(2):
        cluster.add_node()
    router = cluster.add_router()
    for node in cluster.nodes:
        node.kill()
    load = Load(tmp_path, f"grpc://{router.grpc}", "--traces", 100, "--seed", SEED)
    load.wait()
    assert len(load.acknowledged()) == 100
    assert router.queued() > 0
    router.stop()  # within 10 s, with 0
    router.start()
    assert router.queued() > 0
    for node in cluster.nodes:
        node.start()
    assert cluster.assert_all_there(load) == 100


def test_lists_that_differ_show_in_the_epoch(cluster, tmp_path):
    for _ in range(2):
        cluster.add_node()
    same, again = cluster.add_router(), cluster.add_router()
    other_list = tmp_path / "others"
    cluster.write_members(other_list, cluster.nodes[:1])
    other = cluster.add_router(other_list)
    assert same.epoch() == again.epoch() != other.epoch()
    eventually(lambda: cluster.nodes[0].metric("backstitch_members_epoch", same.epoch()) == 1, "the node has that list")


def test_router_without_members_says_what_to_give(tmp_path):
    done = backstitch("route", "--data", tmp_path / "data", "--query", "off", check=2)
    assert b"give --member HOST:PORT" in done.stderr
    done = backstitch("route", "--member", "localhost", check=2)
    assert b"peers.members" in done.stderr and b"has no port" in done.stderr
