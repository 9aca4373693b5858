"""kill -9 under load: whatever was acknowledged is there after the restart, whole."""
import os
import random

import pytest

from server import SLOW, Load, assert_whole, eventually

SEED = int(os.environ.get("BACKSTITCH_TEST_SEED", "1"))
KILLS = 10 if SLOW == 1 else 3  # a program with sanitizers takes its time to start


def kill_and_restart_under_load(server, load, seed):
    """KILLS times: waits until a random number of further traces was acknowledged, kills, restarts."""
    random_source = random.Random(seed)
    acknowledged = 0
    for _ in range(KILLS):
        target = acknowledged + random_source.randrange(10, 150)
        eventually(lambda: len(load.acknowledged()) >= target, f"{target} traces acknowledged (seed {seed})", 60)
        # Not at an acknowledgement, but anywhere: as many looks at the clock later as the dice say.
        for _ in range(random_source.randrange(20_000)):
            os.times()
        server.kill()
        server.start()
        acknowledged = len(load.acknowledged())


# HTTP clients knock again sooner than gRPC's, whose channels wait longer from try to try.
@pytest.mark.parametrize("decision_wait, protocol", [("1s", "http"), ("5s", "grpc")])
def test_nothing_acknowledged_is_lost_by_kills_under_load(make_server, tmp_path, decision_wait, protocol):
    """With 1s, sealing is always in progress; with 5s, most is still in the log."""
    server = make_server("--set", f"decision_wait={decision_wait}", keep=("otlp-grpc", "otlp-http")).start()
    target = f"{protocol}://{server.addresses['otlp-' + protocol]}"
    load = Load(tmp_path, target, "--rate", "6000", "--connections", "4", "--batch", "300", "--seed", SEED)
    kill_and_restart_under_load(server, load, SEED)
    report = load.stop()
    assert report["retries"] > 0, "the kills were noticed"
    assert assert_whole(server, load) > 10 * KILLS
    # And once all is sealed.
    eventually(lambda: server.metric("backstitch_open_traces") == 0, "sealed", 60)
    assert assert_whole(server, load) > 10 * KILLS
    assert server.metric("backstitch_references_lost_total") == 0


def test_nothing_acknowledged_is_lost_where_the_log_is_tiny_and_compressed(make_server, tmp_path):
    """Segments of 64 KiB are recycled all the time."""
    settings = ["decision_wait=300ms", "log.segment_bytes=64KiB", "log.compression=lz4"]
    server = make_server(*(part for setting in settings for part in ("--set", setting)), keep=("otlp-http",)).start()
    load = Load(tmp_path, f"http://{server.addresses['otlp-http']}", "--rate", "6000", "--batch", "50", "--gzip",
                "--seed", SEED + 1)
    kill_and_restart_under_load(server, load, SEED + 1)
    load.stop()
    assert assert_whole(server, load) > 10 * KILLS
