"""Programs that are started here, and ended here by their process id."""

import contextlib
import os
import signal
import subprocess
import time


class Trouble(Exception):
    """Something that the person at the terminal should read, without a stack trace."""


def wait_until(condition, what, seconds=30, process=None, every=0.02):
    """The condition's first true value. Fails early when `process` has ended."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if process is not None and not process.alive():
            raise Trouble(f"{process.name} ended while waiting for {what}\n{process.log_tail()}")
        if time.monotonic() > end:
            tail = "\n" + process.log_tail() if process is not None else ""
            raise Trouble(f"waited {seconds} s for {what}, in vain{tail}")
        time.sleep(every)


def run(argv, seconds=60, check=True, **options):
    """Runs to the end and returns its standard output."""
    try:
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=seconds, check=False, **options)
    except subprocess.TimeoutExpired:
        raise Trouble(f"no end after {seconds} s: {' '.join(argv)}") from None
    if check and done.returncode != 0:
        raise Trouble(f"exit code {done.returncode}: {' '.join(argv)}\n{done.stderr.strip()}")
    return done.stdout


def processes_with(program, word):
    """Process ids of those whose program's path contains `program` and that have the very `word` on
    their command line."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
            if program.encode() in words[0] and word.encode() in words:
                found.append(int(pid))
    return found


class Process:
    """A daemon in a session of its own, so that Ctrl-C reaches us and not it."""

    def __init__(self, argv, log, env=None, cwd=None):
        self.name = os.path.basename(argv[0])
        self.log = log
        with open(log, "ab") as out:
            self._process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
                env=dict(os.environ, **(env or {})), cwd=cwd)
        self.pid = self._process.pid

    def alive(self):
        return self._process.poll() is None

    def log_tail(self, lines=15):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return "".join(log.readlines()[-lines:])

    def send(self, number):
        self._process.send_signal(number)

    def wait(self, seconds=20):
        """Its exit code, as subprocess gives it: -9 for one ended by KILL."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Trouble(f"{self.name} has not ended in {seconds} s\n{self.log_tail()}") from None

    def kill(self):
        self.send(signal.SIGKILL)
        return self.wait()

    def stop(self, seconds=20):
        """TERM, and KILL for one that does not heed it. Returns its exit code."""
        if self.alive():
            self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()
