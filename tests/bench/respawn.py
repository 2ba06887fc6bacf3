"""The respawn gap, side by side: a bare loop, Mayfly on each runtime, a loop of `ctr run --rm`, and the
restarts of Docker and Podman."""

import collections
import functools
import sys

import figures
import supervisors
from lab.daemons import Containerd, Mayflyd
from lab.engines import Dockerd, Podman
from supervisors import Case

LIVES_MS = {20: 15, 200: 20, 1000: 40}  # life -> seconds of each way
SPARES = 32
WAYS = ("bare", "mayfly", "mayfly-gate", "mayfly-app", "ctr", "docker", "podman")
MAYFLY = {"mayfly": "exec", "mayfly-gate": "gate", "mayfly-app": "app"}  # way -> hold
RUNTIMES = ("containerd", "docker", "podman")

EXPLANATION = """\
Gap: from a worker's last stamp to the first stamp of the next in its slot, both taken inside of the
worker by CLOCK_MONOTONIC. Bare: a loop of fork, exec and waitid, with no container at all.
Mayfly counts the gaps for which a spare was held and ready when the worker before ended; `misses` are
the others. The spare is the worker's own program, stopped before its first instruction; with hold=gate
it waits at the gate, to be executed, and with hold=app by itself.
The first lives of a round rest until the spares are made; where the slots would use them up faster than
a runtime makes containers, each slot rests again before each further share of them (the rests are not
cut out: they are lives).
The ways take turns, in as many rounds as --rounds says; only Docker's restarts, which wait longer each
time, are one run.
"""

PARTS = """\
Where Mayfly's gap goes, medians in ms. decide: the agent has seen the exit, until the release is sent.
exec: with hold=gate, until the agent sees that the gate has executed the command. outside: what the agent cannot see:
from the last stamp to its wake-up (the kernel ends the process), and from the exec to the first stamp
(the program's own start).
"""


def add_options(parser):
    parser.add_argument("--lives", type=int, nargs="+", default=[20, 200, 1000],
                        metavar="MS", help="how long the workers live (20 200 1000)")
    parser.add_argument("--slots", type=int, nargs="+", default=[1, 8], metavar="N",
                        help="how many live at a time (1 8)")
    parser.add_argument("--seconds", type=float, help="of each way, all rounds together")
    parser.add_argument("--rounds", type=int, default=2, metavar="N",
                        help="in which the ways take turns (2)")
    parser.add_argument("--ways", nargs="+", choices=WAYS, metavar="WAY",
                        default=["bare", "mayfly", "mayfly-gate", "mayfly-app", "ctr", "docker"],
                        help="which to measure, of " + " ".join(WAYS) + " (all but podman)")
    parser.add_argument("--runtime", nargs="+", choices=RUNTIMES, metavar="KIND",
                        default=["containerd"],
                        help="what Mayfly runs on: containerd docker podman (containerd)")


def _progress(text):
    print("  … " + text, file=sys.stderr, flush=True)


# A way: measure(case) -> Sample. One that is `whole` is measured once, not in rounds.
Way = collections.namedtuple("Way", "name measure whole", defaults=[False])


class Sample:
    """What one round of a way has shown, or several of them."""

    def __init__(self, gaps, exits=None):
        """gaps: stamps.Gap. exits: supervisors.Exits, of Mayfly: only gaps with a spare count."""
        judged = [(gap, exits.had_spare(gap) if exits else True) for gap in gaps]
        hits = [gap for gap, hit in judged if hit]
        self.gaps_ns = [gap.ns for gap in hits]
        self.misses = sum(hit is False for _, hit in judged)
        self.unjudged = sum(hit is None for _, hit in judged)
        self.is_judged = exits is not None
        records = [(gap, exits.of(gap.after)) for gap in hits] if exits else []
        self.parts_us = [_parts(gap, record) for gap, record in records if record]

    def add(self, other):
        self.gaps_ns += other.gaps_ns
        self.misses += other.misses
        self.unjudged += other.unjudged
        self.parts_us += other.parts_us
        return self

    def row(self):
        row = figures.gap_figures(self.gaps_ns)
        if self.is_judged:
            row |= {"misses": self.misses, "unjudged": self.unjudged}
        parts = [part for part in self.parts_us if None not in part]
        for name, values in zip(("decide_ms", "exec_ms", "outside_ms"), zip(*parts)):
            row[name] = round(figures.quantile(values, 0.5) / 1000, 3)
        return row


def _parts(gap, record):
    """decide, exec, outside. None: the daemon did not record it."""
    seen = record["gap_us"]
    return (record["gap_decide_us"], record["gap_exec_us"],
            None if seen is None else gap.ns / 1e3 - seen)


