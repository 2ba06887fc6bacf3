"""What all runtimes' faults have in common: a pool that works off its spares, and one that must not
notice. The tests themselves are in test_runtime_faults.py and test_engines.py."""

import os
import signal
import time

from case import FOR_EVER_MS, DaemonCase, catches
from stories import living

FREEZE_S = 10
STEADY = 2  # workers of the pool that must not notice
WORKERS = 2  # of the other, where they end only when they are told to


class OutageCase(DaemonCase):

    standby = 8

    def setUp(self):
        self.apply("steady", command=living(FOR_EVER_MS), replicas=STEADY, standby=0)
        self.wait_running("steady", STEADY)
        self.steady = self.pids("steady")

    def tearDown(self):
        """Also of a test that has failed in the middle."""
        if self.runtime.process.alive():
            self.runtime.thaw()
        else:
            self.runtime.start()
        super().tearDown()

    def busy(self, pool):
        """Works off its spares for some seconds when no new ones can be made."""
        self.apply(pool, command=living(600, 1000), replicas=2, standby=self.standby)
        self.wait(lambda: self.mayflyd.pool(pool)["spares_ready"] >= self.standby - 1, "spares", 60)

    def begun_since(self, pool, moment_ns):
        return [life for life in self.stories.lives(pool).values() if life.begun > moment_ns]

    def assert_outage_is_survived(self, pool, seconds):
        """Of one that has been killed."""
        start = time.monotonic()
        if seconds > 0:
            self.assert_spares_keep_it_going(pool)
        # How long it lasts is the fault that is tested.
        time.sleep(max(0, seconds - (time.monotonic() - start)))
        self.runtime.start()
        self.assert_all_is_well(pool)

    def assert_spares_keep_it_going(self, pool):
        moment = time.monotonic_ns()
        self.wait(lambda: len(self.begun_since(pool, moment)) >= 4, "releases of spares", 30)
        status = self.wait(lambda: (s := self.mayflyd.status())["runtime"]["state"] == "down" and s,
                           "the outage to be seen")
        self.assertNotEqual(status["runtime"]["fault"], "")

    def assert_freezing_is_survived(self, pool):
        self.busy(pool)
        start = time.monotonic()
        self.runtime.freeze()
        self.wait(lambda: any(e["what"] == "start-uncertain" for e in self.events(pool)),
                  "a start whose outcome nobody knows", 120)
        time.sleep(max(0, FREEZE_S - (time.monotonic() - start)))
        self.runtime.thaw()
        self.assert_all_is_well(pool)

    def assert_start_without_it_is_survived(self):
        self.runtime.kill()
        self.assertEqual(self.mayflyd.process.stop(), 0)
        self.mayflyd.launch()
        self.wait(lambda: self.command("status").returncode == 0, "an answer without a runtime")
        self.assertNotEqual(self.mayflyd.status()["runtime"]["state"], "up")
        self.runtime.start()
        self.mayflyd.wait_up()
        self.assert_steady_is_steady()

    def assert_steady_is_steady(self):
        self.assertEqual(self.pids("steady"), self.steady)
        self.assertEqual({w["name"] for w in self.wait_running("steady", STEADY)}, set(self.steady))
        ended = {record["worker"] for record in self.exits("steady")}
        self.assertEqual(ended & set(self.steady), set())

    def assert_all_is_well(self, pool):
        moment = time.monotonic_ns()
        self.wait(lambda: self.mayflyd.status()["runtime"]["state"] == "up", "the runtime", 60)
        # More than all spares that can have been left: new ones are made again.
        self.wait(lambda: len(self.begun_since(pool, moment)) >= 2 * self.standby, "respawns", 180)
        self.assert_steady_is_steady()
        self.rest(pool)
        unknown = self.assert_each_exit_recorded_once(pool)
        print(f"{len(self.exits(pool))} exits, {unknown} of them unknown")
        self.assertEqual(self.stories.doubles(), [])


class EngineOutageCase(OutageCase):

    standby = 4

    def make_quiet(self, pool):
        """Killed while it makes or removes a container, either keeps what no API of it can reach
        (docs/runtimes.md). So: workers end only when they are told to."""
        self.apply(pool, command=living(FOR_EVER_MS), replicas=WORKERS, standby=self.standby)
        self.wait_quiet(pool)

    def wait_quiet(self, pool):
        """Until all is there, and nothing is under way. Learns the process ids of all."""
        self.wait_running(pool, WORKERS)
        self.wait(lambda: len(self.ready_spares(pool)) == self.standby, "all spares", 120)
        containers = STEADY + WORKERS + self.standby
        self.wait(lambda: len(self.runtime.things()["containers"]) == containers, "no other", 60)
        self.known = self.pids(pool)

    def end_one(self, pool):
        """By its own will: the runtime is not asked. The next one is a spare. One that has just been let go
        does not listen yet, and is process 1: it would never hear of it."""
        worker = self.running(pool)[0]["name"]
        if worker not in self.known:  # a spare that was made since; the runtime is there then
            self.known = self.pids(pool)
        self.wait(lambda: catches(self.known[worker], signal.SIGTERM), "it to listen", 60)
        os.kill(self.known[worker], signal.SIGTERM)
        self.wait_replaced(pool, worker, WORKERS)

    def assert_killing_is_survived(self, pool, seconds):
        self.make_quiet(pool)
        self.runtime.kill()
        start = time.monotonic()
        for _ in range(self.standby - 1):
            self.end_one(pool)
        if seconds > 0:
            self.wait(lambda: self.mayflyd.status()["runtime"]["state"] == "down", "the outage")
            self.assertNotEqual(self.mayflyd.status()["runtime"]["fault"], "")
        # How long it lasts is the fault that is tested.
        time.sleep(max(0, seconds - (time.monotonic() - start)))
        self.runtime.start()
        self.assert_all_is_well(pool)

    def assert_freezing_is_survived(self, pool):
        self.make_quiet(pool)
        self.runtime.freeze()
        self.end_one(pool)
        self.wait(lambda: any(e["what"] == "start-uncertain" for e in self.events(pool)),
                  "a start whose outcome nobody knows", 120)
        self.end_one(pool)
        self.runtime.thaw()
        self.assert_all_is_well(pool)

    def assert_all_is_well(self, pool):
        self.wait(lambda: self.mayflyd.status()["runtime"]["state"] == "up", "the runtime", 60)
        self.wait_quiet(pool)
        for _ in range(self.standby):
            self.end_one(pool)
        self.assert_steady_is_steady()
        self.rest_by_force(pool)
        self.assertEqual(self.assert_each_exit_recorded_once(pool), 0)

    def rest_by_force(self, pool):
        """Its workers would never end by themselves."""
        self.mayflyd.mayfly("pause", pool)
        for worker in self.running(pool):
            self.mayflyd.mayfly("kill", worker["name"])
        self.rest(pool)
