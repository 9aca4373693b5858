"""Node's OpenTelemetry SDK over HTTP and JSON."""
import json
import subprocess
from pathlib import Path

import pytest

import reading
import scenario

HERE = Path(__file__).parent
NODE = HERE.parent.parent / "tools" / "node"
if not (HERE / "node/node_modules").exists():
    pytest.skip("Node: its packages are not installed; tools/setup --tests does", allow_module_level=True)


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_every_field_comes_back_from_every_api(shared_server, compression):
    told = scenario.make("node")
    done = subprocess.run([NODE, "node", HERE / "node/send.mjs", shared_server.otlp, compression],
                          input=json.dumps(told).encode(), capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    made = json.loads(done.stdout)
    wanted = scenario.expected(told, made, "node")
    trace_id = made["spans"]["checkout"]["traceId"]
    shared_server.eventually_found(trace_id, len(wanted), seconds=2)
    reading.assert_every_api_tells(shared_server, trace_id, wanted)
    requests = shared_server.metric("backstitch_otlp_requests_total", 'encoding="json"')
    assert requests >= 2, "it came as JSON"
