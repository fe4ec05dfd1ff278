"""Write the lab's files and its records: services, manifests, labels, hashes."""

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from functools import cache
from pathlib import Path
from string import Template

import yaml

from dti_core.lab.files import write

from .cases import SERVICES, Case, build_cases, build_modules, chance, head
from .packages import PACKAGES, bill, jobs, pins, requirements, uses
from .support import APP, PARTS

#: What a firm knows of its services: criticality 1-5, exposure, class of data, owner, revenue, calls.
BUSINESS: dict[str, tuple[int, str, str, str, int, tuple[str, ...]]] = {
    "storefront": (5, "internet", "public", "shop team", 12_000, ("orders", "accounts")),
    "orders": (4, "internal", "personal", "fulfilment team", 9_000, ("payments", "accounts")),
    "accounts": (5, "internet", "personal", "identity team", 7_000, ("reports",)),
    "payments": (5, "internal", "payment", "finance team", 11_000, ("reports", "accounts")),
    "reports": (2, "internal", "internal", "analytics team", 600, ("backoffice",)),
    "backoffice": (3, "internal", "internal", "operations team", 900, ("storefront", "reports")),
}
_WHERE = {"query": "query", "header": "header", "cookie": "cookie", "path": "path"}
_BODY = {"form": "application/x-www-form-urlencoded", "json": "application/json"}


def _services() -> str:
    names = ("criticality", "exposure", "data_class", "owner", "revenue_usd_per_hour", "calls")
    rows = {
        service: dict(zip(names, (*told[:5], list(told[5])), strict=True))
        for service, told in BUSINESS.items()
    }
    return yaml.safe_dump({"services": rows}, sort_keys=False)


def _operation(case: Case, bare: bool) -> dict[str, object]:
    """What the description says of one method of an endpoint; `bare` leaves the body out."""
    told: dict[str, object] = {"operationId": case.name, "responses": {"200": {"description": "answer"}}}
    asked: list[dict[str, object]] = []
    if case.source in _WHERE:
        where = _WHERE[case.source]
        asked.append(
            {"name": case.field, "in": where, "required": where == "path", "schema": {"type": "string"}}
        )
    elif not bare:
        schema = {"type": "object", "properties": {case.field: {"type": "string"}}}
        told["requestBody"] = {"content": {_BODY[case.source]: {"schema": schema}}}
    if case.flow == "other_field":
        modes = {"type": "string", "enum": ["brief", "full"]}
        asked.append({"name": "mode", "in": "query", "required": False, "schema": modes})
    if case.role:
        told |= {"security": [{"session": []}], "x-role": case.role}
    return told | ({"parameters": asked} if asked else {})


def openapi(service: str) -> str:
    """The service's routes, methods, parameters and roles, as OpenAPI 3.1; what a prober may know."""
    login = {"type": "object", "properties": {"user": {"type": "string"}, "password": {"type": "string"}}}
    paths: dict[str, dict[str, object]] = {
        "/login": {
            "post": {
                "requestBody": {"content": {_BODY["form"]: {"schema": login}}},
                "responses": {"200": {"description": "a session cookie"}},
            }
        }
    }
    for case in build_cases():
        if case.service == service:
            methods = ["get", "post"] if case.flow == "second_order" else [case.method.lower()]
            path = case.route.replace("<path:rest>", "{rest}")
            paths[path] = {method: _operation(case, method == "get") for method in methods}
    document = {
        "openapi": "3.1.0",
        "info": {"title": f"{service} (deliberately vulnerable lab, loopback only)", "version": "1"},
        "paths": paths,
        "components": {"securitySchemes": {"session": {"type": "apiKey", "in": "cookie", "name": "session"}}},
    }
    return json.dumps(document, indent=1) + "\n"


def _settings(service: str) -> str:
    """Switches of a service: one a case, of which only some are read."""
    lines = []
    for case in build_cases():
        if case.service == service:
            on = case.vulnerable if case.flow == "setting" else chance("switch", case.name) % 2 == 0
            lines.append(f'    "{case.name[-3:]}": {on},\n')
    return "SETTINGS = {\n" + "".join(lines) + "}\n"


@cache
def build_files() -> Mapping[str, str]:
    """Path relative to the lab's root -> text of each generated file."""
    files = {path: text for path, (text, _) in build_modules().items()}
    for service in SERVICES:
        stems = sorted(path.split("/")[1][:-3] for path in files if path.startswith(f"{service}/views"))
        texts = {
            "__init__.py": "",
            "app.py": Template(APP).substitute(VIEWS=", ".join(stems)),
            "parts.py": PARTS,
            "settings.py": _settings(service),
            "jobs.py": jobs(service),
        }
        files |= {f"{service}/{name}": head(service, text) for name, text in texts.items()}
        files |= {
            f"{service}/requirements.txt": requirements(service),
            f"{service}/bom.json": bill(service),
            f"{service}/openapi.json": openapi(service),
        }
    note = (
        "Deliberately vulnerable lab code, generated. Loopback only: never deploy it, never copy from it.\n"
    )
    return dict(sorted({**files, "README.txt": note, "services.yaml": _services()}.items()))


def write_lab(folder: Path) -> None:
    """Write all services below `folder`, the same bytes each time; views of an older lab are removed."""
    for service in SERVICES:
        for left in (folder / service).glob("views_*.py"):
            if f"{service}/{left.name}" not in build_files():
                left.unlink()
    for path, text in build_files().items():
        write(folder / path, text, durable=False)


def digests(folder: Path) -> Mapping[str, str]:
    """SHA-256 of each generated file as it lies below `folder`.

    Raises
    ------
    OSError if one is missing.
    """
    return {path: hashlib.sha256((folder / path).read_bytes()).hexdigest() for path in build_files()}


def _table(names: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    sheet = io.StringIO()
    csv.writer(sheet, lineterminator="\n").writerows([list(names), *map(list, rows)])
    return sheet.getvalue()


def labels() -> str:
    """The labelled cases as CSV, one row each."""
    return _table((one.name for one in fields(Case)), (asdict(case).values() for case in build_cases()))


def imports() -> str:
    """Which pinned package each service's code imports, and which of its functions it calls, as CSV."""
    rows = []
    for service in SERVICES:
        code = [
            t for path, t in build_files().items() if path.startswith(f"{service}/") and path.endswith(".py")
        ]
        imported, called = uses(code)
        for name, version in pins(service).items():
            root = PACKAGES[name].module.split(".")[0]
            mine = sorted(one for one in called if one.startswith(f"{root}."))
            rows.append(
                (service, name, version, any(one.split(".")[0] == root for one in imported), ";".join(mine))
            )
    return _table(("service", "package", "version", "imported", "called"), rows)


def write_records(folder: Path) -> None:
    """Write labels.csv, imports.csv and targets.sha256, which are committed in place of the services."""
    hashes = {path: hashlib.sha256(text.encode()).hexdigest() for path, text in build_files().items()}
    write(folder / "labels.csv", labels())
    write(folder / "imports.csv", imports())
    write(folder / "targets.sha256", "".join(f"{value}  {path}\n" for path, value in hashes.items()))
