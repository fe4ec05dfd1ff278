"""What the services say they depend on: old pins that are written down and never installed."""

import ast
import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Package:
    """One pin: the module it brings, and a call into it for services whose jobs use it."""

    version: str
    module: str
    call: str


#: Every service asks for the first four, which its own code needs to run.
PACKAGES = {
    "Flask": Package("0.12.2", "flask", ""),
    "Jinja2": Package("2.10.1", "jinja2", ""),
    "PyYAML": Package("5.3", "yaml", ""),
    "Werkzeug": Package("0.15.2", "werkzeug", ""),
    "requests": Package("2.19.1", "requests", "requests.get(text, timeout=5)"),
    "urllib3": Package("1.24.1", "urllib3", 'urllib3.PoolManager().request("GET", text)'),
    "Pillow": Package("8.0.0", "PIL.Image", "PIL.Image.open(text)"),
    "lxml": Package("4.6.2", "lxml.html.clean", "lxml.html.clean.clean_html(text)"),
    "SQLAlchemy": Package("1.2.0", "sqlalchemy", "sqlalchemy.select([]).order_by(text)"),
    "cryptography": Package("3.2", "cryptography.fernet", "cryptography.fernet.Fernet(text).decrypt(text)"),
    "Mako": Package("1.1.0", "mako.template", "mako.template.Template(text).render()"),
    "Markdown": Package("3.0", "markdown", "markdown.markdown(text)"),
    "Django": Package("2.2", "django.utils.text", "django.utils.text.Truncator(text).words(5, html=True)"),
    "bleach": Package("3.1.0", "bleach", "bleach.clean(text)"),
    "idna": Package("2.8", "idna", "idna.encode(text)"),
    "certifi": Package("2018.11.29", "certifi", "certifi.where()"),
    "PyJWT": Package("1.5.0", "jwt", 'jwt.decode(text, "lab")'),
    "sqlparse": Package("0.4.0", "sqlparse", "sqlparse.format(text, strip_comments=True)"),
    "Babel": Package("2.9.0", "babel", "babel.Locale(text)"),
    "Pygments": Package("2.7.0", "pygments.lexers", "pygments.lexers.guess_lexer(text)"),
    "numpy": Package("1.16.0", "numpy", "numpy.load(text, allow_pickle=True)"),
    "paramiko": Package("2.4.0", "paramiko", "paramiko.Transport(text)"),
    "waitress": Package("1.4.0", "waitress", "waitress.serve(text)"),
    "httplib2": Package("0.18.0", "httplib2", "httplib2.Http().request(text)"),
}
#: What the jobs of each service call, only import, and only ask for.
USES: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "storefront": (("Pillow", "bleach", "requests"), ("Markdown", "certifi"), ("lxml", "urllib3", "Babel")),
    "orders": (("SQLAlchemy", "requests", "sqlparse"), ("idna", "urllib3"), ("Mako", "numpy")),
    "accounts": (("PyJWT", "cryptography", "Mako"), ("Django", "idna"), ("Pillow", "paramiko", "Markdown")),
    "payments": (("cryptography", "urllib3", "httplib2"), ("requests", "PyJWT"), ("waitress", "SQLAlchemy")),
    "reports": (
        ("lxml", "numpy", "Markdown"),
        ("Pillow", "Pygments"),
        ("Mako", "bleach", "certifi", "Babel"),
    ),
    "backoffice": (
        ("paramiko", "Django", "Pygments"),
        ("SQLAlchemy", "waitress"),
        ("requests", "cryptography"),
    ),
}


def pins(service: str) -> dict[str, str]:
    """Package -> version that a service asks for, in the order of the alphabet."""
    asked = {*list(PACKAGES)[:4], *(name for group in USES[service] for name in group)}
    return {name: PACKAGES[name].version for name in sorted(asked, key=str.lower)}


def requirements(service: str) -> str:
    """The requirements file of a service."""
    note = "# Deliberately old pins of a vulnerable lab: read by scanners, never installed.\n"
    return note + "".join(f"{name}=={version}\n" for name, version in pins(service).items())


def jobs(service: str) -> str:
    """A module that imports and calls what the service's jobs use, where it is installed; no view runs it."""
    called, imported, _ = USES[service]
    blocks = []
    for name in sorted((*called, *imported), key=str.lower):
        module = PACKAGES[name].module
        root = module.split(".")[0]
        blocks.append(f"try:\n    import {module}\nexcept ImportError:\n    {root} = None\n")
    for place, name in enumerate(sorted(called, key=str.lower), start=1):
        blocks.append(f"\n\ndef job_{place}(text):\n    return {PACKAGES[name].call}\n")
    return "".join(blocks)


def bill(service: str) -> str:
    """The service's bill of materials, CycloneDX 1.6."""
    components = [
        {
            "type": "library", "bom-ref": f"{name}@{version}", "name": name, "version": version,
            "purl": f"pkg:pypi/{name.lower()}@{version}",
        }
        for name, version in pins(service).items()
    ]  # fmt: skip
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_DNS, f'{service}.lab.invalid')}",
        "version": 1,
        "metadata": {"component": {"type": "application", "bom-ref": service, "name": service}},
        "components": components,
        "dependencies": [{"ref": service, "dependsOn": [one["bom-ref"] for one in components]}],
    }
    return json.dumps(document, indent=1) + "\n"


def _dotted(node: ast.expr, known: Mapping[str, str]) -> str:
    """The dotted name behind an expression of imported names, "" if it is none; of a call, what is called."""
    match node:
        case ast.Name():
            return known.get(node.id, "")
        case ast.Attribute():
            before = _dotted(node.value, known)
            return f"{before}.{node.attr}" if before else ""
        case ast.Call():
            return _dotted(node.func, known)
        case _:
            return ""


def uses(sources: Iterable[str]) -> tuple[set[str], set[str]]:
    """Dotted names that modules import, and those that they call; `a().b()` is a call of a and of a.b."""
    imported, called = set(), set()
    for source in sources:
        known: dict[str, str] = {}
        nodes = list(ast.walk(ast.parse(source)))
        for node in nodes:
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
                known |= {alias.name.split(".")[0]: alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                known |= {alias.name: f"{node.module}.{alias.name}" for alias in node.names}
                imported.add(node.module)
        called |= {_dotted(node.func, known) for node in nodes if isinstance(node, ast.Call)}
    return imported, called - {""}
