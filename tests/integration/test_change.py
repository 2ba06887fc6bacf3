"""What a pool should be, changed: by command, by image, by file."""

import os
import signal

from case import FOR_EVER_MS, PROGRAMS, DaemonCase
from lab import image
from stories import PROGRAM, living

FOR_EVER = living(FOR_EVER_MS)
EXIT_REFUSED = 4
EXIT_NOT_FOUND = 3


class ChangeOfAPool(DaemonCase):

    def test_a_changed_command_waits_for_each_exit_and_no_old_spare_is_released_after(self):
        self.apply("roll", command=living(FOR_EVER_MS), replicas=3, standby=2)
        old = {worker["name"] for worker in self.wait_running("roll", 3)}
        self.wait(lambda: self.mayflyd.pool("roll")["spares_ready"] == 2, "old spares")
        self.apply("roll", command=living(FOR_EVER_MS, code=1), replicas=3, standby=2)
        # Spares first: of the new revision, while the old workers are untouched.
        self.wait(lambda: [s["revision"] for s in self.ready_spares("roll")] == [2, 2],
                  "spares of the new revision alone")
        self.assertEqual({worker["name"] for worker in self.running("roll")}, old)
        self.assertEqual(self.mayflyd.pool("roll")["outdated"], 3)
        one = sorted(old)[0]
        self.mayflyd.mayfly("kill", one)
        self.wait_replaced("roll", one, 3)
        revisions = sorted(worker["revision"] for worker in self.running("roll"))
        self.assertEqual(revisions, [1, 1, 2])
        self.assertTrue(old - {one} < {worker["name"] for worker in self.running("roll")})

    def test_under_load_nothing_old_is_released_once_the_new_revision_is_active(self):
        self.apply("flow", command=living(30, 90), replicas=4, standby=3)
        self.wait(lambda: len(self.exits("flow")) >= 15, "some turns")
        self.apply("flow", command=living(31, 91), replicas=4, standby=3)
        self.wait(lambda: sum(r["revision"] == 2 for r in self.exits("flow")) >= 15, "the new one")
        self.rest("flow")
        self.assert_each_exit_recorded_once("flow")
        released, active = [], None
        for event in self.events("flow"):
            if event["what"] == "revision-active" and event["revision"] == 2:
                active = event["number"]
            if event["what"] == "released":
                released.append(event)
        self.assertIsNotNone(active)
        late = [event for event in released
                if event["number"] > active and event["revision"] == 1]
        self.assertEqual(late, [])
        self.assertTrue(any(event["revision"] == 2 for event in released))

    def test_what_makes_no_revision_applies_at_once_and_touches_no_worker(self):
        self.apply("knob", command=FOR_EVER, replicas=2, standby=0)
        before = {worker["name"] for worker in self.wait_running("knob", 2)}
        self.apply("knob", command=FOR_EVER, replicas=3, standby=1,
                   backoff={"max": "5s"}, lifetime={"stop_grace": "1s"})
        after = self.wait_running("knob", 3)
        self.assertTrue(before < {worker["name"] for worker in after})
        self.assertEqual(self.mayflyd.pool("knob")["revision"], 1)
        self.wait(lambda: self.mayflyd.pool("knob")["spares_ready"] == 1, "the spare")

    def test_a_tag_that_names_another_image_is_a_new_revision_once_it_is_applied(self):
        name = "mayfly.local/moving:1"
        self.import_image(name, {PROGRAM: os.path.join(PROGRAMS, PROGRAM)})
        self.apply("tag", image=name, command=FOR_EVER, replicas=1, standby=1)
        old = self.wait_running("tag", 1)[0]["name"]
        self.import_image(name, {PROGRAM: os.path.join(PROGRAMS, PROGRAM), "new": b"another layer"})
        self.assertEqual(self.mayflyd.pool("tag")["revision"], 1)
        self.apply("tag", image=name, command=FOR_EVER, replicas=1, standby=1)
        self.wait(lambda: [s["revision"] for s in self.ready_spares("tag")] == [2],
                  "a spare of the new image")
        self.assertEqual([worker["name"] for worker in self.running("tag")], [old])
        self.mayflyd.mayfly("kill", old)
        self.wait(lambda: [w["revision"] for w in self.running("tag")] == [2], "the new image")
        digests = [r["image_digest"] for r in self.mayflyd.pool("tag")["revisions"]]
        self.assertEqual(len(set(digests)), 2, digests)

    def test_a_revision_without_an_image_leaves_the_old_one_at_work(self):
        self.apply("hope", command=living(50, 100), replicas=2, standby=1)
        self.wait(lambda: len(self.exits("hope")) > 3, "some turns")
        self.apply("hope", image="mayfly.local/absent:1", command=living(50), replicas=2, standby=1)
        self.wait(lambda: self.mayflyd.pool("hope")["state"] == "failing", "the trouble to be told")
        self.assertIn("absent", " ".join(self.mayflyd.pool("hope")["faults"]))
        before = len(self.exits("hope"))
        self.wait(lambda: len(self.exits("hope")) > before + 5, "more turns of the old one")
        self.apply("hope", command=living(51, 100), replicas=2, standby=1)
        self.wait(lambda: any(r["revision"] == 3 for r in self.exits("hope")), "a good one")
        self.assertNotIn(2, {record["revision"] for record in self.exits("hope")})

    def test_going_back_to_an_earlier_spec_is_a_change_like_any_other(self):
        for command in (FOR_EVER, living(FOR_EVER_MS, code=1), FOR_EVER):
            self.apply("back", command=command, replicas=1, standby=0)
        self.wait(lambda: self.running("back"), "a worker")
        self.mayflyd.mayfly("kill", self.running("back")[0]["name"])
        self.wait(lambda: self.exits("back"), "its record")
        worker = self.wait_running("back", 1)[0]
        self.assertEqual(worker["revision"], self.mayflyd.pool("back")["revision"])

    def test_diff_tells_what_apply_would_do_and_does_nothing(self):
        self.apply("diff", command=FOR_EVER, replicas=1, standby=0)
        self.wait_running("diff", 1)
        path = self.place.write("changed.toml", self.pool_text(
            "diff", command=FOR_EVER, replicas=2, standby=0, env={"A": "b"}))
        told = self.command("diff", "-f", path)
        self.assertIn("replicas", told.stdout)
        self.assertIn("env", told.stdout)
        self.assertEqual(self.mayflyd.pool("diff")["replicas"], 1)
        self.assertEqual(self.mayflyd.pool("diff")["revision"], 1)

    def import_image(self, name, files):
        archive = self.place.path("import.tar")
        image.write_archive(archive, name, files)
        self.mayflyd.mayfly("image", "import", archive)
        rows = self.containerd.ctr("snapshots", "ls").splitlines()
        self.clean["snapshots"] = [row.split()[0] for row in rows if "Committed" in row]


