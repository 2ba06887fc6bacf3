"""A containerd, a dockerd, a Podman and a mayflyd of our own; or a containerd that runs already."""

import contextlib
import json
import os
import resource
import signal

from lab.api import Api
from lab.process import Process, Trouble, run, wait_until

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


class Containerd:
    """One of its own in the place, or the one behind `socket`. Ours is the namespace alone."""

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

    def kill(self):
        """Its end, with no chance to put anything away."""
        self.process.kill()

    def freeze(self):
        self.process.send(signal.SIGSTOP)

    def thaw(self):
        self.process.send(signal.SIGCONT)

    def _answers(self):
        with contextlib.suppress(Trouble):
            return self.ctr("version")
        return None

    def ctr(self, *args, **options):
        return run(["ctr", "-a", self.socket, "-n", self.namespace, *args], **options)

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
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    words = file.read().split(b"\0")
                if b"shim" in words[0] and self.namespace.encode() in words:
                    found.append(int(pid))
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


class _Served:
    """A daemon behind a socket in a folder of its own: started, killed, frozen, ended by its pid."""

    def __init__(self, place, argv, socket, env=None):
        self.place = place
        self.socket = socket
        self.process = None
        self._argv = argv
        self._env = env
        self._mounts = []  # of the daemon itself, which it may leave behind
        place.undo.callback(self._stop)
        self.start()

    def start(self):
        """Also again, after it was killed."""
        name = os.path.basename(self._argv[0])
        # What falls into the current folder, as conmon's file of an OOM kill, falls into ours.
        self.process = Process(self._argv, self.place.path(name + ".log"), self._env,
                               self.place.folder)
        wait_until(self._answers, name, process=self.process)

    def kill(self):
        """Its end, with no chance to put anything away."""
        self.process.kill()

    def freeze(self):
        self.process.send(signal.SIGSTOP)

    def thaw(self):
        self.process.send(signal.SIGCONT)

    def _answers(self):
        with contextlib.suppress(Trouble):
            return self.command("version")
        return None

    def _stop(self):
        """All its containers go, whoever made them."""
        containers = self.command("ps", "-aq", check=False).split()
        if containers:
            self.command("rm", "-f", "-v", *containers, check=False)
        self.process.stop()
        for point in set(self._mounts) & set(self.place.mounts()):
            run(["umount", point])

    def command(self, *args, **options):
        raise NotImplementedError


class Dockerd(_Served):
    """A dockerd of its own beside our containerd: no bridge, no firewall rules."""

    def __init__(self, place, containerd, live_restore=True):
        folder = place.make_folder("d")
        socket = os.path.join(folder, "sock")
        super().__init__(
            place,
            ["dockerd", "--config-file", place.write("d/daemon.json", "{}"),
             "--containerd", containerd.socket, "--data-root", folder + "/data",
             "--exec-root", folder + "/exec", "-H", "unix://" + socket,
             "--pidfile", folder + "/pid", "--bridge=none", "--iptables=false",
             "--ip-masq=false", "--ip-forward=false",
             "--containerd-namespace", place.unique + "-docker",
             "--containerd-plugins-namespace", place.unique + "-plugins",
             "--cgroup-parent", "/" + place.unique, *(["--live-restore"] if live_restore else [])],
            socket)
        # The second is the host's network, since the first container that asked for it.
        self._mounts = [folder + "/data", folder + "/exec/netns/default"]

    def docker(self, *args, **options):
        return run(["docker", "-H", "unix://" + self.socket, *args], **options)

    command = docker


def _podman_limits():
    """Podman asks for limits above the host's, which takes CAP_SYS_RESOURCE, and lowers its own number
    of processes to pid_max. So: what it is left with."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    processes = resource.getrlimit(resource.RLIMIT_NPROC)[1]
    with open("/proc/sys/kernel/pid_max", encoding="utf-8") as file:
        pid_max = int(file.read())
    processes = pid_max if processes == resource.RLIM_INFINITY else min(processes, pid_max)
    return [f"nofile={files}:{files}", f"nproc={processes}:{processes}"]


PODMAN_CONFIG = """\
[containers]
default_ulimits = {limits}
[engine]
lock_type = "file"
[network]
network_backend = "cni"
network_config_dir = "{folder}/networks"
"""

PODMAN_STORAGE = """\
[storage]
driver = "overlay"
graphroot = "{folder}/root"
runroot = "{folder}/run"
"""


class Podman(_Served):
    """A Podman API service of its own: storage, state and configuration that nobody else uses. Its
    containers are in cgroups of ours only where they ask for it: --cgroup-parent /UNIQUE."""

    def __init__(self, place):
        folder = place.make_folder("p")
        place.make_folder("p/networks")
        socket = os.path.join(folder, "sock")
        self._env = {
            "CONTAINERS_CONF": place.write("p/containers.conf", PODMAN_CONFIG.format(
                folder=folder, limits=json.dumps(_podman_limits()))),
            "CONTAINERS_STORAGE_CONF": place.write(
                "p/storage.conf", PODMAN_STORAGE.format(folder=folder)),
        }
        self._podman = ["podman", "--root", folder + "/root", "--runroot", folder + "/run",
                        "--tmpdir", folder + "/tmp", "--runtime", "runc",
                        "--cgroup-manager", "cgroupfs", "--events-backend", "file"]
        super().__init__(
            place, [*self._podman, "system", "service", "--time=0", "unix://" + socket], socket,
            self._env)
        self._mounts = [folder + "/root/overlay"]

    def podman(self, *args, **options):
        """On the same storage, without the service."""
        return run([*self._podman, *args], env=dict(os.environ, **self._env), **options)

    command = podman

    def _answers(self):
        with contextlib.suppress(Trouble):
            return run(["podman", "--url", "unix://" + self.socket, "version"])
        return None


MAYFLYD_CONFIG = """\
[node]
name = "{name}"
[runtime]
kind = "containerd"
socket = "{socket}"
namespace = "{namespace}"
cgroup_parent = "/{namespace}"
{more}"""


class Mayflyd:
    """A mayflyd with its own state, run folder and containerd namespace."""

    def __init__(self, place, containerd, programs, more_config=""):
        self.place = place
        self.programs = programs
        self.run_folder = place.make_memory_folder("run")
        self.socket = os.path.join(self.run_folder, "mayfly.sock")
        self.config = place.write("mayfly.toml", MAYFLYD_CONFIG.format(
            name=place.unique, socket=containerd.socket, namespace=containerd.namespace,
            more=more_config))
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
        wait_until(self._is_up, "mayflyd", process=self.process)

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
