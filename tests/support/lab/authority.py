"""An authority of our own for TLS, by the openssl of this host."""

import os

from lab.process import run


class Authority:
    def __init__(self, place, name="authority"):
        self._folder = place.make_folder(name)
        self._key = self._path("ca.key")
        self.certificate = self._path("ca.pem")
        self._openssl("req", "-x509", *self._new_key(self._key), "-days", "2",
                      "-subj", "/CN=an authority of a test", "-out", self.certificate)

    def _path(self, name):
        return os.path.join(self._folder, name)

    @staticmethod
    def _openssl(*args):
        return run(["openssl", *args])

    @staticmethod
    def _new_key(path):
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-keyout", path]

    def issue(self, name, hosts, days=1, subject="/CN=a registry"):
        """The files of a certificate and its key. hosts: "IP:127.0.0.1,DNS:localhost". days: -1 is
        one that was valid until yesterday."""
        key, request = self._path(name + ".key"), self._path(name + ".csr")
        certificate, more = self._path(name + ".pem"), self._path(name + ".ext")
        with open(more, "w", encoding="utf-8") as file:
            file.write(f"subjectAltName = {hosts}\n")
        self._openssl("req", *self._new_key(key), "-subj", subject, "-out", request)
        self._openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self._key,
                      "-days", str(days), "-extfile", more, "-out", certificate)
        return certificate, key


class Certificates:
    """Of several names, at paths that stay whoever issued them. hosts: name → as of issue()."""

    def __init__(self, place, hosts):
        self._place, self._hosts = place, hosts
        self._folder = place.make_folder("certificates")
        self._count = 0
        self._authorities = []
        self.add_authority()
        self.issue()

    def files(self, name):
        """Authority, certificate, key."""
        return tuple(os.path.join(self._folder, file) for file in ("ca.pem", name + ".pem", name + ".key"))

    def add_authority(self):
        """Trusted beside the one before, and the one that issues from now on."""
        self._count += 1
        self._authorities.append(Authority(self._place, f"authority-{self._count}"))
        self._write_authorities()

    def drop_old_authorities(self):
        self._authorities = self._authorities[-1:]
        self._write_authorities()

    def _write_authorities(self):
        texts = []
        for each in self._authorities:
            with open(each.certificate, encoding="ascii") as file:
                texts.append(file.read())
        self._put("ca.pem", "".join(texts))

    def issue(self):
        """All of them anew, without a common name, which etcd would not let a user log in with."""
        for name, hosts in self._hosts.items():
            for source in self._authorities[-1].issue(name, hosts, subject="/O=a fleet of a test"):
                with open(source, encoding="ascii") as file:
                    self._put(os.path.basename(source), file.read())

    def _put(self, name, text):
        path = os.path.join(self._folder, name)
        with open(path + ".new", "w", encoding="ascii") as file:
            os.chmod(path + ".new", 0o600)
            file.write(text)
        os.replace(path + ".new", path)
