"""A node that an etcd tells what to run."""

import json

from case import FOR_EVER_MS, SCRATCH, DaemonCase
from lab.etcd import Etcd, own_address
from stories import living

FOR_EVER = living(FOR_EVER_MS)
EXIT_REFUSED = 4
ADDRESS = own_address()
POOLS = "/mayfly/lab/pools/"
TOMBSTONE = {"deleted": True}


class NodeOfAFleet(DaemonCase):
    more_config = f"""
[coordinator]
endpoints = ["http://{ADDRESS}:2379"]
cluster = "lab"
"""

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

    # ---- tests ----------------------------------------------------------------------------------

    def test_a_pool_is_run_scaled_and_ended_as_etcd_says(self):
        self.give("one", replicas=2)
        old = {worker["name"] for worker in self.wait_running("one", 2)}
        self.give("one", replicas=3)
        new = {worker["name"] for worker in self.wait_running("one", 3)}
        self.assertTrue(old < new, "scaling touches no worker")
        self.assertEqual(self.mayflyd.pool("one")["source"], "etcd:" + POOLS + "one")
        self.etcd.put(POOLS + "one", TOMBSTONE)
        self.wait(lambda: not self.pools(), "the pool's end", 60)

    def test_what_comes_from_etcd_is_not_changed_on_the_node(self):
        self.give("one", replicas=1)
        self.wait_running("one", 1)
        for words in (["scale", "one", "2"], ["delete", "one"]):
            done = self.command(*words)
            self.assertEqual(done.returncode, EXIT_REFUSED, done.stderr)
            self.assertIn(POOLS + "one", done.stderr)
        self.apply("mine", command=FOR_EVER, replicas=1)
        self.give("mine", replicas=2)
        self.wait_refused("mine", "was given by command on this node")
        self.assertEqual(self.mayflyd.pool("mine")["source"], "")
        self.mayflyd.delete("mine")

    def test_a_bad_document_is_refused_and_the_old_one_goes_on(self):
        self.give("one", replicas=2)
        self.give("other", replicas=1)
        self.wait_running("one", 2)
        self.wait_running("other", 1)
        before = self.names("one") | self.names("other")
        for value, word in (("not JSON", "not valid JSON"),
                            (self.document("one", replicas=5000), "/replicas"),
                            (self.document("one", imagee="x"), "/imagee: is not a known key"),
                            (self.document("two"), "that of its key"),
                            ("x" * 1_200_000, "larger than 1 MiB")):
            self.put_big("one", value)
            self.wait_refused("one", word)
        self.assertEqual(self.names("one") | self.names("other"), before)
        self.wait(lambda: "larger than" in self.etcd.value(self.node_key("status")),
                  "the reason in the node's status", 60)
        self.assertIn("one refused", self.mayflyd.mayfly("status"))
        self.give("one", replicas=3)
        self.wait_running("one", 3)
        self.assertEqual(self.refused(), {})

    def put_big(self, name, value):
        """What is too long for a command line goes in by standard input."""
        text = value if isinstance(value, str) else json.dumps(value)
        self.etcd.put_file(POOLS + name, self.place.write("document", text))

    def test_a_selector_picks_the_nodes(self):
        self.give("there", replicas=1, selector={"zone": "elsewhere"})
        self.give("here", replicas=1)
        self.wait_running("here", 1)
        self.assertEqual([pool["name"] for pool in self.pools()], ["here"])
        self.give("here", replicas=1, selector={"zone": "elsewhere"})
        self.wait(lambda: not self.pools(), "the pool to leave this node", 60)

    def test_a_key_that_is_gone_stops_nothing(self):
        self.give("one", replicas=2)
        self.wait_running("one", 2)
        before = self.names("one")
        self.etcd.ctl("del", "--prefix", "/mayfly/lab/pools/")
        self.wait(lambda: any("tombstone" in alarm for alarm in self.coordinator()["alarms"]),
                  "an alarm", 60)
        self.assertEqual(self.names("one"), before)
        self.assertIn("tombstone", self.mayflyd.mayfly("status"))

    def test_a_node_tells_of_itself_under_a_lease(self):
        self.give("one", replicas=1)
        self.wait(lambda: '"running":1' in self.etcd.value(self.node_key("status")),
                  "a status with the worker in it", 60)
        info = json.loads(self.etcd.value(self.node_key("info")))
        self.assertEqual(info["instance"], self.mayflyd.status()["node"]["instance"])
        for part in ("info", "status"):
            self.assertNotEqual(self.etcd.get(self.node_key(part)).get("lease", 0), 0)

    def order(self, scheduling, token, **more):
        self.etcd.put(self.node_key("desired"), {"scheduling": scheduling, "id": token, **more})

    def told(self):
        """How the node stands, as its status in etcd says."""
        value = self.etcd.value(self.node_key("status"))
        return json.loads(value)["status"]["scheduling"] if value else {}

    def wait_told(self, **wanted):
        return self.wait(lambda: wanted.items() <= (told := self.told()).items() and told,
                         f"the node's status to say {wanted}", 60)

    def undrain(self):
        self.etcd.delete(self.node_key("desired"))
        self.mayflyd.mayfly("node", "undrain")

    def test_a_node_is_cordoned_drained_and_opened_from_afar_once_for_each_order(self):
        self.addCleanup(self.undrain)
        self.give("one", replicas=2, lifetime={"stop_grace": "1s"})
        self.wait_running("one", 2)
        self.order("cordoned", "first")
        self.wait_told(state="cordoned", order="first")
        self.give("one", replicas=3, lifetime={"stop_grace": "1s"})
        self.wait_why("one", "node_cordoned", 2)
        self.order("drained", "second", deadline_s=3600)
        self.assertIn("deadline_unix_ms", self.wait_told(state="draining", order="second"))
        self.assertEqual(len(self.running("one")), 2)
        self.mayflyd.mayfly("node", "undrain")
        self.wait_running("one", 3)
        self.mayflyd.process.kill()
        self.mayflyd.start()
        self.wait_connected()
        self.wait_told(state="open", order="second")
        self.assertEqual(self.scheduling()["state"], "open", "what was said here came later")
        self.order("drained", "third", force=True)
        self.wait_told(state="drained", order="third")
        self.wait(lambda: not self.running("one"), "the end of its workers", 60)
        self.order("open", "fourth")
        self.wait_running("one", 3)

    def scheduling(self):
        return self.json("node", "status")["scheduling"]

    def test_a_bad_order_is_refused_and_the_last_one_goes_on(self):
        self.addCleanup(self.undrain)
        self.order("cordoned", "good")
        self.wait_told(state="cordoned", order="good")
        for value, word in (("not JSON", "not valid JSON"),
                            ({"scheduling": "closed", "id": "x"}, "/scheduling"),
                            ({"scheduling": "drained", "deadline_s": -1, "id": "x"}, "/deadline_s"),
                            ({"scheduling": "drained"}, "/id")):
            self.etcd.put(self.node_key("desired"), value)
            self.wait(lambda: word in self.told().get("refused", ""), f"{word} in the status", 60)
            self.assertEqual(self.told()["state"], "cordoned")
        self.order("open", "better")
        self.assertNotIn("refused", self.wait_told(state="open", order="better"))

    def test_an_order_that_was_restored_is_not_followed_again(self):
        self.addCleanup(self.undrain)
        self.order("cordoned", "old")
        self.wait_told(order="old")
        snapshot = self.place.path("orders.db")
        self.etcd.ctl("snapshot", "save", snapshot)
        self.order("open", "new")
        self.wait_told(state="open", order="new")
        self.etcd.kill()
        self.etcd.restore(snapshot)
        self.etcd.start()
        self.wait(lambda: any("pools.epoch" in alarm for alarm in self.coordinator()["alarms"]),
                  "an alarm", 120)
        self.assertEqual(self.scheduling()["state"], "open")
        # Once people say that it is meant, it is an order like any other.
        self.etcd.put("/mayfly/lab/pools.epoch", "9")
        self.wait(lambda: self.scheduling()["state"] == "cordoned", "the order to be followed", 120)

    def test_without_etcd_all_goes_on_also_across_a_restart(self):
        self.give("one", replicas=2, command=living(500), standby=1)
        self.wait(lambda: len(self.exits("one")) >= 3, "some turns", 60)
        self.etcd.kill()
        self.wait(lambda: self.coordinator()["state"] == "lost", "the loss to be seen", 60)
        turns = len(self.exits("one"))
        self.wait(lambda: len(self.exits("one")) >= turns + 4, "workers that go on", 60)
        self.mayflyd.process.kill()
        self.mayflyd.start()
        self.wait(lambda: self.mayflyd.pool("one")["running"] == 2, "what was last known", 60)
        self.assertEqual(self.coordinator()["state"], "connecting")
        self.etcd.start()
        self.wait_connected()
        self.give("one", replicas=1)
        self.wait(lambda: self.mayflyd.pool("one")["replicas"] == 1, "the change", 60)

    def test_a_restored_etcd_is_not_believed_until_its_epoch_is_raised(self):
        self.give("one", replicas=1)
        self.wait_running("one", 1)
        snapshot = self.place.path("snapshot.db")
        self.etcd.ctl("snapshot", "save", snapshot)
        self.give("one", replicas=2)
        self.wait_running("one", 2)
        self.etcd.kill()
        self.etcd.restore(snapshot)
        self.etcd.start()
        self.wait(lambda: any("pools.epoch" in alarm for alarm in self.coordinator()["alarms"]),
                  "an alarm", 120)
        self.assertEqual(self.mayflyd.pool("one")["replicas"], 2)
        self.etcd.put("/mayfly/lab/pools.epoch", "1")
        self.wait(lambda: self.mayflyd.pool("one")["replicas"] == 1, "what was restored", 120)
