"""A `backstitch serve` that a test starts, asks and stops; and polling, since nothing here waits by sleeping."""
import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import requests

BINARY = os.environ.get("BACKSTITCH_BINARY", "build/release/backstitch")
SLOW = int(os.environ.get("BACKSTITCH_SLOW", "1"))  # how much more time a program with sanitizers gets
START_SECONDS = 60  # the machine may be busy; nothing is measured by it
STOP_SECONDS = 10  # what the product promises


def eventually(check, what, seconds=30.0, interval=0.02):
    """Polls until `check` returns neither None nor False, and returns that."""
    seconds *= SLOW
    deadline = time.monotonic() + seconds
    while True:
        value = check()
        if value is not None and value is not False:
            return value
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(interval)


def backstitch(*args, check=None, **kwargs):
    """Runs a verb to its end. `check` is the exit code that it must have."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("BACKSTITCH_")}
    done = subprocess.run([BINARY, *map(str, args)], capture_output=True, timeout=120 * SLOW, env=environment,
                          **kwargs)
    if check is not None:
        assert done.returncode == check, (args, done.returncode, done.stdout[-2000:], done.stderr[-2000:])
    return done


class Server:
    """One data directory; start() and stop() or kill() as often as a test likes."""

    def __init__(self, data, *flags, keep=(), config=None):
        self.data = Path(data)
        self.flags = list(flags)
        self.keep = keep  # listeners that keep their port over restarts: "otlp-grpc" …
        self.config = config
        self.process = None
        self.addresses = {}
        self.log_path = self.data.with_name(self.data.name + ".log")
        self.session = requests.Session()

    # --- life

    def command(self):
        def listener(name):
            return self.addresses[name] if name in self.keep and name in self.addresses else "127.0.0.1:0"

        listeners = ["--otlp-grpc", listener("otlp-grpc"), "--otlp-http", listener("otlp-http"),
                     "--query", listener("web")]
        config = ["--config", str(self.config)] if self.config else []
        return [BINARY, "serve", "--data", str(self.data), *listeners, *config, *self.flags]

    def start(self):
        environment = {key: value for key, value in os.environ.items() if not key.startswith("BACKSTITCH_")}
        environment["BACKSTITCH_STORE_SEAL_WAIT"] = "0s"  # tests wait for what is stored; a flag goes before this
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command(), stdout=subprocess.PIPE, stderr=log, env=environment)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.read_addresses()
        eventually(self.is_ready, "ready", START_SECONDS)
        return self

    def read_addresses(self):
        text = ""

        def read():
            nonlocal text
            text += (self.process.stdout.read() or b"").decode()
            assert self.process.poll() is None, f"serve ended with {self.process.returncode}: {self.log()[-2000:]}"
            return all(re.search(rf"^{name} .*\n", text, re.M) for name in ("web", "otlp-grpc", "otlp-http"))

        eventually(read, "addresses", START_SECONDS)
        for line in text.splitlines():
            name, address = line.split()
            self.addresses[name] = address.removeprefix("http://")

    def is_ready(self):
        assert self.process.poll() is None, f"serve ended with {self.process.returncode}: {self.log()[-2000:]}"
        try:
            return requests.get(self.url("/readyz"), timeout=5 * SLOW).status_code == 200
        except requests.ConnectionError:
            return False

    def stop(self, seconds=STOP_SECONDS):
        """SIGTERM: it drains, ends in time, with 0."""
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout=seconds * SLOW)
        except subprocess.TimeoutExpired:
            self.kill()
            said = self.log()[-2000:]
            raise AssertionError(f"serve did not end within {seconds * SLOW} s of SIGTERM: {said}") from None
        self.process.stdout.close()
        self.process = None
        assert code == 0, f"serve ended with {code}: {self.log()[-2000:]}"

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process = None

    def close(self):
        """What is left when a test ends. A server that still runs must stop in the way that it promises."""
        if self.process is not None and self.process.poll() is None:
            self.stop()
        elif self.process is not None:
            self.process.stdout.close()
            raise AssertionError(f"serve ended by itself with {self.process.returncode}: {self.log()[-2000:]}")

    # --- what it says

    def log(self):
        return self.log_path.read_text(errors="replace")

    def url(self, path):
        return "http://" + self.addresses["web"] + path

    @property
    def grpc(self):
        return self.addresses["otlp-grpc"]

    @property
    def otlp(self):
        return "http://" + self.addresses["otlp-http"] + "/v1/traces"

    def get(self, path, status=200, **kwargs):
        answer = self.session.get(self.url(path), timeout=60 * SLOW, **kwargs)
        assert answer.status_code == status, (path, answer.status_code, answer.text[:500])
        return answer

    def metrics(self):
        """{'name{labels}': value}"""
        lines = self.get("/metrics").text.splitlines()
        return {name: float(value) for name, value in
                (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))}

    def metric(self, name, labels=""):
        return sum(value for key, value in self.metrics().items()
                   if key.split("{")[0] == name and labels in key)

    def status(self, name):
        """Of /proc: VmHWM, VmRSS in bytes."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"^{name}:\s+(\d+) kB", text, re.M).group(1)) * 1024

    def reset_peak_memory(self):
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def span_count(self, trace_id):
        """0 where there is no such trace."""
        answer = self.session.get(self.url(f"/api/bs/v1/traces/{trace_id}"), timeout=60 * SLOW)
        assert answer.status_code in (200, 404), (trace_id, answer.status_code, answer.text[:500])
        return answer.json()["spanCount"] if answer.status_code == 200 else 0

    def eventually_found(self, trace_id, spans, seconds=30.0):
        eventually(lambda: self.span_count(trace_id) == spans, f"{trace_id} with {spans} spans", seconds)


