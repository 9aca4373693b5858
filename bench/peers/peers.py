#!/usr/bin/env python3
"""Peers that Backstitch is measured against, and what feeds them: built into build/peers, started on loopback.

    bench/peers/peers.py build           # the Collector, replay: only what is missing or older than its sources
    bench/peers/peers.py run CONFIG      # the Collector in the foreground, with a configuration of its own kind

Needs Go and the Go module proxy. Building the Collector takes some minutes the first time."""
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time

HERE = pathlib.Path(__file__).resolve().parent
BUILT = HERE.parent.parent / "build" / "peers"
COLLECTOR_VERSION = "0.161.0"
BUILDER = f"go.opentelemetry.io/collector/cmd/builder@v{COLLECTOR_VERSION}"
COLLECTOR = BUILT / "collector" / "otelcol"
REPLAY = BUILT / "replay"
TICKS = os.sysconf("SC_CLK_TCK")
READY_SECONDS = 30


def say(text):
    print(f"peers: {text}", file=sys.stderr)


def go(arguments, folder, **more):
    environment = {**os.environ, "GOFLAGS": os.environ.get("GOFLAGS", "-p=2"), **more}
    subprocess.run(arguments, cwd=folder, env=environment, check=True, stdout=sys.stderr)


def is_fresh(built, sources):
    return built.exists() and all(built.stat().st_mtime >= source.stat().st_mtime for source in sources)


def build_collector():
    manifest = HERE / "collector" / "builder.yaml"
    if is_fresh(COLLECTOR, [manifest]):
        return
    BUILT.mkdir(parents=True, exist_ok=True)
    builder = BUILT / f"builder-{COLLECTOR_VERSION}"
    if not builder.exists():
        say(f"go install {BUILDER}")
        go(["go", "install", BUILDER], BUILT, GOBIN=str(BUILT))
        (BUILT / "builder").rename(builder)
    say(f"building the Collector {COLLECTOR_VERSION} of {manifest.name} (some minutes)")
    with tempfile.TemporaryDirectory(dir=BUILT) as folder:
        own = pathlib.Path(folder, manifest.name)
        own.write_text(manifest.read_text().replace("dist:\n", f"dist:\n  output_path: {folder}/out\n", 1))
        go([builder, "--config", own], folder)
        COLLECTOR.parent.mkdir(exist_ok=True)
        pathlib.Path(folder, "out", "otelcol").rename(COLLECTOR)


def build_replay():
    folder = HERE / "replay"
    if is_fresh(REPLAY, folder.iterdir()):
        return
    BUILT.mkdir(parents=True, exist_ok=True)
    say("building replay")
    go(["go", "build", "-o", REPLAY, "."], folder)


def build():
    if not shutil.which("go"):
        raise SystemExit("peers: no go on this machine, and the Collector is built from Go modules")
    build_collector()
    build_replay()


def free_port():
    """Free a moment ago; good enough on a loopback that nobody else takes ports of."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def answers(port):
    with socket.socket() as one:
        one.settimeout(1)
        return one.connect_ex(("127.0.0.1", port)) == 0


class Process:
    """A program that is measured, started here and ended here."""

    def __init__(self, command, ports, log=None):
        self.log = tempfile.TemporaryFile("w+") if log is None else log
        self.process = subprocess.Popen([str(part) for part in command], stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + READY_SECONDS
        while not all(answers(port) for port in ports):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                self.log.seek(0)
                raise SystemExit(f"{command[0]} did not start:\n{self.log.read()[-3000:]}")
            time.sleep(0.05)

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory(self, key):
        """Bytes: VmRSS now, VmHWM at most."""
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(key + ":"):
                return int(line.split()[1]) * 1024
        return 0

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def stop(self, seconds=60):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.kill()


class Collector(Process):
    """A Collector with one pipeline from OTLP over gRPC to `exporters`, a configuration as values; `block` is the text
    of a "tail_sampling:" block in between."""

    def __init__(self, exporters, block=""):
        self.port = free_port()
        pipeline = {"receivers": ["otlp"], "processors": ["tail_sampling"] if block else [],
                    "exporters": list(exporters)}
        configuration = {
            "receivers": {"otlp": {"protocols": {"grpc": {"endpoint": f"127.0.0.1:{self.port}"}}}},
            "exporters": exporters,
            "service": {"telemetry": {"metrics": {"level": "none"}, "logs": {"level": "warn"}},
                        "pipelines": {"traces": pipeline}}}
        self.folder = tempfile.TemporaryDirectory(prefix="backstitch-collector-")
        base = pathlib.Path(self.folder.name, "config.yaml")
        base.write_text(json.dumps(configuration, indent=1))  # JSON is YAML
        command = [COLLECTOR, "--config", f"file:{base}"]
        if block:
            processors = pathlib.Path(self.folder.name, "processors.yaml")
            processors.write_text("processors:\n" + textwrap.indent(block, "  "))
            command += ["--config", f"file:{processors}"]  # merged with the other
        super().__init__(command, [self.port])

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"


class Sink(Process):
    """Takes what is exported to it and counts the spans of each trace."""

    def __init__(self):
        self.port, self.web = free_port(), free_port()
        super().__init__([REPLAY, "sink", self.address, f"127.0.0.1:{self.web}"], [self.port, self.web])

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def get(self, path):
        connection = http.client.HTTPConnection(f"127.0.0.1:{self.web}")
        connection.request("GET", path)
        return connection.getresponse().read().decode()

    def spans(self):
        return int(self.get("/spans"))

    def traces(self):
        """Spans of each trace, by its id."""
        return read_counts(self.get("/traces"))

    def settled(self, seconds):
        """Waits until nothing has come for so long."""
        last, since = self.spans(), time.monotonic()
        while time.monotonic() - since < seconds:
            time.sleep(0.2)
            now = self.spans()
            if now != last:
                last, since = now, time.monotonic()
        return last


def read_counts(text):
    return {trace: int(count) for trace, count in (line.split() for line in text.splitlines())}


def send(prepared, address, pace=False, until=None, senders=4, acknowledged=None):
    """What replay said of it. `until` ends it after so many seconds of the data's own time."""
    return json.loads(finish(start_sending(prepared, address, pace, until, senders, acknowledged)))


def start_sending(prepared, address, pace=False, until=None, senders=4, acknowledged=None):
    command = [REPLAY, "send", prepared, address, f"--senders={senders}"]
    command += ["--pace"] if pace else []
    command += [f"--until={until}s"] if until else []
    command += [f"--acknowledged={acknowledged}"] if acknowledged else []
    return subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                            text=True)


def finish(sending):
    out, _ = sending.communicate()
    if sending.returncode:
        raise SystemExit("replay failed")
    return out


def main():
    if sys.argv[1:] == ["build"]:
        build()
    elif len(sys.argv) == 3 and sys.argv[1] == "run":
        build()
        os.execv(COLLECTOR, [str(COLLECTOR), "--config", f"file:{sys.argv[2]}"])
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main()
