"""What `./dev bench outages` puts at risk: three members of an etcd and two nodes of a fleet, each on a
machine of its own, and a node without a coordinator beside them, which nothing of it may touch."""

import contextlib
import itertools
import json
import os
import threading
import time

import stamps
from lab import image
from lab.api import Api
from lab.authority import Certificates
from lab.daemons import Containerd, Mayflyd
from lab.etcd import EtcdOfMachines
from lab.network import Machine, Network
from lab.process import Trouble, run, wait_until

IMAGE = "mayfly.local/bench:1"
CLUSTER = "bench"
NODES = ("a", "b")
ALONE = "alone"
EACH, TOTAL, PROBE = "each", "total", "probe"
STAMPS_MAX = 100_000
STANDBY = 4
QUOTA_BYTES = 16 << 20
NODE_USER, OPERATOR = "mayfly-node", "anna"
PATIENCE_S = 180

COORDINATOR = """\
[coordinator]
endpoints = [{urls}]
cluster = "{cluster}"
claim_ttl = "{claim_ttl}s"
ca_file = "{ca}"
cert_file = "{certificate}"
key_file = "{key}"
user = "{user}"
password_file = "{password}"
"""

# /mine is another folder in the image of each node.
POOL = """\
name = "{name}"
image = "{image}"
command = ["/bench_worker", "/mine/{name}", "{life_ms}"]
replicas = {replicas}
standby = {standby}
mounts = [{{source = "{folder}", target = "/stamps"}}]
lifetime = {{stop_grace = "3s"}}
{more}"""

# As in docs/fleet.md; the keys are those after /mayfly/<cluster>.
ROLES = {
    NODE_USER: [("read", "/pools.", "/pools0"), ("readwrite", "/nodes/", "/nodes0"),
                ("readwrite", "/members/", "/members0"), ("readwrite", "/slots/", "/slots0")],
    OPERATOR: [("read", "/", "0"), ("readwrite", "/pools", "/pools0"),
               ("readwrite", "/nodes/", "/nodes0")],
}


class Node(Mayflyd):
    """Its daemon is where its machine is."""

    def __init__(self, corner, runtime, programs, machine=None, config=""):
        self.machine = machine
        super().__init__(corner, runtime, programs, config)

    def launch(self, program="mayflyd", env=None, through=()):
        super().launch(program, env, through or (self.machine.through if self.machine else ()))

    def coordinator(self):
        return self.status()["coordinator"]

    def in_contact(self, passed_s):
        """Connected, and the last word of etcd came within this time."""
        with contextlib.suppress(Trouble):
            found = self.coordinator()
            age_ms = found["last_contact_age_ms"]
            return found["state"] == "connected" and age_ms is not None and age_ms < passed_s * 1000
        return False

    def has(self, change):
        with contextlib.suppress(Trouble):
            return self.pool(PROBE)["replicas"] == change
        return False

    def count(self, what, pool):
        with contextlib.suppress(Trouble):
            return self.pool(pool)[what]
        return 0

    def wanted(self, pool):
        return self.count("replicas", pool)


