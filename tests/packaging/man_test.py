"""The manual pages say what the programs and the configuration are: all of it, and nothing else."""
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import unittest

import command_line

PAGES = ("mayfly.1", "mayfly.toml.5", "mayfly-gate.7", "mayflyd.8")
OF_EVERY_VERB = {"-h", "--help"}  # and told once
TYPES = {"string": {"String"}, "integer": {"Integer"}, "number": {"Number"}, "boolean": {"Boolean"},
         "array": {"Array of strings", "Array of tables"}, "object": {"Table", "Table of strings"}}
TYPES_NAMED = {"#/$defs/duration": {"Duration"}, "#/$defs/size": {"Size"}, "#/$defs/path": {"String"}}


def read(*path):
    with open(os.path.join(command_line.ROOT, *path), encoding="utf-8") as file:
        return file.read()


def source(page):
    return read("packaging", "man", page + ".scd")


def built(page):
    return subprocess.run(["scdoc"], input=source(page).encode(), stdout=subprocess.PIPE, check=True).stdout


def plain(marked):
    """Without scdoc's marks and escapes."""
    return re.sub(r"\\(.)|[*_]", lambda match: match[1] or "", marked)


def bold(text):
    """*-o*, *--output* → -o, --output"""
    return [each.replace("\\", "") for each in re.findall(r"\*((?:\\.|[^*\n])+)\*", text)]


def chapters(text, mark):
    """title → text, for each heading that begins with `mark`."""
    parts = re.split(rf"^{mark} (.+)\n", text, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


def options(text):
    """Each option that the text defines → what it says of it."""
    found = {}
    for names, said in re.findall(r"^(\*-.+)\n((?:\t.*\n|\n(?=\t))+)", text, re.M):
        found.update({name: said for name in bold(names)})
    return found


def codes(page):
    return set(re.findall(r"^\*(\d+)\*$", chapters(source(page), "#")["EXIT STATUS"], re.M))


class Pages(unittest.TestCase):
    def test_are_built_without_a_warning(self):
        for page in PAGES:
            with self.subTest(page):
                run = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z"], input=built(page),
                                     stderr=subprocess.PIPE, check=True)
                self.assertEqual(run.stderr.decode(), "")

    def test_are_all_that_the_build_knows(self):
        known = {name[:-4] for name in os.listdir(os.path.join(command_line.ROOT, "packaging", "man"))
                 if name.endswith(".scd")}
        self.assertEqual(known, set(PAGES))
        for page in PAGES:
            self.assertIn(page, read("packaging", "man", "CMakeLists.txt"))

    def test_have_the_chapters_that_people_look_for(self):
        for page in PAGES:
            for chapter in ("NAME", "DESCRIPTION", "FILES", "EXAMPLES", "SEE ALSO"):
                self.assertIn(chapter, chapters(source(page), "#"), page)

    def test_point_at_pages_that_are_there(self):
        for page in PAGES:
            for name, section in re.findall(r"\*(mayfly[a-z.-]*)\*\((\d)\)", source(page)):
                self.assertIn(f"{name}.{section}", PAGES)


