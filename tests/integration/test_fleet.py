"""A node that an etcd tells what to run."""

import concurrent.futures
import contextlib
import json
import os
import re
import socket
import subprocess
import time

from case import PROGRAMS, SHELL, DaemonCase
from fleet_case import ADDRESS, AT_ONCE, COORDINATOR, FOR_EVER, POOLS, TOMBSTONE, FleetCase
from lab.daemons import Containerd, Mayflyd
from lab.etcd import Etcd
from lab.place import Place
from lab.process import Trouble
from stories import living, pool_toml

EXIT_ERROR, EXIT_USAGE, EXIT_NOT_FOUND, EXIT_REFUSED, EXIT_TIMED_OUT, EXIT_NO_ETCD = range(1, 7)
GUIDE = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "fleet.md")


class ShrinkingNode(FleetCase):
    more_config = COORDINATOR

    def test_a_pool_is_taken_away_in_steps(self):
        self.give("one", replicas=8)
        self.wait_running("one", 8)
        self.etcd.put(POOLS + "one", TOMBSTONE)
        self.wait(lambda: any("shrinking" in alarm and "one" in alarm
                              for alarm in self.coordinator()["alarms"]), "an alarm", 60)
        self.wait(lambda: self.mayflyd.pool("one")["replicas"] in (1, 2, 4), "the first step", 60)
        self.give("one", replicas=6)
        self.wait_running("one", 6)
        self.assertNotIn("shrinking", " ".join(self.coordinator()["alarms"]))
        self.etcd.put(POOLS + "one", TOMBSTONE)
        self.wait(lambda: not self.pools(), "the pool's end", 120)


class NodeOfAFleet(FleetCase):

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
        # Else the next list finds nothing in its way.
        self.etcd.put(POOLS + "mine", TOMBSTONE)
        self.wait(lambda: "mine" not in self.refused(), "the end of the other one", 60)
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
        self.wait(lambda: self.mayflyd.pool("one")["replicas"] == 3, "what it is to have", 60)
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


def node_config(zone):
    return f'[node.labels]\nzone = "{zone}"{AT_ONCE}'


