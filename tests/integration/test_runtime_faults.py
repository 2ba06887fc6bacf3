"""A containerd that dies, or hangs, or loses a shim, while workers come and go."""

import os
import time

from case import FOR_EVER_MS, DaemonCase
from stories import living

FREEZE_S = 10


class FaultsOfTheRuntime(DaemonCase):

    def setUp(self):
        self.apply("steady", command=living(FOR_EVER_MS), replicas=2, standby=0)
        self.wait_running("steady", 2)
        self.steady = self.pids("steady")

    def busy(self, pool):
        """Works off its spares for about four seconds when no new ones can be made."""
        self.apply(pool, command=living(600, 1000), replicas=2, standby=8)
        self.wait(lambda: self.mayflyd.pool(pool)["spares_ready"] >= 7, "spares", 60)

    def begun_since(self, pool, moment_ns):
        return [life for life in self.stories.lives(pool).values() if life.begun > moment_ns]

    def assert_outage_is_survived(self, pool, seconds):
        self.busy(pool)
        start = time.monotonic()
        self.addCleanup(self.revive)
        self.containerd.kill()
        if seconds > 0:
            self.assert_spares_keep_it_going(pool)
        # How long it lasts is the fault that is tested.
        time.sleep(max(0, seconds - (time.monotonic() - start)))
        self.containerd.start()
        self.assert_all_is_well(pool)

    def revive(self):
        if not self.containerd.process.alive():
            self.containerd.start()

    def assert_spares_keep_it_going(self, pool):
        moment = time.monotonic_ns()
        self.wait(lambda: len(self.begun_since(pool, moment)) >= 4, "releases of spares", 30)
        status = self.wait(lambda: (s := self.mayflyd.status())["runtime"]["state"] == "down" and s,
                           "the outage to be seen")
        self.assertNotEqual(status["runtime"]["fault"], "")

    def assert_all_is_well(self, pool):
        moment = time.monotonic_ns()
        self.wait(lambda: self.mayflyd.status()["runtime"]["state"] == "up", "the runtime", 60)
        # More than all spares that can have been left: new ones are made again.
        self.wait(lambda: len(self.begun_since(pool, moment)) >= 16, "respawns", 180)
        self.assertEqual(self.pids("steady"), self.steady)
        self.assertEqual({w["name"] for w in self.wait_running("steady", 2)}, set(self.steady))
        ended = {record["worker"] for record in self.exits("steady")}
        self.assertEqual(ended & set(self.steady), set())
        self.rest(pool)
        unknown = self.assert_each_exit_recorded_once(pool)
        print(f"{len(self.exits(pool))} exits, {unknown} of them unknown")
        self.assertEqual(self.stories.doubles(), [])

    def test_a_killed_containerd_that_is_back_at_once(self):
        self.assert_outage_is_survived("back-at-once", 0)

    def test_a_killed_containerd_that_is_away_for_5_s(self):
        self.assert_outage_is_survived("away-5", 5)

    def test_a_killed_containerd_that_is_away_for_45_s(self):
        self.assert_outage_is_survived("away-45", 45)

    def test_a_frozen_containerd_makes_calls_uncertain_and_starts_nothing_twice(self):
        self.busy("frozen")
        start = time.monotonic()
        self.addCleanup(self.containerd.thaw)
        self.containerd.freeze()
        self.wait(lambda: any(e["what"] == "start-uncertain" for e in self.events("frozen")),
                  "a start whose outcome nobody knows", 120)
        time.sleep(max(0, FREEZE_S - (time.monotonic() - start)))
        self.containerd.thaw()
        self.assert_all_is_well("frozen")

    def test_a_killed_shim_takes_its_worker_along_which_is_lost_and_replaced(self):
        self.apply("shim", command=living(FOR_EVER_MS), replicas=1, standby=1)
        worker = self.wait_running("shim", 1)[0]["name"]
        os.kill(self.shim_of(self.pids("shim")[worker]), 9)
        record = self.wait(lambda: self.exits("shim"), "its record", 60)[0]
        self.assertEqual((record["worker"], record["class"]), (worker, "lost"), record)
        self.wait_replaced("shim", worker, 1)

    def shim_of(self, pid):
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            parent = int(file.read().rsplit(")", 1)[1].split()[1])
        self.assertIn(parent, self.containerd.shims())
        return parent

    def test_a_daemon_that_starts_while_the_runtime_is_away_adopts_when_it_is_back(self):
        self.addCleanup(self.revive)
        self.containerd.kill()
        self.assertEqual(self.mayflyd.process.stop(), 0)
        self.mayflyd.launch()
        self.wait(lambda: self.command("status").returncode == 0, "an answer without a runtime")
        self.assertNotEqual(self.mayflyd.status()["runtime"]["state"], "up")
        self.containerd.start()
        self.mayflyd.wait_up()
        self.assertEqual({w["name"] for w in self.wait_running("steady", 2)}, set(self.steady))
        self.assertEqual(self.pids("steady"), self.steady)
