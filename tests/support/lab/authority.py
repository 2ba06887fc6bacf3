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

    def issue(self, name, hosts, days=1):
        """The files of a certificate and its key. hosts: "IP:127.0.0.1,DNS:localhost". days: -1 is
        one that was valid until yesterday."""
        key, request = self._path(name + ".key"), self._path(name + ".csr")
        certificate, more = self._path(name + ".pem"), self._path(name + ".ext")
        with open(more, "w", encoding="utf-8") as file:
            file.write(f"subjectAltName = {hosts}\n")
        self._openssl("req", *self._new_key(key), "-subj", "/CN=a registry", "-out", request)
        self._openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self._key,
                      "-days", str(days), "-extfile", more, "-out", certificate)
        return certificate, key
