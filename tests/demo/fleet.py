"""`./dev demo --fleet`: three nodes and an etcd on this machine; a node dies, and its slots move."""

import contextlib
import json
import os
import signal
import time

from lab import image
from lab.daemons import Containerd, Mayflyd
from lab.etcd import Etcd, own_address
from lab.place import Place
from lab.process import Trouble, run, wait_until

IMAGE = "mayfly.local/demo:1"
CLUSTER = "demo"
NODES = ("a", "b", "c")
VICTIM = "c"
TOTAL = 12
CLAIM_TTL_S = 10
PATIENCE_S = 120

POOL = f"""\
name = "demo"
image = "{IMAGE}"
command = ["/bin/sh", "-c", "usleep $((1500000 + RANDOM % 2000 * 1000))"]
replicas = {{total = {TOTAL}}}
"""

COORDINATOR = """\
[coordinator]
endpoints = ["{url}"]
cluster = "{cluster}"
claim_ttl = "{ttl}s"
shrink_max = "100%"
"""


class Node:
    """A daemon in a containerd namespace of its own, as if it were a machine."""

    def __init__(self, place, containerd, etcd, programs):
        self.place = place
        self.containerd = Containerd(place, containerd.socket)
        self.daemon = Mayflyd(place, self.containerd, programs, COORDINATOR.format(
            url=etcd.url, cluster=CLUSTER, ttl=CLAIM_TTL_S))
        self.is_dead = False

    def die(self):
        """As a machine does: the daemon and all its workers at once."""
        self.daemon.process.kill()
        for pid in self.containerd.pids().values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.is_dead = True

    def come_back(self):
        self.daemon.api.close()
        self.daemon.start()
        self.is_dead = False

    def pool(self):
        """As the node tells it; nothing while it is dead, or has none."""
        if self.is_dead:
            return None
        with contextlib.suppress(Trouble, OSError, KeyError):
            return self.daemon.pool("demo")
        return None


class Fleet:
    """`places`: a context stack that puts them away, and all that is in them."""

    def __init__(self, places, given, say):
        self.programs = given.programs
        home = places.enter(Place("demo"))
        with say("an etcd, a containerd, and an image with a shell"):
            self.etcd = Etcd(home, own_address())
            containerd = Containerd(home)
            archive = home.path("image.tar")
            image.busybox(archive, IMAGE)
        with say(f"{len(NODES)} nodes: daemons that share nothing but this machine"):
            self.nodes = {}
            for name in NODES:
                place = places.enter(Place("demo-" + name))
                self.nodes[name] = Node(place, containerd, self.etcd, given.programs)
                self.nodes[name].daemon.mayfly("image", "import", archive)
        places.callback(self.end_pool)
        with say(f"a pool of {TOTAL} workers, for all of them: mayfly --cluster demo apply"):
            self.mayfly("apply", "-f", home.write("pool.toml", POOL))
            self.wait_spread(NODES)

    def mayfly(self, *words):
        return run([os.path.join(self.programs, "mayfly"), "--cluster", CLUSTER, *words],
                   env=dict(os.environ, MAYFLY_ENDPOINTS=self.etcd.url))

    def end_pool(self):
        """The nodes end it, not those who put them away; the dead one has something left to do."""
        for node in self.nodes.values():
            if node.is_dead:
                node.come_back()
        self.mayfly("delete", "demo")
        for node in self.nodes.values():
            wait_until(lambda node=node: not node.daemon.api.get("/v1/pools")["pools"],
                       "the pool's end", PATIENCE_S, node.daemon.process)

    def claims(self):
        """The slots that each node holds, as etcd has them."""
        prefix = f"/mayfly/{CLUSTER}/slots/demo/"
        lines = self.etcd.ctl("get", "--prefix", prefix).splitlines()
        slots = {node.place.unique: [] for node in self.nodes.values()}
        for key, value in zip(lines[::2], lines[1::2]):
            slots.setdefault(json.loads(value)["node"], []).append(int(key.removeprefix(prefix)))
        return {name: sorted(slots[node.place.unique]) for name, node in self.nodes.items()}

    def is_spread(self, names):
        """Each slot has one of these nodes, as many as the others, and they run as many workers."""
        claims, share = self.claims(), TOTAL // len(names)
        fair = all(len(claims[name]) == (share if name in names else 0) for name in NODES)
        return fair and all((self.nodes[name].pool() or {}).get("replicas") == share
                            for name in names)

    def wait_spread(self, names):
        wait_until(lambda: self.is_spread(names), "the slots to be spread", PATIENCE_S, every=0.2)


def _act(fleet, view, names, what, seconds):
    """Shows the fleet until the slots are spread over these, and for so many seconds more."""
    start = time.monotonic()
    spread_at = None
    view.act(what)
    while spread_at is None or time.monotonic() < spread_at + seconds:
        view.show(fleet)
        now = time.monotonic()
        if spread_at is None and fleet.is_spread(names):
            spread_at = now
            view.spread(now - start)
        if spread_at is None and now - start > PATIENCE_S:
            raise Trouble(f"the slots are not spread over {', '.join(names)} after {PATIENCE_S} s")
        time.sleep(view.period_s)


def watch(fleet, given, view):
    others = [name for name in NODES if name != VICTIM]
    seconds = given.seconds / 3
    _act(fleet, view, NODES, f"{TOTAL} slots over {len(NODES)} nodes", seconds)
    fleet.nodes[VICTIM].die()
    _act(fleet, view, others, f"node {VICTIM} dies, its workers with it; its claims end "
         f"{CLAIM_TTL_S} s later, and the others take its slots", seconds)
    fleet.nodes[VICTIM].come_back()
    _act(fleet, view, NODES, f"node {VICTIM} is back; the others give up slots as their workers "
         "end", seconds)


def live(places, given, view):
    """From nothing to nothing; returns how many workers were respawned."""
    with places:
        try:
            fleet = Fleet(places, given, view.step)
            view.begin(POOL)
            with contextlib.suppress(KeyboardInterrupt):
                watch(fleet, given, view)
            view.end()
            return view.summary(fleet)
        finally:
            # What is being put away is put away, however often somebody presses Ctrl-C.
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            view.end()
            view.note("Putting everything away …")