class CommandPage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.verbs = {verb.path: verb for verb in command_line.verbs("mayfly")}
        cls.leaves = {path for path, verb in cls.verbs.items() if not verb.below}
        cls.chapters = {}
        for title, text in chapters(source("mayfly.1"), "##").items():
            cls.chapters[cls.path_of(title)] = text.split("\n# ")[0]

    @classmethod
    def path_of(cls, title):
        """"mayfly get pools [POOL]" → ("get", "pools")"""
        words = re.match(r"mayfly((?: [a-z]+)+)", title)[1].split()
        while len(words) > 1 and not cls.verbs.get(tuple(words[:-1]), cls.verbs[()]).below:
            words.pop()
        return tuple(words)

    def test_has_every_verb_and_no_other(self):
        self.assertIn(("get", "pools"), self.leaves)
        self.assertEqual(set(self.chapters), self.leaves)

    def test_has_every_option_of_each_verb_and_no_other(self):
        for path in self.leaves:
            with self.subTest(" ".join(path)):
                self.assertEqual(set(options(self.chapters[path])), self.verbs[path].options - OF_EVERY_VERB)

    def test_has_the_options_that_go_with_every_verb(self):
        told = options(chapters(source("mayfly.1"), "#")["OPTIONS"])
        self.assertEqual(set(told), self.verbs[()].options)

    def test_tells_the_defaults(self):
        checked = 0
        for path in self.leaves:
            told = options(self.chapters[path])
            for name, value in self.verbs[path].values.items():
                default = re.search(r"=(\S+)|\[(\S+)\]$", value)
                if name in told and default:
                    self.assertIn(f"Default: {default[1] or default[2]}.", plain(told[name]), f"{path} {name}")
                    checked += 1
        self.assertGreater(checked, 5)

    def test_has_every_exit_code(self):
        enum = re.search(r"enum class ExitCode[^{]*\{(.*?)\}", read("agent", "cli", "outcome.h"), re.S)[1]
        self.assertEqual(codes("mayfly.1"), set(re.findall(r"= (\d+)", enum)) | {"130"})


class DaemonPage(unittest.TestCase):
    def test_has_every_option_and_no_other(self):
        daemon, = command_line.verbs("mayflyd")
        told = options(chapters(source("mayflyd.8"), "#")["OPTIONS"])
        self.assertEqual(set(told), daemon.options)
        for name, value in daemon.values.items():
            if "=" in value:
                self.assertIn(f"Default: {value.split('=')[1]}.", " ".join(plain(told[name]).split()))

    def test_has_every_exit_code(self):
        table = read("docs", "operations.md").split("## Exit codes")[1].split("\n## ")[0]
        self.assertEqual(codes("mayflyd.8"), set(re.findall(r"\| (\d+) \|[^|]*\|$", table, re.M)))


class ConfigurationPage(unittest.TestCase):
    """docs/config.md is held to the decoder by tests/config; this page is held to that one."""

    @classmethod
    def setUpClass(cls):
        cls.rows = dict(re.findall(r"^\| `([^`]+)` \| ?([^|]*?) ?\|", read("docs", "config.md"), re.M))
        found = re.findall(r"^\*((?:\\.|[a-z_.\[\]])+)\*(?: = _(.*)_)?\n\t(.*(?:\n\t.*)*)",
                           source("mayfly.toml.5"), re.M)
        cls.keys = {key.replace("\\", ""): (default, " ".join(said.split())) for key, default, said in found}

    def test_has_every_key_and_no_other(self):
        self.assertGreater(len(self.rows), 50)
        self.assertEqual(set(self.keys), set(self.rows))

    def test_tells_the_true_defaults(self):
        for key, (default, said) in self.keys.items():
            row = self.rows[key].strip("`")
            self.assertEqual(default, "" if row in ("required", "none") else row, key)
            self.assertEqual(row == "required", "; required." in said, key)

    def test_tells_the_type_of_every_key(self):
        types = {each for some in [*TYPES.values(), *TYPES_NAMED.values()] for each in some}
        types |= {"Percentage", "String or integer", "Table of tables"}
        for key, (_, said) in self.keys.items():
            self.assertIn(re.split(r"[.,;:]", said)[0], types, key)

    def test_tells_the_types_and_limits_of_the_schema(self):
        schema = json.loads(read("config", "pool.schema.json"))
        self.hold(schema["properties"], "")

    def hold(self, properties, prefix):
        for name, each in properties.items():
            said = self.keys[prefix + name][1]
            kind = each.get("type", "")
            known = TYPES_NAMED.get(each.get("$ref")) or TYPES.get(kind if isinstance(kind, str) else kind[0])
            if known:
                self.assertIn(re.split(r"[.,;:]", said)[0], known, prefix + name)
            if "maximum" in each:
                self.assertIn(f"{each['minimum']} to {each['maximum']}", said, prefix + name)
            for word in each.get("enum", []):
                self.assertIn(f'_"{word}"_', " ".join(self.keys[prefix + name]) + f'_{self.keys[prefix + name][0]}_')
            limits = re.search(r"(\d+\w+) to (\d+\w+)", each.get("description", ""))
            if limits:
                self.assertIn(limits[0], said, prefix + name)
            self.hold(each.get("properties", {}), f"{prefix}{name}.")
            self.hold(each.get("items", {}).get("properties", {}), f"{prefix}{name}[].")

    def test_shows_examples_that_are_good(self):
        with tempfile.TemporaryDirectory() as folder:
            daemon, pool = re.findall(r"^```\n(.*?)^```", chapters(source("mayfly.toml.5"), "#")["EXAMPLES"],
                                      re.M | re.S)
            os.mkdir(os.path.join(folder, "pools.d"))
            for name, text in (("mayfly.toml", daemon), ("pools.d/encode.toml", pool)):
                with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                    file.write(text)
            run = subprocess.run([command_line.program("mayflyd"), "--check-config", "--config",
                                  os.path.join(folder, "mayfly.toml")], capture_output=True, text=True)
            self.assertEqual(run.returncode, 0, run.stderr)
            self.assertIn("1 pool", run.stdout)


