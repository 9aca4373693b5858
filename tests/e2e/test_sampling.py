"""Tail sampling in `serve`: what policies keep, what `why` tells of it, what is taken back, what survives a kill."""
import json
import os
import random
import re
import signal
import time
from collections import Counter
from pathlib import Path

import pytest
import requests
from opentelemetry import trace as otel
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import Status, StatusCode

from server import SLOW, Load, backstitch, eventually
from test_span_metrics import EXEMPLAR, OPENMETRICS, edges, expected_calls, expected_edges, figures
from test_span_metrics import calls as counted_calls
from test_span_metrics import send as send_shop
from wire import PROTOBUF, attribute, request, send_http, span

SEED = int(os.environ.get("BACKSTITCH_TEST_SEED", "1"))
RANDOM = random.Random(SEED)
UNKNOWN = "0" * 28 + "beef"
SECOND = 1_000_000_000
ERROR_STATUS = {"code": 2}
COLLECTOR_FILE = Path("src/app/testdata/collector_tail_sampling.yaml")

ERRORS = "{name: errors, type: status_code, status_code: {status_codes: [ERROR]}}"
SLOW_ONES = "{name: slow, type: latency, latency: {threshold_ms: 2000}}"
ALL = "{name: all, type: always_sample}"


def percentage(percent):
    return f"{{name: some, type: probabilistic, probabilistic: {{sampling_percentage: {percent}}}}}"


def block(*policies, wait="300ms", indent="", **keys):
    """As the Collector's users write it."""
    lines = ["tail_sampling:", f"  decision_wait: {wait}", *(f"  {key}: {value}" for key, value in keys.items()),
             "  policies:", *(f"    - {policy}" for policy in policies)]
    return "".join(f"{indent}{line}\n" for line in lines)


@pytest.fixture
def make_sampler(make_server, tmp_path):
    """make_sampler(*policies, wait=…, flags=(), keys of the block): not started; `server.config` is its file."""
    def make(*policies, flags=(), **keys):
        config = tmp_path / "sampling.yaml"
        config.write_text(block(*policies, **keys))
        return make_server(*flags, config=config)

    return make


# --- what is sent

def make_trace(spans=3, is_error=False, milliseconds=1, name="GET /", attributes=()):
    """(id as text, spans): a root that takes `milliseconds`, its children; the last span fails where `is_error`."""
    trace_id = RANDOM.randbytes(16)
    root = span(trace_id, name=name, attributes=list(attributes))
    root.start_time_unix_nano = root.end_time_unix_nano - milliseconds * 1_000_000
    made = [root]
    for _ in range(spans - 1):
        made.append(span(trace_id, name="child", parent_span_id=root.span_id))
        made[-1].start_time_unix_nano = root.start_time_unix_nano
        made[-1].end_time_unix_nano = root.end_time_unix_nano
    if is_error:
        made[-1].status.code = ERROR_STATUS["code"]
    return trace_id.hex(), made


def send(server, *spans):
    assert send_http(server, request(*spans).SerializeToString()).status_code == 200


def send_trace(server, **kwargs):
    """Its id."""
    trace_id, spans = make_trace(**kwargs)
    send(server, *spans)
    return trace_id


def late_span(trace_id, **fields):
    return span(bytes.fromhex(trace_id), name="late", **fields)


def is_chosen(trace_id, percent, salt=b"default-hash-seed"):
    """As the Collector chooses: FNV-1a of the salt and the id."""
    state = 0xcbf29ce484222325
    for byte in salt + bytes.fromhex(trace_id):
        state = (state ^ byte) * 0x100000001b3 % 2**64
    return state <= percent / 100 * (2**64 - 1)


# --- what it says

def why(server, trace_id):
    """None where nothing was decided."""
    answer = server.session.get(server.url(f"/api/bs/v1/traces/{trace_id}/why"), timeout=60 * SLOW)
    assert answer.status_code in (200, 404), answer.text
    return answer.json() if answer.status_code == 200 else None


def decisions(server, trace_id):
    """[(verdict, cause, late spans)], oldest first."""
    told = why(server, trace_id)
    return [(one["verdict"], one["cause"], one["lateSpanCount"]) for one in told["decisions"]] if told else []


