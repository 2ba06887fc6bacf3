"""What the daemon tells of itself, in a scene where the truth is known."""

import json
import re
import subprocess

from case import FOR_EVER_MS, PROGRAMS, DaemonCase
from stories import living


class WhatIsTold(DaemonCase):
    """One scene for all: a pool that is full, one that turns, and one that fails."""

    def setUp(self):
        self.apply("full", command=living(FOR_EVER_MS), replicas=2, standby=1)
        self.apply("turn", command=living(100), replicas=2, standby=2)
        self.apply("sick", command=living(1, code=42), replicas=1,
                   backoff={"initial": "1h", "max": "1h"})
        self.wait_running("full", 2)
        self.wait(lambda: self.mayflyd.pool("full")["spares_ready"] == 1, "the spare of full")
        self.wait(lambda: len(self.exits("turn")) >= 20, "20 turns", 60)
        self.wait_why("sick", "backoff")

    def test_all_views_agree_with_the_scene(self):
        # One scene, looked at from all sides: to build it takes longer than to look.
        for look in (self.look_at_status, self.look_at_why, self.look_at_rows, self.look_at_metrics,
                     self.look_at_events, self.look_at_describe, self.look_at_tables):
            with self.subTest(look.__name__):
                look()

    def look_at_status(self):
        status = self.json("status")
        pools = {pool["name"]: pool for pool in status["pools"]}
        self.assertEqual(set(pools), {"full", "turn", "sick"})
        full, turn, sick = pools["full"], pools["turn"], pools["sick"]
        self.assertEqual((full["state"], full["running"], full["spares_ready"], full["empty"]),
                         ("full", 2, 1, 0))
        self.assertEqual((full["respawns_per_s"], full["released"]), (0, 2))
        self.assertGreater(turn["respawns_per_s"], 1)
        self.assertGreater(turn["gap_p50_us"], 0)
        self.assertGreaterEqual(turn["gap_p99_us"], turn["gap_p50_us"])
        # Each end frees a slot, and the next is there or must be waited for; ends are counted later.
        freed = turn["spare_hits"] + turn["spare_misses"]
        self.assertTrue(0 <= freed - sum(turn["exits"].values()) <= turn["replicas"], turn)
        self.assertEqual((sick["state"], sick["empty"], sick["running"]), ("failing", 1, 0))
        self.assertEqual(sick["exits"]["fail"], len(self.exits("sick")))
        self.assertEqual(status["totals"]["pools"], 3)
        self.assertEqual(status["totals"]["replicas"], 5)
        self.assertEqual(status["runtime"]["state"], "up")
        self.assertRegex(status["runtime"]["version"], r"^containerd v?\d+\.\d+")

    def look_at_why(self):
        told = self.json("why", "sick/0")
        self.assertEqual((told["slot"], told["reason"]), (0, "backoff"))
        self.assertIn("42", told["detail"])
        self.assertTrue(0 < told["next_attempt_in_ms"] <= 3_600_000, told)
        pool = self.json("why", "sick")
        self.assertEqual([slot["reason"] for slot in pool["empty_slots"]], ["backoff"])
        self.assertEqual(self.json("why", "full")["empty_slots"], [])
        self.assertIn("42", self.mayflyd.mayfly("why", "sick/0"))

    def look_at_rows(self):
        workers = self.json("get", "workers")["workers"]
        full = [worker for worker in workers if worker["pool"] == "full"]
        self.assertEqual({worker["name"] for worker in full} & set(self.pids("full")),
                         {worker["name"] for worker in full})
        self.assertEqual({worker["phase"] for worker in full}, {"running"})
        spares = [s for s in self.json("get", "spares")["spares"] if s["pool"] == "full"]
        self.assertEqual([(s["slot"], s["gate_ready"]) for s in spares], [(None, True)])
        pools = self.json("get", "pools")["pools"]
        self.assertEqual({pool["name"] for pool in pools}, {"full", "turn", "sick"})
        exits = [e for e in self.json("get", "exits")["exits"] if e["pool"] == "sick"]
        self.assertEqual({(e["class"], e["code"]) for e in exits}, {("fail", 42)})

    def look_at_metrics(self):
        text = subprocess.run(
            ["curl", "-s", "--unix-socket", self.mayflyd.socket, "http://localhost/metrics"],
            capture_output=True, text=True, check=True).stdout
        samples = {}
        for line in text.splitlines():
            if not line.startswith("#"):
                self.assertRegex(line, r'^[a-z_]+(\{([a-z]+="[^"]*",?)+\})? \S+$')
                name, value = line.rsplit(" ", 1)
                self.assertNotIn(name, samples)
                samples[name] = float(value)
        self.assertEqual(samples['mayfly_replicas{pool="full"}'], 2)
        self.assertEqual(samples['mayfly_spares{pool="full",state="ready"}'], 1)
        self.assertEqual(samples['mayfly_slots{pool="sick",state="empty",reason="backoff"}'], 1)
        self.assertEqual(samples['mayfly_exits_total{pool="sick",class="fail"}'],
                         len(self.exits("sick")))
        self.assertGreaterEqual(samples['mayfly_respawn_gap_seconds_count{pool="turn"}'], 15)
        self.assertGreater(samples['mayfly_runtime_op_seconds_count{op="create"}'], 15)
        self.assertEqual(samples["mayfly_runtime_up"], 1)
        # Never a worker's name: a label with so many values breaks whoever scrapes.
        self.assertIsNone(re.search(r"turn-\d+-\d+", text))

    def look_at_events(self):
        with subprocess.Popen(
                [f"{PROGRAMS}/mayfly", "--socket", self.mayflyd.socket, "events", "-f", "-o",
                 "json"],
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as follower:
            try:
                self.hear_a_life(follower.stdout)
            finally:
                follower.terminate()

    def hear_a_life(self, lines):
        stories, last = {}, 0
        for _ in range(5000):
            event = json.loads(lines.readline())
            if last:
                self.assertEqual(event["number"], last + 1)
            last = event["number"]
            if event["worker"] and event["pool"] == "turn":
                story = stories.setdefault(event["worker"], [])
                story.append(event["what"])
                if story[0] == "starting" and event["what"] == "removed":
                    order = [what for what in story if what in
                             ("starting", "ready", "released", "running", "exited", "removed")]
                    self.assertEqual(order, ["starting", "ready", "released", "running", "exited",
                                             "removed"])
                    return
        self.fail("no worker was followed through its life")

    def look_at_describe(self):
        pool = self.json("describe", "turn")
        self.assertEqual(pool["desired"]["replicas"], 2)
        self.assertEqual(len(pool["revisions"]), 1)
        self.assertGreater(pool["timings"]["create"]["p50_us"], 0)
        self.assertGreaterEqual(pool["timings"]["gap"]["p50_us"],
                                pool["timings"]["gap_exec"]["p50_us"])

    def look_at_tables(self):
        for verb in (("status",), ("get", "pools"), ("get", "workers"), ("get", "spares"),
                     ("get", "exits"), ("why", "sick"), ("describe", "full")):
            text = self.mayflyd.mayfly(*verb).split("\nspec\n")[0]
            self.assertNotIn("\x1b", text, verb)
            self.assertNotIn("null", text, verb)
            self.assertLess(max(map(len, text.splitlines())), 200, verb)
        for word in ("full", "turn", "sick", "failed", "42"):
            self.assertIn(word, self.mayflyd.mayfly("status"))
        self.assertIn("42", self.mayflyd.mayfly("get", "exits"))
