"""The worklist as one HTML page: no request leaves it, foreign text is escaped, it reads without script."""

import base64
import hashlib
from collections.abc import Mapping
from datetime import date
from html import escape
from string import Template
from typing import Any

import pandas as pd

from dti_core.studies.vuln_priority.data.services import DECAY, Hours
from dti_core.studies.vuln_priority.methods.worklist import expected_loss

#: Rows that a page shows; the CSV file has all.
MOST_ROWS = 2_000
_HEADS = {
    "rank": "Rank", "service": "Service", "owner": "Owner", "place": "Place", "family": "Kind of flaw",
    "cwe": "CWE", "tools": "Reported by", "p_real": "Chance that it is real",
    "p_exploit": "Chance of exploitation in a year", "impact_usd": "Impact, USD",
    "risk_usd": "Expected loss of a year, USD", "effort_hours": "Expected hours",
    "fix_version": "Fixed in", "message": "The tool says", "why": "Why",
}  # fmt: skip
_NUMBERS = ("rank", "cwe", "p_real", "p_exploit", "impact_usd", "risk_usd", "effort_hours")
_FORMS = {"p_real": "{:.0%}", "p_exploit": "{:.0%}", "impact_usd": "{:,.0f}", "risk_usd": "{:,.0f}",
          "effort_hours": "{:.1f}"}  # fmt: skip
