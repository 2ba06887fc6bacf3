"""Listens on sockets and becomes a program that is handed them, as systemd does for socket units:
activate.py NAME=PATH… -- PROGRAM ARGUMENT…"""

import os
import socket
import sys

FIRST = 3  # as sd_listen_fds(3) has it
CLEAR = 64  # above all that is open here


def main(words):
    end = words.index("--")
    names, paths = zip(*(word.split("=", 1) for word in words[:end]))
    for index, path in enumerate(paths):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
            listening.bind(path)
            listening.listen()
            os.dup2(listening.fileno(), CLEAR + index)
    for index in range(len(paths)):
        os.dup2(CLEAR + index, FIRST + index)
        os.close(CLEAR + index)
    os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(paths)),
                      LISTEN_FDNAMES=":".join(names))
    os.execv(words[end + 1], words[end + 1:])


if __name__ == "__main__":
    main(sys.argv[1:])
