"""A node that is cordoned, drained and opened again, by command, also across a restart."""

import json
import time

from case import FOR_EVER_MS, DaemonCase
from lab.process import wait_until
from stories import living

FOR_EVER = living(FOR_EVER_MS)
EXIT_TIMED_OUT = 5
AN_HOUR_MS = 3_600_000
SHORT_GRACE = {"stop_grace": "1s"}


class Drain(DaemonCase):

    def tearDown(self):
        self.node("undrain")
        super().tearDown()

    # ---- doing and looking ----------------------------------------------------------------------

    def node(self, *words):
        return self.mayflyd.mayfly("node", *words)

    def scheduling(self):
        return self.json("node", "status")["scheduling"]

    def wait_state(self, state):
        return self.wait(lambda: (now := self.scheduling())["state"] == state and now,
                         f"the node to be {state}", 60)

    def restart(self):
        self.mayflyd.process.kill()
        self.mayflyd.start()

    def names(self, pool):
        return {worker["name"] for worker in self.running(pool)}

    def slots_used(self, pool):
        return {record["slot"] for record in self.exits(pool)} - {None}

    def starts(self, pool):
        return self.mayflyd.pool(pool)["started"]

    # ---- cordon ---------------------------------------------------------------------------------

    def test_a_cordoned_node_goes_on_and_adds_nothing(self):
        self.apply("here", command=living(100), replicas=2, standby=1)
        self.wait(lambda: len(self.exits("here")) > 3, "some turns", 120)
        self.assertIn("cordoned", self.node("cordon"))
        self.apply("next", command=FOR_EVER, replicas=1, standby=1)
        self.mayflyd.mayfly("scale", "here", "3")
        turns = len(self.exits("here"))
        self.wait(lambda: len(self.exits("here")) > turns + 5, "more turns", 120)
        for pool, slot in (("next", 0), ("here", 2)):
            why = self.wait_why(pool, "node_cordoned", slot)
            self.assertIn("mayfly node undrain", why["detail"])
        self.assertEqual(self.starts("next"), 0)
        self.restart()
        turns = len(self.exits("here"))
        self.wait(lambda: len(self.exits("here")) > turns + 5, "turns of those that it keeps", 120)
        self.wait_why("here", "node_cordoned", 2)
        self.assertEqual(self.starts("next"), 0)
        self.assertIn("node is cordoned", self.mayflyd.mayfly("status"))
        self.assertNotIn(2, self.slots_used("here"))
        self.node("uncordon")
        self.wait_running("next", 1)
        self.wait(lambda: 2 in self.slots_used("here"), "a worker in the third slot", 120)

    # ---- drain ----------------------------------------------------------------------------------

    def test_a_drain_lets_workers_finish_and_starts_none(self):
        self.apply("work", command=living(1000, 3000), replicas=3, standby=1)
        last = {worker["name"] for worker in self.wait_running("work", 3)}
        told = self.node("drain", "--wait")
        self.assertIn("\ndrained\n", told)
        self.assertEqual(self.scheduling()["containers"], 0)
        self.assertEqual(self.runtime.pids(), {}, "nothing of it is left in the runtime")
        ends = {record["worker"]: record["class"] for record in self.exits("work")}
        self.assertEqual({ends[name] for name in last}, {"done"})
        self.assertIn("mayfly node undrain", self.wait_why("work", "node_drained")["detail"])
        self.assertEqual(self.mayflyd.pool("work")["state"], "drained")
        self.node("undrain")
        self.wait_running("work", 3)

    def test_at_the_deadline_what_still_runs_is_stopped(self):
        self.apply("late", command=FOR_EVER, replicas=2, standby=1, lifetime=SHORT_GRACE)
        self.wait_running("late", 2)
        began = time.monotonic()
        self.node("drain", "--deadline", "3s")
        self.wait_state("drained")
        self.assertGreaterEqual(time.monotonic() - began, 3)
        for record in self.exits("late"):
            self.assertEqual((record["class"], record["reason"]), ("ours", "node drained"))

    def test_a_forced_drain_waits_for_nobody(self):
        self.apply("force", command=FOR_EVER, replicas=2, standby=1, lifetime=SHORT_GRACE)
        self.wait_running("force", 2)
        self.node("drain", "--no-deadline")
        waited = self.command("node", "drain", "--no-deadline", "--wait", "--timeout", "1s")
        self.assertEqual(waited.returncode, EXIT_TIMED_OUT, waited.stderr)
        self.assertEqual(len(self.running("force")), 2)
        self.node("drain", "--force", "--wait")
        self.assertEqual({record["reason"] for record in self.exits("force")}, {"node drained"})

    def test_a_drain_goes_on_over_a_restart_and_keeps_its_deadline(self):
        self.apply("stay", command=FOR_EVER, replicas=2, standby=1, lifetime=SHORT_GRACE)
        before = {worker["name"] for worker in self.wait_running("stay", 2)}
        self.node("drain")
        self.restart()
        self.wait_running("stay", 2)
        self.assertEqual(self.names("stay"), before, "adopted, and left alone")
        now = self.scheduling()
        self.assertEqual(now["state"], "draining")
        self.assertLess(now["deadline_in_ms"], AN_HOUR_MS)
        self.assertEqual(self.spares("stay"), [])
        self.node("drain", "--deadline", "1s")
        self.wait_state("drained")
        self.restart()
        self.wait_state("drained")
        self.assertEqual(self.starts("stay"), 0)

    def test_a_deadline_that_passed_while_nobody_was_here_is_applied_at_the_start(self):
        self.apply("gone", command=FOR_EVER, replicas=1, standby=0, lifetime=SHORT_GRACE)
        self.wait_running("gone", 1)
        self.node("drain", "--deadline", "1s")
        self.mayflyd.process.kill()
        over = time.monotonic() + 1
        wait_until(lambda: time.monotonic() > over, "the deadline to pass", 60)
        self.mayflyd.start()
        self.wait_state("drained")
        self.assertEqual(self.exits("gone")[0]["reason"], "node drained")

    # ---- undrain --------------------------------------------------------------------------------

    def test_undrain_leaves_a_slot_to_the_worker_that_is_still_in_it(self):
        self.apply("mix", command=FOR_EVER, replicas=3, standby=1, lifetime=SHORT_GRACE)
        before = {worker["name"] for worker in self.wait_running("mix", 3)}
        self.node("drain", "--no-deadline")
        gone = sorted(before)[0]
        self.mayflyd.mayfly("kill", gone)
        self.wait_running("mix", 2)
        self.node("undrain")
        self.wait_replaced("mix", gone, 3)
        self.assertTrue(before - {gone} < self.names("mix"))

    def test_what_was_ordered_is_in_the_journal_the_metrics_and_the_events(self):
        self.node("drain", "--deadline", "90s")
        self.wait_state("drained")
        metrics = self.mayflyd.api.text("/metrics")
        self.assertIn('mayfly_node_scheduling{state="drained"} 1', metrics)
        told = [json.loads(line)["what"]
                for line in self.mayflyd.mayfly("events", "-o", "json").splitlines()]
        self.assertLess(told.index("node-draining"), told.index("node-drained"))
        self.assertIn("node-drained", self.mayflyd.process.log_tail(20))
