"""The root file system of a freshly installed Debian with systemd, by debootstrap.

It comes from where this host's own packages come from, and is kept as an archive for a week, since
making it takes a minute.
"""

import contextlib
import fcntl
import os
import re
import shutil
import time

from lab.process import Trouble, run

PACKAGES = ("systemd", "systemd-sysv", "dbus")


def _codename():
    with open("/etc/os-release", encoding="utf-8") as file:
        return re.search(r'^VERSION_CODENAME="?(\w+)', file.read(), re.M)[1]


def _files(folder, ending):
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    return [os.path.join(folder, name) for name in names if name.endswith(ending)]


def _text(path):
    with open(path, encoding="utf-8") as file:
        return "".join(line for line in file if not line.startswith("#"))


def _one_line_sources(text):
    """deb [options] URI SUITE COMPONENT…"""
    for match in re.finditer(r"^deb\s+(?:\[[^\]]*\]\s*)?(\S+)\s+(\S+)", text, re.M):
        yield match[1], match[2]


def _deb822_sources(text):
    for stanza in re.split(r"\n\s*\n", text):
        keys = {name.lower(): value.split() for name, value in
                re.findall(r"^([\w-]+):((?:.*\n?)(?:[ \t].*\n?)*)", stanza, re.M)}
        if "deb" in keys.get("types", []) and keys.get("enabled") != ["no"]:
            for uri in keys.get("uris", []):
                for suite in keys.get("suites", []):
                    yield uri, suite


def _reachable(uri):
    """What debootstrap can use for it: of a list of mirrors the first; none for a disk."""
    listed = re.match(r"mirror\+file:(?://)?(/.*)", uri)
    if listed:
        return next(iter(_text(listed[1]).split()), None)
    return uri if re.match(r"(https?|file):", uri) else None


def sources(root="/etc/apt", release=None):
    """(URI, suite) of this host's Debian, its updates among them: the release itself first."""
    release = release or _codename()
    found = []
    for path in [root + "/sources.list", *_files(root + "/sources.list.d", ".list")]:
        if os.path.exists(path):
            found += _one_line_sources(_text(path))
    for path in _files(root + "/sources.list.d", ".sources"):
        found += _deb822_sources(_text(path))
    wanted = [release, release + "-security", release + "-updates"]
    found = [(uri, suite) for named, suite in dict.fromkeys(found) if suite in wanted
             for uri in [_reachable(named)] if uri]
    found.sort(key=lambda pair: wanted.index(pair[1]))
    if not found or found[0][1] != release:
        raise Trouble(f"{root} names no archive of {release}")
    return found


def _apt_settings():
    """How this host's apt reaches its archives: proxies."""
    lines = run(["apt-config", "dump"]).splitlines()
    return "\n".join(line for line in lines if re.match(r"Acquire::https?::(Proxy|Timeout)", line))


def _furnish(folder):
    """What an installer would have written."""
    def write(path, text):
        with open(folder + path, "w", encoding="utf-8") as file:
            file.write(text)
    write("/etc/apt/sources.list", "".join(f"deb {uri} {suite} main\n" for uri, suite in sources()))
    write("/etc/apt/apt.conf.d/50host", _apt_settings() + "\n")
    with contextlib.suppress(FileNotFoundError):
        os.makedirs(folder + "/etc/ssl/certs", exist_ok=True)
        shutil.copy("/etc/ssl/certs/ca-certificates.crt", folder + "/etc/ssl/certs")


def _make(archive, place):
    folder = place.make_folder("rootfs")
    uri, suite = sources()[0]
    run(["debootstrap", "--variant=minbase", "--include=" + ",".join(PACKAGES), suite, folder, uri],
        seconds=1200)
    _furnish(folder)
    fresh = f"{archive}.{os.getpid()}"
    run(["tar", "-C", folder, "--exclude=./var/cache/apt/archives/*.deb", "--exclude=./dev/*",
         "--one-file-system", "-cf", fresh, "."], seconds=300)
    os.rename(fresh, archive)
    shutil.rmtree(folder)


def archive(cache, place):
    """The path of the archive in the folder `cache`; what is older goes. Of several that want it at the
    same time, one makes it."""
    os.makedirs(cache, exist_ok=True)
    with open(os.path.join(cache, "lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _archive(cache, place)


def _archive(cache, place):
    year, week, _ = time.strftime("%G %V %u").split()
    name = "-".join([_codename(), *PACKAGES, year, "week", week]) + ".tar"
    path = os.path.join(cache, name)
    if not os.path.exists(path):
        for old in _files(cache, ".tar"):
            os.unlink(old)
        _make(path, place)
    return path
