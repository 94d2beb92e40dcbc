"""Alert rules, dashboard and page against the metrics that the code makes."""

import json
import os
import re
import subprocess
import tempfile
import unittest

import yaml

SOURCE = os.environ.get("HVIS_SOURCE", os.path.join(os.path.dirname(__file__), "..", ".."))
PROMETHEUS = os.path.join(SOURCE, "packaging", "prometheus")
METRIC = re.compile(r"\bhvis_[a-z_]+[a-z]\b")


def text_of(*path):
    with open(os.path.join(SOURCE, *path), encoding="utf-8") as file:
        return file.read()


def made():
    return set(re.findall(r'"(hvis_[a-z_]+)"', text_of("src", "manager", "api", "metrics.cc")))


def plain(names):
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in names}


class MonitoringTest(unittest.TestCase):
    def promtool(self, *arguments):
        done = subprocess.run(["promtool", *arguments], cwd=PROMETHEUS, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_rules_are_sound_and_fire_when_they_should(self):
        self.promtool("check", "rules", "hvis.rules.yml")
        self.promtool("test", "rules", "hvis.rules_test.yml")

    def test_rules_ask_for_metrics_that_are_made(self):
        rules = yaml.safe_load(text_of("packaging", "prometheus", "hvis.rules.yml"))
        asked = {name for group in rules["groups"] for rule in group["rules"] for name in METRIC.findall(rule["expr"])}
        self.assertGreater(len(asked), 4)
        self.assertLessEqual(plain(asked), made())

    def test_the_dashboard_asks_for_metrics_that_are_made(self):
        dashboard = json.loads(text_of("packaging", "grafana", "hvis.json"))
        panels = dashboard["panels"]
        asked = {name for panel in panels for target in panel["targets"] for name in METRIC.findall(target["expr"])}
        self.assertGreater(len(asked), 10)
        self.assertLessEqual(plain(asked), made())
        self.assertEqual(len({panel["id"] for panel in panels}), len(panels))

    def test_the_dashboard_asks_in_promql(self):
        dashboard = json.loads(text_of("packaging", "grafana", "hvis.json"))
        asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
        variables = {name["name"] for name in dashboard["templating"]["list"]} | {"__rate_interval"}
        rules = []
        for number, expression in enumerate(asked):
            names = set(re.findall(r"\$\{?(\w+)", expression))
            self.assertLessEqual(names, variables, f"no such variable: {expression}")
            # What Grafana puts in, as promtool knows no variables.
            plain_text = expression.replace("$__rate_interval", "1m")
            rules.append({"record": f"panel:{number}", "expr": re.sub(r"\$\{?\w+\}?", "x", plain_text)})
        self.assertGreater(len(rules), 10)
        with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
            yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}, file)
            file.flush()
            self.promtool("check", "rules", file.name)

    def test_the_page_names_every_metric_and_no_other(self):
        self.assertEqual(set(METRIC.findall(text_of("docs", "metrics.md"))), made())


if __name__ == "__main__":
    unittest.main()
