"""Our own C++ SDK as its users have it: configured alone, installed, and found by a project outside the tree."""
import json
import os
import subprocess
from pathlib import Path

import pytest

from server import backstitch, eventually

REPOSITORY = Path(__file__).parent.parent.parent
RUN_SECONDS = 120
OVERFLOW_SPANS = 50_000  # of overflow.cc


def run(*command, seconds=350, **kwargs):
    done = subprocess.run([str(part) for part in command], capture_output=True, timeout=seconds, **kwargs)
    assert done.returncode == 0, (command, done.stdout.decode()[-3000:], done.stderr.decode()[-3000:])
    return done.stdout.decode().strip()


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    """The build directory stays, so that the second time is quick; what is installed is new each time."""
    build, prefix = REPOSITORY / "build/tools/e2e-sdk-cpp", tmp_path_factory.mktemp("prefix")
    run("cmake", "-S", REPOSITORY / "sdk/cpp", "-B", build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
        f"-DCMAKE_INSTALL_PREFIX={prefix}", *launcher())
    run("cmake", "--build", build, "-j", "2")
    run("cmake", "--install", build)
    return prefix


def launcher():
    """Of the build that this test belongs to, where it has one."""
    found = subprocess.run(["sh", "-c", "command -v ccache"], capture_output=True)
    return [f"-DCMAKE_CXX_COMPILER_LAUNCHER={found.stdout.decode().strip()}"] if found.returncode == 0 else []


@pytest.fixture(scope="module")
def examples(prefix, tmp_path_factory):
    build = tmp_path_factory.mktemp("example")
    run("cmake", "-S", REPOSITORY / "sdk/cpp/example", "-B", build, "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={prefix}")
    run("cmake", "--build", build)
    return build


@pytest.fixture(scope="module")
def program(examples):
    return examples / "checkout"


def environment(**variables):
    return {key: value for key, value in os.environ.items() if not key.startswith("OTEL_")} | variables


def spans_of(server, trace_id):
    """{name: span} and the service's name, as Jaeger's clients see them."""
    trace, = server.get(f"/api/traces/{trace_id}").json()["data"]
    process, = trace["processes"].values()
    return {span["operationName"]: span for span in trace["spans"]}, process


def tags_of(one):
    return {tag["key"]: tag["value"] for tag in one["tags"]}


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_the_examples_trace_is_found(shared_server, program, compression):
    base = shared_server.otlp.removesuffix("/v1/traces")
    trace_id = run(program, seconds=RUN_SECONDS, env=environment(
        OTEL_EXPORTER_OTLP_ENDPOINT=base, OTEL_EXPORTER_OTLP_COMPRESSION=compression, OTEL_SERVICE_NAME="shop",
        OTEL_RESOURCE_ATTRIBUTES="deployment.environment=test"))
    shared_server.eventually_found(trace_id, 3)
    spans, process = spans_of(shared_server, trace_id)
    assert process["serviceName"] == "shop"
    assert tags_of(process)["deployment.environment"] == "test"
    root, charge, mail = spans["POST /checkout"], spans["charge card"], spans["send mail"]
    assert root["references"] == []
    assert [one["spanID"] for one in charge["references"]] == [root["spanID"]]
    # Jaeger's clients see one reference to a span that is parent and link: the link.
    assert [(one["refType"], one["spanID"]) for one in mail["references"]] == [("FOLLOWS_FROM", root["spanID"])]
    assert tags_of(charge)["error"] is True
    fields = {field["key"]: field["value"] for field in charge["logs"][0]["fields"]}
    assert fields["exception.type"] == "std::runtime_error" and fields["exception.message"] == "card declined"


@pytest.fixture(scope="module")
def overflow(prefix, tmp_path_factory):
    build = tmp_path_factory.mktemp("overflow")
    run("cmake", "-S", Path(__file__).parent / "overflow", "-B", build, "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={prefix}")
    run("cmake", "--build", build)
    return build / "overflow"


def losses(server, *flags):
    answer = backstitch("losses", "--json", "--server", server.url(""), *flags, check=0).stdout
    return json.loads(answer)["losses"]


