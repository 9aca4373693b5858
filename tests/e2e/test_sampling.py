"""Tail sampling in `serve`: what policies keep, what `why` tells of it, what is taken back."""
import json
import re
import time
from collections import Counter

import pytest
import requests
from opentelemetry import trace as otel
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import Status, StatusCode

from sampling import (ERRORS, ERROR_STATUS, SECOND, SEED, SLOW_ONES, UNKNOWN, assert_dropped_everywhere,
                      decided_count, decisions, eventually_decided, eventually_dropped, eventually_kept,
                      found_by_search, is_chosen, keep, late_span, make_sampler, make_trace, percentage, post_keep,
                      sampling_metrics, send, send_trace, why, why_text)  # noqa: F401
from server import backstitch, eventually
from wire import PROTOBUF, request


# --- 1. What is kept

def test_errors_slow_traces_and_the_collectors_choice_of_the_rest_are_kept(make_sampler):
    server = make_sampler(ERRORS, SLOW_ONES, percentage(10), wait="500ms").start()
    good = [make_trace() for _ in range(300)]
    failed = [make_trace(is_error=True) for _ in range(20)]
    slow = [make_trace(milliseconds=2_500) for _ in range(20)]
    everything = good + failed + slow
    for i in range(0, len(everything), 34):  # ten requests, each with whole traces
        send(server, *(one for _, spans in everything[i:i + 34] for one in spans))
    chosen = {trace_id for trace_id, _ in everything if is_chosen(trace_id, 10)}
    assert 10 < len(chosen) < 60, f"seed {SEED}"
    kept = {trace_id for trace_id, _ in failed + slow} | chosen
    dropped = {trace_id for trace_id, _ in everything} - kept

    eventually(lambda: decided_count(server) == len(everything), "all decided")
    eventually(lambda: server.metric("backstitch_grace_traces") == len(dropped), "the dropped are out of sight")
    for trace_id in kept:
        assert server.span_count(trace_id) == 3, trace_id
    for trace_id in dropped:
        assert_dropped_everywhere(server, trace_id)
    assert found_by_search(server) == (kept, kept)
    eventually(lambda: server.metric("backstitch_open_traces") == 0, "sealed")
    assert found_by_search(server) == (kept, kept)

    shown = sampling_metrics(server)
    assert shown['decisions_total{verdict="kept"}'] == len(kept)
    assert shown['decisions_total{verdict="dropped"}'] == len(dropped)
    by_policy = {name: shown[f'policy_decisions_total{{policy="{name}"}}'] for name in ("errors", "slow", "some")}
    assert by_policy == {"errors": 20, "slow": 20, "some": len(kept) - 40}
    for name in ("early_decisions", "reopened", "regretted", "late_spans", "policy_failures"):
        assert shown[f"{name}_total"] == 0, name


def test_kept_traces_of_a_baseline_stand_for_all_the_rest(make_sampler):
    server = make_sampler(ERRORS, "{name: rest, type: baseline, baseline: {percent: 10}}").start()
    good = [make_trace(spans=1) for _ in range(2_000)]
    failed = [make_trace(spans=1, is_error=True) for _ in range(100)]
    for i in range(0, len(good), 500):
        send(server, *(one for _, spans in good[i:i + 500] for one in spans))
    send(server, *(one for _, spans in failed for one in spans))
    eventually(lambda: decided_count(server) == 2_100, "all decided")
    kept = sampling_metrics(server)['decisions_total{verdict="kept"}'] - 100
    assert 140 < kept < 260, f"{kept} of 2000 at 10 %, seed {SEED}"  # four standard deviations and more
    eventually(lambda: server.metric("backstitch_open_traces") == 0, "sealed")

    def weights(traces):
        """Of those that are there."""
        there = [trace_id for trace_id, _ in traces if server.span_count(trace_id)]
        return [why(server, trace_id)["decisions"][0]["weight"] for trace_id in there]

    assert weights(failed) == [1] * 100
    assert set(weights(good[:400])) == {10}


def test_spans_of_one_trace_in_several_requests_are_judged_together(make_sampler):
    server = make_sampler("{name: large, type: span_count, span_count: {min_spans: 4}}", wait="1s").start()
    trace_id, spans = make_trace(spans=4)
    for one in spans:
        send(server, one)
    eventually_kept(server, trace_id, 4)
    assert [one[1] for one in decisions(server, trace_id)] in (["window"], ["window", "reopened"])


# --- 2. Second thoughts

