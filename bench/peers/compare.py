#!/usr/bin/env python3
"""Do Backstitch and the OpenTelemetry Collector keep the same traces, by the same policies, of the same spans?

    bench/peers/compare.py build/release [--policies FILE ...] [--spans 30000] [--contenders collector,backstitch]

FILE has a "tail_sampling:" block, which both get as it is; without any, those of bench/peers/policies. Spans are those
of `backstitch gen`, sent faster than any window ends, so that nothing is late. Prints each difference; exit code 1 if
there is one. Policies that remember (limiters, composite) depend on the second and on chance: tests/golden has them."""
import argparse
import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))

from sampling_contenders import BackstitchContender, CollectorContender  # noqa: E402
from sampling_data import Data  # noqa: E402

import peers  # noqa: E402

SEED = 3
WAIT = 2  # decision_wait of the policy files
SHOWN = 5


def kept(contender, block, data):
    run = contender.sampling(block)
    data.send(run, senders=1)  # in order: latency with an upper bound depends on it
    run.settle(WAIT)
    found = run.kept(data.sizes)
    run.end()
    return found


def differences(names, found):
    """Sentences on what two contenders do not agree on."""
    one, other = found
    for name, ids in ((names[0], one.keys() - other.keys()), (names[1], other.keys() - one.keys())):
        if ids:
            yield f"{len(ids):,} traces kept by {name} alone: {', '.join(sorted(ids)[:SHOWN])}"
    partial = sorted(trace for trace in one.keys() & other.keys() if one[trace] != other[trace])
    if partial:
        yield (f"{len(partial):,} traces with other spans: " +
               ", ".join(f"{trace} ({one[trace]} and {other[trace]})" for trace in partial[:SHOWN]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--policies", type=pathlib.Path, nargs="*")
    parser.add_argument("--spans", type=int, default=30_000)
    parser.add_argument("--contenders", default="collector,backstitch", help="two of collector, backstitch")
    options = parser.parse_args()
    peers.build()
    known = {"collector": CollectorContender, "backstitch": lambda: BackstitchContender(options.build)}
    contenders = [known[name]() for name in options.contenders.split(",")]
    names = [contender.name for contender in contenders]
    found_any = False
    with tempfile.TemporaryDirectory(prefix="backstitch-compare-") as folder:
        data = Data(options.build / "backstitch", options.spans, folder, SEED)
        for path in options.policies or sorted((HERE / "policies").glob("*.yaml")):
            found = [kept(contender, path.read_text(), data) for contender in contenders]
            told = list(differences(names, found))
            found_any |= bool(told)
            print(f"{path.stem}: {' and '.join(f'{len(ids):,}' for ids in found)} of {len(data.sizes):,} traces kept; "
                  f"{'DIFFERENT' if told else 'the same'}", flush=True)
            for sentence in told:
                print(f"  {sentence}")
    sys.exit(1 if found_any else 0)


main()
