"""The code of one view, from the templates of its sink and its flow."""

import re
from dataclasses import dataclass
from string import Template
from textwrap import indent

from .flows import FLOWS
from .sinks import SINKS

_TWINS = re.compile(r"<<(.*?)>>", re.DOTALL)
_MARK = "  #!"
_READ = {
    "query": 'text = request.args.get("$FIELD", "")',
    "form": 'text = request.form.get("$FIELD", "")',
    "json": 'text = str(request.get_json(force=True).get("$FIELD", ""))',
    "header": 'text = request.headers.get("$FIELD", "")',
    "cookie": 'text = unquote(request.cookies.get("$FIELD", ""))',
    "path": "text = $FIELD",
}


@dataclass(frozen=True, slots=True)
class Shape:
    """What a view is made of; a form of 0 is the risky one."""

    sink: str
    flow: str
    source: str
    role: str
    sink_form: int
    flow_form: int


@dataclass(frozen=True, slots=True)
class View:
    """A shape in its place: its code, and the line of its sink counted from its first."""

    shape: Shape
    service: str
    number: int
    route: str
    method: str
    field: str
    code: str
    sink_line: int


def choose(template: str, form: int) -> str:
    """The template with one alternative of each `<<...||...>>`; the last one if there are fewer."""

    def chosen(found: re.Match[str]) -> str:
        forms = [form.strip("\n") for form in found[1].split("||")]
        return forms[min(form, len(forms) - 1)]

    return _TWINS.sub(chosen, template)


def _with_sink(body: str, sink: str) -> str:
    """The body with the sink's lines where it asks for them, else at its end."""
    if "$SINK" not in body:
        return f"{body}\n{sink}"
    return re.sub(r"^( *)\$SINK$", lambda found: indent(sink, found[1]), body, flags=re.MULTILINE)


def render(shape: Shape, service: str, peer: str, number: int, noun: str, field: str) -> View:
    """The view of a shape, as Flask code."""
    sink, flow = SINKS[shape.sink], FLOWS[shape.flow]
    field = {"header": f"X-{field.title()}", "path": "rest"}.get(shape.source, field)
    method = "POST" if shape.source in ("form", "json") else "GET"
    methods = ["GET", "POST"] if shape.flow == "second_order" else [method]
    route = f"/{noun}/{number:03d}" + ("/<path:rest>" if shape.source == "path" else "")
    flow_body = choose(flow.body, shape.flow_form)
    inner = f"{_READ[shape.source]}\n{_with_sink(flow_body, choose(sink.code, shape.sink_form))}\nreturn out"
    above = choose(flow.above, shape.flow_form)
    gate = f'@needs("{shape.role}")\n' if shape.role else ""
    quoted = ", ".join(f'"{one}"' for one in methods)
    argument = "rest" if shape.source == "path" else ""
    text = (f"{above}\n\n\n" if above else "") + (
        f'@pages.route("{route}", methods=[{quoted}])\n{gate}def {noun}_{number:03d}({argument}):\n'
    )
    names = {
        "N": f"{number:03d}", "WORD": f"{noun}_part_{number:03d}", "CLASS": f"{noun.title()}{number:03d}",
        "FIELD": field, "BENIGN": f'"{sink.benign}"', "PEER": peer, "RIGHT": sink.right, "WRONG": sink.wrong,
    }  # fmt: skip
    code = Template(text + indent(inner, "    ") + "\n").substitute(names)
    sink_line = next(i for i, line in enumerate(code.splitlines()) if line.endswith(_MARK))
    return View(shape, service, number, route, method, field, code.replace(_MARK, ""), sink_line)
