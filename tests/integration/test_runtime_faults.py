"""A containerd that dies, or hangs, or loses a shim, while workers come and go."""

import os

from case import FOR_EVER_MS
from outages import OutageCase
from stories import living


class FaultsOfTheRuntime(OutageCase):

    def kill_for(self, pool, seconds):
        self.busy(pool)
        self.runtime.kill()
        self.assert_outage_is_survived(pool, seconds)

    def test_a_killed_containerd_that_is_back_at_once(self):
        self.kill_for("back-at-once", 0)

    def test_a_killed_containerd_that_is_away_for_5_s(self):
        self.kill_for("away-5", 5)

    def test_a_killed_containerd_that_is_away_for_45_s(self):
        self.kill_for("away-45", 45)

    def test_a_frozen_containerd_makes_calls_uncertain_and_starts_nothing_twice(self):
        self.assert_freezing_is_survived("frozen")

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
        self.assertIn(parent, self.runtime.shims())
        return parent

    def test_a_daemon_that_starts_while_the_runtime_is_away_adopts_when_it_is_back(self):
        self.assert_start_without_it_is_survived()
