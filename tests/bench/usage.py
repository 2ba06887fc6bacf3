"""What a process uses, from /proc."""

import os


def cpu_s(pid):
    """Time on a cpu so far, of the threads that there are. To the nanosecond: the times in
    /proc/PID/stat are counted in ticks of 10 ms, and a short turn of the loop is none or one."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat", encoding="utf-8") as file:
            total += int(file.read().split()[0])
    return total / 1e9


def memory_mib(pid):
    """Resident, and the proportional share of it."""
    wanted = {"Rss:": "rss_mib", "Pss:": "pss_mib"}
    found = {}
    with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as lines:
        for line in lines:
            words = line.split()
            if words[0] in wanted:
                found[wanted[words[0]]] = round(int(words[1]) / 1024, 1)
    return found


def threads(pid):
    return len(os.listdir(f"/proc/{pid}/task"))


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def wakeups(pid):
    """How often its threads gave up a cpu by themselves: each wait that ended is one."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status", encoding="utf-8") as lines:
            total += sum(int(line.split()[1]) for line in lines
                         if line.startswith("voluntary_ctxt_switches"))
    return total
