"""The respawn gap, side by side: a bare loop, Mayfly, `ctr run --rm` in a loop, Docker's restarts."""

import sys

import figures
import supervisors
from lab.daemons import Containerd, Dockerd, Mayflyd
from supervisors import Case

LIVES_MS = {20: 15, 200: 20, 1000: 40}  # life -> seconds of each run
SPARES = 32

EXPLANATION = """\
Gap: from a worker's last stamp to the first stamp of the next in its slot, both taken inside of the
worker by CLOCK_MONOTONIC. Bare: a loop of fork, exec and waitid, with no container at all.
Mayfly counts the gaps for which a spare was held and ready when the worker before ended; `misses` are
the others. With hold=app the spare is the worker's own program, which waits at the gate by itself.
Where the slots would use up spares faster than a node makes containers, each slot rests after its share
of the spares until they are made again (the rests are not cut out: they are lives).
"""

PARTS = """\
Where Mayfly's gap goes, medians in ms. decide: the agent has seen the exit, until the release is sent.
exec: until the agent sees that the gate has executed the command. outside: what the agent cannot see:
from the last stamp to its wake-up (the kernel ends the process), and from the exec to the first stamp
(the program's own start).
"""


def add_options(parser):
    parser.add_argument("--lives", type=int, nargs="*", default=[20, 200, 1000],
                        metavar="MS", help="how long the workers live (20 200 1000)")
    parser.add_argument("--slots", type=int, nargs="*", default=[1, 8], metavar="N",
                        help="how many live at a time (1 8)")
    parser.add_argument("--seconds", type=float, help="length of each run")
    parser.add_argument("--ways", nargs="*", default=["bare", "mayfly", "mayfly-app", "ctr", "docker"],
                        help="which to measure (bare mayfly mayfly-app ctr docker)")


def _progress(text):
    print("  … " + text, file=sys.stderr, flush=True)


def _parts(gaps, exits):
    """Medians of the parts; None where the daemon did not record them."""
    rows = [(gap.ns / 1e3, record["gap_us"], record["gap_decide_us"], record["gap_exec_us"])
            for gap in gaps if (record := exits.of(gap.after))]
    rows = [row for row in rows if None not in row]
    if not rows:
        return {}
    def median(values):
        return round(figures.quantile(values, 0.5) / 1000, 3)
    return {"decide_ms": median([row[2] for row in rows]),
            "exec_ms": median([row[3] for row in rows]),
            "outside_ms": median([row[0] - row[1] for row in rows])}


class Respawn:
    def __init__(self, place, given):
        self.bench = supervisors.Bench(place, given.programs)
        self.given = given
        self.place = place
        self.rows = []

    def _row(self, way, case, gaps, more=None):
        row = {"way": way, "life_ms": case.life_ms, "slots": case.slots,
               **figures.gap_figures([gap.ns for gap in gaps]), **(more or {})}
        bare = [r for r in self.rows if r["way"] == "bare" and r["life_ms"] == case.life_ms
                and r["slots"] == case.slots]
        if bare and row["p50_ms"] and bare[0]["p50_ms"]:
            row["ratio"] = round(row["p50_ms"] / bare[0]["p50_ms"], 2)
        self.rows.append(row)

    def _mayfly(self, case, mayflyd):
        gaps, exits = supervisors.mayfly_pool(self.bench, mayflyd, case, SPARES)
        judged = [(gap, exits.had_spare(gap)) for gap in gaps]
        hits = [gap for gap, hit in judged if hit]
        more = {"misses": sum(1 for _, hit in judged if hit is False),
                "unjudged": sum(1 for _, hit in judged if hit is None), **_parts(hits, exits)}
        self._row("mayfly, hold=app" if case.hold == "app" else "mayfly", case, hits, more)

    def run(self):
        ways = self.given.ways
        containerd = Containerd(self.place)
        containerd.ctr("images", "import", self.bench.archive)
        mayflyd = None
        if {"mayfly", "mayfly-app"} & set(ways):
            mayflyd = Mayflyd(self.place, containerd, self.given.programs)
        docker = None
        if "docker" in ways:
            docker = Dockerd(self.place, containerd)
            docker.docker("load", "-i", self.bench.archive)
        measures = {"bare": lambda case: self._row("bare", case, supervisors.bare(self.bench, case)),
                    "mayfly": lambda case: self._mayfly(case, mayflyd),
                    "mayfly-app": lambda case: self._mayfly(case._replace(hold="app"), mayflyd),
                    "ctr": lambda case: self._row(
                        "ctr run --rm", case, supervisors.ctr_run(self.bench, containerd, case)),
                    "docker": lambda case: self._row(
                        "docker restart", case,
                        supervisors.docker_restart(self.bench, docker, case))}
        for life_ms in self.given.lives:
            for slots in self.given.slots:
                for way in ways:
                    case = Case(life_ms, slots, self.given.seconds or LIVES_MS.get(life_ms, 30))
                    _progress(f"{way}: lives of {life_ms} ms, {slots} at a time, {case.seconds:g} s")
                    measures[way](case)
        return self.rows


def run(place, given):
    return Respawn(place, given).run()


def show(rows):
    keys = ["life_ms", "slots", "way", "count", "p50_ms", "p99_ms", "max_ms", "ratio", "misses"]
    print(figures.table(["life ms", "slots", "way", "gaps", "p50 ms", "p99 ms", "max ms",
                         "p50 / bare", "misses"],
                        [[row.get(key) for key in keys] for row in rows]))
    print("\n" + EXPLANATION)
    parts = [row for row in rows if "decide_ms" in row]
    if parts:
        keys = ["life_ms", "slots", "p50_ms", "decide_ms", "exec_ms", "outside_ms"]
        print(figures.table(["life ms", "slots", "gap", "decide", "exec", "outside"],
                            [[row.get(key) for key in keys] for row in parts]))
        print("\n" + PARTS)
