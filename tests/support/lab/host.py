"""A system bus of our own, with a logind and a systemd on it that are fake."""

import json
import os
import subprocess

from lab.process import Process, Trouble, wait_until

PYTHON = "/usr/bin/python3"  # Debian's own, which python3-dbus and python3-gi belong to

BUS_CONFIG = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/><allow own="*"/>
    <allow send_destination="*"/><allow receive_sender="*"/>
  </policy>
</busconfig>
"""


class Host:
    """What the host says to its services. `unit` is the one that its systemd knows."""

    def __init__(self, folder, unit):
        socket = os.path.join(folder, "bus")
        config = os.path.join(folder, "bus.conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write(BUS_CONFIG.format(socket=socket))
        self.address = "unix:path=" + socket
        self._fake = None
        self._bus = Process(
            ["dbus-daemon", "--config-file=" + config, "--nofork", "--nopidfile", "--nosyslog"],
            os.path.join(folder, "bus.log"))
        try:
            wait_until(lambda: os.path.exists(socket), "the bus", process=self._bus)
            self._fake = subprocess.Popen(
                [PYTHON, "-B", os.path.join(os.path.dirname(__file__), "fake_host.py"), unit],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                env=dict(os.environ, DBUS_SYSTEM_BUS_ADDRESS=self.address))
            self._ask()
        except BaseException:
            self.stop()
            raise

    def stop(self):
        if self._fake is not None:
            self._fake.stdin.close()
            self._fake.wait(20)
            self._fake.stdout.close()
        self._bus.stop()

    def _ask(self, **what):
        self._fake.stdin.write(json.dumps(what) + "\n")
        self._fake.stdin.flush()
        answer = self._fake.stdout.readline()
        if not answer:
            raise Trouble("the fake logind has ended")
        return json.loads(answer)

    def locks(self):
        """Delay locks that are held."""
        return self._ask()["locks"]

    def wait_at_most(self, seconds):
        self._ask(delay_us=int(seconds * 1e6))

    def go_down(self):
        self._ask(down=True)

    def stay_up(self):
        self._ask(down=False)

    def set_unit(self, active, sub, result="success"):
        self._ask(unit={"ActiveState": active, "SubState": sub, "Result": result})
