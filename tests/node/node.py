"""A machine of its own: systemd as PID 1 of a container on a private dockerd.

Nothing of it reaches the host: its cgroups lie below the container's own, since its cgroup namespace is
private, and all its processes end with the first. The host's network is shared, so that apt works.
"""

import os
import subprocess

import rootfs
from lab.process import Trouble, run, wait_until

CAPABILITIES = ("SYS_ADMIN", "NET_ADMIN", "SYS_PTRACE", "SYS_NICE", "DAC_READ_SEARCH")

# Docker mounts the cgroup hierarchies read-only: one that owns its cgroup namespace may write to them.
INIT = """
while read -r _ _ _ _ point _; do
  case $point in /sys/fs/cgroup*) mount -o remount,bind,rw "$point" ;; esac
done </proc/self/mountinfo
exec /sbin/init
"""

IMAGE = "node"
SHARE = "/share"  # the node's view of Node.share
MOST = 600  # seconds for what takes long on a busy machine: apt, a boot


def import_image(place, dockerd, cache):
    """From the archive that is kept in the folder `cache`."""
    dockerd.docker("import", rootfs.archive(cache, place), IMAGE, seconds=MOST)


class Node:
    """REQUIRES: import_image was called on the dockerd. Ends with the dockerd."""

    def __init__(self, place, dockerd, name):
        self.name = name
        self._dockerd = dockerd
        self.share = place.make_folder(f"{name}/share", 0o755)
        options = [f"--cap-add={each}" for each in CAPABILITIES]
        options += [f"--security-opt={each}=unconfined" for each in ("seccomp", "apparmor")]
        options += [f"--tmpfs={each}" for each in ("/run", "/tmp")]
        options += ["-v", place.make_folder(f"{name}/containerd") + ":/var/lib/containerd",
                    "-v", self.share + ":" + SHARE]
        dockerd.docker("run", "-d", "--name", name, "--hostname", name, "--cgroupns=private",
                       "--network=host", "-e", "container=docker", *options,
                       IMAGE, "/bin/sh", "-c", INIT)
        self._wait_up()

    def boot(self):
        """Again, after it was shut down."""
        self._dockerd.docker("start", self.name)
        self._wait_up()

    def _wait_up(self):
        state = wait_until(self._settled, f"{self.name} to be up", MOST, every=0.1)
        if state != "running":
            raise Trouble(f"{self.name} is {state}\n" + self.run("systemctl", "--failed"))
        pid = self._dockerd.docker("inspect", "-f", "{{.State.Pid}}", self.name)
        # For sockets and for reading; a symbolic link on the way would lead to the host's files.
        self.root = f"/proc/{pid.strip()}/root"

    def _settled(self):
        state = self.attempt("systemctl", "is-system-running").stdout.strip()
        return state in ("running", "degraded", "maintenance") and state

    def alive(self):
        state = self._dockerd.docker("inspect", "-f", "{{.State.Running}}", self.name)
        return state.strip() == "true"

    # ---- doing --------------------------------------------------------------------------------

    def _words(self, argv):
        return ["docker", "-H", "unix://" + self._dockerd.socket, "exec", "-i",
                "-e", "DEBIAN_FRONTEND=noninteractive", self.name, *argv]

    def run(self, *argv, seconds=60, **options):
        """Runs it to its end there, and returns its standard output."""
        if "input" not in options:
            options["stdin"] = subprocess.DEVNULL
        return run(self._words(argv), seconds=seconds, **options)

    def attempt(self, *argv, seconds=60):
        """The same for what may fail: with its exit code and all that it wrote."""
        return subprocess.run(self._words(argv), capture_output=True, text=True, timeout=seconds,
                              stdin=subprocess.DEVNULL, check=False)

    def write(self, path, text):
        self.run("sh", "-c", 'mkdir -p "$(dirname "$1")" && cat >"$1"', "-", path, input=text)

    def signal(self, name, pid):
        """By a shell's own kill: systemctl's has SIGCONT follow, and the program is not there."""
        self.run("sh", "-c", f"kill -{name} {pid}")

    def apt(self, *args):
        """Returns all that it told."""
        return self.run("sh", "-c", 'exec apt-get -q -y "$@" 2>&1', "-", *args, seconds=MOST)

    # ---- looking ------------------------------------------------------------------------------

    def show(self, unit, name):
        """A property of a unit."""
        return self.run("systemctl", "show", "--value", "-p", name, unit).strip()

    def cursor(self):
        """Where the journal ends now."""
        return self.run("journalctl", "-q", "-n1", "-o", "export").splitlines()[0].split("=", 1)[1]

    def journal(self, unit, after=None):
        """What the unit and systemd said of it, since the cursor."""
        since = [f"--after-cursor={after}"] if after else ["-b"]
        return self.run("journalctl", "-q", "-o", "cat", "-u", unit, *since)

    def files(self):
        """All paths on the disk of the node, without what apt and the journal keep for themselves."""
        kept = ("/share", "/var/log", "/var/cache", "/var/lib/apt", "/var/lib/dpkg",
                "/var/lib/systemd")
        leave = " -o ".join(f"-path {path}" for path in kept)
        return set(self.run("sh", "-c", f"find / -xdev \\( {leave} \\) -prune -o -print").split("\n"))

    def cgroups(self):
        """The names of all of its cgroups, in all hierarchies."""
        found = self.run("sh", "-c", "cd /sys/fs/cgroup && find . -type d").splitlines()
        return {path.removeprefix("./") for path in found}

    def mounts(self):
        return [line.split()[4] for line in self.run("cat", "/proc/1/mountinfo").splitlines()]
