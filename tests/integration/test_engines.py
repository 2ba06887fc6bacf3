"""What pools and the daemon live through on Docker and on Podman: the tests of containerd, and what the
runtimes themselves do wrong."""

import test_crash
import test_life
from case import OnDocker, OnPodman
from outages import EngineOutageCase
from stories import living


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


class FaultsOfDocker(OnDocker, EngineOutageCase):
    """With live-restore on."""

    def test_a_killed_dockerd_that_is_back_at_once(self):
        self.assert_killing_is_survived("back-at-once", 0)

    def test_a_killed_dockerd_that_is_away_for_5_s(self):
        self.assert_killing_is_survived("away-5", 5)

    def test_a_frozen_dockerd_makes_calls_uncertain_and_starts_nothing_twice(self):
        self.assert_freezing_is_survived("frozen")

    def test_a_daemon_that_starts_while_dockerd_is_away_adopts_when_it_is_back(self):
        self.assert_start_without_it_is_survived()


class FaultsOfPodman(OnPodman, EngineOutageCase):

    def test_a_killed_service_that_is_back_at_once(self):
        self.assert_killing_is_survived("back-at-once", 0)

    def test_a_frozen_service_makes_calls_uncertain_and_starts_nothing_twice(self):
        self.assert_freezing_is_survived("frozen")

    def test_a_daemon_that_starts_while_the_service_is_away_adopts_when_it_is_back(self):
        self.assert_start_without_it_is_survived()
