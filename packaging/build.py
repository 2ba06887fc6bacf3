#!/usr/bin/env python3
"""Builds the packages of this tree: the deb with its debug symbols, the rpm, and beside each an SPDX
list of what it is made of. The same tree gives the same bytes, wherever it is built."""
import argparse
import email.utils
import os
import re
import shutil
import subprocess
import sys
import tarfile

import sbom

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# What a package is built from. The tests are not.
SOURCES = ["CMakeLists.txt", "CMakePresets.json", "README.md", "agent", "config", "docs", "packaging",
           "runtime", "systemd"]


def run(command, **options):
    """What it says is told only when it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", check=False, **options)
    if done.returncode:
        sys.exit(f"{done.stdout}\nbuild.py: {' '.join(command)}: exit {done.returncode}")
    return done.stdout


def changelog():
    with open(os.path.join(ROOT, "packaging", "debian", "changelog"), encoding="utf-8") as file:
        return file.read()


def packager():
    """Who made the latest entry of the changelog."""
    return re.search(r"^ -- (.*>)  ", changelog(), re.M)[1]


def released_at():
    """The time that the latest entry of the changelog gives, and every file of a package has."""
    stamp = re.search(r"^ -- .*>  (.*)$", changelog(), re.M)[1]
    return int(email.utils.parsedate_to_datetime(stamp).timestamp())


def replace_in(path, pattern, text):
    with open(path, encoding="utf-8") as file:
        before = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(re.sub(pattern, text, before, count=1, flags=re.M))


# What rpm does by itself elsewhere. Debian's scripts for it begin with #!/bin/sh and write for bash, or
# want a program that no package of theirs brings, and then do nothing.
AFTER_INSTALL = ("bash /usr/lib/rpm/brp-compress /usr && "
                 "strip --strip-unneeded %{buildroot}/usr/bin/mayfly %{buildroot}/usr/sbin/mayflyd")


class Build:
    def __init__(self, out, version):
        self.out = out
        self.version = version or re.match(r"mayfly \((.*?)\)", changelog())[1]
        self.name = f"mayfly-{self.version}"
        self.work = os.path.join(out, "work")

    def stage(self, folder):
        """A copy of the sources, as a tree of its own that a package is built in."""
        os.makedirs(folder)
        for name in SOURCES:
            source, target = os.path.join(ROOT, name), os.path.join(folder, name)
            if os.path.isdir(source):
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.swp"))
            else:
                shutil.copy2(source, target)
        packaging = os.path.join(folder, "packaging")
        replace_in(os.path.join(folder, "CMakeLists.txt"), r"VERSION [\d.]+ LANG",
                   f"VERSION {self.version} LANG")
        replace_in(os.path.join(packaging, "debian", "changelog"), r"\(.*?\)", f"({self.version})")
        replace_in(os.path.join(packaging, "mayfly.spec"), r"^(Version: +).*", rf"\g<1>{self.version}")
        shutil.copytree(os.path.join(packaging, "debian"), os.path.join(folder, "debian"))

    def environment(self, tree):
        """With the caller's ccache, which debhelper hides by setting HOME."""
        known = dict(os.environ, LC_ALL="C.UTF-8", TZ="UTC", SOURCE_DATE_EPOCH=str(released_at()),
                     MAYFLY_COMPILER_LAUNCHER="")
        known.pop("LANG", None)  # to ccache, another LANG is another build
        if shutil.which("ccache"):
            known.update(MAYFLY_COMPILER_LAUNCHER="ccache", CCACHE_BASEDIR=tree, CCACHE_NOHASHDIR="1")
            for key, variable in [("cache_dir", "CCACHE_DIR"), ("max_size", "CCACHE_MAXSIZE")]:
                known[variable] = run(["ccache", "--get-config", key]).strip()
        return known

    def take(self, folder, endings):
        """Moves what was made to its place, and tells where that is."""
        taken = []
        for at, _, names in os.walk(folder):
            for name in names:
                if name.endswith(endings):
                    taken.append(shutil.move(os.path.join(at, name), os.path.join(self.out, name)))
        return taken

    def deb(self):
        tree = os.path.join(self.work, "deb", self.name)
        self.stage(tree)
        run(["dpkg-buildpackage", "--build=binary", "--unsigned-changes", f"--jobs={jobs()}"],
            cwd=tree, env=self.environment(tree))
        return self.take(os.path.dirname(tree), (".deb", ".changes", ".buildinfo"))

    def source_archive(self, folder):
        """What rpmbuild starts from."""
        def as_released(entry):
            entry.mtime, entry.uid, entry.gid, entry.uname, entry.gname = released_at(), 0, 0, "", ""
            return entry
        self.stage(os.path.join(folder, self.name))
        archive = os.path.join(folder, self.name + ".tar")
        with tarfile.open(archive, "w") as file:
            file.add(os.path.join(folder, self.name), self.name, filter=as_released)
        run(["gzip", "--no-name", archive])
        shutil.copy2(os.path.join(folder, self.name, "packaging", "mayfly.spec"), folder)
        shutil.rmtree(os.path.join(folder, self.name))

    def rpm(self):
        top = os.path.join(self.work, "rpm")
        sources = os.path.join(top, "SOURCES")
        self.source_archive(sources)
        defines = {"_topdir": top, "_buildhost": "localhost", "_smp_build_ncpus": jobs(),
                   "__os_install_post": AFTER_INSTALL, "packager": packager(),
                   "use_source_date_epoch_as_buildtime": 1, "clamp_mtime_to_source_date_epoch": 1}
        options = [word for name, value in defines.items() for word in ("--define", f"{name} {value}")]
        run(["rpmbuild", "-bb", "--nodeps", *options, os.path.join(sources, "mayfly.spec")],
            env=self.environment(os.path.join(top, "BUILD", self.name)))
        return self.take(os.path.join(top, "RPMS"), (".rpm",))


def jobs():
    return os.environ.get("MAYFLY_JOBS") or len(os.sched_getaffinity(0))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", default=os.path.join(ROOT, "build", "package"), help="where they go")
    parser.add_argument("--version", help="another than the changelog's")
    parser.add_argument("kinds", nargs="*", help="deb, rpm; without: both")
    options = parser.parse_args()
    build = Build(os.path.abspath(options.out), options.version)
    shutil.rmtree(build.out, ignore_errors=True)
    os.makedirs(build.out)
    for kind in options.kinds or ["deb", "rpm"]:
        for package in {"deb": build.deb, "rpm": build.rpm}[kind]():
            if package.endswith((".deb", ".rpm")) and "dbgsym" not in package:
                sbom.write(package, package + ".spdx.json", released_at())
    shutil.rmtree(build.work)
    for name in sorted(os.listdir(build.out)):
        print(os.path.join(build.out, name))


if __name__ == "__main__":
    main()
