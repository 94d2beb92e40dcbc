"""openapi.yaml against the table of routes and against itself. Needs no running hvisd."""

import os
import re
import unittest

from contract import Contract, UniqueKeys
import yaml

SOURCE = os.environ.get("HVIS_SOURCE", os.path.join(os.path.dirname(__file__), "..", ".."))
API = os.path.join(SOURCE, "src", "manager", "api")


def routes():
    """(method, path, role, body) of each line of the table in routes.cc."""
    with open(os.path.join(API, "routes.cc"), encoding="utf-8") as file:
        text = file.read()
    return re.findall(r'\{k(\w+),\s*"([^"]+)",\s*k(\w+),\s*Body::k(\w+),', text)


class ContractTest(unittest.TestCase):
    def setUp(self):
        self.contract = Contract(os.path.join(API, "openapi.yaml"))

    def test_lint(self):
        self.assertEqual(self.contract.lint(), [])

    def test_every_route_is_in_the_contract_with_its_role(self):
        table = {(method.upper(), path): role.lower() for method, path, role, _ in routes()}
        document = {(o.method, o.path): o.role for o in self.contract.operations}
        self.assertEqual(table, document)
        self.assertGreater(len(table), 40)

    def test_bodies_are_where_the_routes_take_them(self):
        wanted = {}
        for operation in self.contract.operations:
            body = self.contract.resolve(operation.spec.get("requestBody", {}))
            kind = "None" if not body else "Required" if body.get("required") else "Optional"
            wanted[(operation.method, operation.path)] = kind
        for method, path, _, body in routes():
            self.assertEqual(wanted[(method.upper(), path)], body, f"{method} {path}")

    def test_the_page_names_every_path(self):
        with open(os.path.join(SOURCE, "docs", "hvisd.md"), encoding="utf-8") as file:
            page = file.read()
        for path in ("/vms", "/events", "/operations", "/tokens", "/database/backup", "/metrics", "/host/stop-all"):
            self.assertIn(path, page)

    def test_the_lint_finds_mistakes(self):
        with self.assertRaises(yaml.YAMLError):
            yaml.load("{a: 1, a: 2}", UniqueKeys)
        operation = self.contract.operations[0]
        operation.spec["x-role"] = "king"
        self.contract.document["components"]["schemas"]["Lonely"] = {"$ref": "#/nowhere"}
        found = "\n".join(self.contract.lint())
        for word in ("king", "x-role", "Lonely is not used", "leads nowhere"):
            self.assertIn(word if word != "king" else "none of", found)


if __name__ == "__main__":
    unittest.main()