class PoolsInFiles(DaemonCase):

    def setUp(self):
        self.folder = self.place.make_folder("pools.d")
        self.addCleanup(self.remove_files)

    def tearDown(self):
        self.remove_files()
        self.reload()
        self.wait(lambda: not self.pools(), "the end of all pools", 60)
        super().tearDown()

    def test_a_reload_adds_changes_and_ends_them(self):
        self.write("one", command=FOR_EVER, replicas=1, standby=0)
        self.write("two", command=FOR_EVER, replicas=1, standby=0)
        self.reload()
        keep = self.wait_running("one", 1)[0]["name"]
        self.wait_running("two", 1)
        self.write("one", command=FOR_EVER, replicas=2, standby=0)
        os.unlink(os.path.join(self.folder, "two.toml"))
        self.reload()
        self.assertIn(keep, {worker["name"] for worker in self.wait_running("one", 2)})
        self.wait(lambda: "two" not in {pool["name"] for pool in self.pools()}, "the end of two")

    def test_a_bad_file_changes_nothing_and_is_told(self):
        self.write("good", command=FOR_EVER, replicas=1, standby=0)
        self.reload()
        worker = self.wait_running("good", 1)[0]["name"]
        self.place.write("pools.d/good.toml", 'name = "good"\nreplica = 2\nimage = 7\n')
        self.mayflyd.process.send(signal.SIGHUP)
        fault = self.wait(lambda: self.mayflyd.status()["node"]["config_fault"], "the fault")
        self.assertIn("good.toml:2:1", fault)
        self.assertIn("good.toml:3:9", fault)
        self.assertEqual([w["name"] for w in self.running("good")], [worker])
        self.assertEqual(self.mayflyd.pool("good")["replicas"], 1)
        self.write("good", command=FOR_EVER, replicas=2, standby=0)
        self.reload()
        self.assertEqual(self.mayflyd.status()["node"]["config_fault"], "")
        self.wait_running("good", 2)

    def test_a_pool_of_a_file_is_changed_in_the_file_alone(self):
        self.write("mine", command=FOR_EVER, replicas=1, standby=0)
        self.reload()
        worker = self.wait_running("mine", 1)[0]["name"]
        other = self.place.write("other.toml", self.pool_text("mine", command=FOR_EVER, replicas=3))
        for verb in (("apply", "-f", other), ("scale", "mine", "3"), ("delete", "mine")):
            refused = self.command(*verb)
            self.assertEqual(refused.returncode, EXIT_REFUSED, verb)
            self.assertIn("mine.toml", refused.stderr, verb)
        self.assertEqual(self.mayflyd.pool("mine")["replicas"], 1)
        # What an operator does to its workers is not its definition.
        self.mayflyd.mayfly("pause", "mine")
        self.mayflyd.mayfly("kill", worker)
        self.wait_why("mine", "paused")
        self.mayflyd.mayfly("resume", "mine")
        self.wait_running("mine", 1)

    def test_an_applied_pool_that_a_file_takes_over_keeps_its_workers(self):
        self.apply("both", command=FOR_EVER, replicas=1, standby=0)
        worker = self.wait_running("both", 1)[0]["name"]
        self.write("both", command=FOR_EVER, replicas=2, standby=0)
        self.reload()
        self.assertIn(worker, {w["name"] for w in self.wait_running("both", 2)})
        self.assertTrue(self.mayflyd.pool("both")["source"].endswith("both.toml"))

    def write(self, pool, **keys):
        return self.place.write(f"pools.d/{pool}.toml", self.pool_text(pool, **keys))

    def reload(self):
        self.mayflyd.mayfly("reload")

    def remove_files(self):
        for name in os.listdir(self.folder):
            os.unlink(os.path.join(self.folder, name))


