"""A containerd and a mayflyd of our own; or a containerd that runs already.

What a mayflyd runs on, here and in lab.engines, has one face: `kind`; `runtime_config()`, the lines of
Mayfly's section [runtime]; `things()`, all that it holds, by kind; `pids()`, worker → process id of its
running container; `load(archive)`; `start`, `kill`, `freeze` and `thaw`.
"""

import contextlib
import os
import signal

from lab.api import Api
from lab.process import Process, Trouble, processes_with, run, wait_until

CONTAINERD_CONFIG = """\
version = 2
root = "{folder}/root"
state = "{folder}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "{folder}/sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "{folder}/opt"
"""


class Runtime:
    """What workers run on, in a process of our own."""

    process = None

    def kill(self):
        """Its end, with no chance to put anything away."""
        self.process.kill()

    def freeze(self):
        """It is at a stop when this returns."""
        self.process.send(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED)

    def thaw(self):
        self.process.send(signal.SIGCONT)


class Containerd(Runtime):
    """One of its own in the place, or the one behind `socket`. Ours is the namespace alone."""

    kind = "containerd"

    def __init__(self, place, socket=None):
        self.place = place
        self.namespace = place.unique
        self.process = None
        if socket is None:
            folder = place.make_folder("c")
            config = place.write("c/config.toml", CONTAINERD_CONFIG.format(folder=folder))
            self.socket = os.path.join(folder, "sock")
            self._command = ["containerd", "-c", config]
            self._launch()
            place.undo.callback(lambda: self.process.stop())
        else:
            self.socket = os.path.realpath(socket)
        place.undo.callback(self._remove_namespace)
        self._wait_up()

    def start(self):
        """Again, after it was killed. Ours only, as the three below."""
        self._launch()
        self._wait_up()

    def _launch(self):
        self.process = Process(self._command, self.place.path("containerd.log"))

    def _wait_up(self):
        wait_until(self._answers, "containerd", process=self.process)

    def _answers(self):
        with contextlib.suppress(Trouble):
            return self.ctr("version")
        return None

    def ctr(self, *args, **options):
        return run(["ctr", "-a", self.socket, "-n", self.namespace, *args], **options)

    def load(self, archive):
        self.ctr("images", "import", archive)

    def runtime_config(self):
        return (f'kind = "containerd"\nsocket = "{self.socket}"\nnamespace = "{self.namespace}"\n'
                f'cgroup_parent = "/{self.namespace}"\n')

    def things(self):
        """What there is in our namespace, by kind."""
        return {
            "containers": self.ctr("containers", "ls", "-q").split(),
            "tasks": self.ctr("tasks", "ls", "-q").split(),
            "snapshots": [row.split()[0] for row in self.ctr("snapshots", "ls").splitlines()[1:]],
            "leases": self.ctr("leases", "ls", "-q").split(),
            "shims": self.shims(),
        }

    def count(self):
        """How much of each kind there is in our namespace."""
        return {kind: len(things) for kind, things in self.things().items()}

    def shims(self):
        return processes_with("shim", self.namespace)

    def pids(self):
        found = {}
        for line in self.ctr("tasks", "ls").splitlines()[1:]:
            name, pid, state = line.split()
            if state == "RUNNING" and name.startswith("mayfly-"):
                found[name.split("-", 2)[2]] = int(pid)  # mayfly-INSTANCE-WORKER
        return found

    def _remove_namespace(self):
        """Removes all that is left in our namespace, whoever made it."""
        for task in self.ctr("tasks", "ls", "-q").split():
            self.ctr("tasks", "kill", "-s", "KILL", task, check=False)
            self.ctr("tasks", "delete", "-f", task, check=False)
        for kind in ("containers", "leases", "images"):
            names = self.ctr(kind, "ls", "-q").split()
            if names:
                self.ctr(kind, "rm", *(["--sync"] if kind == "images" else []), *names, check=False)
        self._remove_snapshots()
        run(["ctr", "-a", self.socket, "namespaces", "rm", self.namespace], check=False)

    def _remove_snapshots(self):
        """Children before parents: each round removes the leaves."""
        for _ in range(64):
            names = [line.split()[0] for line in self.ctr("snapshots", "ls").splitlines()[1:]]
            if not names:
                return
            for name in names:
                self.ctr("snapshots", "rm", name, check=False)


MAYFLYD_CONFIG = """\
[node]
name = "{name}"
[images]
disk_free_min = "0%"  # how full the host is must not decide what a test sees
[runtime]
{runtime}{more}"""


class Mayflyd:
    """A mayflyd with its own state and run folder, on one of the runtimes."""

    def __init__(self, place, runtime, programs, more_config=""):
        self.place = place
        self.programs = programs
        self.run_folder = place.make_memory_folder("run")
        self.socket = os.path.join(self.run_folder, "mayfly.sock")
        self.config = place.write("mayfly.toml", MAYFLYD_CONFIG.format(
            name=place.unique, runtime=runtime.runtime_config(), more=more_config))
        self.api = Api(self.socket)
        self.process = None
        place.undo.callback(self.close)
        self.start()

    def start(self):
        self.launch()
        self.wait_up()

    def launch(self, program="mayflyd", env=None, through=()):
        """Starts it, `through` a program that becomes it, and waits for nothing."""
        self.process = Process(
            [*through, os.path.join(self.programs, program), "--config", self.config,
             "--state-dir", self.place.path("state"), "--run-dir", self.run_folder],
            self.place.path("mayflyd.log"), env)

    def wait_up(self):
        wait_until(self._is_up, "mayflyd", 120, self.process)

    def _is_up(self):
        with contextlib.suppress(Trouble):
            return self.status()["runtime"]["state"] == "up"
        return False

    def mayfly(self, *args, **options):
        return run([os.path.join(self.programs, "mayfly"), "--socket", self.socket, *args],
                   **options)

    def status(self):
        return self.api.get("/v1/status")

    def pool(self, name):
        return self.api.get("/v1/pools/" + name)

    def apply(self, pool_text):
        return self.mayfly("apply", "-f", self.place.write("pool.toml", pool_text))

    def delete(self, pool):
        """Returns when the last worker of the pool has gone."""
        self.mayfly("delete", pool)
        wait_until(lambda: all(row["name"] != pool for row in self.api.get("/v1/pools")["pools"]),
                   f"the end of pool {pool}", 120, self.process)

    def close(self):
        """Ends all pools first: stopping the daemon alone leaves its workers running."""
        if self.process.alive():
            with contextlib.suppress(Trouble):
                for pool in self.api.get("/v1/pools")["pools"]:
                    self.delete(pool["name"])
        self.api.close()
        self.process.stop()
