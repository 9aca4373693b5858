"""Traces that outlive their window: stored in fragments, told as one, decided one by one, over kills too."""
import json

import pytest

from sampling import (ERRORS, ERROR_STATUS, decided_count, decisions, eventually_decided, eventually_dropped,
                      eventually_kept, late_span, make_sampler, make_trace, send, send_trace, why)  # noqa: F401
from server import backstitch, eventually
from wire import new_trace_id, span

AT_ONCE = ["--set", "store.seal_wait=0s"]


def native(server, trace_id):
    return server.get(f"/api/bs/v1/traces/{trace_id}").json()


def fragments(server, trace_id):
    """[(spans, why it ended)], oldest first; those that became one count as one."""
    return [(one["spanCount"], one["endedBy"]) for one in native(server, trace_id)["fragments"]]


def count(server, trace_id):
    return sum(one["joined"] for one in native(server, trace_id)["fragments"])


def eventually_sealed(server):
    eventually(lambda: server.metric("backstitch_open_traces") == 0, "sealed")


def send_over_windows(server, trace_id, windows, spans=3):
    answer = server.session.get(server.url(f"/api/bs/v1/traces/{trace_id.hex()}"))
    count_before = answer.json()["spanCount"] if answer.status_code == 200 else 0
    for window in range(1, windows + 1):
        send(server, *(span(trace_id) for _ in range(spans)))
        expected = {"spanCount": count_before + window * spans, "open": False}
        # Of the trace itself: the count of open traces may be that of a moment ago.
        eventually(lambda: expected.items() <= native(server, trace_id.hex()).items(), f"window {window} sealed")


def assert_whole_everywhere(server, trace_id, spans):
    """By id and by search, natively and as Jaeger tells it."""
    whole = native(server, trace_id)
    assert whole["spanCount"] == spans == len({one["spanId"] for one in whole["spans"]})
    assert len(server.get(f"/api/traces/{trace_id}").json()["data"][0]["spans"]) == spans
    rows = [one for one in server.get("/api/bs/v1/traces?limit=100").json()["traces"] if one["traceId"] == trace_id]
    assert [one["spanCount"] for one in rows] == [spans], "found once, and whole"
    found = [one for one in server.get("/api/traces?service=test&limit=100").json()["data"]
             if one["traceID"] == trace_id]
    assert [len(one["spans"]) for one in found] == [spans]


def shown(server, trace_id):
    text = backstitch("trace", "show", trace_id, "--server", server.url(""), check=0).stdout.decode()
    return text[text.find("fragments,") - 2:] if "fragments," in text else ""


@pytest.fixture
def windows_of_a_second(make_server):
    return make_server("--set", "decision_wait=1s", *AT_ONCE).start()


def test_a_trace_over_many_windows_is_one_trace_and_says_of_how_many_fragments(windows_of_a_second):
    server = windows_of_a_second
    trace_id = new_trace_id()
    send_over_windows(server, trace_id, 3)
    send(server, span(trace_id))
    assert_whole_everywhere(server, trace_id.hex(), 10)
    assert count(server, trace_id.hex()) == 4
    text = shown(server, trace_id.hex())
    assert text.startswith("4 fragments, ") and "its window ended" in text, text
    eventually_sealed(server)
    assert_whole_everywhere(server, trace_id.hex(), 10)
    assert not native(server, trace_id.hex())["open"]
    assert shown(server, trace_id.hex()).startswith("4 fragments, all sealed\n")


def test_a_trace_that_is_collecting_says_so(make_server):
    server = make_server("--set", "decision_wait=1h", "--set", "trace_max_age=2h", "--set", "spans_per_trace=10",
                         *AT_ONCE).start()
    trace_id = new_trace_id()
    send_over_windows(server, trace_id, 2, spans=10)
    send(server, *(span(trace_id) for _ in range(5)))
    assert fragments(server, trace_id.hex()) in ([(10, "early_at_size"), (10, "early_at_size"), (5, "")],
                                                 [(20, "early_at_size"), (5, "")])  # by when the store merged them
    text = shown(server, trace_id.hex())
    assert text.startswith("3 fragments, still collecting\n"), text
    assert "as large or as old as a fragment" in text and "still collecting, 5 spans so far" in text, text
    assert native(server, trace_id.hex())["open"]


