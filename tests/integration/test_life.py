"""A pool's life as its owner sees it: workers end and are replaced, and do what they are told."""

import os

from case import FOR_EVER_MS, DaemonCase
from lab.process import wait_until
from stories import living

FOR_EVER = living(FOR_EVER_MS)


class LifeOfAPool(DaemonCase):

    many = 60  # exits

    def test_workers_that_exit_are_replaced_and_each_exit_is_recorded_once(self):
        self.apply("turn", command=living(20, 120), replicas=4, standby=3)
        self.wait(lambda: len(self.exits("turn")) >= self.many, "many exits", 90)
        self.rest("turn")
        self.assertEqual(self.assert_each_exit_recorded_once("turn"), 0)
        records = self.exits("turn")
        self.assertEqual({record["class"] for record in records}, {"done"})
        self.assertEqual({record["slot"] for record in records}, {0, 1, 2, 3})
        self.assertEqual(self.mayflyd.pool("turn")["exits"]["done"], len(records))
        # All but the first of each slot came after another, and say how long that took.
        with_gap = [record for record in records if record["gap_us"] is not None]
        self.assertGreaterEqual(len(with_gap), len(records) - 4)
        for record in with_gap:
            self.assertGreater(record["gap_us"], 0, record)
            self.assertAlmostEqual(record["gap_us"],
                                   record["gap_decide_us"] + record["gap_exec_us"], delta=2)
            self.assertGreater(record["run_us"], 15_000, record)

    def test_the_gap_in_a_record_is_the_gap_that_the_workers_saw(self):
        self.apply("gap", command=living(200), replicas=1, standby=3)
        self.wait(lambda: len(self.exits("gap")) >= 8, "8 exits", 60)
        self.rest("gap")
        lives = sorted(self.stories.lives("gap").values(), key=lambda life: life.begun)
        records = {record["worker"]: record for record in self.exits("gap")}
        for before, life in zip(lives, lives[1:]):
            seen_us = (life.begun - before.ended) / 1000
            # The daemon counts from the end that it saw to the exec: inside of what the worker saw.
            self.assertLess(records[life.worker]["gap_us"], seen_us + 1000)
            self.assertGreater(records[life.worker]["gap_us"], 0)

    def test_it_grows_and_shrinks_by_scale(self):
        self.apply("size", command=FOR_EVER, replicas=1, standby=0)
        first = self.wait_running("size", 1)[0]["name"]
        self.mayflyd.mayfly("scale", "size", "4")
        four = self.wait_running("size", 4)
        self.assertIn(first, [worker["name"] for worker in four])
        self.assertEqual(sorted(worker["slot"] for worker in four), [0, 1, 2, 3])
        self.mayflyd.mayfly("scale", "size", "2")
        self.wait(lambda: len(self.workers("size")) == 2, "two workers")
        self.assertEqual(len(self.pids("size")), 2)
        self.assertEqual([record["class"] for record in self.exits("size")], ["ours", "ours"])
        self.mayflyd.mayfly("scale", "size", "0")
        self.wait(lambda: not self.workers("size"), "no worker")
        self.assertEqual(self.pids("size"), {})
        self.assert_each_exit_recorded_once("size")

    def test_a_paused_pool_keeps_its_workers_and_starts_no_more(self):
        self.apply("rest", command=FOR_EVER, replicas=2, standby=1)
        one, other = (worker["name"] for worker in self.wait_running("rest", 2))
        self.mayflyd.mayfly("pause", "rest")
        self.mayflyd.mayfly("kill", one)
        self.wait(lambda: len(self.exits("rest")) == 1, "its record")
        slot = self.exits("rest")[0]["slot"]
        self.assertEqual([worker["name"] for worker in self.running("rest")], [other])
        self.assertEqual(self.why("rest", slot)["reason"], "paused")
        self.mayflyd.mayfly("resume", "rest")
        names = {worker["name"] for worker in self.wait_running("rest", 2)}
        self.assertIn(other, names)

    def test_a_retired_worker_gets_its_grace_and_is_replaced(self):
        self.apply("retire", command=FOR_EVER, replicas=1, standby=1)
        old = self.wait_running("retire", 1)[0]["name"]
        self.mayflyd.mayfly("retire", old)
        self.wait_replaced("retire", old)
        record = self.wait(lambda: self.exits("retire"), "its record")[0]
        self.assertEqual((record["worker"], record["class"], record["code"]), (old, "ours", 0))
        self.assertIsNotNone(self.stories.lives("retire")[old].ended)

    def test_a_killed_worker_gets_no_grace_and_is_replaced(self):
        self.apply("kill", command=FOR_EVER, replicas=1, standby=1)
        old = self.wait_running("kill", 1)[0]["name"]
        self.mayflyd.mayfly("kill", old)
        self.wait_replaced("kill", old)
        record = self.wait(lambda: self.exits("kill"), "its record")[0]
        self.assertEqual((record["worker"], record["class"], record["signal"]), (old, "ours", 9))
        self.assertIsNone(self.stories.lives("kill")[old].ended)

    def test_reset_clears_the_wait_of_a_pool_whose_workers_fail(self):
        slow = {"initial": "1h", "max": "1h"}
        self.apply("sick", command=living(1, code=3), replicas=1, backoff=slow)
        # A draw of nearly no wait is possible, and then there are a few more failures.
        why = self.wait_why("sick", "backoff")
        self.assertIn("3", why["detail"])
        self.assertGreater(why["next_attempt_in_ms"], 0)
        before = len(self.exits("sick"))
        self.mayflyd.mayfly("reset", "sick")
        self.wait(lambda: len(self.exits("sick")) > before, "another try")
        self.assertEqual({record["class"] for record in self.exits("sick")}, {"fail"})
        self.assertEqual({record["code"] for record in self.exits("sick")}, {3})

    def test_a_deleted_pool_leaves_nothing_and_its_name_can_be_used_again(self):
        self.apply("again", command=living(30, 60), replicas=3, standby=2)
        self.wait(lambda: len(self.exits("again")) > 10, "some exits")
        self.mayflyd.delete("again")
        self.assertEqual(self.command("describe", "again").returncode, 3)
        self.assert_clean()
        self.apply("again", command=FOR_EVER, replicas=1)
        self.wait_running("again", 1)

    def test_standby_zero_creates_each_worker_when_it_is_needed(self):
        self.apply("frugal", command=living(50), replicas=1, standby=0)
        self.wait(lambda: len(self.exits("frugal")) >= 3, "exits")
        pool = self.mayflyd.pool("frugal")
        self.assertEqual((pool["spares_ready"], pool["spares_wanted"]), (0, 0))
        self.assertEqual(pool["spare_hits"], 0)
        self.assertGreater(pool["spare_misses"], 0)

    def test_a_pool_that_spins_does_not_starve_another(self):
        self.apply("spin", command=living(0), replicas=4)
        self.apply("calm", command=living(300), replicas=2, standby=2)
        self.wait(lambda: len(self.exits("spin")) >= self.many * 2 // 3, "the spin", 60)
        before = len(self.exits("calm"))
        self.wait(lambda: len(self.exits("calm")) >= before + self.many // 6,
                  "respawns beside it", 60)


class LifeOfADaemon(DaemonCase):

    def test_workers_run_on_without_the_daemon_and_are_adopted_with_their_pids(self):
        self.apply("stay", command=FOR_EVER, replicas=4, standby=2)
        self.wait_running("stay", 4)
        self.wait(lambda: self.mayflyd.pool("stay")["spares_ready"] == 2, "spares")
        before = self.pids("stay")
        self.assertEqual(len(before), 6)
        self.assertEqual(self.mayflyd.process.stop(), 0)
        self.assertEqual(self.pids("stay"), before)
        self.assertEqual(self.command("status").returncode, 6)
        self.mayflyd.start()
        self.wait_running("stay", 4)
        self.wait(lambda: self.mayflyd.pool("stay")["spares_ready"] == 2, "its spares to come back")
        self.assertEqual(self.pids("stay"), before)
        self.assertTrue(all(worker["adopted"] for worker in self.workers("stay")))
        self.assertEqual(len(self.stories.lives("stay")), 4)
        # An adopted spare is as good as any.
        one = self.workers("stay")[0]["name"]
        self.mayflyd.mayfly("kill", one)
        self.wait_replaced("stay", one, 4)
        self.assertTrue({w["name"] for w in self.running("stay")} < set(before))

    def test_workers_that_end_meanwhile_are_recorded_with_their_codes_and_replaced(self):
        self.apply("away", command=living(5000, code=7), replicas=3, standby=1)
        self.wait_running("away", 3)
        self.assertEqual(self.mayflyd.process.stop(), 0)
        wait_until(lambda: all(life.ended for life in self.stories.lives("away").values()),
                   "their end", 60)
        self.mayflyd.start()
        self.wait(lambda: len(self.exits("away")) >= 3, "their records")
        self.rest("away")
        self.assertEqual(self.assert_each_exit_recorded_once("away"), 0)
        self.assertEqual({record["code"] for record in self.exits("away")}, {7})

    def test_pauses_and_applied_pools_outlive_the_daemon(self):
        self.apply("mark", command=FOR_EVER, replicas=2, standby=0)
        self.wait_running("mark", 2)
        self.mayflyd.mayfly("scale", "mark", "1")
        self.mayflyd.mayfly("pause", "mark")
        self.mayflyd.process.stop()
        self.mayflyd.start()
        pool = self.mayflyd.pool("mark")
        self.assertEqual((pool["replicas"], pool["paused"], pool["revision"]), (1, True, 1))

    def test_old_exits_are_still_told_after_a_restart(self):
        self.apply("past", command=living(10), replicas=1)
        self.wait(lambda: len(self.exits("past")) >= 2, "exits")
        self.rest("past")
        before = self.exits("past")
        self.mayflyd.process.stop()
        self.mayflyd.start()
        self.assertEqual(self.exits("past"), before)

    def test_a_change_made_while_the_daemon_was_away_is_taken_up(self):
        self.place.make_folder("pools.d")
        path = self.place.write("pools.d/away.toml",
                                self.pool_text("filed", command=FOR_EVER, replicas=1, standby=0))
        self.mayflyd.process.stop()
        self.mayflyd.start()
        old = self.wait_running("filed", 1)[0]["name"]
        self.assertEqual(self.mayflyd.pool("filed")["source"], path)
        self.mayflyd.process.stop()
        os.unlink(path)
        self.mayflyd.start()
        self.wait(lambda: not self.pools(), "the end of a pool without its file", 60)
        self.assertEqual([record["worker"] for record in self.exits("filed")], [old])
