"""Replacements per second with workers that exit at once: Mayfly, raw containerd calls, `ctr run`."""

import json
import os
import statistics
import sys
import time

import figures
import stamps
import supervisors
from lab.daemons import Containerd, Mayflyd
from lab.process import run as run_program
from supervisors import Case

STREAMS = (1, 2, 4, 8)
RAW, CTR, MAYFLY = WAYS = ("raw calls", "ctr run --rm", "mayfly")


def add_options(parser):
    parser.add_argument("--seconds", type=float, default=10, help="of each measurement (10)")
    parser.add_argument("--rounds", type=int, default=3,
                        help="the ways take turns so often, and each one's median counts (3)")
    parser.add_argument("--slots", type=int, default=8, help="Mayfly's pool (8)")


def _progress(text):
    print("  … " + text, file=sys.stderr, flush=True)


def _raw(bench, containerd, streams, seconds):
    """Create, start, wait, remove by the driver's own calls, in so many streams."""
    _, inside = bench.new_stamps()
    answer = run_program(
        [os.path.join(bench.programs, "bench_raw_containerd"), "--socket", containerd.socket,
         "--namespace", containerd.namespace, "--image", supervisors.IMAGE,
         "--cgroup-parent", "/" + containerd.namespace, "--streams", str(streams),
         "--mount", bench.stamps_folder, "--mounted-at", "/stamps",
         "--seconds", str(seconds), "--command", "/bench_worker", inside, "0"],
        seconds=seconds + 60)
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
    mayflyd = Mayflyd(place, containerd, given.programs)
    rates = {}

    def measure(way, streams, rate):
        _progress(f"{way}, {streams} streams")
        rates.setdefault((way, streams), []).append(rate())

    for _ in range(given.rounds):
        for streams in STREAMS:
            measure(RAW, streams, lambda n=streams: _raw(bench, containerd, n, given.seconds))
        measure(MAYFLY, given.slots, lambda: _mayfly(bench, mayflyd, given.slots, given.seconds))
        for streams in STREAMS:
            measure(CTR, streams, lambda n=streams: _ctr(bench, containerd, n, given.seconds))
    return _compared(rates)


def _compared(rates):
    """Rows of the medians, Mayfly's last and beside the best of each other way."""
    rows = [{"way": way, "streams": streams, "lives_per_s": round(statistics.median(found), 2),
             "all": [round(rate, 2) for rate in found]}
            for (way, streams), found in sorted(rates.items(), key=lambda item: WAYS.index(item[0][0]))]
    best = {way: max(row["lives_per_s"] for row in rows if row["way"] == way) for way in WAYS}
    rows[-1]["to_raw"] = round(best[MAYFLY] / best[RAW], 2)
    rows[-1]["to_ctr"] = round(best[MAYFLY] / best[CTR], 2)
    return rows


def show(rows):
    keys = ["way", "streams", "lives_per_s", "to_raw", "to_ctr"]
    print(figures.table(["way", "streams", "lives/s", "to the best raw", "to the best ctr"],
                        [[row.get(key) for key in keys] for row in rows]))
