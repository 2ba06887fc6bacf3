"""What ends the workers as the package is removed, on a stand-in for the mayfly command."""
import os
import shutil
import stat
import subprocess
import tempfile
import unittest

import packages

# Knows pools of files, as of the last reload, and pools that were applied; each has one worker.
COMMAND = r"""#!/bin/sh
cd "$STATE" || exit 1
echo "$*" >>calls
case "$*" in
  "--output name get pools") [ ! -e down ] || exit 6; cat applied loaded ;;
  "--output name get workers") cat applied loaded stubborn ;;
  "--output name get spares") ;;
  reload) [ ! -e refuses ] || exit 1; ls "$CONFIG/pools.d" 2>/dev/null >loaded; true ;;
  "delete "*) grep -vx "$2" applied >rest; mv rest applied ;;
  *) exit 2 ;;
esac
"""


class EndWorkers(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="mayfly-removal-")
        self.addCleanup(shutil.rmtree, self.folder)
        for name in ["bin", "config", "config/pools.d", "run", "run/workers", "state"]:
            os.mkdir(self.path(name))
        self.write("bin/mayfly", COMMAND)
        os.chmod(self.path("bin/mayfly"), stat.S_IRWXU)
        for name in ["applied", "loaded", "stubborn"]:
            self.write("state/" + name, "")

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def end(self, seconds="60"):
        """What it says; it always succeeds."""
        known = dict(os.environ, PATH=self.path("bin") + ":/usr/bin:/bin", STATE=self.path("state"),
                     CONFIG=self.path("config"))
        done = subprocess.run([packages.PACKAGING + "/end-workers", self.path("config"), self.path("run"),
                               seconds], env=known, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def test_ends_pools_of_both_kinds_and_keeps_the_files(self):
        self.write("config/pools.d/encode.toml", "name = 'encode'\n")
        self.write("state/loaded", "encode.toml\n")
        self.write("state/applied", "one\ntwo\n")
        self.assertEqual(self.end(), "")
        self.assertEqual(self.read("state/applied") + self.read("state/loaded"), "")
        self.assertEqual(self.read("config/pools.d/encode.toml"), "name = 'encode'\n")
        self.assertEqual(os.listdir(self.path("config")), ["pools.d"])

    def test_does_nothing_without_pools(self):
        self.assertEqual(self.end(), "")
        self.assertEqual(self.read("state/calls"), "--output name get pools\n")

    def test_tells_how_workers_are_ended_that_stay(self):
        self.write("state/applied", "one\n")
        self.write("state/stubborn", "one-1-1\n")
        told = self.end(seconds="1")
        self.assertIn("workers are still there after 1 s", told)
        self.assertIn("ctr --namespace mayfly tasks kill --signal KILL", told)

    def test_tells_how_they_are_ended_without_a_daemon(self):
        self.write("state/down", "")
        self.assertEqual(self.end(), "")
        os.mkdir(self.path("run/workers/one-1-1"))
        told = self.end()
        self.assertIn("the daemon does not answer, and its workers run on", told)
        self.assertIn("docker rm --force", told)

    def test_puts_the_files_back_when_the_daemon_refuses(self):
        self.write("config/pools.d/encode.toml", "name = 'encode'\n")
        self.write("state/loaded", "encode.toml\n")
        self.write("state/refuses", "")
        self.assertIn("does not take the configuration", self.end())
        self.assertEqual(os.listdir(self.path("config/pools.d")), ["encode.toml"])


if __name__ == "__main__":
    unittest.main()
