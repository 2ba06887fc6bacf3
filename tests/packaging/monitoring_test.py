"""Alerts and dashboard speak of what the daemon exports, and alerts come when they have to."""
import http.server
import json
import os
import re
import shutil
import socketserver
import subprocess
import tempfile
import threading
import unittest

import command_line

MONITORING = os.path.join(command_line.ROOT, "packaging", "monitoring")
OF_PROMETHEUS = {"instance", "job", "le"}  # labels that no exporter gives, or a histogram's own
SUFFIXES = re.compile(r"_(bucket|sum|count)$")


def read(*path):
    with open(os.path.join(command_line.ROOT, *path), encoding="utf-8") as file:
        return file.read()


def exported():
    """The families of agent/control/metrics.cc → whether each is a histogram."""
    text = read("agent", "control", "metrics.cc")
    names = set(re.findall(r'"(mayfly_[a-z_]+)"', text))
    table = re.search(r"kHistograms\[\] = \{(.*?)\};", text, re.S)[1]
    histograms = set(re.findall(r'"(mayfly_[a-z_]+)"', table))
    histograms |= set(re.findall(r'family\("(mayfly_[a-z_]+)",\s*MetricType::kHistogram', text))
    return {name: name in histograms for name in names}


def exported_labels():
    return set(re.findall(r'\{"([a-z]+)", ', read("agent", "control", "metrics.cc"))) | OF_PROMETHEUS


def words(of):
    """The printed words of an enumeration of agent/control/names.cc."""
    function = re.search(rf"name\(core::{of} value\) \{{(.*?)\n\}}", read("agent", "control", "names.cc"), re.S)[1]
    return set(re.findall(r'return "([a-z_]+)"', function))


def rules():
    """alert → its text, up to the next."""
    parts = re.split(r"- alert: (\w+)\n", read("packaging", "monitoring", "alerts.yml"))
    return dict(zip(parts[1::2], parts[2::2]))


def alert_expressions():
    found = {}
    for name, text in rules().items():
        expression = re.search(r"expr: (?:\|\n((?: {10}.*\n| {12}.*\n)+)|(.*))", text)
        found[name] = " ".join((expression[1] or expression[2]).split())
    return found


def dashboard():
    return json.loads(read("packaging", "monitoring", "grafana.json"))


def dashboard_expressions():
    found = {}
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", []):
            found[f"{panel['title']} {target['refId']}"] = target["expr"]
    for annotation in dashboard()["annotations"]["list"]:
        found[annotation["name"]] = annotation["expr"]
    for variable in dashboard()["templating"]["list"]:
        if "definition" in variable:
            found["$" + variable["name"]] = re.match(r"label_values\((.*), \w+\)", variable["definition"])[1]
    return found


