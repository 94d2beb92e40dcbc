"""The API's contract (openapi.yaml) and what must hold of it."""

import functools
import json
import os
import re
import urllib.parse

import jsonschema
import yaml

import seen

SOURCE = os.environ.get("HVIS_SOURCE", os.path.join(os.path.dirname(__file__), "..", ".."))
METHODS = ("get", "post", "put", "patch", "delete")
ROLES = ("viewer", "operator", "administrator")
# For paths, where it does not matter what they name.
SOME_NAMES = {"vm": "web", "service": "kvp", "pool": "external", "key": "k", "id": "00000000-0000-4000-8000-000000000000"}


class UniqueKeys(yaml.SafeLoader):
    """A key twice in one mapping is a mistake that YAML itself lets pass."""


def _mapping(loader, node, deep=False):
    seen = set()
    for key, _ in node.value:
        if key.tag != "tag:yaml.org,2002:merge":
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value} twice", key.start_mark)
            seen.add(key.value)
    return yaml.SafeLoader.construct_mapping(loader, node, deep)


UniqueKeys.add_constructor(
    yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG,
    lambda loader, node: (loader.flatten_mapping(node), _mapping(loader, node, True))[1],
)


def without_nulls(patch):
    """RFC 7396: null takes a field away, so that only the rest has to fit."""
    if not isinstance(patch, dict):
        return patch
    return {name: without_nulls(value) for name, value in patch.items() if value is not None}


class Operation:
    def __init__(self, contract, path, method, item, operation):
        self.contract = contract
        self.path = path
        self.method = method.upper()
        self.role = operation["x-role"]
        self.spec = operation
        self.parameters = [contract.resolve(p) for p in item.get("parameters", []) + operation.get("parameters", [])]

    def __repr__(self):
        return f"{self.method} {self.path}"

    def body_schema(self):
        body = self.contract.resolve(self.spec.get("requestBody", {}))
        for media in body.get("content", {}).values():
            return media["schema"]
        return None

    def target(self, **names):
        return re.sub(r"\{(\w+)\}", lambda match: names[match.group(1)], self.path)

    def matches(self, method, path, accept):
        # Without events to be asked for, what looks like a watch is the pair of that name.
        if method != self.method or (self.spec["operationId"] == "watchPairs" and "event-stream" not in accept):
            return False
        return re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(self.path)), path) is not None

    def value_of(self, body):
        """The body as a value; ValueError if it is not JSON."""
        return json.loads(body) if isinstance(body, (bytes, str)) else body

    def takes(self, body):
        """Whether the contract allows the body: a value, or text."""
        spec = self.contract.resolve(self.spec.get("requestBody", {}))
        if body in (None, "", b""):
            return not spec.get("required")
        try:
            value = self.value_of(body)
        except ValueError:
            return False
        if not spec:
            return value == {}
        is_patch = "application/merge-patch+json" in spec["content"]
        return self.contract.is_valid(self.body_schema(), without_nulls(value) if is_patch else value)

    def check(self, response):
        """Fails unless the answer is one that the contract allows."""
        responses = self.spec["responses"]
        spec = self.contract.resolve(responses.get(str(response.status), responses["default"]))
        if str(response.status) not in responses and response.status < 400:
            raise AssertionError(f"{self}: status {response.status} is not in the contract")
        content = spec.get("content", {})
        media = response.content_type.split(";")[0]
        if media not in content:
            raise AssertionError(f"{self}: {response.status} came as {media}, not {list(content)}: {response.text}"[:1000])
        for header in spec.get("headers", {}):
            if not response.headers.get(header):
                raise AssertionError(f"{self}: {response.status} came without {header}")
        if media.endswith("json"):
            self.contract.validate(content[media]["schema"], response.json())
            seen.note(self.contract, self, content[media]["schema"], response.json())
            if response.status >= 400 and response.json()["status"] != response.status:
                raise AssertionError(f"{self}: the problem says another status: {response.text}")


