"""What etcds and fleets go through. Each phase does it for some seconds to an outage_fleet.Fleet at rest, lets
it come to an end, and returns how long the nodes then took to be in contact and to have a change."""

import collections
import os
import random
import threading
import time

from lab.process import Trouble, wait_until
from outage_fleet import ALONE, NODE_USER, PATIENCE_S, PROBE

KILL_EVERY_S = 4
REFUSED, TIMED_OUT = 4, 5  # exit codes of mayfly

# `since`: from where the seconds are counted, for people. `quick`: seconds of the short form.
Phase = collections.namedtuple("Phase", "act seconds quick what since")


def _until(seconds):
    """Whether there is time left; to be asked again and again."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() < end


def _reference(fleet, seconds):
    time.sleep(seconds)
    since = time.monotonic()
    return fleet.wait_back(fleet.change(), since)


def _kill_leader(etcd):
    """The one that is there, if any; those that died before are back first."""
    for member in etcd.members:
        if not member.is_alive():
            member.launch(etcd.cluster)
    leader = etcd.leader()
    if leader is not None:
        leader.process.kill()
    return leader is not None


def _leaders(fleet, seconds):
    killed, go_on = 0, _until(seconds)
    while go_on():
        killed += _kill_leader(fleet.etcd)
        time.sleep(KILL_EVERY_S)
    since = time.monotonic()
    killed += _kill_leader(fleet.etcd)
    back = fleet.wait_back(fleet.change(), since)
    fleet.etcd.start()
    return {**back, "leaders killed": killed}


def _lead(fleet, member):
    """The member becomes the leader."""
    def is_leader():
        leader = fleet.etcd.leader()
        if leader is not None and leader is not member:
            fleet.etcd.ctl("move-leader", fleet.etcd.id_of(member), at=[leader.url], check=False)
        return member.is_leader()
    wait_until(is_leader, f"{member.name} to lead", PATIENCE_S, every=0.5)


def _member(fleet, seconds):
    """The leader, which the first node speaks with, is parted from the other members alone."""
    endpoint = next(iter(fleet.nodes.values())).coordinator()["endpoint"]
    member = next(each for each in fleet.etcd.members if each.url == endpoint)
    _lead(fleet, member)
    machine = fleet.machine_of[member.address]
    go_on, since = _until(seconds), time.monotonic()
    machine.part_from([each for each in fleet.machine_of.values() if each is not machine])
    back = fleet.wait_back(fleet.change(), since)
    while go_on():
        time.sleep(0.5)
    machine.mend()
    fleet.etcd.start()
    return back


def _cut(fleet, nodes, seconds, act):
    """Off from all members for so long; meanwhile something is done, which ends in a change."""
    go_on, cut = _until(seconds), time.monotonic_ns()
    for node in nodes:
        node.machine.cut()
    change = act()
    while go_on():
        time.sleep(0.5)
    for node in nodes:
        node.machine.mend()
    mended = time.monotonic_ns()
    return {**fleet.wait_back(change, mended / 1e9), "cut": cut, "mended": mended}


def _node(fleet, seconds):
    """One of them, and the other not: what the first held runs twice for a bounded time."""
    return _cut(fleet, list(fleet.nodes.values())[-1:], seconds, fleet.change)


def _all(fleet, seconds):
    return _cut(fleet, fleet.nodes.values(), seconds, fleet.change)


def _compaction(fleet, seconds):
    def change_and_compact():
        changes = [fleet.change() for _ in range(5)]
        fleet.etcd.compact()
        return changes[-1]
    return _cut(fleet, fleet.nodes.values(), seconds, change_and_compact)


def _quota(fleet, seconds):
    go_on = _until(seconds)
    fleet.etcd.fill()
    fleet.wait_alarm("full")
    while go_on():
        time.sleep(0.5)
    fleet.etcd.make_room()
    since = time.monotonic()
    return fleet.wait_back(fleet.change(), since)


def _restore(fleet, seconds):
    """Of an older state: the nodes keep the newer one until somebody says that the older is meant."""
    older = fleet.change()
    fleet.wait_back(older, time.monotonic())
    snapshot = fleet.place.path("snapshot.db")
    fleet.etcd.ctl("snapshot", "save", snapshot, at=[fleet.etcd.members[0].url])
    newer = fleet.change()
    fleet.wait_back(newer, time.monotonic())
    fleet.etcd.kill()
    fleet.etcd.restore(snapshot)
    fleet.etcd.start()
    fleet.wait_alarm("pools.epoch")
    time.sleep(seconds)
    kept = all(node.has(newer) for node in fleet.nodes.values())
    since = time.monotonic()
    fleet.believe()
    os.remove(snapshot)
    return {**fleet.wait_back(older, since),
            **({} if kept else {"fault": "what was restored was taken before somebody said so"})}


def _certificates(fleet, seconds):
    """To another authority: trusted beside the old one, then the issuer of all, then the only one."""
    def restart_all():
        for member in fleet.etcd.members:
            member.process.stop()
            fleet.etcd.start()
    go_on = _until(seconds)
    fleet.certificates.add_authority()
    restart_all()
    fleet.certificates.issue()
    fleet.certificates.drop_old_authorities()
    restart_all()
    since = time.monotonic()
    back = fleet.wait_back(fleet.change(), since)
    while go_on():
        time.sleep(0.5)
    return back


def _passwords(fleet, seconds):
    """In etcd at once, in the node's file after some time."""
    password = f"another-{random.getrandbits(32)}"
    fleet.etcd.ctl("user", "passwd", NODE_USER, "--interactive=false", input=password + "\n")
    change = fleet.change()
    time.sleep(seconds)
    fleet.place.write_secret(f"{NODE_USER}.password", password + "\n")
    return fleet.wait_back(change, time.monotonic())


