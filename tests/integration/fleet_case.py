"""A node that an etcd of its own tells what to run."""

from case import FOR_EVER_MS, SCRATCH, DaemonCase
from lab.etcd import Etcd, own_address
from stories import living

FOR_EVER = living(FOR_EVER_MS)
ADDRESS = own_address()
POOLS = "/mayfly/lab/pools/"
TOMBSTONE = {"deleted": True}
COORDINATOR = f"""
[coordinator]
endpoints = ["http://{ADDRESS}:2379"]
cluster = "lab"
"""
AT_ONCE = COORDINATOR + 'shrink_max = "100%"\n'


class FleetCase(DaemonCase):
    more_config = AT_ONCE

    @classmethod
    def setUpClass(cls):
        super().setUpClass()  # a node starts without its etcd
        cls.etcd = Etcd(cls.place, ADDRESS)
        cls.given = set()

    def setUp(self):
        self.wait_connected()

    def tearDown(self):
        for name in sorted(self.given):
            self.etcd.put(POOLS + name, TOMBSTONE)
        self.wait(lambda: not self.pools(), "the end of all pools", 120)
        for name in sorted(self.given):
            self.etcd.delete(POOLS + name)
        self.given.clear()
        self.wait(lambda: not self.coordinator()["alarms"], "no alarms", 60)
        super().tearDown()

    @classmethod
    def open_files(cls):
        """Connections to etcd come and go."""
        return [each for each in super().open_files() if each != "socket"]

    # ---- doing and looking ----------------------------------------------------------------------

    def document(self, name, **keys):
        return {"name": name, "image": SCRATCH, "command": FOR_EVER,
                "mounts": [self.stories.mount()], **keys}

    def give(self, name, **keys):
        self.given.add(name)
        self.etcd.put(POOLS + name, self.document(name, **keys))

    def coordinator(self):
        return self.mayflyd.status()["coordinator"]

    def wait_connected(self):
        self.wait(lambda: self.coordinator()["state"] == "connected", "a connection", 120)

    def refused(self):
        return {row["pool"]: row["why"] for row in self.coordinator()["refused"]}

    def wait_refused(self, pool, word):
        return self.wait(lambda: word in self.refused().get(pool, "") and self.refused(),
                         f"{pool} to be refused for {word}", 60)

    def node_key(self, part):
        return f"/mayfly/lab/nodes/{self.place.unique}/{part}"

    def names(self, pool):
        return {worker["name"] for worker in self.running(pool)}
