"""A host that goes down, and a systemd that knows why the runtime is down."""

import os
import tempfile

from case import FOR_EVER_MS, DaemonCase
from lab.host import Host
from stories import living

UNIT = "runtime.service"


class HostOfTheNode(DaemonCase):

    more_config = f'unit = "{UNIT}"\n'

    @classmethod
    def setUpClass(cls):
        folder = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="mayfly-host-"))
        cls.host = Host(folder, UNIT)
        cls.addClassCleanup(cls.host.stop)
        cls.addClassCleanup(os.environ.pop, "DBUS_SYSTEM_BUS_ADDRESS", None)
        os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = cls.host.address
        super().setUpClass()

    def setUp(self):
        self.wait(lambda: self.host.locks() == 1, "the delay lock")
        self.addCleanup(self.host.stay_up)

    def go_down(self, seconds):
        self.host.wait_at_most(seconds)
        self.host.go_down()
        self.wait(lambda: self.happened("host-shutdown"), "the shutdown to be heard of")

    def happened(self, what):
        return any(event["what"] == what for event in self.events(""))

    def begin(self, grace):
        self.apply("steady", command=living(FOR_EVER_MS), replicas=2, standby=1,
                   lifetime={"stop_grace": grace})
        self.wait_running("steady", 2)
        self.wait(lambda: self.ready_spares("steady"), "a spare")

    def test_a_shutdown_drains_the_node_lets_the_host_go_and_a_cancelled_one_refills_it(self):
        self.begin("6s")
        self.apply("short", command=living(1500), replicas=2, standby=0,
                   lifetime={"stop_grace": "6s"})
        self.wait_running("short", 2)
        self.go_down(12)
        self.wait(lambda: not self.spares("steady"), "the spares to be dismissed")
        self.wait(lambda: self.host.locks() == 0, "the host to be let go", 60)
        left = self.workers("steady") + self.workers("short")
        self.assertEqual([worker for worker in left if worker["exited_at"] is None], [])
        ends = {(record["class"], record["reason"]) for record in self.exits("steady")}
        self.assertEqual(ends, {("ours", "host shutdown")})
        last = self.exits("short")[:2]
        self.assertEqual({record["class"] for record in last}, {"done"},
                         "they had the time to end by themselves")
        self.assertEqual(self.why("steady")["reason"], "host_shutdown")
        self.apply("late", command=living(FOR_EVER_MS), replicas=1, standby=0)
        self.assertEqual(self.why("late")["reason"], "host_shutdown")
        self.host.stay_up()
        for pool, count in (("steady", 2), ("short", 2), ("late", 1)):
            self.wait_running(pool, count)
        self.wait(lambda: self.host.locks() == 1, "a new lock")

    def test_workers_that_heed_nothing_do_not_hold_the_host_for_longer_than_it_waits(self):
        self.begin("30s")
        pids = self.pids("steady")
        for pid in pids.values():
            os.kill(pid, 19)  # SIGSTOP: TERM waits, KILL does not
        self.go_down(4)
        self.wait(lambda: self.host.locks() == 0, "the host to be let go", 60)
        self.wait(lambda: [record["signal"] for record in self.exits("steady")[:2]] == [9, 9],
                  "both to be killed")

    def test_why_says_what_systemd_knows_of_the_runtime(self):
        self.apply("short", command=living(300), replicas=1, standby=0)
        self.wait_running("short", 1)
        self.addCleanup(self.revive)
        self.containerd.kill()
        self.host.set_unit("failed", "failed", "exit-code")
        self.wait_why("short", "runtime_down")
        self.wait(lambda: f"{UNIT} failed: exit-code" in self.why("short")["detail"], "the reason")
        self.assertIn(f"{UNIT} failed: exit-code", self.mayflyd.status()["runtime"]["fault"])
        self.host.set_unit("inactive", "dead")
        self.wait(lambda: "stopped (by an operator)" in self.why("short")["detail"], "the reason")
        self.containerd.start()
        self.host.set_unit("active", "running")
        self.wait_running("short", 1)

    def revive(self):
        if not self.containerd.process.alive():
            self.containerd.start()
        self.host.set_unit("active", "running")
