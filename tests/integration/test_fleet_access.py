"""A fleet set up as docs/fleet.md says, with TLS both ways and a user for each: who may do what, and
what the command says to those who may not."""

import contextlib
import json
import os
import re
import socket
import ssl
import threading

from case import FOR_EVER_MS, SCRATCH, DaemonCase
from lab.authority import Authority
from lab.etcd import Etcd, own_address
from lab.process import Trouble, run, wait_until
from lab.tls_etcd import TlsEtcd
from stories import living, pool_toml

ADDRESS = own_address()
GUIDE = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "fleet.md")
KEYS = "/mayfly/main/"
NO_NAME = "/O=mayfly"  # no CommonName, as the guide has it
EXIT_REFUSED, EXIT_NO_ETCD = 4, 6
CONFIG = """
[coordinator]
endpoints = ["{url}"]
cluster = "main"
ca_file = "{ca}"
cert_file = "{cert}"
key_file = "{key}"
user = "mayfly-{node}"
password_file = "{password}"
"""


def commands_of_the_guide():
    """The users and their roles, up to where etcd begins to ask for them."""
    with open(GUIDE, encoding="utf-8") as guide:
        part = re.search(r"^\*\*Users\.\*\*(.*?)^etcdctl auth enable", guide.read(), re.M | re.S)[1]
    return [line.split()[1:] for line in part.splitlines() if line.startswith("etcdctl ")]


