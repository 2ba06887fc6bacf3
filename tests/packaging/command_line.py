"""What the built programs say of themselves: their verbs and options, from --help."""
import dataclasses
import os
import re
import subprocess

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
BIN = os.environ.get("MAYFLY_BIN", os.path.join(ROOT, "build", "release", "bin"))


@dataclasses.dataclass
class Verb:
    path: tuple  # ("get", "pools"); () is the program itself
    options: set  # "--watch", "-w"
    values: dict  # the option's or positional's name → what --help says of its value
    below: list  # names of the verbs below it


def program(name):
    return os.path.join(BIN, name)


def help_of(name, path=()):
    run = subprocess.run([program(name), *path, "--help"], stdout=subprocess.PIPE, text=True, check=True)
    return run.stdout


def section(text, title):
    match = re.search(rf"^{title}:\n((?:  .*\n?)+)", text, re.M)
    return match[1] if match else ""


def entries(text):
    """The lines that begin an entry: two blanks, then a word; what goes on stands further right."""
    return [line[2:] for line in text.splitlines() if re.match(r"  \S", line)]


def read_verb(name, path=()):
    text = help_of(name, path)
    options, values = set(), {}
    for entry in entries(section(text, "Options")):
        names, _, rest = entry.partition(" ")
        options.update(names.split(","))
        values[names.split(",")[-1]] = rest.split("  ")[0].strip()
    for entry in entries(section(text, "Positionals")):
        positional, _, rest = entry.partition(" ")
        values[positional] = rest.split("  ")[0].strip()
    below = [re.split(r"[\s,]", entry)[0] for entry in entries(section(text, "Subcommands"))]
    return Verb(path, options, values, below)


def verbs(name, path=()):
    """The program itself, then every verb below it."""
    verb = read_verb(name, path)
    found = [verb]
    for below in verb.below:
        found += verbs(name, (*path, below))
    return found
