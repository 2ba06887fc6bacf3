#!/usr/bin/env python3
"""Receives what Mayfly's webhook tells, checks who says it, and prints a line for each event.

    openssl rand -hex 32 > webhook.key
    ./webhook_receiver.py --secret-file webhook.key --cert server.pem --key server.key --port 8443

An event may come twice, with the same id: when the answer to the first was lost. It is printed once.
"""

import argparse
import collections
import hashlib
import hmac
import http.server
import json
import ssl
import sys
import time

BODY_BYTES_MAX = 64 * 1024
AGE_MAX_S = 300  # of a signature: what is older may be somebody's recording
IDS_KEPT = 10_000


def is_signed(header, body, secret, now):
    """Whether it was said within the last minutes by somebody who has the secret."""
    parts = dict(part.split("=", 1) for part in header.split(",") if "=" in part)
    stamp, given = parts.get("t", ""), parts.get("v1", "")
    if not stamp.isdigit() or abs(now - int(stamp)) > AGE_MAX_S:
        return False
    wanted = hmac.new(secret, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(wanted.encode(), given.encode())


class Seen:
    """The ids of the newest events."""

    def __init__(self):
        self._ids = collections.OrderedDict()

    def add(self, event_id):
        """True: it is new."""
        if event_id in self._ids:
            return False
        self._ids[event_id] = True
        if len(self._ids) > IDS_KEPT:
            self._ids.popitem(last=False)
        return True


class Receiver(http.server.BaseHTTPRequestHandler):
    secret = b""
    seen = Seen()
    timeout = 10

    def do_POST(self):
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > BODY_BYTES_MAX:
            return self.answer(413)
        body = self.rfile.read(int(length))
        if not is_signed(self.headers.get("Mayfly-Signature", ""), body, self.secret, time.time()):
            return self.answer(401)
        event = json.loads(body)
        if self.seen.add(event["id"]):
            print(event["time"], event["source"], event["type"], event.get("subject", "-"),
                  json.dumps(event["data"]), flush=True)
        return self.answer(204)

    def answer(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format, *args):
        """Not a line for each request."""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8443)
    parser.add_argument("--secret-file", required=True)
    parser.add_argument("--cert", help="PEM; without it there is no TLS")
    parser.add_argument("--key", help="PEM")
    given = parser.parse_args()
    with open(given.secret_file, "rb") as file:
        Receiver.secret = file.read().rstrip(b"\r\n")
    server = http.server.ThreadingHTTPServer((given.address, given.port), Receiver)
    if given.cert:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(given.cert, given.key)
        server.socket = context.wrap_socket(server.socket, server_side=True,
                                            do_handshake_on_connect=False)
    print(f"listening on {given.address}:{server.server_address[1]}", file=sys.stderr, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