def test_a_trace_over_many_windows_survives_kills_in_between(windows_of_a_second):
    server = windows_of_a_second
    trace_id = new_trace_id()
    for _ in range(3):
        send_over_windows(server, trace_id, 1)
        send(server, *(span(trace_id) for _ in range(2)))
        server.kill()
        server.start()
        eventually_sealed(server)
    assert_whole_everywhere(server, trace_id.hex(), 15)


def test_an_error_in_the_last_fragment_keeps_all_that_grace_has(make_sampler):
    server = make_sampler(ERRORS, wait="1s", flags=AT_ONCE).start()
    trace_id = send_trace(server)
    eventually_dropped(server, trace_id)
    for late in (1, 2):
        send(server, late_span(trace_id))
        eventually_decided(server, trace_id, [("dropped", "window", late)])
    server.kill()
    server.start()
    send(server, late_span(trace_id, status=ERROR_STATUS))
    eventually_kept(server, trace_id, 6)
    send(server, late_span(trace_id))
    eventually_kept(server, trace_id, 7)
    eventually_sealed(server)
    assert_whole_everywhere(server, trace_id, 7)
    assert [one[:2] for one in decisions(server, trace_id)] == [("dropped", "window"), ("kept", "reopened")]


def test_each_full_fragment_has_a_decision(make_sampler):
    server = make_sampler(ERRORS, wait="1h", flags=["--set", "spans_per_trace=10", "--set", "trace_max_age=2h",
                                                    *AT_ONCE]).start()
    trace_id = new_trace_id()
    for expected in range(1, 4):
        send(server, *(span(trace_id, status=ERROR_STATUS) for _ in range(10)))
        eventually(lambda: len(decisions(server, trace_id.hex())) == expected, f"{expected} decisions")
        eventually_sealed(server)
    assert decisions(server, trace_id.hex()) == [("kept", "early_at_size", 0)] * 3
    assert {one["policy"] for one in why(server, trace_id.hex())["decisions"]} == {"errors"}
    assert_whole_everywhere(server, trace_id.hex(), 30)


def test_policies_for_several_spans_see_all_fragments(make_sampler):
    both = '{name: both, type: traceql, traceql: {query: "{ name = \\"first\\" } && { name = \\"second\\" }"}}'
    server = make_sampler(both, wait="300ms", flags=AT_ONCE).start()
    trace_id = new_trace_id()
    send(server, span(trace_id, name="first"))
    eventually_dropped(server, trace_id.hex())
    send(server, span(trace_id, name="second"))
    eventually_kept(server, trace_id.hex(), 2)


def test_a_trace_of_fifty_thousand_spans_keeps_none_waiting(make_sampler):
    server = make_sampler(ERRORS, wait="1s", flags=AT_ONCE).start()
    large = new_trace_id()
    failed = []
    for _ in range(50):
        send(server, *(span(large) for _ in range(1_000)))
        trace_id, spans = make_trace(is_error=True)
        send(server, *spans)
        failed.append(trace_id)
    send(server, span(large, status=ERROR_STATUS))
    for trace_id in failed:
        eventually_kept(server, trace_id)
    eventually_kept(server, large.hex(), 50_001, seconds=60)
    # Each by itself when its own window ended, none early and none again.
    assert {json.dumps(decisions(server, trace_id)) for trace_id in failed} == {json.dumps([("kept", "window", 0)])}


def test_a_trace_that_passes_the_largest_size_is_dropped_before_its_window_ends(make_sampler):
    server = make_sampler(ERRORS, wait="1h", maximum_trace_size_bytes=2_000,
                          flags=["--set", "trace_max_age=2h"]).start()
    large, spans = make_trace(spans=100, is_error=True)
    small = send_trace(server, is_error=True)
    send(server, *spans)
    eventually_dropped(server, large)
    assert decisions(server, large) == [("dropped", "early_at_size", 0)]
    assert decisions(server, small) == []
    assert decided_count(server) == 1
