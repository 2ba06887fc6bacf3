#!/usr/bin/env python3
"""A worker for a pool with hold = "app": makes ready, says so, waits for its release, works once, exits."""

import json
import os
import signal
import socket
import sys
import time

RETRY_SECONDS = 0.1


def wait_for_release():
    """Says ready at the gate and returns the release, a dict with "slot" and "env".

    Waits for as long as it takes; when the agent goes away meanwhile, asks it again.
    """
    while True:
        try:
            with socket.socket(socket.AF_UNIX) as gate:
                gate.connect(os.environ["MAYFLY_GATE"])
                gate.sendall(b'{"mayfly":1,"type":"ready"}\n')
                line = gate.makefile(encoding="utf-8").readline()
            if line.endswith("\n"):
                return json.loads(line)
        except OSError:
            pass
        time.sleep(RETRY_SECONDS)


def main():
    # As process 1 of a container it would not die of SIGTERM otherwise.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))

    # What takes long goes here: while the worker is held it costs nobody time.
    greeting = "hello"

    release = wait_for_release()
    os.environ.update(release["env"])

    print(f"{greeting} from slot {release['slot']}")


if __name__ == "__main__":
    main()