class Load:
    """`backstitch gen` beside the test."""

    started = []  # all of them: what a failed test left running is ended (conftest)

    def __init__(self, folder, target, *flags, name="load"):
        self.truth_path = folder / f"{name}.truth"
        self.ack_path = folder / f"{name}.acks"
        self.err_path = folder / f"{name}.err"
        command = [BINARY, "gen", "--to", target, "--truth", self.truth_path, "--ack-log", self.ack_path, "--json",
                   *flags]
        self.err = open(self.err_path, "wb")
        self.process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, stderr=self.err)
        Load.started.append(self.process)

    def stop(self, seconds=60):
        """Interrupts it where it still runs; returns its report."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.wait(seconds)

    def wait(self, seconds=120):
        try:
            out, _ = self.process.communicate(timeout=seconds * SLOW)
        finally:
            if self.process.poll() is None:
                self.process.kill()
            self.err.close()
        lines = out.decode().strip().splitlines()
        return json.loads(lines[-1]) if lines else {}

    def acknowledged(self):
        """Ids of traces of which every span was acknowledged. A last line without its end was never written."""
        if not self.ack_path.exists():
            return []
        return [line.strip() for line in self.ack_path.read_text().splitlines(True) if line.endswith("\n")]

    def span_counts(self):
        """{trace id: spans}, of all that was made."""
        counts = {}
        for line in self.truth_path.read_text().splitlines():
            one = json.loads(line)
            counts[one["trace_id"]] = one["spans"]
        return counts


def assert_whole(server, load):
    """Every trace that was acknowledged is there with all its spans; returns how many these are."""
    expected, acknowledged = load.span_counts(), load.acknowledged()
    lost = []
    for trace_id in acknowledged:
        found = server.span_count(trace_id)
        if found != expected[trace_id]:
            lost.append((trace_id, found, expected[trace_id]))
    assert not lost, f"{len(lost)} of {len(acknowledged)} acknowledged traces are not whole: {lost[:5]}"
    return len(acknowledged)
