"""The host goes down through logind: workers finish, within bounds, and come back with the host."""

import time

from lab.process import wait_until
from node_case import FOR_EVER, InstalledCase
from stories import living

DRAIN_S, GRACE_S = 9, 2
CONFIG = f'[node]\nshutdown_drain = "{DRAIN_S}s"\n'
LIFE_MS = 6000  # begun at any time before, it ends within the drain
DOWN_MOST_S = 60  # of systemd's own, after the inhibitor is gone, on a busy machine


class ShutdownOfANode(InstalledCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.node.write("/etc/mayfly/conf.d/50-test.toml", CONFIG)
        cls.systemctl("restart")
        cls.daemon.wait_up()

    def test_workers_finish_within_bounds_and_come_back_with_the_host(self):
        grace = {"stop_grace": f"{GRACE_S}s"}
        self.apply("short", command=living(LIFE_MS), replicas=3, standby=1, lifetime=grace)
        self.apply("endless", command=FOR_EVER, replicas=2, standby=1, lifetime=grace)
        self.wait_running("short", 3)
        self.wait_running("endless", 2)
        self.wait_inhibitor()
        began_ns = time.monotonic_ns()
        self.node.run("systemctl", "poweroff")
        accepted_ns = time.monotonic_ns()
        wait_until(lambda: not self.node.alive(), "the end of the node", DRAIN_S + DOWN_MOST_S)
        self.assert_finished("short", accepted_ns)
        self.assert_stopped_after_the_drain("endless", began_ns)
        self.node.boot()
        self.connect()
        self.daemon.wait_up()
        self.wait_running("short", 3)
        self.wait_running("endless", 2)
        self.assertNotIn("lost", {record["class"] for record in self.exits("short")})

    def wait_inhibitor(self):
        self.wait(lambda: "mayfly" in self.node.run("systemd-inhibit", "--list", "--no-pager"),
                  "the inhibitor")

    def assert_finished(self, pool, accepted_ns):
        """None was cut short, and none came after one that ended while the host went down."""
        for life in self.stories.lives(pool).values():
            self.assertIsNotNone(life.ended, life)
            self.assertGreaterEqual(life.ended - life.begun, LIFE_MS * 1_000_000)
            self.assertLess(life.begun, accepted_ns + LIFE_MS // 2 * 1_000_000)

    def assert_stopped_after_the_drain(self, pool, began_ns):
        """By TERM, which its workers heed and tell of."""
        lives = self.stories.lives(pool)
        self.assertEqual(len(lives), 2)
        for life in lives.values():
            self.assertIsNotNone(life.ended, life)
            self.assertGreaterEqual(life.ended, began_ns + DRAIN_S * 1_000_000_000)
