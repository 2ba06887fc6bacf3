"""The SPDX lists beside the packages."""
import hashlib
import json
import os
import re
import sys
import unittest

import packages

sys.path.insert(0, packages.PACKAGING)
import sbom  # noqa: E402  it is not on the path before

DOCUMENT = {"spdxVersion", "dataLicense", "SPDXID", "name", "documentNamespace", "creationInfo",
            "packages", "files", "relationships"}
PACKAGE = {"SPDXID", "name", "downloadLocation", "filesAnalyzed", "licenseConcluded", "licenseDeclared",
           "copyrightText", "versionInfo"}
FILE = {"SPDXID", "fileName", "checksums", "licenseConcluded", "copyrightText"}
# Of the C library and the compiler; a build always has them.
IMPLIED = {"libc6-dev", "libstdc++-12-dev"}


def documents():
    for package in [packages.deb(), packages.rpm()]:
        with open(package + ".spdx.json", encoding="utf-8") as file:
            yield package, json.load(file)


class Sbom(unittest.TestCase):
    def test_has_the_fields_that_spdx_requires(self):
        for _, document in documents():
            self.assertLessEqual(DOCUMENT, set(document))
            self.assertEqual((document["spdxVersion"], document["dataLicense"], document["SPDXID"]),
                             ("SPDX-2.3", "CC0-1.0", "SPDXRef-DOCUMENT"))
            self.assertRegex(document["documentNamespace"], r"^[a-z]+:[^#\s]+$")
            self.assertRegex(document["creationInfo"]["created"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
            self.assertTrue(document["creationInfo"]["creators"])
            for each in document["packages"]:
                self.assertLessEqual(PACKAGE, set(each))
            for each in document["files"]:
                self.assertLessEqual(FILE, set(each))
                self.assertIn("SHA1", {checksum["algorithm"] for checksum in each["checksums"]})

    def test_names_each_element_once_and_relates_it(self):
        for _, document in documents():
            ids = [each["SPDXID"] for each in document["packages"] + document["files"]]
            self.assertEqual(len(ids), len(set(ids)))
            for each in ids:
                self.assertRegex(each, r"^SPDXRef-[A-Za-z0-9.-]+$")
            related = {each["relatedSpdxElement"] for each in document["relationships"]}
            self.assertEqual(related, set(ids))

    def test_is_of_the_package_beside_it(self):
        for package, document in documents():
            with open(package, "rb") as file:
                checksum = hashlib.sha256(file.read()).hexdigest()
            main = document["packages"][0]
            self.assertEqual(main["packageFileName"], os.path.basename(package))
            self.assertEqual(main["checksums"], [{"algorithm": "SHA256", "checksumValue": checksum}])
            self.assertEqual({os.path.basename(each["fileName"]) for each in document["files"]},
                             {"mayflyd", "mayfly", "mayfly-gate"})

    def test_names_what_the_package_depends_on(self):
        depends = packages.output("dpkg-deb", "--field", packages.deb(), "Depends")
        libraries = set(re.findall(r"(?:^|, )(lib[^ ,\n]+)", depends))
        libraries = {name.removesuffix("-fmt9") for name in libraries}  # a name that libspdlog1.10 provides
        for _, document in documents():
            linked = {each["relatedSpdxElement"].removeprefix("SPDXRef-")
                      for each in document["relationships"]
                      if each["relationshipType"] == "DYNAMIC_LINK"}
            self.assertLessEqual({re.sub("[^A-Za-z0-9.-]", "-", name) for name in libraries}, linked)

    def test_knows_what_a_build_brings_in(self):
        control = packages.read("debian", "control")
        for name in {*sbom.COMPILED_IN, *sbom.LINKED_IN} - IMPLIED:
            self.assertIn(f"\n {name},\n", control)


if __name__ == "__main__":
    unittest.main()
