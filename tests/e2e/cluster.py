"""Several nodes that know each other, and what is whole over all of them."""
import pytest

from sampling import ERRORS, SLOW_ONES, block, percentage, why
from server import SLOW, eventually


class Cluster:
    """`count` nodes with one members file; the ports are those of their first start."""

    def __init__(self, make_server, directory, count, wait, *policies):
        self.members_file = directory / "members.txt"
        self.members_file.write_text("# not known yet\n")
        config = directory / "cluster.yaml"
        config.write_text(block(*policies, wait=wait) + f"peers:\n  file: {self.members_file}\n")
        self.nodes = [make_server(config=config, keep=("otlp-grpc", "otlp-http", "web")) for _ in range(count)]

    def start(self):
        for node in self.nodes:
            node.start()
        self.follow(self.nodes)
        return self

    def write_members(self, nodes):
        """As a tool would: a new file in the old one's place."""
        lines = "".join(f"{node.grpc},query={node.addresses['web']}\n" for node in nodes)
        new = self.members_file.with_suffix(".new")
        new.write_text(lines)
        new.rename(self.members_file)

    def follow(self, members, nodes=None):
        """Returns when all (or `nodes`) that run go by that list."""
        self.write_members(members)
        expected = sorted(node.grpc for node in members)
        for node in nodes or self.nodes:
            if node.process is not None:
                eventually(lambda n=node: sorted(m.split(",")[0] for m in status(n)["members"]) == expected,
                           "members followed")

    def span_counts(self, trace_id):
        """What each node has itself; 0 where one does not run."""
        return [local_span_count(node, trace_id) if node.process is not None else 0 for node in self.nodes]

    def eventually_whole(self, trace_id, counts, seconds=60):
        eventually(lambda: self.span_counts(trace_id) == counts, Said(lambda: (
            f"{trace_id} with {counts} spans, last {self.span_counts(trace_id)}; "
            f"{[why(node, trace_id) for node in self.nodes if node.process is not None]}")), seconds)


class Said:
    """A message that is made when it is needed."""

    def __init__(self, make):
        self.make = make

    def __str__(self):
        return self.make()


def local_span_count(node, trace_id):
    answer = node.session.get(node.url(f"/api/bs/v1/traces/{trace_id}"), timeout=60 * SLOW,
                              headers={"backstitch-scope": "local"})
    assert answer.status_code in (200, 404), (trace_id, answer.status_code, answer.text[:500])
    return answer.json()["spanCount"] if answer.status_code == 200 else 0


def status(node):
    return node.get("/api/bs/v1/peers/status").json()


def waiting(node):
    return sum(one["messages"] for one in status(node)["waiting"])


@pytest.fixture
def make_cluster(make_server, tmp_path):
    """make_cluster(count=3, wait="1s", policies…): started."""
    def make(count=3, wait="1s", policies=(ERRORS, SLOW_ONES, percentage(1))):
        return Cluster(make_server, tmp_path, count, wait, *policies).start()

    return make
