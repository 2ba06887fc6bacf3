"""The systemd units, and what lies beside them."""
import configparser
import os
import re
import shutil
import tempfile
import unittest

import packages

UNITS = ["mayflyd.service", "mayflyd.socket", "mayflyd-read.socket", "run-mayfly-logs.mount",
         "mayfly.slice"]
EXPOSURE_MOST = 3.0


def settings(unit):
    """section → [(key, value)], of what systemd lets be given more than once."""
    found = {}
    for line in packages.read("units", unit).splitlines():
        if line.startswith("["):
            section = found.setdefault(line.strip("[]"), [])
        elif line and not line.startswith("#"):
            section.append(tuple(line.split("=", 1)))
    return found


class Units(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="mayfly-units-")
        self.addCleanup(shutil.rmtree, self.folder)
        for unit in UNITS:
            # The programs need not be installed to look at the units.
            text = re.sub(r"^(Exec\w+)=.*", r"\1=/bin/true", packages.read("units", unit), flags=re.M)
            with open(os.path.join(self.folder, unit), "w", encoding="utf-8") as file:
                file.write(text)

    def paths(self):
        return [os.path.join(self.folder, unit) for unit in UNITS]

    def test_are_what_systemd_understands(self):
        told = packages.output("systemd-analyze", "verify", "--man=no", *self.paths())
        self.assertEqual(told, "")

    def test_that_are_wrong_are_found(self):
        with open(self.paths()[0], "a", encoding="utf-8") as file:
            file.write("[Service]\nWatchdogSecs=10\n")
        self.assertIn("WatchdogSecs", packages.run("systemd-analyze", "verify", "--man=no",
                                                   *self.paths()).stdout)

    def test_are_all_installed(self):
        self.assertEqual(set(os.listdir(os.path.join(packages.PACKAGING, "units"))),
                         {*UNITS, "logind.conf", "sysusers.conf", "tmpfiles.conf"})
        for name in os.listdir(os.path.join(packages.PACKAGING, "units")):
            self.assertIn("units/" + name, packages.read("CMakeLists.txt"))

    def test_expose_no_more_than_they_must(self):
        done = packages.run("systemd-analyze", "security", "--offline=yes", "--no-pager",
                            f"--threshold={EXPOSURE_MOST * 10:.0f}", self.paths()[0])
        overall = float(re.search(r"Overall exposure level for mayflyd.service: ([\d.]+)", done.stdout)[1])
        self.assertLessEqual(overall, EXPOSURE_MOST, done.stdout)
        self.assertEqual(done.returncode, 0)

    def test_give_the_daemon_the_capabilities_that_are_documented(self):
        held = dict(settings("mayflyd.service")["Service"])["CapabilityBoundingSet"].split()
        with open(os.path.join(packages.ROOT, "docs", "privileges.md"), encoding="utf-8") as file:
            documented = re.findall(r"^\| `(CAP_\w+)` \|", file.read(), re.M)
        self.assertEqual(sorted(held), sorted(documented))

    def test_end_with_the_daemon_and_not_with_the_runtime(self):
        unit = settings("mayflyd.service")
        keys = {key for key, _ in unit["Unit"]}
        self.assertFalse(keys & {"Requires", "BindsTo", "PartOf", "Requisite"})
        service = dict(unit["Service"])
        self.assertEqual(service["KillMode"], "process")
        self.assertEqual(service["RestartPreventExitStatus"], "78")
        self.assertEqual(service["RuntimeDirectoryPreserve"], "yes")

    def test_hand_over_the_sockets_by_their_names(self):
        for unit, name, path, group in [("mayflyd.socket", "control", "/run/mayfly/mayfly.sock", "mayfly"),
                                        ("mayflyd-read.socket", "read", "/run/mayfly/read.sock", "mayfly-read")]:
            socket = dict(settings(unit)["Socket"])
            self.assertEqual((socket["FileDescriptorName"], socket["ListenStream"], socket["SocketGroup"]),
                             (name, path, group))
            self.assertEqual((socket["Service"], socket["SocketMode"]), ("mayflyd.service", "0660"))

    def test_weigh_the_slice_as_the_daemon_does(self):
        with open(os.path.join(packages.ROOT, "config", "document.h"), encoding="utf-8") as file:
            default = re.search(r"cpu_weight = (\d+);", file.read())[1]
        self.assertEqual(dict(settings("mayfly.slice")["Slice"])["CPUWeight"], default)
        self.assertEqual(dict(settings("mayflyd.service")["Service"])["Slice"], "mayfly.slice")

    def test_bound_the_logs(self):
        options = dict(settings("run-mayfly-logs.mount")["Mount"])["Options"].split(",")
        for wanted in ["mode=0700", "nosuid", "nodev", "noexec"]:
            self.assertIn(wanted, options)
        self.assertTrue([each for each in options if each.startswith("size=")])

    def test_let_logind_wait_for_the_drain(self):
        parser = configparser.ConfigParser()
        parser.read_string(packages.read("units", "logind.conf"))
        self.assertGreaterEqual(parser.getint("Login", "InhibitDelayMaxSec"), 90)

    def test_make_the_groups_of_the_sockets(self):
        os.makedirs(os.path.join(self.folder, "etc"))
        packages.output("systemd-sysusers", "--root=" + self.folder,
                        os.path.join(packages.PACKAGING, "units", "sysusers.conf"))
        with open(os.path.join(self.folder, "etc", "group"), encoding="utf-8") as file:
            groups = {line.split(":")[0] for line in file}
        self.assertEqual(groups, {"mayfly", "mayfly-read"})


if __name__ == "__main__":
    unittest.main()
