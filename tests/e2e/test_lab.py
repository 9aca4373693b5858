"""The lab: services in any call tree, whose failures are all told of, as they were planted."""
import json
import os
import random
import signal
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from server import BINARY, backstitch, eventually

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(BINARY).resolve().with_name("backstitch-lab-service")
REQUESTS = int(os.environ.get("LAB_REQUESTS", "10000"))
SEED = int(os.environ.get("BACKSTITCH_TEST_SEED", "1"))
CODES = ["cancelled", "invalid-argument", "not-found", "already-exists", "permission-denied", "resource-exhausted",
         "failed-precondition", "aborted", "out-of-range", "unimplemented", "internal", "data-loss", "unauthenticated"]

pytestmark = pytest.mark.skipif(not PROGRAM.exists(), reason="the lab's service was not built: it needs cpp-httplib")


class Lab:
    """A topology that is up."""

    def __init__(self, directory, topology, server=None):
        self.directory = directory / "lab"
        file = directory / "topology.yaml"
        file.write_text(topology)
        otlp = server.otlp.removesuffix("/v1/traces") if server else "http://127.0.0.1:9"
        self.said = backstitch("lab", "up", file, "--dir", self.directory, "--otlp", otlp, check=0).stdout.decode()

    def services(self):
        """{name: (process id, address)}"""
        said = backstitch("lab", "status", "--json", "--dir", self.directory, check=0).stdout
        return {one["service"]: (one["pid"], one["address"]) for one in json.loads(said)["services"]}

    def down(self):
        backstitch("lab", "down", "--dir", self.directory, check=0)


@pytest.fixture
def make_lab(tmp_path):
    labs = []

    def make(topology, server=None):
        labs.append(Lab(tmp_path, topology, server))
        return labs[-1]

    yield make
    for lab in labs:
        if (lab.directory / "services").exists():
            lab.down()


# --- a random tree


class Tree:
    """Each service has one caller, so that it is known where a failure goes."""

    def __init__(self, chance, count):
        self.names = ["root"] + [f"service-{i}" for i in range(1, count)]
        self.caller = {name: chance.choice(self.names[:i]) for i, name in enumerate(self.names) if i}
        self.keys = {name: {"protocol": chance.choice(["http", "grpc"]),
                            "calls": chance.choice(["serial", "parallel"])} for name in self.names}
        self.keys["root"] = {"protocol": "http", "calls": "serial", "expose": True}

    def yaml(self, sample):
        lines = [f"sample: {sample}", "services:"]
        for name in self.names:
            upstreams = [callee for callee, caller in self.caller.items() if caller == name]
            lines.append(f"  {name}: {json.dumps({**self.keys[name], 'upstreams': upstreams})}")
        return "\n".join(lines) + "\n"

    def path(self, service):
        path = [service]
        while path[0] in self.caller:
            path.insert(0, self.caller[path[0]])
        return path


class Plant:
    """One failure: where it begins, as what, and who renames it on the way to the root."""

    def __init__(self, tree, chance):
        self.path = tree.path(chance.choice(tree.names))
        self.codes = {self.path[-1]: chance.choice(CODES)}
        self.faults = [f"{self.path[-1]}=fail:{self.codes[self.path[-1]]}"]
        code = self.codes[self.path[-1]]
        for service in reversed(self.path[:-1]):
            if chance.random() < 0.25:
                code = chance.choice(CODES)
                self.faults.append(f"{service}=rename:{code}")
            self.codes[service] = code

    def drift_chain(self):
        codes = [self.codes[service] for service in reversed(self.path)]
        return " -> ".join(code for i, code in enumerate(codes) if i == 0 or codes[i - 1] != code)

    def expected(self):
        """(service, code, whether it says that it drifted) from the root to the origin."""
        codes = [self.codes[service] for service in self.path]
        return [(service, codes[i], i + 1 < len(codes) and codes[i + 1] != codes[i])
                for i, service in enumerate(self.path)]


def failing_path(tree):
    """The same of a header's tree: the last failing child is the one that failed its caller, since calls end there."""
    path = []
    while tree:
        path.append((tree["service"], tree["code"], tree["error"].startswith("[DRIFT: ")))
        tree = next((child for child in tree.get("children", []) if child["status"] == "error"), None)
    return path


