"""The command line against a server."""
import json

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

import reading
import scenario
from python_driver import Driver
from server import Load, backstitch, eventually
from test_sdk_python import EXPORTERS
from wire import new_trace_id, request, send_http, span

UNKNOWN = "0" * 28 + "beef"
NOWHERE = "http://127.0.0.1:1"


@pytest.fixture(scope="module")
def told(shared_server):
    """(trace id, its spans) of the scenario, sent."""
    scenes = scenario.make("python")
    made = Driver(scenes, lambda: EXPORTERS["grpc"](shared_server)).send()
    trace_id = made["spans"]["checkout"]["traceId"]
    shared_server.eventually_found(trace_id, len(made["spans"]))
    return trace_id, scenario.expected(scenes, made, "python")


def test_trace_show_draws_every_span_below_its_parent(shared_server, told):
    trace_id, _ = told
    done = backstitch("trace", "show", trace_id, "--server", shared_server.url(""), "--width", "120", check=0)
    text = done.stdout.decode()
    names = ["POST /checkout", "charge card", "PUT /cart/{id}", "orders publish", "orders process", "pack"]
    tree = text.split("\n\n", 1)[1].splitlines()[1:]
    lines = [next(line for line in tree if name in line) for name in names]
    depths = [min(line.index("shop-python") if "shop-python" in line else 999,
                  line.index("cart-python") if "cart-python" in line else 999) for line in lines]
    assert depths == [0, 4, 2, 4, 6, 8], text  # a failed span's mark takes two columns
    assert "✖" in lines[1] and "card declined" in text, text
    assert "\x1b" not in text, "no colours where nobody looks"


def test_trace_show_as_json_is_otlp(shared_server, told):
    trace_id, wanted = told
    out = json.loads(backstitch("trace", "show", trace_id, "--json", "--server", shared_server.url(""), check=0).stdout)
    ids = {one["spanId"] for group in out["resourceSpans"] for scope in group["scopeSpans"] for one in scope["spans"]}
    assert ids == set(wanted)


def test_search_finds_by_service_and_tag(shared_server, told):
    trace_id, _ = told
    flags = ["--service", "shop-python", "--tag", "peer.service=bank", "--server", shared_server.url("")]
    assert trace_id[:8] in backstitch("search", *flags, check=0).stdout.decode()
    found = json.loads(backstitch("search", *flags, "--json", check=0).stdout)["traces"]
    assert [one["traceId"] for one in found] == [trace_id]
    nothing = backstitch("search", "--service", "nobody", "--server", shared_server.url(""), check=0)
    assert nothing.stdout == b"" and b"no trace matches" in nothing.stderr


@pytest.mark.parametrize("form", ["otlp-json", "otlp-protobuf"])
def test_export_and_import_lose_nothing(shared_server, make_server, told, tmp_path, form):
    trace_id, wanted = told
    path = tmp_path / "trace"
    backstitch("export", trace_id, "--format", form, "--out", path, "--server", shared_server.url(""), check=0)
    other = make_server().start()
    backstitch("import", path, "--to", f"grpc://{other.grpc}", check=0)
    other.eventually_found(trace_id, len(wanted))
    reading.assert_every_api_tells(other, trace_id, wanted)


def test_a_trace_of_which_some_cannot_be_read_is_told_with_the_rest(make_server):
    server = make_server("--set", "decision_wait=100ms").start()
    trace_id = new_trace_id()
    for name in ("first", "late"):  # each sealed by itself, into a block of its own
        sealed = server.metric("backstitch_spans_sealed_total")
        assert send_http(server, request(span(trace_id, name=name)).SerializeToString()).status_code == 200
        eventually(lambda: server.metric("backstitch_spans_sealed_total") == sealed + 1, "sealed")
    assert not server.get(f"/api/bs/v1/traces/{trace_id.hex()}").json()["partial"]
    server.stop()
    block = min((server.data / "store").glob("*.block"))
    with block.open("r+b") as file:  # its first page, which has the ids
        file.seek(16)
        byte = file.read(1)[0]
        file.seek(16)
        file.write(bytes([byte ^ 1]))
    server.start()
    told = server.get(f"/api/bs/v1/traces/{trace_id.hex()}").json()
    assert told["partial"] and [one["name"] for one in told["spans"]] == ["late"]
    assert len(server.get(f"/api/traces/{trace_id.hex()}").json()["data"][0]["warnings"]) == 1
    for verb in (("trace", "show"), ("export",)):
        done = backstitch(*verb, trace_id.hex(), "--server", server.url(""), check=0)
        assert done.stderr.decode().startswith("partial: some of "), done.stderr


