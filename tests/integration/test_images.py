"""Images of a real containerd: who needs them, which go, and what the doctor says of the host."""

import json
import os

from case import FOR_EVER_MS, PROGRAMS, ImageCase
from lab import image
from stories import PROGRAM, living

EXIT_NOT_FOUND, EXIT_REFUSED = 3, 4
FOR_EVER = living(FOR_EVER_MS)


class ImagesOfANode(ImageCase):
    """Which images are whose, and how they come and go without a registry."""

    def import_image(self, name, mark=None):
        """With a file that tells it from the others: each is an image of its own."""
        archive = self.place.path("image.tar")
        image.write_archive(archive, name, {PROGRAM: os.path.join(PROGRAMS, PROGRAM),
                                            "mark": (mark or name).encode()})
        self.mayflyd.mayfly("image", "import", archive)

    def row(self, name):
        rows = [row for row in self.json("image", "ls")["images"] if row["name"] == name]
        return rows[0] if rows else None

    def test_apply_says_which_image_a_tag_is(self):
        self.import_image("mayfly.local/told:1")
        said = self.apply("told", image="mayfly.local/told:1", command=FOR_EVER)
        digest = self.row("mayfly.local/told:1")["digest"]
        self.assertIn(f"image mayfly.local/told:1 is {digest}", said)
        self.assertEqual(self.row("mayfly.local/told:1")["used_by"],
                         [{"pool": "told", "revision": 1, "role": "current"}])

    def test_a_revision_keeps_its_digest_when_the_tag_moves(self):
        name = "mayfly.local/moving:1"
        self.import_image(name)
        self.apply("moving", image=name, command=FOR_EVER)
        self.wait_running("moving", 1)
        before = self.mayflyd.pool("moving")["revisions"][0]["image_digest"]
        self.import_image(name, "another")
        self.mayflyd.process.stop()
        self.mayflyd.start()
        self.assertEqual(self.mayflyd.pool("moving")["revisions"][0]["image_digest"], before)
        said = self.apply("moving", image=name, command=FOR_EVER)
        self.assertIn("revision 2", said)
        self.assertNotIn(before, said)

    def test_what_a_pool_needs_is_not_removed_and_the_rest_is(self):
        old, new = "mayfly.local/kept:1", "mayfly.local/kept:2"
        for name in (old, new):
            self.import_image(name)
            self.apply("kept", image=name, command=FOR_EVER)
            self.wait_running("kept", 1)
        for name in (old, new):  # the previous one too
            refused = self.command("image", "rm", name)
            self.assertEqual(refused.returncode, EXIT_REFUSED, refused.stderr)
            self.assertIn("kept (revision", refused.stderr)
        self.mayflyd.delete("kept")
        for name in (old, new):
            self.assertEqual(self.command("image", "rm", name).returncode, 0)
            self.assertIsNone(self.row(name))
        self.assertEqual(self.command("image", "rm", old).returncode, EXIT_NOT_FOUND)

    def test_a_collection_says_what_would_go(self):
        self.import_image("mayfly.local/young:1")
        dry = json.loads(self.mayflyd.mayfly("image", "gc", "--dry-run", "-o", "json"))
        self.assertNotIn("mayfly.local/young:1", [row["name"] for row in dry["images"]])
        self.assertIsNotNone(self.row("mayfly.local/young:1")["unused_since"])

    def test_the_doctor_knows_the_host_and_the_runtime(self):
        answer = self.command("doctor", "-o", "json")
        checks = json.loads(answer.stdout)["checks"]
        by_name = {check["name"]: check for check in checks}
        for name in ("runtime version", "runtime socket", "gate", "cgroup", "kernel"):
            self.assertEqual(by_name[name]["status"], "ok", by_name[name])
        self.assertIn(self.containerd.socket, by_name["runtime socket"]["what"])
        for check in checks:
            self.assertEqual(check["fix"] == "", check["status"] == "ok", check)
        failed = [check for check in checks if check["status"] == "failed"]
        self.assertEqual(answer.returncode, 1 if failed else 0, failed)

    def test_the_doctor_says_that_the_runtime_is_away(self):
        self.containerd.kill()
        try:
            answer = self.command("doctor")
            self.assertEqual(answer.returncode, 1)
            self.assertIn("failed   runtime", answer.stdout)
        finally:
            self.containerd.start()
            self.wait(lambda: self.mayflyd.status()["runtime"]["state"] == "up", "the runtime", 60)
