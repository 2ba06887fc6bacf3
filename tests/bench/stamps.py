"""The stamp file that the workers of a benchmark write; its layout is tests/bench/stamps.h."""

import collections
import itertools
import struct

HEADER_BYTES = 64
STAMP = struct.Struct("<qqq40s")

Stamp = collections.namedtuple("Stamp", "slot first last worker")
Gap = collections.namedtuple("Gap", "before after ns")  # two stamps that follow each other in a slot


def create(path, size):
    with open(path, "wb") as file:
        file.write(struct.pack("<qq", 0, size))
        file.truncate(HEADER_BYTES + size * STAMP.size)


def read(path):
    """All stamps in the order in which they were taken; of a live worker, last is 0."""
    with open(path, "rb") as file:
        used, size = struct.unpack_from("<qq", file.read(HEADER_BYTES))
        data = file.read(min(used, size) * STAMP.size)
    stamps = [Stamp(slot, first, last, worker.rstrip(b"\0").decode())
              for slot, first, last, worker in STAMP.iter_unpack(data)]
    # One that has taken its place in the file and not yet written to it.
    return [stamp for stamp in stamps if stamp.first]


def count(path):
    with open(path, "rb") as file:
        return struct.unpack_from("<q", file.read(HEADER_BYTES))[0]


def by_slot(stamps):
    """The lives of each slot, in the order of their beginnings."""
    slots = collections.defaultdict(list)
    for stamp in sorted(stamps, key=lambda stamp: stamp.first):
        slots[stamp.slot].append(stamp)
    return slots


def gaps(stamps):
    """From the last moment of each worker to the first of the next one in its slot."""
    found = [Gap(a, b, b.first - a.last) for lives in by_slot(stamps).values()
             for a, b in itertools.pairwise(lives) if a.last]
    return sorted(found, key=lambda gap: gap.after.first)