class Contract:
    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.document = yaml.load(file, UniqueKeys)
        self._resolver = jsonschema.RefResolver("", self.document)
        self.operations = [
            Operation(self, path, method, item, item[method])
            for path, item in self.document["paths"].items()
            for method in METHODS
            if method in item
        ]

    def check(self, method, target, body, headers, response):
        """Fails unless the answer is one that the contract allows, and the request, too, if it was taken."""
        path, _, query = target.partition("?")
        found = [each for each in self.operations if each.matches(method, path, headers.get("Accept", ""))]
        if found:
            operation = min(found, key=lambda each: each.path.count("{"))
            operation.check(response)
            if response.status < 400:
                self._check_taken(operation, query, body, headers)

    def _check_taken(self, operation, query, body, headers):
        if not operation.takes(body):
            raise AssertionError(f"{operation} has taken what the contract does not allow: {body!r}"[:1000])
        names = [name for name, _ in urllib.parse.parse_qsl(query, keep_blank_values=True)] + list(headers)
        declared = {each["name"] for each in operation.parameters if each["in"] != "path"}
        seen.SEEN.update(seen.parameters(operation, declared.intersection(names)))
        if body and operation.body_schema():
            seen.note(self, operation, operation.body_schema(), operation.value_of(body))

    def resolve(self, node):
        while "$ref" in node:
            _, node = self._resolver.resolve(node["$ref"])
        return node

    def validate(self, schema, value):
        jsonschema.Draft202012Validator(schema, resolver=self._resolver).validate(value)

    def is_valid(self, schema, value):
        return jsonschema.Draft202012Validator(schema, resolver=self._resolver).is_valid(value)

    def lint(self):
        """What is wrong with the document, as sentences."""
        complaints = []
        used = set()

        def walk(node, place):
            if isinstance(node, dict):
                if "$ref" in node:
                    used.add(node["$ref"])
                    try:
                        self._resolver.resolve(node["$ref"])
                    except jsonschema.RefResolutionError:
                        complaints.append(f"{place}: {node['$ref']} leads nowhere")
                if node.get("type") == "object" and "additionalProperties" not in node and "result" not in place:
                    complaints.append(f"{place}: says nothing about other properties")
                for name in node.get("required", []) if isinstance(node.get("required"), list) else []:
                    if name not in node.get("properties", {}):
                        complaints.append(f"{place}: requires {name}, which it does not have")
                for key, value in node.items():
                    walk(value, f"{place}/{key}")
            elif isinstance(node, list):
                for index, value in enumerate(node):
                    walk(value, f"{place}/{index}")

        walk(self.document, "")
        components = self.document["components"]
        for kind in ("schemas", "parameters", "responses", "requestBodies"):
            for name in components[kind]:
                if f"#/components/{kind}/{name}" not in used and name != "Moment":
                    complaints.append(f"components/{kind}/{name} is not used")
        for name, schema in components["schemas"].items():
            try:
                jsonschema.Draft202012Validator.check_schema(schema)
            except jsonschema.SchemaError as error:
                complaints.append(f"schema {name}: {error.message}")
        tags = {tag["name"] for tag in self.document["tags"]}
        names = set()
        for operation in self.operations:
            spec = operation.spec
            for field in ("operationId", "summary", "tags", "x-role", "responses"):
                if field not in spec:
                    complaints.append(f"{operation}: has no {field}")
            if spec.get("operationId") in names:
                complaints.append(f"{operation}: operationId {spec['operationId']} is taken")
            names.add(spec.get("operationId"))
            if not set(spec.get("tags", [])) <= tags:
                complaints.append(f"{operation}: a tag is not declared")
            if spec.get("x-role") not in ROLES:
                complaints.append(f"{operation}: x-role is none of {ROLES}")
            if "default" not in spec.get("responses", {}):
                complaints.append(f"{operation}: has no default answer")
            in_path = set(re.findall(r"\{(\w+)\}", operation.path))
            declared = {p["name"] for p in operation.parameters if p["in"] == "path"}
            if in_path != declared:
                complaints.append(f"{operation}: path parameters {declared} instead of {in_path}")
            complaints += self._examples(operation)
        return complaints

    def _examples(self, operation):
        complaints = []
        bodies = [self.resolve(operation.spec.get("requestBody", {}))]
        bodies += [self.resolve(response) for response in operation.spec["responses"].values()]
        for body in bodies:
            for media, content in body.get("content", {}).items():
                if "example" in content and not self.is_valid(content["schema"], content["example"]):
                    complaints.append(f"{operation}: the example of {media} does not fit its schema")
        return complaints


@functools.cache
def the_contract():
    return Contract(os.path.join(SOURCE, "src", "manager", "api", "openapi.yaml"))
