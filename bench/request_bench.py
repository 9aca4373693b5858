#!/usr/bin/env python3
"""What does the middleware cost a service: instructions, allocations and latency of a request that makes one call?

    bench/request_bench.py build/release [--write docs/benchmarks.md]

Each variant of bench/request_cost runs twice under callgrind, with two counts of requests: the difference is what a
request takes in user space, in the service's process alone. Latencies are measured without it, the variants in turn."""
import argparse
import os
import pathlib
import re
import statistics
import subprocess

from running_serve import write_table

REQUESTS = (300, 900)
ROUNDS, ROUND_REQUESTS = 15, 1000
# glibc chooses its memcpy by the processor; this one all have.
ENVIRONMENT = {**os.environ, "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-AVX,-ERMS,-AVX512F,-AVX512VL"}
# Variant, what it is, the variant that it is compared with.
VARIANTS = (
    ("bare", "without any of it", None),
    ("headers", "the same, sending the two headers that the middleware sends", "bare"),
    ("traced", "spans made by hand, not sampled", "bare"),
    ("whole", "the middleware, not sampled", "bare"),
    ("traced_sampled", "spans made by hand, sampled", "bare"),
    ("whole_sampled", "the middleware, sampled", "bare"),
    ("bare_deadline", "without any of it; the caller sends a deadline", None),
    ("whole_deadline", "the middleware, not sampled; the caller sends a deadline", "bare_deadline"),
)
TIMED = (("bare", "without any of it"), ("whole", "the middleware, not sampled"))


def run(command, variant, requests):
    done = subprocess.run([*command, variant, str(requests)], capture_output=True, text=True, check=False,
                          env=ENVIRONMENT, timeout=300)
    said = re.search(r"allocations (\d+) p50_ns (\d+) p99_ns (\d+)", done.stdout)
    if done.returncode or not said:
        raise SystemExit(f"{variant}: exit code {done.returncode}\n{done.stderr[-2000:]}")
    return done.stderr, *map(int, said.groups())


def count(program, variant):
    """(instructions, allocations) of a request"""
    instructions, allocations = [], []
    for requests in REQUESTS:
        told, allocated, _, _ = run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program],
                                    variant, requests)
        instructions.append(int(re.search(r"Collected : (\d+)", told)[1]))
        allocations.append(allocated)
    few, many = REQUESTS
    return ((instructions[1] - instructions[0]) / (many - few), (allocations[1] - allocations[0]) / (many - few))


def instruction_rows(program):
    measured = {variant: count(program, variant) for variant, _, _ in VARIANTS}
    for variant, what, base in VARIANTS:
        instructions, allocations = measured[variant]
        more = "–"
        if base:
            difference = instructions - measured[base][0]
            more = f"{difference:,.0f} ({100 * difference / measured[base][0]:.1f} %)"
        yield what, f"{instructions:,.0f}", more, f"{allocations:.0f}"


def spread(nanos):
    low, middle, high = (value / 1000 for value in (min(nanos), statistics.median(nanos), max(nanos)))
    return f"{middle:.0f} us ({low:.0f} to {high:.0f})"


def latency_rows(program):
    seen = {variant: ([], []) for variant, _ in TIMED}
    for _ in range(ROUNDS):
        for variant, _ in TIMED:
            _, _, p50, p99 = run([program], variant, ROUND_REQUESTS)
            seen[variant][0].append(p50)
            seen[variant][1].append(p99)
    for variant, what in TIMED:
        yield what, *(spread(nanos) for nanos in seen[variant])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--write", type=pathlib.Path)
    options = parser.parse_args()
    program = options.build / "bench" / "request_cost"
    write_table(list(instruction_rows(program)), options.write, "requests",
                ("A request", "Instructions", "More", "Allocations"))
    write_table(list(latency_rows(program)), options.write, "request latencies", ("A request", "p50", "p99"))


if __name__ == "__main__":
    main()
