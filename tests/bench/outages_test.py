"""`./dev bench outages` in its short form, of some of its phases: that nothing is wrong, and that it would say so."""

import argparse
import os
import unittest

import outages
from lab.place import Place

PHASES = ("reference", "member", "passwords", "operators")


class ShortOutages(unittest.TestCase):
    def test_cost_no_worker_and_leave_nothing(self):
        parser = argparse.ArgumentParser()
        outages.add_options(parser)
        given = parser.parse_args(["--quick", "--phases", *PHASES])
        given.programs = os.environ["MAYFLY_BIN"]
        place = Place("bench")
        with place:
            result = outages.run(place, given)
        self.assertEqual(place.leftovers(), [])
        self.assertEqual(outages.wrong(result), [])
        rows = {row["phase"]: row for row in result["phases"]}
        self.assertEqual(list(rows), list(PHASES))
        for row in rows.values():
            self.assertGreater(row["respawns"], 0)
        self.assertTrue(any("login as mayfly-node" in alarm for alarm in rows["passwords"]["alarms"]))
        self.assertGreater(rows["operators"]["written"], 0)


if __name__ == "__main__":
    unittest.main()
