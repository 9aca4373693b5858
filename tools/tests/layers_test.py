"""Each rule of tools/layers fails on a tree that breaks it, and passes on one that does not."""
import importlib.machinery
import importlib.util
import sys
import unittest

from tree import TOOLS, CheckTest

sys.path.insert(0, str(TOOLS))
_loader = importlib.machinery.SourceFileLoader("layers", str(TOOLS / "layers"))
layers = importlib.util.module_from_spec(importlib.util.spec_from_loader("layers", _loader))
_loader.exec_module(layers)

DESIGNED = """
base:
model: base
wire: model base
log: model base
ledger: model base
traceql: model base
analyze: model base
sample: analyze traceql model base
store/contract: traceql model base
store/block: store/contract traceql wire net model base
store/decisions: store/block store/contract model base
assemble: log wire sample store/contract traceql model base
query: store/contract traceql analyze model base
net: base
ingest/contract: model base
ingest: ingest/contract wire log assemble sample ledger analyze store/contract model base
route: ingest/contract net wire log model base
api: ingest/contract query traceql net wire model base
"""
TABLE = {row.split(":")[0]: row.split(":")[1].split() for row in DESIGNED.split("\n") if row}


class LayersTest(CheckTest):
    check = "layers"

    def test_every_pair_of_folders_is_as_designed(self):
        for folder, allowed in TABLE.items():
            for other in list(TABLE) + ["app", "store/memory"]:
                if other != folder:
                    self.assertEqual(layers.may_include(folder, other), other in allowed, f"{folder} → {other}")

    def test_contributing_has_the_same_table(self):
        rows = [line.split("|")[1:-1] for line in (TOOLS.parent / "CONTRIBUTING.md").read_text().splitlines()
                if line.startswith("| ") and line.count("|") == 4]
        told = {folder.strip(): tuple(may.strip().split(", ")) for folder, _, may in rows}
        told.pop("folder")
        enforced = {folder: ("everything",) if allowed is None else allowed or ("nothing of ours",)
                    for folder, allowed in layers.ALLOWED.items()}
        self.assertEqual(told, enforced)

    def test_app_may_include_everything(self):
        self.assertTrue(all(layers.may_include("app", folder) for folder in TABLE))

    def test_an_include_upward_fails(self):
        self.assert_fails("layers", {"src/model/span.h": '#include "store/contract/store.h"\n'})

    def test_one_store_may_not_include_another(self):
        self.assert_fails("layers", {"src/store/block/a.cc": '#include "store/memory/b.h"\n'})

    def test_ingest_contract_is_below_ingest(self):
        self.assert_fails("layers", {"src/ingest/contract/a.h": '#include "ingest/path.h"\n'})
        self.assert_passes({"src/ingest/path.h": '#include "ingest/contract/a.h"\n'})

    def test_a_folder_outside_the_table_fails(self):
        self.assert_fails("layers", {"src/common/a.h": "\n"})

    def test_tests_may_include_anything(self):
        self.assert_passes({"src/model/span_test.cc": '#include "app/config.h"\n#include <gtest/gtest.h>\n'})

    def test_the_product_may_not_include_what_is_for_tests(self):
        helper = {"src/base/a_testing.h": "#include <fstream>\n"}
        self.assert_fails("layers", {"src/base/a.cc": '#include "base/a_testing.h"\n', **helper})
        self.assert_passes({"src/base/a_test.cc": '#include "base/a_testing.h"\n', **helper})

    def test_a_commented_include_is_none(self):
        self.assert_passes({"src/base/a.h": '// #include "app/config.h"\n/* #include "app/config.h" */\n'})

    def test_src_includes_nothing_of_tests(self):
        code, out, _ = self.run_check({"src/app/a.cc": '#include "tests/support/a.h"\n'})
        self.assertEqual(code, 1)
        self.assertIn("src includes nothing of tests", out)

    def test_lab_includes_nothing_of_src(self):
        self.assert_fails("layers", {"lab/a.cc": '#include "base/bytes.h"\n'})

    def test_an_include_that_is_not_spelled_from_src_fails(self):
        self.assert_fails("include-path", {"src/base/a.cc": '#include "a.h"\n'})
        self.assert_fails("include-path", {"src/base/a.cc": "#include <base/a.h>\n"})


class SdkTest(CheckTest):
    check = "layers"

    def test_public_headers_include_nothing_of_src_or_third_parties(self):
        header = "sdk/cpp/include/backstitch/tracer.h"
        self.assert_fails("sdk", {header: '#include "base/result.h"\n'})
        self.assert_fails("sdk", {header: "#include <absl/strings/str_cat.h>\n"})
        self.assert_passes({header: "#include <string>\n"})
        self.assert_fails("sdk", {header: "#include <httplib.h>\n"})

    def test_instrumentations_include_what_they_are_for_and_nothing_of_src(self):
        header = "sdk/cpp/include/backstitch/instrumentation/httplib.h"
        self.assert_passes({header: "#include <httplib.h>\n"})
        self.assert_fails("sdk", {header: '#include "base/result.h"\n'})

    def test_sources_include_only_the_folders_it_may(self):
        self.assert_fails("sdk", {"sdk/cpp/tracer.cc": '#include "store/contract/a.h"\n'})
        self.assert_passes({"sdk/cpp/tracer.cc": '#include "wire/otlp/encode.h"\n'})