def test_a_late_error_takes_a_drop_back_and_why_tells_the_story(make_sampler):
    """With the SDK: a child is exported when it ends, its failing root when the trace was dropped already."""
    server = make_sampler(ERRORS, SLOW_ONES).start()
    provider = TracerProvider(resource=Resource({"service.name": "shop"}))
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(endpoint=server.otlp)))
    tracer = provider.get_tracer("e2e")
    root = tracer.start_span("GET /checkout")
    tracer.start_span("charge", context=otel.set_span_in_context(root)).end()
    trace_id = f"{root.get_span_context().trace_id:032x}"
    eventually_dropped(server, trace_id)
    assert_dropped_everywhere(server, trace_id)

    root.set_status(Status(StatusCode.ERROR))
    root.end()
    server.eventually_found(trace_id, 2)
    eventually_decided(server, trace_id, [("dropped", "window", 0), ("kept", "reopened", 0)])
    eventually(lambda: why(server, trace_id)["reopenUntilUnixNano"] == "0", "stored: nothing of it is in grace")
    told = why(server, trace_id)
    assert told["verdict"] == "kept"
    first, second = told["decisions"]
    assert (first["spanCount"], first["errorCount"], first["policy"]) == (1, 0, "")
    assert (second["spanCount"], second["errorCount"]) == (2, 1)
    assert (second["policy"], second["voted"]) == ("errors", ["errors"])
    # Each is told to the millisecond, from two clocks that are read one after the other.
    assert abs(int(second["openedTimeUnixNano"]) - int(first["openedTimeUnixNano"])) <= 1_000_000
    assert int(first["decidedTimeUnixNano"]) < int(second["decidedTimeUnixNano"])
    text = why_text(server, trace_id)
    assert text.startswith("Trace ID was kept.\n\nTIME: dropped when its window ended\n  No policy kept it."), text
    assert "TIME: kept after all: evidence that came later took a drop back\n  Decided by errors." in text, text
    shown = sampling_metrics(server)
    assert (shown["reopened_total"], shown["regretted_total"]) == (1, 0)
    eventually(lambda: found_by_search(server)[0] == {trace_id}, "found")
    assert server.metric("backstitch_grace_traces") == 0


def test_a_late_root_that_makes_the_trace_slow_takes_a_drop_back(make_sampler):
    server = make_sampler(SLOW_ONES).start()
    trace_id, (root, *children) = make_trace(milliseconds=2_500)
    for child in children:
        child.start_time_unix_nano = root.end_time_unix_nano - 1_000_000
    send(server, *children)
    eventually_dropped(server, trace_id)
    send(server, root)
    eventually_kept(server, trace_id)
    assert why(server, trace_id)["decisions"][-1]["policy"] == "slow"


# The last span by itself is enough to keep the trace, or only with the first one.
@pytest.mark.parametrize("policy", [ERRORS, "{name: large, type: span_count, span_count: {min_spans: 2}}"],
                         ids=["error", "span count"])
def test_evidence_around_the_end_of_the_window_keeps_the_trace_whole_and_once(make_sampler, policy):
    """Before it, after it, and in the middle of the decision."""
    server = make_sampler(policy).start()
    traces = [make_trace(spans=2, is_error=True) for _ in range(3_000)]
    send(server, *(spans[0] for _, spans in traces))
    session = requests.Session()
    for i in range(0, len(traces), 4):  # takes longer than the window
        body = request(*(spans[1] for _, spans in traces[i:i + 4])).SerializeToString()
        assert session.post(server.otlp, data=body, headers=PROTOBUF, timeout=60).status_code == 200
    sent = {trace_id for trace_id, _ in traces}
    torn = set(sent)

    def are_whole():
        torn.difference_update([trace_id for trace_id in torn if server.span_count(trace_id) == 2
                                and why(server, trace_id)])
        return not torn

    try:
        eventually(are_whole, "whole", 15)
    except AssertionError:
        one = min(torn)
        told = f"{one} has {server.span_count(one)} spans, {decisions(server, one)}"
        pytest.fail(f"{len(torn)} of {len(sent)} (seed {SEED}) are not whole: {told}")
    eventually(lambda: server.metric("backstitch_open_traces") == server.metric("backstitch_grace_traces") == 0, "kept")
    histories = Counter(tuple(one[:2] for one in decisions(server, trace_id)) for trace_id in sent)
    assert set(histories) <= {(("kept", "window"),), (("dropped", "window"), ("kept", "reopened"))}, histories
    assert sampling_metrics(server)["regretted_total"] == 0, "no evidence came too late"


