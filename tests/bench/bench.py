"""`./dev bench`: measures, and prints tables for people and JSON for programs."""

import argparse
import json
import os
import platform
import signal
import sys
import time

import churn
import fleet
import idle
import outages
import pull
import respawn
import sustained
from lab.place import Place
from lab.process import Trouble, run

BENCHES = {"respawn": respawn, "sustained": sustained, "idle": idle, "churn": churn,
           "pull": pull, "fleet": fleet, "outages": outages}


def arguments():
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--json", metavar="FILE", help="write the figures as JSON too")
    shared.add_argument("--programs", default=os.path.join(root, "build/release/bin"),
                        help=argparse.SUPPRESS)
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    names = parser.add_subparsers(dest="name", required=True)
    for name, module in BENCHES.items():
        text = module.__doc__.strip()
        module.add_options(names.add_parser(name, parents=[shared], help=text, description=text))
    names.add_parser("all", parents=[shared], help="all of them, one after the other")
    given = parser.parse_args()
    if given.name == "all":
        return [(name, parser.parse_args([name, "--programs", given.programs]))
                for name in BENCHES], given.json
    return [(given.name, given)], given.json


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return {"cpus": os.cpu_count(), "cpu": models[0] if models else platform.machine(),
            "kernel": platform.release(),
            "containerd": run(["containerd", "--version"]).split()[2],
            "docker": run(["dockerd", "--version"]).split()[2].rstrip(","),
            "etcd": run(["etcd", "--version"]).split()[2],
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}


def measure(name, given):
    place = Place("bench")
    with place:
        try:
            rows = BENCHES[name].run(place, given)
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_IGN)
    left = place.leftovers()
    if left:
        raise Trouble("left behind:\n  " + "\n  ".join(left))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    return rows


def judge(name, rows):
    """Of a benchmark that not only measures."""
    found = BENCHES[name].wrong(rows) if hasattr(BENCHES[name], "wrong") else []
    if found:
        raise Trouble("\n  ".join([f"{name}: this must not be:", *found]))


def main():
    todo, json_file = arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    result = {"machine": machine()}
    try:
        for name, given in todo:
            print(f"\nbench {name}\n", flush=True)
            result[name] = measure(name, given)
            BENCHES[name].show(result[name])
            judge(name, result[name])
    except KeyboardInterrupt:
        print("bench: interrupted", file=sys.stderr)
        return 130
    except Trouble as trouble:
        print(f"bench: {trouble}", file=sys.stderr)
        return 1
    finally:
        if json_file:
            with open(json_file, "w", encoding="utf-8") as out:
                json.dump(result, out, indent=2)
                out.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
