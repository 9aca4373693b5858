"""How each contender of sampling_bench.py is started, fed, read and killed. One class each, of the same shape:

    receive_only()           takes OTLP and keeps nothing
    sampling(block)          tail sampling by the text of a "tail_sampling:" block
    in_front_of_two(block)   two of these behind what splits traces over them

Each returns something running: address, cpu_seconds(), memory(key), settle(wait) until all is decided and out,
kept(ids) as {trace id: spans}, again() after kill(), and end(). A contender that is a set of processes counts them
all."""
import collections
import http.client
import json
import pathlib
import subprocess
import sys
import tempfile

sys.path.append(str(pathlib.Path(__file__).resolve().parent / "peers"))

from peers import Collector, Sink  # noqa: E402
from running_serve import Serve  # noqa: E402

SLOW_MS = 2000
POLICIES = [
    {"name": "errors", "type": "status_code", "status_code": {"status_codes": ["ERROR"]}},
    {"name": "slow", "type": "latency", "latency": {"threshold_ms": SLOW_MS}},
    {"name": "baseline", "type": "probabilistic", "probabilistic": {"sampling_percentage": 1}},
]


# What was dropped stays in the log for less than the traces of the warm-up take, so that what is measured is written
# over files that are there, as it is on a server that runs for longer than `log.grace`. Else a machine whose memory its
# host gives when it is first touched charges the log for that: 1.3 CPU-seconds for the 510 MB of a million spans here.
GRACE = "\nlog: {grace: {bytes: 256MiB}}\n"

QUIET_SECONDS = 5  # nothing more comes out after so long without anything


def tail_sampling(wait, traces):
    """A block with a window of `wait` seconds and room for so many traces."""
    return "tail_sampling: " + json.dumps({"decision_wait": f"{wait}s", "num_traces": traces, "policies": POLICIES})


class CollectorRun:
    """One or more Collectors, of which the first is sent to; what they keep goes to a sink over OTLP."""

    def __init__(self, start, sink=None):
        self.start, self.sink = start, sink
        self.parts = start()

    @property
    def address(self):
        return self.parts[0].address

    def cpu_seconds(self):
        return sum(part.cpu_seconds() for part in self.parts)

    def cpu_seconds_of_front(self):
        return self.parts[0].cpu_seconds()

    def memory(self, key):
        return sum(part.memory(key) for part in self.parts)

    def settle(self, wait):
        self.sink.settled(wait + QUIET_SECONDS)

    def kept(self, _ids):
        return self.sink.traces()

    def kill(self):
        for part in self.parts:
            part.kill()

    def again(self):
        self.parts = self.start()

    def end(self):
        self.kill()
        if self.sink:
            self.sink.kill()


class CollectorContender:
    name = "Collector 0.161"

    def receive_only(self):
        return CollectorRun(lambda: [Collector({"nop": {}})])

    def sampling(self, block):
        sink = Sink()
        return CollectorRun(lambda: [self.sampler(block, sink)], sink)

    def in_front_of_two(self, block):
        sink = Sink()

        def start():
            samplers = [self.sampler(block, sink) for _ in range(2)]
            front = Collector({"load_balancing": {
                "protocol": {"otlp": {"tls": {"insecure": True}}}, "routing_key": "traceID",
                "resolver": {"static": {"hostnames": [sampler.address for sampler in samplers]}}}})
            return [front, *samplers]
        return CollectorRun(start, sink)

    @staticmethod
    def sampler(block, sink):
        return Collector({"otlp_grpc": {"endpoint": sink.address, "tls": {"insecure": True}}}, block)


class BackstitchRun:
    """`serve` on a data directory of its own; what it keeps is in its store."""

    def __init__(self, serve):
        self.serve = serve

    @property
    def address(self):
        return self.serve.address["otlp-grpc"]

    def cpu_seconds(self):
        return self.serve.cpu_seconds()

    def memory(self, key):
        return self.serve.memory(key)

    def settle(self, _wait):
        # Seldom: an answer to /metrics costs 6 ms, which would count.
        self.serve.wait(lambda: self.serve.metric("backstitch_open_spans") == 0, "traces to be decided", every=1)

    def kept(self, ids):
        return kept_by(self.serve, ids)

    def kill(self):
        self.serve.process.kill()
        self.serve.process.wait()

    def again(self):
        self.serve.start()

    def end(self):
        self.serve.kill()


