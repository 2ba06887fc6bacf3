"""The same sources give the same bytes, wherever and whenever they are built."""
import filecmp
import os
import sys
import tempfile
import unittest

import packages


class Build(unittest.TestCase):
    def test_gives_the_same_bytes_in_another_place(self):
        with tempfile.TemporaryDirectory(prefix="mayfly-elsewhere-") as elsewhere:
            out = os.path.join(elsewhere, "in-a-folder-of-another-length")
            packages.output(sys.executable, "-B", packages.PACKAGING + "/build.py", "--out", out)
            names = [name for name in packages.names() if name.endswith((".deb", ".rpm", ".json"))]
            self.assertGreaterEqual(len(names), 5)
            same, _, _ = filecmp.cmpfiles(packages.BUILT, out, names, shallow=False)
            self.assertEqual(sorted(same), names)


if __name__ == "__main__":
    unittest.main()
