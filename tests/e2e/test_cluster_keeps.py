"""Three nodes hold parts of the same traces: what one keeps is kept by all, what only the whole shows is seen, and
neither a killed node nor a changed list of members takes that away."""
import threading
import time

import grpc

from cluster import make_cluster, status, waiting  # noqa: F401
from sampling import ERROR_STATUS, RANDOM, SECOND, decisions, eventually_dropped, is_chosen, keep, send, why
from server import eventually
from wire import EXPORT, request, span


def new_id():
    """Of a trace that no policy chooses by its id."""
    while True:
        trace_id = RANDOM.randbytes(16)
        if not is_chosen(trace_id.hex(), 1):
            return trace_id


def part(trace_id, *, is_error=False, after=0.0, spans=2):
    """Spans of 1 ms that start so many seconds after others."""
    made = [span(trace_id, name="part") for _ in range(spans)]
    for one in made:
        one.start_time_unix_nano += int(after * SECOND)
        one.end_time_unix_nano += int(after * SECOND)
    if is_error:
        made[-1].status.code = ERROR_STATUS["code"]
    return made


# --- keeps

def test_an_error_at_one_node_keeps_the_parts_of_all(make_cluster):
    cluster = make_cluster()
    failed, good = [new_id() for _ in range(12)], [new_id() for _ in range(12)]
    for number, trace_id in enumerate(failed):
        for place, node in enumerate(cluster.nodes):
            send(node, *part(trace_id, is_error=place == number % 3))
    for trace_id in good:
        for node in cluster.nodes:
            send(node, *part(trace_id))
    for trace_id in failed:
        cluster.eventually_whole(trace_id.hex(), [2, 2, 2])
    for trace_id in good:
        for node in cluster.nodes:
            eventually_dropped(node, trace_id.hex())
    told = why(cluster.nodes[1], failed[0].hex())["decisions"][-1]
    assert (told["verdict"], told["cause"], told["policy"]) == ("kept", "peer", "errors")
    eventually(lambda: all(waiting(node) == 0 for node in cluster.nodes), "all told")


def test_a_late_error_and_a_persons_keep_take_all_parts_back(make_cluster):
    cluster = make_cluster(wait="300ms")
    by_error, by_person = new_id(), new_id()
    for trace_id in (by_error, by_person):
        for node in cluster.nodes:
            send(node, *part(trace_id))
    for trace_id in (by_error, by_person):
        for node in cluster.nodes:
            eventually_dropped(node, trace_id.hex())
    send(cluster.nodes[2], *part(by_error, is_error=True, spans=1))
    keep(cluster.nodes[0], by_person.hex(), check=0)
    cluster.eventually_whole(by_error.hex(), [2, 2, 3])
    cluster.eventually_whole(by_person.hex(), [2, 2, 2])
    # What comes now is kept as it comes, wherever.
    send(cluster.nodes[1], *part(by_error, spans=1))
    cluster.eventually_whole(by_error.hex(), [2, 3, 3])


# --- what only the whole trace shows

def test_a_trace_that_is_slow_only_as_a_whole_is_kept_wherever_its_parts_are(make_cluster):
    cluster = make_cluster()
    traces = [new_id() for _ in range(12)]
    expected = {}
    for number, trace_id in enumerate(traces):
        first, second = [(0, 1), (1, 2), (2, 0)][number % 3]
        send(cluster.nodes[first], *part(trace_id))
        send(cluster.nodes[second], *part(trace_id, after=3, spans=1))
        expected[trace_id] = [{first: 2, second: 1}.get(place, 0) for place in range(3)]
    fast = [new_id() for _ in range(6)]
    for trace_id in fast:
        send(cluster.nodes[0], *part(trace_id))
        send(cluster.nodes[1], *part(trace_id, after=1))
    for trace_id in traces:
        cluster.eventually_whole(trace_id.hex(), expected[trace_id])
    for trace_id in fast:
        for node in cluster.nodes[:2]:
            eventually_dropped(node, trace_id.hex())


# --- kill -9

def test_a_peer_that_was_killed_keeps_its_part_once_it_is_back(make_cluster):
    cluster = make_cluster()
    undecided, in_grace, slow = new_id(), new_id(), new_id()
    away = cluster.nodes[2]
    for node in cluster.nodes:
        send(node, *part(in_grace))
    eventually_dropped(away, in_grace.hex())
    send(away, *part(undecided))
    send(away, *part(slow))
    away.kill()
    send(cluster.nodes[0], *part(undecided, is_error=True))
    send(cluster.nodes[1], *part(in_grace, is_error=True, spans=1))
    send(cluster.nodes[1], *part(slow, after=3))
    cluster.eventually_whole(undecided.hex(), [2, 0, 0])
    cluster.eventually_whole(in_grace.hex(), [2, 3, 0])
    away.start()
    cluster.eventually_whole(undecided.hex(), [2, 0, 2])
    cluster.eventually_whole(in_grace.hex(), [2, 3, 2])
    cluster.eventually_whole(slow.hex(), [0, 2, 2])
    assert decisions(away, in_grace.hex())[-1][:2] == ("kept", "peer")


def test_a_node_that_is_killed_as_soon_as_it_acknowledged_still_keeps_the_whole(make_cluster):
    cluster = make_cluster(wait="300ms")
    failed = [new_id() for _ in range(10)]
    for trace_id in failed:
        send(cluster.nodes[1], *part(trace_id))
        send(cluster.nodes[2], *part(trace_id))
        send(cluster.nodes[0], *part(trace_id, is_error=True))
    cluster.nodes[0].kill()
    for trace_id in failed:
        eventually(lambda t=trace_id: why(cluster.nodes[1], t.hex()), "decided")
    cluster.nodes[0].start()
    for trace_id in failed:
        cluster.eventually_whole(trace_id.hex(), [2, 2, 2])


