"""Images that come from a registry: tags and digests, pulls that show, and a registry that is away."""

import concurrent.futures
import contextlib
import json
import os
import re
import socket
import subprocess

from case import FOR_EVER_MS, PROGRAMS
from registry_case import RegistryCase
from stories import living

EXIT_NOT_FOUND, EXIT_REFUSED = 3, 4
FOR_EVER = living(FOR_EVER_MS)
LARGE = 30_000_000


class ImagesFromARegistry(RegistryCase):
    """What a node does about an image that it has not."""

    def test_a_pool_runs_an_image_that_apply_has_resolved(self):
        name, digest = self.push("app", "1", "one")
        said = self.apply("fetched", image=name, command=FOR_EVER)
        self.assertIn(f"image {name} is {digest}", said)
        self.wait_running("fetched", 1)
        revision = self.mayflyd.pool("fetched")["revisions"][0]
        self.assertEqual(revision["image_digest"], digest)

    def test_the_registry_is_asked_again_only_where_the_pool_says_so(self):
        name, first = self.push("moving", "1", "one")
        self.apply("moving", image=name, command=FOR_EVER, pull="always")
        self.wait_running("moving", 1)
        _, second = self.push("moving", "1", "two")
        said = self.apply("moving", image=name, command=FOR_EVER, pull="never")
        self.assertIn(first, said)
        said = self.apply("moving", image=name, command=FOR_EVER, pull="always")
        self.assertIn(second, said)
        self.wait(lambda: self.mayflyd.pool("moving")["active_revision"] == 2, "revision 2", 60)

    def test_the_old_revision_runs_on_while_the_new_one_cannot_be_had(self):
        name, _ = self.push("lasting", "1", "one")
        self.apply("lasting", image=name, command=living(200))
        self.wait_running("lasting", 1)
        self.registry.process.stop()
        gone = f"{self.registry.host}/lasting:2"
        said = self.apply("lasting", image=gone, command=living(200))
        self.assertIn(f"image {gone} is not known yet", said)
        before = len(self.exits("lasting"))
        self.wait(lambda: len(self.exits("lasting")) > before + 3, "respawns of the old", 60)
        self.assertEqual(self.mayflyd.pool("lasting")["active_revision"], 1)
        self.registry.start()
        self.wait(self.registry.answers, "the registry")
        self.push("lasting", "2", "two")
        self.wait(lambda: self.mayflyd.pool("lasting")["active_revision"] == 2,
                  "the new revision, by itself", 120)

    def test_twenty_pools_at_once_share_the_pulls_of_their_ten_images(self):
        names = [self.push("crowd", str(number), f"crowd {number}")[0] for number in range(10)]
        before = self.pulled()
        files = [self.place.write(f"crowd-{number}.toml", self.pool_text(
                     f"crowd-{number}", image=names[number % 10], command=FOR_EVER, standby=0))
                 for number in range(20)]
        with concurrent.futures.ThreadPoolExecutor(20) as applying:
            list(applying.map(lambda file: self.mayflyd.mayfly("apply", "-f", file), files))
        for number in range(20):
            self.wait_running(f"crowd-{number}", 1, 120)
        self.assertEqual(self.pulled() - before, 10)

    def pulled(self):
        """How many pulls have brought an image, ever."""
        text = self.mayflyd.api.text("/metrics")
        return int(re.search(r'^mayfly_image_pulls_total{result="pulled"} (\d+)$', text, re.M)[1])

    def test_a_host_that_is_off_is_said_by_apply_which_does_not_wait_for_its_deadline(self):
        with contextlib.ExitStack() as sockets:
            deaf = sockets.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
            for _ in range(4):  # more than it takes in; the next gets no answer
                caller = sockets.enter_context(socket.socket())
                caller.setblocking(False)
                caller.connect_ex(deaf.getsockname())
            file = self.place.write("off.toml", self.pool_text(
                "off", image=f"127.0.0.1:{deaf.getsockname()[1]}/off:1", command=FOR_EVER))
            said = self.mayflyd.mayfly("apply", "--dry-run", "-f", file)
        self.assertIn("it cannot be reached", said)

    def test_a_pull_shows_its_progress_and_says_the_digest(self):
        name, digest = self.push("large", "1", "one", LARGE)
        lines = [json.loads(line) for line in
                 self.mayflyd.mayfly("image", "pull", name, "-o", "json").splitlines()]
        self.assertEqual(lines[-1]["image"]["digest"], digest)
        for line in lines[:-1]:
            self.assertEqual(line["pull"]["image"], name)
            self.assertLessEqual(line["pull"]["bytes_done"], line["pull"]["bytes_total"])
        self.assertEqual(self.command("image", "pull", name + "0").returncode, EXIT_NOT_FOUND)

    def test_an_interrupted_command_leaves_the_pull_to_the_daemon(self):
        name, digest = self.push("patient", "1", "one", LARGE)
        pulling = subprocess.Popen(
            [os.path.join(PROGRAMS, "mayfly"), "--socket", self.mayflyd.socket, "image", "pull", name],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        pulling.kill()
        pulling.wait()
        # Whether the request was out by then or not, the image is there after this.
        self.mayflyd.mayfly("image", "pull", name)
        rows = [row for row in self.json("image", "ls")["images"] if row["name"] == name]
        self.assertEqual([row["digest"] for row in rows], [digest])
        self.assertTrue(rows[0]["ours"])

    def test_what_was_pulled_for_a_pool_goes_when_the_pool_has(self):
        name, digest = self.push("brief", "1", "one")
        self.apply("brief", image=name, command=FOR_EVER)
        self.wait_running("brief", 1)
        self.assertEqual(self.command("image", "rm", name).returncode, EXIT_REFUSED)
        self.mayflyd.delete("brief")
        self.mayflyd.mayfly("image", "rm", name)
        self.assertNotIn(digest, [row["digest"] for row in self.json("image", "ls")["images"]])
