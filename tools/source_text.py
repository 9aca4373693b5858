"""What the checks share: the files of the tree, C++ without its comments and strings, includes, findings."""
import argparse
import os
import pathlib
import re
import sys
from dataclasses import dataclass

SKIPPED_DIRECTORIES = {".git", "build", "node_modules", "dist", "backstitch-data", "__pycache__", ".venv", "target"}
CXX = (".cc", ".h")

_TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/'                                # comments
    r'|R"(?P<delimiter>[^()\\\s]{0,16})\(.*?\)(?P=delimiter)"'  # raw strings
    r'|"(?:\\.|[^"\\\n])*"'                              # strings
    r"|(?<![0-9a-zA-Z_])'(?:\\.|[^'\\\n])+'",            # characters; 1'000 is a number
    re.DOTALL,
)
_INCLUDE = re.compile(r'^\s*#\s*include\s+(?P<mark>[<"])(?P<path>[^>"]+)[>"]', re.MULTILINE)


@dataclass(frozen=True, order=True)
class Finding:
    path: str
    line: int
    rule: str
    message: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.rule}: {self.message}"


def without_comments(text, keep_strings=False):
    """The same text, line for line, with comments (and the insides of strings) blanked."""
    def blank(match):
        token = match.group(0)
        if not token.startswith("/"):
            return token if keep_strings else '""' + "\n" * token.count("\n")
        return " " + "\n" * token.count("\n")

    return _TOKEN.sub(blank, text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def includes(text):
    """[(line, path, is_quoted)] of a C++ text."""
    code = without_comments(text, keep_strings=True)
    return [(line_of(code, m.start("mark")), m["path"], m["mark"] == '"') for m in _INCLUDE.finditer(code)]


def is_test(path):
    """Files that may use anything: tests, and what stands beside the product."""
    return path.endswith(("_test.cc", "_testing.h")) or not path.startswith("src/") or "/conformance/" in path


class Tree:
    """The files below a root, as paths with '/' relative to it; each is read once."""

    def __init__(self, root):
        self.root = pathlib.Path(root).resolve()
        self._texts = {}
        self.paths = []
        for directory, names, files in os.walk(self.root):
            names[:] = sorted(n for n in names if n not in SKIPPED_DIRECTORIES)
            for file in sorted(files):
                path = pathlib.Path(directory, file)
                if path.is_file():
                    self.paths.append(path.relative_to(self.root).as_posix())

    def below(self, *folders, ends=CXX):
        starts = tuple(f"{folder}/" for folder in folders)
        return [p for p in self.paths if p.startswith(starts) and p.endswith(ends)]

    def text(self, path):
        if path not in self._texts:
            self._texts[path] = (self.root / path).read_text(encoding="utf-8", errors="replace")
        return self._texts[path]

    def code(self, path):
        return without_comments(self.text(path))


def find_cycle(graph):
    """One cycle of {node: iterable of nodes} as [a, b, …, a], or None. Without recursion."""
    done, on_path = set(), []
    for start in sorted(graph):
        if start in done:
            continue
        stack = [(start, iter(sorted(graph.get(start, ()))))]
        on_path = [start]
        while stack:
            node, rest = stack[-1]
            following = next(rest, None)
            if following is None:
                stack.pop()
                on_path.pop()
                done.add(node)
            elif following in on_path:
                return on_path[on_path.index(following):] + [following]
            elif following not in done:
                stack.append((following, iter(sorted(graph.get(following, ())))))
                on_path.append(following)
    return None


def run(name, summary, rules, extra_arguments=()):
    """A check's main: runs `rules` (functions Tree → findings) and prints what they find."""
    parser = argparse.ArgumentParser(prog=name, description=summary)
    parser.add_argument("--root", default=pathlib.Path(__file__).resolve().parent.parent, help="the tree to check")
    parser.add_argument("--rule", action="append", help="only this rule's findings")
    for flag, help_text, action in extra_arguments:
        parser.add_argument(flag, help=help_text, action="store_true")
    args = parser.parse_args()
    tree = Tree(args.root)
    for flag, _, action in extra_arguments:
        if getattr(args, flag.lstrip("-").replace("-", "_")):
            return action(tree)
    findings = sorted({f for rule in rules for f in rule(tree) if not args.rule or f.rule in args.rule})
    for finding in findings:
        print(finding)
    print(f"{name}: {len(findings)} findings in {len(tree.paths)} files", file=sys.stderr)
    return 1 if findings else 0
