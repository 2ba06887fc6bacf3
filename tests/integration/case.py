"""A test class on a runtime and a mayflyd of its own, which proves that nothing is left."""

import collections
import contextlib
import json
import os
import subprocess
import unittest

from lab import image
from lab.daemons import Containerd, Mayflyd
from lab.engines import Dockerd, Podman
from lab.place import Place
from lab.process import Trouble, wait_until
from stories import PROGRAM, Stories, living, pool_toml

PROGRAMS = os.environ.get("MAYFLY_BIN", "")
SCRATCH = "mayfly.local/scratch:1"
SHELL = "mayfly.local/shell:1"
FOR_EVER_MS = 3_600_000
KEPT_MAX = 33  # of runtime/http: calls in flight, and the stream of events

# Freed memory that a sanitizer holds back would look like a leak.
os.environ["ASAN_OPTIONS"] = "quarantine_size_mb=4:malloc_context_size=8"


def number_of(pid, file, word):
    """What the kernel's file of the process has for the word."""
    with open(f"/proc/{pid}/{file}", encoding="ascii", errors="replace") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(word))


def catches(pid, signal_number):
    """It has said what it does at that signal."""
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as lines:
        caught = next(int(line.split()[1], 16) for line in lines if line.startswith("SigCgt"))
    return caught >> (signal_number - 1) & 1 == 1


