"""The rpm: the same as the deb, in the ways of rpm."""
import re
import unittest

import packages

# What one of them has for itself.
DEB_ONLY = {"/usr/share/doc/mayfly/changelog.gz", "/usr/share/doc/mayfly/copyright",
            "/usr/share/lintian/overrides/mayfly"}
RPM_ONLY = re.compile("/usr/lib/.build-id/.*")
# Each does this at the same occasion: what → (of the deb, of the rpm).
SCRIPTLETS = {
    r"systemd-sysusers .*mayfly\.conf": ("postinst", "postinstall"),
    r"systemd-tmpfiles .*--create mayfly\.conf": ("postinst", "postinstall"),
    r"mayflyd --check-config": ("postinst", "postinstall"),
    r"systemctl (--system )?daemon-reload": ("postinst", "postinstall"),
    r"kill --signal=HUP systemd-logind\.service": ("postinst", "postinstall"),
    r"/usr/libexec/mayfly/end-workers": ("prerm", "preuninstall"),
    r"mayflyd\.service mayflyd\.socket mayflyd-read\.socket": ("prerm", "preuninstall"),
    r"stop run-mayfly-logs\.mount mayfly\.slice": ("postrm", "postuninstall"),
    r"rm -rf /run/mayfly": ("postrm", "postuninstall"),
}


def scriptlets():
    """name → text, of the rpm."""
    text = packages.output("rpm", "--query", "--package", "--scripts", packages.rpm())
    parts = re.split(r"^(\w+) scriptlet \(using [^)]*\):\n", text, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


class Rpm(unittest.TestCase):
    def test_holds_the_files_of_the_deb(self):
        of_deb = {path.replace("/lib/systemd/system/", "/usr/lib/systemd/system/"): mode
                  for path, mode in packages.deb_files().items() if path not in DEB_ONLY}
        of_rpm = {path: mode for path, mode in packages.rpm_files().items() if not RPM_ONLY.match(path)}
        self.assertEqual(of_rpm, of_deb)

    def test_does_what_the_deb_does_as_it_comes_and_goes(self):
        of_rpm = scriptlets()
        for pattern, (of_deb, ours) in SCRIPTLETS.items():
            script = packages.output("dpkg-deb", "--info", packages.deb(), of_deb)
            self.assertRegex(script, pattern)
            self.assertRegex(of_rpm[ours], pattern)

    def test_has_no_macro_left_in_its_scriptlets(self):
        for name, text in scriptlets().items():
            self.assertNotRegex(text, r"%\{|%systemd", name)

    def test_keeps_what_an_operator_changes(self):
        self.assertEqual(packages.output("rpm", "--query", "--package", "--configfiles",
                                         packages.rpm()).split(), ["/etc/mayfly/mayfly.toml"])

    def test_ends_workers_at_its_removal_only(self):
        self.assertRegex(scriptlets()["preuninstall"],
                         r"if \[ \$1 -eq 0 \]; then\n *.*end-workers")

    def test_needs_the_libraries_that_the_programs_load(self):
        needs = packages.output("rpm", "--query", "--package", "--requires", packages.rpm())
        for library in ["libcurl.so.4", "libsqlite3.so.0", "libsystemd.so.0"]:
            self.assertIn(library, needs)

    def test_pleases_rpmlint(self):
        for subject in [packages.rpm(), packages.PACKAGING + "/mayfly.spec"]:
            told = packages.output("rpmlint", "--config", packages.PACKAGING + "/rpmlint.toml", subject)
            self.assertRegex(told, r" 0 errors, 0 warnings")

    def test_has_the_version_of_everything_else(self):
        version = packages.output("rpm", "--query", "--package", "--queryformat", "%{VERSION}",
                                  packages.rpm())
        self.assertIn(f"({version}) ", packages.read("debian", "changelog").splitlines()[0])
        self.assertIn(f"Version:        {version}\n", packages.read("mayfly.spec"))
        with open(packages.ROOT + "/CMakeLists.txt", encoding="utf-8") as file:
            self.assertIn(f"project(mayfly VERSION {version} ", file.read())


if __name__ == "__main__":
    unittest.main()
