#!/usr/bin/env python3
"""What does tail sampling cost, what does it keep, and what is lost when it is killed: Backstitch beside the
OpenTelemetry Collector?

    bench/sampling_bench.py build/release [--spans 1000000] [--contenders collector,backstitch,sample-only]
                                          [--only saturated,pace] [--runs 3] [--write docs/benchmarks.md]

Both get the same requests in the same order from the same program (bench/peers/replay): those of `backstitch gen --out`
with a seed, 40,000 spans to a second of its time, put in the order in which spans end, as exporters send them. Before
what is measured each has taken half as many spans more of another seed, so that what is only allocated once is
there. CPU is what the kernel charged the contender's processes, told per million spans and in walks (see
serve_bench.py)."""
import argparse
import pathlib
import statistics
import tempfile

from running_serve import write_table, yardsticks
from sampling_contenders import BackstitchContender, CollectorContender, SampleOnlyContender, tail_sampling
from sampling_data import SPANS_PER_SECOND, Data

import peers  # sampling_contenders says where

SEED, WARM_SEED = 1, 2
WAIT = 5
LONG_WAIT = 600  # longer than any run
KILL_WAIT, KILL_AFTER = 30, 12  # the Collector's default window, and how much of the data is sent until the kill


class Measuring:
    """What the parts of the table have in common: the data, traces to warm up with, the walk, how often."""

    def __init__(self, build, spans, runs, folder):
        binary = build / "backstitch"
        self.data, self.warm = Data(binary, spans, folder, SEED), Data(binary, spans * 3 // 2, folder, WARM_SEED)
        self.walk = yardsticks(build, "yardstick_walk")["yardstick_walk"]["time_per_span"]
        self.runs = runs

    def block(self, wait):
        """With room for both sets of traces."""
        return tail_sampling(wait, 2 * (len(self.data.sizes) + len(self.warm.sizes)))

    def per_million(self, cpu):
        """Of seconds, one for each run."""
        middle = statistics.median(cpu) / self.data.spans
        each = ", ".join(f"{one / self.data.spans * 1e6:.2f}" for one in sorted(cpu))
        return f"{middle * 1e6:.2f} CPU-s ({middle / self.walk:.1f} walks)" + (f"; {each}" if len(cpu) > 1 else "")


def receive(contender, measuring):
    cpu, seconds = [], []
    for _ in range(measuring.runs):
        run = contender.receive_only()
        measuring.warm.send(run)
        before = run.cpu_seconds()
        seconds.append(measuring.data.send(run)["seconds"])
        cpu.append(run.cpu_seconds() - before)
        run.end()
    yield "receive only, per million spans", measuring.per_million(cpu)
    yield "receive only, taken", f"{measuring.data.spans / statistics.median(seconds):,.0f} spans/s"


def sampled(contender, measuring, pace):
    """Until all is decided and what is kept is out, after as much that is not measured."""
    data, cpu, said = measuring.data, [], []
    for _ in range(1 if pace else measuring.runs):
        run = contender.sampling(measuring.block(WAIT))
        measuring.warm.send(run)
        run.settle(WAIT)
        before = run.cpu_seconds()
        said.append(data.send(run, pace=pace))
        run.settle(WAIT)
        cpu.append(run.cpu_seconds() - before)
        peak, kept = run.memory("VmHWM"), run.kept(data.sizes)
        run.end()
    how = f"at {SPANS_PER_SECOND:,} spans/s" if pace else "as fast as it takes them"
    yield f"{how}, per million spans", measuring.per_million(cpu)
    if pace:
        yield f"{how}, behind at most", f"{said[0]['late_ms'] / 1000:.1f} s"
    else:
        yield f"{how}, taken", f"{data.spans / statistics.median(one['seconds'] for one in said):,.0f} spans/s"
    yield f"{how}, peak memory", f"{peak / 2**20:,.0f} MiB"
    yield f"{how}, error traces kept whole", data.whole(data.errors, kept)
    yield f"{how}, slow traces kept whole", data.whole(data.slow, kept)
    yield f"{how}, the rest dropped", f"{data.dropped_share(kept):.2%}"


def buffered(contender, measuring):
    run = contender.sampling(measuring.block(LONG_WAIT))
    measuring.warm.send(run, until=0.5)  # touches what is only allocated once
    before = run.memory("VmRSS")
    spans = measuring.data.send(run)["acknowledged_spans"]
    growth = run.memory("VmRSS") - before
    run.end()
    yield "resident memory per open span", f"{growth / spans:,.0f} bytes"


def killed(contender, measuring):
    data = measuring.data
    run = contender.sampling(measuring.block(KILL_WAIT))
    with tempfile.NamedTemporaryFile("r") as file:
        data.send(run, pace=True, until=KILL_AFTER, acknowledged=file.name)
        run.kill()
        acknowledged = peers.read_counts(file.read())
    run.again()
    run.settle(KILL_WAIT)
    wanted = {trace: acknowledged[trace] for trace in data.errors & acknowledged.keys()}
    kept = run.kept(wanted)
    run.end()
    lost = sum(max(0, spans - kept.get(trace, 0)) for trace, spans in wanted.items())
    yield "kill -9 mid-window: acknowledged spans of error traces lost", (
        f"{lost:,} of {sum(wanted.values()):,} ({lost / sum(wanted.values()):.0%})")


def two_tiers(contender, measuring):
    data = measuring.data
    run = contender.in_front_of_two(measuring.block(WAIT))
    measuring.warm.send(run)
    run.settle(WAIT)
    cpu, front = run.cpu_seconds(), run.cpu_seconds_of_front()
    data.send(run)
    run.settle(WAIT)
    cpu, front = run.cpu_seconds() - cpu, run.cpu_seconds_of_front() - front
    kept = run.kept(data.sizes)
    run.end()
    yield "in front of two, per million spans", measuring.per_million([cpu])
    yield "in front of two, the front alone", measuring.per_million([front])
    yield "in front of two, error traces kept whole", data.whole(data.errors, kept)
    yield "in front of two, slow traces kept whole", data.whole(data.slow, kept)


PARTS = {
    "receive": receive,
    "saturated": lambda contender, measuring: sampled(contender, measuring, pace=False),
    "pace": lambda contender, measuring: sampled(contender, measuring, pace=True),
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


def table(measuring, contenders, parts):
    columns = []
    for contender in contenders:
        columns.append({})
        for part in parts:
            for what, value in PARTS[part](contender, measuring):
                print(f"{contender.name}: {what}: {value}", flush=True)
                columns[-1][what] = value
    names = list(dict.fromkeys(what for column in columns for what in column))
    yield ["one walk", *[f"{measuring.walk * 1e9:.0f} ns"] * len(columns), "–"]
    for what in names:
        target = TARGETS.get(what, "all" if "kept whole" in what else "–")
        yield [what, *[column.get(what, "–") for column in columns], target]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--spans", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3, help="of receiving and sampling at full speed; medians are told")
    parser.add_argument("--contenders", default="collector,backstitch,sample-only")
    parser.add_argument("--only", default=",".join(PARTS), help=f"some of {', '.join(PARTS)}; not with --write")
    parser.add_argument("--write", type=pathlib.Path)
    options = parser.parse_args()
    parts = options.only.split(",")
    if unknown := set(parts) - PARTS.keys():
        parser.error(f"no part {', '.join(sorted(unknown))}")
    if options.write and parts != list(PARTS):
        parser.error("--write takes the whole table")
    peers.build()
    known = {"collector": CollectorContender, "backstitch": lambda: BackstitchContender(options.build),
             "sample-only": lambda: SampleOnlyContender(options.build)}
    contenders = [known[name]() for name in options.contenders.split(",")]
    with tempfile.TemporaryDirectory(prefix="backstitch-bench-") as folder:
        rows = list(table(Measuring(options.build, options.spans, options.runs, folder), contenders, parts))
    write_table(rows, options.write, "tail sampling", ("What", *[one.name for one in contenders], "Target"))


if __name__ == "__main__":
    main()