def state_of(pid):
    """One letter: what it does, as ps tells it."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        return file.read().rpartition(") ")[2][0]


def grown(before, now):
    """What there is now and was not before; numbers must be equal."""
    if isinstance(now, list):
        return sorted((collections.Counter(now) - collections.Counter(before)).elements())
    return now != before and f"{before} before, {now} now"


class DaemonCase(unittest.TestCase):
    """Each test makes its pools; after each all of them are deleted and nothing may be left."""

    more_config = ""
    images_folder = "c/root"
    disk_mib = None  # of it; None: as much as there is

    # ---- around the class ---------------------------------------------------------------------

    @classmethod
    def setUpClass(cls):
        place = Place("test")
        cls.addClassCleanup(cls._prove_empty, place)
        cls.place = cls.enterClassContext(place)
        place.undo.callback(place.unmount_all)
        if cls.disk_mib:
            cls.disk = place.make_memory_folder(cls.images_folder, 0o711, cls.disk_mib)
        cls.runtime = cls._start_runtime(place)
        cls.stories = Stories(place)
        cls.mayflyd = Mayflyd(place, cls.runtime, PROGRAMS, cls.more_config)
        cls._import_images()
        cls._warm_up()
        cls.clean = cls.footprint()

    @classmethod
    def _start_runtime(cls, place):
        cls.containerd = Containerd(place)
        return cls.containerd

    @classmethod
    def tearDownClass(cls):
        cls.delete_pools()
        code = cls.mayflyd.process.stop()
        if code != 0:
            raise AssertionError(f"mayflyd ended with {code}\n{cls.mayflyd.process.log_tail(60)}")
        with open(cls.mayflyd.process.log, encoding="utf-8", errors="replace") as log:
            for line in log:
                if "Sanitizer" in line or "runtime error:" in line:
                    raise AssertionError(line + cls.mayflyd.process.log_tail(60))

    @classmethod
    def _import_images(cls):
        scratch, shell = cls.place.path("scratch.tar"), cls.place.path("shell.tar")
        image.one_program(scratch, SCRATCH, os.path.join(PROGRAMS, PROGRAM))
        image.busybox(shell, SHELL)
        for archive in (scratch, shell):
            cls.mayflyd.mayfly("image", "import", archive)

    @classmethod
    def _warm_up(cls):
        """What stays for good after the first pool is no leak: the parent cgroup, connections."""
        cls.apply("warm", command=living(10), replicas=1)
        wait_until(lambda: cls.exits("warm"), "a first exit", 60, cls.mayflyd.process)
        cls.mayflyd.delete("warm")

    @staticmethod
    def _prove_empty(place):
        left = place.leftovers()
        if left:
            raise AssertionError("left behind:\n  " + "\n  ".join(left))

    # ---- around each test ---------------------------------------------------------------------

    def tearDown(self):
        self.delete_pools()
        self.assert_clean()

    @classmethod
    def delete_pools(cls):
        for pool in cls.pools():
            cls.mayflyd.delete(pool["name"])

    @classmethod
    def footprint(cls):
        """All that the daemon holds on this host, by kind."""
        run_folder = cls.mayflyd.run_folder
        return {
            **cls.runtime.things(),
            "worker folders": os.listdir(os.path.join(run_folder, "workers")),
            "log folders": os.listdir(os.path.join(run_folder, "logs")),
            "mounts": cls.place.mounts(),
            "cgroups": cls.place.cgroups(),
            "files": cls.open_files(),
            "threads": cls.threads(),
        }

    @classmethod
    def threads(cls):
        """How many; those that ask registries come as they are needed, few, and stay."""
        folder = f"/proc/{cls.mayflyd.process.pid}/task"
        names = []
        for thread in os.listdir(folder):
            with contextlib.suppress(OSError):
                with open(f"{folder}/{thread}/comm", encoding="ascii") as file:
                    names.append(file.read().strip())
        return sum(name != "mayfly-registry" for name in names)

    @classmethod
    def open_files(cls):
        """What the daemon's descriptors are, without the numbers."""
        folder = f"/proc/{cls.mayflyd.process.pid}/fd"
        found = []
        for name in os.listdir(folder):
            with contextlib.suppress(OSError):
                found.append(os.readlink(os.path.join(folder, name)).split(":[")[0])
        return sorted(found)

    def assert_clean(self):
        """Some of it goes a moment after its pool; none of it may stay."""
        def difference():
            now = self.footprint()
            return {kind: more for kind in now if (more := grown(self.clean[kind], now[kind]))}
        with contextlib.suppress(Trouble):
            wait_until(lambda: not difference(), "a clean host", 10, every=0.1)
        self.assertEqual(difference(), {}, "left by this test")
        self.assertEqual(self.stories.doubles(), [], "two lives in one slot")
        self.assertEqual(self.stories.begun_twice(), [], "a worker that was started twice")

    # ---- doing --------------------------------------------------------------------------------

    @classmethod
    def pool_text(cls, name, **keys):
        keys.setdefault("image", SCRATCH)
        keys.setdefault("mounts", [cls.stories.mount()])
        return pool_toml(name, **keys)

    @classmethod
    def apply(cls, name, **keys):
        return cls.mayflyd.apply(cls.pool_text(name, **keys))

    def command(self, *args, **options):
        """`mayfly …`, with its exit code and what it wrote."""
        return subprocess.run(
            [os.path.join(PROGRAMS, "mayfly"), "--socket", self.mayflyd.socket, *args],
            capture_output=True, text=True, timeout=60, check=False, **options)

    def json(self, *args):
        return json.loads(self.mayflyd.mayfly(*args, "-o", "json"))

    # ---- looking ------------------------------------------------------------------------------

    def wait(self, condition, what, seconds=30):
        return wait_until(condition, what, seconds, self.mayflyd.process)

    @classmethod
    def pools(cls):
        return cls.mayflyd.api.get("/v1/pools")["pools"]

    @classmethod
    def exits(cls, pool):
        """The latest first."""
        return cls.mayflyd.api.get(f"/v1/exits?pool={pool}&limit=1000")["exits"]

    def workers(self, pool):
        rows = self.mayflyd.api.get("/v1/workers")["workers"]
        return [row for row in rows if row["pool"] == pool]

    def spares(self, pool):
        return self.mayflyd.api.get(f"/v1/spares?pool={pool}")["spares"]

    def ready_spares(self, pool):
        return [spare for spare in self.spares(pool) if spare["gate_ready"]]

    def running(self, pool):
        return [w for w in self.workers(pool) if w["phase"] == "running"]

    def wait_running(self, pool, count, seconds=60):
        return self.wait(lambda: len(found := self.running(pool)) == count and found,
                         f"{count} running workers of {pool}", seconds)

    def wait_replaced(self, pool, old, count=1):
        """Until the pool is full again, without that worker."""
        return self.wait(lambda: len(found := self.running(pool)) == count and
                         old not in {worker["name"] for worker in found} and found,
                         f"the one after {old}", 60)

    def rest(self, pool):
        """Lets its workers end without others in their place."""
        self.mayflyd.mayfly("pause", pool)
        self.wait(lambda: not self.workers(pool), f"{pool} to rest", 60)

    def why(self, pool, slot=0):
        return self.mayflyd.api.get(f"/v1/why/{pool}/{slot}")

    def wait_why(self, pool, reason, slot=0):
        return self.wait(lambda: (why := self.why(pool, slot))["reason"] == reason and why,
                         f"{pool}/{slot} to be empty for {reason}", 60)

    def events(self, pool):
        """Those still kept, the oldest first."""
        lines = self.mayflyd.mayfly("events", "-o", "json").splitlines()
        return [event for event in map(json.loads, lines) if event["pool"] == pool]

    def pids(self, pool):
        """Worker → the process id of its container, from the runtime itself."""
        return {worker: pid for worker, pid in self.runtime.pids().items()
                if worker.rsplit("-", 2)[0] == pool}

    def memory_kib(self):
        return number_of(self.mayflyd.process.pid, "status", "VmRSS")

    # ---- judging ------------------------------------------------------------------------------

    def assert_each_exit_recorded_once(self, pool):
        """Each life that ended has one record, with what it ended with. Returns how many records
        say that this cannot be known. REQUIRES: the pool rests."""
        running = {worker["name"] for worker in self.workers(pool)}
        records = [record for record in self.exits(pool) if record["slot"] is not None]
        names = [record["worker"] for record in records]
        self.assertLess(len(names), 1000, "more than one answer holds: shorten the test")
        self.assertEqual(len(names), len(set(names)), "a worker with two records")
        lives = self.stories.lives(pool)
        self.assertEqual(set(lives) - running - set(names), set(), "lives without a record")
        for record in records:
            self._assert_record_tells(lives.get(record["worker"]), record)
        return sum(record["code"] is None and record["signal"] is None for record in records)

    def _assert_record_tells(self, life, record):
        if record["code"] is None and record["signal"] is None:
            self.assertEqual(record["class"], "lost", record)
            return
        if record["class"] in ("done", "fail"):
            self.assertIsNotNone(life, record)
        if life is None:
            return
        self.assertEqual(record["slot"], life.slot, record)
        if life.code is not None and record["class"] != "ours":
            self.assertEqual(record["code"], life.code, record)


class ImageCase(DaemonCase):
    """Its tests bring images of their own. One that is left is a snapshot that is left."""

    def tearDown(self):
        self.delete_pools()
        for row in self.json("image", "ls")["images"]:
            if row["name"] not in (SCRATCH, SHELL):
                self.mayflyd.mayfly("image", "rm", row["digest"])
        super().tearDown()


class OnEngine:
    @classmethod
    def open_files(cls):
        """Without the connections that are kept: those come as they are needed, some, and stay."""
        files = super().open_files()
        kept = cls.runtime.connections()
        if kept > KEPT_MAX:
            raise AssertionError(f"{kept} connections to {cls.runtime.kind}")
        others = [file for file in files if file != "socket"]
        return sorted(others + ["socket"] * max(0, len(files) - len(others) - kept))


class OnDocker(OnEngine):
    """Before a class of tests among the bases of another: the same on a dockerd with live-restore."""

    images_folder = "d/data"

    @classmethod
    def _start_runtime(cls, place):
        return Dockerd(place, Containerd(place))


class OnPodman(OnEngine):
    """The same on Podman's service."""

    images_folder = "p/root"

    @classmethod
    def _start_runtime(cls, place):
        return Podman(place)
