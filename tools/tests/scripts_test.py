"""The small scripts: what they say and how they end."""
import importlib.machinery
import importlib.util
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from tree import TOOLS


def load(file):
    name = file.replace("-", "_")
    loader = importlib.machinery.SourceFileLoader(name, str(TOOLS / file))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


build_times = load("build-times")
instructions = load("instructions")


class BuildTimesTest(unittest.TestCase):
    def test_the_last_time_of_each_output_counts_slowest_first(self):
        with tempfile.TemporaryDirectory() as directory:
            log = pathlib.Path(directory, ".ninja_log")
            log.write_text("# ninja log v5\n0\t900\t1\ta.o\tff\n0\t500\t1\tb.o\tff\n1000\t1100\t2\ta.o\tff\n")
            self.assertEqual(build_times.read_log(log), [(500, "b.o"), (100, "a.o")])


class InstructionsTest(unittest.TestCase):
    allowed = {"walk": (1000.0, 0.0), "splice": (100.0, 2.5)}

    def found(self, **measured):
        return list(instructions.faults({**self.allowed, **measured}, self.allowed))

    def test_up_to_3_percent_more_instructions_pass(self):
        self.assertEqual(self.found(walk=(1030.0, 0.0)), [])

    def test_more_instructions_fail_by_name(self):
        self.assertEqual(self.found(walk=(1040.0, 0.0)), ["walk: 1040 instructions per span, 4.0 % above 1000"])

    def test_one_more_allocation_fails_by_name(self):
        self.assertEqual(self.found(walk=(900.0, 1.0)), ["walk: 1.00 allocations per request, above 0.00"])

    def test_what_update_writes_is_what_is_allowed_next_time(self):
        text = instructions.write_allowed("compiler 12", self.allowed)
        self.assertEqual(instructions.read_allowed(text), ("compiler 12", self.allowed))


@unittest.skipUnless(shutil.which("clang-format-19"), "no clang-format-19")
class FormatTest(unittest.TestCase):
    def check(self, text):
        with tempfile.TemporaryDirectory() as root:
            shutil.copy(TOOLS.parent / ".clang-format", root)
            source = pathlib.Path(root, "src/base/a.cc")
            source.parent.mkdir(parents=True)
            source.write_text(text)
            done = subprocess.run([TOOLS / "format", "--check"], env={**os.environ, "BACKSTITCH_ROOT": root},
                                  capture_output=True, text=True, check=False)
            return done.returncode, done.stderr

    def test_a_file_that_clang_format_would_change_fails_by_name(self):
        code, err = self.check("int  main( ){return 0;}\n")
        self.assertNotEqual(code, 0)
        self.assertIn("src/base/a.cc", err)

    def test_a_formatted_file_passes(self):
        self.assertEqual(self.check("int main() { return 0; }\n")[0], 0)


class ShellTest(unittest.TestCase):
    def test_every_script_parses(self):
        for script in [*TOOLS.iterdir(), TOOLS.parent / ".ci" / "run"]:
            if script.is_file() and script.read_bytes().startswith(b"#!/usr/bin/env bash"):
                done = subprocess.run(["bash", "-n", script], capture_output=True, text=True, check=False)
                self.assertEqual(done.returncode, 0, done.stderr)

    def test_an_unknown_argument_is_a_usage_error(self):
        for script in ("setup", "format"):
            done = subprocess.run([TOOLS / script, "--no-such"], capture_output=True, text=True, check=False)
            if done.returncode != 77:
                self.assertEqual(done.returncode, 2)
                self.assertIn("usage", done.stderr)


if __name__ == "__main__":
    unittest.main()
