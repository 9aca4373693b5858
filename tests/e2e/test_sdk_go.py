"""Go's OpenTelemetry SDK over gRPC."""
import json
import shutil
import subprocess
from pathlib import Path

import pytest

import reading
import scenario

HERE = Path(__file__).parent
if not shutil.which("go"):
    pytest.skip("Go: no go on this machine", allow_module_level=True)


@pytest.fixture(scope="module")
def program():
    """Built into build/, where Go's cache makes the second time quick."""
    path = HERE.parent.parent / "build/tools/e2e-go"
    done = subprocess.run(["go", "build", "-o", path, "."], cwd=HERE / "go", capture_output=True, timeout=380)
    assert done.returncode == 0, done.stderr.decode()
    return path


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_every_field_comes_back_from_every_api(shared_server, program, compression):
    told = scenario.make("go")
    done = subprocess.run([program, shared_server.grpc, compression], input=json.dumps(told).encode(),
                          capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    made = json.loads(done.stdout)
    recorded = {one["key"]: one["value"]["stringValue"] for one in made["exception"]}
    assert recorded["exception.message"] == "card declined: 51" and "main.go" in recorded["exception.stacktrace"]
    wanted = scenario.expected(told, made, "go")
    trace_id = made["spans"]["checkout"]["traceId"]
    shared_server.eventually_found(trace_id, len(wanted), seconds=2)
    reading.assert_every_api_tells(shared_server, trace_id, wanted)
