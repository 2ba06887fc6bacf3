"""What a node tells a webhook, received by the example of docs/examples."""

import importlib.util
import json
import os
import unittest

from case import FOR_EVER_MS, DaemonCase
from lab.authority import Authority
from lab.etcd import own_address
from lab.process import Process, wait_until
from stories import living

EXAMPLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../docs/examples/webhook_receiver.py")
SECRET = "hush hush"
ADDRESS, PORT = own_address(), 8443


def load_example():
    spec = importlib.util.spec_from_file_location("webhook_receiver", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class ExampleReceiver(unittest.TestCase):
    """By itself."""

    @classmethod
    def setUpClass(cls):
        cls.example = load_example()

    def signed(self, header, body=b"{}", now=1795000000):
        return self.example.is_signed(header, body, b"secret", now)

    def test_takes_what_is_signed_with_its_secret_a_short_time_ago(self):
        # printf '1795000000.{}' | openssl dgst -sha256 -hmac secret
        good = "t=1795000000,v1=6b4c7e66d3b69c810f27c4aa67ee370757d4dfdabf1fbb338ea7cf6aba9e0494"
        self.assertTrue(self.signed(good))
        self.assertTrue(self.signed(good, now=1795000200))
        self.assertFalse(self.signed(good, now=1795000301))
        self.assertFalse(self.signed(good, now=1794999699))
        self.assertFalse(self.signed(good, body=b"{ }"))
        self.assertFalse(self.signed(good.replace("t=1795000000", "t=1795000001")))
        for bad in ("", "t=,v1=", "v1=x", "t=1795000000", "t=-1,v1=é", "t,v1"):
            self.assertFalse(self.signed(bad), bad)

    def test_takes_an_event_once(self):
        seen = self.example.Seen()
        self.assertTrue(seen.add("a"))
        self.assertFalse(seen.add("a"))
        for number in range(self.example.IDS_KEPT):
            seen.add(number)
        self.assertTrue(seen.add("a"), "what is kept is bounded")


class Webhook(DaemonCase):
    """Over TLS; the receiver comes and goes."""

    @classmethod
    def _start_runtime(cls, place):
        """Before the daemon, which tells of its start."""
        cls.authority = Authority(place)
        cls.certificate = cls.authority.issue("receiver", f"IP:{ADDRESS}")
        cls.secret = place.write("secret", SECRET + "\n")
        os.chmod(cls.secret, 0o600)
        cls.more_config = f"""
[webhook]
url = "https://{ADDRESS}:{PORT}/events"
secret_file = "{cls.secret}"
ca_file = "{cls.authority.certificate}"
"""
        cls.events_log = place.write("events.log", "")
        cls.receiver = None
        place.undo.callback(lambda: cls.receiver.stop())
        cls.receive(cls.certificate)
        return super()._start_runtime(place)

    @classmethod
    def receive(cls, certificate, secret=None):
        before = cls.log_text().count("listening")
        cls.receiver = Process(
            ["python3", EXAMPLE, "--address", ADDRESS, "--port", str(PORT),
             "--secret-file", secret or cls.secret, "--cert", certificate[0], "--key", certificate[1]],
            cls.events_log)
        wait_until(lambda: cls.log_text().count("listening") > before, "the receiver", 60, cls.receiver)

    @classmethod
    def log_text(cls):
        with open(cls.events_log, encoding="utf-8") as log:
            return log.read()

    @classmethod
    def open_files(cls):
        """A connection to the receiver comes and goes."""
        return [each for each in super().open_files() if each != "socket"]

    def tearDown(self):
        if not self.receiver.alive():
            self.receive(self.certificate)
        self.wait(lambda: self.status()["waiting"] == 0, "all to be told", 120)
        super().tearDown()

    def status(self):
        return self.mayflyd.status()["webhook"]

    def told(self, kind, subject="-"):
        """The data of each such event, in order."""
        rows = [line.split(" ", 4) for line in self.log_text().splitlines() if "io.mayfly." in line]
        return [json.loads(row[4]) for row in rows
                if row[2] == f"io.mayfly.{kind}" and row[3] == subject]

    def wait_told(self, kind, subject="-", count=1):
        return self.wait(lambda: len(self.told(kind, subject)) >= count and self.told(kind, subject),
                         f"{kind} of {subject}", 120)

    # ---- tests ----------------------------------------------------------------------------------

    def test_the_daemon_and_its_pools_are_told_of(self):
        self.wait_told("node.started")
        self.apply("one", command=living(FOR_EVER_MS), replicas=2)
        applied = self.wait_told("pool.applied", "one")
        self.assertEqual(applied[0]["replicas"], 2)
        self.mayflyd.mayfly("scale", "one", "1")
        self.assertEqual(self.wait_told("pool.applied", "one", 2)[1]["replicas"], 1)
        self.mayflyd.delete("one")
        self.wait_told("pool.deleted", "one")

    def test_a_pool_that_cannot_start_is_told_of_once_however_often_it_tries(self):
        self.apply("bad", command=["/not/there"], replicas=2, backoff={"initial": "20s", "max": "30s"})
        first = self.wait_told("pool.degraded", "bad")
        self.assertEqual(first[0]["reason"], "starts_failing")
        self.wait(lambda: len(self.exits("bad")) >= 4, "more failures", 120)
        self.assertEqual(len(self.told("pool.degraded", "bad")), 1)

    def test_many_respawns_are_not_told_of(self):
        self.apply("busy", command=living(30), replicas=4, standby=4)
        self.wait(lambda: len(self.exits("busy")) >= 60, "many turns", 120)
        lines = [line for line in self.log_text().splitlines() if " busy " in line]
        self.assertLessEqual(len(lines), 3, "it was made; on a slow machine it may be short of workers, once")

    def test_what_the_receiver_misses_is_told_when_it_is_back(self):
        self.receiver.stop()
        self.apply("late", command=living(FOR_EVER_MS), replicas=1)
        self.wait_running("late", 1)
        self.wait(lambda: self.status()["fault"], "a failure", 60)
        self.assertIn("webhook", self.mayflyd.mayfly("status"))
        self.receive(self.certificate)
        self.wait_told("pool.applied", "late")
        self.wait(lambda: not self.status()["fault"], "no failure", 60)

    def test_a_receiver_with_another_certificate_is_told_nothing(self):
        self.receiver.stop()
        self.receive(Authority(self.place, "strangers").issue("receiver", f"IP:{ADDRESS}"))
        self.apply("secret", command=living(FOR_EVER_MS), replicas=1)
        self.wait(lambda: "certificate" in self.status()["fault"], "distrust", 60)
        self.assertEqual(self.told("pool.applied", "secret"), [])
        self.receiver.stop()

    def test_a_receiver_with_another_secret_refuses_it(self):
        refused = self.status()["refused"]
        self.receiver.stop()
        other = self.place.write("other-secret", "something else\n")
        self.receive(self.certificate, other)
        self.apply("strange", command=living(FOR_EVER_MS), replicas=1)
        self.wait(lambda: self.status()["refused"] > refused, "a refusal", 60)
        self.assertIn("401", self.status()["fault"])
        self.receiver.stop()

    def test_the_end_of_the_daemon_is_told_of_and_its_start(self):
        for _ in range(10):  # on a busy machine, its last second may be too short for it
            started = len(self.told("node.started"))
            self.assertEqual(self.mayflyd.process.stop(60), 0)
            self.mayflyd.start()
            self.wait_told("node.started", count=started + 1)
            if self.told("node.stopping"):
                return
        self.fail("no end was told of")
