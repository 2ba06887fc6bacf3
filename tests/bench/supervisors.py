"""The ways of keeping a worker alive that are measured beside each other.

Each runs the same static worker for some seconds and leaves its stamps. A case is (life_ms, slots,
seconds); a worker is replaced in its slot by whatever means the way has. `hold` is for Mayfly's pools.
"""

import collections
import os
import threading
import time

import stamps
from lab import image
from lab.exits import had_spare
from lab.process import run, wait_until

Case = collections.namedtuple("Case", "life_ms slots seconds hold", defaults=["exec"])

IMAGE = "mayfly.local/bench:1"
STAMPS_MAX = 200_000
NEVER = 1 << 40  # lives

POOL = """\
name = "bench"
image = "{image}"
command = [{command}]
replicas = {slots}
standby = {standby}
hold = "{hold}"
mounts = [{{source = "{folder}", target = "/stamps"}}]
"""


class Bench:
    """What all ways share: the place, the worker, its image, the folder of stamps."""

    def __init__(self, place, programs):
        self.place = place
        self.programs = programs
        self.worker = os.path.join(programs, "bench_worker")
        self.archive = place.path("bench.tar")
        image.one_program(self.archive, IMAGE, self.worker)
        self.stamps_folder = place.make_memory_folder("stamps", 0o777)
        self._files = 0

    def new_stamps(self):
        """A fresh stamp file: its path here, and its path in a container."""
        self._files += 1
        name = f"stamps-{self._files}"
        path = os.path.join(self.stamps_folder, name)
        stamps.create(path, STAMPS_MAX)
        os.chmod(path, 0o666)
        return path, "/stamps/" + name

    def apply(self, mayflyd, case, inside, standby, rhythm=()):
        """Makes the pool `bench` of this worker."""
        words = ["/bench_worker", inside, case.life_ms, *rhythm]
        mayflyd.apply(POOL.format(
            image=IMAGE, command=", ".join(f'"{word}"' for word in words), slots=case.slots,
            standby=standby, hold=case.hold, folder=self.stamps_folder))


def bare(bench, case):
    path, _ = bench.new_stamps()
    run([os.path.join(bench.programs, "bench_bare"), str(case.slots), str(case.seconds),
         bench.worker, path, str(case.life_ms)], seconds=case.seconds + 60)
    return stamps.gaps(stamps.read(path))


def ctr_run(bench, containerd, case):
    """Loops of `ctr run --rm`, one per slot."""
    path, inside = bench.new_stamps()
    end = time.monotonic() + case.seconds
    mount = f"type=bind,src={bench.stamps_folder},dst=/stamps,options=rbind:rw"

    def loop(slot):
        life = 0
        while time.monotonic() < end:
            life += 1
            containerd.ctr("run", "--rm", "--mount", mount, "--env", f"MAYFLY_SLOT={slot}",
                           "--env", "MAYFLY_WORKER=", IMAGE, f"bench-{slot}-{life}",
                           "/bench_worker", inside, str(case.life_ms))

    loops = [threading.Thread(target=loop, args=(slot,)) for slot in range(case.slots)]
    for thread in loops:
        thread.start()
    for thread in loops:
        thread.join()
    return stamps.gaps(stamps.read(path))


def engine_restart(bench, engine, case):
    """`docker run --restart=always`, or Podman's, one container per slot."""
    path, inside = bench.new_stamps()
    names = [f"bench-{slot}" for slot in range(case.slots)]
    for slot, name in enumerate(names):
        engine.command("run", "-d", "--restart=always", "--network=none", "--name", name,
                       "--cgroup-parent", engine.cgroup_parent,
                       "-v", f"{bench.stamps_folder}:/stamps", "-e", f"MAYFLY_SLOT={slot}",
                       "--entrypoint", "/bench_worker", IMAGE, inside, str(case.life_ms))
    time.sleep(case.seconds)

    def gone():
        # One that is about to start again may refuse.
        engine.remove(names)
        return not engine.command("ps", "-aq").split()
    wait_until(gone, f"the end of {engine.kind}'s containers", 60)
    return stamps.gaps(stamps.read(path))


class Exits:
    """The exit records of the pool, by worker; fetched often, since one answer holds 1,000."""

    def __init__(self, mayflyd):
        self.mayflyd = mayflyd
        self.by_worker = {}

    def fetch(self):
        for record in self.mayflyd.api.get("/v1/exits?pool=bench&limit=1000")["exits"]:
            self.by_worker[record["worker"]] = record

    def of(self, stamp):
        return self.by_worker.get(stamp.worker)

    def had_spare(self, gap):
        record = self.of(gap.after)
        return had_spare(record) if record else None


# Containers a second that 2 cpus make beside the workers, and no more.
SUPPLY_PER_S = {"containerd": 8, "docker": 4, "podman": 3}


def rhythm(case, spares, supply_per_s):
    """REST_EVERY and REST_MS for the worker, so that spares are there for each life.

    All rest at first, for as long as it takes to make the spares. Where the slots would use up more
    than the supply, each rests again before each further share of them.
    """
    lives = max(2, spares // case.slots)
    rest_ms = int(1000 * lives * case.slots / supply_per_s)
    is_supplied = case.slots * 1000 / case.life_ms <= supply_per_s
    return (NEVER if is_supplied else lives), rest_ms


def _wait_for_spares(mayflyd, standby, rest_ms):
    """Until the first lives, which rest while they are made, have ended."""
    rested = time.monotonic() + rest_ms / 1000
    wait_until(lambda: time.monotonic() > rested and
               mayflyd.pool("bench")["spares_ready"] >= min(standby, 2),
               "spares", 120, mayflyd.process)


def mayfly_pool(bench, mayflyd, case, standby, supply_per_s):
    """A pool with spares. Returns its gaps and its exit records."""
    path, inside = bench.new_stamps()
    pauses = rhythm(case, standby, supply_per_s)
    bench.apply(mayflyd, case, inside, standby, pauses)
    exits = Exits(mayflyd)
    _wait_for_spares(mayflyd, standby, pauses[1])
    end = time.monotonic() + case.seconds
    while time.monotonic() < end:
        time.sleep(min(5, max(0.1, end - time.monotonic())))
        exits.fetch()
    mayflyd.mayfly("scale", "bench", "0")
    wait_until(lambda: mayflyd.pool("bench")["workers"] == [], "the workers' end", 60)
    exits.fetch()
    mayflyd.delete("bench")
    return stamps.gaps(stamps.read(path)), exits