def test_a_field_that_is_unknown_survives_store_export_and_import(shared_server, make_server, tmp_path):
    trace_id = new_trace_id()
    sent = request(span(trace_id))
    one = sent.resource_spans[0].scope_spans[0].spans[0]
    one.ParseFromString(one.SerializeToString() + b"\xba\xbb\x06\x06future")
    assert send_http(shared_server, sent.SerializeToString()).status_code == 200
    shared_server.eventually_found(trace_id.hex(), 1)
    path = tmp_path / "trace.otlp"
    backstitch("export", trace_id.hex(), "--format", "otlp-protobuf", "--out", path, "--server", shared_server.url(""),
               check=0)
    assert b"future" in path.read_bytes()
    other = make_server().start()
    backstitch("import", path, "--to", f"http://{other.addresses['otlp-http']}", check=0)
    other.eventually_found(trace_id.hex(), 1)
    answer = other.get(f"/api/bs/v1/traces/{trace_id.hex()}", headers={"Accept": "application/x-protobuf"})
    got = TracesData.FromString(answer.content).resource_spans[0].scope_spans[0].spans[0]
    assert got.SerializeToString() == one.SerializeToString()


def test_export_of_a_search_holds_all_that_it_finds(make_server, tmp_path):
    server = make_server("--set", "decision_wait=200ms").start()
    load = Load(tmp_path, f"grpc://{server.grpc}", "--traces", "200", "--seed", "5")
    load.wait()
    eventually(lambda: server.metric("backstitch_open_traces") == 0, "sealed")
    path = tmp_path / "all.otlp"
    backstitch("export", "--limit", "1500", "--format", "otlp-protobuf", "--out", path, "--server", server.url(""),
               check=0)
    other = make_server().start()
    backstitch("import", path, "--to", f"grpc://{other.grpc}", check=0)
    counts = load.span_counts()
    eventually(lambda: other.metric("backstitch_spans_received_total") == sum(counts.values()), "all spans")
    for trace_id, count in counts.items():
        assert other.span_count(trace_id) == count


@pytest.mark.parametrize("verb", [["trace", "show", UNKNOWN], ["export", UNKNOWN]])
def test_an_unknown_id_is_exit_4(shared_server, verb):
    done = backstitch(*verb, "--server", shared_server.url(""), check=4)
    assert UNKNOWN in done.stderr.decode()


@pytest.mark.parametrize("verb", [["trace", "show", UNKNOWN], ["export", UNKNOWN], ["search"]])
def test_no_server_is_exit_3(verb):
    done = backstitch(*verb, "--server", NOWHERE, check=3)
    assert "127.0.0.1:1" in done.stderr.decode() and done.stdout == b""


def test_gen_and_import_without_a_server_are_exit_3(tmp_path):
    path = tmp_path / "some.json"
    path.write_text(json.dumps({"resourceSpans": []}))
    backstitch("gen", "--traces", "1", "--to", "grpc://127.0.0.1:1", check=3)
    body = request(span(new_trace_id())).SerializeToString()
    path.write_bytes(body)
    backstitch("import", path, "--to", "http://127.0.0.1:1", check=3)


@pytest.mark.parametrize("args", [["no-such-verb"], ["serve", "--no-such-flag"], ["trace", "show"], []])
def test_a_wrong_command_line_is_exit_2(args):
    done = backstitch(*args, check=2)
    assert done.stdout == b"" and done.stderr
