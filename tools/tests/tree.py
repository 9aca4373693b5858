"""Small trees in which the checks' tests plant one fault each."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

TOOLS = pathlib.Path(__file__).resolve().parent.parent


class CheckTest(unittest.TestCase):
    """`check` is the program under test; `clean` a tree in which it finds nothing."""

    check = ""
    clean = {}

    def run_check(self, files, *arguments):
        with tempfile.TemporaryDirectory() as root:
            for path, text in {**self.clean, **files}.items():
                if text is None:
                    continue
                target = pathlib.Path(root, path)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text, encoding="utf-8")
            done = subprocess.run([sys.executable, "-B", TOOLS / self.check, "--root", root, *arguments],
                                  capture_output=True, text=True, check=False)
            self.tree_after = {p.relative_to(root).as_posix(): p.read_text() for p in pathlib.Path(root).rglob("*")
                               if p.is_file()}
        return done.returncode, done.stdout, done.stderr

    def assert_passes(self, files):
        code, out, err = self.run_check(files)
        self.assertEqual((code, out), (0, ""), err)

    def assert_fails(self, rule, files, path=None):
        """Exactly the named rule fires, in the named file (the first of `files` when left out)."""
        code, out, err = self.run_check(files)
        path = path or next(iter(files))
        self.assertEqual(code, 1, f"no finding, {rule} expected\n{err}")
        rules = {line.split(": ")[1] for line in out.splitlines()}
        self.assertEqual(rules, {rule}, out)
        self.assertTrue(any(line.startswith(f"{path}:") for line in out.splitlines()), out)
