"""What pools and the daemon live through on Docker and on Podman: the tests of containerd, and what the
runtimes themselves do wrong."""

import time

import test_life
from case import OnDocker, OnPodman
from outages import OutageCase

STEADY = 2  # workers of OutageCase's other pool
LIFE_MS = 2000
QUIET_MS = 1000  # nobody ends for so long


class LifeOfAPoolOnDocker(OnDocker, test_life.LifeOfAPool):
    pass


class LifeOfAPoolOnPodman(OnPodman, test_life.LifeOfAPool):
    pass


class LifeOfADaemonOnDocker(OnDocker, test_life.LifeOfADaemon):
    pass


class LifeOfADaemonOnPodman(OnPodman, test_life.LifeOfADaemon):
    pass


class EngineOutage(OutageCase):

    standby = 4

    def kill_in_a_quiet_moment(self, pool):
        """Killed while it makes or removes a container, either keeps what no API of it can reach
        (docs/runtimes.md)."""
        self.busy(pool, LIFE_MS, LIFE_MS + 300)
        self.wait(lambda: self.is_quiet(pool), "a quiet moment", 120)
        self.runtime.kill()

    def is_quiet(self, pool):
        begun = [life.begun for life in self.stories.lives(pool).values() if not life.ended]
        soonest = min(begun, default=0) + LIFE_MS * 1_000_000
        return (len(self.running(pool)) == 2 and len(self.ready_spares(pool)) == self.standby and
                len(self.runtime.things()["containers"]) == STEADY + 2 + self.standby and
                time.monotonic_ns() + QUIET_MS * 1_000_000 < soonest)


class FaultsOfDocker(OnDocker, EngineOutage):
    """With live-restore on."""

    def test_a_killed_dockerd_that_is_back_at_once(self):
        self.kill_in_a_quiet_moment("back-at-once")
        self.assert_outage_is_survived("back-at-once", 0)

    def test_a_killed_dockerd_that_is_away_for_5_s(self):
        self.kill_in_a_quiet_moment("away-5")
        self.assert_outage_is_survived("away-5", 5)

    def test_a_frozen_dockerd_makes_calls_uncertain_and_starts_nothing_twice(self):
        self.assert_freezing_is_survived("frozen")

    def test_a_daemon_that_starts_while_dockerd_is_away_adopts_when_it_is_back(self):
        self.assert_start_without_it_is_survived()


class FaultsOfPodman(OnPodman, EngineOutage):

    def test_a_killed_service_that_is_back_at_once(self):
        self.kill_in_a_quiet_moment("back-at-once")
        self.assert_outage_is_survived("back-at-once", 0)

    def test_a_frozen_service_makes_calls_uncertain_and_starts_nothing_twice(self):
        self.assert_freezing_is_survived("frozen")

    def test_a_daemon_that_starts_while_the_service_is_away_adopts_when_it_is_back(self):
        self.assert_start_without_it_is_survived()
