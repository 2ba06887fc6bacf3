"""Where a node's packages come from is what the host's apt says."""

import os
import tempfile
import unittest

import rootfs
from lab.process import Trouble

CLASSIC = """\
# deb http://old.example/debian bookworm main
deb cdrom:[Debian]/ bookworm main
deb [arch=amd64 signed-by=/k.gpg] http://one.example/debian bookworm main contrib
deb-src http://one.example/debian bookworm main
deb http://one.example/security bookworm-security main
deb https://other.example/apt stable main
"""
MODERN = """\
# a comment
Types: deb deb-src
URIs: http://two.example/debian
Suites: bookworm-updates
 bookworm
Components: main

Types: deb
URIs: http://off.example/debian
Suites: bookworm
Enabled: no

Types: deb-src
URIs: http://source.example/debian
Suites: bookworm
"""


class Sources(unittest.TestCase):

    def of(self, files):
        with tempfile.TemporaryDirectory() as root:
            os.mkdir(root + "/sources.list.d")
            for name, text in files.items():
                with open(os.path.join(root, name), "w", encoding="utf-8") as file:
                    file.write(text.replace("ROOT", root))
            return rootfs.sources(root, "bookworm")

    def test_the_release_comes_first_and_only_its_own_suites_are_taken(self):
        self.assertEqual(self.of({"sources.list": CLASSIC}),
                         [("http://one.example/debian", "bookworm"),
                          ("http://one.example/security", "bookworm-security")])

    def test_stanzas_that_are_off_or_of_sources_are_passed_over(self):
        self.assertEqual(self.of({"sources.list.d/debian.sources": MODERN}),
                         [("http://two.example/debian", "bookworm"),
                          ("http://two.example/debian", "bookworm-updates")])

    def test_a_list_of_mirrors_stands_for_its_first(self):
        stanza = "Types: deb\nURIs: mirror+file:ROOT/mirrors\nSuites: bookworm\n"
        self.assertEqual(self.of({"sources.list.d/cloud.sources": stanza,
                                  "mirrors": "# near\nhttp://near.example/debian\nhttp://far.example\n"}),
                         [("http://near.example/debian", "bookworm")])

    def test_a_host_without_an_archive_of_its_release_is_told(self):
        for files in ({}, {"sources.list": "deb http://x.example/debian trixie main\n"},
                      {"sources.list": "deb http://x.example/debian bookworm-updates main\n"}):
            with self.assertRaisesRegex(Trouble, "bookworm"):
                self.of(files)
