"""What `serve` refuses at its start: in one sentence, with exit code 2, and without changing a byte of the data."""
import hashlib
import struct

import pytest

from server import backstitch, eventually
from wire import new_trace_id, request, send_http, span

ANY_PORTS = ["--otlp-grpc", "127.0.0.1:0", "--otlp-http", "127.0.0.1:0", "--query", "127.0.0.1:0"]


def refusal(*args):
    """The sentence."""
    done = backstitch("serve", *args, check=2)
    assert done.stdout == b""
    lines = done.stderr.decode().strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def contents(folder):
    """{file: hash}"""
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*")) if path.is_file()}


def filled_data(make_server, **settings):
    """A server's data directory with an open or sealed trace in it, the server gone."""
    server = make_server(*(part for key, value in settings.items() for part in ("--set", f"{key}={value}"))).start()
    trace_id = new_trace_id()
    assert send_http(server, request(span(trace_id)).SerializeToString()).status_code == 200
    server.eventually_found(trace_id.hex(), 1)
    if settings["decision_wait"] != "1h":
        eventually(lambda: server.metric("backstitch_traces_sealed_total") == 1, "sealed")
    server.kill()
    return server.data, trace_id


def test_a_second_process_on_one_data_directory(server):
    before = contents(server.data)
    sentence = refusal("--data", server.data, *ANY_PORTS)
    assert "another backstitch uses the data directory" in sentence and str(server.data) in sentence
    assert set(contents(server.data)) == set(before)
    assert server.get("/readyz").text == "ok"


@pytest.mark.parametrize("flag, listener", [("--otlp-grpc", "otlp-grpc"), ("--otlp-http", "otlp-http"),
                                            ("--query", "web")])
def test_a_port_that_is_taken(server, tmp_path, flag, listener):
    ports = ANY_PORTS.copy()
    ports[ports.index(flag) + 1] = server.addresses[listener]
    done = backstitch("serve", "--data", tmp_path / "other", *ports, check=2)
    assert server.addresses[listener] in done.stderr.decode()


def test_an_unknown_key_is_named_with_its_line_and_the_nearest_one(tmp_path):
    config = tmp_path / "backstitch.yaml"
    config.write_text("memory: 1GiB\nretention:\n  aeg: 24h\n")
    sentence = refusal("--config", config, "--data", tmp_path / "data", *ANY_PORTS)
    assert "line 3" in sentence and "retention.aeg" in sentence and "did you mean 'retention.age'" in sentence
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("config, words", [
    ("memory: lots\n", ["line 1", "memory"]),
    ("listen:\n  query: nowhere\n", ["line 2", "listen.query"]),
    ("decision_wait: 5s\ndecision_wait: 6s\n", ["line 2", "decision_wait"]),
    ("memory: [1GiB\n", ["line"]),
])
def test_a_value_that_makes_no_sense_is_named_with_its_line(tmp_path, config, words):
    path = tmp_path / "backstitch.yaml"
    path.write_text(config)
    text = backstitch("serve", "--config", path, "--data", tmp_path / "data", *ANY_PORTS, check=2).stderr.decode()
    assert all(word in text for word in words), text


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def test_a_log_of_a_later_version_is_left_alone(make_server):
    data, trace_id = filled_data(make_server, decision_wait="1h")
    segments = [path for path in (data / "log").iterdir() if path.read_bytes()[:8] == b"BSLOGSEG"]
    assert segments
    original = {path: path.read_bytes() for path in segments}
    for path in segments:  # src/log/log_format.h: version at 8, checksum of the 60 bytes before it at 60
        header = bytearray(original[path][:64])
        struct.pack_into("<I", header, 8, 99)
        struct.pack_into("<I", header, 60, crc32c(header[:60]))
        path.write_bytes(bytes(header) + original[path][64:])
    before = contents(data)
    sentence = refusal("--data", data, *ANY_PORTS)
    assert "version 99" in sentence, sentence
    assert contents(data) == before

    # What the later version wrote is still good once that version is back: here, the header as it was.
    for path in segments:
        path.write_bytes(original[path])
    server = make_server(data=data).start()
    assert server.span_count(trace_id.hex()) == 1


def test_a_store_of_a_later_version_is_left_alone(make_server):
    data, trace_id = filled_data(make_server, decision_wait="100ms")
    version = data / "store/format"
    assert version.read_text() == "backstitch store 2\n"
    version.write_text("backstitch store 99\n")
    before = contents(data)
    sentence = refusal("--data", data, *ANY_PORTS)
    assert "version 99" in sentence and "Nothing was changed" in sentence, sentence
    assert contents(data) == before
    version.write_text("backstitch store 2\n")
    server = make_server(data=data).start()
    assert server.span_count(trace_id.hex()) == 1


def test_a_store_of_version_1_is_left_alone_and_the_sentence_says_what_to_do(tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store/CURRENT").write_text("MANIFEST-000005\n")  # what a RocksDB database has
    before = contents(tmp_path)
    sentence = refusal("--data", tmp_path, *ANY_PORTS)
    assert "format version 1" in sentence and "backstitch export" in sentence, sentence
    assert {path: content for path, content in contents(tmp_path).items() if path.startswith("store")} == before


def test_a_data_directory_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("no directory")
    assert "file" in refusal("--data", tmp_path / "file/data", *ANY_PORTS)
