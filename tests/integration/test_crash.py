"""kill -9 of the daemon, at every step that has a name and at any other time."""

import os
import random
import re
import time

from case import FOR_EVER_MS, DaemonCase
from lab.process import Trouble
from stories import living

SOURCES = os.path.join(os.path.dirname(__file__), "../..")
SKIPS = (0, 1, 4, 9)
RANDOM_KILLS = 60
BUSY = {"command": living(150, 600), "replicas": 4, "standby": 2}


def crash_points():
    """All that the sources name, so that a new one is tested from its first day."""
    found = set()
    for top in ("agent", "runtime", "systemd"):
        for folder, _, names in os.walk(os.path.join(SOURCES, top)):
            for name in names:
                if name.endswith((".cc", ".h")):
                    with open(os.path.join(folder, name), encoding="utf-8") as file:
                        found.update(re.findall(r'crash_point\("([^"]+)"\)', file.read()))
    return sorted(found)


class DeathOfTheDaemon(DaemonCase):

    skips = SKIPS
    random_kills = RANDOM_KILLS
    busy = BUSY

    def setUp(self):
        self.apply("steady", command=living(FOR_EVER_MS), replicas=3, standby=0)
        self.wait_running("steady", 3)
        self.steady = self.pids("steady")
        self.assertEqual(len(self.steady), 3)
        self.release = 0

    def test_at_each_named_step_workers_live_on_and_no_exit_is_lost_or_doubled(self):
        points = crash_points()
        self.assertGreaterEqual(len(points), 10)
        self.apply("named", **self.busy)
        self.wait(lambda: len(self.exits("named")) >= 4, "some turns", 120)
        self.mayflyd.process.kill()
        for point in points:
            for skip in self.skips:
                with self.subTest(point, skip=skip):
                    self.crash_at(point, skip)
                    self.assertEqual(self.pids("steady"), self.steady)
        self.mayflyd.start()
        self.assert_all_is_well("named")

    def test_at_random_times_workers_live_on_and_no_exit_is_lost_or_doubled(self):
        self.apply("random", **self.busy)
        self.wait(lambda: len(self.exits("random")) >= 4, "some turns", 120)
        seed = random.randrange(1 << 32)
        print(f"seed {seed}")
        dice = random.Random(seed)
        for kill in range(self.random_kills):
            # The moment itself is what is tested; nothing is waited for.
            time.sleep(dice.uniform(0, 0.7))
            self.mayflyd.process.kill()
            if kill % 10 == 0:
                self.assertEqual(self.pids("steady"), self.steady)
            self.mayflyd.launch()
        self.mayflyd.wait_up()
        self.assert_all_is_well("random")

    def crash_at(self, point, skip):
        """Runs the daemon until it dies at the point, while it is given every kind of work."""
        self.mayflyd.launch("mayflyd_crashing",
                            {"MAYFLY_CRASH_AT": point, "MAYFLY_CRASH_SKIP": str(skip)})
        end = time.monotonic() + 60
        while self.mayflyd.process.alive():
            if time.monotonic() > end:
                self.mayflyd.process.kill()
                raise Trouble(f"{point} was not passed {skip + 1} times")
            self.try_work()
        self.assertEqual(self.mayflyd.process.wait(), -9, self.mayflyd.process.log_tail())

    def try_work(self):
        """Some of what operators do. The daemon may die under it."""
        self.release += 1
        file = self.place.write("side.toml", self.pool_text(
            "side", command=living(50, 100), replicas=1, standby=1,
            env={"RELEASE": str(self.release)}))
        for verb in (("apply", "-f", file), ("get", "workers"), ("node", "cordon"),
                     ("node", "undrain")):
            self.command(*verb)

    def assert_all_is_well(self, pool):
        """REQUIRES: the daemon is up again."""
        self.mayflyd.mayfly("node", "undrain")
        workers = self.wait_running("steady", 3)
        self.assertEqual(self.pids("steady"), self.steady)
        self.assertEqual({worker["name"] for worker in workers}, set(self.steady))
        self.assertTrue(all(worker["adopted"] for worker in workers))
        ended = {record["worker"] for record in self.exits("steady")}
        self.assertEqual(ended & set(self.steady), set())
        before = {record["worker"] for record in self.exits(pool)}
        self.wait(lambda: len({record["worker"] for record in self.exits(pool)} - before) >= 12,
                  "respawns", 60)
        self.rest(pool)
        self.assertEqual(self.assert_each_exit_recorded_once(pool), 0)
