"""The demo as a person runs it."""

import os
import re
import signal
import subprocess
import sys
import unittest


class Demo(unittest.TestCase):
    def start(self, *options):
        return subprocess.Popen(
            [sys.executable, "-B", "demo.py", "--programs", os.environ["MAYFLY_BIN"], *options],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def finish(self, demo):
        output, _ = demo.communicate(timeout=200)
        self.assertEqual(demo.returncode, 0, output)
        self.assertIn("Nothing is left behind", output)
        return output

    def ShowsRespawnsAndLeavesNothing(self):
        output = self.finish(self.start("--seconds", "4", "--workers", "3"))
        self.assertGreater(int(re.search(r"^ *respawns +(\d+)", output, re.M)[1]), 0, output)

    def MovesTheSlotsOfANodeThatDies(self):
        output = self.finish(self.start("--fleet", "--seconds", "3"))
        self.assertEqual(len(re.findall(r"spread after", output)), 3, output)

    def LeavesNothingWhenInterrupted(self):
        demo = self.start("--seconds", "600", "--workers", "3")
        shown = ""
        while not re.search(r" [1-9]\d* respawns ", shown):
            shown = demo.stdout.readline()
            self.assertTrue(shown, "the demo ended by itself")
        demo.send_signal(signal.SIGINT)
        self.finish(demo)