_CLASSES = {**dict.fromkeys(_NUMBERS, "number"), "place": "long", "message": "long", "why": "long"}
_FILTERS = ("service", "family", "cwe", "owner")
_STYLE = """:root{color-scheme:light dark}
body{font:15px/1.45 system-ui,sans-serif;margin:1.5rem;max-width:100rem}
table{border-collapse:collapse;width:100%} th{position:sticky;top:0;background:Canvas;min-width:5rem}
th,td{padding:.35rem .6rem;text-align:left;vertical-align:top;border-bottom:1px solid #8886}
.long{min-width:14rem;overflow-wrap:anywhere} td[colspan]{border-top:3px double;font-weight:bold}
td.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
h1,p{overflow-wrap:anywhere;max-width:60rem} select{max-width:90vw} div{overflow:auto;max-height:92vh}
form{display:flex;flex-wrap:wrap;gap:1rem;margin:1rem 0} form[hidden]{display:none}"""
_SCRIPT = """const form=document.querySelector('form'),shown=document.querySelector('output');
const rows=[...document.querySelectorAll('tr[data-service]')];
form.hidden=false;
form.addEventListener('submit',e=>e.preventDefault());
form.addEventListener('input',()=>{
  const asked=[...form.querySelectorAll('select')].map(s=>[s.name,s.value]).filter(a=>a[1]!=='');
  for(const row of rows)row.hidden=!asked.every(a=>row.dataset[a[0]]===a[1]);
  shown.textContent=rows.filter(row=>!row.hidden).length+' of '+rows.length+' rows';
});"""
_PAGE = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src $style_hash; \
script-src $script_hash; base-uri 'none'; form-action 'none'">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title><style>$style</style></head>
<body><h1>$title</h1><p>$said</p><p>$assumed</p>
<form hidden>$filters <output></output></form>
<div role="region" aria-label="Worklist" tabindex="0"><table><thead><tr>$heads</tr></thead>
<tbody>
$rows
</tbody></table></div><script>$script</script></body></html>
""")
_ASSUMED = (
    "Expected loss is the chance that a flaw is real, times that it is exploited within a year, times reach, "
    "times the impact on its service. What is real: what kinds of test were worth in our lab, moved by your "
    "labels. Exploitation: EPSS where you brought it, at least a half of what CISA lists, else assumed from "
    f"severity. Reach: {DECAY:g} for each call from the internet, assumed. Impact: your services file, else "
    "assumed from revenue and data. Flaws of a package are one upgrade: real together, each exploited by "
    "itself. Flaws of one service share its impact: expected losses of single rows must not be added up."
)


def worklist_page(
    worklist: pd.DataFrame, title: str, run: date, weekly_hours: float = 40.0, hours: Hours | None = None
) -> bytes:
    """The page, with lists to choose service, kind, CWE and owner from where scripts run.

    Parameters
    ----------
    run : day on which the list was made. hours : as the services file has them.
    """
    shown = worklist.head(MOST_ROWS)
    heads = _HEADS | {"effort_hours": _work(hours or Hours())}
    shared, line = shown["rank"].duplicated(keep=False), _line(worklist[worklist["in_week"]], weekly_hours)
    ranks = [f"={one}" if many else str(one) for one, many in zip(shown["rank"], shared, strict=True)]
    rows = [_row(one) for one in shown.assign(rank=ranks).to_dict("records")]
    rows.insert(int(shown["in_week"].sum()), f'<tr><td colspan="{len(_HEADS)}">{escape(line)}</td></tr>')
    return _PAGE.substitute(
        title=escape(f"What to mend first: {title}"), said=escape(_said(worklist, len(shown), run)),
        assumed=escape(_ASSUMED), style=_STYLE, style_hash=_hash(_STYLE),
        filters=" ".join(_filter(name, shown[name]) for name in _FILTERS), script=_SCRIPT,
        heads="".join(f'<th class="{"long" * (len(one) > 40)}">{escape(one)}</th>' for one in heads.values()),
        rows="\n".join(rows), script_hash=_hash(_SCRIPT),
    ).encode("utf-8")  # fmt: skip


def _work(hours: Hours) -> str:
    told = "assumed" if hours == Hours() else "by your services file"
    each = f"{hours.triage_hours:g} to check, {hours.mend_hours:g} to mend if real"
    return f"Expected hours ({told}: {each}, {hours.upgrade_hours:g} an upgrade)"


def _said(worklist: pd.DataFrame, n_shown: int, run: date) -> str:
    n, loss, plain = len(worklist), expected_loss(worklist), worklist["risk_usd"].sum()
    return (f"The first {n_shown:,} of {n:,} flaws; the CSV file has all. " if n_shown < n else "") + (
        f"Made on {run.isoformat()}. Ranked by the expected loss that an hour's work removes; equal ranks "
        f"bear =. Expected loss of a year in all: {loss:,.0f} USD with each service lost at most once (the "
        f"plain sum of rows, {plain:,.0f} USD, counts a service again for each of its flaws)."
    )


def _line(week: pd.DataFrame, hours: float) -> str:
    """What stands below the rows that fit into a week."""
    real = f"{week['p_real'].sum():.0f} are expected to be real"
    return f"Here {hours:g} hours of a week end: {len(week):,} rows, of which about {real}."


def _filter(name: str, column: pd.Series) -> str:
    values = sorted({_cell(name, {name: one}) for one in column.unique()})
    options = "".join(f'<option value="={escape(one)}">{escape(one) or "(none)"}</option>' for one in values)
    options = f'<option value="">all</option>{options}'
    return f'<label>{_HEADS[name]} <select name="{name}">{options}</select></label>'


def _row(entry: Mapping[Any, Any]) -> str:
    """A row; places may be broken after a slash."""
    told = {name: escape(_cell(name, entry)) for name in _HEADS}
    marks = "".join(f' data-{name}="={told[name]}"' for name in _FILTERS)
    told["place"] = told["place"].replace("/", "/<wbr>")
    cells = "".join(f'<td class="{_CLASSES.get(name, "")}">{one}</td>' for name, one in told.items())
    return f"<tr{marks}>{cells}</tr>"


def _cell(name: str, entry: Mapping[Any, Any]) -> str:
    value, stem = entry[name], name.removesuffix("_usd")
    if name not in _FORMS:
        return str(value or "")
    low, high = (entry.get(f"{stem}_{end}{name.removeprefix(stem)}", value) for end in ("low", "high"))
    shown = [_FORMS[name].format(one) for one in (value, low, high)]
    only = "<1%" if name == "p_exploit" and value < 0.01 else shown[0]
    return "{} ({} to {})".format(*shown) if low < high else only


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"
