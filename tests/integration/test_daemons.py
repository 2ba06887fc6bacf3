"""The daemon as a program of its host: its files, signals, exit codes, and others of its kind."""

import os
import socket
import subprocess
import sys

from case import FOR_EVER_MS, PROGRAMS, SCRATCH, DaemonCase
from lab import activate
from lab.daemons import Mayflyd
from stories import Stories, living

FOR_EVER = living(FOR_EVER_MS)
EXIT_CONFIG = 78
ACTIVATE = activate.__file__


class Corner:
    """A folder within a place, for a second daemon."""

    def __init__(self, place, name):
        self._place, self._name = place, name
        self.unique, self.undo = place.unique, place.undo
        place.make_folder(name)

    def path(self, *parts):
        return self._place.path(self._name, *parts)

    def make_folder(self, name, mode=0o755):
        return self._place.make_folder(os.path.join(self._name, name), mode)

    def make_memory_folder(self, name, mode=0o755):
        """On disk, since a mount would count as left by the second daemon."""
        return self.make_folder(name, mode)

    def write(self, name, text):
        return self._place.write(os.path.join(self._name, name), text)


class DaemonsOnAHost(DaemonCase):

    def run_daemon(self, *args, config=None):
        """A mayflyd that is expected to end by itself."""
        return subprocess.run(
            [os.path.join(PROGRAMS, "mayflyd"), "--config", config or self.mayflyd.config, *args],
            capture_output=True, text=True, timeout=60, check=False)

    # ---- configuration ------------------------------------------------------------------------

    def test_a_wrong_configuration_is_told_whole_and_ends_the_start_with_78(self):
        self.place.make_folder("wrong/pools.d")
        config = self.place.write(
            "wrong/mayfly.toml",
            '[runtime]\nkind = "lxc"\nsockets = "/x"\n[starts]\nrate = "fast"\n')
        self.place.write("wrong/pools.d/a.toml", 'name = "A b"\nimage = "x"\n')
        for check in ((), ("--check-config",)):
            answer = self.run_daemon("--state-dir", self.place.path("wrong/state"), "--run-dir",
                                     self.place.path("wrong/run"), *check, config=config)
            self.assertEqual(answer.returncode, EXIT_CONFIG, answer.stderr)
            for place in ("mayfly.toml:2:8", "mayfly.toml:3:1", "mayfly.toml:5:8", "a.toml:1:8"):
                self.assertIn(place, answer.stderr)
        self.assertFalse(os.path.exists(self.place.path("wrong/state")))

    def test_a_good_configuration_is_told_to_be_good(self):
        answer = self.run_daemon("--check-config")
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertIn(self.mayflyd.config, answer.stdout)
        self.assertEqual(self.command("config", "check", self.mayflyd.config).returncode, 0)

    def test_a_file_in_conf_d_wins_over_the_one_before(self):
        self.place.make_folder("conf.d")
        path = self.place.write("conf.d/10-name.toml", '[node]\nname = "from-conf-d"\n')
        self.addCleanup(os.unlink, path)
        self.mayflyd.process.stop()
        self.mayflyd.start()
        self.assertEqual(self.mayflyd.status()["node"]["name"], "from-conf-d")

    # ---- more than one ------------------------------------------------------------------------

    def test_a_second_daemon_on_the_same_state_or_run_folder_is_refused(self):
        state, run_folder = self.place.path("state"), self.mayflyd.run_folder
        for mine, theirs, named in (
                ("--state-dir", "--run-dir", state), ("--run-dir", "--state-dir", run_folder)):
            answer = self.run_daemon(mine, named, theirs, self.place.path("elsewhere"))
            self.assertEqual(answer.returncode, 1, answer.stderr)
            self.assertIn(named, answer.stderr)
        self.assertEqual(self.command("status").returncode, 0)

    def test_two_daemons_in_one_namespace_touch_nothing_of_each_other(self):
        self.apply("twin", command=FOR_EVER, replicas=2, standby=1)
        self.wait_running("twin", 2)
        self.wait(lambda: self.mayflyd.pool("twin")["spares_ready"] == 1, "its spare")
        mine = self.containerd.ctr("tasks", "ls").splitlines()[1:]
        self.assertEqual(len(mine), 3)
        corner = Corner(self.place, "b")
        stories = Stories(corner)
        other = Mayflyd(corner, self.containerd, PROGRAMS)
        self.addCleanup(other.close)
        other.apply(self.pool_text("twin", command=FOR_EVER, replicas=2, standby=1,
                                   mounts=[stories.mount()]))
        self.wait(lambda: other.pool("twin")["running"] == 2, "the other's pool")
        # A list taken anew sees both; so does one at a start.
        other.process.stop()
        other.start()
        self.wait(lambda: other.pool("twin")["running"] == 2, "the other's pool, adopted")
        self.mayflyd.process.stop()
        self.mayflyd.start()
        self.wait_running("twin", 2)
        both = self.containerd.ctr("tasks", "ls").splitlines()[1:]
        self.assertTrue(set(mine) < set(both))
        other.delete("twin")
        self.assertEqual(sorted(self.containerd.ctr("tasks", "ls").splitlines()[1:]), sorted(mine))
        self.assertEqual([len(told.lives("twin")) for told in (self.stories, stories)], [2, 2])
        self.assertEqual(stories.doubles(), [])

    def test_containers_that_are_not_ours_are_left_alone(self):
        self.containerd.ctr("run", "-d", "--label", "mayfly.node=somebody", SCRATCH, "stranger",
                            "/integration_worker", "live", "/", str(FOR_EVER_MS), "0")
        def forget():
            self.containerd.ctr("tasks", "kill", "-s", "KILL", "stranger", check=False)
            self.containerd.ctr("tasks", "delete", "-f", "stranger", check=False)
            self.containerd.ctr("containers", "rm", "stranger", check=False)
        self.addCleanup(forget)
        self.mayflyd.process.stop()
        self.mayflyd.start()
        self.assertIn("stranger", self.containerd.ctr("containers", "ls", "-q").split())
        forget()

    # ---- the service manager ------------------------------------------------------------------

    def test_the_service_manager_is_told_of_readiness_of_life_and_of_the_end(self):
        path = self.place.path("notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(path)
            manager.settimeout(30)
            self.mayflyd.process.stop()
            # No WATCHDOG_PID: it is for whoever reads it.
            self.mayflyd.launch(env={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "500000"})
            self.hear(manager, "READY=1")
            self.assertEqual(self.command("version").returncode, 0)
            for _ in range(3):
                self.hear(manager, "WATCHDOG=1")
            self.mayflyd.mayfly("reload")
            self.assertGreater(int(self.hear(manager, "RELOADING=1")["MONOTONIC_USEC"]), 0)
            self.hear(manager, "READY=1")
            self.assertEqual(self.mayflyd.process.stop(), 0)
            self.hear(manager, "STOPPING=1")
        self.mayflyd.start()

    def test_the_service_manager_is_told_how_it_goes(self):
        path = self.place.path("notify-status")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(path)
            manager.settimeout(60)
            self.mayflyd.process.stop()
            self.mayflyd.launch(env={"NOTIFY_SOCKET": path})
            self.assertIn("0 pools, 0 workers", self.hear(manager, "READY=1")["STATUS"])
            self.apply("told", command=FOR_EVER, replicas=2, standby=0)
            all_well = "STATUS=1 pool, 2 workers, 0 respawns/s; runtime containerd answers"
            self.hear(manager, all_well)
            self.containerd.kill()
            self.hear(manager, "STATUS=", "runtime containerd does not answer: ")
            self.containerd.start()
            self.hear(manager, all_well)
            with open(self.mayflyd.config, encoding="utf-8") as file:
                text = file.read()
            self.addCleanup(self.place.write, "mayfly.toml", text)
            self.place.write("mayfly.toml", text + "nonsense = 1\n")
            self.assertEqual(self.command("reload").returncode, 1)
            self.hear(manager, "READY=1", "the last reload was refused")
            self.place.write("mayfly.toml", text)
            self.mayflyd.mayfly("reload")
            self.hear(manager, "READY=1", all_well)
            self.mayflyd.process.stop()
        self.mayflyd.start()

    def hear(self, manager, *words):
        """The first message with all of them, as a table."""
        for _ in range(1000):
            message = manager.recv(4096).decode()
            if all(word in message for word in words):
                return dict(line.split("=", 1) for line in message.splitlines())
        self.fail(f"{words} was never said")

    # ---- sockets ------------------------------------------------------------------------------

    def test_sockets_that_the_service_manager_hands_over_are_used_and_left(self):
        main, read = self.place.path("handed-main"), self.place.path("handed-read")
        for path in (main, read):
            self.addCleanup(os.unlink, path)
        self.mayflyd.process.stop()
        self.mayflyd.launch(through=(
            sys.executable, "-B", ACTIVATE, f"control={main}", f"read={read}", "--"))
        def mayfly(socket_path, *args):
            return subprocess.run([os.path.join(PROGRAMS, "mayfly"), "--socket", socket_path, *args],
                                  capture_output=True, timeout=60, check=False).returncode
        self.wait(lambda: mayfly(read, "status") == 0, "an answer")
        before = [(os.stat(path).st_mode, os.stat(path).st_gid) for path in (main, read)]
        self.assertEqual(mayfly(read, "reload"), 4)
        self.assertEqual(mayfly(main, "reload"), 0)
        self.assertFalse(os.path.exists(self.mayflyd.socket), "its own is there too")
        self.assertEqual(self.mayflyd.process.stop(), 0)
        after = [(os.stat(path).st_mode, os.stat(path).st_gid) for path in (main, read)]
        self.assertEqual(after, before)
        self.mayflyd.start()

    def test_a_socket_of_an_unknown_name_ends_the_start(self):
        path = self.place.path("handed-other")
        self.addCleanup(os.unlink, path)
        self.mayflyd.process.stop()
        self.mayflyd.launch(through=(sys.executable, "-B", ACTIVATE, f"other={path}", "--"))
        self.assertEqual(self.mayflyd.process.wait(), 1)
        self.assertIn("FileDescriptorName=control", self.mayflyd.process.log_tail())
        self.mayflyd.start()

    def test_metrics_are_read_over_the_read_socket(self):
        read = os.path.join(self.mayflyd.run_folder, "read.sock")
        with socket.socket(socket.AF_UNIX) as scraper:
            scraper.settimeout(30)
            scraper.connect(read)
            scraper.sendall(b"GET /metrics HTTP/1.1\r\nHost: m\r\nConnection: close\r\n\r\n")
            answer = b"".join(iter(lambda: scraper.recv(65536), b""))
        self.assertIn(b"200 OK", answer)
        self.assertIn(b"mayfly_", answer)
