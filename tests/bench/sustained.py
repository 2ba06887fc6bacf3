"""Replacements per second with workers that exit at once: Mayfly, raw containerd calls, `ctr run`."""

import json
import os
import sys
import time

import figures
import stamps
import supervisors
from lab.daemons import Containerd, Mayflyd
from lab.process import run as run_program
from supervisors import Case

STREAMS = (1, 2, 4, 8)


def add_options(parser):
    parser.add_argument("--seconds", type=float, default=20, help="of each measurement (20)")
    parser.add_argument("--slots", type=int, default=8, help="Mayfly's pool (8)")


def _progress(text):
    print("  … " + text, file=sys.stderr, flush=True)


def _raw(bench, containerd, streams, seconds):
    """Create, start, wait, remove by the driver's own calls, in so many streams."""
    answer = run_program(
        [os.path.join(bench.programs, "bench_raw_containerd"), "--socket", containerd.socket,
         "--namespace", containerd.namespace, "--image", supervisors.IMAGE,
         "--cgroup-parent", "/" + containerd.namespace, "--streams", str(streams),
         "--seconds", str(seconds), "--command", "/bench_worker"], seconds=seconds + 60)
    return json.loads(answer)["lives_per_s"]


def _ctr(bench, containerd, streams, seconds):
    start = time.monotonic()
    gaps = supervisors.ctr_run(bench, containerd, Case(0, streams, seconds))
    return (len(gaps) + streams) / (time.monotonic() - start)


def _mayfly(bench, mayflyd, slots, seconds):
    path, inside = bench.new_stamps()
    bench.apply(mayflyd, Case(0, slots, seconds), inside, standby=slots)
    time.sleep(5)  # past the filling of the pool: its first spares are made without replacing
    before, start = stamps.count(path), time.monotonic()
    time.sleep(seconds)
    rate = (stamps.count(path) - before) / (time.monotonic() - start)
    mayflyd.delete("bench")
    return rate


def run(place, given):
    bench = supervisors.Bench(place, given.programs)
    containerd = Containerd(place)
    containerd.ctr("images", "import", bench.archive)
    rows = []

    def measure(way, streams, rate):
        rows.append({"way": way, "streams": streams, "lives_per_s": round(rate, 2)})

    for way, rate in (("raw calls", _raw), ("ctr run --rm", _ctr)):
        for streams in STREAMS:
            _progress(f"{way}, {streams} streams")
            measure(way, streams, rate(bench, containerd, streams, given.seconds))
    mayflyd = Mayflyd(place, containerd, given.programs)
    _progress(f"mayfly, {given.slots} slots")
    measure("mayfly", given.slots, _mayfly(bench, mayflyd, given.slots, given.seconds))
    best = {way: max(row["lives_per_s"] for row in rows if row["way"] == way)
            for way in ("raw calls", "ctr run --rm")}
    rows[-1]["to_raw"] = round(rows[-1]["lives_per_s"] / best["raw calls"], 2)
    rows[-1]["to_ctr"] = round(rows[-1]["lives_per_s"] / best["ctr run --rm"], 2)
    return rows


def show(rows):
    keys = ["way", "streams", "lives_per_s", "to_raw", "to_ctr"]
    print(figures.table(["way", "streams", "lives/s", "to the best raw", "to the best ctr"],
                        [[row.get(key) for key in keys] for row in rows]))
