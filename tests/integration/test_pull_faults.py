"""Pulls that go wrong: each has a clear reason, leaves nothing, and goes well when the fault is gone."""

import os
import shutil

from case import FOR_EVER_MS, OnDocker, OnPodman
from lab.authority import Authority
from lab.registry import PASSWORD, USER, Registry
from lab.spoiler import Spoiler
from registry_case import RegistryCase
from stories import living

FOR_EVER = living(FOR_EVER_MS)
LAYER = 3_000_000
TOO_LARGE = 48_000_000
# In the words of who pulls: Mayfly into containerd, the others by themselves.
CUT = {"containerd": "the connection was cut", "docker": "unexpected EOF",
       "podman": "unexpected EOF"}
CORRUPT = {"containerd": "not what this digest names", "docker": "verification failed",
           "podman": "Digest did not match"}


class FaultsOfPulls(RegistryCase):

    disk_mib = 40

    @classmethod
    def _start_registries(cls):
        cls.registry = Registry(cls.place)
        cls.spoiler = Spoiler(cls.place, cls.registry.port)
        cls.locked = Registry(cls.place, "locked", login=True)
        cls.password = cls.place.write_secret("password", PASSWORD)
        return (f'[registries."{cls.spoiler.host}"]\nplain_http = true\n'
                f'[registries."{cls.locked.host}"]\nplain_http = true\nusername = "{USER}"\n'
                f'password_file = "{cls.password}"\n')

    def tearDown(self):
        self.spoiler.clear()
        super().tearDown()

    def push_spoiled(self, repository, size=LAYER):
        """Its name at the spoiler, and the digest of its upper layer."""
        name, _, layer = self.push_to(self.registry, repository, "1", repository, size)
        return name.replace(self.registry.host, self.spoiler.host), layer

    def told(self, pool):
        """All that is said about why the pool has no worker, or a pull does not go on."""
        pulls = self.mayflyd.status()["pulls"]
        return " ".join([self.why(pool)["detail"], *(pull["waiting_for"] for pull in pulls)])

    def assert_told_then_mended(self, pool, words, mend):
        self.wait(lambda: words.lower() in self.told(pool).lower(), f"the reason: {words}", 120)
        self.assertIn(self.why(pool)["reason"], ("pulling", "no_image"))
        self.assertEqual(self.pids(pool), {})
        mend()
        self.wait_running(pool, 1, 120)

    def test_an_unknown_tag(self):
        name = f"{self.spoiler.host}/unknown:1"
        self.assertIn("unknown:1", self.apply("unknown", image=name, command=FOR_EVER))
        self.assert_told_then_mended("unknown", "unknown:1", lambda: self.push_spoiled("unknown"))

    def test_credentials_that_are_wrong_and_then_right_through_the_whole_pull(self):
        name, *_ = self.push_to(self.locked, "locked", "1", "locked", LAYER)
        self.place.write("password", "wr0ng")
        self.addCleanup(self.place.write, "password", PASSWORD)
        said = self.apply("locked", image=name, command=FOR_EVER)
        self.assertIn("refuses", said)
        self.assertNotIn("wr0ng", said)
        self.assert_told_then_mended("locked", f"check the login that is configured for "
                                     f"{self.locked.host}",
                                     lambda: self.place.write("password", PASSWORD))

    def test_wrong_credentials_of_an_image_by_its_digest(self):
        """An Engine is the first to be refused then: nothing is to be resolved."""
        name, digest, _ = self.push_to(self.locked, "exact", "1", "exact", LAYER)
        self.place.write("password", "wr0ng")
        self.addCleanup(self.place.write, "password", PASSWORD)
        self.apply("exact", image=name.removesuffix(":1") + "@" + digest, command=FOR_EVER)
        self.assert_told_then_mended("exact", "unauthorized",
                                     lambda: self.place.write("password", PASSWORD))

    def test_a_connection_that_is_cut_in_the_middle_of_a_layer(self):
        name, layer = self.push_spoiled("cut")
        self.spoiler.spoil("cut", layer, 100_000)
        self.apply("cut", image=name, command=FOR_EVER)
        self.assert_told_then_mended("cut", CUT[self.runtime.kind], self.spoiler.clear)

    def test_a_layer_that_is_corrupted(self):
        name, layer = self.push_spoiled("corrupt")
        self.spoiler.spoil("corrupt", layer, 100_000)
        self.apply("corrupt", image=name, command=FOR_EVER)
        self.assert_told_then_mended("corrupt", CORRUPT[self.runtime.kind], self.spoiler.clear)

    def test_a_registry_that_stalls(self):
        name, layer = self.push_spoiled("stall")
        self.spoiler.spoil("stall", layer, 100_000)
        self.apply("stall", image=name, command=FOR_EVER)
        self.wait(self.spoiler.stalls, "the pull to stall", 60)
        pulls = self.mayflyd.status()["pulls"]
        self.assertEqual([pull["image"] for pull in pulls], [name])
        self.assertEqual(self.why("stall")["reason"], "pulling")
        self.spoiler.clear()
        self.wait_running("stall", 1, 120)

    def test_a_full_disk(self):
        name, _ = self.push_spoiled("large", TOO_LARGE)
        self.apply("large", image=name, command=FOR_EVER)
        self.assert_told_then_mended("large", "no space left on device",
                                     lambda: self.place.enlarge(self.disk, 10 * self.disk_mib))