def to_rows(case, samples):
    """samples: the names of ways -> what they have shown. With what the others are compared with."""
    rows = [{"way": name, "life_ms": case.life_ms, "slots": case.slots, **sample.row()}
            for name, sample in samples.items()]
    p50 = {row["way"]: row["p50_ms"] for row in rows}
    for row in rows:
        if row["p50_ms"] and p50.get("bare"):
            row["ratio"] = round(row["p50_ms"] / p50["bare"], 2)
        if row["p50_ms"] and row["way"].startswith("mayfly") and p50.get("mayfly, containerd"):
            row["by_containerd"] = round(row["p50_ms"] / p50["mayfly, containerd"], 2)
    return rows


class Daemons:
    """What the ways need, and no more."""

    def __init__(self, place, bench, given):
        wanted = set(given.ways) & set(RUNTIMES)
        if MAYFLY.keys() & set(given.ways):
            wanted |= set(given.runtime)
        self.containerd = Containerd(place)
        self.containerd.load(bench.archive)
        self.by_kind = {"containerd": self.containerd}
        if "docker" in wanted:
            self.by_kind["docker"] = Dockerd(place, self.containerd)
            self.by_kind["docker"].load(bench.archive)
        if "podman" in wanted:
            self.by_kind["podman"] = Podman(place)
            self.by_kind["podman"].load(bench.archive)


def _mayfly(bench, mayflyd, supply_per_s, hold, case):
    case = case._replace(hold=hold)
    return Sample(*supervisors.mayfly_pool(bench, mayflyd, case, SPARES, supply_per_s))


class MayflyWays:
    """Of each runtime one daemon, whatever its pools hold at."""

    def __init__(self, bench, daemons, given):
        self._bench = bench
        self._mayflyds = {kind: Mayflyd(bench.place.corner(kind), daemons.by_kind[kind],
                                        given.programs)
                          for kind in (given.runtime if MAYFLY.keys() & set(given.ways) else [])}

    def holding_at(self, hold):
        remark = "" if hold == MAYFLY["mayfly"] else ", hold=" + hold
        return [Way(f"mayfly, {kind}{remark}", functools.partial(
                    _mayfly, self._bench, mayflyd, supervisors.SUPPLY_PER_S[kind], hold))
                for kind, mayflyd in self._mayflyds.items()]


def ways_of(place, given):
    """In the order in which they are asked for."""
    bench = supervisors.Bench(place, given.programs)
    daemons = Daemons(place, bench, given)
    mayfly = MayflyWays(bench, daemons, given)
    makers = {
        "bare": lambda: [Way("bare", lambda case: Sample(supervisors.bare(bench, case)))],
        **{way: functools.partial(mayfly.holding_at, hold) for way, hold in MAYFLY.items()},
        "ctr": lambda: [Way("ctr run --rm", lambda case: Sample(
            supervisors.ctr_run(bench, daemons.containerd, case)))],
        "docker": lambda: [Way("docker restart", lambda case: Sample(
            supervisors.engine_restart(bench, daemons.by_kind["docker"], case)), True)],
        "podman": lambda: [Way("podman restart", lambda case: Sample(
            supervisors.engine_restart(bench, daemons.by_kind["podman"], case)))]}
    return [way for name in given.ways for way in makers[name]()]


def measure(ways, case, rounds):
    """Of all ways in turn. Returns what each has shown by its name."""
    samples = {}
    for number in range(rounds):
        for way in ways:
            if way.whole and number > 0:
                continue
            seconds = case.seconds if way.whole else case.seconds / rounds
            _progress(f"{way.name}: lives of {case.life_ms} ms, {case.slots} at a time, "
                      f"{seconds:g} s")
            sample = way.measure(case._replace(seconds=seconds))
            samples[way.name] = samples[way.name].add(sample) if way.name in samples else sample
    return samples


def run(place, given):
    ways = ways_of(place, given)
    rows = []
    for life_ms in given.lives:
        for slots in given.slots:
            case = Case(life_ms, slots, given.seconds or LIVES_MS.get(life_ms, 30))
            rows += to_rows(case, measure(ways, case, given.rounds))
    return rows


def show(rows):
    keys = ["life_ms", "slots", "way", "count", "p50_ms", "p99_ms", "max_ms", "ratio",
            "by_containerd", "misses"]
    print(figures.table(["life ms", "slots", "way", "gaps", "p50 ms", "p99 ms", "max ms",
                         "p50 / bare", "/ containerd", "misses"],
                        [[row.get(key) for key in keys] for row in rows]))
    print("\n" + EXPLANATION)
    parts = [row for row in rows if "decide_ms" in row]
    if parts:
        keys = ["life_ms", "slots", "way", "p50_ms", "decide_ms", "exec_ms", "outside_ms"]
        print(figures.table(["life ms", "slots", "way", "gap", "decide", "exec", "outside"],
                            [[row.get(key) for key in keys] for row in parts]))
        print("\n" + PARTS)
