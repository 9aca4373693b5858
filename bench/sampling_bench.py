#!/usr/bin/env python3
"""What does tail sampling cost, what does it keep, and what is lost when it is killed: Backstitch beside the
OpenTelemetry Collector?

    bench/sampling_bench.py build/release [--spans 1000000] [--contenders collector,backstitch] [--only saturated,pace]
                                          [--write docs/benchmarks.md]

Both get the same requests in the same order from the same program (bench/peers/replay): those of `backstitch gen --out`
with a seed, 40,000 spans to a second of its time, put in the order in which spans end, as exporters send them. CPU is
what the kernel charged the contender's processes, told per million spans and in walks (see serve_bench.py)."""
import argparse
import json
import pathlib
import subprocess
import tempfile
import time

from running_serve import write_table, yardsticks
from sampling_contenders import SLOW_MS, BackstitchContender, CollectorContender

import peers  # sampling_contenders says where

SEED = 1
SPANS_PER_SECOND = 40_000  # of the data's own time
WAIT = 5
LONG_WAIT = 600  # longer than any run
KILL_WAIT, KILL_AFTER = 10, 12  # seconds of the window, and of the data that is sent until the kill


class Data:
    """The requests, and what was planted in them."""

    def __init__(self, binary, spans, folder):
        generated, truth = pathlib.Path(folder, "spans.otlp"), pathlib.Path(folder, "truth.jsonl")
        self.prepared = pathlib.Path(folder, "spans.prepared")
        subprocess.run([binary, "gen", "--out", generated, "--truth", truth, "--spans", str(spans), "--seed", str(SEED),
                        "--rate", str(SPANS_PER_SECOND)], check=True, capture_output=True)
        subprocess.run([peers.REPLAY, "prepare", generated, self.prepared], check=True)
        generated.unlink()
        traces = [json.loads(line) for line in truth.read_text().splitlines()]
        self.sizes = {trace["trace_id"]: trace["spans"] for trace in traces}
        self.spans = sum(self.sizes.values())
        self.errors = {trace["trace_id"] for trace in traces if trace["errors"]}
        self.slow = {trace["trace_id"] for trace in traces if int(trace["duration_nano"]) // 1_000_000 > SLOW_MS}

    def whole(self, wanted, kept):
        return f"{sum(kept.get(trace) == self.sizes[trace] for trace in wanted):,} of {len(wanted):,}"

    def dropped_share(self, kept):
        """Of traces that neither failed nor were slow."""
        rest = self.sizes.keys() - self.errors - self.slow
        return 1 - sum(trace in kept for trace in rest) / len(rest)


def per_million(cpu, spans, walk):
    return f"{cpu / spans * 1e6:.2f} CPU-s ({cpu / spans / walk:.1f} walks)"


def measured(run, data, pace=False):
    """Sends everything and waits until it is decided: (CPU seconds, what replay said)."""
    cpu = run.cpu_seconds()
    said = peers.send(data.prepared, run.address, pace)
    assert said["acknowledged_spans"] == data.spans, said
    return cpu, said


def receive(contender, data, walk):
    run = contender.receive_only()
    cpu, said = measured(run, data)
    yield "receive only, per million spans", per_million(run.cpu_seconds() - cpu, data.spans, walk)
    yield "receive only, taken", f"{data.spans / said['seconds']:,.0f} spans/s"
    run.end()


def sampled(contender, data, walk, pace, how):
    run = contender.sampling(WAIT, len(data.sizes))
    cpu, said = measured(run, data, pace)
    run.settle()
    cpu = run.cpu_seconds() - cpu
    peak = run.memory("VmHWM")
    kept = run.kept(data.sizes)
    run.end()
    yield f"{how}, per million spans", per_million(cpu, data.spans, walk)
    yield f"{how}, taken", f"{data.spans / said['seconds']:,.0f} spans/s"
    yield f"{how}, peak memory", f"{peak / 2**20:,.0f} MiB"
    yield f"{how}, error traces kept whole", data.whole(data.errors, kept)
    yield f"{how}, slow traces kept whole", data.whole(data.slow, kept)
    yield f"{how}, the rest dropped", f"{data.dropped_share(kept):.2%}"


def buffered(contender, data, _walk):
    run = contender.sampling(LONG_WAIT, len(data.sizes))
    peers.send(data.prepared, run.address, until=0.5)  # touches what is only allocated once
    before = run.memory("VmRSS")
    said = peers.send(data.prepared, run.address)
    growth = run.memory("VmRSS") - before
    run.end()
    yield "resident memory per open span", f"{growth / said['acknowledged_spans']:,.0f} bytes"


def killed(contender, data, _walk):
    run = contender.sampling(KILL_WAIT, len(data.sizes))
    with tempfile.NamedTemporaryFile("r") as file:
        peers.send(data.prepared, run.address, pace=True, until=KILL_AFTER, acknowledged=file.name)
        run.kill()
        acknowledged = peers.read_counts(file.read())
    run.again()
    time.sleep(KILL_WAIT)
    run.settle()
    wanted = {trace: acknowledged[trace] for trace in data.errors & acknowledged.keys()}
    kept = run.kept(wanted)
    run.end()
    lost = sum(max(0, spans - kept.get(trace, 0)) for trace, spans in wanted.items())
    yield "kill -9 mid-window: acknowledged spans of error traces lost", (
        f"{lost:,} of {sum(wanted.values()):,} ({lost / sum(wanted.values()):.0%})")


def two_tiers(contender, data, walk):
    run = contender.in_front_of_two(WAIT, len(data.sizes))
    if not run:
        return
    front, (cpu, _) = run.cpu_seconds_of_front(), measured(run, data)
    run.settle()
    cpu, front = run.cpu_seconds() - cpu, run.cpu_seconds_of_front() - front
    kept = run.kept(data.sizes)
    run.end()
    yield "in front of two, per million spans", per_million(cpu, data.spans, walk)
    yield "in front of two, the front alone", per_million(front, data.spans, walk)
    yield "in front of two, error traces kept whole", data.whole(data.errors, kept)
    yield "in front of two, slow traces kept whole", data.whole(data.slow, kept)


PARTS = {
    "receive": receive,
    "saturated": lambda *with_: sampled(*with_, False, "as fast as it takes them"),
    "pace": lambda *with_: sampled(*with_, True, f"at {SPANS_PER_SECOND:,} spans/s"),
    "buffered": buffered,
    "two-tiers": two_tiers,
    "kill": killed,
}
TARGETS = {
    "as fast as it takes them, per million spans": "≤ 4 walks",
    "resident memory per open span": "≤ 30 bytes",
    "as fast as it takes them, the rest dropped": "99 % ± 0.2 %",
    "kill -9 mid-window: acknowledged spans of error traces lost": "0",
    "in front of two, per million spans": "≤ 1/12 of the Collector's",
}


def table(build, data, contenders, parts):
    walk = yardsticks(build, "yardstick_walk")["yardstick_walk"]["time_per_span"]
    columns = []
    for contender in contenders:
        columns.append({})
        for part in parts:
            for what, value in PARTS[part](contender, data, walk):
                print(f"{contender.name}: {what}: {value}", flush=True)
                columns[-1][what] = value
    names = list(dict.fromkeys(what for column in columns for what in column))
    yield ["one walk", *[f"{walk * 1e9:.0f} ns"] * len(columns), "–"]
    for what in names:
        target = TARGETS.get(what, "all" if "kept whole" in what else "–")
        yield [what, *[column.get(what, "–") for column in columns], target]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--spans", type=int, default=1_000_000)
    parser.add_argument("--contenders", default="collector,backstitch")
    parser.add_argument("--only", default=",".join(PARTS), help=f"some of {', '.join(PARTS)}; not with --write")
    parser.add_argument("--write", type=pathlib.Path)
    options = parser.parse_args()
    parts = options.only.split(",")
    if unknown := set(parts) - PARTS.keys():
        parser.error(f"no part {', '.join(sorted(unknown))}")
    if options.write and parts != list(PARTS):
        parser.error("--write takes the whole table")
    peers.build()
    known = {"collector": CollectorContender, "backstitch": lambda: BackstitchContender(options.build)}
    contenders = [known[name]() for name in options.contenders.split(",")]
    with tempfile.TemporaryDirectory(prefix="backstitch-bench-") as folder:
        data = Data(options.build / "backstitch", options.spans, folder)
        rows = list(table(options.build, data, contenders, parts))
    write_table(rows, options.write, "tail sampling", ("What", *[one.name for one in contenders], "Target"))


if __name__ == "__main__":
    main()
