#!/usr/bin/env python3
"""Writes what a package is made of as SPDX 2.3: its programs with their checksums, the libraries that
these load, and what was compiled into them."""
import datetime
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile

# Of these the programs hold code that no loader brings: headers, and the archives of the static gate.
COMPILED_IN = ["libboost1.81-dev", "libcli11-dev", "libexpected-dev", "libprotobuf-dev", "libspdlog-dev",
               "libtomlplusplus-dev", "nlohmann-json3-dev"]
LINKED_IN = ["libc6-dev", "libjson-c-dev", "libstdc++-12-dev"]
LOADED_LATE = {"libcurl4"}  # at the first call of it, which no program names
UNSTATED = "NOASSERTION"


def run(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def digest(path, kind):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, kind).hexdigest()


def unpack(package, folder):
    if package.endswith(".deb"):
        run("dpkg-deb", "--extract", package, folder)
        return
    archive = subprocess.run(["rpm2cpio", package], stdout=subprocess.PIPE, check=True).stdout
    subprocess.run(["cpio", "--extract", "--make-directories", "--quiet"], input=archive, cwd=folder,
                   check=True)


def programs(folder):
    """Paths from the root of the package, sorted."""
    found = []
    for at, _, names in os.walk(folder):
        for path in (os.path.join(at, name) for name in names):
            with open(path, "rb") as file:
                if not os.path.islink(path) and file.read(4) == b"\x7fELF":
                    found.append(os.path.relpath(path, folder))
    return sorted(found)


def needed(program):
    """The Debian packages of the libraries that it names itself."""
    names = re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "--dynamic", program))
    if not names:
        return set()
    places = dict(re.findall(r"(\S+) => (/\S+)", run("ldd", program)))
    return {owner(places[name]) for name in names if name in places}


def owner(library):
    """dpkg knows a file by one of its names: /lib is a link to /usr/lib."""
    real = os.path.realpath(library)
    for path in dict.fromkeys([library, real, re.sub("^/usr/lib", "/lib", real)]):
        found = subprocess.run(["dpkg", "--search", path], stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, text=True, check=False).stdout
        if found:
            return found.split(":")[0]
    sys.exit(f"sbom.py: {library} belongs to no package")


def element(name, **more):
    return {"SPDXID": "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", name), "name": name,
            "downloadLocation": UNSTATED, "filesAnalyzed": False, "licenseConcluded": UNSTATED,
            "licenseDeclared": UNSTATED, "copyrightText": UNSTATED, **more}


def dependency(name):
    version, architecture = run("dpkg-query", "--show", "--showformat=${Version} ${Architecture}\n",
                                name).splitlines()[0].split()
    return element(name, versionInfo=version, supplier="Organization: Debian", externalRefs=[{
        "referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
        "referenceLocator": f"pkg:deb/debian/{name}@{version}?arch={architecture}"}])


def shipped(folder, path):
    absolute = os.path.join(folder, path)
    return {"SPDXID": "SPDXRef-File-" + os.path.basename(path), "fileName": "./" + path,
            "fileTypes": ["BINARY"], "licenseConcluded": UNSTATED, "licenseInfoInFiles": [UNSTATED],
            "copyrightText": UNSTATED,
            "checksums": [{"algorithm": kind.upper(), "checksumValue": digest(absolute, kind)}
                          for kind in ("sha1", "sha256")]}


def describe(package, created_at):
    version = re.search(r"mayfly[-_](\d[\d.]*\d)", os.path.basename(package))[1]
    checksum = digest(package, "sha256")
    main = element("mayfly", versionInfo=version, packageFileName=os.path.basename(package),
                   supplier=UNSTATED,
                   checksums=[{"algorithm": "SHA256", "checksumValue": checksum}])
    with tempfile.TemporaryDirectory() as folder:
        unpack(package, folder)
        paths = programs(folder)
        files = [shipped(folder, path) for path in paths]
        loaded = LOADED_LATE.union(*(needed(os.path.join(folder, path)) for path in paths))
    packages = [dependency(name) for name in sorted(loaded.union(COMPILED_IN, LINKED_IN))]

    def relation(kind, target):
        subject = "SPDXRef-DOCUMENT" if kind == "DESCRIBES" else main["SPDXID"]
        return {"spdxElementId": subject, "relationshipType": kind, "relatedSpdxElement": target["SPDXID"]}

    created = datetime.datetime.fromtimestamp(created_at, datetime.timezone.utc)
    return {"spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT",
            "name": os.path.basename(package),
            "documentNamespace": f"urn:sha256:{checksum}",
            "creationInfo": {"created": created.strftime("%Y-%m-%dT%H:%M:%SZ"),
                             "creators": ["Tool: mayfly-sbom"]},
            "packages": [main, *packages], "files": files,
            "relationships": [relation("DESCRIBES", main),
                              *(relation("CONTAINS", each) for each in files),
                              *(relation("DYNAMIC_LINK" if each["name"] in loaded else "STATIC_LINK", each)
                                for each in packages)]}


def write(package, path, created_at):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(describe(package, created_at), file, indent=2)
        file.write("\n")
