#!/usr/bin/env python3
"""What does the whole `serve` process cost a span, in CPU, memory and disk, and how fast does it answer?

    bench/serve_bench.py build/release [--spans 1000000] [--only receive] [--write docs/benchmarks.md]

Every figure of CPU is told as a multiple of one walk, a single-threaded protozero walk of every field of the same
spans, measured in the same run by path_bench. CPU is what the kernel charged the process (/proc/PID/stat), so the
generator beside it costs nothing but contention."""
import argparse
import http.client
import json
import os
import pathlib
import random
import shutil
import signal
import statistics
import subprocess
import tempfile
import time

TICKS = os.sysconf("SC_CLK_TCK")
RUNS = 3
RECYCLED_SEGMENTS = 14  # of the 16 that the log keeps: 470 MB
FILLING_SPANS = 1_200_000  # more than they hold, at about 600 bytes a span in the log
STEADY_SPANS = 600_000  # fits into them, the first spans too


class Serve:
    """A running `serve` on free ports and an empty data directory."""

    def __init__(self, binary, **settings):
        self.data = tempfile.mkdtemp(prefix="backstitch-bench-")
        self.config = pathlib.Path(self.data, "backstitch.yaml")
        self.configure(settings)
        command = [binary, "serve", "--config", self.config, "--data", self.data, "--otlp-grpc", "127.0.0.1:0",
                   "--otlp-http", "127.0.0.1:0", "--query", "127.0.0.1:0"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.read_addresses()

    def configure(self, settings):
        self.config.write_text("".join(f"{key}: {value}\n" for key, value in settings.items()))

    def reload(self, **settings):
        """All parts anew, in the same process and on the same log."""
        self.configure(settings)
        self.process.send_signal(signal.SIGHUP)
        self.read_addresses()

    def read_addresses(self):
        self.address = {}
        while len(self.address) < 3:
            line = self.process.stdout.readline()
            if not line:
                raise SystemExit("serve did not start")
            name, address = line.split()
            self.address[name] = address.removeprefix("http://")
        self.web = http.client.HTTPConnection(self.address["web"])

    def get(self, path):
        self.web.request("GET", path)
        answer = self.web.getresponse()
        return answer.status, answer.read()

    def metric(self, name):
        for line in self.get("/metrics")[1].decode().splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
        return 0.0

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory(self, key):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(key + ":"):
                return int(line.split()[1]) * 1024
        return 0

    def wait(self, condition, what, seconds=300):
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise SystemExit(f"waited {seconds} s for {what}")
            time.sleep(0.1)

    def disk_bytes(self, folder=""):
        return sum(path.stat().st_size for path in pathlib.Path(self.data, folder).rglob("*") if path.is_file())

    def log_files(self):
        """By inode: which they are, whatever their names are at the time."""
        return {path.stat().st_ino for path in pathlib.Path(self.data, "log").iterdir()}

    def kill(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.data)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)
        shutil.rmtree(self.data)


def generate(binary, serve, spans, truth=None, protocol="grpc"):
    scheme = {"grpc": "grpc://" + serve.address["otlp-grpc"], "http": "http://" + serve.address["otlp-http"]}[protocol]
    command = [binary, "gen", "--to", scheme, "--spans", str(spans), "--seed", "1", "--rate", "0"]
    if truth:
        command += ["--truth", truth]
    started = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.monotonic() - started


def yardsticks(build, steps="."):
    """Seconds a span of each step of path_bench: the median of five runs."""
    out = subprocess.run([build / "bench" / "path_bench", "--benchmark_format=json", "--benchmark_repetitions=5",
                          "--benchmark_report_aggregates_only=true", f"--benchmark_filter={steps}"],
                         check=True, capture_output=True, text=True).stdout
    rows = json.loads(out)["benchmarks"]
    return {row["run_name"]: row for row in rows if row["aggregate_name"] == "median"}


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def latencies(serve, paths):
    times = []
    for path in paths:
        started = time.perf_counter()
        serve.get(path)
        times.append((time.perf_counter() - started) * 1000)
    return percentile(times, 0.5), percentile(times, 0.99)


def receive(binary, serve, spans, protocol="grpc"):
    """Logged and acknowledged, nothing sealed yet: the window is longer than the run."""
    generate(binary, serve, 20_000, protocol=protocol)  # touches what is only allocated once
    memory, cpu = serve.memory("VmRSS"), serve.cpu_seconds()
    open_before = serve.metric("backstitch_open_spans")
    seconds = generate(binary, serve, spans, protocol=protocol)
    serve.wait(lambda: serve.metric("backstitch_open_spans") >= open_before + spans, "spans to be assembled")
    return {"cpu": (serve.cpu_seconds() - cpu) / spans, "memory": (serve.memory("VmRSS") - memory) / spans,
            "rate": spans / seconds,
            "own": serve.metric("backstitch_open_memory_bytes") / serve.metric("backstitch_open_spans")}


def memory_of_open_spans(binary, spans):
    """In a process that has not freed anything yet, so that every byte is seen."""
    serve = Serve(binary, decision_wait="10m")
    result = receive(binary, serve, spans)
    serve.kill()
    return result


def receive_in_steady_state(binary, protocol):
    """As after the first burst: the log's segments are files that were written before."""
    serve = Serve(binary, decision_wait="200ms")
    for _ in range(5):
        sealed = serve.metric("backstitch_spans_sealed_total")
        generate(binary, serve, FILLING_SPANS, protocol=protocol)
        serve.wait(lambda: serve.metric("backstitch_spans_sealed_total") >= sealed + FILLING_SPANS,
                   "spans to be sealed")
        if serve.metric("backstitch_log_free_segments") >= RECYCLED_SEGMENTS:
            break
    serve.reload(decision_wait="10m")  # soon enough: what no burst needs for 10 s is removed
    assert serve.metric("backstitch_log_free_segments") >= RECYCLED_SEGMENTS, "no steady state was reached"
    files = serve.log_files()
    result = receive(binary, serve, STEADY_SPANS, protocol)
    assert serve.log_files() <= files, "a segment was not recycled"
    serve.kill()
    return result


