"""The packages that Packaging.build has made, and what is in them."""
import os
import re
import subprocess

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
PACKAGING = os.path.join(ROOT, "packaging")
BUILT = os.environ.get("MAYFLY_PACKAGES", "")
BIN = os.environ.get("MAYFLY_BIN", "")


def run(*command, **options):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, **options)


def output(*command, **options):
    done = run(*command, **options)
    if done.returncode:
        raise AssertionError(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}")
    return done.stdout


def read(*parts):
    with open(os.path.join(PACKAGING, *parts), encoding="utf-8") as file:
        return file.read()


def names():
    return sorted(os.listdir(BUILT))


def find(pattern):
    found = [name for name in names() if re.fullmatch(pattern, name)]
    if len(found) != 1:
        raise AssertionError(f"{pattern}: {found} of {names()}")
    return os.path.join(BUILT, found[0])


def deb():
    return find(r"mayfly_[\d.]+_\w+\.deb")


def dbgsym():
    return find(r"mayfly-dbgsym_[\d.]+_\w+\.deb")


def rpm():
    return find(r"mayfly-[\d.]+-\d+\.\w+\.rpm")


def deb_files():
    """path → mode as ls has it, without the folders."""
    found = {}
    for line in output("dpkg-deb", "--contents", deb()).splitlines():
        mode, owner, _, _, _, path = line.split(None, 5)
        if owner != "root/root":
            raise AssertionError(line)
        if not mode.startswith("d"):
            found[path.split(" -> ")[0].removeprefix(".")] = mode
    return found


def rpm_files():
    found = {}
    for line in output("rpm", "--query", "--package", "--queryformat",
                       "[%{FILEMODES:perms} %{FILENAMES}\n]", rpm()).splitlines():
        mode, path = line.split(" ", 1)
        if not mode.startswith("d"):
            found[path] = mode
    return found
