"""The web UI's own browser tests, against the real server with generated traces."""
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from server import Load, eventually

ROOT = Path(__file__).parent.parent.parent
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
if not shutil.which(CHROMIUM):
    pytest.skip(f"UI: no browser at {CHROMIUM}", allow_module_level=True)
if not (ROOT / "ui/node_modules").exists():
    pytest.skip("UI: its packages are not installed; tools/setup does", allow_module_level=True)


@pytest.fixture
def filled_server(make_server, tmp_path):
    server = make_server("--set", "decision_wait=500ms").start()
    load = Load(tmp_path, f"grpc://{server.grpc}", "--traces", "400", "--rate", "3000", "--seed", "3")
    load.wait()
    eventually(lambda: server.metric("backstitch_open_traces") == 0, "sealed")
    return server


def run_browser_tests(script, **environment):
    done = subprocess.run([ROOT / "tools/node", "npm", "run", "--silent", script], cwd=ROOT / "ui",
                          env=os.environ | environment | {"CHROMIUM": CHROMIUM}, capture_output=True, timeout=390)
    assert done.returncode == 0, done.stdout.decode()[-6000:] + done.stderr.decode()[-2000:]


def test_every_page_works_on_a_real_server(filled_server):
    run_browser_tests("test:browser", BACKSTITCH_URL=filled_server.url(""))


def test_what_only_made_up_answers_show():
    """Errors of the server, partial answers, values that no generator makes, a trace of 10,000 spans."""
    run_browser_tests("test:mock")
