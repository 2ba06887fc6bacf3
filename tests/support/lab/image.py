"""Container images made from files on this host, with no registry."""

import gzip
import hashlib
import io
import json
import os
import platform
import tarfile

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def _tar(entries):
    """entries: path -> bytes | ("link", target) | ("folder",)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path, content in entries.items():
            entry = tarfile.TarInfo(path)
            if isinstance(content, bytes):
                entry.mode, entry.size = 0o755, len(content)
                tar.addfile(entry, io.BytesIO(content))
            elif content[0] == "link":
                entry.type, entry.linkname = tarfile.SYMTYPE, content[1]
                tar.addfile(entry)
            else:
                entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(entry)
    return out.getvalue()


def write_archive(file, name, files):
    """Writes a docker-archive of one layer: what `docker load` and containerd both import.

    files: path in the image -> path on this host, bytes, or ("link", target) / ("folder",).
    """
    entries = {}
    for path, content in files.items():
        if isinstance(content, str):
            with open(content, "rb") as source:
                content = source.read()
        entries[path] = content
    layer = _tar(entries)
    digest = hashlib.sha256(layer).hexdigest()
    config = json.dumps({
        "architecture": ARCHITECTURES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "config": {"Env": ["PATH=/bin"], "Cmd": ["/bin/sh"]},
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + digest]},
    }).encode()
    config_name = hashlib.sha256(config).hexdigest() + ".json"
    manifest = [{"Config": config_name, "RepoTags": [name], "Layers": [digest + "/layer.tar"]}]
    archive = _tar({digest: ("folder",), digest + "/layer.tar": layer, config_name: config,
                    "manifest.json": json.dumps(manifest).encode()})
    with open(file, "wb") as out:
        out.write(archive)


def busybox(file, name):
    """A tiny image with a shell, from this host's static busybox."""
    files = {"bin": ("folder",), "bin/busybox": "/bin/busybox", "tmp": ("folder",)}
    for applet in ("sh", "sleep", "echo", "usleep", "cat", "date"):
        files["bin/" + applet] = ("link", "busybox")
    write_archive(file, name, files)


def one_program(file, name, program):
    """An image that holds one static program and nothing else, as /<its name>."""
    write_archive(file, name, {os.path.basename(program): program})


def layer(files):
    """A layer as registries keep it, and its diff id. files: as of write_archive, bytes only."""
    content = _tar(files)
    return gzip.compress(content, 1, mtime=0), "sha256:" + hashlib.sha256(content).hexdigest()


def config_of(diff_ids):
    """The config of an image of these layers."""
    return {"architecture": ARCHITECTURES.get(platform.machine(), platform.machine()),
            "os": "linux", "config": {"Env": ["PATH=/bin"], "Cmd": ["/bin/sh"]},
            "rootfs": {"type": "layers", "diff_ids": diff_ids}}
