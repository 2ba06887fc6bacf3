"""Holds the rules of rules.py over every file of the tree."""
import os
import re
import subprocess
import unittest

import rules
import sources

# (path, what a rule says of it, with N for each number) → why that is so.
EXCEPTED = {
    ("runtime/containerd/grpc/connection.cc", "header takes N, N at most"): "nghttp2's signature",
    ("runtime/containerd/grpc/connection.cc", "data takes N, N at most"): "nghttp2's signature",
    ("runtime/containerd/grpc/connection.cc", "body takes N, N at most"): "nghttp2's signature",
    ("tests/runtime/containerd/fake_grpc_server.cc", "body takes N, N at most"):
        "nghttp2's signature",
    ("runtime/http/transfer.cc", "Transfer::on_sending takes N, N at most"): "curl's signature",
    ("runtime/curl/late.cc", "curl_multi_poll takes N, N at most"): "curl's signature",
    ("agent/process_watch.cc", "PidfdInfo: Info says nothing"): "the kernel's struct pidfd_info",
    ("agent/core/check.h", "the core may not include <cstdio>"): "the last words of an abort",
    ("agent/core/check.h", "check takes a bool"): "the condition itself",
}
ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))


def read_tree():
    texts = {}
    for path in sources.files_below(ROOT):
        try:
            with open(os.path.join(ROOT, path), encoding="utf-8") as file:
                texts[path] = file.read()
        except UnicodeDecodeError:
            pass  # not text
    return texts


def without_numbers(path, what):
    return path, re.sub(r"\b\d+\b", "N", what)


class Tree(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.texts = read_tree()

    def hold(self, rule):
        broken = [f"{path}:{line}: {what}" for path, text in self.texts.items()
                  for line, what in rule(path, text)
                  if without_numbers(path, what) not in EXCEPTED]
        self.assertFalse(broken, "\n" + "\n".join(broken))

    def test_exceptions_are_still_needed(self):
        found = {without_numbers(path, what) for path, text in self.texts.items()
                 for rule in rules.RULES for _, what in rule(path, text)}
        self.assertLessEqual(set(EXCEPTED), found)

    def test_sources_are_formatted(self):
        """By ./dev format."""
        sources_cpp = [path for path in self.texts if rules.is_cpp(path)]
        run = subprocess.run(["clang-format", "--dry-run", "--style=file", *sources_cpp], cwd=ROOT,
                             stderr=subprocess.PIPE, text=True, check=True)
        self.assertFalse(sorted({line.split(":")[0] for line in run.stderr.splitlines()
                                 if "-Wclang-format-violations" in line}))

    def test_has_sources(self):
        self.assertIn("agent/core/core.h", self.texts)
        self.assertGreater(len(self.texts), 100)

    def test_includes_name_files_from_the_root(self):
        known = set(self.texts)
        self.hold(lambda path, text: rules.quoted_includes_exist(path, text, known))

    def test_tables_name_folders_that_exist(self):
        folders = {os.path.dirname(path) for path in self.texts}
        for folder, others in rules.INCLUDES.items():
            self.assertLessEqual({folder, *others}, folders)


def add_test_for(rule):
    setattr(Tree, "test_" + rule.__name__, lambda self: self.hold(rule))


for each in rules.RULES:
    add_test_for(each)

if __name__ == "__main__":
    unittest.main()
