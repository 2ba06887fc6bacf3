"""The packages under test: those that this build has made, and others of the same content."""

import glob
import os
import re

from lab.process import Trouble, run

FOLDER = os.environ.get("MAYFLY_PACKAGES", "")
PACKAGE = "mayfly.deb"


def built():
    found = glob.glob(os.path.join(FOLDER, "mayfly_*.deb"))
    if len(found) != 1:
        raise Trouble(f"{FOLDER} should hold one mayfly_*.deb: {found}")
    return found[0]


def version(package):
    return run(["dpkg-deb", "-f", package, "Version"]).strip()


def relations(package):
    """What it depends on and recommends, as apt takes it."""
    fields = (run(["dpkg-deb", "-f", package, name]).strip() for name in ("Depends", "Recommends"))
    return ", ".join(filter(None, fields))


def next_version(package, folder, target):
    """Writes to `target` the same package as one of a later version, by way of the empty folder."""
    tree = os.path.join(folder, "tree")
    run(["dpkg-deb", "-R", package, tree])
    control = os.path.join(tree, "DEBIAN/control")
    with open(control, encoding="utf-8") as file:
        text = file.read()
    later = version(package) + "+next"
    with open(control, "w", encoding="utf-8") as file:
        file.write(re.sub(r"^Version: .*$", "Version: " + later, text, flags=re.M))
    run(["dpkg-deb", "--root-owner-group", "-Zgzip", "-b", tree, target])
    return later