class WordsThatAreWrong(DaemonCase):
    """What the command answers to mistakes, by its exit code."""

    def test_what_is_not_there_is_not_found(self):
        for verb in (("describe", "nobody"), ("scale", "nobody", "3"), ("pause", "nobody"),
                     ("delete", "nobody"), ("reset", "nobody"), ("why", "nobody"),
                     ("kill", "nobody-1-1"), ("retire", "nobody-1-1"), ("logs", "nobody-1-1")):
            answer = self.command(*verb)
            self.assertEqual(answer.returncode, EXIT_NOT_FOUND, (verb, answer.stderr))
            self.assertIn("nobody", answer.stderr, verb)

    def test_no_daemon_is_an_exit_code_of_its_own(self):
        self.mayflyd.process.stop()
        answer = self.command("status")
        self.assertEqual(answer.returncode, 6)
        self.assertIn(self.mayflyd.socket, answer.stderr)
        self.mayflyd.start()

    def test_a_wrong_command_line_is_wrong_usage(self):
        for verb in (("scale",), ("bogus",), ("status", "--bogus"), ("get", "nothing")):
            self.assertEqual(self.command(*verb).returncode, 2, verb)

    def test_a_bad_pool_is_refused_with_each_fault_and_its_place(self):
        path = self.place.write(
            "bad.toml", 'name = "bad"\nimage = "x"\nreplica = 2\nstandby = -1\n')
        answer = self.command("apply", "-f", path)
        self.assertEqual(answer.returncode, 1)
        self.assertIn("bad.toml:3:1", answer.stderr)
        self.assertIn("bad.toml:4:11", answer.stderr)
        self.assertEqual(self.command("describe", "bad").returncode, EXIT_NOT_FOUND)

    def test_a_pool_of_an_image_that_is_not_there_waits_and_says_so(self):
        self.apply("early", image="mayfly.local/later:1", command=FOR_EVER, replicas=1)
        self.wait(lambda: "later" in self.wait_why("early", "no_image")["detail"],
                  "the name of the image that is missing")
        archive = self.place.path("later.tar")
        image.one_program(archive, "mayfly.local/later:1", os.path.join(PROGRAMS, PROGRAM))
        self.mayflyd.mayfly("image", "import", archive)
        self.mayflyd.mayfly("reset", "early")
        self.wait_running("early", 1)
