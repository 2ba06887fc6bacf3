"""logind and systemd, as far as Mayfly knows them: told what to say by lines of JSON."""

import json
import os
import select
import sys

import dbus
import dbus.service
from dbus.mainloop.glib import DBusGMainLoop
from gi.repository import GLib

MANAGER = "org.freedesktop.login1.Manager"
PROPERTIES = "org.freedesktop.DBus.Properties"
UNIT_PATH = "/org/freedesktop/systemd1/unit/"


def escaped(unit):
    return "".join(c if c.isascii() and c.isalnum() else f"_{ord(c):02x}" for c in unit)


class Logind(dbus.service.Object):

    def __init__(self, bus):
        self._owned = dbus.service.BusName("org.freedesktop.login1", bus)
        super().__init__(bus, "/org/freedesktop/login1")
        self.down = False
        self.delay_us = 5_000_000
        self._pipes = []

    @dbus.service.method(MANAGER, in_signature="ssss", out_signature="h")
    def Inhibit(self, what, _who, _why, mode):
        if (what, mode) != ("shutdown", "delay") or self.down:
            raise dbus.exceptions.DBusException("not now", name="org.example.Refused")
        ours, theirs = os.pipe()
        self._pipes.append(ours)
        lock = dbus.types.UnixFd(theirs)
        os.close(theirs)
        return lock

    def locks(self):
        poll = select.poll()
        for pipe in self._pipes:
            poll.register(pipe, 0)
        return len(self._pipes) - len(poll.poll(0))

    @dbus.service.method(PROPERTIES, in_signature="ss", out_signature="v")
    def Get(self, _interface, name):
        if name == "InhibitDelayMaxUSec":
            return dbus.UInt64(self.delay_us)
        return dbus.Boolean(self.down)

    @dbus.service.signal(MANAGER, signature="b")
    def PrepareForShutdown(self, _start):
        pass


class Systemd(dbus.service.Object):

    def __init__(self, bus):
        self._owned = dbus.service.BusName("org.freedesktop.systemd1", bus)
        super().__init__(bus, "/org/freedesktop/systemd1")

    @dbus.service.method("org.freedesktop.systemd1.Manager")
    def Subscribe(self):
        pass


class Unit(dbus.service.Object):

    def __init__(self, bus, name):
        super().__init__(bus, UNIT_PATH + escaped(name))
        self.state = {"LoadState": "loaded", "ActiveState": "active", "SubState": "running",
                      "Result": "success"}

    @dbus.service.method(PROPERTIES, in_signature="ss", out_signature="v")
    def Get(self, _interface, name):
        return self.state[name]

    @dbus.service.signal(PROPERTIES, signature="sa{sv}as")
    def PropertiesChanged(self, _interface, _changed, _invalidated):
        pass


class Told:
    """Does what a line says, and answers with what is so."""

    def __init__(self, bus, unit):
        self.logind = Logind(bus)
        self.systemd = Systemd(bus)
        self.unit = Unit(bus, unit)

    def heed(self, what):
        self.logind.delay_us = what.get("delay_us", self.logind.delay_us)
        if "down" in what:
            self.logind.down = what["down"]
            self.logind.PrepareForShutdown(what["down"])
        if "unit" in what:
            self.unit.state.update(what["unit"])
            self.unit.PropertiesChanged("org.freedesktop.systemd1.Unit", {}, ["ActiveState"])
        return {"locks": self.logind.locks()}


def main():
    DBusGMainLoop(set_as_default=True)
    told = Told(dbus.SystemBus(), sys.argv[1])
    loop = GLib.MainLoop()

    def read(_source, _condition):
        line = sys.stdin.readline()
        if not line:
            loop.quit()
            return False
        print(json.dumps(told.heed(json.loads(line))), flush=True)
        return True

    GLib.io_add_watch(0, GLib.IO_IN | GLib.IO_HUP, read)
    loop.run()


if __name__ == "__main__":
    main()