class FleetCommand(DaemonCase):
    """Two nodes of one fleet, on one containerd in two namespaces, and the command from afar."""

    more_config = node_config("east")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.etcd = Etcd(cls.place, ADDRESS)
        far = Place("far")
        cls.addClassCleanup(cls._prove_empty, far)
        cls.enterClassContext(far)
        far.undo.callback(far.unmount_all)
        cls.west = Mayflyd(far, Containerd(far, cls.containerd.socket), PROGRAMS, node_config("west"))
        cls.west.mayfly("image", "import", cls.place.path("shell.tar"))
        cls.names = cls.place.unique, far.unique
        cls.contexts = cls.place.write("contexts.toml", f'[lab]\nendpoints = ["{cls.etcd.url}"]\n')

    def setUp(self):
        self.wait(lambda: [row["state"] for row in self.fleet_json("get", "nodes")["nodes"]] ==
                  ["live", "live"], "both nodes", 120)

    def tearDown(self):
        for pool in self.fleet_json("get", "pools")["pools"]:
            if not pool["document"] or not pool["document"].get("deleted"):
                self.good("delete", pool["name"])
        self.delete_pools_here()
        self.wait(lambda: not self.pools() and not self.west.api.get("/v1/pools")["pools"],
                  "the end of all pools", 120)
        for prefix in ("pools/", "pools-history/"):
            self.etcd.ctl("del", "--prefix", "/mayfly/lab/" + prefix)
        super().tearDown()

    def delete_pools_here(self):
        for pool in self.pools():
            with contextlib.suppress(Trouble):  # it may have ended
                if not self.mayflyd.pool(pool["name"])["source"]:
                    self.mayflyd.delete(pool["name"])

    @classmethod
    def delete_pools(cls):
        """What is the fleet's has ended by then."""

    @classmethod
    def open_files(cls):
        return [each for each in super().open_files() if each != "socket"]

    # ---- doing and looking ----------------------------------------------------------------------

    def mayfly(self, *words, env=None):
        return subprocess.run([os.path.join(PROGRAMS, "mayfly"), *words], capture_output=True, text=True,
                              timeout=300, check=False, env={**os.environ, **(env or {})})

    def fleet(self, *words):
        return self.mayfly("--contexts", self.contexts, "--cluster", "lab", *words)

    def good(self, *words):
        done = self.fleet(*words)
        self.assertEqual(done.returncode, 0, done.stderr + done.stdout)
        return done.stdout

    def bad(self, code, *words):
        done = self.fleet(*words)
        self.assertEqual(done.returncode, code, done.stderr + done.stdout)
        return done.stderr

    def fleet_json(self, *words):
        return json.loads(self.good(*words, "-o", "json"))

    def file(self, name="one", **keys):
        keys = {"image": SHELL, "command": ["/bin/sleep", "3600"],
                "lifetime": {"stop_grace": "0s"}, **keys}  # it heeds no TERM
        return self.place.write(f"{name}.toml", pool_toml(name, **keys))

    def row(self, pool="one"):
        row, = self.fleet_json("get", "pools", pool)["pools"]
        return row

    def running_on(self, node, pool="one"):
        rows = node.api.get("/v1/workers")["workers"]
        return sum(row["pool"] == pool and row["phase"] == "running" for row in rows)

    # ---- tests ----------------------------------------------------------------------------------

    def test_a_pool_is_given_to_all_nodes_changed_and_ended_from_afar(self):
        told = self.good("apply", "-f", self.file(replicas=1), "--wait")
        self.assertIn("pool one created: revision 1\n", told)
        self.assertIn("2 of 2 nodes run it; 2 of 2 workers run\n", told)
        for node in (self.mayflyd, self.west):
            self.assertEqual(self.running_on(node), 1)
        self.assertIn("replicas: 1 → 2", self.good("apply", "-f", self.file(replicas=2), "--dry-run"))
        self.assertIn("replicas: 1 → 2", self.good("diff", "-f", self.file(replicas=2)))
        self.assertEqual(self.row()["revision"], 1, "a dry run writes nothing")
        self.good("scale", "one", "2", "--wait")
        row = self.row()
        self.assertEqual((row["state"], row["nodes_running"], row["running"], row["revision"]),
                         ("full", 2, 4, 2))
        self.assertEqual(row["image"], SHELL)
        told = self.good("delete", "one", "--wait")
        self.assertIn("4 workers are stopped", told)
        self.assertEqual(self.pools(), [])
        history = self.fleet_json("history", "one")["revisions"]
        self.assertEqual([each["revision"] for each in history], [3, 2, 1])
        self.assertTrue(history[0]["deleted"])
        self.assertEqual(history[1]["changes"], [{"key": "replicas", "from": "1", "to": "2"}])

    def test_a_pause_of_the_fleet_and_one_of_the_node_both_hold(self):
        self.good("apply", "-f", self.file(replicas=1), "--wait")
        self.good("pause", "one")
        for node in (self.mayflyd, self.west):
            self.wait(lambda node=node: node.pool("one")["state"] == "paused", "the pause", 60)
        refused = self.command("resume", "one")
        self.assertEqual(refused.returncode, EXIT_REFUSED, refused.stderr)
        self.assertIn("mayfly --cluster lab resume one", refused.stderr)
        self.mayflyd.process.kill()
        self.mayflyd.start()
        self.assertEqual(self.mayflyd.pool("one")["state"], "paused", "it is kept across a restart")
        self.mayflyd.mayfly("pause", "one")
        self.good("resume", "one")
        self.wait(lambda: self.west.pool("one")["state"] == "full", "the end of the pause", 60)
        self.assertEqual(self.mayflyd.pool("one")["state"], "paused")
        self.mayflyd.mayfly("resume", "one")
        self.wait(lambda: self.mayflyd.pool("one")["state"] == "full", "the end of both", 60)

    def test_of_two_operators_at_once_none_overwrites_the_other(self):
        self.good("apply", "-f", self.file(replicas=1))
        self.good("apply", "-f", self.file(replicas=2, revision=1))
        said = self.bad(EXIT_REFUSED, "apply", "-f", self.file(replicas=3, revision=1))
        self.assertIn("the file was made from revision 1, and the fleet has revision 2", said)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            sizes = range(3, 19)
            done = list(pool.map(lambda size: self.fleet("scale", "one", str(size)), sizes))
        codes = [each.returncode for each in done]
        self.assertLessEqual(set(codes), {0, EXIT_REFUSED}, [each.stderr for each in done])
        written = {size for size, code in zip(sizes, codes) if code == 0}
        for each in done:
            if each.returncode:
                self.assertIn("changed by somebody else meanwhile: it is revision", each.stderr)
        self.assertEqual(self.row()["revision"], 2 + len(written))
        found = [row["document"]["replicas"] for row in self.fleet_json("history", "one")["revisions"]]
        self.assertEqual(set(found[:-2]), written, "each that said so was written, and no other")
        self.good("scale", "one", "1")

    def test_bad_files_change_nothing(self):
        path = self.place.write("bad.toml", 'name = "bad"\nimage = "i"\nreplicas = 5000\nimagee = "x"\n')
        said = self.bad(EXIT_ERROR, "apply", "-f", self.file(), "-f", path)
        self.assertIn("bad.toml:3:12: replicas: must be a whole number", said)
        self.assertIn("bad.toml:4:1: imagee: is not a known key", said)
        self.assertEqual(self.fleet_json("get", "pools")["pools"], [])

    def test_a_refusal_of_a_node_is_said_with_its_reason(self):
        self.apply("one", command=FOR_EVER, replicas=1)
        said = self.bad(EXIT_REFUSED, "apply", "-f", self.file(replicas=1), "--wait")
        self.assertIn(f"node {self.names[0]} refuses it: pool one was given by command", said)
        self.assertEqual(self.running_on(self.west), 1, "the other runs it")
        row = self.row()
        self.assertEqual([each["node"] for each in row["refused"]], [self.names[0]])
        self.assertIn("pool one refused: ", self.good("status"))

    def test_nodes_tell_of_themselves_and_of_empty_slots(self):
        self.good("apply", "-f", self.file(image="mayfly.local/none:1", pull="never", replicas=2))
        said = self.bad(EXIT_TIMED_OUT, "scale", "one", "3", "--wait", "--timeout", "3s")
        self.assertIn("0 of 2 nodes run it", said)
        group, = self.wait(lambda: [each for each in self.fleet_json("why", "one")["groups"]
                                    if each["count"] == 6], "the reason of all slots", 60)
        self.assertEqual(group["nodes"], sorted(self.names))
        self.assertIn("mayfly.local/none:1", group["detail"])
        rows = {row["name"]: row for row in self.fleet_json("get", "nodes")["nodes"]}
        for name, node, zone in zip(self.names, (self.mayflyd, self.west), ("east", "west")):
            self.assertEqual(rows[name]["version"], node.status()["node"]["version"])
            self.assertEqual(rows[name]["labels"], {"zone": zone})
            self.assertLess(rows[name]["contact_age_s"], 15)
        node = self.fleet_json("describe", "node", self.names[1])
        self.assertEqual(node["pools"][0]["replicas"], 3)

    def test_a_selector_picks_the_nodes_that_are_waited_for(self):
        told = self.good("apply", "-f", self.file(replicas=1, selector={"zone": "west"}), "--wait")
        self.assertIn("1 of 1 node runs it", told)
        self.assertEqual((self.running_on(self.mayflyd), self.running_on(self.west)), (0, 1))

    def test_an_order_is_written_for_the_node_that_it_names(self):
        self.good("node", "drain", self.names[1], "--deadline", "5m")
        order = json.loads(self.etcd.value(f"/mayfly/lab/nodes/{self.names[1]}/desired"))
        self.assertEqual((order["scheduling"], order["deadline_s"]), ("drained", 300))
        self.good("node", "undrain", self.names[1])
        self.assertIn("there is no node", self.bad(EXIT_NOT_FOUND, "node", "cordon", "nobody"))
        self.assertIsNone(self.etcd.get("/mayfly/lab/nodes/nobody/desired"))

    def test_a_document_that_nobody_can_read_is_shown_and_replaced(self):
        self.etcd.put(POOLS + "one", "not \x1b[31m JSON")
        self.assertEqual(self.row()["state"], "bad")
        self.assertNotIn("\x1b", self.good("get", "pools") + self.good("status"))
        self.assertIn("cannot be read", self.bad(EXIT_ERROR, "scale", "one", "2"))
        self.good("apply", "-f", self.file(replicas=1), "--wait")
        self.assertEqual(self.row()["state"], "full")

    def test_contexts_say_what_is_wrong_with_them(self):
        self.assertIn("there is lab", self.mayfly(
            "--contexts", self.contexts, "--cluster", "nowhere", "status").stderr)
        path = self.place.write("bad-contexts.toml", '[lab]\nendpoint = "x"\n[two]\nendpoints = ["x"]\n')
        done = self.mayfly("--contexts", path, "--cluster", "lab", "status")
        self.assertEqual(done.returncode, EXIT_ERROR)
        self.assertIn("bad-contexts.toml:2:1: lab.endpoint: is not a known key", done.stderr)
        self.assertIn("bad-contexts.toml:4:14: two.endpoints[0]: must be", done.stderr)
        self.assertIn("lab", self.mayfly("--contexts", self.contexts, "context", "ls").stdout)
        done = self.mayfly("get", "nodes", env={"MAYFLY_CLUSTER": "lab", "MAYFLY_ENDPOINTS": self.etcd.url})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(self.names[1], done.stdout)
        self.assertIn("works on one node", self.bad(EXIT_USAGE, "retire", "one-1-x"))
        self.assertIn("--cluster NAME", self.mayfly("get", "nodes").stderr)

    def test_wrong_credentials_are_said(self):
        corner = self.place.corner("locked")
        address = ADDRESS.replace("127.128.", "127.129.")
        locked = Etcd(corner, address)
        for words in (("user", "add", "root:right"), ("user", "grant-role", "root", "root"), ("auth", "enable")):
            locked.ctl(*words)
        secret = corner.write("password", "wrong\n")
        path = corner.write("contexts.toml", f'[lab]\nendpoints = ["{locked.url}"]\nuser = "root"\n'
                                             f'password_file = "{secret}"\n')
        def ask():
            return self.mayfly("--contexts", path, "--cluster", "lab", "get", "pools")
        os.chmod(secret, 0o644)
        self.assertIn("is open to all users: chmod o=", ask().stderr)
        os.chmod(secret, 0o600)
        done = ask()
        self.assertEqual(done.returncode, EXIT_REFUSED, done.stderr)
        self.assertIn("login as root: ", done.stderr)
        self.assertNotIn("wrong", done.stderr)
        corner.write("password", "right\n")
        self.assertEqual(ask().returncode, 0, ask().stderr)
        locked.stop()

    def test_the_roles_of_the_guide_suffice_and_no_more(self):
        """What docs/fleet.md grants an operator; and the first line of it alone, to look only."""
        corner = self.place.corner("roles")
        guarded = Etcd(corner, ADDRESS.replace("127.128.", "127.130."))
        with open(GUIDE, encoding="utf-8") as guide:
            lines = [line.split()[1:] for line in guide if re.match("etcdctl role .*operator", line)]
        self.assertEqual(len(lines), 4)
        for words in lines:
            guarded.ctl(*[word.replace("/mayfly/main", "/mayfly/lab") for word in words])
        guarded.ctl("role", "add", "looker")
        guarded.ctl("role", "grant-permission", "looker", "read", "/mayfly/lab/", "/mayfly/lab0")
        for user, role in (("anna", "mayfly-operator"), ("bert", "looker"), ("root", "root")):
            guarded.ctl("user", "add", f"{user}:secret")
            guarded.ctl("user", "grant-role", user, role)
        guarded.put("/mayfly/lab/nodes/n1/info", {})
        guarded.ctl("auth", "enable")
        secret = corner.write("password", "secret\n")
        os.chmod(secret, 0o600)

        def act(user, *words):
            return self.mayfly("--cluster", "lab", *words, env={
                "MAYFLY_ENDPOINTS": guarded.url, "MAYFLY_USER": user, "MAYFLY_PASSWORD_FILE": secret})
        for words in (("apply", "-f", self.file()), *(("scale", "one", str(n)) for n in range(2, 24)),
                      ("node", "cordon", "n1"), ("history", "one"), ("delete", "one")):
            done = act("anna", *words)
            self.assertEqual(done.returncode, 0, done.stderr)
        for words in (("status",), ("get", "pools"), ("get", "nodes"), ("history", "one")):
            self.assertEqual(act("bert", *words).returncode, 0)
        for words in (("apply", "-f", self.file()), ("node", "undrain", "n1")):
            done = act("bert", *words)
            self.assertEqual(done.returncode, EXIT_REFUSED, done.stderr)
            self.assertIn("permission denied", done.stderr)
        guarded.stop()

    def test_an_etcd_that_is_down_or_silent_is_said_in_bounded_time(self):
        with socket.create_server((ADDRESS, 0)) as silent:
            port = silent.getsockname()[1]
            for url in (f"http://{ADDRESS}:{port}", f"http://{ADDRESS}:1"):
                began = time.monotonic()
                done = self.mayfly("--cluster", "lab", "scale", "one", "1", env={"MAYFLY_ENDPOINTS": url})
                self.assertEqual(done.returncode, EXIT_NO_ETCD, done.stderr)
                self.assertIn(f"no etcd of cluster lab answers: {url}", done.stderr)
                self.assertLess(time.monotonic() - began, 60)
