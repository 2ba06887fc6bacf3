"""Three nodes and an etcd: a pool whose workers are spread over all of them."""

import json
import os
import signal

from case import PROGRAMS, SCRATCH, DaemonCase
from lab.daemons import Mayflyd
from lab.etcd import Etcd, own_address
from lab.place import Corner

ADDRESS = own_address()
KEYS = "/mayfly/lab/"
SHORT_MS, LONG_MS = 700, 25_000
CONFIG = f"""
[coordinator]
endpoints = ["http://{ADDRESS}:2379"]
cluster = "lab"
claim_ttl = "10s"
shrink_max = "100%"
"""


class Neighbour(Corner):
    """For another node; a mount would count as left by the first."""

    def __init__(self, place, name):
        super().__init__(place, name, f"{place.unique}-{name}")

    def make_memory_folder(self, name, mode=0o755):
        return self.make_folder(name, mode)


class SlotsOfAFleet(DaemonCase):
    more_config = CONFIG
    last = 0

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.etcd = Etcd(cls.place, ADDRESS)
        cls.nodes = [cls.mayflyd] + [
            Mayflyd(Neighbour(cls.place, name), cls.containerd, PROGRAMS, CONFIG)
            for name in ("b", "c")]

    @classmethod
    def tearDownClass(cls):
        for node in cls.nodes[1:]:
            node.close()
        super().tearDownClass()

    def setUp(self):
        """A pool with a name of its own: exits are kept by pool."""
        type(self).last += 1
        self.pool = f"pool-{self.last}"
        for node in self.nodes:
            self.wait(lambda node=node: node.status()["coordinator"]["state"] == "connected",
                      "a connection", 120)
        self.wait(lambda: len(self.keys("members/")) == 3, "three members", 60)

    def tearDown(self):
        self.etcd.put(KEYS + "pools/" + self.pool, {"deleted": True})
        for node in self.nodes:
            self.wait(lambda node=node: not node.api.get("/v1/pools")["pools"], "its end", 120)
        self.wait(lambda: not self.keys("slots/"), "no claims", 60)
        self.etcd.delete(KEYS + "pools/" + self.pool)
        super().tearDown()

    @classmethod
    def footprint(cls):
        """Of the folders and mounts; the daemons share a namespace, and connections come and go."""
        kept = ("worker folders", "log folders", "mounts", "threads")
        return {kind: things for kind, things in super().footprint().items() if kind in kept}

    # ---- doing and looking ----------------------------------------------------------------------

    def give(self, total, life_ms=SHORT_MS):
        self.etcd.put(KEYS + "pools/" + self.pool, {
            "name": self.pool, "image": SCRATCH, "replicas": {"total": total},
            "command": ["/integration_worker", "live", "/", str(life_ms), "0"]})

    def keys(self, below):
        return self.etcd.ctl("get", "--prefix", KEYS + below, "--keys-only").split()

    def claims(self):
        return self.keys(f"slots/{self.pool}/")

    def running(self, node):
        rows = node.api.get("/v1/workers")["workers"]
        return [row for row in rows if row["pool"] == self.pool and row["phase"] == "running"]

    def wanted(self, node):
        rows = node.api.get("/v1/pools")["pools"]
        return sum(row["replicas"] for row in rows if row["name"] == self.pool)

    def wait_wanted(self, counts, nodes=None):
        nodes = nodes or self.nodes
        found = []
        def is_so():
            found[:] = [self.wanted(node) for node in nodes]
            return found == counts
        self.wait(is_so, f"{counts} workers to be wanted", 120)
        for node, count in zip(nodes, counts):
            self.wait(lambda node=node, count=count: len(self.running(node)) == count,
                      f"{count} running", 120)

    def told(self, node):
        """As wanted(), by the node's status in etcd: before it tells of slots, it puts them on disk."""
        status = json.loads(self.etcd.value(f"{KEYS}nodes/{node.place.unique}/status"))["status"]
        return status["pools"].get(self.pool, {}).get("replicas", 0)

    def classes(self, node):
        """Of the exits of this test's pool."""
        rows = node.api.get(f"/v1/exits?pool={self.pool}&limit=1000")["exits"]
        return {row["class"] for row in rows}

    # ---- tests ----------------------------------------------------------------------------------

    def test_the_slots_of_a_node_that_is_gone_move_and_come_back(self):
        self.give(6)
        self.wait_wanted([2, 2, 2])
        self.assertEqual(len(self.claims()), 6)
        self.nodes[2].process.kill()
        self.wait_wanted([3, 3], self.nodes[:2])
        self.nodes[2].start()
        self.wait_wanted([2, 2, 2])
        self.assertEqual(len(self.claims()), 6)

    def test_the_slots_of_a_node_that_is_drained_move_and_come_back(self):
        self.give(6)
        self.wait_wanted([2, 2, 2])
        drained = self.nodes[2]
        drained.mayfly("node", "drain", "--no-deadline")
        self.wait_wanted([3, 3], self.nodes[:2])
        self.wait(lambda: not self.running(drained), "an empty node", 60)
        self.assertEqual(len(self.claims()), 6)
        drained.mayfly("node", "undrain")
        self.wait_wanted([2, 2, 2])
        for node in self.nodes:
            self.assertEqual(self.classes(node), {"done"}, "no worker was stopped")

    def test_another_total_is_followed(self):
        self.give(6)
        self.wait_wanted([2, 2, 2])
        self.give(3)
        self.wait_wanted([1, 1, 1])
        self.wait(lambda: self.claims() == [f"{KEYS}slots/{self.pool}/{n}" for n in range(3)],
                  "three claims", 60)
        self.give(6)
        self.wait_wanted([2, 2, 2])
        for node in self.nodes:
            self.assertEqual(self.classes(node), {"done"}, "no worker was stopped")

    def test_older_lives_run_to_their_end_when_their_node_returns(self):
        self.give(6, LONG_MS)
        self.wait_wanted([2, 2, 2])
        cut_off = self.nodes[2]
        old = {row["name"] for row in self.running(cut_off)}
        os.kill(cut_off.process.pid, signal.SIGSTOP)
        try:
            self.wait_wanted([3, 3], self.nodes[:2])
        finally:
            os.kill(cut_off.process.pid, signal.SIGCONT)
        self.wait(lambda: self.wanted(cut_off) == 0, "the loss of its slots to be seen", 60)
        self.wait(lambda: not old & {row["name"] for row in self.running(cut_off)},
                  "the end of its older lives", 120)
        self.assertEqual(self.classes(cut_off), {"done"})
        self.wait_wanted([2, 2, 2])

    def test_without_etcd_the_slots_stay_also_across_a_restart(self):
        self.give(6)
        self.wait_wanted([2, 2, 2])
        self.wait(lambda: self.told(self.nodes[2]) == 2, "both slots to be told of", 60)
        before = self.claims()
        self.etcd.kill()
        try:
            for node in self.nodes:
                self.wait(lambda node=node: node.status()["coordinator"]["state"] == "lost",
                          "the loss to be seen", 60)
            self.nodes[2].process.kill()
            self.nodes[2].start()
            self.wait_wanted([2, 2, 2])
        finally:
            self.etcd.start()
        for node in self.nodes:
            self.wait(lambda node=node: node.status()["coordinator"]["state"] == "connected",
                      "a connection", 120)
        self.wait(lambda: len(self.claims()) == 6, "all claims", 60)
        self.wait_wanted([2, 2, 2])
        self.assertEqual(self.claims(), before)
