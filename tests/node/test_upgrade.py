"""Upgrades and downgrades under load: each life goes on, whole, and what is known stays known."""

import os

from node_case import FOR_EVER, SHARE, STEADY, InstalledCase
from packages import PACKAGE, built, next_version, version
from stories import living

LATER = "mayfly-later.deb"
CHANGES = 20
BUSY = {"command": living(300, 900), "replicas": 4, "standby": 2}


class UpgradesOnANode(InstalledCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = cls.place.make_folder("repacked")
        cls.versions = {
            PACKAGE: version(built()),
            LATER: next_version(built(), folder, os.path.join(cls.node.share, LATER))}

    def test_upgrades_and_downgrades_under_load_cost_no_worker(self):
        self.apply("steady", command=FOR_EVER, replicas=STEADY, standby=1)
        self.apply("busy", **BUSY)
        self.wait_running("steady", STEADY)
        self.wait(lambda: len(self.exits("busy")) >= 5, "exits", 60)
        steady = self.steady_pids()
        for change in range(CHANGES):
            package = (LATER, PACKAGE)[change % 2]
            with self.subTest(change=change, package=package):
                self.change_to(package)
                self.assertEqual(self.steady_pids(), steady)
        self.rest("busy")
        self.assertEqual(self.assert_each_exit_recorded_once("busy"), 0)
        self.assert_no_life_was_cut_short("busy")
        self.assertEqual(self.exits("steady"), [])
        self.assertEqual(len(self.stories.lives("steady")), STEADY)

    def steady_pids(self):
        """Without spares, which go and come."""
        running = {worker["name"] for worker in self.running("steady")}
        return {worker: pid for worker, pid in self.pids("steady").items() if worker in running}

    def change_to(self, package):
        """Both read what the other has written, and the load goes on."""
        pid, known = self.daemon.pid(), self.known()
        self.node.apt("install", "--allow-downgrades", f"{SHARE}/{package}")
        installed = self.node.run("dpkg-query", "-W", "-f", "${db:Status-Abbrev}${Version}", "mayfly")
        self.assertEqual(installed, "ii " + self.versions[package])
        self.assertNotEqual(self.daemon.pid(), pid, "the daemon was not restarted")
        self.daemon.wait_up()
        now = self.known()
        self.assertLessEqual(known["exits"], now["exits"])
        self.assertEqual(now["pools"], known["pools"])
        self.wait(lambda: self.known()["exits"] > now["exits"], "respawns by this version", 60)

    def known(self):
        return {"exits": {record["worker"] for record in self.exits("busy")},
                "pools": {pool["name"]: (pool["revision"], pool["replicas"]) for pool in self.pools()}}

    def assert_no_life_was_cut_short(self, pool):
        """REQUIRES: the pool rests."""
        lives = self.stories.lives(pool)
        self.assertGreater(len(lives), CHANGES)
        short = [life for life in lives.values() if life.ended is None or life.code != 0]
        self.assertEqual(short, [])
        least_ns = int(BUSY["command"][3]) * 1_000_000
        self.assertEqual([life for life in lives.values() if life.ended - life.begun < least_ns], [])
        self.assertEqual({record["class"] for record in self.exits(pool) if record["slot"] is not None},
                         {"done"})