class Fleet:
    def __init__(self, place, given):
        self.place, self.given = place, given
        self.secrets = {}  # user → the file of its password
        place.undo.callback(place.unmount_all)  # of a run that was broken off
        network = Network(place)
        members = [Machine(network, f"m{number}", 11 + number) for number in range(3)]
        machines = [Machine(network, name, 21 + number) for number, name in enumerate(NODES)]
        self.certificates = Certificates(place, {
            **{each.name: f"IP:{each.address}" for each in members}, "client": "DNS:client"})
        self.machine_of = {each.address: each for each in members}
        self.etcd = EtcdOfMachines(place, members, self.certificates, (
            # etcd's own times, and passwords that cost less.
            "--heartbeat-interval", "100", "--election-timeout", "1000", "--bcrypt-cost", "4",
            "--quota-backend-bytes", str(QUOTA_BYTES)))
        self._add_users()
        self._start_nodes(machines)
        self._changes = itertools.count(1)
        self._epochs = itertools.count(1)

    # ---- setting up -----------------------------------------------------------------------------

    def _add_users(self):
        for user, permissions in ROLES.items():
            self.etcd.ctl("role", "add", user)
            for kind, *keys in permissions:
                self.etcd.ctl("role", "grant-permission", user, kind,
                              *(f"/mayfly/{CLUSTER}{key}" for key in keys))
            self.etcd.ctl("user", "add", f"{user}:first")
            self.etcd.ctl("user", "grant-role", user, user)
            self.secrets[user] = self.place.write_secret(f"{user}.password", "first\n")
        self.etcd.ctl("user", "add", "root:root")
        self.etcd.ctl("user", "grant-role", "root", "root")
        self.etcd.ctl("auth", "enable")
        self.etcd.use_login("root", "root")

    def _start_nodes(self, machines):
        self.stamps_folder = self.place.make_memory_folder("stamps", 0o777)
        ca, certificate, key = self.certificates.files("client")
        config = COORDINATOR.format(
            urls=", ".join(f'"{member.url}"' for member in self.etcd.members), cluster=CLUSTER,
            claim_ttl=self.given.claim_ttl, ca=ca, certificate=certificate, key=key, user=NODE_USER,
            password=self.secrets[NODE_USER])
        containerd = Containerd(self.place)
        self.nodes = {machine.name: self._start_node(machine.name, containerd, machine, config)
                      for machine in machines}
        self.alone = self._start_node(ALONE, containerd)
        self.all = {**self.nodes, ALONE: self.alone}
        self.before = {name: self._held_by(node) for name, node in self.all.items()}

    def _held_by(self, node):
        mounts = sum(point.startswith(node.place.path("")) for point in self.place.mounts())
        return {**node.runtime.count(), "mounts": mounts}

    def _start_node(self, name, containerd, machine=None, config=""):
        corner = self.place.corner(name, f"{self.place.unique}-{name}")
        archive = corner.path("image.tar")
        image.write_archive(archive, IMAGE, {
            "bench_worker": os.path.join(self.given.programs, "bench_worker"),
            "mine": ("link", f"/stamps/{name}")})
        runtime = Containerd(corner, containerd.socket)
        runtime.load(archive)
        folder = os.path.join(self.stamps_folder, name)
        os.mkdir(folder)
        for pool in (EACH, TOTAL):
            stamps.create(os.path.join(folder, pool), STAMPS_MAX)
            os.chmod(os.path.join(folder, pool), 0o666)
        node = Node(corner, runtime, self.given.programs, machine, config)
        node.runtime = runtime
        return node

    def _pool(self, name, replicas, more=""):
        return POOL.format(name=name, image=IMAGE, life_ms=self.given.life_ms, replicas=replicas,
                           standby=STANDBY, folder=self.stamps_folder, more=more)

    def give_pools(self):
        for name, replicas, more in ((EACH, self.given.slots, ""),
                                     (TOTAL, f"{{total = {self.given.total}}}", ""),
                                     (PROBE, 0, "paused = true\n")):
            text = self._pool(name, replicas, more)
            self.operate("apply", "-f", self.place.write(name + ".toml", text))
        self.alone.apply(self._pool(EACH, self.given.slots))

    def take_pools(self):
        """Returns what stayed behind."""
        self.operate("delete", EACH, TOTAL, PROBE)
        self.alone.delete(EACH)
        for node in self.nodes.values():
            wait_until(lambda node=node: not node.api.get("/v1/pools")["pools"], "the pools' end",
                       PATIENCE_S, node.process)
        def left():
            now = {name: self._held_by(node) for name, node in self.all.items()}
            return {f"{kind} of {name}": count - self.before[name][kind]
                    for name, counts in now.items() for kind, count in counts.items()
                    if count > self.before[name][kind]}
        with contextlib.suppress(Trouble):
            wait_until(lambda: not left(), "an empty containerd", 20, every=0.5)
        return left()

    # ---- acting ---------------------------------------------------------------------------------

    def operate(self, *words):
        """`mayfly --cluster … WORDS`, as an operator."""
        ca, certificate, key = self.certificates.files("client")
        return run([os.path.join(self.given.programs, "mayfly"), "--cluster", CLUSTER, *words], env={
            **os.environ, "MAYFLY_ENDPOINTS": self.etcd.url, "MAYFLY_CA_FILE": ca,
            "MAYFLY_CERT_FILE": certificate, "MAYFLY_KEY_FILE": key, "MAYFLY_USER": OPERATOR,
            "MAYFLY_PASSWORD_FILE": self.secrets[OPERATOR]})

    def next_change(self):
        return next(self._changes)

    def change(self):
        """A change of a pool that has no workers. Returns by what a node is known to have it."""
        number = self.next_change()
        def is_written():
            with contextlib.suppress(Trouble):
                return self.operate("scale", PROBE, str(number))
            return False
        wait_until(is_written, "a change to be written", PATIENCE_S, every=0.5)
        return number

    def revision(self, pool):
        row, = json.loads(self.operate("get", "pools", pool, "-o", "json"))["pools"]
        return row["revision"]

    def believe(self):
        """What etcd holds after a restore is meant."""
        self.etcd.put(f"/mayfly/{CLUSTER}/pools.epoch", str(next(self._epochs)))

    # ---- waiting --------------------------------------------------------------------------------

    def wait_back(self, change, since):
        """Seconds from `since` until all nodes are in contact, and until all have the change; None:
        not in time."""
        reached = {"contact_s": lambda node: node.in_contact(time.monotonic() - since),
                   "applied_s": lambda node: node.has(change)}
        found = dict.fromkeys(reached)
        while None in found.values() and time.monotonic() < since + PATIENCE_S:
            for what, is_so in reached.items():
                if found[what] is None and all(is_so(node) for node in self.nodes.values()):
                    found[what] = round(time.monotonic() - since, 2)
            time.sleep(0.05)
        return found

    def wait_alarm(self, word):
        for name, node in self.nodes.items():
            wait_until(lambda node=node: any(word in alarm for alarm in node.coordinator()["alarms"]),
                       f"{name} to say {word}", PATIENCE_S, node.process)

    def settle(self):
        """All are in contact, nothing is wrong, and each wants the workers that are its own."""
        def is_settled():
            with contextlib.suppress(Trouble):
                told = [node.coordinator() for node in self.nodes.values()]
                return (all(each["state"] == "connected" and not each["alarms"] for each in told) and
                        all(node.wanted(EACH) == self.given.slots for node in self.all.values()) and
                        sum(node.wanted(TOTAL) for node in self.nodes.values()) == self.given.total and
                        all(node.wanted(TOTAL) for node in self.nodes.values()))
            return False
        wait_until(is_settled, "a fleet at rest", PATIENCE_S, every=0.2)

    def warm_up(self):
        """Until the first spares are there, of each pool by itself."""
        self.settle()
        for node, pool in [(self.alone, EACH)] + [(node, pool) for node in self.nodes.values()
                                                  for pool in (EACH, TOTAL)]:
            wait_until(lambda node=node, pool=pool: node.count("spares_ready", pool), f"spares of {pool}",
                       PATIENCE_S, node.process)

    def lives(self, name, pool):
        return stamps.read(os.path.join(self.stamps_folder, name, pool))


