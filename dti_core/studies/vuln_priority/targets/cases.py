"""The labelled cases: which sink, flow and source meet in which view, and where its lines stand."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from .flows import FLOWS, Flow
from .render import Shape, View, render
from .sinks import SINKS, Sink

#: The services with their share of the cases, dealt in this order again and again.
DEAL = (
    "storefront", "orders", "accounts", "payments", "reports", "backoffice",
    "storefront", "accounts", "orders", "reports", "storefront", "payments", "orders",
)  # fmt: skip
SERVICES = tuple(sorted(set(DEAL), key=DEAL.index))
PER_MODULE = 25
_NOUNS = ("basket", "shelf", "parcel", "ledger", "notice", "branch", "season", "folder", "desk", "route")
#: The lot by which calm twins of a sink are so by their flow; kept, so that mended code changes no case.
_DRAWS = {
    "sqlite_select": 2922, "sqlite_order": 1018, "sqlite_insert": 5048, "shell_run": 558, "os_popen": 3112,
    "path_read": 154, "path_write": 336, "html_text": 652, "html_field": 225, "jinja_page": 2028,
    "eval_sum": 4220, "exec_rule": 121, "pickle_loads": 178, "yaml_load": 2230, "url_open": 962,
    "redirect_to": 3011, "sax_parse": 3, "jinja_source": 1211, "format_text": 84, "etree_find": 4631,
    "log_line": 1272, "csv_cell": 97, "set_attribute": 158, "call_by_name": 9, "record_read": 53,
}  # fmt: skip
_FIELDS = ("q", "name", "ref", "entry", "item", "key", "page", "topic", "label", "line")
_BANNER = '''\
"""DELIBERATELY VULNERABLE LAB CODE of the service {service}.

It runs on loopback (127.0.0.1) only, inside its own runner. Never deploy it, never copy from it.
"""

'''


@dataclass(frozen=True, slots=True)
class Case:
    """One labelled endpoint of the lab; `flow` is the cluster of held-out splits.

    Parameters
    ----------
    route : as Flask writes it, with placeholders; nothing in name or route tells the label.
    field : name of the parameter, header or cookie that carries the value.
    role : who may call it: "", "user" or "admin".
    file : relative to the lab's root; lines count from 1, `sink_line` within [first_line, last_line].
    """

    name: str
    service: str
    route: str
    method: str
    source: str
    field: str
    sink: str
    cwe: int
    flow: str
    role: str
    vulnerable: bool
    file: str
    first_line: int
    last_line: int
    sink_line: int


def chance(*words: object) -> int:
    """A number in 0 ... 2^32 that depends on the words alone, the same on every machine."""
    text = "/".join(map(str, words)).encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:4], "big")


def _pick(choices: tuple[str, ...], *words: object) -> str:
    return choices[chance(*words) % len(choices)]


def _meets(sink: Sink, flow_name: str) -> bool:
    """Whether this sink makes sense behind this flow."""
    if flow_name in sink.not_through or (flow_name == "blind" and not sink.side):
        return False
    return flow_name != "sanitizer" or bool(sink.right)


def _calm_by_flow(sink_name: str, sink: Sink, flow_name: str, flow: Flow) -> bool:
    """Whether the calm twin is so by its flow (two of three, where it can) or by its sink's safe form."""
    fits = flow.calm == "constant" or (flow.calm == "filter" and not sink.plain)
    if flow_name == "sanitizer":
        return True
    return fits and not sink.use and chance("calm by", _DRAWS[sink_name], flow_name) % 3 > 0


def _shapes() -> Iterator[Shape]:
    """Twins: each third pair of sink and flow and all blind ones, once risky, once calm, from own sources."""
    for i, (sink_name, sink) in enumerate(SINKS.items()):
        for j, (flow_name, flow) in enumerate(FLOWS.items()):
            third = (i + 2 * j) % 3 == 0 or flow_name == "blind"
            if not third or not _meets(sink, flow_name):
                continue
            sources = tuple(one for one in flow.sources if one not in sink.not_from)
            for vulnerable in (True, False):
                key = (sink_name, flow_name, vulnerable)
                role = flow.role or sink.role or ("user" if chance("role", *key) % 5 == 0 else "")
                by_flow = not vulnerable and _calm_by_flow(sink_name, sink, flow_name, flow)
                sink_form = 0 if vulnerable or by_flow else 1 + chance("form", *key) % 3
                source = _pick(sources, "source", *key)
                yield Shape(sink_name, flow_name, source, role, sink_form, int(by_flow))


@cache
def build_views() -> tuple[View, ...]:
    """All views of the lab with their code, in the order of their services and numbers."""
    dealt: dict[str, list[Shape]] = {service: [] for service in SERVICES}
    shuffled = sorted(
        _shapes(), key=lambda one: chance("order", one.sink, one.flow, one.sink_form, one.flow_form)
    )
    for place, shape in enumerate(shuffled):
        dealt[DEAL[place % len(DEAL)]].append(shape)
    views = []
    for service, shapes in dealt.items():
        peer = SERVICES[(SERVICES.index(service) + 1) % len(SERVICES)]
        for number, shape in enumerate(shapes, start=1):
            noun, field = _pick(_NOUNS, service, number), _pick(_FIELDS, "field", service, number)
            views.append(render(shape, service, peer, number, noun, field))
    return tuple(views)


def head(service: str, imports: str) -> str:
    """How every module of a service begins."""
    return _BANNER.format(service=service) + imports


@cache
def build_modules() -> dict[str, tuple[str, tuple[Case, ...]]]:
    """Path of each module of views -> its text and its cases."""
    from .support import VIEW_IMPORTS

    modules: dict[str, tuple[str, tuple[Case, ...]]] = {}
    for service in SERVICES:
        mine = [view for view in build_views() if view.service == service]
        for start in range(0, len(mine), PER_MODULE):
            stem = f"views_{start // PER_MODULE + 1}"
            text = head(service, VIEW_IMPORTS) + f'\npages = Blueprint("{stem}", __name__)\n'
            cases = []
            for view in mine[start : start + PER_MODULE]:
                text += "\n\n"
                cases.append(_place(view, f"{service}/{stem}.py", text.count("\n") + 1))
                text += view.code
            modules[f"{service}/{stem}.py"] = text, tuple(cases)
    return modules


def _place(view: View, file: str, line: int) -> Case:
    shape = view.shape
    return Case(
        name=f"{view.service}-{view.number:03d}", service=view.service, route=view.route, method=view.method,
        source=shape.source, field=view.field, sink=shape.sink, cwe=SINKS[shape.sink].cwe, flow=shape.flow,
        role=shape.role, vulnerable=not (shape.sink_form or shape.flow_form), file=file,
        first_line=line, last_line=line + view.code.count("\n") - 1, sink_line=line + view.sink_line,
    )  # fmt: skip


@cache
def build_cases() -> tuple[Case, ...]:
    """All labelled cases, in the order of their services and numbers."""
    return tuple(case for _, cases in build_modules().values() for case in cases)
