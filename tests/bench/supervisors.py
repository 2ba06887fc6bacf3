"""The ways of keeping a worker alive that are measured beside each other.

Each runs the same static worker for some seconds and leaves its stamps. A case is (life_ms, slots,
seconds); a worker is replaced in its slot by whatever means the way has.
"""

import collections
import contextlib
import os
import threading
import time

import stamps
from lab import image
from lab.process import run

Case = collections.namedtuple("Case", "life_ms slots seconds")

IMAGE = "mayfly.local/bench:1"
STAMPS_MAX = 200_000


class Bench:
    """What all ways share: the place, the worker, its image, the folder of stamps."""

    def __init__(self, place, programs):
        self.place = place
        self.programs = programs
        self.worker = os.path.join(programs, "bench_worker")
        self.archive = place.path("bench.tar")
        image.one_program(self.archive, IMAGE, self.worker)
        self.stamps_folder = place.make_folder("stamps", 0o777)
        self._files = 0

    def new_stamps(self):
        """A fresh stamp file: its path here, and its path in a container."""
        self._files += 1
        name = f"stamps-{self._files}"
        path = os.path.join(self.stamps_folder, name)
        stamps.create(path, STAMPS_MAX)
        os.chmod(path, 0o666)
        return path, "/stamps/" + name


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


def docker_restart(bench, docker, case):
    """`docker run --restart=always`, one container per slot."""
    path, inside = bench.new_stamps()
    names = []
    for slot in range(case.slots):
        names.append(f"bench-{slot}")
        docker.docker("run", "-d", "--restart=always", "--network=none", "--name", names[-1],
                      "-v", f"{bench.stamps_folder}:/stamps", "-e", f"MAYFLY_SLOT={slot}",
                      "--entrypoint", "/bench_worker", IMAGE, inside, str(case.life_ms))
    time.sleep(case.seconds)
    with contextlib.suppress(Exception):
        docker.docker("rm", "-f", *names)
    return stamps.gaps(stamps.read(path))
