"""A `serve` process under measurement, and how tables of what was measured are written."""
import http.client
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

TICKS = os.sysconf("SC_CLK_TCK")


class Serve:
    """A running `serve` on free ports and an empty data directory."""

    verb = "serve"

    def __init__(self, binary, **settings):
        self.data = tempfile.mkdtemp(prefix="backstitch-bench-")
        self.config = pathlib.Path(self.data, "backstitch.yaml")
        self.configure(settings)
        command = [binary, self.verb, "--config", self.config, "--data", self.data, "--otlp-grpc", "127.0.0.1:0",
                   "--otlp-http", "127.0.0.1:0", "--query", "127.0.0.1:0"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.read_addresses()

    def configure(self, settings):
        self.config.write_text("".join(f"{key}: {value}\n" for key, value in settings.items()))

    def reload(self, **settings):
        """All parts anew, in the same process and on the same log."""
        self.configure(settings)
        self.process.send_signal(signal.SIGHUP)
        self.read_addresses()

    def read_addresses(self):
        self.address = {}
        while len(self.address) < 3:
            line = self.process.stdout.readline()
            if not line:
                raise SystemExit("serve did not start")
            name, address = line.split()
            self.address[name] = address.removeprefix("http://")
        self.web = http.client.HTTPConnection(self.address["web"])

    def get(self, path):
        self.web.request("GET", path)
        answer = self.web.getresponse()
        return answer.status, answer.read()

    def metric(self, name):
        for line in self.get("/metrics")[1].decode().splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
        return 0.0

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory(self, key):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(key + ":"):
                return int(line.split()[1]) * 1024
        return 0

    def wait(self, condition, what, seconds=300, every=0.1):
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise SystemExit(f"waited {seconds} s for {what}")
            time.sleep(every)

    def disk_bytes(self, folder=""):
        return sum(path.stat().st_size for path in pathlib.Path(self.data, folder).rglob("*") if path.is_file())

    def open_files(self):
        return len(list(pathlib.Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def log_files(self):
        """By inode: which they are, whatever their names are at the time."""
        return {path.stat().st_ino for path in pathlib.Path(self.data, "log").iterdir()}

    def kill(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.data)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)
        shutil.rmtree(self.data)


def generate(binary, serve, spans, truth=None, protocol="grpc", seed=1):
    scheme = {"grpc": "grpc://" + serve.address["otlp-grpc"], "http": "http://" + serve.address["otlp-http"]}[protocol]
    command = [binary, "gen", "--to", scheme, "--spans", str(spans), "--seed", str(seed), "--rate", "0"]
    if truth:
        command += ["--truth", truth]
    started = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.monotonic() - started


def yardsticks(build, steps="."):
    """Seconds a span of each step of path_bench: the median of five runs."""
    out = subprocess.run([build / "bench" / "path_bench", "--benchmark_format=json", "--benchmark_repetitions=5",
                          "--benchmark_report_aggregates_only=true", f"--benchmark_filter={steps}"],
                         check=True, capture_output=True, text=True).stdout
    rows = json.loads(out)["benchmarks"]
    return {row["run_name"]: row for row in rows if row["aggregate_name"] == "median"}


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def latencies(serve, paths, share=0.99):
    """Milliseconds: the median, and what `share` of the answers take at most."""
    times = []
    for path in paths:
        started = time.perf_counter()
        serve.get(path)
        times.append((time.perf_counter() - started) * 1000)
    return percentile(times, 0.5), percentile(times, share)


def write_table(rows, write, name, heads=("What", "Measured", "Budget", "")):
    """Prints rows of cells; `write` is a file to put them into, between the comments that name the table."""
    lines = ["| " + " | ".join(head.replace("|", r"\|") for head in heads) + " |", "|---" * len(heads) + "|"]
    lines += ["| " + " | ".join(cell.replace("|", r"\|") for cell in row) + " |" for row in rows]
    print("\n".join(lines))
    if write:
        text = write.read_text()
        begin, end = f"<!-- table: {name} -->\n", "<!-- end -->"
        head, rest = text.split(begin)
        write.write_text(head + begin + "\n".join(lines) + "\n" + end + rest.split(end, 1)[1])
