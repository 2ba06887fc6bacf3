"""A dockerd and a Podman of our own. Both serve Docker's Engine API, by which they are looked at."""

import contextlib
import json
import os
import resource
import urllib.parse

from lab.api import Api
from lab.daemons import Runtime
from lab.process import Process, Trouble, processes_with, run, wait_until


def _folders(*parts):
    """The names of the folders in one that need not be there."""
    folder = os.path.join(*parts)
    if not os.path.isdir(folder):
        return []
    return sorted(entry.name for entry in os.scandir(folder) if entry.is_dir())

CONNECTED = "03"  # SS_CONNECTED, in /proc/net/unix


class _Engine(Runtime):
    """A daemon behind a socket in a folder of its own: started, killed, frozen, ended by its pid."""

    kind = ""

    def __init__(self, place, folder, argv, env=None):
        self.place = place
        self.folder = folder
        self.socket = os.path.join(folder, "sock")
        self.cgroup_parent = f"/{place.unique}-{self.kind}"
        self.api = Api(self.socket)
        self.process = None
        self._argv = argv
        self._env = env
        self._mounts = []  # of the daemon itself, which it may leave behind
        place.undo.callback(self._stop)
        self.start()

    def start(self):
        """Also again, after it was killed."""
        self.launch()
        wait_until(self.answers, self.kind, 60, self.process)

    def launch(self):
        """Starts it and waits for nothing."""
        # What falls into the current folder, as conmon's file of an OOM kill, falls into ours.
        self.process = Process(self._argv, self.place.path(self.kind + ".log"), self._env,
                               self.place.folder)

    def answers(self):
        with contextlib.suppress(Trouble):
            return self.api.get("/version")
        return None

    def _stop(self):
        """All its containers go, whoever made them."""
        self.remove(self.command("ps", "-aq", check=False).split())
        self.api.close()
        self.process.stop()
        for point in set(self._mounts) & set(self.place.mounts()):
            run(["umount", point])

    def command(self, *args, **options):
        """Its own command line."""
        raise NotImplementedError

    def load(self, archive):
        self.command("load", "-i", archive)

    def remove(self, containers):
        """As far as it goes."""
        if containers:
            self.command("rm", "-f", "-v", *containers, check=False)

    def runtime_config(self):
        return (f'kind = "{self.kind}"\nsocket = "{self.socket}"\n'
                f'cgroup_parent = "{self.cgroup_parent}"\n')

    def connections(self):
        """How many others have to it: clients keep theirs."""
        self.api.get("/version")  # ours is one of them from here on
        with open("/proc/net/unix", encoding="utf-8") as lines:
            rows = [line.split() for line in lines]
        return sum(row[5] == CONNECTED and row[-1] == self.socket for row in rows) - 1

    def images(self):
        return sorted({row["Id"] for row in self.api.get("/images/json?all=true")})

    def pids(self):
        asked = urllib.parse.quote(json.dumps({"label": ["mayfly.worker"], "status": ["running"]}))
        found = {}
        for row in self.api.get("/containers/json?filters=" + asked):
            with contextlib.suppress(Trouble):  # it has just gone
                state = self.api.get(f"/containers/{row['Id']}/json")["State"]
                if state["Running"]:
                    found[row["Labels"]["mayfly.worker"]] = state["Pid"]
        return found