def test_nodes_that_are_killed_one_after_the_other_lose_nothing(make_cluster):
    cluster = make_cluster(wait="200ms")
    expected = {}
    for number in range(30):
        trace_id = new_id()
        for place, node in enumerate(cluster.nodes):
            send(node, *part(trace_id, is_error=place == number % 3, spans=1))
        expected[trace_id] = [1, 1, 1]
        if number % 6 == 5:
            node = cluster.nodes[number // 6 % 3]
            node.kill()
            node.start()
    for trace_id, counts in expected.items():
        cluster.eventually_whole(trace_id.hex(), counts)


# --- membership

class Senders:
    """Traces in two parts, a moment apart, each to any node: as routers do whose lists change at different moments."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.expected = {}
        self.stop_asked = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.problem = None

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop_asked.set()
        self.thread.join()
        assert self.problem is None, self.problem

    def run(self):
        try:
            behind = []
            while not self.stop_asked.is_set():
                behind.append(self.begin(len(self.expected)))
                if len(behind) > 20:
                    self.end(*behind.pop(0))
            for one in behind:
                self.end(*one)
        except Exception as problem:  # told by the main thread
            self.problem = problem

    def begin(self, number):
        trace_id, first, second = new_id(), RANDOM.randrange(3), RANDOM.randrange(3)
        send(self.cluster.nodes[first], *part(trace_id, is_error=number % 4 == 0, spans=1))
        counts = [0, 0, 0]
        counts[first] += 1
        counts[second] += 1
        self.expected[trace_id] = counts
        return trace_id, second, number

    def end(self, trace_id, second, number):
        after = 3 if number % 4 == 2 else 0
        send(self.cluster.nodes[second], *part(trace_id, is_error=number % 4 == 1, after=after, spans=1))
        if number % 4 == 3:
            del self.expected[trace_id]  # neither failed nor slow


def test_members_that_change_under_load_lose_no_error_and_no_slow_trace(make_cluster):
    cluster = make_cluster(wait="500ms")
    a, b, c = cluster.nodes
    with Senders(cluster) as senders:
        for members in ([a, b], [a, b, c], [b, c], [a, c], [a, b, c]):
            before = len(senders.expected)
            eventually(lambda: len(senders.expected) >= before + 30, "load", 120)  # noqa: B023
            cluster.follow(members)
    assert len(senders.expected) >= 150
    for trace_id, counts in senders.expected.items():
        cluster.eventually_whole(trace_id.hex(), counts, 120)


def test_a_member_that_left_tells_the_new_owner_what_it_knows(make_cluster):
    cluster = make_cluster(wait="4s")
    a, b, c = cluster.nodes
    traces = [new_id() for _ in range(20)]
    for trace_id in traces:
        send(c, *part(trace_id))
    cluster.follow([a, b])
    eventually(lambda: sum(node.metric("backstitch_peer_features_total") for node in (a, b)) == 20, "told")
    for number, trace_id in enumerate(traces):
        send([a, b][number % 2], *part(trace_id, after=3, spans=1))
    for number, trace_id in enumerate(traces):
        cluster.eventually_whole(trace_id.hex(), [[1, 0, 2], [0, 1, 2]][number % 2])


def test_a_node_with_another_list_is_noticed(make_cluster, tmp_path):
    cluster = make_cluster(wait="200ms")
    a, b, c = cluster.nodes
    other = tmp_path / "other.txt"
    other.write_text("".join(f"{node.grpc},query={node.addresses['web']}\n" for node in (a, b)))
    c.stop()
    c.config = tmp_path / "other.yaml"
    c.config.write_text((tmp_path / "cluster.yaml").read_text().replace("members.txt", "other.txt"))
    c.start()
    assert status(a)["epoch"] != status(c)["epoch"]

    def is_noticed():
        send(c, *part(new_id(), is_error=True))
        return a.metric("backstitch_cluster_epoch_mismatches_total", 'from="node"') > 0

    eventually(is_noticed, "noticed", interval=0.3)
    told = status(a)["differing"][0]
    assert (told["from"], told["epoch"]) == ("node", status(c)["epoch"])
    assert int(told["sinceUnixNano"]) < int(told["lastUnixNano"]) <= time.time_ns()


def test_a_router_with_another_list_is_noticed(make_cluster):
    node = make_cluster(count=1).nodes[0]
    export = request(span(new_id())).SerializeToString()

    def is_noticed():
        with grpc.insecure_channel(node.grpc) as channel:
            channel.unary_unary(EXPORT)(export, timeout=60, metadata=[("backstitch-epoch", "0123456789abcdef")])
        return node.metric("backstitch_cluster_epoch_mismatches_total", 'from="router"') > 0

    eventually(is_noticed, "noticed", interval=0.3)
    assert [(one["from"], one["epoch"]) for one in status(node)["differing"]] == [("router", "0123456789abcdef")]


def test_peers_are_told_of_bytes_that_are_no_notes(make_cluster):
    node = make_cluster(count=1).nodes[0]
    answer = node.session.post(node.url("/api/bs/v1/peers/notes"), data=b"\x01\x05ab", timeout=30)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "malformed")
    assert "at byte" in answer.json()["error"]["message"]