def test_evidence_after_grace_keeps_itself_and_is_regretted(make_sampler):
    server = make_sampler(ERRORS, flags=["--set", "log.grace.age=0s"]).start()
    trace_id = send_trace(server)
    eventually_dropped(server, trace_id)
    eventually(lambda: server.metric("backstitch_grace_traces") == 0, "grace is over")
    send(server, late_span(trace_id, status=ERROR_STATUS))
    eventually_kept(server, trace_id, 1)
    eventually(lambda: sampling_metrics(server)["regretted_total"] == 1, "regretted")


def test_grace_is_bounded_by_bytes(make_sampler):
    server = make_sampler(ERRORS, flags=["--set", "log.grace.bytes=0", "--set", "log.grace.age=1h"]).start()
    trace_id = send_trace(server)
    eventually_dropped(server, trace_id)
    eventually(lambda: server.metric("backstitch_grace_traces") == 0, "let go")
    assert "its spans are gone" in server.get(f"/api/bs/v1/traces/{trace_id}", status=404).text
    assert why(server, trace_id)["reopenUntilUnixNano"] == "0"


# --- 3. Why

def test_why_of_a_kept_and_of_a_dropped_trace(make_sampler):
    server = make_sampler(ERRORS, SLOW_ONES).start()
    before = time.time_ns()
    kept, dropped = send_trace(server, is_error=True), send_trace(server, spans=1, milliseconds=120)
    eventually_kept(server, kept)
    eventually_dropped(server, dropped)
    assert why_text(server, kept) == """\
Trace ID was kept.

TIME: kept when its window ended
  Decided by errors. For keeping it: errors.
  Known then: 3 spans, 1 with an error, 1ms from start to end.
  Its first span came at TIME, WAIT before.
"""
    text = re.sub(r"(?<=No policy kept it\\.) For dropping it: [^\\n]*", "", why_text(server, dropped))
    assert text == """\
Trace ID was dropped.

TIME: dropped when its window ended
  No policy kept it.
  Known then: 1 span, none with an error, 120ms from start to end.
  Its first span came at TIME, WAIT before.

It can be taken back until TIME: backstitch keep ID
"""
    told = json.loads(backstitch("why", kept, "--json", "--server", server.url(""), check=0).stdout)
    assert told == why(server, kept)
    one, = told["decisions"]
    assert (told["traceId"], told["verdict"], told["partial"]) == (kept, "kept", False)
    assert {key: one[key] for key in ("verdict", "cause", "early", "policy", "voted", "durationNano", "spanCount",
                                      "errorCount", "lateSpanCount", "weight")} == {
        "verdict": "kept", "cause": "window", "early": False, "policy": "errors", "voted": ["errors"],
        "durationNano": "1000000", "spanCount": 3, "errorCount": 1, "lateSpanCount": 0, "weight": 1}
    opened, decided = int(one["openedTimeUnixNano"]), int(one["decidedTimeUnixNano"])
    assert before - 30_000_000 <= opened, "timers go in steps of 20 ms"
    assert opened + 280_000_000 <= decided <= time.time_ns()
    told = json.loads(backstitch("why", dropped, "--json", "--server", server.url(""), check=0).stdout)
    assert (told["verdict"], told["decisions"][0]["policy"]) == ("dropped", "")
    grace = int(told["reopenUntilUnixNano"]) - int(told["decisions"][0]["decidedTimeUnixNano"])
    assert abs(grace - 600 * SECOND) < 10 * SECOND, "ten minutes"


def test_why_of_late_spans(make_sampler):
    """They follow the decision that there is."""
    server = make_sampler(ERRORS).start()
    kept, dropped = send_trace(server, is_error=True), send_trace(server)
    eventually_kept(server, kept)
    eventually_dropped(server, dropped)
    eventually(lambda: server.metric("backstitch_open_traces") == 0, "sealed")
    send(server, late_span(kept), late_span(dropped))
    server.eventually_found(kept, 4)
    eventually_decided(server, kept, [("kept", "window", 1)])
    eventually_decided(server, dropped, [("dropped", "window", 1)])
    assert server.span_count(dropped) == 0
    assert "\n  1 span came later and was kept too.\n" in why_text(server, kept)
    assert "\n  1 span came later and was dropped too.\n" in why_text(server, dropped)
    assert sampling_metrics(server)["late_spans_total"] == 2
    assert decided_count(server) == 2