def receiving_rows(binary, row, in_walks):
    for protocol, budget in (("grpc", "≤ 3 walks"), ("http", "–")):
        runs = [receive_in_steady_state(binary, protocol) for _ in range(RUNS)]
        cpu = [run["cpu"] * 1e9 for run in runs]
        rate = statistics.median(run["rate"] for run in runs)
        row(f"{'gRPC' if protocol == 'grpc' else 'HTTP'} in, redacted, logged, acknowledged",
            in_walks(statistics.median(cpu)), budget,
            f"median of {RUNS} runs ({', '.join(f'{one:.0f}' for one in sorted(cpu))} ns); "
            f"{rate:,.0f} spans/s beside the generator")


def whole(binary, spans):
    with tempfile.NamedTemporaryFile("r") as truth:
        serve = Serve(binary)
        cpu = serve.cpu_seconds()
        seconds = generate(binary, serve, spans, truth.name)
        traces = [json.loads(line) for line in truth]
    planted = sum(trace["spans"] for trace in traces)
    serve.wait(lambda: serve.metric("backstitch_spans_sealed_total") >= planted, "spans to be sealed")
    result = {"cpu": serve.cpu_seconds() - cpu, "seconds": seconds, "spans": planted, "peak": serve.memory("VmHWM"),
              "store": serve.disk_bytes("store")}
    pick = random.Random(1)
    ids = [pick.choice(traces)["trace_id"] for _ in range(2000)]
    api = "/api/bs/v1/traces"
    latencies(serve, [f"{api}/{id}" for id in ids[:100]])
    result["by id"] = latencies(serve, [f"{api}/{id}" for id in ids])
    result["unknown id"] = latencies(serve, [f"{api}/{pick.getrandbits(128):032x}" for _ in range(1000)])
    services = sorted({trace["root_service"] for trace in traces})
    result["service"] = latencies(serve, [f"{api}?service={pick.choice(services)}&limit=20" for _ in range(100)])
    result["errors"] = latencies(serve, [f"{api}?tags=error%3Dtrue&limit=20" for _ in range(50)])
    result["slow"] = latencies(serve, [f"{api}?minDuration=2s&limit=20" for _ in range(50)])
    serve.stop()
    return result


def table(build, spans, only):
    binary = str(build / "backstitch")
    steps = yardsticks(build, "yardstick_walk" if only else ".")
    walk = steps["yardstick_walk"]["time_per_span"] * 1e9
    rows = []

    def row(what, value, budget, note=""):
        rows.append((what, value, budget, note))

    def in_walks(nanos):
        return f"{nanos / walk:.2f} walks ({nanos:.0f} ns)"

    def step(name):
        return steps[name]["time_per_span"] * 1e9

    row("one walk", f"{walk:.0f} ns", "–", f"{steps['yardstick_walk']['bytes_per_span']:.0f} bytes a span")
    if only == "receive":
        receiving_rows(binary, row, in_walks)
        return rows
    row("ingest walk", in_walks(step("ingest_walk/redact:0")), "≤ 1 walk")
    row("ingest walk with redaction", in_walks(step("ingest_walk/redact:1")), "–")
    row("walk + redaction + log + assemble", in_walks(step("walk_log_assemble/min_time:3.000")), "≤ 2 walks")
    receiving_rows(binary, row, in_walks)
    fresh = memory_of_open_spans(binary, spans)
    row("resident memory per open span", f"{fresh['memory']:.1f} bytes", "≤ 30 bytes",
        f"{fresh['own']:.1f} of them the open traces' own count")
    all_of_it = whole(binary, spans)
    count = all_of_it["spans"]
    row("whole `serve`: gRPC in, logged, sealed, stored", in_walks(all_of_it["cpu"] / count * 1e9), "≤ 25 walks",
        f"{count / all_of_it['seconds']:,.0f} spans/s beside the generator")
    row("peak memory", f"{all_of_it['peak'] / 2**20:.0f} MiB", "–")
    row("disk, store", f"{all_of_it['store'] / count:.0f} bytes a span", "–", "compacted in the background later")
    for what, name, budget in (("trace by id", "by id", "p99 ≤ 5 ms"), ("unknown id", "unknown id", "–"),
                               ("search: service, limit 20", "service", "–"),
                               ("search: errors, limit 20", "errors", "–"),
                               ("search: at least 2 s, limit 20", "slow", "–")):
        p50, p99 = all_of_it[name]
        row(what, f"p50 {p50:.2f} ms, p99 {p99:.2f} ms", budget)
    return rows


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--spans", type=int, default=1_000_000)
    parser.add_argument("--only", choices=["receive"], help="the rows of receiving; not with --write")
    parser.add_argument("--write", type=pathlib.Path)
    options = parser.parse_args()
    if options.only and options.write:
        parser.error("--write takes the whole table")
    rows = table(options.build, options.spans, options.only)
    lines = ["| What | Measured | Budget | |", "|---|---|---|---|"]
    lines += [f"| {what} | {value} | {budget} | {note} |" for what, value, budget, note in rows]
    print("\n".join(lines))
    if options.write:
        text = options.write.read_text()
        begin, end = "<!-- table: make bench -->\n", "<!-- end -->"
        head, rest = text.split(begin)
        options.write.write_text(head + begin + "\n".join(lines) + "\n" + end + rest.split(end)[1])


main()
