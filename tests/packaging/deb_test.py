"""The deb: what it holds, and what it does as it comes and goes."""
import os
import re
import shutil
import tempfile
import tomllib
import unittest

import packages

PROGRAM, TEXT = "-rwxr-xr-x", "-rw-r--r--"
HELD = {
    "/usr/sbin/mayflyd": PROGRAM,
    "/usr/bin/mayfly": PROGRAM,
    "/usr/libexec/mayfly/mayfly-gate": PROGRAM,
    "/usr/libexec/mayfly/end-workers": PROGRAM,
    "/etc/mayfly/mayfly.toml": TEXT,
    "/lib/systemd/system/mayflyd.service": TEXT,
    "/lib/systemd/system/mayflyd.socket": TEXT,
    "/lib/systemd/system/mayflyd-read.socket": TEXT,
    "/lib/systemd/system/run-mayfly-logs.mount": TEXT,
    "/lib/systemd/system/mayfly.slice": TEXT,
    "/usr/lib/systemd/logind.conf.d/50-mayfly.conf": TEXT,
    "/usr/lib/sysusers.d/mayfly.conf": TEXT,
    "/usr/lib/tmpfiles.d/mayfly.conf": TEXT,
    "/usr/share/doc/mayfly/README.md": TEXT,
    "/usr/share/doc/mayfly/install.md": TEXT,
    "/usr/share/doc/mayfly/examples/pools.d/encode.toml": TEXT,
    "/usr/share/mayfly/pool.schema.json": TEXT,
}
FOLDERS = ["/etc/mayfly/conf.d/", "/etc/mayfly/pools.d/"]


class Deb(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="mayfly-deb-")
        packages.output("dpkg-deb", "--raw-extract", packages.deb(), cls.folder)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def path(self, name):
        return self.folder + name

    def script(self, name):
        with open(self.path("/DEBIAN/" + name), encoding="utf-8") as file:
            return file.read()

    def test_holds_the_daemon_and_what_it_needs(self):
        files = packages.deb_files()
        self.assertEqual({path: files.get(path) for path in HELD}, HELD)
        for folder in FOLDERS:
            self.assertTrue(os.path.isdir(self.path(folder)), folder)

    def test_keeps_what_an_operator_changes(self):
        self.assertEqual(self.script("conffiles").split(), ["/etc/mayfly/mayfly.toml"])

    def test_brings_a_configuration_that_is_good(self):
        config = self.path("/etc/mayfly/mayfly.toml")
        told = packages.output(os.path.join(packages.BIN, "mayflyd"), "--check-config", "--config", config)
        self.assertIn("good", told)
        with open(config, "rb") as file:
            self.assertEqual(tomllib.load(file), {"runtime": {"cgroup_parent": "/mayfly.slice"}})

    def test_brings_a_gate_that_the_daemon_finds(self):
        with open(self.path("/usr/sbin/mayflyd"), "rb") as file:
            self.assertIn(b"/usr/libexec/mayfly\0", file.read())
        gate = packages.output("readelf", "--program-headers", self.path("/usr/libexec/mayfly/mayfly-gate"))
        self.assertNotIn("INTERP", gate)

    def test_starts_the_program_that_it_brings(self):
        with open(self.path("/lib/systemd/system/mayflyd.service"), encoding="utf-8") as file:
            program = re.search("^ExecStart=(\\S+)", file.read(), re.M)[1]
        self.assertIn(program, packages.deb_files())

    def test_has_its_debug_symbols_beside_it(self):
        files = packages.output("dpkg-deb", "--contents", packages.dbgsym())
        for program in ["/usr/sbin/mayflyd", "/usr/bin/mayfly"]:
            notes = packages.output("readelf", "--notes", self.path(program))
            build_id = re.search(r"Build ID: (\w+)", notes)[1]
            self.assertIn(f"/usr/lib/debug/.build-id/{build_id[:2]}/{build_id[2:]}.debug", files)

    def test_tells_nothing_of_where_it_was_built(self):
        for program in ["/usr/sbin/mayflyd", "/usr/bin/mayfly", "/usr/libexec/mayfly/mayfly-gate"]:
            with open(self.path(program), "rb") as file:
                self.assertNotIn(packages.BUILT.encode(), file.read(), program)

    def test_starts_the_daemon_only_on_a_good_configuration(self):
        script = self.script("postinst")
        check, start = script.index("mayflyd --check-config"), script.index('deb-systemd-invoke "$action"')
        self.assertLess(check, start)
        self.assertEqual(script.count("deb-systemd-invoke"), 1)

    def test_stops_nothing_as_it_is_upgraded(self):
        scripts = [name for name in ["preinst", "prerm"] if os.path.exists(self.path("/DEBIAN/" + name))]
        self.assertEqual(scripts, ["prerm"])
        condition = re.search(r'if \[ "\$1" = remove \]; then\n(.*?)\nfi', self.script("prerm"), re.S)
        self.assertIn("end-workers", condition[1])
        self.assertEqual(self.script("prerm").count("deb-systemd-invoke"), condition[1].count("deb-systemd-invoke"))

    def test_takes_everything_along_when_it_is_purged(self):
        for left in ["/etc/mayfly", "/var/lib/mayfly", "/run/mayfly", "mayfly-read"]:
            self.assertIn(left, self.script("postrm"))

    def test_pleases_lintian(self):
        told = packages.output("lintian", "--allow-root", "--fail-on", "error,warning",
                               "--tag-display-limit", "0", packages.find(r"mayfly_.*\.changes"))
        self.assertNotRegex(told, r"(?m)^[EW]:")


if __name__ == "__main__":
    unittest.main()
