"""A wire of our own with machines on it, each a network namespace; the host's network is not touched."""

import contextlib
import ctypes
import os

from lab.process import Process, Trouble, run, wait_until

CLONE_NEWNET = 0x40000000
NOBODY = "02:00:00:00:00:99"  # a card that is not there
_libc = ctypes.CDLL(None, use_errno=True)


def _own_namespace():
    return os.readlink("/proc/thread-self/ns/net")


def _check(result, what):
    if result != 0:
        raise Trouble(f"{what}: {os.strerror(ctypes.get_errno())}")


def _ip(*words, through=()):
    run([*through, "ip", *map(str, words)])


class Network:
    """From here until the place is undone, this thread is on the wire, and so is what it starts."""

    PREFIX = "10.77.0."

    def __init__(self, place):
        self.place = place
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        place.undo.callback(self._leave, home)
        _check(_libc.unshare(CLONE_NEWNET), "a network namespace")
        _ip("link", "set", "lo", "up")
        _ip("link", "add", "wire", "type", "bridge")
        _ip("address", "add", self.PREFIX + "1/24", "dev", "wire")
        _ip("link", "set", "wire", "up")

    @staticmethod
    def _leave(home):
        """With the last process in it, the namespace and its wire go."""
        try:
            _check(_libc.setns(home, CLONE_NEWNET), "back into the host's network")
        finally:
            os.close(home)


class Machine:
    """REQUIRES: this thread is on the network's wire. `number`: of its address, 2 to 254."""

    def __init__(self, network, name, number):
        self.name = name
        self.address = f"{network.PREFIX}{number}"
        self._parted = []
        self._holder = Process(["unshare", "--net", "sleep", "infinity"],
                               network.place.path(f"network-{name}.log"))
        network.place.undo.callback(self._holder.stop)
        wait_until(self._is_apart, f"the network namespace of {name}", process=self._holder)
        _ip("link", "add", "name", name, "type", "veth", "peer", "name", "eth0", "netns", self._holder.pid)
        _ip("link", "set", "dev", name, "master", "wire", "up")
        self._inside("link", "set", "lo", "up")
        self._inside("address", "add", f"{self.address}/24", "dev", "eth0")
        self._inside("link", "set", "eth0", "up")

    def _is_apart(self):
        with contextlib.suppress(OSError):
            return os.readlink(f"/proc/{self._holder.pid}/ns/net") != _own_namespace()
        return False

    @property
    def through(self):
        """The program that becomes another one on this machine."""
        return ("nsenter", f"--net=/proc/{self._holder.pid}/ns/net")

    def _inside(self, *words):
        _ip(*words, through=self.through)

    def cut(self):
        """Off from all: what is sent either way is lost, and nobody is told."""
        _ip("link", "set", "dev", self.name, "down")

    def part_from(self, others):
        """The same towards some; the rest of the wire still reaches it."""
        for one, other in [(self, other) for other in others] + [(other, self) for other in others]:
            one._inside("neighbour", "replace", other.address, "lladdr", NOBODY, "dev", "eth0", "nud", "permanent")
            self._parted.append((one, other.address))

    def mend(self):
        _ip("link", "set", "dev", self.name, "up")
        while self._parted:
            one, address = self._parted.pop()
            one._inside("neighbour", "del", address, "dev", "eth0")
