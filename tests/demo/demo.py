"""`./dev demo`: Mayfly at work, on a containerd of its own, and nothing left behind."""

import argparse
import contextlib
import os
import signal
import sys
import time

import fleet
from fleet_view import FleetView
from lab import image
from lab.daemons import Containerd, Mayflyd
from lab.place import Place, Places
from lab.process import Trouble, wait_until
from view import View

IMAGE = "mayfly.local/demo:1"

POOL = """\
name = "demo"
image = "{image}"
command = ["/bin/sh", "-c", "usleep $((200000 + RANDOM % 800 * 1000))"]
replicas = {workers}
env = {{RELEASE = "{release}"}}
"""


def arguments():
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    parser = argparse.ArgumentParser(prog="./dev demo", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20, help="how long it runs (20)")
    parser.add_argument("--workers", type=int, default=8, help="how many live at a time (8)")
    parser.add_argument("--fleet", action="store_true",
                        help="three nodes and an etcd: one of them dies, and its slots move")
    parser.add_argument("--runtime-socket", metavar="SOCK",
                        help="use the containerd that runs here, in a namespace of the demo's own")
    parser.add_argument("--programs", default=os.path.join(root, "build/release/bin"),
                        help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.fleet and given.runtime_socket:
        parser.error("--fleet brings its own containerd")
    if not 1 <= given.workers <= 200 or given.seconds < 1:
        parser.error("--workers is 1 to 200, --seconds at least 1")
    return given


def end_by_signal(number, _):
    raise KeyboardInterrupt(number)


def set_up(place, given, say):
    with say("containerd" + (" of its own" if not given.runtime_socket else "")):
        containerd = Containerd(place, given.runtime_socket)
    with say("mayflyd"):
        mayflyd = Mayflyd(place, containerd, given.programs)
    with say("an image with a shell, made of this host's busybox"):
        archive = place.path("image.tar")
        image.busybox(archive, IMAGE)
        mayflyd.mayfly("image", "import", archive)
    with say(f"a pool of {given.workers} workers that live 0.2 to 1 s each"):
        mayflyd.apply(POOL.format(image=IMAGE, workers=given.workers, release=1))
        wait_until(lambda: mayflyd.pool("demo")["running"] >= given.workers,
                   "the pool to fill", 60, mayflyd.process)
    return mayflyd


def watch(mayflyd, given, view):
    """Shows the pool until the time is up or somebody ends it; half-way rolls out a change."""
    start = time.monotonic()
    rolled_out = False
    while True:
        elapsed = time.monotonic() - start
        view.show(mayflyd.pool("demo"), max(0.0, given.seconds - elapsed))
        if elapsed >= given.seconds:
            return
        if not rolled_out and elapsed >= given.seconds / 2:
            mayflyd.apply(POOL.format(image=IMAGE, workers=given.workers, release=2))
            rolled_out = True
        time.sleep(view.period_s)


def live(places, given, view):
    """From nothing to nothing; returns how many workers were respawned."""
    with places:
        try:
            mayflyd = set_up(places.enter(Place("demo")), given, view.step)
            view.begin(POOL.format(image=IMAGE, workers=given.workers, release=1))
            with contextlib.suppress(KeyboardInterrupt):
                watch(mayflyd, given, view)
            view.end()
            pool = mayflyd.pool("demo")
            view.summary(pool, mayflyd.api.get("/v1/exits?pool=demo&limit=1000")["exits"])
            return pool["timings"]["gap"]["count"]
        finally:
            # What is being put away is put away, however often somebody presses Ctrl-C.
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            view.end()
            view.note("Putting everything away …")


def run(given):
    view = FleetView(sys.stdout) if given.fleet else View(sys.stdout)
    view.title(given)
    places = Places()
    trouble = []
    try:
        if (fleet.live if given.fleet else live)(places, given, view) == 0:
            trouble.append("nothing was respawned")
    except Trouble as fault:
        trouble.append(str(fault))
    left = places.leftovers()
    if left:
        trouble.append("left behind:\n  " + "\n  ".join(left))
    else:
        view.note("Nothing is left behind: no process, mount, cgroup, container or file.\n")
    for line in trouble:
        print("demo: " + line, file=sys.stderr)
    return 1 if trouble else 0


def main():
    given = arguments()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end_by_signal)
    try:
        return run(given)
    except KeyboardInterrupt:
        print("demo: interrupted before it began", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
