"""The service under systemd: started, stopped, killed, hung, reloaded. Workers do not notice."""

import re

from case import SHELL
from lab.process import Trouble
from node_case import FOR_EVER, POOLS, SERVICE, STEADY, InstalledCase

CONFIG = "/etc/mayfly/conf.d/50-test.toml"
WATCHDOG_MOST_S = 15
EXPOSURE_MOST = 3.0


class ServiceOnANode(InstalledCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.apply("steady", command=FOR_EVER, replicas=STEADY, standby=1)

    def setUp(self):
        self.cursor = self.node.cursor()
        self.before = self.whole_pool()
        self.pid = self.daemon.pid()

    def whole_pool(self):
        """Its processes, when it is complete."""
        self.wait_running("steady", STEADY)
        self.wait(lambda: self.daemon.pool("steady")["spares_ready"] == 1, "its spare", 60)
        return self.pids("steady")

    def assert_nothing_happened_to_workers(self):
        self.daemon.wait_up()
        self.assertEqual(self.whole_pool(), self.before)
        self.assertEqual(self.exits("steady"), [])
        self.assertEqual(len(self.stories.lives("steady")), STEADY)

    def wait_another_daemon(self):
        return self.wait(lambda: (now := self.daemon.pid()) not in (0, self.pid) and now,
                         "another daemon", 120)

    def wait_told(self, words):
        """The journal may be behind."""
        try:
            self.wait(lambda: words in self.node.journal(SERVICE, self.cursor), f'"{words}" in the journal')
        except Trouble as trouble:
            raise Trouble(f"{trouble}\n{self.node.journal(SERVICE, self.cursor)}") from None

    # ---- restarts -----------------------------------------------------------------------------

    def test_a_restart_leaves_the_workers_alone(self):
        self.systemctl("restart")
        self.assertNotEqual(self.daemon.pid(), self.pid)
        self.assert_nothing_happened_to_workers()

    def test_a_daemon_that_is_killed_is_restarted_and_adopts_its_workers(self):
        self.node.signal("KILL", self.pid)
        self.wait_another_daemon()
        self.assert_nothing_happened_to_workers()

    def test_a_daemon_that_hangs_is_restarted_by_the_watchdog(self):
        began_s = float(self.node.run("cat", "/proc/uptime").split()[0])
        self.node.signal("STOP", self.pid)
        self.addCleanup(self.node.attempt, "sh", "-c", f"kill -CONT {self.pid}")
        self.wait_another_daemon()
        started_us = int(self.node.show(SERVICE, "ExecMainStartTimestampMonotonic"))
        self.assertLess(started_us / 1e6 - began_s, WATCHDOG_MOST_S)
        self.wait_told("Failed with result 'watchdog'")
        self.assert_nothing_happened_to_workers()

    def test_a_stop_leaves_the_workers_running_until_the_next_start(self):
        self.systemctl("stop")
        self.assertEqual(self.node.show(SERVICE, "Result"), "success")
        self.assertEqual(self.pids("steady"), self.before)
        self.systemctl("start")
        self.assert_nothing_happened_to_workers()

    def test_a_runtime_that_was_stopped_is_said_to_be_so_and_met_again_when_it_is_back(self):
        self.node.run("systemctl", "stop", "containerd.service")
        self.wait(lambda: "containerd.service is stopped" in self.daemon.status()["runtime"]["fault"],
                  "the reason of the loss", 60)
        self.assertEqual(self.daemon.status()["runtime"]["state"], "down")
        self.node.run("systemctl", "start", "containerd.service")
        self.assert_nothing_happened_to_workers()

    # ---- its configuration ----------------------------------------------------------------------

    def test_a_reload_takes_up_what_is_good(self):
        self.node.write(POOLS + "/fresh.toml",
                        self.pool_text("fresh", command=FOR_EVER, replicas=1, standby=0))
        self.addCleanup(self.systemctl, "reload")
        self.addCleanup(self.node.run, "rm", POOLS + "/fresh.toml")
        self.systemctl("reload")
        self.wait_running("fresh", 1)
        self.assertEqual(self.daemon.pid(), self.pid)
        self.assert_nothing_happened_to_workers()

    def test_a_reload_of_what_is_wrong_says_so_and_changes_nothing(self):
        self.node.write(CONFIG, "[starts]\nparalel = 3\n")
        self.addCleanup(self.node.run, "rm", CONFIG)
        self.assertNotEqual(self.node.attempt("systemctl", "reload", SERVICE).returncode, 0)
        self.wait_told(CONFIG + ":2:1")
        self.assertEqual(self.node.show(SERVICE, "ActiveState"), "active")
        self.assertEqual(self.daemon.pid(), self.pid)
        self.assert_nothing_happened_to_workers()

    def test_a_start_with_a_wrong_configuration_is_not_tried_again_and_says_why(self):
        self.node.write(CONFIG, "[starts]\nparalel = 3\n")
        answer = self.node.attempt("systemctl", "restart", SERVICE)
        self.assertNotEqual(answer.returncode, 0)
        self.node.run("rm", CONFIG)
        self.assertEqual(self.node.show(SERVICE, "ActiveState"), "failed")
        self.assertEqual(self.node.show(SERVICE, "ExecMainStatus"), "78")
        self.wait_told(CONFIG + ":2:1")
        self.assertEqual(self.pids("steady"), self.before)
        self.systemctl("start")
        self.assert_nothing_happened_to_workers()

    # ---- its hardening --------------------------------------------------------------------------

    def test_it_is_confined(self):
        table = self.node.run("systemd-analyze", "security", "--no-pager", SERVICE)
        exposure = float(re.search(r"Overall exposure level for \S+: ([\d.]+)", table)[1])
        self.assertLessEqual(exposure, EXPOSURE_MOST, table)

    def test_its_confinement_forbids_nothing_that_it_must_do(self):
        doctor = self.node.attempt("mayfly", "doctor")
        self.assertEqual(doctor.returncode, 0, doctor.stdout + doctor.stderr)
        self.assertIn("spares are held behind their exec", doctor.stdout)
        self.apply("wordy", image=SHELL, command=["sh", "-c", "echo words; exit 7"], replicas=1,
                   resources={"memory": "64MiB", "pids": 16}, backoff={"initial": "1h", "max": "1h"})
        self.addCleanup(self.daemon.delete, "wordy")
        self.wait(lambda: self.exits("wordy"), "its exit", 60)
        self.assertEqual(self.exits("wordy")[-1]["code"], 7)
        self.assertEqual(self.wait_why("wordy", "backoff")["reason"], "backoff")
        self.assertIn("words", self.daemon.mayfly("logs", "wordy"))
        self.assertIn("wordy", self.daemon.mayfly("get", "exits", "wordy"))
        self.assertNotIn('hold = "exec" is "gate" here', self.node.journal(SERVICE))
