"""SIGTERM, SIGINT and SIGHUP while spans come in."""
import signal

from server import SLOW, STOP_SECONDS, Load, assert_whole, eventually
from wire import attribute, new_trace_id, request, send_http, span


def test_sigterm_under_load_loses_nothing_that_was_acknowledged(make_server, tmp_path):
    server = make_server("--set", "decision_wait=1s", keep=("otlp-grpc",)).start()
    load = Load(tmp_path, f"grpc://{server.grpc}", "--rate", "8000", "--no-retry")
    eventually(lambda: len(load.acknowledged()) > 500, "some traces")
    server.stop()  # exits 0 within 10 s
    load.stop()
    server.start()
    assert assert_whole(server, load) > 500


def test_sigterm_with_more_open_than_it_can_seal_in_time_leaves_the_rest_for_the_next_start(make_server, tmp_path):
    server = make_server("--set", "decision_wait=1h").start()
    spans = 1_500_000 // SLOW**2  # sealing is as much slower as sending
    load = Load(tmp_path, f"grpc://{server.grpc}", "--spans", spans, "--connections", "4")
    load.wait(240)
    assert server.metric("backstitch_open_spans") > spans * 14 // 15
    server.stop()  # exits 0 within 10 s, whatever is left
    server.start()
    counts = load.span_counts()
    assert len(load.acknowledged()) == len(counts)
    for trace_id in list(counts)[::400]:
        assert server.span_count(trace_id) == counts[trace_id]


def test_all_that_was_open_is_sealed_by_sigterm(make_server, tmp_path):
    server = make_server("--set", "decision_wait=1h").start()
    load = Load(tmp_path, f"grpc://{server.grpc}", "--traces", "300")
    load.wait()
    server.stop()
    server.start()
    assert server.metric("backstitch_open_traces") == 0
    assert assert_whole(server, load) == 300


def test_sigint_ends_it_with_130(make_server):
    server = make_server().start()
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(timeout=STOP_SECONDS * SLOW) == 130
    server.process.stdout.close()
    server.process = None


def test_sighup_puts_a_changed_configuration_in_force_and_loses_nothing(make_server, tmp_path):
    config = tmp_path / "backstitch.yaml"
    config.write_text("decision_wait: 1h\n")
    server = make_server(config=config).start()
    before, after = new_trace_id(), new_trace_id()

    def send(trace_id):
        body = request(span(trace_id, attributes=[attribute("customer.iban", "DE02")])).SerializeToString()
        assert send_http(server, body).status_code == 200
        server.eventually_found(trace_id.hex(), 1)
        return server.get(f"/api/bs/v1/traces/{trace_id.hex()}").text

    assert "DE02" in send(before)
    config.write_text("decision_wait: 1h\nredact: [iban]\n")
    server.process.send_signal(signal.SIGHUP)
    server.read_addresses()  # port 0: it picks new ones
    eventually(server.is_ready, "ready again")
    assert "DE02" not in send(after)
    assert server.span_count(before.hex()) == 1


def test_sighup_with_a_mistake_in_the_file_changes_nothing(make_server, tmp_path):
    config = tmp_path / "backstitch.yaml"
    config.write_text("decision_wait: 1h\n")
    server = make_server(config=config).start()
    config.write_text("decision_wayt: 1s\n")
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: "did you mean 'decision_wait'" in server.log(), "the mistake in its log")
    assert send_http(server, request(span(new_trace_id())).SerializeToString()).status_code == 200
