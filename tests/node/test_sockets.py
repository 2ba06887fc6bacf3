"""Sockets that systemd holds: nobody who connects is refused while there is no daemon."""

import concurrent.futures
import threading

from lab.process import wait_until
from node_case import FOR_EVER, SERVICE, InstalledCase

SOCKETS = ("mayflyd.socket", "mayflyd-read.socket")
CONTROL, READ = "/run/mayfly/mayfly.sock", "/run/mayfly/read.sock"
DONE, REFUSED = 0, 4
CLIENTS, RESTARTS = 4, 5


class SocketsOfANode(InstalledCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.systemctl("stop")
        cls.node.run("systemctl", "enable", "--now", *SOCKETS)
        cls.systemctl("start")
        cls.daemon.wait_up()

    def test_a_client_starts_a_daemon_that_was_stopped(self):
        for client in (("mayfly", "status"), ("mayfly", "--socket", READ, "status")):
            self.systemctl("stop")
            self.assertEqual(self.node.show(SERVICE, "ActiveState"), "inactive")
            self.node.run(*client)
            self.assertEqual(self.node.show(SERVICE, "ActiveState"), "active")

    def test_what_a_caller_may_do_goes_by_its_group(self):
        self.apply("still", command=FOR_EVER, replicas=1, standby=0)
        look, change = ("get", "pools"), ("scale", "still", "1")
        for groups, socket, may_look, may_change in (
                ("--clear-groups", CONTROL, REFUSED, REFUSED),
                ("--clear-groups", READ, REFUSED, REFUSED),
                ("--groups=mayfly-read", CONTROL, REFUSED, REFUSED),
                ("--groups=mayfly-read", READ, DONE, REFUSED),
                ("--groups=mayfly", CONTROL, DONE, DONE)):
            for words, code in ((look, may_look), (change, may_change)):
                with self.subTest(groups=groups, socket=socket, words=words):
                    answer = self.node.attempt("setpriv", "--reuid=nobody", "--regid=nogroup", groups,
                                               "mayfly", "--socket", socket, *words)
                    self.assertEqual(answer.returncode, code, answer.stderr)

    def test_who_connects_while_the_daemon_restarts_is_served(self):
        self.apply("still", command=FOR_EVER, replicas=1, standby=0)
        self.wait_running("still", 1)
        done, answers = threading.Event(), []

        def ask():
            while not done.is_set():
                answers.append(self.node.attempt("mayfly", "get", "pools", "-o", "name"))

        with concurrent.futures.ThreadPoolExecutor(CLIENTS) as clients:
            asking = [clients.submit(ask) for _ in range(CLIENTS)]
            try:
                for _ in range(RESTARTS):
                    before = len(answers)
                    self.systemctl("restart")
                    wait_until(lambda: len(answers) > before + CLIENTS, "answers", 60)
            finally:
                done.set()
        for each in asking:
            each.result()
        wrong = [answer for answer in answers if (answer.returncode, answer.stdout) != (0, "still\n")]
        self.assertEqual(wrong, [])
