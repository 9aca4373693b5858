#!/usr/bin/env python3
"""How small is what `serve` has stored, what did it cost, and how fast is it found?

    bench/blocks_bench.py build/release [--spans 1000000] [--write docs/benchmarks.md]
    bench/blocks_bench.py build/release --curve 1,10,50      # millions of spans, one after the other in one store

CPU is told in walks (see serve_bench.py), disk as a share of zstd19: what the same requests take under
`zstd -19 --long=27`. Times are told in milliseconds and in walks: budgets were set on a machine with a walk of
BUDGET_WALK_NS, and a machine on which a walk takes longer has as much more time."""
import argparse
import http.client
import json
import pathlib
import random
import subprocess
import tempfile
import time
import urllib.parse

from running_serve import Serve, generate, latencies, write_table, yardsticks

API = "/api/bs/v1/traces"
SETTLED_SECONDS = 15  # without a change in the data directory
ZSTD_SPANS = 1_000_000
WARM_UP = 50
BUDGET_WALK_NS = 265
# What each reads.
SCANS = {"{} | rate()": "the index, and the starts of groups that a step begins in",
         "{} | rate() by (status)": "one column of every group",
         "{} | max_over_time(duration)": "durations of every group"}


def zstd19(binary):
    """Bytes a span."""
    with tempfile.TemporaryDirectory() as folder:
        raw = pathlib.Path(folder, "spans.otlp")
        subprocess.run([binary, "gen", "--out", raw, "--spans", str(ZSTD_SPANS), "--seed", "1"], check=True,
                       capture_output=True)
        packed = pathlib.Path(folder, "spans.zst")
        subprocess.run(["zstd", "-19", "--long=27", "-T0", "-q", raw, "-o", packed], check=True)
        return packed.stat().st_size / ZSTD_SPANS


def wait_sealed(serve, spans):
    """Asks seldom: each question to /metrics is CPU that is charged to the spans."""
    serve.wait(lambda: serve.metric("backstitch_spans_sealed_total") >= spans, "spans to be sealed", 1800, every=1)


def settle(serve, planted):
    wait_sealed(serve, planted)
    files, since = None, time.monotonic()
    while time.monotonic() - since < SETTLED_SECONDS:
        now = sorted((str(path), path.stat().st_size) for path in pathlib.Path(serve.data).rglob("*.*")
                     if path.suffix != ".yaml")
        if now != files:
            files, since = now, time.monotonic()
        time.sleep(0.5)


def visible_after(serve):
    """Milliseconds from the acknowledgement of a span until a search shows it: the worst of some."""
    otlp = http.client.HTTPConnection(serve.address["otlp-http"])
    worst = 0
    for number in range(20):
        now = time.time_ns()
        span = {"traceId": random.randbytes(16).hex(), "spanId": random.randbytes(8).hex(), "name": "probe", "kind": 2,
                "startTimeUnixNano": str(now), "endTimeUnixNano": str(now + 1000),
                "attributes": [{"key": "probe", "value": {"stringValue": f"probe-{number}"}}]}
        body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})
        otlp.request("POST", "/v1/traces", body, {"Content-Type": "application/json"})
        answer = otlp.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
        acknowledged = time.perf_counter()
        query = urllib.parse.quote(f'{{ span.probe = "probe-{number}" }}')
        while not json.loads(serve.get(f"{API}?q={query}&limit=1")[1])["traces"]:
            pass
        worst = max(worst, (time.perf_counter() - acknowledged) * 1000)
    return worst


def users(serve, traces, pick):
    """Values of enduser.id that are there."""
    found = set()
    while len(found) < 50:
        body = json.loads(serve.get(f"/api/traces/{pick.choice(traces)['trace_id']}")[1])
        for span in body["data"][0]["spans"]:
            found |= {tag["value"] for tag in span["tags"] if tag["key"] == "enduser.id"}
    return sorted(found)