class ThirdPartyTest(CheckTest):
    check = "layers"

    def test_a_heavy_header_outside_its_folder_fails(self):
        for header, folder in (
            ("grpcpp/grpcpp.h", "api"), ("boost/asio.hpp", "ingest"), ("openssl/ssl.h", "api"), ("zlib.h", "wire"),
            ("protozero/pbf_reader.hpp", "api"), ("simdjson.h", "query"), ("rapidjson/writer.h", "net"),
            ("zstd.h", "store/embedded"), ("zstd.h", "log"), ("lz4frame.h", "store/memory"),
            ("yaml-cpp/yaml.h", "sample"), ("CLI/CLI.hpp", "net"), ("spdlog/spdlog.h", "net"),
            ("librdkafka/rdkafka.h", "route"), ("gtest/gtest.h", "base"),
        ):
            self.assert_fails("third-party", {f"src/{folder}/a.cc": f"#include <{header}>\n"})

    def test_a_heavy_header_in_a_header_of_its_own_folder_fails(self):
        self.assert_fails("third-party", {"src/net/server.h": "#include <grpcpp/grpcpp.h>\n"})

    def test_a_heavy_header_in_a_cc_file_of_its_folder_passes(self):
        server = "#include <grpcpp/grpcpp.h>\n#include <sys/socket.h>\n#include <map>\n"
        self.assert_passes({"src/net/server.cc": server,
                            "src/wire/otlp/walk.cc": "#include <protozero/pbf_reader.hpp>\n"})

    def test_a_header_of_an_unlisted_library_fails(self):
        self.assert_fails("third-party", {"src/base/a.h": "#include <nlohmann/json.hpp>\n"})

    def test_benches_may_use_any(self):
        self.assert_passes({"bench/a_bench.cc": "#include <grpcpp/grpcpp.h>\n"})


class CycleTest(CheckTest):
    check = "layers"

    def test_two_files_that_include_each_other_fail(self):
        self.assert_fails("cycle", {"src/base/a.h": '#include "base/b.h"\n', "src/base/b.h": '#include "base/a.h"\n'})

    def test_two_directories_that_include_each_other_fail(self):
        self.assert_fails("cycle", {"src/wire/otlp/a.h": '#include "wire/json/b.h"\n', "src/wire/json/b.h": "\n",
                                    "src/wire/json/c.h": '#include "wire/otlp/d.h"\n', "src/wire/otlp/d.h": "\n"},
                          path="src/wire/json")


class ActsTest(CheckTest):
    check = "layers"

    def test_threads_and_timers_outside_their_folders_fail(self):
        for code in ("std::thread t;", "std::jthread t;", "auto f = std::async(g);", "std::this_thread::sleep_for(s);",
                     "boost::asio::steady_timer t(c);"):
            self.assert_fails("threads", {"src/store/block/a.cc": code + "\n"})
            self.assert_passes({"src/ingest/a.cc": code + "\n", "src/base/workers.cc": code + "\n"})

    def test_reading_the_real_clock_outside_app_fails(self):
        for code in ("auto t = std::chrono::system_clock::now();", "auto t = std::chrono::steady_clock::now();",
                     "auto t = time(nullptr);", "clock_gettime(CLOCK_REALTIME, &t);"):
            self.assert_fails("clock", {"src/net/a.cc": code + "\n"})
            self.assert_passes({"src/app/a.cc": code + "\n", "src/base/time.cc": code + "\n"})

    def test_a_clock_in_a_comment_or_a_string_passes(self):
        self.assert_passes({"src/net/a.cc": '// steady_clock::now()\nauto s = "steady_clock::now()";\n'})

    def test_a_member_named_time_passes(self):
        self.assert_passes({"src/net/a.cc": "auto t = span.time(0);\n"})

    def test_files_past_the_file_system_fail(self):
        for code in ("std::ifstream f(p);", "auto* f = fopen(p, m);", "int d = ::open(p, f);",
                     "std::filesystem::path p;", "#include <fstream>", "#include <fcntl.h>"):
            self.assert_fails("files", {"src/log/a.cc": code + "\n"})
            self.assert_passes({"src/base/posix_file_system.cc": code + "\n", "src/app/a.cc": code + "\n"})

    def test_a_folder_without_io_may_not_take_a_file_system(self):
        self.assert_fails("files", {"src/sample/a.h": '#include "base/file_system.h"\n'})
        self.assert_passes({"src/log/a.h": '#include "base/file_system.h"\n'})

    def test_tests_may(self):
        self.assert_passes({"src/log/a_test.cc": "#include <fstream>\nstd::thread t;\nsteady_clock::now();\n"})


class UiTest(CheckTest):
    check = "layers"

    def test_an_import_upward_fails(self):
        self.assert_fails("ui-layers", {"ui/src/model/a.ts": 'import { b } from "../widgets/b";\n'})
        self.assert_fails("ui-layers", {"ui/src/base/a.ts": 'const m = await import("../client/b.js");\n'})
        upward = "<script>import V from '$lib/views/V.svelte';</script>\n"
        self.assert_fails("ui-layers", {"ui/src/widgets/A.svelte": upward})

    def test_an_import_downward_passes(self):
        self.assert_passes({"ui/src/views/A.svelte": '<script>import { b } from "../base/b";</script>\n',
                            "ui/src/main.ts": 'import A from "./views/A.svelte";\n'})

    def test_a_folder_outside_the_order_fails(self):
        self.assert_fails("ui-layers", {"ui/src/utils/a.ts": "\n"})

    def test_two_modules_that_import_each_other_fail(self):
        self.assert_fails("cycle", {"ui/src/base/a.ts": 'import "./b";\n', "ui/src/base/b.ts": 'import "./a";\n'})


if __name__ == "__main__":
    unittest.main()
