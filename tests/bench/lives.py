"""How many workers of a pool lived at each moment, as their own stamps tell it."""

import collections
import itertools

import stamps

FOR_EVER = 1 << 62


def spans(lives, patience_ns=0):
    """(from, until) of each life. With patience, a slot counts as filled for so long after a life."""
    found = []
    for slot in stamps.by_slot(lives).values():
        for life, after in itertools.zip_longest(slot, slot[1:]):
            # One that was killed took no last stamp; it was gone when the next one came.
            end = life.last or (after.first if after else FOR_EVER)
            patient = min(end + patience_ns, after.first) if after else end + patience_ns
            found.append((life.first, max(end, patient)))
    return found


def profile(spans_found, begun, ended):
    """(moment, how many from then on), for all of [begun, ended)."""
    steps = collections.Counter({begun: 0})
    for first, last in spans_found:
        first, last = max(first, begun), min(last, ended)
        if first < last:
            steps[first] += 1
            steps[last] -= 1
    moments = sorted(moment for moment in steps if moment < ended)
    return list(zip(moments, itertools.accumulate(steps[moment] for moment in moments)))


def over(profile_found, most, ended):
    """The first moment at which there were more than so many, and the end of the last; None: never."""
    ends = [moment for moment, _ in profile_found[1:]] + [ended]
    found = [(moment, end) for (moment, count), end in zip(profile_found, ends) if count > most]
    return (found[0][0], found[-1][1]) if found else None


def doubles(lives):
    """Workers that began while another still lived in their slot."""
    return [after.worker for slot in stamps.by_slot(lives).values()
            for life, after in itertools.pairwise(slot) if life.last > after.first]