def ask(connection, faults):
    headers = {"x-lab-fault": ",".join(faults)} if faults else {}
    connection.request("GET", "/", headers=headers)
    answer = connection.getresponse()
    answer.read()
    tree = answer.getheader("x-error-tree")
    return answer.status, json.loads(tree) if tree else None


def run_requests(address, plants):
    """The wrong answers, a line each. `plants` has None for a request without a fault."""

    def run(share):
        wrong = []
        connection = HTTPConnection(address, timeout=120)
        for plant in share:
            status, tree = ask(connection, plant.faults if plant else [])
            expected = plant.expected() if plant else []
            if failing_path(tree) != expected or (status == 200) == bool(plant):
                wrong.append(f"{status} {plant and plant.faults}: {json.dumps(tree)}, not {expected}")
        connection.close()
        return wrong

    with ThreadPoolExecutor(4) as pool:
        return sum(pool.map(run, [plants[i::4] for i in range(4)]), [])


def origins(server):
    rows = json.loads(backstitch("errors", "--json", "--limit", "1000", "--server", server.url(""), check=0).stdout)
    return Counter({(row["service"], row["code"], row["driftChain"]): row["count"] for row in rows["errors"]})


def test_every_failure_brings_its_tree_though_one_request_in_a_hundred_is_sampled(make_server, make_lab, monkeypatch):
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")  # a trace is in its window whole, so that it is counted once
    chance = random.Random(SEED)
    tree = Tree(chance, 12)
    server = make_server("--set", "decision_wait=5s").start()
    lab = make_lab(tree.yaml(sample=0.01), server)
    plants = [Plant(tree, chance) if chance.random() < 0.05 else None for _ in range(REQUESTS)]
    planted = Counter((plant.path[-1], plant.codes[plant.path[-1]], plant.drift_chain()) for plant in plants if plant)

    wrong = run_requests(lab.services()["root"][1], plants)
    assert wrong == [], f"{len(wrong)} of {planted.total()} failures, seed {SEED}: {wrong[:3]}"
    eventually(lambda: origins(server).total() >= planted.total(), "all counted", 60)
    unsampled = server.metric("backstitch_unsampled_failures_total")
    lab.down()  # what is still queued is exported,
    server.stop()  # and sealed
    server.start()
    assert origins(server) == planted
    print(f"{REQUESTS} requests, {planted.total()} failures, all with their tree; {unsampled} of them unsampled")
    assert 0.9 * planted.total() < unsampled <= planted.total()


# --- the verbs


TWO = "services: {root: {upstreams: [leaf], expose: true}, leaf: {protocol: grpc}}"


def test_a_lab_is_up_until_it_is_ended(make_lab):
    lab = make_lab(TWO)
    services = lab.services()
    assert list(services) == ["leaf", "root"]
    assert f"curl -i http://{services['root'][1]}/" in lab.said
    again = backstitch("lab", "up", lab.directory.parent / "topology.yaml", "--dir", lab.directory)
    assert again.returncode == 1 and b"a lab is up in" in again.stderr
    backstitch("lab", "status", "--dir", lab.directory, check=0)

    os.kill(services["leaf"][0], signal.SIGKILL)

    def ended_status():
        status = backstitch("lab", "status", "--dir", lab.directory)
        return status.returncode == 1 and status

    ended = eventually(ended_status, "its end is noticed")
    assert b"ended" in ended.stdout and b"serves" in ended.stdout
    connection = HTTPConnection(services["root"][1], timeout=60)
    status, tree = ask(connection, [])
    assert status == 503 and tree["children"][0]["observed"] == "caller"
    connection.close()

    assert b"1 services ended" in backstitch("lab", "down", "--dir", lab.directory, check=0).stdout
    backstitch("lab", "down", "--dir", lab.directory, check=4)
    eventually(lambda: not Path(f"/proc/{services['root'][0]}").exists(), "gone")


