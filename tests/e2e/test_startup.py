"""What `serve` refuses at its start: in one sentence, with exit code 2, and without changing a byte of the data."""
import ctypes
import ctypes.util
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


class Store:
    """The store's RocksDB by its C functions, to write what only a later version would."""

    def __init__(self, path):
        library = ctypes.util.find_library("rocksdb")
        if not library:
            pytest.skip("no librocksdb to change the store's version with")
        self.lib = ctypes.CDLL(library)
        for name in ("options_create", "open_column_families", "writeoptions_create"):
            getattr(self.lib, f"rocksdb_{name}").restype = ctypes.c_void_p
        self.path = str(path).encode()

    def put(self, key, value):
        lib, error = self.lib, ctypes.c_char_p()
        names = [b"default", b"traces", b"summaries", b"names", b"sealed"]
        options = ctypes.c_void_p(lib.rocksdb_options_create())
        prefix = lib.rocksdb_slicetransform_create_fixed_prefix
        prefix.restype = ctypes.c_void_p
        families = (ctypes.c_void_p * len(names))(*[lib.rocksdb_options_create() for _ in names])
        lib.rocksdb_options_set_prefix_extractor(ctypes.c_void_p(families[1]),
                                                 ctypes.c_void_p(prefix(ctypes.c_size_t(16))))
        lib.rocksdb_options_set_enable_blob_files(ctypes.c_void_p(families[1]), ctypes.c_ubyte(1))
        handles = (ctypes.c_void_p * len(names))()
        db = ctypes.c_void_p(lib.rocksdb_open_column_families(
            options, self.path, len(names), (ctypes.c_char_p * len(names))(*names), families, handles,
            ctypes.byref(error)))
        assert not error.value, error.value
        write = ctypes.c_void_p(lib.rocksdb_writeoptions_create())
        lib.rocksdb_put(db, write, key, ctypes.c_size_t(len(key)), value, ctypes.c_size_t(len(value)),
                        ctypes.byref(error))
        assert not error.value, error.value
        for handle in handles:
            lib.rocksdb_column_family_handle_destroy(ctypes.c_void_p(handle))
        lib.rocksdb_close(db)


def test_a_store_of_a_later_version_is_left_alone(make_server):
    data, trace_id = filled_data(make_server, decision_wait="100ms")
    Store(data / "store").put(b"format", b"99")
    before = contents(data)
    sentence = refusal("--data", data, *ANY_PORTS)
    assert "version 99" in sentence and "Nothing was changed" in sentence, sentence
    assert contents(data) == before
    Store(data / "store").put(b"format", b"1")
    server = make_server(data=data).start()
    assert server.span_count(trace_id.hex()) == 1


def test_a_data_directory_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("no directory")
    assert "file" in refusal("--data", tmp_path / "file/data", *ANY_PORTS)