def eventually_decided(server, trace_id, expected):
    eventually(lambda: decisions(server, trace_id) == expected,
               f"{trace_id} {expected}, last {decisions(server, trace_id)}")


def eventually_dropped(server, trace_id):
    def is_dropped():
        told = why(server, trace_id)
        return told and told["verdict"] == "dropped" and server.span_count(trace_id) == 0

    eventually(is_dropped, f"{trace_id} dropped")


def eventually_kept(server, trace_id, spans=3, seconds=30):
    """Whole, and decided so."""
    eventually(lambda: (why(server, trace_id) or {}).get("verdict") == "kept", f"{trace_id} kept", seconds)
    server.eventually_found(trace_id, spans)


def why_text(server, trace_id):
    """With TIME and WAIT in the place of what differs from run to run."""
    text = backstitch("why", trace_id, "--server", server.url(""), check=0).stdout.decode()
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} UTC", "TIME", text)
    return re.sub(r"(TIME, )[0-9a-zµ.]+ before", r"\1WAIT before", text.replace(trace_id, "ID"))


def keep(server, trace_id, check):
    return backstitch("keep", trace_id, "--server", server.url(""), check=check)


def post_keep(server, trace_id):
    return server.session.post(server.url(f"/api/bs/v1/traces/{trace_id}/keep"), timeout=60 * SLOW)


def sampling_metrics(server):
    """{'decisions_total{verdict="kept"}': …}"""
    prefix = "backstitch_sampling_"
    return {name.removeprefix(prefix): value for name, value in server.metrics().items() if name.startswith(prefix)}


def decided_count(server):
    return server.metric("backstitch_sampling_decisions_total")


def found_by_search(server):
    """Ids, by the native API and by Jaeger's."""
    native = {one["traceId"] for one in server.get("/api/bs/v1/traces?limit=1000").json()["traces"]}
    jaeger = {one["traceID"] for one in server.get("/api/traces?service=test&limit=1000").json()["data"]}
    return native, jaeger


def assert_dropped_everywhere(server, trace_id):
    told = server.get(f"/api/bs/v1/traces/{trace_id}", status=404).text
    assert f"trace {trace_id} was dropped" in told and f"backstitch keep {trace_id}" in told, told
    server.get(f"/api/traces/{trace_id}", status=404)
    server.get(f"/api/v3/traces/{trace_id}", status=404)


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
    told = why(server, trace_id)
    assert (told["verdict"], told["reopenUntilUnixNano"]) == ("kept", "0")
    first, second = told["decisions"]
    assert (first["spanCount"], first["errorCount"], first["policy"]) == (1, 0, "")
    assert (second["spanCount"], second["errorCount"]) == (2, 1)
    assert (second["policy"], second["voted"]) == ("errors", ["errors"])
    assert second["openedTimeUnixNano"] == first["openedTimeUnixNano"]
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


def test_why_of_a_dropped_trace_names_those_that_did_not_want_it(make_sampler):
    """As docs/formats/native-api.md has it: `voted` are those that voted as the verdict says."""
    server = make_sampler(ERRORS, SLOW_ONES).start()
    dropped = send_trace(server)
    eventually_dropped(server, dropped)
    assert why(server, dropped)["decisions"][0]["voted"] == ["errors", "slow"]
    assert "No policy kept it. For dropping it: errors, slow.\n" in why_text(server, dropped)


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


# --- 5. kill -9

def test_what_was_open_at_a_kill_is_decided_once_after_it(make_sampler):
    server = make_sampler(ERRORS, wait="1s").start()
    failed = [send_trace(server, is_error=True) for _ in range(10)]
    good = [send_trace(server) for _ in range(10)]
    server.kill()
    server.start()
    for trace_id in failed:
        eventually_kept(server, trace_id)
    for trace_id in good:
        eventually_dropped(server, trace_id)
    server.kill()
    server.start()
    for trace_id in failed:
        assert (decisions(server, trace_id), server.span_count(trace_id)) == ([("kept", "window", 0)], 3)
    for trace_id in good:
        assert (decisions(server, trace_id), server.span_count(trace_id)) == ([("dropped", "window", 0)], 0)


