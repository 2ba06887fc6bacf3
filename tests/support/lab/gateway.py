"""etcd's JSON gateway, as far as a measurement needs it: no program is started for a call."""

import base64
import http.client
import json
import re
import socket

from lab.process import Trouble


def _coded(text):
    return base64.b64encode(text.encode()).decode()


def _end_of(prefix):
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)


class Gateway:
    def __init__(self, address, port=2379):
        self.address, self.port = address, port

    def _ask(self, method, path, body=None):
        connection = http.client.HTTPConnection(self.address, self.port, timeout=60)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        if answer.status != 200:
            raise Trouble(f"etcd answers {answer.status} to {path}: {text[:200]}")
        return text

    def put(self, key, value):
        self._ask("POST", "/v3/kv/put", {"key": _coded(key), "value": _coded(value)})

    def count(self, prefix):
        found = json.loads(self._ask("POST", "/v3/kv/range", {
            "key": _coded(prefix), "range_end": _coded(_end_of(prefix)), "count_only": True}))
        return int(found.get("count", 0))

    def metrics(self):
        """Name → value of those without labels, and method → calls that were answered."""
        found = {}
        for line in self._ask("GET", "/metrics").splitlines():
            if line.startswith("grpc_server_handled_total{"):
                name = re.search(r'grpc_method="(\w+)"', line)[1]
            elif line[:1] == "#" or "{" in line:
                continue
            else:
                name = line.split()[0]
            found[name] = found.get(name, 0) + float(line.split()[-1])
        return found

    def watch(self, prefix):
        """What is put from now on, as (key, value); it has begun when this returns."""
        return Watch(self.address, self.port, prefix)


class Watch:
    def __init__(self, address, port, prefix):
        self._connection = http.client.HTTPConnection(address, port, timeout=600)
        self._connection.request("POST", "/v3/watch", json.dumps({"create_request": {
            "key": _coded(prefix), "range_end": _coded(_end_of(prefix))}}))
        self._socket = self._connection.sock
        self._answer = self._connection.getresponse()
        self._next()

    def _next(self):
        line = self._answer.readline()
        return json.loads(line)["result"] if line else None

    def __iter__(self):
        try:
            while (news := self._next()) is not None:
                for event in news.get("events", []):
                    kv = event["kv"]
                    yield (base64.b64decode(kv["key"]).decode(),
                           base64.b64decode(kv.get("value", "")).decode())
        except (OSError, http.client.HTTPException, ValueError):
            return  # closed
        finally:
            self._answer.close()
            self._connection.close()

    def close(self):
        """From another thread than the one that reads, too: that one comes to its end."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
