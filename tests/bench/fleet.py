"""A fleet: what many agents cost one etcd, and how long a change takes to reach all of them."""

import json
import os
import statistics
import sys
import threading
import time

import figures
import usage
from lab.etcd import Etcd, own_address
from lab.gateway import Gateway
from lab.process import Process, wait_until

CLUSTER, POOL, IMAGE = "bench", "work", "bench:1"
PREFIX = f"/mayfly/{CLUSTER}/"
FIRST_REPLICAS = 8
SCALE = 5000  # nodes that the figures are multiplied up to

# What etcd counts of itself, and what it is called here.
COUNTERS = {"writes": "etcd_mvcc_put_total", "written_bytes": "etcd_debugging_mvcc_total_put_size_in_bytes",
            "log_bytes": "etcd_disk_wal_write_bytes_total",
            "in_bytes": "etcd_network_client_grpc_received_bytes_total",
            "out_bytes": "etcd_network_client_grpc_sent_bytes_total",
            "reads": "Range", "renewals": "etcd_debugging_lease_renewed_total"}

# Writes to Kubernetes' store for one exit; docs/benchmarks.md says where each comes from.
KUBERNETES = {
    "a container restarted in its Pod": {"Pod status": 2, "events": 3},
    "a Pod for each life, by a Job": {"Pod created, bound, deleted": 3, "Pod status": 3,
                                      "finalizer": 1, "Job status": 1, "events": 5},
}
KUBELET_WRITES_MAX = 50  # a second, of one kubelet: its kubeAPIQPS


def add_options(parser):
    parser.add_argument("--agents", type=int, default=200, help="nodes of the fleet (200)")
    parser.add_argument("--seconds", type=float, default=60, help="of the measurement at rest (60)")
    parser.add_argument("--respawns", type=float, default=50, help="a second on each node (50)")
    parser.add_argument("--applies", type=int, default=7, help="changes that are followed (7)")
    parser.add_argument("--processes", type=int, default=2, help="that the agents share (2)")


# ---- the agents ----------------------------------------------------------------------------------


class Agents:
    """Some of the nodes, in one process."""

    def __init__(self, place, given, endpoint, first, count):
        self.log = place.path(f"agents-{first}.log")
        self.process = Process(
            [os.path.join(given.programs, "bench_fleet_agents"), "--endpoint", endpoint,
             "--cluster", CLUSTER, "--image", IMAGE, "--first", str(first), "--agents", str(count),
             "--respawns", str(given.respawns), "--folder", place.make_folder(f"agents-{first}")],
            self.log)
        place.undo.callback(self.process.stop)

    def applied(self, replicas):
        """Node → when it applied a document with so many replicas, in ns."""
        with open(self.log, encoding="utf-8", errors="replace") as lines:
            rows = [line.split() for line in lines if line.endswith("\n")]
        return {row[1]: int(row[3]) for row in rows
                if len(row) == 4 and row[0] == "applied" and row[2] == str(replicas)}


def _start(place, given, endpoint):
    share, more = divmod(given.agents, given.processes)
    first, agents = 0, []
    for number in range(given.processes):
        count = share + (number < more)
        if count:
            agents.append(Agents(place, given, endpoint, first, count))
        first += count
    return agents


def _applied(agents, replicas):
    return {node: at for each in agents for node, at in each.applied(replicas).items()}


# ---- at rest -------------------------------------------------------------------------------------


def _document(replicas):
    return json.dumps({"name": POOL, "image": IMAGE, "replicas": replicas,
                       "command": ["/worker", "--once"]})


def _wait_settled(agents, gateway, given):
    alive = agents[0].process
    wait_until(lambda: len(_applied(agents, FIRST_REPLICAS)) == given.agents,
               "all nodes to have the first document", 300, alive, every=0.2)
    wait_until(lambda: gateway.count(PREFIX + "nodes/") == 2 * given.agents,
               "all nodes to report", 300, alive, every=0.5)
    time.sleep(3)  # the last of the first reports, and what follows from them


def _sample(gateway, etcd, agents):
    counted = gateway.metrics()
    return {"at": time.monotonic(), **{name: counted.get(full, 0) for name, full in COUNTERS.items()},
            "etcd_cpu": usage.cpu_s(etcd.members[0].process.pid),
            "agents_cpu": sum(usage.cpu_s(each.process.pid) for each in agents)}


def rates(before, after, nodes):
    """What was counted, a second, and of the writes what one node makes."""
    passed = after["at"] - before["at"]
    row = {f"{name}_per_s": round((after[name] - before[name]) / passed, 2) for name in COUNTERS}
    row["writes_per_s_a_node"] = round((after["writes"] - before["writes"]) / passed / nodes, 3)
    for name in ("etcd_cpu", "agents_cpu"):
        row[f"{name}_percent"] = round(100 * (after[name] - before[name]) / passed, 1)
    return row


def _rest(gateway, etcd, agents, given):
    before = _sample(gateway, etcd, agents)
    time.sleep(given.seconds)
    row = rates(before, _sample(gateway, etcd, agents), given.agents)
    row["exits_per_s"] = given.agents * given.respawns
    row["watches"] = gateway.metrics()["etcd_debugging_mvcc_watcher_total"]
    row["etcd_rss_mib"] = usage.memory_mib(etcd.members[0].process.pid)["rss_mib"]
    return row


# ---- a change ------------------------------------------------------------------------------------


