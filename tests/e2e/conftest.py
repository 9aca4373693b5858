import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from server import BINARY, Load, Server  # noqa: E402

SKIPPED = 77  # what ctest knows as skipped


def pytest_configure(config):
    if not os.access(BINARY, os.X_OK):
        pytest.exit(f"no program at {BINARY}: build it, or say where it is in BACKSTITCH_BINARY", returncode=2)


def pytest_sessionfinish(session, exitstatus):
    """Where all tests of a file were skipped, the file was."""
    reports = session.config.pluginmanager.get_plugin("terminalreporter").stats
    if exitstatus == 0 and reports.get("skipped") and not reports.get("passed"):
        session.exitstatus = SKIPPED


@pytest.fixture(autouse=True)
def no_load_stays():
    yield
    while Load.started:
        process = Load.started.pop()
        if process.poll() is None:
            process.kill()
            process.wait()


@pytest.fixture
def make_server(tmp_path):
    """make_server(*flags, data=…, keep=…): not started yet; stopped, and held to its promises, when the test ends."""
    made = []

    def make(*flags, data=None, **kwargs):
        made.append(Server(data or tmp_path / f"data{len(made)}", *flags, **kwargs))
        return made[-1]

    yield make
    for server in made:
        server.close()


@pytest.fixture
def server(make_server):
    return make_server().start()


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory):
    """One for all tests of a file, where they only add traces of their own."""
    server = Server(tmp_path_factory.mktemp("shared") / "data").start()
    yield server
    server.close()
