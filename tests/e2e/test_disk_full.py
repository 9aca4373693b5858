"""A disk that is full for real: refused, not lost; reads go on; it resumes when there is room, without a restart."""
import os
import subprocess

import grpc
import pytest

from server import Load, assert_whole, eventually
from wire import attribute, grpc_refusal, new_trace_id, request, retry_delay_seconds, send_grpc, send_http, span


@pytest.fixture
def small_disk(tmp_path):
    """96 MiB of their own. As a file system in memory, so that no other test is in its way."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", folder], capture_output=True)
    if done.returncode != 0:
        pytest.skip(f"mount refuses: {done.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(path):
    """Takes all that is left, again where something was freed since."""
    with open(path, "ab", buffering=0) as file:
        block = b"x" * (1 << 20)
        while block:
            try:
                file.write(block)
            except OSError:
                block = block[:len(block) // 2]


def test_a_full_disk_refuses_keeps_answering_and_resumes(small_disk, make_server, tmp_path):
    # Retention must not make room by itself.
    server = make_server("--set", "retention.disk=100%", "--set", "decision_wait=2s",
                         "--set", "log.segment_bytes=1MiB", data=small_disk / "data").start()
    early = new_trace_id()
    assert send_http(server, request(span(early)).SerializeToString()).status_code == 200
    ballast = small_disk / "ballast"
    load = Load(tmp_path, f"grpc://{server.grpc}", "--rate", "20000", "--no-retry", "--batch", "200")
    eventually(lambda: len(load.acknowledged()) > 100, "some traces")

    # What is preallocated may still be used, by small requests for longer than by large ones; then it refuses.
    filler = [attribute(f"filler {number}", "x" * 60_000) for number in range(10)]
    body = request(span(new_trace_id(), attributes=filler)).SerializeToString()

    def refused():
        fill(ballast)
        answer = send_http(server, body)
        return answer if answer.status_code != 200 else None

    answer = eventually(refused, "refused", 60)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) >= 1
    code, sentence, status = grpc_refusal(server, body)
    assert code == grpc.StatusCode.UNAVAILABLE, sentence
    assert retry_delay_seconds(status) > 0
    assert server.metric("backstitch_requests_refused_total", 'reason="no_space"') > 0

    # Reads go on.
    assert server.span_count(early.hex()) == 1
    assert server.get("/api/bs/v1/services").json()["services"]
    load.stop()
    assert_whole(server, load)

    # Room again: it takes spans and seals, without a restart.
    ballast.unlink()
    late = new_trace_id()
    body = request(span(late)).SerializeToString()
    eventually(lambda: send_http(server, body).status_code == 200, "accepted again", 60, interval=0.2)
    send_grpc(server, body)
    server.eventually_found(late.hex(), 1)
    eventually(lambda: server.metric("backstitch_open_traces") == 0, "sealed", 60)
    assert_whole(server, load)

    # And nothing of it depends on memory.
    server.kill()
    server.start()
    assert server.span_count(early.hex()) == 1 and server.span_count(late.hex()) == 1
    assert_whole(server, load)
    server.stop()  # before its disk goes


def test_a_store_that_ran_out_of_space_goes_on_when_there_is_room(small_disk, make_server, tmp_path):
    """Here sealing itself fails for a while, not only the log: nothing that was acknowledged may hang or vanish."""
    server = make_server("--set", "retention.disk=100%", "--set", "decision_wait=100ms",
                         "--set", "log.segment_bytes=1MiB", data=small_disk / "data").start()
    ballast = small_disk / "ballast"
    load = Load(tmp_path, f"grpc://{server.grpc}", "--rate", "10000", "--no-retry", "--batch", "200")
    # Two segments of the log at least, so that it goes on while the store's own room runs out.
    eventually(lambda: server.metric("backstitch_spans_sealed_total") > 10_000, "several segments")

    def fails():
        fill(ballast)
        return server.metric("backstitch_seal_failures_total") > 3

    eventually(fails, "seal batches that fail", 120)
    load.stop()
    ballast.unlink()
    eventually(lambda: server.metric("backstitch_open_traces") == 0, "sealed", 90)
    assert_whole(server, load)
    server.stop()  # before its disk goes
