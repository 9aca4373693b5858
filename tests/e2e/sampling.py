"""What tests of tail sampling send, ask and expect."""
import os
import random
import re
from pathlib import Path

import pytest

from server import SLOW, backstitch, eventually
from wire import request, send_http, span

SEED = int(os.environ.get("BACKSTITCH_TEST_SEED", "1"))
RANDOM = random.Random(SEED)
UNKNOWN = "0" * 28 + "beef"
SECOND = 1_000_000_000
ERROR_STATUS = {"code": 2}
COLLECTOR_FILE = Path("src/app/testdata/collector_tail_sampling.yaml")

ERRORS = "{name: errors, type: status_code, status_code: {status_codes: [ERROR]}}"
SLOW_ONES = "{name: slow, type: latency, latency: {threshold_ms: 2000}}"
ALL = "{name: all, type: always_sample}"


def percentage(percent):
    return f"{{name: some, type: probabilistic, probabilistic: {{sampling_percentage: {percent}}}}}"


def block(*policies, wait="300ms", indent="", **keys):
    """As the Collector's users write it."""
    lines = ["tail_sampling:", f"  decision_wait: {wait}", *(f"  {key}: {value}" for key, value in keys.items()),
             "  policies:", *(f"    - {policy}" for policy in policies)]
    return "".join(f"{indent}{line}\n" for line in lines)


@pytest.fixture
def make_sampler(make_server, tmp_path):
    """make_sampler(*policies, wait=…, flags=(), keys of the block): not started; `server.config` is its file."""
    def make(*policies, flags=(), **keys):
        config = tmp_path / "sampling.yaml"
        config.write_text(block(*policies, **keys))
        return make_server(*flags, config=config)

    return make


# --- what is sent

def make_trace(spans=3, is_error=False, milliseconds=1, name="GET /", attributes=()):
    """(id as text, spans): a root that takes `milliseconds`, its children; the last span fails where `is_error`."""
    trace_id = RANDOM.randbytes(16)
    root = span(trace_id, name=name, attributes=list(attributes))
    root.start_time_unix_nano = root.end_time_unix_nano - milliseconds * 1_000_000
    made = [root]
    for _ in range(spans - 1):
        made.append(span(trace_id, name="child", parent_span_id=root.span_id))
        made[-1].start_time_unix_nano = root.start_time_unix_nano
        made[-1].end_time_unix_nano = root.end_time_unix_nano
    if is_error:
        made[-1].status.code = ERROR_STATUS["code"]
    return trace_id.hex(), made


def send(server, *spans):
    assert send_http(server, request(*spans).SerializeToString()).status_code == 200


def send_trace(server, **kwargs):
    """Its id."""
    trace_id, spans = make_trace(**kwargs)
    send(server, *spans)
    return trace_id


def late_span(trace_id, **fields):
    return span(bytes.fromhex(trace_id), name="late", **fields)


def is_chosen(trace_id, percent, salt=b"default-hash-seed"):
    """As the Collector chooses: FNV-1a of the salt and the id."""
    state = 0xcbf29ce484222325
    for byte in salt + bytes.fromhex(trace_id):
        state = (state ^ byte) * 0x100000001b3 % 2**64
    return state <= percent / 100 * (2**64 - 1)


# --- what it says

def why(server, trace_id):
    """At that node; None where nothing was decided."""
    answer = server.session.get(server.url(f"/api/bs/v1/traces/{trace_id}/why"), timeout=60 * SLOW,
                                headers={"backstitch-scope": "local"})
    assert answer.status_code in (200, 404), answer.text
    return answer.json() if answer.status_code == 200 else None


def decisions(server, trace_id):
    """[(verdict, cause, late spans)], oldest first."""
    told = why(server, trace_id)
    return [(one["verdict"], one["cause"], one["lateSpanCount"]) for one in told["decisions"]] if told else []


def eventually_decided(server, trace_id, expected):
    eventually(lambda: decisions(server, trace_id) == expected,
               f"{trace_id} {expected}, last {decisions(server, trace_id)}")


def eventually_dropped(server, trace_id):
    def is_dropped():
        told = why(server, trace_id)
        return told and told["verdict"] == "dropped" and server.span_count(trace_id) == 0

    eventually(is_dropped, f"{trace_id} dropped")


def eventually_kept(server, trace_id, spans=3, seconds=30):
    """Whole, and decided so."""
    eventually(lambda: (why(server, trace_id) or {}).get("verdict") == "kept", f"{trace_id} kept", seconds)
    server.eventually_found(trace_id, spans)


def why_text(server, trace_id):
    """With TIME and WAIT in the place of what differs from run to run."""
    text = backstitch("why", trace_id, "--server", server.url(""), check=0).stdout.decode()
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} UTC", "TIME", text)
    return re.sub(r"(TIME, )[0-9a-zµ.]+ before", r"\1WAIT before", text.replace(trace_id, "ID"))


def keep(server, trace_id, check):
    return backstitch("keep", trace_id, "--server", server.url(""), check=check)


def post_keep(server, trace_id):
    return server.session.post(server.url(f"/api/bs/v1/traces/{trace_id}/keep"), timeout=60 * SLOW)


def sampling_metrics(server):
    """{'decisions_total{verdict="kept"}': …}"""
    prefix = "backstitch_sampling_"
    return {name.removeprefix(prefix): value for name, value in server.metrics().items() if name.startswith(prefix)}


def decided_count(server):
    return server.metric("backstitch_sampling_decisions_total")


def found_by_search(server):
    """Ids, by the native API and by Jaeger's."""
    native = {one["traceId"] for one in server.get("/api/bs/v1/traces?limit=1000").json()["traces"]}
    jaeger = {one["traceID"] for one in server.get("/api/traces?service=test&limit=1000").json()["data"]}
    return native, jaeger


def assert_dropped_everywhere(server, trace_id):
    told = server.get(f"/api/bs/v1/traces/{trace_id}", status=404).text
    assert f"trace {trace_id} was dropped" in told and f"backstitch keep {trace_id}" in told, told
    server.get(f"/api/traces/{trace_id}", status=404)
    server.get(f"/api/v3/traces/{trace_id}", status=404)