class FleetWithUsers(DaemonCase):
    @classmethod
    def _start_runtime(cls, place):
        """The etcd too: the node's configuration names what is made here."""
        cls.authority = Authority(place)
        cls.etcd = TlsEtcd(place, ADDRESS, cls.authority)
        for words in commands_of_the_guide():
            words = [re.sub(r"\bn1\b", place.unique, word) for word in words]
            if words[:2] == ["user", "add"]:
                words[2] += ":secret"  # it would ask for it
            cls.etcd.ctl(*words)
        cls.etcd.ask_for_users("secret")
        cls.password = place.write_secret("password", "secret\n")
        cls.certificate = cls.authority.issue("anna", "DNS:anna", subject=NO_NAME)
        cert, key = cls.authority.issue("node", "DNS:node", subject=NO_NAME)
        cls.more_config = CONFIG.format(url=cls.etcd.url, ca=cls.authority.certificate, cert=cert,
                                        key=key, node=place.unique, password=cls.password)
        return super()._start_runtime(place)

    def setUp(self):
        self.wait(lambda: [row["state"] for row in self.nodes()] == ["live"], "the node", 120)

    def tearDown(self):
        for pool in self.fleet_json("get", "pools")["pools"]:
            if not pool["document"].get("deleted"):
                self.good("delete", pool["name"])
        self.wait(lambda: not self.pools(), "the end of all pools", 120)
        self.etcd.ctl("del", "--prefix", KEYS + "pools")
        super().tearDown()

    @classmethod
    def delete_pools(cls):
        """What is the fleet's has ended by then."""

    @classmethod
    def open_files(cls):
        return [each for each in super().open_files() if each != "socket"]

    # ---- doing and looking ----------------------------------------------------------------------

    def ask(self, *words, **context):
        """As anna, but for what is said otherwise; None: it is not said."""
        cert, key = self.certificate
        given = {"ENDPOINTS": self.etcd.url, "CA_FILE": self.authority.certificate, "CERT_FILE": cert,
                 "KEY_FILE": key, "USER": "anna", "PASSWORD_FILE": self.password, **context}
        env = {"MAYFLY_" + name: value for name, value in given.items() if value}
        return self.command("--cluster", "main", *words, env={**os.environ, **env})

    def good(self, *words):
        done = self.ask(*words)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def fleet_json(self, *words):
        return json.loads(self.good(*words, "-o", "json"))

    def nodes(self):
        return self.fleet_json("get", "nodes")["nodes"]

    def apply_to_fleet(self, name, replicas):
        path = self.place.write(f"{name}.toml", pool_toml(
            name, image=SCRATCH, command=living(FOR_EVER_MS), mounts=[self.stories.mount()],
            replicas=replicas))
        self.good("apply", "-f", path, "--wait")

    def as_node(self, *words):
        """etcdctl, as somebody who has taken the node."""
        with open(self.place.path("mayfly.toml"), encoding="utf-8") as config:
            given = dict(re.findall(r'^(\w+) = "(.*)"$', config.read(), re.M))
        return run(["etcdctl", "--endpoints", self.etcd.url, "--cacert", given["ca_file"], "--cert",
                    given["cert_file"], "--key", given["key_file"], "--user",
                    given["user"] + ":secret", *words], env=dict(os.environ, ETCDCTL_API="3"))

    # ---- tests ----------------------------------------------------------------------------------

    def test_a_node_does_all_its_work_with_the_role_of_the_guide(self):
        self.apply_to_fleet("each", 1)
        self.apply_to_fleet("shared", {"total": 2})
        self.wait_running("shared", 2)
        row, = self.nodes()
        self.assertEqual((row["running"], row["refused"], row["alarms"]), (3, 0, []))
        self.assertLess(row["contact_age_s"], 15)
        self.good("node", "cordon", self.place.unique, "--wait")
        self.good("node", "undrain", self.place.unique, "--wait")
        self.assertEqual(self.mayflyd.status()["coordinator"]["alarms"], [])

    def test_a_node_that_was_taken_changes_nothing_for_the_others(self):
        own = f"nodes/{self.place.unique}/"
        for key in ("nodes/n2/desired", "nodes/n2/info", "nodes/n2/status", "members/n2", own + "desired",
                    "pools/each", "pools.epoch", "pools-history/each/0000000001"):
            with self.subTest(key), self.assertRaisesRegex(Trouble, "permission denied"):
                self.as_node("put", KEYS + key, "{}")
        for key in ("nodes/n2/desired", "nodes/n2/status", "pools-history/each/0000000001"):
            with self.subTest(key), self.assertRaisesRegex(Trouble, "permission denied"):
                self.as_node("get", KEYS + key)
        self.as_node("get", KEYS + own + "status")
        self.as_node("get", "--prefix", KEYS + "members/")

    def test_a_node_that_is_gone_is_listed_with_the_slots_that_wait_for_it(self):
        self.apply_to_fleet("shared", {"total": 3})
        self.mayflyd.process.kill()
        try:
            self.look_at_a_node_that_is_gone()
        finally:
            self.mayflyd.start()
        self.wait(lambda: self.nodes()[0]["state"] == "live" and not self.nodes()[0]["slots"],
                  "its return", 120)

    def look_at_a_node_that_is_gone(self):
        row = wait_until(lambda: (row := self.nodes()[0])["state"] == "gone" and row,
                         "the node to be gone", 120)
        self.assertEqual(row["slots"], {"shared": [0, 1, 2]})
        self.assertTrue(10 <= row["contact_age_s"] <= 60, row)
        self.assertEqual(row["instance"], self.instance())
        said = f"{self.place.unique} is gone, last heard of "
        for words in (("status",), ("describe", "node", self.place.unique)):
            self.assertRegex(self.good(*words), "warning +node " + said + r"\w+ ago; slots wait for it, "
                             r"for \w+ yet: shared 0-2\n")
        self.assertRegex(self.good("why", "shared"), said + r"\w+ ago; slots 0-2 wait for it")

    def instance(self):
        member = json.loads(self.etcd.value(KEYS + "members/" + self.place.unique))
        return member["instance"]

    # ---- what the command says --------------------------------------------------------------------

    def expect(self, code, word, **context):
        done = self.ask("get", "pools", **context)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertIn(word, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)

    def with_certificate(self, authority, *args, **options):
        cert, key = authority.issue(*args, **options)
        return {"CERT_FILE": cert, "KEY_FILE": key}

    def test_a_certificate_that_etcd_does_not_take_is_said_to_be_so(self):
        stranger = Authority(self.place, "stranger")
        of_ours = "cert_file and key_file of the context must be of the authority that it trusts, and not expired"
        late = self.with_certificate(self.authority, "late", "DNS:late", -1, subject=NO_NAME)
        self.expect(EXIT_NO_ETCD, of_ours, **late)
        self.expect(EXIT_NO_ETCD, of_ours, CERT_FILE=None, KEY_FILE=None)
        self.expect(EXIT_NO_ETCD, of_ours, **self.with_certificate(stranger, "bert", "DNS:b", subject=NO_NAME))
        self.expect(EXIT_REFUSED, "must have no CommonName",
                    **self.with_certificate(self.authority, "named", "DNS:named"))
        self.expect(EXIT_NO_ETCD, "key_file of the context must be the key of cert_file",
                    KEY_FILE=late["KEY_FILE"])

    def test_an_etcd_that_is_not_trusted_is_said_to_be_so(self):
        stranger = Authority(self.place, "another")
        for ca in (stranger.certificate, None):
            self.expect(EXIT_NO_ETCD, "ca_file of the context must be the authority of etcd's certificate",
                        CA_FILE=ca)
        self.expect(EXIT_NO_ETCD, "ca_file of the context must be there", CA_FILE="/nonexistent")
        for name, days, host, word in (
                ("old", -1, "IP:127.0.0.1", "etcd's own certificate is to be renewed"),
                ("elsewhere", 1, "DNS:elsewhere", "the endpoint must be one that etcd's certificate names")):
            with self.serving(self.authority.issue(name, host, days)) as url:
                self.expect(EXIT_NO_ETCD, word, ENDPOINTS=url)
        self.expect(EXIT_NO_ETCD, "an etcd with TLS is reached by https://",
                    ENDPOINTS=self.etcd.url.replace("https", "http"))
        plain = Etcd(self.place.corner("plain"), ADDRESS.replace("127.128.", "127.129."))
        self.expect(EXIT_NO_ETCD, "an etcd without TLS is reached by http://",
                    ENDPOINTS=plain.url.replace("http", "https"))
        plain.stop()

    @contextlib.contextmanager
    def serving(self, certificate):
        """Somebody with that certificate, to whom no more is said than is said to shake hands."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        with socket.create_server(("127.0.0.1", 0)) as server:
            def greet():
                with contextlib.suppress(OSError):
                    context.wrap_socket(server.accept()[0], server_side=True).close()
            thread = threading.Thread(target=greet)
            thread.start()
            yield f"https://127.0.0.1:{server.getsockname()[1]}"
            thread.join(60)

    def test_a_user_that_etcd_does_not_take_is_said_to_be_so(self):
        wrong = self.place.write_secret("wrong-password", "wrong\n")
        of_ours = "look at user and password_file of the context"
        self.expect(EXIT_REFUSED, of_ours, PASSWORD_FILE=wrong)
        self.expect(EXIT_REFUSED, of_ours, USER="nobody")
        self.expect(EXIT_REFUSED, "set user and password_file in the context", USER=None, PASSWORD_FILE=None)
        self.expect(EXIT_REFUSED, "the roles of the context's user do not allow it",
                    USER=f"mayfly-{self.place.unique}")
        self.assertNotIn("wrong", self.ask("get", "pools", PASSWORD_FILE=wrong).stderr)
