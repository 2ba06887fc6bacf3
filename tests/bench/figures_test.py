"""That the benchmarks count what they say they count."""

import os
import struct
import tempfile
import unittest

import figures
import stamps
import supervisors
from lab.exits import had_spare
from stamps import Stamp
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
    def test_has_no_rests_where_the_supply_suffices(self):
        self.assertEqual(supervisors.rhythm(Case(1000, 8, 0), 32, 8), ())

    def test_rests_until_the_spares_are_made_again(self):
        self.assertEqual(supervisors.rhythm(Case(20, 8, 0), 32, 8), (4, 4000))


if __name__ == "__main__":
    unittest.main()