def searches(serve, traces, pick):
    """What is asked and how, as (name, paths)."""
    services = sorted({trace["root_service"] for trace in traces})
    people = users(serve, traces, pick)

    def native(query):
        return f"{API}?limit=20&q={urllib.parse.quote(query)}"

    def times(count, path):
        return [path(pick.choice(services), pick.choice(people)) for _ in range(count)]

    return [
        ("service", times(200, lambda service, _: native(f'{{ resource.service.name = "{service}" }}'))),
        ("service and user", times(200, lambda service, user: native(
            f'{{ resource.service.name = "{service}" && span.enduser.id = "{user}" }}'))),
        ("user", times(200, lambda _, user: native(f'{{ span.enduser.id = "{user}" }}'))),
        ("a user that is not there", times(100, lambda _, user: native(f'{{ span.enduser.id = "{user}x" }}'))),
        ("error", times(200, lambda *_: native("{ status = error }"))),
        ("service and error", times(200, lambda service, _: native(
            f'{{ resource.service.name = "{service}" && status = error }}'))),
        ("at least 2 s", times(200, lambda *_: native("{ duration >= 2s }"))),
        ("service and at least 2 s", times(200, lambda service, _: native(
            f'{{ resource.service.name = "{service}" && duration >= 2s }}'))),
        ("Jaeger v1, whole traces, service", times(100, lambda service, _: f"/api/traces?service={service}&limit=20")),
    ]


def cpu_in_steady_state(binary, spans):
    """Seconds a span, from gRPC to blocks written and merged, of the second load: the log's files are there by then."""
    serve = Serve(binary)
    for seed in (2, 1):
        sealed, cpu = serve.metric("backstitch_spans_sealed_total"), serve.cpu_seconds()
        generate(binary, serve, spans, seed=seed)
        wait_sealed(serve, sealed + spans)
    settle(serve, sealed + spans)
    cpu = serve.cpu_seconds() - cpu
    serve.stop()
    return cpu / spans


def measure(binary, spans):
    with tempfile.NamedTemporaryFile("r") as truth:
        serve = Serve(binary)
        cpu = serve.cpu_seconds()
        seconds = generate(binary, serve, spans, truth.name)
        traces = [json.loads(line) for line in truth]
    planted = sum(trace["spans"] for trace in traces)
    settle(serve, planted)
    result = {"cpu": serve.cpu_seconds() - cpu, "spans": planted, "rate": planted / seconds,
              "peak": serve.memory("VmHWM"), "disk": serve.disk_bytes(), "store": serve.disk_bytes("store")}
    pick = random.Random(1)
    ids = [pick.choice(traces)["trace_id"] for _ in range(2000)]
    latencies(serve, [f"{API}/{id}" for id in ids[:WARM_UP]])
    result["by id"] = latencies(serve, [f"{API}/{id}" for id in ids])
    result["unknown id"] = latencies(serve, [f"{API}/{pick.getrandbits(128):032x}" for _ in range(1000)])
    result["searches"] = [(name, latencies(serve, paths, 0.95)) for name, paths in searches(serve, traces, pick)]
    result["scanned"] = [(query, metrics_rate(serve, traces, planted, query)) for query in SCANS]
    result["visible"] = visible_after(serve)
    serve.stop()
    return result


def metrics_rate(serve, traces, planted, query="{} | rate()"):
    """Spans a second and core that a metrics query over all of them scans."""
    start = min(int(trace["start_unix_nano"]) for trace in traces)
    end = max(int(trace["start_unix_nano"]) for trace in traces) + 600 * 10**9
    path = (f"/api/bs/v1/metrics/query_range?q={urllib.parse.quote(query)}&start={start}&end={end}&step=10s")
    best = 0
    for _ in range(5):
        cpu = serve.cpu_seconds()
        rounds = 20
        for _ in range(rounds):
            status, body = serve.get(path)
            assert status == 200, body
        best = max(best, planted * rounds / max(serve.cpu_seconds() - cpu, 0.01))
    return best


CURVE_HEADS = ("", "spans/s into blocks", "CPU a span", "bytes a span", "resident", "open files", "trace by id",
               "unknown id", "service", "user", "a user that is not there", "error", "service and at least 2 s",
               "`{} | rate()`")


