"""An etcd of our own, on an address of loopback that nobody else uses."""

import contextlib
import http.client
import json
import os
import secrets
import shutil

from lab.process import Process, run, wait_until


def own_address():
    """Of this process."""
    pid = os.getpid()
    return f"127.128.{pid >> 8 & 255}.{pid & 255}"


class Member:
    """One of an etcd's, with its own folder and ports."""

    def __init__(self, place, address, number, options):
        self.place = place
        self.name = f"m{number}"
        self.address = address
        self.port = 2379 + 10 * number
        self.options = options
        self.process = None
        place.undo.callback(lambda: self.process and self.process.stop())

    @property
    def url(self):
        return f"http://{self.address}:{self.port}"

    @property
    def peer(self):
        return f"http://{self.address}:{self.port + 1}"

    @property
    def folder(self):
        return self.place.path("etcd-" + self.name)

    def launch(self, cluster):
        """With what it had, where it ran before."""
        self.process = Process(
            ["etcd", "--name", self.name, "--data-dir", self.folder,
             "--listen-client-urls", self.url, "--advertise-client-urls", self.url,
             "--listen-peer-urls", self.peer, "--initial-advertise-peer-urls", self.peer,
             "--initial-cluster", cluster, "--heartbeat-interval", "300",
             "--election-timeout", "3000", *self.options], self.place.path(f"{self.name}.log"))

    def is_healthy(self):
        connection = http.client.HTTPConnection(self.address, self.port, timeout=30)
        with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/health")
            return json.loads(connection.getresponse().read()).get("health") == "true"
        return False


class Etcd:
    """Of one member or more, in plain HTTP; starts at once."""

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
            if member.process is None or not member.process.alive():
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
        rows = json.loads(self.ctl("endpoint", "status", "-w", "json"))
        for row in rows:
            status = row["Status"]
            if status["header"]["member_id"] == status["leader"]:
                return next(m for m in self.members if m.url == row["Endpoint"])
        return None

    def ctl(self, *words, at=None, **options):
        """`at`: the URLs of some members; else all of them."""
        return run(["etcdctl", "--endpoints", ",".join(at or [self.url]),
                    "--command-timeout=60s", *words],
                   env=dict(os.environ, ETCDCTL_API="3"), **options)

    def compact(self):
        """All revisions before the present one go."""
        rows = json.loads(self.ctl("endpoint", "status", "-w", "json"))
        revision = max(row["Status"]["header"]["revision"] for row in rows)
        self.ctl("compaction", str(revision))

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
