"""Spans for contenders of sampling_bench.py and peers/compare.py, the same for each, and what was planted in them."""
import json
import pathlib
import subprocess

from sampling_contenders import SLOW_MS

import peers

SPANS_PER_SECOND = 40_000  # of the data's own time


class Data:
    """The requests, and what was planted in them."""

    def __init__(self, binary, spans, folder, seed):
        generated, truth = pathlib.Path(folder, "spans.otlp"), pathlib.Path(folder, "truth.jsonl")
        self.prepared = pathlib.Path(folder, f"{seed}.prepared")
        subprocess.run([binary, "gen", "--out", generated, "--truth", truth, "--spans", str(spans), "--seed", str(seed),
                        "--rate", str(SPANS_PER_SECOND)], check=True, capture_output=True)
        subprocess.run([peers.REPLAY, "prepare", generated, self.prepared], check=True)
        generated.unlink()
        traces = [json.loads(line) for line in truth.read_text().splitlines()]
        self.sizes = {trace["trace_id"]: trace["spans"] for trace in traces}
        self.spans = sum(self.sizes.values())
        self.errors = {trace["trace_id"] for trace in traces if trace["errors"]}
        self.slow = {trace["trace_id"] for trace in traces if int(trace["duration_nano"]) // 1_000_000 > SLOW_MS}

    def send(self, run, **how):
        said = peers.send(self.prepared, run.address, **how)
        assert not said["failed"], said
        return said

    def whole(self, wanted, kept):
        return f"{sum(kept.get(trace) == self.sizes[trace] for trace in wanted):,} of {len(wanted):,}"

    def dropped_share(self, kept):
        """Of traces that neither failed nor were slow."""
        rest = self.sizes.keys() - self.errors - self.slow
        return 1 - sum(trace in kept for trace in rest) / len(rest)