def curve(binary, millions):
    """One row of cells for each size that the store grows to."""
    serve = Serve(binary)
    pick = random.Random(1)
    sample, rows, stored = [], [], 0
    for size in millions:
        began, cpu, before = time.monotonic(), serve.cpu_seconds(), stored
        while stored < size * 1_000_000:
            with tempfile.NamedTemporaryFile("r") as truth:
                generate(binary, serve, 1_000_000, truth.name, seed=1 + stored // 1_000_000)
                traces = [json.loads(line) for line in truth]
            stored += sum(trace["spans"] for trace in traces)
            sample += pick.sample(traces, 400)
            serve.wait(lambda: serve.metric("backstitch_spans_sealed_total") >= stored - 2_000_000, "sealing", 600)
        serve.wait(lambda: serve.metric("backstitch_spans_sealed_total") >= stored, "spans to be sealed", 1800)
        rate = (stored - before) / (time.monotonic() - began)
        settle(serve, stored)
        rows.append(curve_row(serve, sample, pick, stored, rate, (serve.cpu_seconds() - cpu) / (stored - before)))
        print(" | ".join(rows[-1]), flush=True)
    serve.stop()
    return rows


def curve_row(serve, sample, pick, stored, rate, cpu):
    ids = [pick.choice(sample)["trace_id"] for _ in range(1000)]
    latencies(serve, [f"{API}/{id}" for id in ids[:WARM_UP]])
    found = {"trace by id": latencies(serve, [f"{API}/{id}" for id in ids]),
             "unknown id": latencies(serve, [f"{API}/{pick.getrandbits(128):032x}" for _ in range(300)])}
    for name, paths in searches(serve, sample, pick):
        if name in CURVE_HEADS:
            found[name] = latencies(serve, paths, 0.95)
    cells = ["{:.2f} / {:.2f} ms".format(*found[name]) for name in CURVE_HEADS if name in found]
    return [f"{stored / 1e6:.0f} million", f"{rate:,.0f}", f"{cpu * 1e9:,.0f} ns",
            f"{serve.disk_bytes() / stored:.1f}", f"{serve.memory('VmRSS') / 2**20:.0f} MiB",
            str(serve.open_files()), *cells,
            f"{metrics_rate(serve, sample, stored) / 1e6:,.0f} million spans/s a core"]


def time_row(name, times, share, bound, walk, note=""):
    """`times`: the median, and what `share` takes at most, in ms; `bound` likewise. `walk`: of this machine, in ns."""
    p50, most = times
    return (name, f"p50 {p50:.2f} ms, {share} {most:.2f} ms ({most * 1e6 / walk:,.0f} walks)",
            f"{share} ≤ {bound} ms ({bound * 1e6 / BUDGET_WALK_NS:,.0f} walks)", note)


def table(build, spans):
    binary = str(build / "backstitch")
    walk = yardsticks(build, "yardstick_walk")["yardstick_walk"]["time_per_span"] * 1e9
    floor = zstd19(binary)
    steady = cpu_in_steady_state(binary, spans)
    run = measure(binary, spans)
    count = run["spans"]
    disk = run["disk"] / count
    rows = [
        ("one walk", f"{walk:.0f} ns", "–", ""),
        ("zstd19", f"{floor:.1f} bytes a span", "–", ""),
        ("data directory, settled", f"{disk / floor:.3f} × zstd19 ({disk:.1f} bytes a span)", "≤ 0.55 × zstd19",
         f"{run['store'] / count:.1f} of them blocks"),
        ("CPU, gRPC in to blocks written and merged", f"{steady * 1e9 / walk:.1f} walks ({steady * 1e9:.0f} ns)",
         "≤ 15 walks", "the second of two loads"),
        ("the same of a new server's first load",
         f"{run['cpu'] / count * 1e9 / walk:.1f} walks ({run['cpu'] / count * 1e9:.0f} ns)", "–",
         f"{run['rate']:,.0f} spans/s taken beside the generator"),
        ("peak memory", f"{run['peak'] / 2**20:.0f} MiB", "≤ 250 MiB", "decision_wait 5 s"),
        time_row("trace by id", run["by id"], "p99", 2, walk),
        time_row("unknown id", run["unknown id"], "p99", 1, walk),
    ]
    for name, times in run["searches"]:
        bound = 25 if name.startswith("Jaeger") else 10
        rows.append(time_row(f"search: {name}", times, "p95", bound, walk, "limit 20"))
    for query, rate in run["scanned"]:
        rows.append((f"`{query}`", f"{rate / 1e6:,.0f} million spans/s a core", "≥ 30 million", SCANS[query]))
    rows.append(("visible to search after the acknowledgement", f"{run['visible']:.1f} ms", "≤ 100 ms", "worst of 20"))
    return rows


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--spans", type=int, default=1_000_000)
    parser.add_argument("--curve", type=lambda text: [int(size) for size in text.split(",")], metavar="MILLIONS")
    parser.add_argument("--write", type=pathlib.Path)
    options = parser.parse_args()
    if options.curve:
        write_table(curve(str(options.build / "backstitch"), options.curve), options.write, "curve", CURVE_HEADS)
    else:
        write_table(table(options.build, options.spans), options.write, "stored traces")


main()