def test_a_window_goes_on_after_a_kill_from_where_it_was(make_sampler):
    server = make_sampler(ERRORS, wait="1h", flags=["--drain", "decide"]).start()
    trace_id = send_trace(server, is_error=True)
    sent = time.time_ns()
    server.kill()
    server.start()
    server.stop()
    server.start()
    assert abs(int(why(server, trace_id)["decisions"][0]["openedTimeUnixNano"]) - sent) < SECOND * SLOW


def test_drops_can_be_taken_back_after_a_kill_too(make_sampler):
    server = make_sampler(ERRORS).start()
    by_error, by_person, left = (send_trace(server) for _ in range(3))
    for trace_id in (by_error, by_person, left):
        eventually_dropped(server, trace_id)
    until = int(why(server, left)["reopenUntilUnixNano"])
    server.kill()
    server.start()
    for trace_id in (by_error, by_person, left):
        assert server.span_count(trace_id) == 0
        assert_dropped_everywhere(server, trace_id)
    assert found_by_search(server) == (set(), set())
    assert abs(int(why(server, left)["reopenUntilUnixNano"]) - until) < SECOND, "grace goes on from where it was"
    send(server, late_span(by_error, status=ERROR_STATUS))
    keep(server, by_person, check=0)
    eventually_kept(server, by_error, 4)
    eventually_kept(server, by_person, 3)
    assert decisions(server, by_error) == [("dropped", "window", 0), ("kept", "reopened", 0)]
    assert decisions(server, by_person) == [("dropped", "window", 0), ("kept", "person", 0)]
    assert decisions(server, left) == [("dropped", "window", 0)]


def test_what_was_kept_and_not_stored_yet_is_not_decided_again_after_a_kill(make_sampler):
    server = make_sampler(ERRORS, flags=["--set", "store.seal_wait=1h"]).start()
    trace_id = send_trace(server, is_error=True)
    eventually_kept(server, trace_id)
    server.kill()
    server.flags = []  # stores at once
    server.start()
    eventually(lambda: server.metric("backstitch_open_traces") == 0, "sealed")
    assert server.span_count(trace_id) == 3
    assert decisions(server, trace_id) == [("kept", "window", 0)]


def test_late_spans_count_once_over_a_kill(make_sampler):
    server = make_sampler(ERRORS).start()
    trace_id = send_trace(server)
    eventually_dropped(server, trace_id)
    send(server, late_span(trace_id))
    eventually_decided(server, trace_id, [("dropped", "window", 1)])
    server.kill()
    server.start()
    # By when this one's late span has counted, the other's would have again.
    other = send_trace(server)
    eventually_dropped(server, other)
    send(server, late_span(other))
    eventually_decided(server, other, [("dropped", "window", 1)])
    assert decisions(server, trace_id) == [("dropped", "window", 1)]


def test_early_decisions_hold_over_a_kill(make_sampler):
    server = make_sampler(ERRORS, wait="1h", num_traces=2, flags=["--set", "shards=1"]).start()
    early = []
    for _ in range(5):
        early.append(send_trace(server))
        eventually(lambda: server.metric("backstitch_open_traces") <= 2, "the cap")
    early = [trace_id for trace_id in early if decisions(server, trace_id)]
    assert early
    server.kill()
    server.start()
    eventually(lambda: server.metric("backstitch_open_traces") <= 2, "the cap")
    last = [send_trace(server) for _ in range(4)]
    eventually(lambda: decisions(server, last[0]), "decided")
    for trace_id in early:
        assert decisions(server, trace_id) == [("dropped", "early_at_cap", 0)]
        assert server.span_count(trace_id) == 0


def test_what_a_person_was_told_is_kept_is_kept_after_sigterm(make_sampler):
    server = make_sampler(ERRORS, wait="3s").start()
    trace_id = send_trace(server)
    assert post_keep(server, trace_id).json()["kept"]
    server.stop()
    server.start()
    eventually_kept(server, trace_id, seconds=10)