def test_the_server_says_what_the_program_lost(server, overflow):
    """The queue holds 64 spans, so most are lost, and the last of them after the last export."""
    assert losses(server) == []
    said = backstitch("losses", "--server", server.url(""), check=0)
    assert (said.stdout, said.stderr) == (b"", b"no SDK said that it lost a span\n")

    base = server.otlp.removesuffix("/v1/traces")
    lost = {}
    for instance in ("first", "second"):
        told = json.loads(run(overflow, seconds=RUN_SECONDS, env=environment(
            OTEL_EXPORTER_OTLP_ENDPOINT=base, OTEL_SERVICE_NAME="hasty", OTEL_BSP_MAX_QUEUE_SIZE="64",
            OTEL_BSP_MAX_EXPORT_BATCH_SIZE="64", OTEL_RESOURCE_ATTRIBUTES=f"service.instance.id={instance}")))
        lost[instance] = told["queue_full"]
        assert told["queue_full"] > 0 and told["exported"] + told["queue_full"] == OVERFLOW_SPANS, told

    eventually(lambda: {one["instance"]: one["spans"] for one in losses(server)} == lost, f"told of {lost}")
    found = losses(server, "--service", "hasty")
    assert [one["spans"] for one in found] == sorted(lost.values(), reverse=True)
    for one in found:
        assert one["service"] == "hasty"
        assert one["reasons"] == [{"reason": "queue_full", "spans": lost[one["instance"]]}]
        assert 0 < int(one["firstTimeUnixNano"]) <= int(one["lastTimeUnixNano"])
    assert losses(server, "--service", "nobody") == []
    assert server.metric("backstitch_sdk_spans_dropped_total", 'reason="queue_full"') == sum(lost.values())
    assert server.metric("backstitch_sdk_spans_dropped_total") == sum(lost.values())
    table = backstitch("losses", "--server", server.url(""), check=0).stdout.decode().splitlines()
    assert [line.split()[1:4] for line in table] == [["service", "instance", "reasons"]] + [
        ["hasty", one["instance"], "queue_full"] for one in found], table


def test_without_a_server_the_program_ends_in_time_and_says_so(program):
    done = subprocess.run([program], capture_output=True, timeout=RUN_SECONDS, env=environment(
        OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9", OTEL_BSP_EXPORT_TIMEOUT="100"))
    assert done.returncode == 1
    assert b"tracing: 3 spans were not exported" in done.stderr


def test_the_guide_shows_what_the_example_of_errors_prints(examples):
    if not (examples / "errors").exists():
        pytest.skip("cpp-httplib is not installed")
    tree = run(examples / "errors", seconds=RUN_SECONDS, env=environment())
    guide = (REPOSITORY / "docs/guides/cpp.md").read_text()
    shown = guide.split("```json\n")[1].split("```")[0]
    assert tree == "".join(line.strip() for line in shown.splitlines())


@pytest.mark.parametrize("component", ["httplib", "grpc", "beast"])
def test_a_component_that_is_asked_for_is_there_or_said_to_be_missing(prefix, tmp_path, component):
    (tmp_path / "CMakeLists.txt").write_text(f"""
        cmake_minimum_required(VERSION 3.16)
        project(asks LANGUAGES CXX)
        find_package(backstitch 0.1 REQUIRED OPTIONAL_COMPONENTS {component} nonsense)
        if(TARGET backstitch::{component})
          message(STATUS "it is there: ${{backstitch_{component}_FOUND}}")
        endif()
        if(backstitch_nonsense_FOUND)
          message(FATAL_ERROR "nonsense")
        endif()""")
    told = run("cmake", "-S", tmp_path, "-B", tmp_path / "build", "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={prefix}")
    if component != "httplib":  # the server's own build needs the others
        assert "it is there: TRUE" in told


def test_nothing_but_the_standard_library_is_asked_of_its_users(prefix):
    """Headers include std and each other; the package asks for curl, zlib and threads."""
    for header in (prefix / "include/backstitch").glob("*.h"):
        for line in header.read_text().splitlines():
            if line.startswith("#include"):
                assert "backstitch/" in line or ("/" not in line and ".h" not in line), (header, line)
