"""What an OpenAPI 3.1 document says of requests and answers, held against real ones by jsonschema.

Stricter than the document itself: a field that it does not name is wrong, and what it calls needed under a condition
(`x-sdk-required-if`) is needed.
"""

import re
import urllib.parse

import jsonschema
import yaml
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

ROOT = "urn:document"


class Document:
    def __init__(self, path):
        self.document = yaml.safe_load(path.read_text(encoding="utf-8"))
        schemas = self.document["components"]["schemas"]
        # Part of another one, it does not know the other's fields.
        parts = {name for schema in schemas.values() for name in _parts(schema)}
        for name, schema in schemas.items():
            _close(schema, part=name in parts)
        resource = Resource(contents=self.document, specification=DRAFT202012)
        self.registry = Registry().with_resource(ROOT, resource)

    def operation(self, method, path):
        """An operation of the document, by a real path; None: there is none."""
        for template, operations in self.document["paths"].items():
            pattern = re.sub(r"\\{[^}]+\\}", "[^/]+", re.escape(template))
            if re.fullmatch(pattern, path) and method.lower() in operations:
                return operations[method.lower()]
        return None

    def request(self, operation, body):
        """What is wrong with the body of a request."""
        content = operation.get("requestBody", {}).get("content", {})
        if not content:
            return [] if body is None else ["a body where none is published"]
        return self._wrong(content["application/json"]["schema"], body)

    def parameters(self, operation, path, headers):
        """What is wrong with what stands behind the ? of a path, and with the headers that are published."""
        published = [self._resolved(one) for one in operation.get("parameters", [])]
        headers = {name.lower(): value for name, value in headers.items()}
        given = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(path).query, keep_blank_values=True))
        places = {"query": given, "header": headers}
        wrong = [f"{name}: no such parameter" for name in given if not _published(published, "query", name)]
        for one in published:
            name = one["name"].lower() if one["in"] == "header" else one["name"]
            value = places.get(one["in"], {name: None}).get(name)
            if one["in"] in places and value is None and one.get("required"):
                wrong.append(f"{one['name']}: missing in {one['in']}")
            elif value is not None and one.get("schema", {}).get("type") == "string":
                wrong += self._wrong(one["schema"], value)
        return wrong

    def answer(self, operation, status, body):
        """What is wrong with an answer."""
        responses = operation["responses"]
        response = responses.get(str(status)) or responses.get("default")
        if response is None:
            return [f"status {status} is not published"]
        response = self._resolved(response)
        return self._wrong(response["content"]["application/json"]["schema"], body)

    def webhook(self, name, body):
        """What is wrong with what a webhook brings."""
        content = self.document["webhooks"][name]["post"]["requestBody"]["content"]
        return self._wrong(content["application/json"]["schema"], body)

    def _wrong(self, schema, value):
        named = _absolute(schema)
        validator = jsonschema.Draft202012Validator(
            named, registry=self.registry, format_checker=jsonschema.FormatChecker()
        )
        wrong = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]
        return wrong + list(self._conditions(schema, value, "$"))

    def _resolved(self, schema):
        while "$ref" in schema:
            parts = schema["$ref"].removeprefix("#/").split("/")
            schema = self.document
            for part in parts:
                schema = schema[part]
        return schema

    def _conditions(self, schema, value, at):
        """What is missing although its condition holds."""
        schema = self._resolved(schema)
        if isinstance(value, list):
            for n, item in enumerate(value):
                yield from self._conditions(schema.get("items", {}), item, f"{at}[{n}]")
        if not isinstance(value, dict):
            return
        for rule in schema.get("x-sdk-required-if", []):
            when = rule["when"]
            found = value.get(when["field"])
            holds = (
                ("equals" in when and found == when["equals"])
                or ("in" in when and found in when["in"])
                or ("notEquals" in when and found != when["notEquals"])
            )
            missing = [name for name in rule.get("required", []) if name not in value]
            if holds and missing:
                yield f"{at}: {', '.join(missing)} missing where {when}"
        for branch in schema.get("oneOf", []) + schema.get("allOf", []):
            branch = self._resolved(branch)
            if set(branch.get("required", [])) <= set(value):
                yield from self._conditions(branch, value, at)
        for name, part in schema.get("properties", {}).items():
            if name in value:
                yield from self._conditions(part, value[name], f"{at}.{name}")


def _published(parameters, place, name):
    return any(one["in"] == place and one["name"] == name for one in parameters)


def _parts(schema):
    """Names of the schemas that a schema is put together of."""
    return [part["$ref"].rsplit("/", 1)[-1] for part in schema.get("allOf", []) if "$ref" in part]


def _close(schema, part=False):
    """Lets no field in that is not named; of schemas that are put together, the whole knows all names."""
    together = schema.get("allOf", [])
    if together or ("properties" in schema and "additionalProperties" not in schema and not part):
        schema["unevaluatedProperties"] = False
    for inner in together:
        _close(inner, part=True)
    for inner in (*schema.get("properties", {}).values(), *schema.get("oneOf", []), schema.get("items")):
        if isinstance(inner, dict):
            _close(inner)


def _absolute(schema):
    return {"$ref": ROOT + schema["$ref"]} if "$ref" in schema else schema
