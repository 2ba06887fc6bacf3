"""That the benchmarks count what they say they count."""

import argparse
import contextlib
import io
import os
import struct
import tempfile
import unittest

import bench
import figures
import fleet
import lives
import outages
import respawn
import stamps
import supervisors
from lab.exits import had_spare
from lab.process import Trouble
from respawn import Sample, Way
from stamps import Gap, Stamp
from supervisors import Case


def life(slot, first, last, worker=""):
    return Stamp(slot, first, last, worker)


class Gaps(unittest.TestCase):
    def test_lie_between_lives_that_follow_each_other_in_one_slot(self):
        found = stamps.gaps([life(0, 10, 20), life(1, 12, 30), life(0, 25, 40), life(1, 31, 50)])
        self.assertEqual([gap.ns for gap in found], [5, 1])

    def test_are_in_the_order_of_the_later_life(self):
        found = stamps.gaps([life(0, 10, 20), life(0, 90, 95), life(1, 10, 20), life(1, 30, 40)])
        self.assertEqual([gap.after.first for gap in found], [30, 90])

    def test_need_a_life_that_has_ended(self):
        self.assertEqual(stamps.gaps([life(0, 10, 0), life(0, 25, 0)]), [])


class StampFile(unittest.TestCase):
    def setUp(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        self.path = os.path.join(folder, "stamps")
        stamps.create(self.path, 3)

    def write(self, used, *rows):
        with open(self.path, "r+b") as file:
            file.write(struct.pack("<q", used))
            file.seek(stamps.HEADER_BYTES)
            for row in rows:
                file.write(stamps.STAMP.pack(*row))

    def test_is_empty_at_first(self):
        self.assertEqual(stamps.read(self.path), [])

    def test_gives_back_what_a_worker_wrote(self):
        self.write(1, (3, 10, 20, b"bench-1"))
        self.assertEqual(stamps.read(self.path), [life(3, 10, 20, "bench-1")])

    def test_leaves_out_a_place_that_is_taken_and_not_yet_written(self):
        self.write(2, (3, 10, 20, b"bench-1"))
        self.assertEqual(len(stamps.read(self.path)), 1)

    def test_is_read_to_its_size_when_more_were_counted(self):
        self.write(9, *[(0, n, n, b"") for n in (1, 2, 3)])
        self.assertEqual(len(stamps.read(self.path)), 3)


class Lives(unittest.TestCase):
    def counts(self, found, patience_ns=0, begun=0, ended=100):
        return [count for _, count in lives.profile(lives.spans(found, patience_ns), begun, ended)]

    def test_are_counted_from_beginning_to_end(self):
        found = [life(0, 10, 20), life(1, 15, 40), life(0, 25, 0)]
        self.assertEqual(lives.profile(lives.spans(found), 0, 100),
                         [(0, 0), (10, 1), (15, 2), (20, 1), (25, 2), (40, 1)])

    def test_that_were_killed_ended_when_the_next_one_came(self):
        self.assertEqual(lives.spans([life(0, 10, 0), life(0, 30, 40)]), [(10, 30), (30, 40)])

    def test_are_not_missed_within_patience_and_are_after_it(self):
        found = [life(0, 0, 20), life(0, 25, 60), life(0, 90, 0)]
        self.assertEqual(min(self.counts(found, patience_ns=5)), 0)
        self.assertEqual(min(self.counts(found, patience_ns=30)), 1)
        self.assertEqual(min(self.counts(found, patience_ns=5, ended=60)), 1)

    def test_are_never_counted_twice_for_patience(self):
        self.assertEqual(max(self.counts([life(0, 0, 20), life(0, 25, 60)], patience_ns=50)), 1)

    def test_are_of_the_window_alone(self):
        self.assertEqual(self.counts([life(0, 0, 20), life(1, 5, 0)], begun=10, ended=15), [2])
        self.assertEqual(self.counts([life(0, 0, 20)], begun=50, ended=60), [0])

    def test_over_a_number_are_told_from_the_first_to_the_last(self):
        found = lives.profile([(0, 10), (5, 30), (25, 40)], 0, 100)
        self.assertEqual(lives.over(found, 1, 100), (5, 30))
        self.assertIsNone(lives.over(found, 2, 100))

    def test_of_two_in_one_slot_are_doubles(self):
        self.assertEqual(lives.doubles([life(0, 10, 20, "a"), life(0, 19, 30, "b"), life(1, 15, 20, "c")]), ["b"])
        self.assertEqual(lives.doubles([life(0, 10, 20, "a"), life(0, 20, 30, "b"), life(0, 40, 0, "c")]), [])


class Quantile(unittest.TestCase):
    def test_is_the_nearest_rank(self):
        for q, wanted in ((0.5, 50), (0.99, 99), (1.0, 100), (0.0, 1)):
            self.assertEqual(figures.quantile(range(1, 101), q), wanted)

    def test_of_nothing_is_nothing(self):
        self.assertIsNone(figures.quantile([], 0.5))


class HadSpare(unittest.TestCase):
    def judge(self, **record):
        return had_spare({"gap_us": 900, "hold_us": 500_000, "gap_decide_us": 20, **record})

    def test_when_it_was_held_before_the_worker_before_ended(self):
        self.assertTrue(self.judge())

    def test_not_when_it_became_ready_after_that(self):
        self.assertFalse(self.judge(hold_us=3, gap_decide_us=60_000))

    def test_is_unknown_of_a_worker_that_followed_nobody(self):
        self.assertIsNone(self.judge(gap_us=None))


class Rhythm(unittest.TestCase):
    def test_rests_once_where_the_supply_suffices(self):
        self.assertEqual(supervisors.rhythm(Case(1000, 8, 0), 32, 8), (supervisors.NEVER, 4000))

    def test_rests_until_the_spares_are_made_again(self):
        self.assertEqual(supervisors.rhythm(Case(20, 8, 0), 32, 8), (4, 4000))
        self.assertEqual(supervisors.rhythm(Case(200, 1, 0), 32, 4), (32, 8000))


class RespawnOptions(unittest.TestCase):
    def parse(self, *words):
        parser = argparse.ArgumentParser()
        respawn.add_options(parser)
        with contextlib.redirect_stderr(io.StringIO()):
            return parser.parse_args(words)

    def test_are_containerd_and_all_ways_but_podman_at_first(self):
        given = self.parse()
        self.assertEqual(given.runtime, ["containerd"])
        self.assertEqual(given.ways, ["bare", "mayfly", "mayfly-gate", "mayfly-app", "ctr", "docker"])

    def test_take_several_runtimes_and_ways(self):
        given = self.parse("--runtime", "containerd", "docker", "podman",
                           "--ways", "bare", "mayfly", "docker", "podman")
        self.assertEqual(given.runtime, ["containerd", "docker", "podman"])
        self.assertEqual(given.ways, ["bare", "mayfly", "docker", "podman"])

    def test_refuse_what_is_unknown_or_missing(self):
        for words in (("--runtime", "lxc"), ("--runtime",), ("--ways", "nomad"), ("--ways",)):
            with self.subTest(words), self.assertRaises(SystemExit):
                self.parse(*words)


class Judge:
    """Exits of workers: name -> whether a spare was held, the gap seen, and its parts."""

    def __init__(self, told):
        self.told = told

    def had_spare(self, gap):
        return self.told[gap.after.worker][0]

    def of(self, stamp):
        _, seen, decide, run = self.told[stamp.worker]
        return {"gap_us": seen, "gap_decide_us": decide, "gap_exec_us": run}


def gap(ms, worker=""):
    return Gap(life(0, 0, 1), life(0, 1, 2, worker), ms * 1_000_000)


class RespawnSamples(unittest.TestCase):
    def test_count_only_the_gaps_with_a_spare_where_there_is_a_judge(self):
        exits = Judge({"a": (True, 700, 100, 600), "b": (False, 0, 0, 0), "c": (None, 0, 0, 0)})
        row = Sample([gap(1, "a"), gap(9, "b"), gap(9, "c")], exits).row()
        self.assertEqual((row["count"], row["max_ms"], row["misses"], row["unjudged"]), (1, 1, 1, 1))
        self.assertEqual((row["decide_ms"], row["exec_ms"], row["outside_ms"]), (0.1, 0.6, 0.3))
        self.assertEqual(Sample([gap(1), gap(9)]).row()["count"], 2)

    def test_of_several_rounds_are_one(self):
        exits = Judge({"a": (True, 700, 100, 600), "b": (False, 0, 0, 0)})
        row = Sample([gap(1, "a")], exits).add(Sample([gap(3, "a"), gap(5, "b")], exits)).row()
        self.assertEqual((row["count"], row["max_ms"], row["misses"]), (2, 3, 1))


class RespawnRounds(unittest.TestCase):
    def measure(self, *ways, rounds):
        asked = []
        def sample(name):
            return lambda case: asked.append((name, case.seconds)) or Sample([gap(1)])
        with contextlib.redirect_stderr(io.StringIO()):
            samples = respawn.measure([Way(name, sample(name), whole) for name, whole in ways],
                                      Case(20, 1, 12), rounds)
        return asked, {name: len(each.gaps_ns) for name, each in samples.items()}

    def test_let_the_ways_take_turns_for_their_share_of_the_time(self):
        asked, counts = self.measure(("a", False), ("b", False), rounds=3)
        self.assertEqual(asked, [("a", 4), ("b", 4)] * 3)
        self.assertEqual(counts, {"a": 3, "b": 3})

    def test_measure_one_that_is_whole_once(self):
        asked, _ = self.measure(("a", False), ("b", True), rounds=2)
        self.assertEqual(asked, [("a", 6), ("b", 12), ("a", 6)])

    def test_end_in_rows_beside_the_bare_loop_and_containerd(self):
        rows = respawn.to_rows(Case(20, 1, 12), {
            "bare": Sample([gap(2)]), "mayfly, containerd": Sample([gap(3)]),
            "mayfly, docker": Sample([gap(6)]), "podman restart": Sample([])})
        self.assertEqual([row.get("ratio") for row in rows], [1, 1.5, 3, None])
        self.assertEqual([row.get("by_containerd") for row in rows], [None, 1, 2, None])


class Fleet(unittest.TestCase):
    SAMPLE = {name: 0 for name in fleet.COUNTERS}

    def test_rates_are_of_what_was_counted_between(self):
        before = {"at": 10.0, **self.SAMPLE, "writes": 100, "etcd_cpu": 1.0, "agents_cpu": 2.0}
        after = {"at": 20.0, **self.SAMPLE, "writes": 1100, "etcd_cpu": 3.0, "agents_cpu": 2.5}
        row = fleet.rates(before, after, 200)
        self.assertEqual((row["writes_per_s"], row["writes_per_s_a_node"]), (100, 0.5))
        self.assertEqual((row["etcd_cpu_percent"], row["agents_cpu_percent"]), (20, 5))

    def test_figures_at_scale_are_multiplied_up(self):
        rest = {"exits_per_s": 10_000, "writes_per_s": 100, "written_bytes_per_s": 1, "log_bytes_per_s": 2,
                "etcd_cpu_percent": 8.0}
        scale = fleet.at_scale(rest, 200)
        self.assertEqual((scale["factor"], scale["writes_per_s"], scale["cores"]), (25, 2500, 2))

    def test_kubernetes_writes_for_each_exit(self):
        restart, job = fleet.kubernetes(200, 50)
        self.assertEqual((restart["writes_an_exit"], restart["writes_per_s"]), (5, 50_000))
        self.assertEqual((job["writes_an_exit"], job["writes_per_s_at_scale"]), (13, 3_250_000))

    def test_spread_is_first_median_and_last(self):
        self.assertEqual(fleet.spread([3_000_000, 1_000_000, 10_000_000]),
                         {"nodes": 3, "first_ms": 1, "median_ms": 3, "last_ms": 10})


S = 1_000_000_000  # in ns


def pool_lives(slots, every_s, count, name):
    """Each slot's worker lives for so long, and the next one begins a millisecond after its end."""
    return [life(slot, n * every_s * S, (n + 1) * every_s * S - S // 1000, f"{name}-{slot}-{n}")
            for slot in range(slots) for n in range(count)]


class Outages(unittest.TestCase):
    ASKED = {"slots": 2, "total": 3, "claim_ttl": 60, "life_ms": 1000}
    PHASE = {"phase": "all", "begun": 2 * S, "ended": 50 * S, "contact_s": 1.0, "applied_s": 2.0}

    def setUp(self):
        self.told = {("a", "each"): pool_lives(2, 1, 60, "a"), ("b", "each"): pool_lives(2, 1, 60, "b"),
                     ("alone", "each"): pool_lives(2, 1, 60, "c"), ("alone", "total"): [],
                     ("a", "total"): pool_lives(2, 1, 60, "d"), ("b", "total"): pool_lives(1, 1, 60, "e")}
        record = {"gap_us": 1000, "hold_us": 500, "gap_decide_us": 20, "class": "done"}
        self.exits = {name: {each.worker: dict(record) for (node, _), found in self.told.items()
                             if node == name for each in found} for name in ("a", "b", "alone")}

    def wrong(self, left=(), **more):
        row = {**self.PHASE, **more}
        row |= outages.figures_of(row, self.told, self.exits, self.ASKED)
        return outages.wrong({"left": dict(left), "trouble": None, "asked": self.ASKED, "phases": [row]})

    def lose(self, key, slot, begun_s, ended_s):
        self.told[key] = [each for each in self.told[key]
                          if each.slot != slot or not begun_s * S <= each.first < ended_s * S]

    def test_that_change_nothing_are_well(self):
        self.assertEqual(self.wrong(), [])
        row = outages.figures_of(self.PHASE, self.told, self.exits, self.ASKED)
        self.assertEqual((row["respawns"], row["gap"]["p50_ms"], row["to_alone"]), (7 * 48, 1, 1))
        self.assertEqual((row["total_gap"]["count"], row["longest_s"], row["alone_longest_s"]),
                         (3 * 48, 0.001, 0.001))
        self.assertEqual((row["each"], row["total"]), ({"a": [2, 2], "b": [2, 2]}, [3, 3]))

    def test_that_cost_a_worker_are_wrong(self):
        self.lose(("b", "each"), 1, 10, 18)
        self.assertEqual(self.wrong(), [])
        self.lose(("b", "each"), 1, 10, 22)
        self.assertEqual(self.wrong(), ["all: each on b fell to 1 of 2"])
        self.lose(("a", "total"), 0, 20, 60)
        self.assertEqual(self.wrong()[1], "all: total fell to 2 of 3")

    def test_are_not_to_blame_for_what_a_node_without_etcd_misses_too(self):
        for name in ("b", "alone"):
            self.lose((name, "each"), 1, 10, 22)
        self.assertEqual(self.wrong(), [])

    def test_that_bring_a_worker_too_many_are_wrong(self):
        self.told["b", "each"].append(life(2, 10 * S, 11 * S))
        self.assertEqual(self.wrong(), ["all: each on b had 3 of 2"])
        self.told["a", "each"].append(life(0, 10 * S, 11 * S, "twice"))
        self.assertIn("all: twice began while the worker before it lived", self.wrong())

    def test_let_slots_be_lived_twice_in_their_bound_alone(self):
        self.told["a", "total"] += [life(7, 48 * S, 49 * S)]
        self.assertEqual(self.wrong(), ["all: a slot of total was lived twice"])
        self.assertEqual(self.wrong(cut=3 * S, mended=40 * S), [])
        self.assertEqual(self.wrong(cut=9 * S, mended=40 * S),
                         ["all: a slot was lived twice 39.0 s after the cut, before 40 s"])
        self.assertEqual(self.wrong(cut=3 * S, mended=2 * S),
                         ["all: a slot was lived twice until 47.0 s after the return, past 46 s"])

    def test_that_never_end_leave_something_or_break_a_worker_are_wrong(self):
        self.exits["a"]["a-0-10"]["class"] = "fail"
        self.assertEqual(self.wrong({"shims of a": 1}, contact_s=None, applied_s=None, fault="it broke"),
                         ["left behind: 1 shims of a", "all: contact: not again", "all: applied: not again",
                          "all: a: a-0-10 ended as fail", "all: it broke"])


    def test_that_are_wrong_fail_the_command(self):
        asked = {"left": {"shims of a": 1}, "trouble": None, "asked": self.ASKED, "phases": []}
        with self.assertRaisesRegex(Trouble, "outages: this must not be:\n  left behind: 1 shims of a"):
            bench.judge("outages", asked)
        bench.judge("outages", {**asked, "left": {}})
        with self.assertRaisesRegex(Trouble, "waited in vain"):
            bench.judge("outages", {**asked, "left": {}, "trouble": "waited in vain"})
        bench.judge("fleet", {})


if __name__ == "__main__":
    unittest.main()
