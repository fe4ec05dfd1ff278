"""What a tester may know of a service: its OpenAPI description, as endpoints and their parameters."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Place = Literal["query", "form", "json", "header", "cookie", "path"]
PLACES: tuple[Place, ...] = ("query", "header", "cookie", "path")
FORM, JSON = "application/x-www-form-urlencoded", "application/json"
METHODS = ("get", "post", "put", "patch", "delete")
WORDS = {"integer": "4711", "number": "47.11", "boolean": "true"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One input of an endpoint; `usual` is a value that a functional test would send."""

    name: str
    place: Place
    usual: str


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One route (with Flask's placeholders) and method; `role` must be logged in, "" for anybody."""

    method: str
    route: str
    role: str
    parameters: tuple[Parameter, ...]


def read_endpoints(openapi: Path) -> tuple[Endpoint, ...]:
    """The endpoints of an OpenAPI 3 file in its order, without the login itself."""
    paths = json.loads(openapi.read_text(encoding="utf-8"))["paths"]
    return tuple(
        Endpoint(method.upper(), plain_route(path), item[method].get("x-role", ""), _parameters(item[method]))
        for path, item in paths.items()
        for method in METHODS
        if method in item and path != "/login"
    )


def _parameters(operation: dict[str, Any]) -> tuple[Parameter, ...]:
    found = [
        Parameter(one["name"], one["in"], _usual(one.get("schema", {}), one["name"], one))
        for one in operation.get("parameters", [])
        if one["in"] in PLACES
    ]
    places: dict[str, Place] = {FORM: "form", JSON: "json"}
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        fields = content.get("schema", {}).get("properties", {}) if kind in places else {}
        found += [Parameter(name, places[kind], _usual(schema, name, {})) for name, schema in fields.items()]
    return tuple(found)


def _usual(schema: dict[str, Any], name: str, parameter: dict[str, Any]) -> str:
    """The example, default or first allowed value; else a word with the parameter's name, or a number."""
    for holder in (parameter, schema):
        for key in ("example", "default"):
            if key in holder:
                return str(holder[key])
    if "enum" in schema:
        return str(schema["enum"][0])
    return WORDS.get(schema.get("type", ""), f"usual {name}")


def plain_route(path: str) -> str:
    """`/orders/{number}` or `/orders/<int:number>` as `/orders/<number>`."""
    return re.sub(r"[{<](?:\w+:)?(\w+)[}>]", r"<\1>", path)
