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
    went_well = exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
    if went_well and reports.get("skipped") and not reports.get("passed"):
        session.exitstatus = SKIPPED


def pytest_runtest_logreport(report):
    if report.skipped:
        note_skip(report)


def pytest_collectreport(report):
    """Of a file that skips itself as a whole."""
    if report.skipped:
        note_skip(report)


def note_skip(report):
    """Adds `name: reason` to the file BACKSTITCH_SKIPPED, where `make test` finds what ctest does not tell."""
    path = os.environ.get("BACKSTITCH_SKIPPED")
    if not path:
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    with open(path, "a") as file:
        file.write(f"{report.nodeid}: {reason.removeprefix('Skipped: ')}\n")


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
    """make_server(*flags, data=…, keep=…): not started yet. At the end it is stopped, and held to its promises."""
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
