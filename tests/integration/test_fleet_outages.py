"""A node of a fleet while its etcd, of three members, goes through what etcds go through."""

import signal
import time

from case import SCRATCH, DaemonCase
from lab.etcd import Etcd, own_address
from stories import living

ADDRESS = own_address()
POOLS = "/mayfly/lab/pools/"
WORKERS = 3
LIFE_MS = 400
QUOTA = 4 << 20


class OutagesOfEtcd(DaemonCase):
    """One pool all the time, whose workers come and go; through all of it none is missing."""

    more_config = f"""
[coordinator]
endpoints = ["http://{ADDRESS}:2379", "http://{ADDRESS}:2389", "http://{ADDRESS}:2399"]
cluster = "lab"
shrink_max = "100%"
"""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.etcd = Etcd(cls.place, ADDRESS, 3, ["--quota-backend-bytes", str(QUOTA)])

    def setUp(self):
        self.replicas = WORKERS
        self.wait(self.is_connected, "a connection", 120)
        self.give()
        self.wait_running("one", self.replicas)
        self.turns = len(self.exits("one"))

    def tearDown(self):
        self.etcd.put(POOLS + "one", {"deleted": True})
        self.wait(lambda: not self.pools(), "the pool's end", 120)
        self.etcd.delete(POOLS + "one")
        super().tearDown()

    @classmethod
    def open_files(cls):
        """Connections to etcd come and go."""
        return [each for each in super().open_files() if each != "socket"]

    # ---- doing and looking ----------------------------------------------------------------------

    def give(self, **keys):
        document = {"name": "one", "image": SCRATCH, "command": living(LIFE_MS),
                    "mounts": [self.stories.mount()], "replicas": self.replicas, "standby": 2}
        self.etcd.put(POOLS + "one", {**document, **keys})

    def coordinator(self):
        return self.mayflyd.status()["coordinator"]

    def is_connected(self):
        return self.coordinator()["state"] == "connected"

    def alarmed(self, word):
        return any(word in alarm for alarm in self.coordinator()["alarms"])

    def follow(self):
        """A change reaches the node."""
        self.replicas = WORKERS + 1 if self.replicas == WORKERS else WORKERS
        self.give()
        self.wait(lambda: self.mayflyd.pool("one")["replicas"] == self.replicas, "the change", 120)
        self.wait_running("one", self.replicas)

    def prove_undisturbed(self):
        """Workers went on ending and being followed all the time, and by themselves alone."""
        self.wait(lambda: len(self.exits("one")) > self.turns + 2 * WORKERS, "respawns", 60)
        records = self.exits("one")
        self.turns = len(records)
        wrong = [record for record in records if record["class"] not in ("done", "ours")]
        self.assertEqual(wrong, [])
        self.assertEqual(self.mayflyd.pool("one")["replicas"], self.replicas)

    # ---- tests ----------------------------------------------------------------------------------

    def test_leaders_that_are_killed_one_after_the_other(self):
        for _ in range(4):
            leader = self.wait(self.etcd.leader, "a leader", 120)
            leader.process.kill()
            time.sleep(4)
            leader.launch(self.etcd.cluster)
            self.wait(leader.is_healthy, "the member to be back", 120)
        self.wait(self.is_connected, "a connection", 120)
        self.follow()
        self.prove_undisturbed()

    def test_a_member_that_is_stuck_with_the_lease_on_it(self):
        leader = self.wait(self.etcd.leader, "a leader", 120)
        leader.process.send(signal.SIGSTOP)
        try:
            others = [member for member in self.etcd.members if member is not leader]
            self.wait(lambda: all(member.is_healthy() for member in others), "another leader", 120)
            self.wait(self.is_connected, "a connection", 120)
            self.follow()
        finally:
            leader.process.send(signal.SIGCONT)
        self.wait(leader.is_healthy, "the member to be back", 120)
        self.prove_undisturbed()

    def test_all_are_gone_and_compacted_when_they_are_back(self):
        self.etcd.kill()
        self.wait(lambda: self.coordinator()["state"] == "lost", "the loss to be seen", 120)
        turns = len(self.exits("one"))
        self.wait(lambda: len(self.exits("one")) >= turns + 4 * WORKERS, "workers that go on", 120)
        self.mayflyd.process.send(signal.SIGSTOP)  # so that it hears nothing before the compaction
        try:
            self.etcd.start()
            for count in (WORKERS + 2, WORKERS + 3, WORKERS + 1):
                self.replicas = count
                self.give()
            self.etcd.compact()
        finally:
            self.mayflyd.process.send(signal.SIGCONT)
        self.wait(lambda: self.mayflyd.pool("one")["replicas"] == WORKERS + 1, "the change", 120)
        self.wait_running("one", self.replicas)
        self.prove_undisturbed()

    def test_a_store_that_is_full_and_made_room_in(self):
        self.etcd.fill()
        self.wait(lambda: self.alarmed("full"), "an alarm", 120)
        self.prove_undisturbed()
        self.etcd.make_room()
        self.wait(lambda: not self.alarmed("full"), "the end of the alarm", 120)
        self.follow()
        self.prove_undisturbed()

    def test_a_daemon_that_is_killed_again_and_again(self):
        for _ in range(4):
            self.mayflyd.process.kill()
            self.mayflyd.start()
        self.wait(self.is_connected, "a connection", 120)
        self.follow()
        self.prove_undisturbed()
