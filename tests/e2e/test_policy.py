"""`backstitch policy dry-run`: other policies on recorded traffic, before they decide about anything."""
import json

import pytest

from sampling import ALL, ERRORS, SECOND, SLOW_ONES, block, is_chosen, make_sampler, make_trace, percentage, send_trace
from server import backstitch, eventually
from wire import request

__all__ = ["make_sampler"]
NOWHERE = "http://127.0.0.1:1"
FINDING, USAGE, CANNOT_CONNECT, NOT_FOUND = 1, 2, 3, 4


@pytest.fixture
def policies(tmp_path):
    """policies(name, *policies, keys of the block): a file."""
    def write(name, *written, **keys):
        path = tmp_path / name
        path.write_text(block(*written, **keys))
        return path

    return write


@pytest.fixture(scope="module")
def spans(tmp_path_factory):
    """What `gen` writes: 600 traces."""
    path = tmp_path_factory.mktemp("traffic") / "spans.otlp"
    backstitch("gen", "--traces", 600, "--seed", 3, "--out", path, check=0)
    return path


def run(file, *flags, check=0):
    return backstitch("policy", "dry-run", file, *flags, check=check)


def dry_run(file, *flags, check=0):
    return json.loads(run(file, "--json", *flags, check=check).stdout)


def votes(side):
    return {one["policy"]: (one["first"], one["voted"], one["alone"]) for one in side["votes"]}


def test_a_file_is_compared_with_keeping_everything(policies, spans):
    told = dry_run(policies("new.yaml", ERRORS, SLOW_ONES), "--traffic", spans)
    traffic, now, then, lost = (told[key] for key in ("traffic", "now", "then", "lost"))
    assert traffic["traces"] == now["kept"]["traces"] == 600 and not traffic["sampled"]
    assert now["votes"] == [] and told["gained"]["traces"] == 0
    assert votes(then)["errors"][0] == traffic["withErrors"] > 0
    assert lost["traces"] == 600 - then["kept"]["traces"] and lost["withErrors"] == 0
    assert then["kept"]["spans"] < traffic["spans"] and then["kept"]["bytes"] < traffic["bytes"]


def test_what_it_tells_is_what_a_server_then_does(policies, make_sampler, spans):
    chosen = [ERRORS, percentage(20)]
    told = dry_run(policies("new.yaml", *chosen), "--traffic", spans)
    server = make_sampler(*chosen).start()
    backstitch("import", spans, "--to", f"grpc://{server.grpc}", check=0)
    eventually(lambda: server.metric("backstitch_sampling_decisions_total") == 600, "all decided")
    kept = server.metrics()['backstitch_sampling_decisions_total{verdict="kept"}']
    assert told["then"]["kept"]["traces"] == kept


def test_lost_errors_are_named_first_and_are_a_finding(policies, spans):
    errors, some = policies("errors.yaml", ERRORS), policies("some.yaml", percentage(30))
    told = dry_run(some, "--traffic", spans, "--against", errors, check=FINDING)
    assert told["lost"]["withErrors"] == told["lost"]["traces"] > 0 and told["gained"]["traces"] > 0
    for one in told["lost"]["examples"]:
        assert one["errorCount"] > 0 and one["policy"] == "errors" and not is_chosen(one["traceId"], 30)
    for one in told["gained"]["examples"]:
        assert one["policy"] == "some" and is_chosen(one["traceId"], 30)
    text = run(some, "--traffic", spans, "--against", errors, check=FINDING).stdout.decode()
    assert f"Lost, kept now: {told['lost']['traces']} traces" in text and "(errors)" in text, text
    again = dry_run(errors, "--traffic", spans, "--against", errors)
    assert (again["lost"]["traces"], again["gained"]["traces"]) == (0, 0)


def test_stored_traces_stand_for_as_many_as_their_decisions_say(policies, make_sampler):
    server = make_sampler(ERRORS, percentage(50)).start()
    for _ in range(40):
        send_trace(server)
    failed = {send_trace(server, is_error=True)}
    while all(is_chosen(one, 50) for one in failed):
        failed.add(send_trace(server, is_error=True))
    eventually(lambda: server.metric("backstitch_sampling_decisions_total") == 40 + len(failed)
               and server.metric("backstitch_open_traces") == 0, "all decided and sealed")
    kept = int(server.metrics()['backstitch_sampling_decisions_total{verdict="kept"}'])
    told = dry_run(policies("new.yaml", percentage(50)), "--server", server.url(""), check=FINDING)
    traffic = told["traffic"]
    assert traffic["traces"] == told["now"]["kept"]["traces"] == kept and traffic["sampled"]
    assert traffic["estimated"]["traces"] == pytest.approx(2 * (kept - len(failed)) + len(failed))
    assert told["now"]["estimated"]["traces"] == pytest.approx(kept)
    assert told["then"]["estimated"]["traces"] == pytest.approx(traffic["estimated"]["traces"] / 2)
    lost = [one["traceId"] for one in told["lost"]["examples"]]
    assert sorted(lost) == sorted(one for one in failed if not is_chosen(one, 50))
    assert told["warnings"][0].startswith("These are stored traces."), told["warnings"]


