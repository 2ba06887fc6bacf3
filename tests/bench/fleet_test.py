"""`./dev bench fleet` with a handful of nodes: that it counts, and that what it counts keeps its bounds."""

import argparse
import os
import unittest

import fleet
from lab.place import Place


class FewNodes(unittest.TestCase):
    def test_write_at_most_every_two_seconds_and_take_a_change(self):
        parser = argparse.ArgumentParser()
        fleet.add_options(parser)
        given = parser.parse_args(["--agents", "5", "--seconds", "6", "--applies", "1"])
        given.programs = os.environ["MAYFLY_BIN"]
        place = Place("bench")
        with place:
            result = fleet.run(place, given)
        self.assertEqual(place.leftovers(), [])
        rest, change = result["rest"], result["changes"][0]
        self.assertGreater(rest["writes_per_s"], 0)
        # One write more than the pace allows may fall into so short a time.
        self.assertLessEqual(rest["writes_per_s_a_node"], 0.5 + 1 / given.seconds)
        self.assertEqual((change["applied"]["nodes"], change["told"]["nodes"]), (5, 5))


if __name__ == "__main__":
    unittest.main()
