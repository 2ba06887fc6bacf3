"""An etcd with TLS both ways, as docs/fleet.md sets one up: nobody reaches it without a certificate of
its authority, and what each may do goes by user."""

import contextlib
import http.client
import json
import ssl

from lab.etcd import Etcd, Member


class TlsMember(Member):
    context = None  # of TLS, as a client

    @property
    def url(self):
        return f"https://{self.address}:{self.port}"

    def is_healthy(self):
        connection = http.client.HTTPSConnection(self.address, self.port, timeout=30, context=self.context)
        with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/health")
            return json.loads(connection.getresponse().read()).get("health") == "true"
        return False


class TlsEtcd(Etcd):
    """Of one member; `ctl` has a certificate of its own, and is root once there are users."""

    def __init__(self, place, address, authority):
        self.authority = authority
        self.place = place
        self.words = []
        server, key = authority.issue("server", f"IP:{address}")
        self.client = authority.issue("etcdctl", "DNS:etcdctl")
        member = TlsMember(place, address, 0, [
            "--client-cert-auth", "--trusted-ca-file", authority.certificate,
            "--cert-file", server, "--key-file", key])
        member.context = ssl.create_default_context(cafile=authority.certificate)
        member.context.load_cert_chain(*self.client)
        self.members = [member]
        self.start()

    def ctl(self, *words, **options):
        certificate, key = self.client
        return super().ctl("--cacert", self.authority.certificate, "--cert", certificate, "--key", key,
                           *self.words, *words, **options)

    def ask_for_users(self, password):
        """Of root, who has to be there."""
        self.ctl("auth", "enable")
        self.words = ["--user", f"root:{password}"]