def test_a_data_directory_has_dropped_traces_too(policies, make_sampler):
    server = make_sampler(ERRORS).start()
    for _ in range(20):
        send_trace(server)
    failed = {send_trace(server, is_error=True) for _ in range(2)}
    eventually(lambda: server.metric("backstitch_sampling_decisions_total") == 22, "all decided")
    new = policies("new.yaml", SLOW_ONES, percentage(60))
    running = dry_run(new, "--data", server.data, check=None)
    server.stop()
    told = dry_run(new, "--data", server.data, check=None)
    assert told == running, "a server beside it makes no difference"
    assert told["traffic"]["traces"] == 22 and not told["traffic"]["sampled"]
    assert (told["now"]["kept"]["traces"], votes(told["now"])) == (2, {"errors": (2, 2, 2)})
    assert told["gained"]["traces"] > 0 and told["lost"]["traces"] == told["lost"]["withErrors"]
    assert {one["traceId"] for one in told["lost"]["examples"]} == {one for one in failed if not is_chosen(one, 60)}
    server.start()
    assert server.metric("backstitch_grace_traces") == 20, "it changed nothing"
    assert b"there is no log" in run(new, "--data", "/nowhere", check=NOT_FOUND).stderr


def test_a_single_request_is_read_and_a_file_without_spans_is_refused(policies, tmp_path):
    path = tmp_path / "empty.json"
    _, made = make_trace(is_error=True, milliseconds=3000)
    raw = tmp_path / "raw.otlp"
    raw.write_bytes(request(*made).SerializeToString())
    told = dry_run(policies("new.yaml", ERRORS, SLOW_ONES), "--traffic", raw)
    assert votes(told["then"]) == {"errors": (1, 1, 0), "slow": (0, 1, 0)}
    assert told["traffic"]["slowFromNano"] == str(3 * SECOND)
    path.write_text("{}")
    assert b"no trace is there" in run(policies("all.yaml", ALL), "--traffic", path, check=NOT_FOUND).stderr


def test_mistakes_are_told_with_their_place(policies, spans, tmp_path):
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(block("{name: errors, type: status_cod}"))
    told = run(wrong, "--traffic", spans, check=USAGE).stderr.decode()
    assert "wrong.yaml line 4" in told and "did you mean 'status_code'?" in told, told
    none = tmp_path / "none.yaml"
    none.write_text("memory: 1GiB\n")
    assert b"there is no tail_sampling in it" in run(none, "--traffic", spans, check=USAGE).stderr
    fine = policies("fine.yaml", ALL)
    assert b"wrong.yaml" in run(fine, "--traffic", spans, "--against", wrong, check=USAGE).stderr
    assert b"wrong.yaml" in run(fine, "--traffic", wrong, check=FINDING).stderr, "that is no traffic"
    run(fine, "--traffic", tmp_path / "missing", check=NOT_FOUND)
    run(fine, "--server", NOWHERE, check=CANNOT_CONNECT)
    run(fine, "--server", NOWHERE, "--traffic", spans, check=USAGE)


def test_the_server_tells_its_policies_and_how_much_they_decided(make_sampler, make_server):
    server = make_sampler(ERRORS, SLOW_ONES).start()
    send_trace(server, is_error=True)
    for _ in range(3):
        send_trace(server)
    eventually(lambda: server.metric("backstitch_sampling_decisions_total") == 4, "all decided")
    told = server.get("/api/bs/v1/policies").json()
    assert [(one["name"], one["asked"], one["decided"]) for one in told["policies"]] == [("errors", "keeps", 1),
                                                                                        ("slow", "keeps", 0)]
    assert told["policies"][0]["says"] == "Keeps traces that have a span with status ERROR."
    assert (told["figures"]["kept"], told["figures"]["dropped"]) == (1, 3)
    assert server.get("/api/bs/v1/health").json() == {"warnings": []}
    for page in ("/policies", "/errors"):
        assert "<html" in server.get(page).text
    assert make_server().start().get("/api/bs/v1/policies").json()["policies"] == []