class Statuses:
    """When the status of each node first says that it has so many replicas, in ns."""

    def __init__(self, gateway, replicas):
        self.told = {}
        self._replicas = replicas
        self._watch = gateway.watch(PREFIX + "nodes/")
        self._thread = threading.Thread(target=self._follow)
        self._thread.start()

    def _follow(self):
        for key, value in self._watch:
            node, part = key.split("/")[-2:]
            if part != "status" or node in self.told:
                continue
            pool = json.loads(value)["status"]["pools"].get(POOL, {})
            if pool.get("replicas") == self._replicas:
                self.told[node] = time.monotonic_ns()

    def close(self):
        self._watch.close()
        self._thread.join()


def _change(gateway, agents, given, replicas):
    """From the moment before the put: when each node has it in force, and when it says so."""
    statuses = Statuses(gateway, replicas)
    try:
        begun = time.monotonic_ns()
        gateway.put(f"{PREFIX}pools/{POOL}", _document(replicas))
        wait_until(lambda: len(statuses.told) == given.agents, "all nodes to say that they have it",
                   60, agents[0].process)
        told = [at - begun for at in statuses.told.values()]
        applied = [at - begun for at in _applied(agents, replicas).values()]
    finally:
        statuses.close()
    return {"applied": spread(applied), "told": spread(told)}


def spread(times_ns):
    ms = sorted(ns / 1e6 for ns in times_ns)
    return {"nodes": len(ms), "first_ms": round(ms[0], 1), "median_ms": round(statistics.median(ms), 1),
            "last_ms": round(ms[-1], 1)}


def run(place, given):
    address = own_address()
    etcd, gateway = Etcd(place, address), Gateway(address)
    gateway.put(f"{PREFIX}pools/{POOL}", _document(FIRST_REPLICAS))
    agents = _start(place, given, etcd.url)
    _wait_settled(agents, gateway, given)
    print(f"  … {given.agents} nodes report; measuring for {given.seconds:g} s", file=sys.stderr)
    rest = _rest(gateway, etcd, agents, given)
    changes = []
    for number in range(given.applies):
        print(f"  … change {number + 1} of {given.applies}", file=sys.stderr, flush=True)
        changes.append(_change(gateway, agents, given, FIRST_REPLICAS + 1 + number))
    for each in agents:
        each.process.stop()
    return {"agents": given.agents, "respawns_per_s_a_node": given.respawns, "rest": rest,
            "changes": changes, "at_scale": at_scale(rest, given.agents),
            "kubernetes": kubernetes(given.agents, given.respawns)}


# ---- multiplied up -------------------------------------------------------------------------------


def at_scale(rest, nodes):
    """Each figure of so many nodes, times SCALE / nodes."""
    factor = SCALE / nodes
    return {"nodes": SCALE, "factor": factor, "cores": round(rest["etcd_cpu_percent"] * factor / 100, 2),
            **{name: round(rest[name] * factor, 1)
               for name in ("exits_per_s", "writes_per_s", "written_bytes_per_s", "log_bytes_per_s")}}


def kubernetes(nodes, respawns):
    """Writes a second for the same exits, here and at SCALE; and what the kubelets would let through."""
    return [{"way": way, "writes_an_exit": sum(parts.values()),
             "writes_per_s": nodes * respawns * sum(parts.values()),
             "writes_per_s_at_scale": SCALE * respawns * sum(parts.values()),
             "kubelets_let_through_at_scale": SCALE * KUBELET_WRITES_MAX}
            for way, parts in KUBERNETES.items()]


def show(result):
    rest = result["rest"]
    print(figures.table(
        ["at rest", "a second"],
        [["exits", float(rest["exits_per_s"])], ["writes", rest["writes_per_s"]],
         ["  of one node", rest["writes_per_s_a_node"]], ["reads", rest["reads_per_s"]],
         ["lease renewals", rest["renewals_per_s"]],
         ["KiB of keys and values written", rest["written_bytes_per_s"] / 1024],
         ["KiB into etcd's log", rest["log_bytes_per_s"] / 1024],
         ["KiB received by etcd (gRPC)", rest["in_bytes_per_s"] / 1024],
         ["KiB sent by etcd (gRPC)", rest["out_bytes_per_s"] / 1024],
         ["cpu of etcd, %", rest["etcd_cpu_percent"]],
         ["cpu of all agents, %", rest["agents_cpu_percent"]]]))
    print()
    print(figures.table(["change", "nodes", "first ms", "median ms", "last ms", "last to say so, ms"],
                        [[number + 1, *each["applied"].values(), each["told"]["last_ms"]]
                         for number, each in enumerate(result["changes"])]))
    scale = result["at_scale"]
    print(f"\n  At {scale['nodes']:,} nodes, each figure times {scale['factor']:g}:"
          f" {scale['exits_per_s']:,.0f} exits/s, {scale['writes_per_s']:,.0f} writes/s,"
          f" {scale['log_bytes_per_s'] / 2**20:.1f} MiB/s of log, {scale['cores']:g} cores of etcd.\n")
    print(figures.table(["the same exits in Kubernetes", "writes an exit", "writes/s",
                         f"at {SCALE:,} nodes"],
                        [[row["way"], row["writes_an_exit"], float(row["writes_per_s"]),
                          float(row["writes_per_s_at_scale"])] for row in result["kubernetes"]]))
