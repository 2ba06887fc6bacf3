"""An image registry of our own on loopback, and images pushed to it."""

import base64
import hashlib
import http.client
import json
import socket
import ssl
import urllib.parse

from lab.process import Process, Trouble, wait_until

CONFIG = """\
version: 0.1
log: {{level: warn}}
storage:
  filesystem: {{rootdirectory: {folder}/data}}
http: {{addr: '127.0.0.1:{port}', secret: of-a-test{tls}}}
{auth}"""
USER, PASSWORD = "bob", "s3cret-of-bob"
HTPASSWD = USER + ":$2b$04$dzm5l1v85GD1TYAwXSv2T.2F474X6./wp/1NjIJSjR/yD0hs9CEPW\n"
LAUNCHES = 5  # somebody may take the port that was free a moment ago

OCI = "application/vnd.oci.image."


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def digest_of(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


def _descriptor(kind, content):
    return {"mediaType": OCI + kind, "digest": digest_of(content), "size": len(content)}


class Registry:
    """Debian's docker-registry with a folder of its own. `login`: it wants USER and PASSWORD. `pair`:
    certificate and key, of one that speaks TLS."""

    def __init__(self, place, name="registry", login=False, pair=None):
        self.folder = place.make_folder(name)
        self.process = None
        self._name = name
        self._log = place.path(name + ".log")
        self._tls = self._auth = ""
        if pair:
            self._tls = f", tls: {{certificate: {pair[0]}, key: {pair[1]}}}"
        if login:
            path = place.write(name + "/htpasswd", HTPASSWD)
            self._auth = f"auth:\n  htpasswd: {{realm: of-a-test, path: {path}}}\n"
        self._launch(place)
        place.undo.callback(lambda: self.process.stop())

    def _launch(self, place):
        for _ in range(LAUNCHES):
            self.port = _free_port()
            self.config = place.write(self._name + "/config.yml", CONFIG.format(
                folder=self.folder, port=self.port, tls=self._tls, auth=self._auth))
            self.start()
            try:
                return wait_until(self.answers, "the registry", process=self.process)
            except Trouble:
                if self.process.alive():
                    raise
        raise Trouble("docker-registry does not start\n" + self.process.log_tail())

    def start(self):
        """Again, after it was stopped; it does not answer at once."""
        self.process = Process(["docker-registry", "serve", self.config], self._log)

    @property
    def host(self):
        return f"127.0.0.1:{self.port}"

    def answers(self):
        try:
            return self._ask("GET", "/v2/")[0] == 200
        except OSError:
            return False

    def _connection(self):
        if not self._tls:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        anything = ssl._create_unverified_context()  # what its certificate is like is for others
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=60, context=anything)

    def _ask(self, method, path, body=None, kind="application/octet-stream"):
        connection = self._connection()
        headers = {"Content-Type": kind} if body else {}
        if self._auth:
            login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
            headers["Authorization"] = "Basic " + login
        try:
            connection.request(method, path, body, headers)
            reply = connection.getresponse()
            return reply.status, reply.getheader("Location"), reply.read()
        finally:
            connection.close()

    def _put(self, path, body, kind="application/octet-stream"):
        status, _, words = self._ask("PUT", path, body, kind)
        if status != 201:
            raise Trouble(f"the registry answers {status} to PUT {path}: {words!r}")

    def push_blob(self, repository, content):
        _, location, _ = self._ask("POST", f"/v2/{repository}/blobs/uploads/", b"")
        url = urllib.parse.urlsplit(location)
        query = f"{url.query}&" if url.query else ""
        self._put(f"{url.path}?{query}digest={digest_of(content)}", content)

    def push(self, repository, tag, config, layers):
        """layers: gzip'ed tars, lowest first. config: as image.config_of makes it.

        Returns the image's full name and its digest.
        """
        content = json.dumps(config).encode()
        for blob in [content, *layers]:
            self.push_blob(repository, blob)
        manifest = json.dumps({
            "schemaVersion": 2, "mediaType": OCI + "manifest.v1+json",
            "config": _descriptor("config.v1+json", content),
            "layers": [_descriptor("layer.v1.tar+gzip", layer) for layer in layers]}).encode()
        self._put(f"/v2/{repository}/manifests/{tag}", manifest, OCI + "manifest.v1+json")
        return f"{self.host}/{repository}:{tag}", digest_of(manifest)