@pytest.mark.parametrize("is_open", [True, False])
def test_what_a_person_was_told_is_kept_is_kept_after_a_kill(make_sampler, is_open):
    server = make_sampler(ERRORS, wait="5s" if is_open else "300ms").start()
    trace_id = send_trace(server)
    if not is_open:
        eventually_dropped(server, trace_id)
    assert post_keep(server, trace_id).json()["kept"]
    server.kill()
    server.start()
    eventually_kept(server, trace_id, seconds=10)


# Ten seconds is what stored traces wait for others by default.
@pytest.mark.parametrize("end, seal_wait", [("kill", "0s"), ("kill", "10s"), ("stop", "0s")])
def test_error_traces_are_whole_and_decided_once_after_restarts_under_load(make_sampler, tmp_path, end, seal_wait):
    server = make_sampler(ERRORS, percentage(1), wait="1s", flags=["--set", f"store.seal_wait={seal_wait}"])
    server.keep = ("otlp-http",)
    server.start()
    load = Load(tmp_path, f"http://{server.addresses['otlp-http']}", "--rate", "6000", "--connections", "2",
                "--batch", "200", "--seed", SEED)
    source = random.Random(SEED)
    for _ in range(4 if SLOW == 1 else 2):
        target = len(load.acknowledged()) + source.randrange(200, 600)
        eventually(lambda: len(load.acknowledged()) >= target, f"{target} traces acknowledged (seed {SEED})", 60)
        getattr(server, end)()
        server.start()
    assert load.stop()["retries"] > 0, "the restarts were noticed"
    eventually(lambda: server.metric("backstitch_open_traces") == 0, "all decided", 60)
    truth = {one["trace_id"]: one for one in map(json.loads, load.truth_path.read_text().splitlines())}
    acknowledged = load.acknowledged()
    failed = [trace_id for trace_id in acknowledged if truth[trace_id]["errors"]]
    assert len(failed) > 5
    lost = [(trace_id, server.span_count(trace_id), truth[trace_id]["spans"]) for trace_id in failed
            if server.span_count(trace_id) != truth[trace_id]["spans"]]
    assert not lost, f"{len(lost)} of {len(failed)} error traces are not whole (seed {SEED}): {lost[:5]}"
    histories = {trace_id: decisions(server, trace_id) for trace_id in acknowledged}
    allowed = (["kept"], ["dropped"], ["dropped", "kept"])
    twice = {trace_id: history for trace_id, history in histories.items() if [one[0] for one in history] not in allowed}
    assert not twice, f"{len(twice)} of {len(histories)} (seed {SEED}): {list(twice.items())[:5]}"
    wrong = [trace_id for trace_id, history in histories.items()
             if not truth[trace_id]["errors"] and (history[-1][0] == "kept") != is_chosen(trace_id, 1)]
    assert not wrong, wrong[:5]
    still_there = [trace_id for trace_id, history in histories.items()
                   if history[-1][0] == "dropped" and server.span_count(trace_id) != 0]
    assert not still_there, still_there[:5]
    dropped = [trace_id for trace_id, history in histories.items() if history[-1][0] == "dropped"]
    assert len(dropped) > 100
    for trace_id in dropped[::len(dropped) // 10]:
        keep(server, trace_id, check=0)
        eventually_kept(server, trace_id, truth[trace_id]["spans"])
    assert server.metric("backstitch_references_lost_total") == 0


# --- 6. SIGTERM

def test_sigterm_leaves_what_is_undecided_for_the_next_start(make_sampler):
    server = make_sampler(ERRORS, wait="1h", flags=["--drain", "resume"]).start()
    failed, good = send_trace(server, is_error=True), send_trace(server)
    server.stop()  # exits 0 within 10 s
    server.start()
    for trace_id in (failed, good):
        assert why(server, trace_id) is None
        assert server.span_count(trace_id) == 3, "what is undecided is seen"
    server.stop()
    server.config.write_text(block(ERRORS, wait="300ms"))
    server.start()
    eventually_kept(server, failed)
    eventually_dropped(server, good)
    assert (decisions(server, failed), decisions(server, good)) == ([("kept", "window", 0)], [("dropped", "window", 0)])


def test_sigterm_resumes_by_default_also_where_much_is_open(make_sampler, tmp_path):
    server = make_sampler(ERRORS, wait="1h", num_traces=1_000_000).start()
    load = Load(tmp_path, f"grpc://{server.grpc}", "--spans", 150_000 // SLOW, "--seed", SEED)
    load.wait()
    open_spans = server.metric("backstitch_open_spans")
    assert open_spans > 100_000 // SLOW
    server.stop()
    server.start()
    assert server.metric("backstitch_open_spans") == open_spans
    assert decided_count(server) == 0


def test_sigterm_decides_at_once_where_it_is_told_to(make_sampler, tmp_path):
    server = make_sampler(ERRORS, wait="1h", flags=["--drain", "decide"]).start()
    failed, good = send_trace(server, is_error=True), send_trace(server)
    load = Load(tmp_path, f"grpc://{server.grpc}", "--traces", "500", "--seed", SEED)
    load.wait()
    server.stop()
    server.start()
    assert server.metric("backstitch_open_traces") == 0
    assert (decisions(server, failed), decisions(server, good)) == ([("kept", "drain", 0)], [("dropped", "drain", 0)])
    assert (server.span_count(failed), server.span_count(good)) == (3, 0)
    assert ": kept early: the server was told to decide what is open\n" in why_text(server, failed)
    for one in map(json.loads, load.truth_path.read_text().splitlines()):
        assert server.span_count(one["trace_id"]) == (one["spans"] if one["errors"] else 0), one
    keep(server, good, check=0)
    server.eventually_found(good, 3)


def test_what_was_kept_and_not_stored_yet_is_not_decided_again_after_sigterm(make_sampler):
    """As with the ten seconds that stored traces wait for others by default."""
    server = make_sampler(ERRORS, flags=["--set", "store.seal_wait=1h"]).start()
    trace_id = send_trace(server, is_error=True)
    eventually_kept(server, trace_id)
    server.stop()
    server.start()
    assert server.span_count(trace_id) == 3
    server.stop()
    server.flags = []
    server.start()
    eventually(lambda: server.metric("backstitch_open_traces") == 0, "sealed")
    assert server.span_count(trace_id) == 3
    assert decisions(server, trace_id) == [("kept", "window", 0)]


# --- 7. A Collector's block

def test_a_collectors_file_runs_as_it_is(make_server):
    """In the shape of its README: every type of policy, flow style, other processors around it. It waits 10 s."""
    server = make_server(config=COLLECTOR_FILE).start()
    kept = send_trace(server, is_error=True)
    probe = send_trace(server, attributes=[attribute("url.path", "/health")])
    eventually_kept(server, kept)
    eventually_dropped(server, probe)
    told = why(server, kept)["decisions"][0]
    assert told["policy"] == "everything" and {"everything", "errors"} <= set(told["voted"])
    assert why(server, probe)["decisions"][0]["policy"], "the drop policy, by name"
    waited = int(told["decidedTimeUnixNano"]) - int(told["openedTimeUnixNano"])
    assert 9.9 * SECOND <= waited < 20 * SECOND * SLOW


def test_a_block_inside_processors_decides(make_server, tmp_path):
    config = tmp_path / "collector.yaml"
    config.write_text("processors:\n  batch: {}\n" + block(ERRORS, indent="  "))
    server = make_server(config=config).start()
    kept, dropped = send_trace(server, is_error=True), send_trace(server)
    eventually_kept(server, kept)
    eventually_dropped(server, dropped)


# --- 8. The figures of all traffic

def shop_figures(make_server, path, percent):
    path.write_text(block(percentage(percent)))
    server = make_server(config=path).start()
    ids = send_shop(server, requests=80, failing=9)
    eventually(lambda: edges(server) == expected_edges(80, 9), f"calls between services at {percent} %")
    eventually(lambda: server.metric("backstitch_open_traces") == 0, "decided")
    return server, ids


def test_figures_are_the_same_at_1_and_at_100_percent(make_server, tmp_path):
    few, few_ids = shop_figures(make_server, tmp_path / "few.yaml", 1)
    all_of_it, all_ids = shop_figures(make_server, tmp_path / "all.yaml", 100)
    eventually(lambda: decided_count(few) == 80 and decided_count(all_of_it) == 80, "decided")
    chosen = {trace_id for trace_id in few_ids if is_chosen(trace_id, 1)}
    assert {trace_id for trace_id in few_ids if few.span_count(trace_id)} == chosen
    assert all(all_of_it.span_count(trace_id) == 6 for trace_id in all_ids)
    assert counted_calls(few) == counted_calls(all_of_it) == expected_calls(80, 9)
    assert edges(few) == edges(all_of_it) == expected_edges(80, 9)
    assert figures(few) == pytest.approx(figures(all_of_it))
    # Exemplars lead to traces that are there.
    exemplars = {trace_id for trace_id, _ in EXEMPLAR.findall(few.get("/metrics", headers=OPENMETRICS).text)}
    assert exemplars <= chosen, f"{len(exemplars - chosen)} of {len(exemplars)} lead to dropped traces"


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_figures_of_dropped_traces_are_the_same_after_a_restart(make_server, tmp_path, end):
    server, _ = shop_figures(make_server, tmp_path / "few.yaml", 1)
    before = figures(server)
    getattr(server, end)()
    server.start()
    after = figures(server)
    lost = {name: value - after.get(name, 0) for name, value in before.items()
            if "request_total" in name and value != after.get(name, 0)}
    assert not lost, f"calls lost by {end}: {lost}"
    assert after == pytest.approx(before)


# --- 9. SIGHUP

def reload(server, text):
    server.config.write_text(text)
    server.process.send_signal(signal.SIGHUP)
    server.read_addresses()  # port 0: it picks new ones
    eventually(server.is_ready, "ready again")


def test_what_is_open_is_judged_by_the_policies_that_sighup_brought(make_sampler):
    server = make_sampler(ERRORS, wait="1h").start()
    failed, named = send_trace(server, is_error=True), send_trace(server, name="GET /checkout")
    assert why(server, failed) is None
    reload(server, block('{name: checkouts, type: traceql, traceql: {query: \'{ name = "GET /checkout" }\'}}'))
    eventually_kept(server, named)
    eventually_dropped(server, failed)
    assert why(server, named)["decisions"][0]["policy"] == "checkouts"
    assert (len(decisions(server, named)), len(decisions(server, failed))) == (1, 1)


def test_what_was_decided_before_sighup_is_told_by_the_policies_of_then(make_sampler):
    server = make_sampler(ERRORS, SLOW_ONES).start()
    kept, dropped = send_trace(server, is_error=True), send_trace(server)
    eventually_kept(server, kept)
    eventually_dropped(server, dropped)
    reload(server, block(ALL))
    assert why(server, kept)["decisions"][0]["policy"] == "errors"
    assert (server.span_count(kept), server.span_count(dropped)) == (3, 0)
    send(server, late_span(dropped))  # a policy of now wants it
    eventually_kept(server, dropped, 4)
    assert why(server, dropped)["decisions"][-1]["policy"] == "all"


def test_what_was_decided_is_known_when_sighup_took_the_policies_away(make_sampler):
    server = make_sampler(ERRORS).start()
    kept, dropped = send_trace(server, is_error=True), send_trace(server)
    eventually_kept(server, kept)
    eventually_dropped(server, dropped)
    reload(server, "decision_wait: 300ms\n")
    other = send_trace(server)
    server.eventually_found(other, 3)
    eventually(lambda: server.metric("backstitch_open_traces") == 0, "sealed")
    assert decisions(server, kept) == [("kept", "window", 0)]
    assert decisions(server, dropped) == [("dropped", "window", 0)]
    assert (server.span_count(kept), server.span_count(dropped)) == (3, 0)
    assert why(server, other) is None


def test_sighup_with_a_mistake_in_a_policy_changes_nothing(make_sampler):
    server = make_sampler(ERRORS).start()
    server.config.write_text(block("{name: errors, type: status_cod}"))
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: "did you mean 'status_code'" in server.log(), "the mistake in its log")
    kept, dropped = send_trace(server, is_error=True), send_trace(server)
    eventually_kept(server, kept)
    eventually_dropped(server, dropped)
