"""A pull from a registry on loopback: Mayfly's own, `ctr images pull` and `docker pull`."""

import os
import random
import statistics
import sys
import time

import figures
from lab import image
from lab.daemons import Containerd
from lab.engines import Dockerd
from lab.process import Trouble, run as run_program
from lab.registry import Registry

MIB = 1 << 20


def add_options(parser):
    parser.add_argument("--mib", type=int, default=50, help="of the image (50)")
    parser.add_argument("--layers", type=int, default=8, help="of the image (8)")
    parser.add_argument("--rounds", type=int, default=7, help="each client pulls so often (7)")


def _push(registry, mib, layers):
    """Bytes that do not compress, in layers of one size, of files of up to a megabyte."""
    chance = random.Random(1)
    packed, diff_ids = [], []
    for number in range(layers):
        left, files = mib * MIB // layers, {}
        while left > 0:
            size = min(left, MIB)
            files[f"layer-{number}/file-{len(files)}"] = chance.randbytes(size)
            left -= size
        content, diff_id = image.layer(files)
        packed.append(content)
        diff_ids.append(diff_id)
    name, _ = registry.push("bench", "1", image.config_of(diff_ids), packed)
    return name


class MayflyClient:
    """The driver in a program of its own, as ctr is one."""
    name = "mayfly"

    def __init__(self, containerd, programs):
        self.containerd = containerd
        self.program = os.path.join(programs, "bench_pull")

    def pull(self, name):
        run_program([self.program, "--socket", self.containerd.socket,
                     "--namespace", self.containerd.namespace, name])

    def remove(self):
        names = self.containerd.ctr("images", "ls", "-q").split()
        self.containerd.ctr("images", "rm", "--sync", *names)
        left = {kind: self.containerd.ctr(*kind.split(), "ls", "-q").split()
                for kind in ("content", "leases")}
        if any(left.values()):
            raise Trouble(f"a pull has left {left}")


class CtrClient(MayflyClient):
    name = "ctr"

    def pull(self, name):
        self.containerd.ctr("images", "pull", "--plain-http", name)


class DockerClient:
    name = "docker"

    def __init__(self, docker):
        self.docker = docker

    def pull(self, name):
        self.docker.docker("pull", name)

    def remove(self):
        self.docker.docker("rmi", "-f", *self.docker.docker("images", "-q").split())


def run(place, given):
    registry = Registry(place)
    name = _push(registry, given.mib, given.layers)
    containerd = Containerd(place)
    clients = [MayflyClient(containerd, given.programs), CtrClient(containerd, given.programs),
               DockerClient(Dockerd(place, containerd))]
    took = {client.name: [] for client in clients}
    # In turn, so that whatever else the machine does meets all of them; the first is to warm up.
    for number in range(given.rounds + 1):
        print(f"  … round {number} of {given.rounds}", file=sys.stderr, flush=True)
        for client in clients:
            start = time.monotonic()
            client.pull(name)
            seconds = time.monotonic() - start
            client.remove()
            if number > 0:
                took[client.name].append(1000 * seconds)
    mayfly = statistics.median(took["mayfly"])
    return [{"client": client.name, "pulls": len(took[client.name]),
             "p50_ms": round(statistics.median(took[client.name]), 1),
             "min_ms": round(min(took[client.name]), 1), "max_ms": round(max(took[client.name]), 1),
             "by_mayflys": round(statistics.median(took[client.name]) / mayfly, 2)}
            for client in clients]


def show(rows):
    keys = ["client", "pulls", "p50_ms", "min_ms", "max_ms", "by_mayflys"]
    print(figures.table(["client", "pulls", "p50 ms", "min ms", "max ms", "× Mayfly's"],
                        [[row[key] for key in keys] for row in rows]))