class FaultsOfPullsOnDocker(OnDocker, FaultsOfPulls):
    pass


class FaultsOfPullsOnPodman(OnPodman, FaultsOfPulls):
    pass


class RegistriesWithTls(RegistryCase):
    """Each of them is called by two names: by 127.0.0.1 the daemon knows its authority."""

    @classmethod
    def _start_registries(cls):
        authority = Authority(cls.place)
        cls.ca_file = cls.place.path("trusted.pem")
        shutil.copy(authority.certificate, cls.ca_file)
        hosts = "IP:127.0.0.1,DNS:localhost"
        cls.registry = Registry(cls.place, "tls", pair=authority.issue("tls", hosts))
        cls.expired = Registry(cls.place, "expired", pair=authority.issue("expired", hosts, -1))
        cls.strange = Registry(cls.place, "strange",
                               pair=authority.issue("strange", "DNS:elsewhere.example"))
        return "".join(f'[registries."{each.host}"]\nca_file = "{cls.ca_file}"\n'
                       for each in (cls.registry, cls.expired, cls.strange))

    def assert_refused(self, name, *words):
        answer = self.command("image", "pull", name)
        self.assertNotEqual(answer.returncode, 0)
        for word in (name.split("/")[0], "its certificate is not trusted", *words):
            self.assertIn(word, answer.stderr)

    def test_one_whose_authority_is_named_is_pulled_from(self):
        name, digest = self.push("app", "1", "one", LAYER)
        self.assertIn(digest, self.apply("tls", image=name, command=FOR_EVER))
        self.wait_running("tls", 1)

    def test_one_whose_authority_is_not_named_is_refused(self):
        self.push("app", "1", "one")
        self.assert_refused(f"localhost:{self.registry.port}/app:1", "ca_file")

    def test_one_whose_certificate_has_expired_is_refused(self):
        self.assert_refused(f"{self.expired.host}/app:1", "expired")

    def test_one_whose_certificate_is_anothers_is_refused(self):
        self.assert_refused(f"{self.strange.host}/app:1", "127.0.0.1")

    def test_a_file_of_authorities_that_has_gone_is_said(self):
        name, _ = self.push("gone", "1", "one")
        os.rename(self.ca_file, self.ca_file + ".away")
        try:
            self.assert_refused(name, self.ca_file)
        finally:
            os.rename(self.ca_file + ".away", self.ca_file)
        self.mayflyd.mayfly("image", "pull", name)
