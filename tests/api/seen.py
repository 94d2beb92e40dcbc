"""What of the contract the API tests have met: fields of answers, and fields and parameters of requests that were taken.

Each test that is run with HVIS_CONTRACT_SEEN leaves a file of it in that folder; seen_test.py looks at them all."""

import atexit
import json
import os
import sys

FOLDER = os.environ.get("HVIS_CONTRACT_SEEN")
SEEN = set()


def fields(contract, schema, place, value=None, every=False):
    """Names such as "Vm.status": of the fields that the value has, or of every field that the schema has."""
    if "$ref" in schema:
        place = schema["$ref"].rpartition("/")[2]
        schema = contract.resolve(schema)
    for branch in schema.get("oneOf", []):
        yield from fields(contract, branch, place, value, every)
    if "items" in schema:
        for item in [None] if every else value if isinstance(value, list) else []:
            yield from fields(contract, schema["items"], place, item, every)
    properties = schema.get("properties", {})
    has = properties if every else value if isinstance(value, dict) else {}
    for name, member in properties.items():
        if name in has:
            yield f"{place}.{name}"
            yield from fields(contract, member, f"{place}.{name}", has[name], every)
    others = schema.get("additionalProperties")
    if isinstance(others, dict):
        for name in [None] if every else set(has) - set(properties):
            yield from fields(contract, others, place, None if every else has[name], every)


def parameters(operation, names):
    return {f"{operation.spec['operationId']}?{name}" for name in names}


def note(contract, operation, schema, value):
    SEEN.update(fields(contract, schema, operation.spec["operationId"], value))


def everything(contract):
    """All that the contract has."""
    found = set()
    for operation in contract.operations:
        found |= parameters(operation, (each["name"] for each in operation.parameters if each["in"] != "path"))
        bodies = [operation.spec.get("requestBody", {}), *operation.spec["responses"].values()]
        for body in map(contract.resolve, bodies):
            for content in body.get("content", {}).values():
                found.update(fields(contract, content["schema"], operation.spec["operationId"], every=True))
    return found


def save():
    with open(os.path.join(FOLDER, os.path.basename(sys.argv[0]) + ".json"), "w", encoding="utf-8") as file:
        json.dump(sorted(SEEN), file)


if FOLDER:
    os.makedirs(FOLDER, exist_ok=True)
    atexit.register(save)
