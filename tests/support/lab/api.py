"""Reads the control API over its unix socket, as docs/openapi.yaml describes it."""

import http.client
import json
import socket

from lab.process import Trouble


class _Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=10)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Api:
    """One connection, kept; opened again when the daemon has closed it."""

    def __init__(self, path):
        self._connection = _Connection(path)

    def close(self):
        self._connection.close()

    def get(self, target):
        return json.loads(self.text(target))

    def text(self, target):
        for attempt in (1, 2):
            try:
                self._connection.request("GET", target)
                response = self._connection.getresponse()
                body = response.read()
                break
            except (OSError, http.client.HTTPException) as fault:
                self._connection.close()
                if attempt == 2:
                    raise Trouble(f"GET {target}: {fault}") from None
        if response.status != 200:
            raise Trouble(f"GET {target}: {response.status} {body.decode(errors='replace')}")
        return body.decode()