class Watcher:
    """What the nodes say all the time, and the records of all exits."""

    EVERY_S, EXITS_EVERY_S = 0.5, 20

    def __init__(self, fleet):
        self.exits = {name: {} for name in fleet.all}  # → pool and worker → record
        self._apis = {name: Api(node.socket) for name, node in fleet.all.items()}
        self._coordinated = list(fleet.nodes)
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.begin()
        self._thread.start()

    def begin(self):
        with self._lock:
            self._states, self._alarms = set(), {}

    def end(self):
        """Since begin(): the states of the nodes, and alarms with how often each was seen."""
        self._fetch_exits()
        with self._lock:
            return {"states": sorted(self._states), "alarms": dict(self._alarms)}

    def close(self):
        self._ended.set()
        self._thread.join()
        for api in self._apis.values():
            api.close()

    def _watch(self):
        fetched = time.monotonic()
        while not self._ended.wait(self.EVERY_S):
            for name in self._coordinated:
                self._look(name)
            if time.monotonic() - fetched > self.EXITS_EVERY_S:
                self._fetch_exits()
                fetched = time.monotonic()

    def _look(self, name):
        with self._lock, contextlib.suppress(Trouble):  # it may be dead just now
            told = self._apis[name].get("/v1/status")["coordinator"]
            self._states.add(told["state"])
            for alarm in told["alarms"] + [f"{row['pool']} refused: {row['why']}" for row in told["refused"]]:
                self._alarms[alarm] = self._alarms.get(alarm, 0) + 1

    def _fetch_exits(self):
        for name, api in self._apis.items():
            for pool in (EACH, TOTAL):
                with self._lock, contextlib.suppress(Trouble):
                    rows = api.get(f"/v1/exits?pool={pool}&limit=1000")["exits"]
                    self.exits[name].update({row["worker"]: row for row in rows})
