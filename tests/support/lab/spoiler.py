"""Stands between a client and a registry, and spoils what comes from it."""

import contextlib
import re
import socket
import threading

HEAD_MAX = 1 << 16
PIECE = 1 << 14
TLS_HELLO = b"\x16"


def _read_head(peer):
    """Up to the empty line, and what has come of what follows it."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = peer.recv(PIECE)
        data += piece
        if not piece or len(data) > HEAD_MAX or data.startswith(TLS_HELLO):
            raise OSError("no head")
    head, _, rest = data.partition(b"\r\n\r\n")
    return head, rest


def _closing(head):
    """So that each request has a connection of its own."""
    head = re.sub(rb"\r\nConnection:[^\r]*", b"", head, flags=re.IGNORECASE)
    return head + b"\r\nConnection: close\r\n\r\n"


class Spoiler:
    """How it spoils: `cut` ends the connection after `at` bytes of a body, `stall` leaves it open and
    sends no more, `corrupt` changes that byte."""

    def __init__(self, place, server_port):
        self._server_port = server_port
        self._fault = None  # (how, part of the path, at)
        self._lock = threading.Lock()
        self._stalled = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()
        place.undo.callback(self._close)

    def spoil(self, how, part, at=0):
        """All that is asked for from now on by a path that has `part` in it."""
        self._fault = (how, part, at)

    def clear(self):
        """No faults any more; what stalls is cut."""
        self._fault = None
        with self._lock:
            stalled, self._stalled = self._stalled, []
        for peer in stalled:
            peer.close()

    def stalls(self):
        with self._lock:
            return bool(self._stalled)

    def _close(self):
        self.clear()
        self._listener.close()

    def _serve(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client):
        with contextlib.suppress(OSError, ValueError):
            with socket.create_connection(("127.0.0.1", self._server_port)) as server:
                head, _ = _read_head(client)
                server.sendall(_closing(head))
                reply, rest = _read_head(server)
                client.sendall(_closing(reply))
                if not self._pass_body(head.split(b" ", 2)[1].decode(), rest, server, client):
                    return
        client.close()

    def _pass_body(self, path, piece, server, client):
        """False: the client is left waiting."""
        passed = 0
        while piece or (piece := server.recv(PIECE)):
            how, part, at = self._fault or ("", "", 0)
            if how and part in path and passed <= at < passed + len(piece):
                before = at - passed
                if how == "corrupt":
                    piece = piece[:before] + bytes([piece[before] ^ 0xff]) + piece[before + 1:]
                else:
                    client.sendall(piece[:before])
                    return how == "cut" or self._leave(client)
            client.sendall(piece)
            passed += len(piece)
            piece = b""
        return True

    def _leave(self, client):
        with self._lock:
            self._stalled.append(client)
        return False