class Dockerd(_Engine):
    """A dockerd of its own beside our containerd: no bridge, no firewall rules."""

    kind = "docker"

    def __init__(self, place, containerd, live_restore=True):
        folder = place.make_folder("d")
        self.namespace = place.unique + "-docker"
        super().__init__(
            place, folder,
            ["dockerd", "--config-file", place.write("d/daemon.json", "{}"),
             "--containerd", containerd.socket, "--data-root", folder + "/data",
             "--exec-root", folder + "/exec", "-H", f"unix://{folder}/sock",
             "--pidfile", folder + "/pid", "--bridge=none", "--iptables=false",
             "--ip-masq=false", "--ip-forward=false", "--containerd-namespace", self.namespace,
             "--containerd-plugins-namespace", place.unique + "-plugins",
             "--cgroup-parent", f"/{place.unique}-docker",
             "--max-download-attempts", "1",  # the client tries again, too, and sooner
             *(["--live-restore"] if live_restore else [])])
        # The second is the host's network, since the first container that asked for it.
        self._mounts = [folder + "/data", folder + "/exec/netns/default"]

    def docker(self, *args, **options):
        return run(["docker", "-H", "unix://" + self.socket, *args], **options)

    command = docker

    def things(self):
        """What there is in its folders, known to it or not, by kind."""
        data = self.folder + "/data"
        return {
            "downloads": os.listdir(data + "/tmp"),
            "containers": _folders(data, "containers"),
            "layers": _folders(data, "image/overlay2/layerdb/mounts"),
            "volumes": _folders(data, "volumes"),
            "images": self.images(),
            "states": _folders(self.folder, "exec/runtime-runc", self.namespace),
            "shims": processes_with("shim", self.namespace),
        }


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

PODMAN_REGISTRIES = """\
[[registry]]
location = "127.0.0.1"
insecure = true
"""

RUNC_STATES = "/run/runc"  # of all that Podman starts on a host


class Podman(_Engine):
    """A Podman API service of its own: storage, state and configuration that nobody else uses. Its
    containers are in cgroups of ours only where they ask for it: --cgroup-parent."""

    kind = "podman"

    def __init__(self, place):
        folder = place.make_folder("p")
        place.make_folder("p/networks")
        self._variables = {
            "CONTAINERS_CONF": place.write("p/containers.conf", PODMAN_CONFIG.format(
                folder=folder, limits=json.dumps(_podman_limits()))),
            "CONTAINERS_STORAGE_CONF": place.write(
                "p/storage.conf", PODMAN_STORAGE.format(folder=folder)),
            "CONTAINERS_REGISTRIES_CONF": place.write("p/registries.conf", PODMAN_REGISTRIES),
            "TMPDIR": place.make_folder("p/downloads"),
        }
        self._podman = ["podman", "--root", folder + "/root", "--runroot", folder + "/run",
                        "--tmpdir", folder + "/tmp", "--runtime", "runc",
                        "--cgroup-manager", "cgroupfs", "--events-backend", "file"]
        super().__init__(
            place, folder,
            [*self._podman, "system", "service", "--time=0", f"unix://{folder}/sock"],
            self._variables)
        self._mounts = [folder + "/root/overlay"]

    def podman(self, *args, **options):
        """On the same storage, without the service."""
        return run([*self._podman, *args], env=dict(os.environ, **self._variables), **options)

    command = podman

    def remove(self, containers):
        if containers:
            self.command("rm", "-f", "-v", "-t", "0", *containers, check=False)

    def monitors(self):
        """conmons, and what they start when a container ends."""
        root = self.folder + "/root"
        return [pid for pid in processes_with("conmon", root) + processes_with("podman", root)
                if pid != self.process.pid]

    def _states(self):
        found = []
        for name in _folders(RUNC_STATES):
            with contextlib.suppress(OSError):
                with open(os.path.join(RUNC_STATES, name, "state.json"), encoding="utf-8") as file:
                    if self.folder in file.read():
                        found.append(name)
        return found

    def things(self):
        """What there is in its folders, known to it or not, by kind."""
        root = self.folder + "/root"
        return {
            "downloads": os.listdir(self.folder + "/downloads"),
            "containers": _folders(root, "overlay-containers"),
            "layers": [name for name in _folders(root, "overlay") if name != "l"],
            "volumes": _folders(root, "volumes"),
            "images": self.images(),
            "states": self._states(),
            "monitors": self.monitors(),
        }