def _daemons(fleet, seconds):
    """A node's, and the one that knows no etcd with it: what that takes, it takes from both."""
    killed, change, go_on, chance = 0, None, _until(seconds), random.Random(1)
    while change is None:
        time.sleep(chance.uniform(2, 6))
        victims = [fleet.nodes[chance.choice(list(fleet.nodes))], fleet.all[ALONE]]
        for victim in victims:
            victim.process.kill()
        if not go_on():
            change = fleet.change()
        for victim in victims:
            victim.start()
        killed += len(victims)
    return {**fleet.wait_back(change, time.monotonic()), "daemons killed": killed}


class Operator(threading.Thread):
    """Changes one pool again and again; another does so too."""

    def __init__(self, fleet, go_on):
        super().__init__()
        self.fleet, self.go_on = fleet, go_on
        self.codes = collections.Counter()

    def run(self):
        while self.go_on():
            number = self.fleet.next_change()
            try:
                self.fleet.operate("scale", PROBE, str(number))
                self.codes["written"] += 1
            except Trouble as trouble:
                self.codes[_outcome(str(trouble))] += 1


def _outcome(text):
    """Of a mayfly that did not succeed."""
    for code, name in ((REFUSED, "refused"), (TIMED_OUT, "unknown")):
        if text.startswith(f"exit code {code}:"):
            return name
    return text


def _operators(fleet, seconds):
    before = fleet.revision(PROBE)
    operators = [Operator(fleet, _until(seconds)) for _ in range(2)]
    for each in operators:
        each.start()
    for each in operators:
        each.join()
    since = time.monotonic()
    codes = operators[0].codes + operators[1].codes
    revisions = fleet.revision(PROBE) - before
    back = fleet.wait_back(fleet.change(), since)
    return {**back, **codes, **_fault_of(codes, revisions)}


def _fault_of(codes, revisions):
    """Each that says so was written, and no other."""
    strange = codes.keys() - {"written", "refused", "unknown"}
    if strange:
        return {"fault": "an operator failed: " + min(strange)}
    if not codes["written"] <= revisions <= codes["written"] + codes["unknown"]:
        return {"fault": f"{codes['written']} changes were written, and there are {revisions} revisions more"}
    return {}


PHASES = {
    "reference": Phase(_reference, 60, 15, "nothing", "the change"),
    "leaders": Phase(_leaders, 120, 20, f"the leader killed every {KILL_EVERY_S} s", "the last was killed"),
    "member": Phase(_member, 60, 15, "the member that has the lease and the watch, the leader, parted from the others",
                    "it was parted"),
    "node": Phase(_node, 120, 30, "one node cut off from all members, the other not", "it is on the wire again"),
    "all": Phase(_all, 600, 30, "both nodes cut off from all members", "they are on the wire again"),
    "compaction": Phase(_compaction, 60, 15, "the same, and compacted meanwhile", "they are on the wire again"),
    "quota": Phase(_quota, 30, 10, "the quota full, and cleared", "the alarm was disarmed"),
    "restore": Phase(_restore, 30, 10, "killed, and restored from a snapshot", "the epoch was raised"),
    "certificates": Phase(_certificates, 30, 10, "another authority, other certificates",
                          "the last member is started again"),
    "passwords": Phase(_passwords, 30, 10, "another password in etcd, later in the node's file",
                       "it is in the file"),
    "daemons": Phase(_daemons, 60, 15, "daemons killed at random", "the last is up again"),
    "operators": Phase(_operators, 30, 10, "two operators who change one pool at the same time",
                       "the last change"),
}
