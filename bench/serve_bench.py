#!/usr/bin/env python3
"""What does a span cost `serve` until it is acknowledged, and while its trace is open?

    bench/serve_bench.py build/release [--spans 1000000] [--only receive] [--write docs/benchmarks.md]

Every figure of CPU is told as a multiple of one walk, a single-threaded protozero walk of every field of the same
spans, measured in the same run by path_bench. CPU is what the kernel charged the process (/proc/PID/stat), so the
generator beside it costs nothing but contention."""
import argparse
import pathlib
import statistics

from running_serve import Serve, generate, write_table, yardsticks

RUNS = 3
RECYCLED_SEGMENTS = 14  # of the 16 that the log keeps: 470 MB
FILLING_SPANS = 1_200_000  # more than they hold, at about 600 bytes a span in the log
STEADY_SPANS = 600_000  # fits into them, the first spans too


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
    write_table(rows, options.write, "receiving")


main()