class BackstitchContender:
    name = "Backstitch"

    def __init__(self, build):
        self.binary = str(build / "backstitch")

    def receive_only(self):
        return BackstitchRun(Restartable(self.binary, "decision_wait: 10m\n"))

    def sampling(self, block):
        return BackstitchRun(Restartable(self.binary, block + GRACE))

    def in_front_of_two(self, block):
        return RoutedRun(self.binary, block)


class ExportingRun(BackstitchRun):
    """`serve --sample-only`: what it keeps goes to a sink over OTLP, as from the Collector."""

    def __init__(self, serve, sink):
        super().__init__(serve)
        self.sink = sink

    def settle(self, _wait):
        self.serve.wait(lambda: is_all_out(self.serve), "kept traces to be out", every=1)

    def kept(self, _ids):
        return self.sink.traces()

    def end(self):
        super().end()
        self.sink.kill()


class SampleOnlyContender:
    """Does what the Collector does, and no more: kept traces go to somebody's store."""

    name = "Backstitch, sample-only"

    def __init__(self, build):
        self.binary = str(build / "backstitch")

    def receive_only(self):
        sink = Sink()
        return ExportingRun(Restartable(self.binary, "decision_wait: 10m\n" + exporting(sink)), sink)

    def sampling(self, block):
        sink = Sink()
        return ExportingRun(Restartable(self.binary, block + GRACE + exporting(sink)), sink)

    def in_front_of_two(self, block):
        return RoutedExportingRun(self.binary, block)


def exporting(sink):
    return f"sample_only: true\nexport: {{endpoint: '{sink.address}'}}\n"


def is_all_out(serve):
    return (serve.metric("backstitch_open_spans") == 0
            and serve.metric('backstitch_queue_messages{queue="export"}') == 0)


class RoutedRun:
    """`route` and two nodes that know of each other; `more` is the end of the nodes' configuration."""

    def __init__(self, binary, block, more=""):
        self.folder = tempfile.TemporaryDirectory(prefix="backstitch-bench-")
        members = pathlib.Path(self.folder.name, "members")
        members.touch()
        peers = f"peers: {{file: {members}}}\n"
        self.nodes = [Restartable(binary, block + GRACE + peers + more) for _ in range(2)]
        members.write_text("".join(f"{node.address['otlp-grpc']},query={node.address['web']}\n" for node in self.nodes))
        for node in self.nodes:
            node.wait(lambda node=node: node.metric("backstitch_members") == 2, "two members")
        self.router = Router(binary, peers)

    @property
    def address(self):
        return self.router.address["otlp-grpc"]

    def cpu_seconds(self):
        return self.router.cpu_seconds() + sum(node.cpu_seconds() for node in self.nodes)

    def cpu_seconds_of_front(self):
        return self.router.cpu_seconds()

    def settle(self, _wait):
        for node in self.nodes:
            node.wait(lambda node=node: node.metric("backstitch_open_spans") == 0, "traces to be decided", every=1)

    def kept(self, ids):
        found = collections.Counter()
        for node in self.nodes:
            found.update(kept_by(node, ids))
        return found

    def end(self):
        for part in (self.router, *self.nodes):
            part.kill()
        self.folder.cleanup()


class RoutedExportingRun(RoutedRun):
    def __init__(self, binary, block):
        self.sink = Sink()
        super().__init__(binary, block, exporting(self.sink))

    def settle(self, _wait):
        for node in self.nodes:
            node.wait(lambda node=node: is_all_out(node), "kept traces to be out", every=1)

    def kept(self, _ids):
        return self.sink.traces()

    def end(self):
        super().end()
        self.sink.kill()


def kept_by(serve, ids):
    """{trace id: spans} of what that node itself has."""
    connection = http.client.HTTPConnection(serve.address["web"])
    found = {}
    for trace in ids:
        connection.request("GET", f"/api/bs/v1/traces/{trace}", headers={"backstitch-scope": "local"})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status == 200:
            found[trace] = json.loads(body)["spanCount"]
    return found


class Restartable(Serve):
    """A `serve` with the text of a configuration, that may be started again on what a killed one has left."""

    def __init__(self, binary, text):
        self.text = text
        super().__init__(binary)

    def configure(self, _settings):
        self.config.write_text(self.text)

    def start(self):
        self.process = subprocess.Popen(self.process.args, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.read_addresses()


class Router(Restartable):
    verb = "route"
