"""Peers that mean no good, on the gates and on the control socket."""

import contextlib
import os
import resource
import shutil
import socket
import subprocess

from case import FOR_EVER_MS, PROGRAMS, DaemonCase
from stories import living

GROWTH_MAX_KIB = 24 * 1024
CONNECTIONS = 1000
NOBODY = 65534
GATE_NONSENSE = (
    b"x" * (1 << 20), b'{"mayfly":1,"type":"hello"', b"\n" * 1000, b"\0" * 100, b"[" * 4000 + b"\n",
    b'{"mayfly":1,"type":"ready"}\n', b'{"mayfly":1,"type":"failed","errno":2,"what":"lies"}\n',
    b'{"mayfly":7,"type":"hello","hold":"gate"}\n', b"\xff\xfe\n", b"GET / HTTP/1.1\r\n\r\n")
CONTROL_NONSENSE = (
    b"\0" * 1000, b"x" * (1 << 20), b"GET /" + b"a" * 100_000, b"GET / HTTP/9.9\r\n\r\n",
    b"GET /v1/status HTTP/1.1\r\nA: " + b"b" * 100_000 + b"\r\n\r\n",
    b"POST /v1/pools HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
    b"POST /v1/pools HTTP/1.1\r\nContent-Length: 2000000\r\n\r\n" + b"{" * 2_000_000,
    b"POST /v1/pools HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFF\r\n",
    b"POST /v1/pools HTTP/1.1\r\nContent-Length: 10\r\n\r\n" + b"[" * 10,
    b"DELETE /v1/pools/%00%ff HTTP/1.1\r\n\r\n", b"GET /v1/pools/../../etc HTTP/1.1\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET /v1/stat")


