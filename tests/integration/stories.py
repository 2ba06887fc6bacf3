"""What tests/integration/worker.cc tells of its lives, and how a pool is written for it."""

import collections
import os

Life = collections.namedtuple("Life", "worker slot begun ended code")

PROGRAM = "integration_worker"
INSIDE = "/lives"


class Stories:
    """The folder that all workers of a test class write to."""

    def __init__(self, place):
        self.folder = place.make_folder("lives", 0o777)
        self._file = os.path.join(self.folder, "lives")
        with open(self._file, "wb"):
            os.chmod(self._file, 0o666)  # workers may be anybody

    def _lines(self):
        with open(self._file, encoding="utf-8") as file:
            for line in file:
                what, worker, slot, at, *rest = line.split()
                yield what, worker, slot, int(at), " ".join(rest)

    def lives(self, pool):
        """By worker, those of one pool in the order of their beginnings."""
        found = {}
        for what, worker, slot, at, rest in self._lines():
            if worker.rsplit("-", 2)[0] != pool:
                continue
            if what == "begin":
                found[worker] = Life(worker, int(slot) if slot != "-" else None, at, None, None)
            elif what == "end":
                found[worker] = found[worker]._replace(ended=at, code=int(rest))
        return found

    def begun_twice(self):
        counts = collections.Counter(w for what, w, *_ in self._lines() if what == "begin")
        return [worker for worker, count in counts.items() if count > 1]

    def doubles(self):
        """Lives that found their slot taken by another."""
        return [worker for what, worker, *_ in self._lines() if what == "double"]

    def notes(self, pool):
        return [rest for what, worker, _, _, rest in self._lines()
                if what == "note" and worker.rsplit("-", 2)[0] == pool]

    def mount(self):
        return {"source": self.folder, "target": INSIDE}


def to_toml(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'"{escaped}"'
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {to_toml(item)}" for key, item in value.items()) + "}"
    return "[" + ", ".join(to_toml(item) for item in value) + "]"


def pool_toml(name, **keys):
    return "".join(f"{key} = {to_toml(value)}\n" for key, value in {"name": name, **keys}.items())


def living(least_ms, most_ms=None, code=0):
    """The command of a worker that lives for so long."""
    most_ms = least_ms if most_ms is None else most_ms
    return [f"/{PROGRAM}", "live", INSIDE, str(least_ms), str(most_ms), str(code)]
