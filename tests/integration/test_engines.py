"""What pools and the daemon live through on Docker and on Podman: the tests of containerd, and what the
runtimes themselves do wrong."""

import os
import signal
import time

import test_crash
import test_life
from case import FOR_EVER_MS, OnDocker, OnPodman
from outages import OutageCase
from stories import living

STEADY = 2  # workers of OutageCase's other pool
WORKERS = 2


class LifeOfAPoolOnDocker(OnDocker, test_life.LifeOfAPool):
    many = 18


class LifeOfAPoolOnPodman(OnPodman, test_life.LifeOfAPool):
    many = 18


class LifeOfADaemonOnDocker(OnDocker, test_life.LifeOfADaemon):
    pass


class LifeOfADaemonOnPodman(OnPodman, test_life.LifeOfADaemon):
    pass


class DeathOnEngine(test_crash.DeathOfTheDaemon):
    """At each step once: which steps there are does not depend on the runtime. Lives are longer, since
    it makes fewer containers a second."""

    skips = (1,)
    random_kills = 10
    busy = {**test_crash.BUSY, "command": living(2000, 4000)}


class DeathOfTheDaemonOnDocker(OnDocker, DeathOnEngine):
    pass


class DeathOfTheDaemonOnPodman(OnPodman, DeathOnEngine):
    pass


class EngineOutage(OutageCase):

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
        """By its own will: the runtime is not asked. The next one is a spare."""
        worker = self.running(pool)[0]["name"]
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


class FaultsOfDocker(OnDocker, EngineOutage):
    """With live-restore on."""

    def test_a_killed_dockerd_that_is_back_at_once(self):
        self.assert_killing_is_survived("back-at-once", 0)

    def test_a_killed_dockerd_that_is_away_for_5_s(self):
        self.assert_killing_is_survived("away-5", 5)

    def test_a_frozen_dockerd_makes_calls_uncertain_and_starts_nothing_twice(self):
        self.assert_freezing_is_survived("frozen")

    def test_a_daemon_that_starts_while_dockerd_is_away_adopts_when_it_is_back(self):
        self.assert_start_without_it_is_survived()


class FaultsOfPodman(OnPodman, EngineOutage):

    def test_a_killed_service_that_is_back_at_once(self):
        self.assert_killing_is_survived("back-at-once", 0)

    def test_a_frozen_service_makes_calls_uncertain_and_starts_nothing_twice(self):
        self.assert_freezing_is_survived("frozen")

    def test_a_daemon_that_starts_while_the_service_is_away_adopts_when_it_is_back(self):
        self.assert_start_without_it_is_survived()
