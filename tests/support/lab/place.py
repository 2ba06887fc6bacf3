"""The temporary folder that everything lives in, and the proof that nothing outlives it."""

import contextlib
import os
import secrets
import shutil
import tempfile
import time

from lab.process import Trouble, run


def cgroup_roots():
    """The mount points of all cgroup hierarchies, v1 and v2."""
    with open("/proc/self/mountinfo", encoding="utf-8") as lines:
        rows = [line.split() for line in lines]
    return [row[4] for row in rows if row[row.index("-") + 1] in ("cgroup", "cgroup2")]


def _filesystem(folder):
    return run(["stat", "-f", "-c", "%T", folder]).strip()


class Place:
    """Use as a context: things are undone in reverse order, then the folder goes."""

    def __init__(self, purpose):
        # Short: a unix socket's path has room for 107 bytes. Unique: runc's state is global by name.
        self.unique = f"mayfly-{purpose}-{secrets.token_hex(3)}"
        self.folder = os.path.join(tempfile.gettempdir(), self.unique)
        self.made_mounts = []
        self.undo = contextlib.ExitStack()
        self.undo.callback(self._remove_empty)

    def __enter__(self):
        os.mkdir(self.folder, 0o711)
        if _filesystem(self.folder) in ("overlayfs", "overlay"):
            # Snapshots cannot be laid over a folder that is an overlay itself.
            self._mount_memory(self.folder, 0o711)
        return self

    def __exit__(self, *_):
        try:
            self.undo.close()
        finally:
            self._remove()

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def make_folder(self, name, mode=0o755):
        os.makedirs(self.path(name), exist_ok=True)
        os.chmod(self.path(name), mode)
        return self.path(name)

    def make_memory_folder(self, name, mode=0o755, mib=None):
        """A folder in memory, as /run and /dev/shm are on a host. `mib`: no more fit into it."""
        folder = self.make_folder(name, mode)
        self._mount_memory(folder, mode, mib)
        return folder

    def _mount_memory(self, folder, mode, mib=None):
        size = f",size={mib}m" if mib else ""
        run(["mount", "-t", "tmpfs", "-o", f"mode={mode:o}{size}", self.unique, folder])
        self.made_mounts.append(folder)

    def enlarge(self, folder, mib):
        """One of make_memory_folder, while it is in use."""
        run(["mount", "-o", f"remount,size={mib}m", folder])

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def write_secret(self, name, text):
        """As write(), for no other user to read."""
        os.chmod(self.write(name, text), 0o600)
        return self.path(name)

    def corner(self, name, unique=None):
        """A folder in it that is a place to one more daemon; what is undone and looked for is ours.
        `unique`: what is global is called so; it must begin with our own."""
        return Corner(self, name, unique)

    def unmount_all(self):
        """What a daemon that has failed left mounted here. For those who look for leftovers before."""
        for point in sorted(self.mounts(), reverse=True):
            if point not in self.made_mounts:
                run(["umount", "-l", point], check=False)

    def _remove(self):
        mounts = self.mounts()
        strange = [point for point in mounts if point not in self.made_mounts]
        if strange:
            raise Trouble("still mounted: " + ", ".join(strange))
        for folder in reversed(self.made_mounts):
            if folder in mounts:
                run(["umount", folder])
        shutil.rmtree(self.folder)

    # ---- what is left -----------------------------------------------------------------------

    def mounts(self):
        with open("/proc/self/mountinfo", encoding="utf-8") as lines:
            points = [line.split()[4] for line in lines]
        return [p for p in points if p == self.folder or p.startswith(self.folder + "/")]

    def processes(self):
        """Those that name the folder or us on their command line, or that sit in a cgroup of ours."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            if int(pid) in (os.getpid(), os.getppid()):
                continue
            with contextlib.suppress(OSError):
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    text = file.read().replace(b"\0", b" ").decode(errors="replace")
                with open(f"/proc/{pid}/cgroup", encoding="utf-8") as file:
                    text_cgroup = file.read()
                if self.unique in text or f"/{self.unique}" in text_cgroup:
                    found.append(f"{pid} {text.strip()[:100]}")
        return found

    def cgroups(self):
        """All cgroups of ours, the innermost first."""
        found = set()
        for root in cgroup_roots():
            for folder, names, _ in os.walk(root):
                for name in names:
                    path = os.path.join(folder, name)
                    if self.unique in path:
                        found.add(path)
        return sorted(found, key=len, reverse=True)

    def runtime_state(self):
        """What runc keeps by namespace, outside of any folder of ours."""
        roots = ("/run/containerd/runc", "/run/containerd/io.containerd.runtime.v2.task")
        return [os.path.join(root, name) for root in roots if os.path.isdir(root)
                for name in os.listdir(root) if name.startswith(self.unique)]

    def _remove_empty(self):
        """Folders that runtimes leave behind empty. What is not empty is not removed."""
        for path in self.cgroups() + self.runtime_state():
            with contextlib.suppress(OSError):
                os.rmdir(path)

    def leftovers(self):
        """Everything of ours that is still here; give the kernel a moment to let go first."""
        end = time.monotonic() + 5
        while True:
            left = ([f"process {p}" for p in self.processes()] +
                    [f"mount {m}" for m in self.mounts()] +
                    [f"cgroup {c}" for c in self.cgroups()] +
                    [f"folder {s}" for s in self.runtime_state()] +
                    ([f"folder {self.folder}"] if os.path.exists(self.folder) else []))
            if not left or time.monotonic() > end:
                return left
            time.sleep(0.1)


class Corner:
    def __init__(self, place, name, unique=None):
        self.place, self.name = place, name
        self.unique, self.undo = unique or place.unique, place.undo
        place.make_folder(name)

    def path(self, *parts):
        return self.place.path(self.name, *parts)

    def make_folder(self, name, mode=0o755):
        return self.place.make_folder(os.path.join(self.name, name), mode)

    def make_memory_folder(self, name, mode=0o755):
        return self.place.make_memory_folder(os.path.join(self.name, name), mode)

    def write(self, name, text):
        return self.place.write(os.path.join(self.name, name), text)


class Places(contextlib.ExitStack):
    """Several; the last that was entered goes first."""

    def __init__(self):
        super().__init__()
        self.all = []

    def enter(self, place):
        self.all.append(self.enter_context(place))
        return place

    def leftovers(self):
        return [left for place in self.all for left in place.leftovers()]
