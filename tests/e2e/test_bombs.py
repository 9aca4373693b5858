"""Small requests that become huge. One level of deflate cannot pass about 1,032 : 1, so 64 KiB of gzip hold at most
64 MiB; 64 GiB from 64 KiB need a bomb inside a bomb, and nobody unpacks twice. What one level can do: 64 KiB that
pass the limit by a byte, and 64 MiB that would be 64 GiB, as one member and as a row of many."""
import zlib

import grpc
import pytest
from google.rpc.status_pb2 import Status

from server import eventually
from wire import grpc_refusal, new_trace_id, request, send_grpc, send_http, span

MIB = 1 << 20
LIMIT = 64 * MIB  # limits.request_bytes_max
MEMORY_MAX = 200 * MIB  # above what it was before


def gzip_zeros(size):
    """One member."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = bytes(16 * MIB)
    parts = [packer.compress(block[:min(len(block), size - done)]) for done in range(0, size, len(block))]
    return b"".join(parts) + packer.flush()


# A field 1 (resource_spans) that says it is as long as all that follows, so that it is no nonsense from its first byte.
def field_header(size):
    out = bytearray(b"\x0a")
    while size >= 0x80:
        out.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes(out) + bytes([size])


@pytest.fixture(scope="module")
def bombs():
    member = gzip_zeros(64 * MIB)
    assert len(member) < 70_000
    head = zlib.compressobj(9, zlib.DEFLATED, 31)
    plausible = head.compress(field_header(2**36)) + head.compress(bytes(LIMIT)) + head.flush()
    return {
        "64 KiB of zeros, one byte over the limit": gzip_zeros(LIMIT + 1),
        "64 KiB that begin like a request": plausible,
        "a row of members": gzip_zeros(MIB) * 600,
        "40 MiB that would be 40 GiB": member * (40 * MIB // len(member)),
    }


NAMES = ["64 KiB of zeros, one byte over the limit", "64 KiB that begin like a request", "a row of members",
         "40 MiB that would be 40 GiB"]


@pytest.mark.parametrize("name", NAMES)
def test_over_http_it_is_413_and_memory_stays_flat(shared_server, bombs, name):
    before = shared_server.status("VmRSS")
    shared_server.reset_peak_memory()
    for _ in range(3):
        answer = send_http(shared_server, bombs[name], Content_Encoding="gzip")
        assert answer.status_code == 413, answer.content[:200]
        assert answer.headers["Content-Type"] == "application/x-protobuf"
        status = Status.FromString(answer.content)
        assert status.code == grpc.StatusCode.RESOURCE_EXHAUSTED.value[0] and "limit" in status.message
        assert not status.details, "no RetryInfo: sending it again does not help"
    grown = shared_server.status("VmHWM") - before
    assert grown < MEMORY_MAX, f"{grown / MIB:.0f} MiB more"


@pytest.mark.parametrize("size", [LIMIT + 1, 1024 * MIB])
def test_over_grpc_it_is_resource_exhausted_and_memory_stays_flat(shared_server, size):
    """gRPC's own gzip has one member to a message."""
    before = shared_server.status("VmRSS")
    shared_server.reset_peak_memory()
    code, sentence, status = grpc_refusal(shared_server, bytes(size), compression=grpc.Compression.Gzip)
    assert code == grpc.StatusCode.RESOURCE_EXHAUSTED, sentence
    assert status is None or not status.details, "no RetryInfo: sending it again does not help"
    grown = shared_server.status("VmHWM") - before
    assert grown < MEMORY_MAX, f"{grown / MIB:.0f} MiB more"


def test_a_large_request_within_the_limit_is_taken(shared_server):
    """50 MiB of spans, as gzip over both."""
    for send in (lambda body: send_http(shared_server, gzip(body), Content_Encoding="gzip").status_code == 200,
                 lambda body: send_grpc(shared_server, body, compression=grpc.Compression.Gzip) == b""):
        trace_id = new_trace_id()
        filler = {"key": "filler", "value": {"string_value": "x" * 60_000}}
        body = request(*[span(trace_id, attributes=[filler]) for _ in range(850)]).SerializeToString()
        assert 45 * MIB < len(body) < LIMIT
        assert send(body)
        shared_server.eventually_found(trace_id.hex(), 850)


def test_with_little_memory_a_request_may_take_a_quarter_of_it(make_server):
    server = make_server("--memory", "256MiB", "--set", "limits.request_bytes_max=48MiB").start()
    filler = {"key": "filler", "value": {"string_value": "x" * 60_000}}

    def body(mib):
        return request(*[span(new_trace_id(), attributes=[filler]) for _ in range(mib * 17)]).SerializeToString()

    small, large = body(40), body(50)
    assert 38 * MIB < len(small) < 48 * MIB < len(large)
    answer = send_http(server, large)
    assert answer.status_code == 413 and "50331648" in Status.FromString(answer.content).message
    code, sentence, _ = grpc_refusal(server, large)
    assert code == grpc.StatusCode.RESOURCE_EXHAUSTED, sentence
    # The process may be at its bound now and then: what it refuses then is to be sent again, and is taken.
    eventually(lambda: send_http(server, small).status_code == 200, "taken over HTTP")
    eventually(lambda: is_taken_by_grpc(server, small), "taken over gRPC")


def is_taken_by_grpc(server, body):
    try:
        return send_grpc(server, body) == b""
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.UNAVAILABLE, error.details()
        return False


def gzip(body):
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    return packer.compress(body) + packer.flush()
