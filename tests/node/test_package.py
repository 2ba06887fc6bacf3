"""The package itself: on a system with nothing but apt, removed, purged."""

import os

import packages
from node_case import FOR_EVER, NodeCase
from packages import PACKAGE


class PackageOnANode(NodeCase):

    def setUp(self):
        self.new_node()

    def test_a_fresh_system_needs_nothing_but_apt_to_run_a_pool(self):
        self.install()
        self.start()
        self.apply("example", command=FOR_EVER, replicas=2, standby=1)
        self.wait_running("example", 2)
        self.wait(lambda: self.daemon.pool("example")["spares_ready"] == 1, "its spare", 60)
        self.assertEqual(len(self.pids("example")), 3)

    def test_a_purge_leaves_nothing_of_it(self):
        self.node.apt("update")
        needed = packages.relations(os.path.join(self.node.share, PACKAGE))
        self.node.apt("satisfy", needed)
        before = self.traces()
        self.install()
        self.start()
        self.apply("example", command=FOR_EVER, replicas=2, standby=1)
        workers = {worker["name"] for worker in self.wait_running("example", 2)}
        self.node.apt("remove", "mayfly")
        self.assertEqual(self.pids("example"), {})
        lives = self.stories.lives("example")
        self.assertEqual({worker for worker, life in lives.items() if life.ended}, workers)
        self.node.apt("purge", "mayfly")
        self.assertEqual(self.new_traces(before), {})

    def test_a_removal_without_a_daemon_says_that_workers_run_on(self):
        self.install()
        self.start()
        self.apply("example", command=FOR_EVER, replicas=1, standby=0)
        self.wait_running("example", 1)
        before = self.pids("example")
        self.systemctl("stop")
        told = self.node.apt("remove", "mayfly")
        self.assertIn("workers run on", told)
        self.assertIn("ctr --namespace mayfly tasks kill", told)
        self.assertEqual(self.pids("example"), before)

    def traces(self):
        """All that a package could leave behind, by kind. Groups stay, as Debian has it."""
        return {
            "files": self.node.files(),
            "memory": set(self.node.run("find", "/run", "/tmp", "-name", "*mayfly*").split()),
            "mounts": set(self.node.mounts()),
            "cgroups": {path for path in self.node.cgroups() if "mayfly" in path},
            "processes": set(self.node.run("sh", "-c", "grep -la mayfly /proc/[0-9]*/comm "
                                           "/proc/[0-9]*/cgroup || true").split()),
            "units": set(self.node.run("systemctl", "list-units", "--all", "--no-legend", "--plain",
                                       "mayfly*").split("\n")),
            "namespaces": set(self.node.run("ctr", "namespaces", "ls", "-q").split()),
        }

    def new_traces(self, before):
        now = self.traces()
        return {kind: sorted(more) for kind in now if (more := now[kind] - before[kind])}