def test_why_of_an_early_decision(make_sampler):
    server = make_sampler(ERRORS, wait="1h", num_traces=2, flags=["--set", "shards=1"]).start()
    failed = send_trace(server, is_error=True)
    good = send_trace(server)
    for _ in range(2):
        send_trace(server)
    eventually_decided(server, failed, [("kept", "early_at_cap", 0)])
    eventually_decided(server, good, [("dropped", "early_at_cap", 0)])
    server.eventually_found(failed, 3)
    assert why(server, failed)["decisions"][0]["early"] is True
    assert ": kept early: as many traces were open as num_traces or memory allow\n" in why_text(server, failed)
    assert ": dropped early: as many traces were open as num_traces or memory allow\n" in why_text(server, good)
    assert sampling_metrics(server)["early_decisions_total"] >= 2


def test_no_more_traces_are_decided_early_than_the_cap_asks_for(make_sampler):
    """The oldest go; those that came in the same moment stay."""
    server = make_sampler(ERRORS, wait="1h", num_traces=2, flags=["--set", "shards=1"]).start()
    traces = [make_trace() for _ in range(3)]
    send(server, *(one for _, spans in traces for one in spans))
    eventually(lambda: decided_count(server) >= 1, "decided")
    assert sorted(len(decisions(server, trace_id)) for trace_id, _ in traces) == [0, 0, 1]


def test_why_of_an_unknown_and_of_an_open_trace_is_exit_4(make_sampler):
    server = make_sampler(ERRORS, wait="1h").start()
    for trace_id in (UNKNOWN, send_trace(server, is_error=True)):
        done = backstitch("why", trace_id, "--server", server.url(""), check=4)
        assert done.stdout == b"" and trace_id in done.stderr.decode() and b"nothing was decided" in done.stderr
        assert why(server, trace_id) is None
    backstitch("why", "no-id", "--server", server.url(""), check=2)
    backstitch("why", UNKNOWN, "--server", "http://127.0.0.1:1", check=3)


# --- 4. Keep

def test_a_person_takes_a_drop_back(make_sampler):
    server = make_sampler(ERRORS).start()
    by_cli, by_api = send_trace(server), send_trace(server)
    for trace_id in (by_cli, by_api):
        eventually_dropped(server, trace_id)
    assert by_cli in keep(server, by_cli, check=0).stdout.decode()
    answer = post_keep(server, by_api)
    assert (answer.status_code, answer.json()) == (200, {"traceId": by_api, "kept": True})
    for trace_id in (by_cli, by_api):
        server.eventually_found(trace_id, 3)
        eventually_decided(server, trace_id, [("dropped", "window", 0), ("kept", "person", 0)])
        assert "TIME: kept because a person asked for it\n  No policy decided that.\n" in why_text(server, trace_id)
    # Late spans join it then.
    send(server, late_span(by_cli))
    server.eventually_found(by_cli, 4)
    server.stop()
    server.start()
    assert (server.span_count(by_cli), server.span_count(by_api)) == (4, 3)


def test_an_open_trace_can_be_kept_before_it_is_decided(make_sampler):
    server = make_sampler(ERRORS, wait="1s").start()
    trace_id = send_trace(server)
    assert post_keep(server, trace_id).status_code == 200
    eventually_kept(server, trace_id)
    assert decisions(server, trace_id) == [("kept", "person", 0)]


def test_keeping_a_kept_trace_is_no_failure(make_sampler):
    server = make_sampler(ERRORS).start()
    trace_id = send_trace(server, is_error=True)
    eventually_kept(server, trace_id)
    eventually(lambda: server.metric("backstitch_open_traces") == 0, "sealed")
    keep(server, trace_id, check=0)
    assert decisions(server, trace_id) == [("kept", "window", 0)]


def test_keeping_what_nobody_knows_is_exit_4(make_sampler):
    server = make_sampler(ERRORS).start()
    done = keep(server, UNKNOWN, check=4)
    assert done.stdout == b"" and UNKNOWN in done.stderr.decode()
    assert post_keep(server, UNKNOWN).status_code == 404
    keep(server, "no-id", check=2)


def test_keeping_after_grace_is_exit_4(make_sampler):
    server = make_sampler(ERRORS, flags=["--set", "log.grace.age=0s"]).start()
    trace_id = send_trace(server)
    eventually_dropped(server, trace_id)
    eventually(lambda: server.metric("backstitch_grace_traces") == 0, "grace is over")
    assert trace_id in keep(server, trace_id, check=4).stderr.decode()
    assert "its spans are gone" in server.get(f"/api/bs/v1/traces/{trace_id}", status=404).text
    assert "taken back" not in why_text(server, trace_id)
