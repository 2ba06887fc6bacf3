"""Thousands of respawns: whether the gap grows, and whether anything stays behind."""

import os
import sys
import time

import figures
import stamps
import supervisors
import usage
from lab.daemons import Containerd, Mayflyd
from lab.process import Trouble, wait_until
from supervisors import Case


def add_options(parser):
    parser.add_argument("--respawns", type=int, default=5000, help="how many (5000)")
    parser.add_argument("--slots", type=int, default=4, help="how many workers at a time (4)")
    parser.add_argument("--life-ms", type=int, default=300, help="how long each lives (300)")


def _left(place, containerd, mayflyd):
    run_folder = mayflyd.run_folder
    return {**containerd.count(), "cgroups": len(place.cgroups()),
            "mounts": len(place.mounts()),
            "sockets": sum(name.endswith(".sock") for _, _, names in os.walk(run_folder)
                           for name in names),
            "fds": usage.descriptors(mayflyd.process.pid),
            "threads": usage.threads(mayflyd.process.pid),
            **usage.memory_mib(mayflyd.process.pid)}


def _until(bench, mayflyd, path, wanted, exits):
    """Lets it run, sampling memory as it goes."""
    samples = []
    progress_at = time.monotonic()
    while (count := stamps.count(path)) < wanted:
        exits.fetch()
        samples.append({"respawns": count, **usage.memory_mib(mayflyd.process.pid)})
        time.sleep(5)
        if stamps.count(path) > count:
            progress_at = time.monotonic()
        if time.monotonic() - progress_at > 60:
            raise Trouble(f"no respawn for a minute, after {count}")
        print(f"  … {count} of {wanted}", end="\r", file=sys.stderr, flush=True)
    exits.fetch()
    return samples


def run(place, given):
    bench = supervisors.Bench(place, given.programs)
    containerd = Containerd(place)
    containerd.ctr("images", "import", bench.archive)
    mayflyd = Mayflyd(place, containerd, given.programs)
    before = _left(place, containerd, mayflyd)
    path, inside = bench.new_stamps()
    exits = supervisors.Exits(mayflyd)
    bench.apply(mayflyd, Case(given.life_ms, given.slots, 0), inside, standby=8)
    wait_until(lambda: mayflyd.pool("bench")["running"] == given.slots, "the pool to fill", 60)
    samples = _until(bench, mayflyd, path, given.respawns + given.slots, exits)
    during = _left(place, containerd, mayflyd)
    mayflyd.delete("bench")
    after = _left(place, containerd, mayflyd)
    gaps = [gap for gap in stamps.gaps(stamps.read(path)) if exits.had_spare(gap)]
    first = figures.gap_figures([gap.ns for gap in gaps[:100]])
    last = figures.gap_figures([gap.ns for gap in gaps[-1000:]])
    return {"first_100": first, "last_1000": last,
            "ratio": round(last["p50_ms"] / first["p50_ms"], 2),
            "with_spare": len(gaps), "before": before, "during": during, "after": after,
            "memory": samples}


def show(result):
    print(figures.table(["gap with a spare", "gaps", "p50 ms", "p99 ms", "max ms"],
                        [["the first 100", *result["first_100"].values()],
                         ["the last 1,000", *result["last_1000"].values()]]))
    print(f"\n  last p50 / first p50: {result['ratio']}\n")
    kinds = list(result["before"])
    print(figures.table(["what is there", *kinds],
                        [[when, *(result[when][kind] for kind in kinds)]
                         for when in ("before", "during", "after")]))
    rss = [sample["rss_mib"] for sample in result["memory"]]
    if rss:
        print(f"\n  RSS of mayflyd, MiB: {rss[0]} at first, {max(rss)} at most, {rss[-1]} at last")
