"""An etcd of our own, on an address of loopback that nobody else uses."""

import contextlib
import http.client
import json
import os
import shutil

from lab.process import Process, run, wait_until


def own_address():
    """Of this process."""
    pid = os.getpid()
    return f"127.128.{pid >> 8 & 255}.{pid & 255}"


class Etcd:
    """One member, in plain HTTP; starts at once."""

    def __init__(self, place, address):
        self.place = place
        self.address = address
        self.process = None
        place.undo.callback(lambda: self.process.stop())
        self.start()

    @property
    def url(self):
        return f"http://{self.address}:2379"

    def start(self):
        """Also again, after it was killed: with what it had."""
        peer = f"http://{self.address}:2380"
        self.process = Process(
            ["etcd", "--name", "m0", "--data-dir", self.place.path("etcd"),
             "--listen-client-urls", self.url, "--advertise-client-urls", self.url,
             "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
             "--initial-cluster", f"m0={peer}", "--heartbeat-interval", "300",
             "--election-timeout", "3000"], self.place.path("etcd.log"))
        wait_until(self._is_healthy, "etcd", 120, self.process)

    def kill(self):
        self.process.kill()

    def _is_healthy(self):
        connection = http.client.HTTPConnection(self.address, 2379, timeout=30)
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/health")
            return json.loads(connection.getresponse().read()).get("health") == "true"
        return False

    def ctl(self, *words, **options):
        return run(["etcdctl", "--endpoints", self.url, "--command-timeout=60s", *words],
                   env=dict(os.environ, ETCDCTL_API="3"), **options)

    def put(self, key, value):
        self.ctl("put", key, value if isinstance(value, str) else json.dumps(value))

    def put_file(self, key, file):
        """What is too long for a command line."""
        with open(file, encoding="utf-8") as text:
            self.ctl("put", key, stdin=text)

    def restore(self, snapshot):
        """REQUIRES: it does not run. As people do it: another cluster, with the old keys."""
        shutil.rmtree(self.place.path("etcd"))
        peer = f"http://{self.address}:2380"
        self.ctl("snapshot", "restore", snapshot, "--data-dir", self.place.path("etcd"),
                 "--name", "m0", "--initial-cluster", f"m0={peer}",
                 "--initial-cluster-token", "restored", "--initial-advertise-peer-urls", peer)

    def delete(self, key):
        self.ctl("del", key)

    def get(self, key):
        """The key as etcd has it, values in base64; None when it is not there."""
        found = json.loads(self.ctl("get", key, "-w", "json")).get("kvs")
        return found[0] if found else None

    def value(self, key):
        return self.ctl("get", key, "--print-value-only").rstrip("\n")
