"""Tail sampling over restarts, other policies and figures: what a killed, stopped or reloaded server remembers."""
import json
import random
import signal
import time

import pytest

from sampling import (ALL, COLLECTOR_FILE, ERRORS, ERROR_STATUS, SECOND, SEED, SLOW_ONES, assert_dropped_everywhere,
                      block, decided_count, decisions, eventually_decided, eventually_dropped, eventually_kept,
                      found_by_search, is_chosen, keep, late_span, make_sampler, percentage, post_keep, send,
                      send_trace, why, why_text)  # noqa: F401
from server import Load, SLOW, eventually
from test_span_metrics import EXEMPLAR, OPENMETRICS, edges, expected_calls, expected_edges, figures
from test_span_metrics import calls as counted_calls, send as send_shop
from wire import attribute


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


def test_figures_of_dropped_traces_are_the_same_after_a_restart(make_server, tmp_path):
    server, _ = shop_figures(make_server, tmp_path / "few.yaml", 1)
    before = figures(server)
    server.stop()
    server.start()
    after = figures(server)
    lost = {name: value - after.get(name, 0) for name, value in before.items()
            if "request_total" in name and value != after.get(name, 0)}
    assert not lost, f"calls lost: {lost}"
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


def test_sighup_with_a_mistake_in_a_policy_changes_nothing(make_sampler):
    server = make_sampler(ERRORS).start()
    server.config.write_text(block("{name: errors, type: status_cod}"))
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: "did you mean 'status_code'" in server.log(), "the mistake in its log")
    kept, dropped = send_trace(server, is_error=True), send_trace(server)
    eventually_kept(server, kept)
    eventually_dropped(server, dropped)
