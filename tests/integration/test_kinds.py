"""Kinds of workers: what they may be made of, and all the ways in which they misbehave."""

import contextlib
import os
import signal

from case import FOR_EVER_MS, SHELL, DaemonCase, number_of, state_of
from lab.process import Process
from stories import living

FOR_EVER = living(FOR_EVER_MS)
MIB = 1024 * 1024
LOG_SLACK = 64 * MIB  # what a flood may fill of its pool's tmpfs before it is seen


def shell(script):
    return ["/bin/sh", "-c", script]


class KindsOfWorkers(DaemonCase):

    def test_one_static_program_on_its_own_as_any_user_on_a_read_only_root(self):
        # The image of these tests' worker is just that: a program, and nothing beside it.
        for name, more in {
                "nobody": {"user": "65534:65534"},
                "sealed": {"security": {"read_only_rootfs": True}},
                "strict": {"user": "1000", "security": {"read_only_rootfs": True}},
                "hosted": {"network": "host"}}.items():
            with self.subTest(name):
                self.apply(name, command=living(100), replicas=1, standby=1, **more)
                self.wait(lambda n=name: len(self.exits(n)) >= 3, "exits", 60)
                self.assertEqual({r["class"] for r in self.exits(name)}, {"done"}, self.exits(name))
                self.mayflyd.delete(name)

    def test_it_is_the_user_that_the_pool_names_and_has_no_privileges(self):
        self.apply("who", image=SHELL, user="1234:2345", replicas=1, command=shell(
            "cat /proc/self/status; exec sleep 1000"), lifetime={"stop_grace": "0s"})
        status = self.log_of(self.wait_running("who", 1)[0]["name"], "Seccomp_filters")
        fields = dict(line.split(":\t") for line in status.splitlines() if ":\t" in line)
        self.assertEqual(fields["Uid"].split(), ["1234"] * 4)
        self.assertEqual(fields["Gid"].split(), ["2345"] * 4)
        self.assertEqual({fields["Cap" + kind] for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")},
                         {"0" * 16})
        self.assertEqual((fields["NoNewPrivs"], fields["Seccomp"]), ("1", "2"))

    def test_without_a_network_it_sees_loopback_alone_and_with_the_hosts_all_of_it(self):
        for name in ("none", "host"):
            self.apply("net-" + name, image=SHELL, network=name, replicas=1, command=shell(
                "cat /proc/net/dev; echo end; exec sleep 1000"), lifetime={"stop_grace": "0s"})
        def devices(pool):
            text = self.log_of(self.wait_running(pool, 1)[0]["name"], "end")
            return {line.split(":")[0].strip() for line in text.splitlines() if ":" in line}
        with open("/proc/net/dev", encoding="ascii") as file:
            ours = {line.split(":")[0].strip() for line in file if ":" in line}
        # A kernel may give each new network namespace tunnels of its own, all of them down.
        self.assertIn("lo", devices("net-none"))
        self.assertFalse({name for name in devices("net-none") if name.startswith(("eth", "en"))})
        self.assertEqual(devices("net-host"), ours)

    def test_environment_mounts_and_working_directory_are_as_asked(self):
        self.place.make_folder("in")
        self.place.write("in/word", "from the host\n")
        self.apply("asked", image=SHELL, replicas=1, working_directory="/tmp",
                   env={"RELEASE": "a b=c"}, lifetime={"stop_grace": "0s"},
                   mounts=[{"source": self.place.path("in"), "target": "/in", "read_only": True}],
                   command=shell('echo "$RELEASE|$PWD|$MAYFLY_POOL|$MAYFLY_SLOT"; cat /in/word;'
                                 ' echo x > /in/word; echo "end $?"; exec sleep 1000'))
        worker = self.wait_running("asked", 1)[0]["name"]
        lines = self.log_of(worker, "end").splitlines()
        self.assertEqual(lines, ["a b=c|/tmp|asked|0", "from the host", "end 1"])

    def test_a_program_that_is_not_there_says_so_in_why_and_in_the_record(self):
        self.fails_to_run("missing", ["/bin/no-such-program"], 127, "no such file")

    def test_a_program_that_may_not_be_run_says_so_in_why_and_in_the_record(self):
        self.place.make_folder("plain")
        os.chmod(self.place.write("plain/text", "not a program\n"), 0o644)
        mount = {"source": self.place.path("plain"), "target": "/plain"}
        self.fails_to_run("forbidden", ["/plain/text"], 126, "permission denied", mounts=[mount])

    def test_a_folder_that_is_not_there_says_so_in_why_and_in_the_record(self):
        self.apply("nodir", image=SHELL, command=shell("exit 0"), replicas=1,
                   mounts=[{"source": "/no/such/folder", "target": "/in"}])
        why = self.wait_why("nodir", "starts_failing")
        self.assertIn("/no/such/folder", why["detail"])
        self.assertEqual({record["class"] for record in self.exits("nodir")} - {"nostart"}, set())

    def fails_to_run(self, pool, command, code, words, **keys):
        self.apply(pool, image=SHELL, command=command, replicas=1,
                   backoff={"initial": "1h", "max": "1h"}, **keys)
        record = self.wait(lambda: self.exits(pool), "its record", 60)[0]
        self.assertEqual((record["class"], record["code"], record["slot"]), ("nostart", code, None), record)
        self.assertIn(command[0], record["reason"])
        self.assertIn(words, record["reason"].lower())
        why = self.wait_why(pool, "starts_failing")
        self.assertIn(words, why["detail"].lower())
        self.assertIn(words, self.mayflyd.mayfly("why", pool).lower())

    def log_of(self, worker, last_word):
        def text():
            found = self.command("logs", worker).stdout
            return found if last_word in found else None
        return self.wait(text, f"{worker} to say {last_word}")


class WaysToEnd(DaemonCase):

    def test_codes_are_told_as_they_were(self):
        for code in (1, 75, 255):
            pool = f"code-{code}"
            self.apply(pool, command=living(5, code=code), replicas=1)
            record = self.wait(lambda p=pool: self.exits(p), "its record")[-1]
            self.assertEqual((record["class"], record["code"], record["signal"]),
                             ("fail", code, None), record)
            self.mayflyd.delete(pool)

    def test_a_fault_of_memory_is_told_as_its_signal(self):
        self.apply("crash", command=["/integration_worker", "crash", "/lives"], replicas=1)
        record = self.wait(lambda: self.exits("crash"), "its record")[-1]
        self.assertEqual(record["signal"], 11, record)
        self.assertIn(record["class"], ("fail", "lost"), record)

    def test_a_signal_from_elsewhere_is_not_ours(self):
        self.apply("shot", command=FOR_EVER, replicas=1, standby=1)
        worker = self.wait_running("shot", 1)[0]["name"]
        os.kill(self.pids("shot")[worker], 9)
        record = self.wait(lambda: self.exits("shot"), "its record")[0]
        self.assertEqual((record["class"], record["signal"], record["oom"]), ("lost", 9, False))
        self.wait_running("shot", 1)

    def test_the_last_words_on_stderr_are_in_the_record_and_all_of_them_in_the_log(self):
        self.apply("words", image=SHELL, replicas=1, backoff={"initial": "1h", "max": "1h"},
                   command=shell('i=0; while [ $i -lt 2000 ]; do echo "line $i" >&2; i=$((i+1));'
                                 ' done; echo out; exit 9'))
        record = self.wait(lambda: self.exits("words"), "its record")[-1]
        self.assertTrue(record["stderr_tail"].endswith("line 1998\nline 1999\n"), record)
        self.assertLessEqual(len(record["stderr_tail"]), 4096)
        self.assertGreater(len(record["stderr_tail"]), 3000)
        self.assertEqual(self.command("logs", record["worker"]).stdout, "out\n")
        told = self.command("logs", "--stderr", record["worker"])
        self.assertEqual(told.stdout.splitlines()[0], "line 0", told.stderr)

    def test_one_that_ignores_term_is_killed_after_its_grace(self):
        self.apply("deaf", image=SHELL, replicas=1, standby=1, lifetime={"stop_grace": "1s"},
                   command=shell("trap '' TERM; while true; do sleep 1; done"))
        worker = self.wait_running("deaf", 1)[0]["name"]
        self.mayflyd.mayfly("retire", worker)
        self.wait(lambda: [w["phase"] for w in self.workers("deaf") if w["name"] == worker]
                  == ["stopping"], "the grace")
        record = self.wait(lambda: self.exits("deaf"), "its record")[0]
        self.assertEqual((record["worker"], record["class"], record["signal"]), (worker, "ours", 9))
        self.wait_replaced("deaf", worker)

    def test_one_that_runs_out_of_memory_is_told_as_that(self):
        self.apply("eater", image=SHELL, replicas=1, resources={"memory": "16MiB"},
                   command=["/bin/busybox", "tail", "/dev/zero"])
        record = self.wait(lambda: self.exits("eater"), "its record", 60)[-1]
        self.assertEqual((record["signal"], record["oom"]), (9, True), record)
        self.assertGreater(record["memory_peak_bytes"], 8 * MIB)


class BadNeighbours(DaemonCase):

    def setUp(self):
        self.apply("calm", command=living(200), replicas=2, standby=2)
        self.wait(lambda: self.mayflyd.pool("calm")["exits"]["done"] >= 2, "a calm pool")

    def calm_goes_on(self):
        before = self.mayflyd.pool("calm")["exits"]["done"]
        self.wait(lambda: self.mayflyd.pool("calm")["exits"]["done"] >= before + 6,
                  "the calm pool's respawns", 60)
        exits = self.mayflyd.pool("calm")["exits"]
        self.assertEqual(exits, dict.fromkeys(exits, 0) | {"done": exits["done"]})

    def test_a_fork_bomb_is_held_by_its_limit_and_dies_whole(self):
        self.apply("bomb", command=["/integration_worker", "fork", "/lives"], replicas=1,
                   resources={"pids": 32}, backoff={"initial": "1h", "max": "1h"})
        record = self.wait(lambda: self.exits("bomb"), "its record", 60)[-1]
        self.assertEqual((record["class"], record["code"]), ("done", 0), record)
        children, refused = map(int, self.stories.notes("bomb")[0].split())
        self.assertLess(children, 32)
        self.assertGreater(refused, 0)
        self.calm_goes_on()

    def test_a_flood_of_output_is_bounded_in_memory_and_on_disk(self):
        before = self.memory_kib()
        self.apply("flood", image=SHELL, replicas=2, command=["/bin/busybox", "yes", "m" * 60],
                   logs={"worker": "64KiB", "pool": "1MiB"}, lifetime={"stop_grace": "0s"})
        self.wait_running("flood", 2)
        self.calm_goes_on()
        worker = self.running("flood")[0]["name"]
        self.wait(lambda: number_of(self.pids("flood")[worker], "io", "wchar") > 64 * MIB, "a flood", 60)
        self.calm_goes_on()
        self.assertLess(self.memory_kib() - before, 16 * 1024)
        self.assertLess(self.kept_bytes("flood"), MIB + LOG_SLACK)
        # It writes while this reads: its last line may be a part of one.
        told = self.command("logs", "--tail", "3", worker).stdout.splitlines()
        self.assertEqual(told[:2], ["m" * 60] * 2)
        self.mayflyd.mayfly("scale", "flood", "0")
        self.wait(lambda: not self.workers("flood"), "the flood's end")
        self.wait(lambda: self.kept_bytes("flood") <= MIB + MIB // 4, "what is kept to be cut")

    def kept_bytes(self, pool):
        total = 0
        for folder, _, names in os.walk(os.path.join(self.mayflyd.run_folder, "logs", pool)):
            total += sum(os.stat(os.path.join(folder, name)).st_blocks * 512 for name in names)
        return total


class HeldByItself(DaemonCase):
    """`hold = "app"`: the worker's own program starts, gets ready, and waits for its release."""

    EXAMPLE = os.path.join(os.path.dirname(__file__), "../../docs/examples/app_worker.sh")

    def test_the_shell_example_waits_until_it_is_released(self):
        self.place.make_folder("example")
        with open(self.EXAMPLE, encoding="utf-8") as file:
            os.chmod(self.place.write("example/worker.sh", file.read()), 0o755)
        mount = {"source": self.place.path("example"), "target": "/example", "read_only": True}
        self.apply("app", image=SHELL, hold="app", replicas=1, standby=2, mounts=[mount],
                   command=["/bin/sh", "/example/worker.sh"])
        self.wait(lambda: len(self.exits("app")) >= 5, "turns", 90)
        self.assertEqual({r["class"] for r in self.exits("app")}, {"done"}, self.exits("app"))
        self.wait(lambda: self.mayflyd.pool("app")["spare_hits"] > 0, "a spare in time", 120)

    def test_one_that_never_says_ready_is_not_released(self):
        self.apply("mute", image=SHELL, hold="app", replicas=1, standby=0,
                   command=shell("sleep 1000"), lifetime={"stop_grace": "0s"})
        self.wait(lambda: any(e["what"] == "started" for e in self.events("mute")), "a start")
        self.assertEqual(self.running("mute"), [])
        self.assertEqual(self.why("mute")["reason"], "starting")

    def test_one_that_speaks_nonsense_is_replaced(self):
        self.apply("babble", hold="app", replicas=1, standby=0,
                   command=["/integration_worker", "babble", "/lives"])
        self.wait(lambda: [spare["fault"] for spare in self.spares("babble")] == ["not JSON"],
                  "it to be hung up on", 60)
        record = self.wait(lambda: self.exits("babble"), "its end", 120)[-1]
        self.assertEqual((record["class"], record["reason"]), ("nostart", "not JSON"), record)
        self.assertEqual(self.running("babble"), [])


class Held:
    """Of spares that wait for their release as the class says, with programs that know nothing of it."""

    hold = None

    def apply_held(self, pool, command, **more):
        self.apply(pool, image=SHELL, hold=self.hold, command=command, lifetime={"stop_grace": "0s"}, **more)

    def wait_held(self, pool, count):
        self.wait(lambda: len(self.ready_spares(pool)) == count, "spares", 60)
        return [spare["name"] for spare in self.ready_spares(pool)]

    def test_lives_follow_each_other_with_their_slot(self):
        self.apply_held("turns", shell('echo "slot $MAYFLY_SLOT of $MAYFLY_POOL"; sleep 0.3'), replicas=2,
                        standby=2)
        self.wait(lambda: len(self.exits("turns")) >= 10, "turns", 90)
        self.wait(lambda: self.mayflyd.pool("turns")["spare_hits"] > 0, "a spare in time", 60)
        records = self.exits("turns")
        self.assertEqual({record["class"] for record in records}, {"done"}, records)
        said = {self.command("logs", record["worker"]).stdout for record in records[:4]}
        self.assertLessEqual(said, {"slot 0 of turns\n", "slot 1 of turns\n"})

    def test_spares_outlive_the_daemon_and_are_released_by_the_next(self):
        self.apply_held("left", shell('echo "slot $MAYFLY_SLOT"; exec sleep 1000'), replicas=2, standby=2)
        self.wait_running("left", 2)
        spares = self.wait_held("left", 2)
        before = self.pids("left")
        self.assertEqual(len(before), 4, before)
        for end in (Process.kill, Process.stop):
            end(self.mayflyd.process)
            self.mayflyd.start()
            self.wait_held("left", 2)
            self.assertEqual(self.pids("left"), before)
        hits = self.mayflyd.pool("left")["spare_hits"]
        self.command("kill", self.running("left")[0]["name"])
        self.wait(lambda: self.mayflyd.pool("left")["spare_hits"] > hits, "a release", 60)
        running = {worker["name"]: worker["slot"] for worker in self.wait_running("left", 2)}
        released = [spare for spare in spares if spare in running]
        self.assertEqual(len(released), 1, running)
        self.wait(lambda: self.command("logs", released[0]).stdout == f"slot {running[released[0]]}\n",
                  "its slot", 60)

    def test_one_that_is_killed_while_it_is_held_is_replaced(self):
        self.apply_held("struck", shell("exec sleep 1000"), replicas=1, standby=1)
        self.wait_running("struck", 1)
        spares = self.wait_held("struck", 1)
        os.kill(self.pids("struck")[spares[0]], signal.SIGKILL)
        self.wait(lambda: self.wait_held("struck", 1) != spares, "another spare", 60)


class HeldBehindItsExec(Held, DaemonCase):
    """The worker's program, stopped before its first instruction."""

    hold = "exec"

    def states(self, names):
        """What the kernel says that they are, of each: R, S, T, …"""
        pids = self.pids("still")
        states = []
        for name in names:
            with contextlib.suppress(FileNotFoundError, KeyError):
                states.append(state_of(pids[name]))
        return states

    def test_only_spares_are_stopped(self):
        self.apply_held("still", shell("exec sleep 1000"), replicas=2, standby=2)
        running = [worker["name"] for worker in self.wait_running("still", 2)]
        spares = self.wait_held("still", 2)
        self.wait(lambda: (self.states(spares), self.states(running)) == (["T", "T"], ["S", "S"]),
                  "only spares to be stopped", 60)


class HeldByItsGate(Held, DaemonCase):
    """The gate, which becomes the worker's program at the release."""

    hold = "gate"

    def test_a_program_that_is_not_there_fails_as_it_is_released(self):
        self.apply_held("absent", ["/bin/no-such-program"], replicas=1)
        record = self.wait(lambda: self.exits("absent"), "its record", 60)[0]
        self.assertEqual((record["class"], record["code"], record["slot"]), ("fail", 127, 0), record)
        self.assertIn("no such file", record["reason"].lower())


class CgroupsOfWorkers(DaemonCase):

    def test_each_worker_has_the_limits_of_its_pool_and_its_cgroup_goes_with_it(self):
        self.apply("limits", command=FOR_EVER, replicas=1, standby=0,
                   resources={"cpu": 0.5, "memory": "64MiB", "pids": 17})
        worker = self.wait_running("limits", 1)[0]["name"]
        ours = [path for path in self.place.cgroups() if path.endswith(worker)]
        self.assertTrue(ours)
        def value(*names):
            for path in ours:
                for name in names:
                    if os.path.exists(os.path.join(path, name)):
                        with open(os.path.join(path, name), encoding="ascii") as file:
                            return file.read().split()
            return None
        self.assertEqual(value("pids.max"), ["17"])
        self.assertEqual(value("memory.max", "memory.limit_in_bytes"), [str(64 * MIB)])
        self.assertIn(value("cpu.max", "cpu.cfs_quota_us")[0], ("50000",))
        self.mayflyd.delete("limits")
        self.wait(lambda: not any(os.path.exists(path) for path in ours), "the cgroups' end")
