"""A fleet while its etcd goes through what etcds go through: sizes of pools, gaps, and the way back."""

import itertools
import sys
import time

import figures
import lives
import stamps
from lab.exits import had_spare
from lab.process import Trouble
from outage_fleet import ALONE, EACH, NODES, TOTAL, Fleet, Watcher
from outage_phases import PHASES

PATIENCE_S = 10  # a slot that is empty for longer misses its worker: no load keeps it so
RETURN_S = 45  # a node on the wire again is back: 30 s between tries, and a try at three members
KEEP_SHARE = 3  # a lease is kept so often in its time

EXPLANATION = """\
Beside the two nodes of the fleet, a and b, a third one without a coordinator runs the pool `each` in the same
minutes: `alone`. Gaps are of `each`, and those of `total` beside them: from the last stamp of a worker to the
first of the one after it, where a spare was held; `longest`: of `each`, with a spare or without. Sizes: the
smallest and the largest number of workers of `each` on a node and of `total` on both; a worker
counts as missing when its slot is empty for more than %d s. Contact and change: the seconds until
both nodes were in contact again and had applied a change that was made meanwhile, from when:
""" % PATIENCE_S


def add_options(parser):
    parser.add_argument("--phases", nargs="+", choices=PHASES, metavar="PHASE", default=list(PHASES),
                        help="which, of " + " ".join(PHASES) + " (all)")
    parser.add_argument("--quick", action="store_true", help="a short form of each phase")
    parser.add_argument("--slots", type=int, default=2, help="of `each`, on every node (2)")
    parser.add_argument("--total", type=int, default=3, help="of `total`, over the fleet (3)")
    parser.add_argument("--life-ms", type=int, default=1000, help="how long each worker lives (1000)")
    parser.add_argument("--claim-ttl", type=int, metavar="S",
                        help="of the coordinator (60; 10 with --quick)")


def _go_through(fleet, watcher, name, given):
    phase = PHASES[name]
    fleet.settle()
    seconds = phase.quick if given.quick else phase.seconds
    print(f"  … {name}: {phase.what}, {seconds} s", file=sys.stderr, flush=True)
    watcher.begin()
    begun = time.monotonic_ns()
    told = phase.act(fleet, seconds)
    time.sleep(2 * given.life_ms / 1000)  # the first lives after it
    return {"phase": name, "begun": begun, "ended": time.monotonic_ns(), **told, **watcher.end()}


def run(place, given):
    given.claim_ttl = given.claim_ttl or (10 if given.quick else 60)
    fleet = Fleet(place, given)
    watcher = Watcher(fleet)
    place.undo.callback(watcher.close)
    fleet.give_pools()
    fleet.warm_up()
    rows, trouble = [], None
    try:
        for name in given.phases:
            rows.append(_go_through(fleet, watcher, name, given))
        fleet.settle()
    except Trouble as found:  # what was measured before is worth its minutes
        trouble = str(found)
    time.sleep(2 * given.life_ms / 1000)  # so that each life of the last phase ends by itself
    watcher.end()
    left = fleet.take_pools()
    asked = {"slots": given.slots, "total": given.total, "claim_ttl": given.claim_ttl,
             "life_ms": given.life_ms}
    told = {(name, pool): fleet.lives(name, pool) for name in fleet.all for pool in (EACH, TOTAL)}
    return {"asked": asked, "left": left, "trouble": trouble,
            "phases": [{**row, **figures_of(row, told, watcher.exits, asked)} for row in rows]}


# ---- what the workers have seen ------------------------------------------------------------------


def figures_of(row, told, exits, asked):
    """told: node and pool → stamps. exits: node → worker → record."""
    begun, ended = row["begun"], row["ended"]

    def gaps(pool, *names):
        """With the records of those that came after them."""
        return [(gap.ns, exits[name].get(gap.after.worker)) for name in names
                for gap in stamps.gaps(told[name, pool]) if begun <= gap.after.first < ended]
    each, total, alone = gaps(EACH, *NODES), gaps(TOTAL, *NODES), gaps(EACH, ALONE)
    found = {"gap": _figures(each), "total_gap": _figures(total), "alone": _figures(alone)}
    return {**found, "to_alone": _ratio(found["gap"], found["alone"]),
            "respawns": len(each) + len(total), "longest_s": _longest_s(each),
            "alone_longest_s": _longest_s(alone), **_sizes(row, told, asked),
            "failed": _failed(row, told, exits)}


def _figures(gaps):
    """Of those for which a spare was held."""
    return figures.gap_figures([ns for ns, record in gaps if record and had_spare(record)])


def _longest_s(gaps):
    return round(max((ns for ns, _ in gaps), default=0) / 1e9, 3)


def _ratio(one, other):
    if not one["p50_ms"] or not other["p50_ms"]:
        return None
    return round(one["p50_ms"] / other["p50_ms"], 2)


def _extremes(found, begun, ended):
    """The fewest, with patience, and the most. found: lists of lives."""
    def counts(patience_s):
        spans = itertools.chain(*(lives.spans(each, patience_s * 10**9) for each in found))
        return [count for _, count in lives.profile(spans, begun, ended)]
    return [min(counts(PATIENCE_S)), max(counts(0))]