class GatePage(unittest.TestCase):
    def test_has_every_frame_of_the_protocol(self):
        frames = set(re.findall(r"`(\{\"mayfly\":1.*?\})`", read("docs", "gate.md")))
        self.assertGreater(len(frames), 5)
        shown = set(re.findall(r"^(\{\"mayfly\":1.*\})$", source("mayfly-gate.7"), re.M))
        self.assertEqual(shown, frames)

    def test_tells_the_limits(self):
        for number in re.findall(r"\d+ KiB|\d+ variables", read("docs", "gate.md").split("## The protocol")[1]):
            self.assertRegex(" ".join(source("mayfly-gate.7").split()), rf"\b{number}")

    def examples(self):
        """As a reader copies them."""
        text = chapters(source("mayfly-gate.7"), "#")["EXAMPLES"]
        return [each.replace("\\\\", "\\") for each in re.findall(r"^```\n(.*?)^```", text, re.M | re.S)]

    def test_shows_a_shell_script_that_works(self):
        with tempfile.TemporaryDirectory() as folder:
            gate = os.path.join(folder, "gate")
            with open(gate, "w", encoding="utf-8") as file:
                file.write("#!/bin/sh\n[ \"$1\" = --ready ] && echo 'export MAYFLY_SLOT=3'\n")
            os.chmod(gate, 0o755)
            run = subprocess.run(["sh", "-c", self.examples()[0]], stdout=subprocess.PIPE, text=True, check=True,
                                 env={**os.environ, "MAYFLY_GATE": gate + ".sock"})
            self.assertEqual(run.stdout, "hello from slot 3\n")

    def test_shows_a_python_program_that_works(self):
        with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as gate:
            path = os.path.join(folder, "gate.sock")
            gate.bind(path)
            gate.listen()
            worker = subprocess.Popen([sys.executable, "-c", self.examples()[1]], stdout=subprocess.PIPE, text=True,
                                      env={**os.environ, "MAYFLY_GATE": path})
            self.addCleanup(worker.kill)
            gate.settimeout(120)
            peer = gate.accept()[0]
            with peer, peer.makefile("r", encoding="utf-8") as stream:
                stream.readline()  # and no release: it has to come again
            peer = gate.accept()[0]
            with peer, peer.makefile("rw", encoding="utf-8") as stream:
                self.assertEqual(json.loads(stream.readline()), {"mayfly": 1, "type": "ready"})
                stream.write('{"mayfly":1,"type":"release","slot":3,"env":{"NAME":"value"}}\n')
                stream.flush()
            self.assertEqual(worker.communicate(timeout=120)[0], "hello from slot 3\n")


if __name__ == "__main__":
    unittest.main()