def promtool(*arguments):
    """Of the host, or where ./dev test has put it."""
    path = os.pathsep.join([os.environ["PATH"], os.path.join(command_line.ROOT, "build", "tools")])
    return subprocess.run([shutil.which("promtool", path=path) or "promtool", *arguments],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


class Expressions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.all = {**alert_expressions(), **dashboard_expressions()}

    def test_are_found(self):
        self.assertGreater(len(alert_expressions()), 10)
        self.assertGreater(len(dashboard_expressions()), 20)
        self.assertIn("mayfly_runtime_up", exported())
        self.assertTrue(exported()["mayfly_respawn_gap_seconds"])
        self.assertTrue(exported()["mayfly_runtime_op_seconds"])

    def test_name_only_metrics_that_the_daemon_exports(self):
        known = exported()
        for where, expression in self.all.items():
            for metric in re.findall(r"\b[a-z]+_[a-z_]+\b(?=[\s{\[)]|$)", re.sub(r'"[^"]*"', '""', expression)):
                family = SUFFIXES.sub("", metric)
                is_part = metric not in known and known.get(family, False)
                self.assertTrue(is_part or (metric in known and not known[metric]), f"{where}: {metric}")

    def test_name_only_labels_that_the_daemon_gives(self):
        known = exported_labels()
        for where, expression in self.all.items():
            labels = set(re.findall(r'(\w+)\s*(?:=~|!~|!=|=)\s*"', expression))
            for group in re.findall(r"\b(?:by|on|without|ignoring) \(([^)]*)\)", expression):
                labels |= {each.strip() for each in group.split(",")}
            self.assertLessEqual(labels, known, where)

    def test_name_only_classes_and_reasons_that_there_are(self):
        for where, expression in self.all.items():
            for label, of in (("class", "ExitClass"), ("reason", "EmptyReason")):
                for value in re.findall(rf'\b{label}(?:=~|!~|!=|=)"([^"]*)"', expression):
                    self.assertLessEqual(set(value.split("|")), words(of), where)

    def test_show_what_the_documentation_lists_and_nothing_else(self):
        table = read("docs", "operations.md").split("## Monitoring")[1].split("\n## ")[0]
        rows = re.findall(r"^\| (`mayfly_[^|]*) \| ?([^|]*?) ?\|", table, re.M)
        listed = {metric: set(re.findall(r"\w+", labels)) for names, labels in rows
                  for metric in re.findall(r"\w+", names)}
        self.assertEqual(set(listed), set(exported()))
        self.assertEqual(set.union(*listed.values()) | OF_PROMETHEUS, exported_labels())
        for of in ("ExitClass", "EmptyReason"):
            for word in words(of) - {"unknown", "none"}:
                self.assertIn(f"`{word}`", table)

    def test_show_every_metric_somewhere(self):
        """What is exported and on no panel is likely forgotten."""
        shown = " ".join(self.all.values())
        for metric in set(exported()) - {"mayfly_image_pulled_bytes_total", "mayfly_images", "mayfly_image_pull_bytes",
                                         "mayfly_images_removed_total"}:
            self.assertRegex(shown, rf"\b{metric}(_bucket)?\b")


class Alerts(unittest.TestCase):
    def test_are_rules_that_prometheus_takes(self):
        run = promtool("check", "rules", os.path.join(MONITORING, "alerts.yml"))
        self.assertEqual(run.returncode, 0, run.stdout)
        self.assertIn(f"{len(rules())} rules found", run.stdout)

    def test_come_when_they_have_to_and_not_before(self):
        run = promtool("test", "rules", os.path.join(command_line.ROOT, "tests", "packaging", "alerts_test.yml"))
        self.assertEqual(run.returncode, 0, run.stdout)

    def test_are_each_tested_both_ways(self):
        text = re.sub(r"\s+", " ", read("tests", "packaging", "alerts_test.yml"))
        for alert in rules():
            for part in (f"alertname: {alert}, exp_alerts: []", f"alertname: {alert} exp_alerts: - exp_labels"):
                self.assertTrue(part in text, f"there is no {part}")

    def test_each_say_what_it_is_and_what_to_do(self):
        for alert, text in rules().items():
            for part in ("severity: ", "summary: ", "description: "):
                self.assertIn(part, text, alert)

    def test_name_only_verbs_that_there_are(self):
        known = {verb.path[0] for verb in command_line.verbs("mayfly") if verb.path}
        for alert, text in rules().items():
            for verb in re.findall(r"\bmayfly ([a-z]+)\b", text):
                self.assertIn(verb, known, alert)


class Dashboard(unittest.TestCase):
    def test_has_expressions_that_prometheus_takes(self):
        text = "groups:\n- name: panels\n  rules:\n"
        for number, expression in enumerate(dashboard_expressions().values()):
            whole = expression.replace("$__rate_interval", "5m").replace("$", "")
            text += f"  - record: panel:{number}\n    expr: {json.dumps(whole)}\n"
        with tempfile.NamedTemporaryFile("w", suffix=".yml", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            run = promtool("check", "rules", file.name)
        self.assertEqual(run.returncode, 0, run.stdout)

    def test_has_panels_that_do_not_overlap(self):
        taken = {}
        for panel in dashboard()["panels"]:
            place = panel["gridPos"]
            self.assertLessEqual(place["x"] + place["w"], 24)
            for x in range(place["x"], place["x"] + place["w"]):
                for y in range(place["y"], place["y"] + place["h"]):
                    self.assertNotIn((x, y), taken, panel["title"])
                    taken[x, y] = panel["title"]

    def test_knows_each_panel_once_and_every_variable(self):
        panels = dashboard()["panels"]
        self.assertEqual(len({panel["id"] for panel in panels}), len(panels))
        known = {variable["name"] for variable in dashboard()["templating"]["list"]} | {"__rate_interval", "__all"}
        used = set(re.findall(r"\$\{?(\w+)", read("packaging", "monitoring", "grafana.json")))
        self.assertEqual(used, known)


class Metrics(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/metrics" else 404)
        self.end_headers()
        self.wfile.write(b"mayfly_runtime_up 1\n")

    def address_string(self):
        return "a unix socket"

    def log_message(self, *arguments):
        pass


class Textfile(unittest.TestCase):
    """The unit that hands the metrics to the node exporter, with places of the test's own."""

    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.socket = os.path.join(self.folder, "read.sock")

    def run_unit(self):
        unit = read("packaging", "monitoring", "mayfly-metrics.service")
        command = re.search(r"^ExecStart=/bin/sh -c '(.*)'$", unit, re.M)[1]
        self.assertIn("/run/mayfly/read.sock", command)
        return subprocess.run(["sh", "-c", command.replace("/run/mayfly/read.sock", self.socket)], cwd=self.folder,
                              stderr=subprocess.DEVNULL).returncode

    def serve(self):
        server = socketserver.UnixStreamServer(self.socket, Metrics)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        self.addCleanup(server.server_close)
        self.addCleanup(thread.join)
        self.addCleanup(server.shutdown)

    def files(self):
        return sorted(name for name in os.listdir(self.folder) if name != "read.sock")

    def test_has_what_the_daemon_says(self):
        self.serve()
        self.assertEqual(self.run_unit(), 0)
        self.assertEqual(self.files(), ["mayfly.prom"])
        with open(os.path.join(self.folder, "mayfly.prom"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "mayfly_runtime_up 1\n")

    def test_goes_when_no_daemon_answers(self):
        with open(os.path.join(self.folder, "mayfly.prom"), "w", encoding="utf-8"):
            pass
        self.assertNotEqual(self.run_unit(), 0)
        self.assertEqual(self.files(), [])


if __name__ == "__main__":
    unittest.main()