def test_mistakes_in_a_topology_are_told_with_their_lines(tmp_path):
    file = tmp_path / "wrong.yaml"
    file.write_text("services:\n  a: {upstreams: [nobody]}\n  b: {latency: soon}\n")
    said = backstitch("lab", "up", file, "--dir", tmp_path / "lab", check=2).stderr.decode().splitlines()
    assert said == [f"backstitch: {file}:", "line 3: 'latency' takes a duration such as 5ms, at most 1h, or {p50: 5ms, "
                    "p99: 40ms}", "line 2: service 'a' calls 'nobody', which there is not"]


def test_the_checks_that_people_run_pass(tmp_path):
    done = subprocess.run([ROOT / "lab/check"], capture_output=True, timeout=300,
                          env={**os.environ, "BACKSTITCH": str(Path(BINARY).resolve()), "LAB": str(tmp_path / "lab")})
    assert done.returncode == 0, (done.stdout[-4000:], done.stderr[-2000:])


def test_a_compose_file_of_the_same_topology_is_one(tmp_path):
    backstitch("lab", "compose", ROOT / "lab/seven.yaml", "--out", tmp_path, "--context", ROOT, check=0)
    assert (tmp_path / "Dockerfile").read_text().count("FROM ") == 2
    compose = ["docker", "compose", "-f", tmp_path / "docker-compose.yml", "config", "--quiet"]
    try:
        has_client = subprocess.run(["docker", "compose", "version"], capture_output=True).returncode == 0
    except FileNotFoundError:
        has_client = False
    if not has_client:
        pytest.skip("there is no docker compose client here")
    assert subprocess.run(compose).returncode == 0


# --- the service that the W3C's test suite drives


class Receiver:
    """Notes the headers of what is sent to it."""

    def __init__(self):
        received = self.received = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                received.append({name.lower(): value for name, value in self.headers.items()})
                self.rfile.read(int(self.headers["content-length"]))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}/"

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def w3c():
    """Calls the service with headers, and returns those with which it called twice."""
    process = subprocess.Popen([BINARY, "lab", "w3c", "--port", "0", "--otlp", "http://127.0.0.1:9"],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    address = process.stdout.readline().decode().split()[-1]
    receiver = Receiver()

    def call(headers):
        connection = HTTPConnection(address, timeout=60)
        connection.putrequest("POST", "/test")
        body = json.dumps([{"url": receiver.url(), "arguments": []}] * 2).encode()
        for name, value in [*headers, ("content-type", "application/json"), ("content-length", str(len(body)))]:
            connection.putheader(name, value)
        connection.endheaders(body)
        assert connection.getresponse().status == 200
        connection.close()
        return [receiver.received.pop(0) for _ in range(2)]

    yield call
    receiver.close()
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    process.stdout.close()


TRACE, PARENT = "12345678901234567890123456789012", "1234567890123456"


def test_w3c_context_goes_on(w3c):
    one, two = w3c([("traceparent", f"00-{TRACE}-{PARENT}-01"), ("tracestate", "foo=1"), ("tracestate", "bar=2")])
    for received in (one, two):
        version, trace_id, parent, flags = received["traceparent"].split("-")
        assert (version, trace_id, flags) == ("00", TRACE, "01") and parent != PARENT
        assert received["tracestate"].replace(" ", "").endswith("foo=1,bar=2")
    assert one["traceparent"] != two["traceparent"]


@pytest.mark.parametrize("headers", [
    [("traceparent", f"00-{TRACE}-{PARENT}-01"), ("traceparent", f"00-{'2' * 32}-{PARENT}-01")],
    [("traceparent", f"ff-{TRACE}-{PARENT}-01")],
    [("traceparent", f"00-{'0' * 32}-{PARENT}-01")],
    [("traceparent", f"00-{TRACE.replace('1', 'A')}-{PARENT}-01")],
    [],
], ids=["twice", "version ff", "no trace id", "upper case", "none"])
def test_w3c_context_begins_anew_where_there_is_none(w3c, headers):
    one, two = w3c([*headers, ("tracestate", "foo=1")])
    ids = {received["traceparent"].split("-")[1] for received in (one, two)}
    assert len(ids) == 1 and ids.isdisjoint({TRACE, "0" * 32, "2" * 32})
    assert "foo=1" not in one.get("tracestate", "")
