"""What the agent itself costs: with 100 workers and nothing happening, and per respawn."""

import time

import figures
import supervisors
import usage
from lab.daemons import Containerd, Mayflyd
from lab.process import wait_until
from supervisors import Case

A_DAY_MS = 86_400_000


def add_options(parser):
    parser.add_argument("--workers", type=int, default=100, help="how many live (100)")
    parser.add_argument("--seconds", type=float, default=30, help="of each measurement (30)")


def _at_rest(mayflyd, seconds):
    pid = mayflyd.process.pid
    time.sleep(5)
    cpu, wakeups, start = usage.cpu_s(pid), usage.wakeups(pid), time.monotonic()
    time.sleep(seconds)
    passed = time.monotonic() - start
    return {"cpu_percent": round(100 * (usage.cpu_s(pid) - cpu) / passed, 3),
            "wakeups_per_s": round((usage.wakeups(pid) - wakeups) / passed, 2),
            **usage.memory_mib(pid), "threads": usage.threads(pid),
            "descriptors": usage.descriptors(pid)}


def _per_respawn(bench, mayflyd, seconds):
    pid = mayflyd.process.pid
    path, inside = bench.new_stamps()
    bench.apply(mayflyd, Case(1000, 8, seconds), inside, standby=8)
    wait_until(lambda: mayflyd.pool("bench")["spares_ready"] > 0, "spares", 60)
    before = mayflyd.pool("bench")["timings"]["gap"]["count"], usage.cpu_s(pid)
    time.sleep(seconds)
    after = mayflyd.pool("bench")["timings"]["gap"]["count"], usage.cpu_s(pid)
    respawns = after[0] - before[0]
    return {"respawns": respawns,
            "cpu_ms_per_respawn": round(1000 * (after[1] - before[1]) / max(1, respawns), 3)}


def run(place, given):
    bench = supervisors.Bench(place, given.programs)
    containerd = Containerd(place)
    containerd.ctr("images", "import", bench.archive)
    mayflyd = Mayflyd(place, containerd, given.programs)
    empty = {"what": "no pool", **_at_rest(mayflyd, given.seconds)}
    _, inside = bench.new_stamps()
    bench.apply(mayflyd, Case(A_DAY_MS, given.workers, 0), inside, standby=0)
    wait_until(lambda: mayflyd.pool("bench")["running"] == given.workers, "all workers", 300)
    full = {"what": f"{given.workers} workers at rest", **_at_rest(mayflyd, given.seconds)}
    mayflyd.delete("bench")
    busy = {"what": "8 workers, a life of 1 s each",
            **_per_respawn(bench, mayflyd, given.seconds)}
    return [empty, full, busy]


def show(rows):
    keys = ["what", "rss_mib", "pss_mib", "cpu_percent", "wakeups_per_s", "threads", "descriptors",
            "respawns", "cpu_ms_per_respawn"]
    print(figures.table(["mayflyd with", "RSS MiB", "PSS MiB", "cpu %", "wake-ups/s", "threads",
                         "fds", "respawns", "cpu ms each"],
                        [[row.get(key) for key in keys] for row in rows]))
