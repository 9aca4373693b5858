"""Each rule of tools/tidy fails on a tree that breaks it, and passes on one that does not."""
import importlib.machinery
import importlib.util
import sys
import unittest

from tree import TOOLS, CheckTest

sys.path.insert(0, str(TOOLS))
_loader = importlib.machinery.SourceFileLoader("tidy", str(TOOLS / "tidy"))
tidy = importlib.util.module_from_spec(importlib.util.spec_from_loader("tidy", _loader))
_loader.exec_module(tidy)

HEADER = "// A value.\n#pragma once\n"
# Per banned name one line that must be refused in src/store/memory/store_test.cc ("sleep") or store.cc (the others).
BANNED_SAMPLES = {
    "strcpy": "strcpy(a, b);",
    "sprintf": "snprintf(a, n, f); sprintf(a, f);",
    "gets": "gets(a);",
    "strtok": "strtok(a, b);",
    "atoi": "int n = std::stoi(text);",
    "rand": "int n = rand();",
    "regex": "std::regex r;",
    "volatile": "volatile int n;",
    "using-namespace": "using namespace std;",
    "stdout": "std::cout << 1;",
    "endl": "out << std::endl;",
    "sleep": "std::this_thread::sleep_for(1s);",
    "getenv": "auto* v = std::getenv(n);",
    "exit": "std::abort();",
    "shell": "system(command);",
    "tmpnam": "tmpnam(a);",
    "setjmp": "longjmp(a, 1);",
    "bits": "#include <bits/stdc++.h>",
}


class TidyTest(CheckTest):
    check = "tidy"
    clean = {
        "README.md": "# Product\n[Docs](docs/README.md)\n",
        "docs/README.md": "[Formats](formats/)\n",
        "docs/formats/log.md": "The log.\n",
        "src/CMakeLists.txt": "backstitch_folder(base)\nbackstitch_folder(app)\nbackstitch_folder(store/memory)\n",
        "src/base/value.h": HEADER,
        "src/base/value.cc": '#include "base/value.h"\n',
        "src/app/main.cc": '#include "base/value.h"\nint main() { printf("%d", 1); }\n',
    }

    def test_the_clean_tree_passes(self):
        self.assert_passes({})

    def test_a_long_line_fails(self):
        self.assert_fails("line-length", {"src/base/value.cc": '#include "base/value.h"\n// ' + "x" * 118 + "\n"})
        self.assert_fails("line-length", {"tools/script": "#" + "x" * 120 + "\n"})
        self.assert_passes({"docs/formats/log.md": "x" * 300 + "\n"})

    def test_length_is_counted_in_characters(self):
        self.assert_passes({"src/base/value.cc": '#include "base/value.h"\n// ' + "→" * 117 + "\n"})

    def test_a_long_file_fails(self):
        self.assert_fails("file-length", {"src/base/value.h": HEADER + "//\n" * 499})
        self.assert_passes({"src/base/value.h": HEADER + "//\n" * 498})

    def test_the_ratchet_holds_and_only_shrinks(self):
        ratchet = {"tools/tidy-ratchet.txt": "# why\n600 src/base/value.h\n"}
        self.assert_passes({"src/base/value.h": HEADER + "//\n" * 598, **ratchet})
        self.assert_fails("file-length", {"src/base/value.h": HEADER + "//\n" * 599, **ratchet})
        self.assert_fails("ratchet", {"src/base/value.h": HEADER + "//\n" * 597, **ratchet})

    def test_shrink_lowers_the_ratchet_and_drops_what_is_short_or_gone(self):
        self.run_check({"src/base/value.h": HEADER + "//\n" * 550, "src/base/other.h": HEADER + "//\n" * 700,
                        "tools/tidy-ratchet.txt": "# why\n600 src/base/value.h\n600 src/base/other.h\n900 gone.h\n"},
                       "--shrink")
        self.assertEqual(self.tree_after["tools/tidy-ratchet.txt"],
                         "# why\n552 src/base/value.h\n600 src/base/other.h\n")

    def test_each_banned_call_fails(self):
        self.assertEqual(set(BANNED_SAMPLES), set(tidy.BANNED))
        for name, code in BANNED_SAMPLES.items():
            path = "src/store/memory/store_test.cc" if name == "sleep" else "src/store/memory/store.cc"
            with self.subTest(name):
                self.assert_fails("banned", {path: code + "\n"})

    def test_a_banned_call_in_a_comment_or_a_string_passes(self):
        self.assert_passes({"src/store/memory/store.cc": '// rand()\nauto s = "rand()";\nauto n = span.rand();\n'})

    def test_an_open_point_fails(self):
        for word in ("TO" "DO", "FIX" "ME", "XX" "X", "HA" "CK"):
            self.assert_fails("open-point", {"src/store/memory/store.cc": f"// {word}: later\n"})
        self.assert_fails("open-point", {"docs/formats/log.md": "TO" "DO\n"})

    def test_a_header_without_pragma_once_fails(self):
        self.assert_fails("pragma-once", {"src/base/value.h": "// A value.\n"})

    def test_a_header_that_does_not_say_what_it_is_fails(self):
        self.assert_fails("header-comment", {"src/base/value.h": "#pragma once\n"})

    def test_a_cc_file_that_does_not_include_its_header_first_fails(self):
        self.assert_fails("own-header-first", {"src/base/value.cc": '#include <map>\n\n#include "base/value.h"\n'})

    def test_a_header_that_only_its_own_files_include_fails(self):
        self.assert_fails("dead-file", {"src/base/dead.h": HEADER, "src/base/dead.cc": '#include "base/dead.h"\n',
                                        "src/base/dead_test.cc": '#include "base/dead.h"\n'})

    def test_a_cc_file_that_no_build_compiles_fails(self):
        self.assert_fails("dead-file", {"src/wire/zipkin/a.cc": "\n"})
        self.assert_fails("dead-file", {"fuzz/otlp.cc": "\n"})
        self.assert_fails("dead-file", {"tests/sim/a.cc": "\n"})
        self.assert_passes({"fuzz/otlp_fuzz.cc": "\n", "fuzz/CMakeLists.txt": "file(GLOB x *_fuzz.cc)\n"})

    def test_a_page_that_nothing_links_to_fails(self):
        self.assert_fails("unlinked-doc", {"docs/guides/lost.md": "[Log](../formats/log.md)\n"})

    def test_a_link_to_nothing_fails(self):
        self.assert_fails("dead-link", {"docs/formats/log.md": "[Gone](gone.md#there)\n"})
        self.assert_passes({"docs/formats/log.md": "[Web](https://example.com) [here](#there)\n```\n[x](y.md)\n```\n"})

    def test_a_path_of_one_machine_fails(self):
        for path in ("/root/x", "/work/main", "/home/me/x"):
            self.assert_fails("machine-path", {"docs/formats/log.md": f"Run `{path}`.\n"})
        self.assert_passes({"docs/formats/log.md": "docs/work/x, src/root, /workers, https://example.com/home/x\n"})

    def test_a_registry_host_fails(self):
        for host in ("registry.npmjs.org", "pypi.org", "npm.mirror.example.com"):
            self.assert_fails("registry", {"docs/formats/log.md": f"From {host}.\n"})
        lock = '{"packages": {"node_modules/a": {"resolved": "https://host.example/a.tgz"}}}\n'
        self.assert_fails("registry", {"ui/package-lock.json": lock})
        self.assert_passes({"ui/package-lock.json": '{"packages": {"node_modules/a": {"version": "1.0.0"}}}\n'})


if __name__ == "__main__":
    unittest.main()