def _sizes(row, told, asked):
    begun, ended = row["begun"], row["ended"]
    sizes = {name: _extremes([told[name, EACH]], begun, ended) for name in (*NODES, ALONE)}
    totals = [told[name, TOTAL] for name in NODES]
    spans = itertools.chain(*map(lives.spans, totals))
    more = lives.over(lives.profile(spans, begun, ended), asked["total"], ended)
    twice = {}
    if more:
        origin = row.get("cut", begun)
        twice = {"twice_from_s": round((more[0] - origin) / 1e9, 1),
                 "twice_until_s": round((more[1] - row.get("mended", begun)) / 1e9, 1)}
    doubles = [worker for found in told.values() for worker in lives.doubles(
        [life for life in found if begun <= life.first < ended])]
    return {EACH: {name: sizes[name] for name in NODES}, "alone_size": sizes[ALONE],
            TOTAL: _extremes(totals, begun, ended), **twice, "doubles": doubles}


def _failed(row, told, exits):
    """Workers of the fleet that did not end by themselves, and what is known of their ends."""
    found = {}
    for name in NODES:
        for life in told[name, EACH] + told[name, TOTAL]:
            record = exits[name].get(life.worker)
            if row["begun"] <= life.first < row["ended"] and record and record["class"] != "done":
                found[f"{name}: {life.worker}"] = record["class"]
    return found


# ---- whether it is as it should be ---------------------------------------------------------------


def wrong(result):
    """What must not be, a line each."""
    found = [f"left behind: {count} {what}" for what, count in result["left"].items()]
    if result["trouble"]:
        found.append(result["trouble"])
    for row in result["phases"]:
        found += [f"{row['phase']}: {what}" for what in _wrong_in(row, result["asked"])]
    return found


def _wrong_in(row, asked):
    missing_alone = asked["slots"] - row["alone_size"][0]
    for name, (least, most) in row[EACH].items():
        if asked["slots"] - least > missing_alone:
            yield f"{EACH} on {name} fell to {least} of {asked['slots']}"
        if most > asked["slots"]:
            yield f"{EACH} on {name} had {most} of {asked['slots']}"
    if asked["total"] - row[TOTAL][0] > missing_alone:
        yield f"{TOTAL} fell to {row[TOTAL][0]} of {asked['total']}"
    if "twice_from_s" in row:
        yield from _wrong_twice(row, asked)
    for what in ("contact_s", "applied_s"):
        if row[what] is None:
            yield f"{what.removesuffix('_s')}: not again"
    for worker in row["doubles"]:
        yield f"{worker} began while the worker before it lived"
    for worker, kind in row["failed"].items():
        yield f"{worker} ended as {kind}"
    if "fault" in row:
        yield row["fault"]


def _wrong_twice(row, asked):
    """Slots may be lived twice from when the claims of a node that is cut off have run out, and one
    that is not, or no longer, takes them, until it is back and what it had has ended."""
    if "cut" not in row:
        yield f"a slot of {TOTAL} was lived twice"
        return
    earliest = asked["claim_ttl"] * (1 - 1 / KEEP_SHARE)
    latest = RETURN_S + asked["life_ms"] / 1000
    if row["twice_from_s"] < earliest:
        yield f"a slot was lived twice {row['twice_from_s']} s after the cut, before {earliest:g} s"
    if row["twice_until_s"] > latest:
        yield f"a slot was lived twice until {row['twice_until_s']} s after the return, past {latest:g} s"


# ---- for people ----------------------------------------------------------------------------------


def _span(pair):
    least, most = pair
    return str(least) if least == most else f"{least}-{most}"


def show(result):
    rows = result["phases"]
    reference = next((row for row in rows if row["phase"] == "reference"), None)
    print(figures.table(
        ["phase", "s", "respawns", "p50 ms", "p99 ms", "alone p50", "p99", "to alone", "to reference",
         "total p50", "p99", "longest s", "alone"],
        [[row["phase"], round((row["ended"] - row["begun"]) / 1e9), row["respawns"],
          *_p50_p99(row["gap"]), *_p50_p99(row["alone"]), row["to_alone"],
          _ratio(row["gap"], reference["gap"]) if reference else None, *_p50_p99(row["total_gap"]),
          row["longest_s"], row["alone_longest_s"]] for row in rows]))
    print()
    print(figures.table(
        ["phase", *(f"{EACH} on {name}" for name in NODES), "alone", TOTAL, "twice s", "contact s", "change s",
         "states"],
        [[row["phase"], *(_span(row[EACH][name]) for name in NODES), _span(row["alone_size"]),
          _span(row[TOTAL]), _twice(row), row["contact_s"], row["applied_s"], ", ".join(row["states"])]
         for row in rows]))
    print("\n" + EXPLANATION + "".join(
        f"  {name}: {PHASES[name].what}; {PHASES[name].since}\n" for name in (row["phase"] for row in rows)))
    for row in rows:
        for alarm in row["alarms"]:
            print(f"  {row['phase']}: {alarm}")


def _p50_p99(gap):
    return gap["p50_ms"], gap["p99_ms"]


def _twice(row):
    """From when after the cut, until when after the return."""
    return f"{row['twice_from_s']} to {row['twice_until_s']}" if "twice_from_s" in row else ""
