"""An etcd of our own, on an address of loopback that nobody else uses."""

import contextlib
import http.client
import json
import os
import secrets
import shutil

from lab.process import Process, Trouble, run, wait_until


def own_address():
    """Of this process."""
    pid = os.getpid()
    return f"127.128.{pid >> 8 & 255}.{pid & 255}"


class Member:
    """One of an etcd's, with its own folder and ports."""

    through = ()  # the program that becomes it
    certificates = None  # lab.authority.Certificates; None: in plain HTTP

    def __init__(self, place, address, number, options):
        self.place = place
        self.name = f"m{number}"
        self.address = address
        self.port = 2379 + 10 * number
        self.options = options
        self.process = None
        place.undo.callback(lambda: self.process and self.process.stop())

    def _at(self, port):
        return f"{'https' if self.certificates else 'http'}://{self.address}:{port}"

    @property
    def url(self):
        return self._at(self.port)

    @property
    def peer(self):
        return self._at(self.port + 1)

    @property
    def folder(self):
        return self.place.path("etcd-" + self.name)

    def launch(self, cluster):
        """With what it had, where it ran before."""
        self.process = Process(
            [*self.through, "etcd", "--name", self.name, "--data-dir", self.folder,
             "--listen-client-urls", self.url, "--advertise-client-urls", self.url,
             "--listen-peer-urls", self.peer, "--initial-advertise-peer-urls", self.peer,
             "--listen-metrics-urls", f"http://{self.address}:{self.port + 2}",
             "--initial-cluster", cluster, "--heartbeat-interval", "300",
             "--election-timeout", "3000", *self._security(), *self.options],
            self.place.path(f"{self.name}.log"))

    def _security(self):
        """TLS both ways, of clients and of the other members."""
        if not self.certificates:
            return []
        ca, certificate, key = self.certificates.files(self.name)
        return [f"--{whose}{flag}" for whose in ("", "peer-") for flag in (
            "client-cert-auth", f"trusted-ca-file={ca}", f"cert-file={certificate}", f"key-file={key}")]

    def is_alive(self):
        return self.process is not None and self.process.alive()

    def is_healthy(self):
        return '"health":"true"' in self._ask("/health")

    def is_leader(self):
        """As it sees itself."""
        return self.is_alive() and "\netcd_server_is_leader 1\n" in self._ask("/metrics")

    def _ask(self, path):
        connection = http.client.HTTPConnection(self.address, self.port + 2, timeout=30)
        with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("GET", path)
            return connection.getresponse().read().decode()
        return ""


class Etcd:
    """Of one member or more, in plain HTTP; starts at once."""

    login = ()  # of etcdctl: its user and how it shows itself

    def __init__(self, place, address, members=1, options=()):
        self.place = place
        self.members = [Member(place, address, number, options) for number in range(members)]
        self.start()

    @property
    def cluster(self):
        return ",".join(f"{member.name}={member.peer}" for member in self.members)

    @property
    def url(self):
        return ",".join(member.url for member in self.members)

    def start(self):
        """Also again, after it was killed: with what it had."""
        for member in self.members:
            if not member.is_alive():
                member.launch(self.cluster)
        for member in self.members:
            wait_until(member.is_healthy, "etcd", 120, member.process)

    def kill(self):
        for member in self.members:
            member.process.kill()

    def stop(self):
        for member in self.members:
            member.process.stop()

    def leader(self):
        return next((member for member in self.members if member.is_leader()), None)

    def id_of(self, member):
        """As etcdctl takes it."""
        row, = json.loads(self.ctl("endpoint", "status", "-w", "json", at=[member.url]))
        return f"{row['Status']['header']['member_id']:x}"

    def ctl(self, *words, at=None, **options):
        """`at`: the URLs of some members; else all of them."""
        return run(["etcdctl", "--endpoints", ",".join(at or [self.url]),
                    "--command-timeout=60s", *self.login, *words],
                   env=dict(os.environ, ETCDCTL_API="3"), **options)

    def compact(self):
        """All revisions before the present one go."""
        rows = json.loads(self.ctl("endpoint", "status", "-w", "json"))
        revision = max(row["Status"]["header"]["revision"] for row in rows)
        self.ctl("compaction", str(revision))

    def fill(self):
        """Until there is no room left, and etcd takes no more. REQUIRES: a quota of few MB."""
        file = self.place.write("ballast", "x" * 1_000_000)
        with contextlib.suppress(Trouble):
            for number in range(64):
                self.put_file(f"/ballast/{number}", file)
        if "NOSPACE" not in self.ctl("alarm", "list"):
            raise Trouble("etcd is not full")

    def make_room(self):
        """As people do it when it is full."""
        self.ctl("del", "--prefix", "/ballast/")
        self.compact()
        for member in self.members:
            self.ctl("defrag", at=[member.url])
        self.ctl("alarm", "disarm")

    def put(self, key, value):
        self.ctl("put", key, value if isinstance(value, str) else json.dumps(value))

    def put_file(self, key, file):
        """What is too long for a command line."""
        with open(file, encoding="utf-8") as text:
            self.ctl("put", key, stdin=text)

    def restore(self, snapshot):
        """REQUIRES: it does not run. As people do it: another cluster, with the old keys."""
        token = "restored-" + secrets.token_hex(3)
        for member in self.members:
            shutil.rmtree(member.folder)
            self.ctl("snapshot", "restore", snapshot, "--data-dir", member.folder,
                     "--name", member.name, "--initial-cluster", self.cluster,
                     "--initial-cluster-token", token,
                     "--initial-advertise-peer-urls", member.peer)

    def delete(self, key):
        self.ctl("del", key)

    def get(self, key):
        """The key as etcd has it, values in base64; None when it is not there."""
        found = json.loads(self.ctl("get", key, "-w", "json")).get("kvs")
        return found[0] if found else None

    def value(self, key):
        return self.ctl("get", key, "--print-value-only").rstrip("\n")


class EtcdOfMachines(Etcd):
    """A member on each machine (lab.network), with TLS both ways; etcdctl shows its certificate."""

    def __init__(self, place, machines, certificates, options=()):
        self.place = place
        self.members = []
        ca, certificate, key = certificates.files("client")
        self.login = ("--cacert", ca, "--cert", certificate, "--key", key)
        for number, machine in enumerate(machines):
            member = Member(place, machine.address, number, options)
            member.through, member.certificates = machine.through, certificates
            self.members.append(member)
        self.start()

    def use_login(self, user, password):
        self.login = (*self.login, "--user", f"{user}:{password}")