class HostilePeers(DaemonCase):

    def setUp(self):
        files = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(files[1], 2 * CONNECTIONS), files[1]))
        self.apply("calm", command=living(200), replicas=2, standby=2)
        self.wait(lambda: self.done() >= 2, "a calm pool")
        self.before_kib = self.memory_kib()
        self.peers = contextlib.ExitStack()

    def tearDown(self):
        self.peers.close()
        super().tearDown()

    def done(self):
        return self.mayflyd.pool("calm")["exits"]["done"]

    def files(self):
        return len(os.listdir(f"/proc/{self.mayflyd.process.pid}/fd"))

    def connect(self, path):
        peer = self.peers.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        peer.settimeout(5)
        with contextlib.suppress(OSError):
            peer.connect(path)
        return peer

    def say(self, path, words):
        """Sends as much as is taken, and leaves the connection open."""
        peer = self.connect(path)
        with contextlib.suppress(OSError):
            peer.sendall(words)
        return peer

    def assert_healthy(self):
        before = self.done()
        self.wait(lambda: self.done() >= before + 6, "the calm pool's respawns", 60)
        exits = self.mayflyd.pool("calm")["exits"]
        self.assertEqual(exits, dict.fromkeys(exits, 0) | {"done": exits["done"]})
        self.assertLess(self.memory_kib() - self.before_kib, GROWTH_MAX_KIB)

    # ---- gates --------------------------------------------------------------------------------

    def test_a_worker_that_besieges_its_own_gate_harms_itself_at_most(self):
        # One that holds itself has the gate's socket before it; a released one finds it shut.
        for hold in ("app", "gate"):
            self.apply("siege-" + hold, command=["/integration_worker", "besiege", "/lives"],
                       hold=hold, replicas=1, standby=1)
            self.wait(lambda h=hold: len(self.stories.notes("siege-" + h)) >= 2, "sieges", 60)
        self.assertGreater(min(map(int, self.stories.notes("siege-app"))), 0)
        self.assertEqual(max(map(int, self.stories.notes("siege-gate"))), 0)
        self.assert_healthy()

    def test_nonsense_at_the_gate_of_a_held_spare_costs_that_spare_at_most(self):
        self.apply("held", command=living(FOR_EVER_MS), replicas=1, standby=2)
        self.wait_running("held", 1)
        for words in GATE_NONSENSE:
            for path in self.gates("held"):
                self.say(path, words)
        self.wait(lambda: self.mayflyd.pool("held")["spares_ready"] == 2, "sound spares", 60)
        worker = self.running("held")[0]["name"]
        self.mayflyd.mayfly("kill", worker)
        self.wait_replaced("held", worker, 1)
        self.assert_healthy()

    def test_a_crowd_at_every_gate_is_turned_away(self):
        self.apply("crowd", command=living(FOR_EVER_MS), replicas=1, standby=2)
        self.wait_running("crowd", 1)
        before = self.files()
        for path in self.gates("crowd"):
            for _ in range(100):
                peer = self.connect(path)
                peer.setblocking(False)
        self.assert_healthy()
        self.assertLess(self.files() - before, 64)

    def gates(self, pool):
        root = os.path.join(self.mayflyd.run_folder, "workers")
        return [os.path.join(root, name, "mnt/gate.sock") for name in os.listdir(root)
                if name.rsplit("-", 2)[0] == pool]

    def test_the_gates_are_behind_a_door_that_only_root_opens(self):
        root = os.path.join(self.mayflyd.run_folder, "workers")
        self.assertEqual(os.stat(root).st_mode & 0o777, 0o700)

    # ---- the control socket -------------------------------------------------------------------

    def test_nonsense_on_the_control_socket_is_answered_or_hung_up_on(self):
        for words in CONTROL_NONSENSE * 3:
            self.say(self.mayflyd.socket, words)
        self.assert_healthy()
        self.peers.close()
        self.assertEqual({pool["name"] for pool in self.pools()}, {"calm"})

    def test_a_thousand_connections_are_bounded_and_let_others_in_once_they_are_gone(self):
        before = self.files()
        for _ in range(CONNECTIONS):
            peer = self.connect(self.mayflyd.socket)
            peer.setblocking(False)
            with contextlib.suppress(OSError):
                peer.send(b"GET /v1/status HTTP/1.1\r\nHost: a\r\n")
        self.assertLess(self.files() - before, 200)
        self.assertLess(self.memory_kib() - self.before_kib, GROWTH_MAX_KIB)
        self.peers.close()
        self.assert_healthy()

    def test_readers_that_read_nothing_hold_up_nobody(self):
        follow = b"GET /v1/events?follow=true HTTP/1.1\r\nHost: a\r\n\r\n"
        for _ in range(10):
            self.say(self.mayflyd.socket, follow)
        self.assert_healthy()

    def test_others_than_root_and_the_group_are_turned_away(self):
        mode = os.stat(self.mayflyd.socket).st_mode & 0o7777
        self.assertIn(mode, (0o600, 0o660))
        answer = self.as_nobody("status")
        self.assertNotEqual(answer.returncode, 0)
        self.assertIn("permi", answer.stderr.lower())
        # Also where the file's mode lets them through: the peer's own identity counts.
        os.chmod(self.mayflyd.socket, 0o666)
        self.addCleanup(os.chmod, self.mayflyd.socket, mode)
        for verb in (("status",), ("delete", "calm"), ("scale", "calm", "0")):
            answer = self.as_nobody(*verb)
            self.assertNotEqual(answer.returncode, 0, verb)
            self.assertEqual(answer.stdout, "", verb)
        self.assertEqual(self.mayflyd.pool("calm")["replicas"], 2)

    def as_nobody(self, *verb):
        program = self.place.path("mayfly")
        shutil.copy(os.path.join(PROGRAMS, "mayfly"), program)
        return subprocess.run([program, "--socket", self.mayflyd.socket, *verb], user=NOBODY,
                              group=NOBODY, extra_groups=[], capture_output=True, text=True,
                              check=False)
