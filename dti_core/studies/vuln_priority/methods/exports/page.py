"""The worklist as one HTML page: no request leaves it, foreign text is escaped, it reads without script."""

import base64
import hashlib
from collections.abc import Mapping
from html import escape
from string import Template
from typing import Any

import pandas as pd

#: Rows that a page shows; the CSV file has all.
MOST_ROWS = 2_000
_HEADS = {
    "rank": "Rank", "service": "Service", "owner": "Owner", "place": "Place", "cwe": "CWE",
    "tools": "Reported by", "p_real": "Real", "risk_usd": "Risk, USD", "effort_hours": "Hours", "why": "Why",
}  # fmt: skip
_FILTERS = ("service", "cwe", "owner")
_STYLE = """
:root{color-scheme:light dark}
body{font:15px/1.45 system-ui,sans-serif;margin:1.5rem;max-width:100rem}
table{border-collapse:collapse;width:100%}
th,td{padding:.35rem .6rem;text-align:left;vertical-align:top;border-bottom:1px solid #8886}
td{overflow-wrap:anywhere}
th{position:sticky;top:0;background:Canvas}
td.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
form{display:flex;flex-wrap:wrap;gap:1rem;margin:1rem 0}
form[hidden]{display:none}
"""
_SCRIPT = """
const form=document.querySelector('form'),rows=[...document.querySelectorAll('tbody tr')];
const shown=document.querySelector('output');
form.hidden=false;
form.addEventListener('submit',e=>e.preventDefault());
form.addEventListener('input',()=>{
  const asked=[...form.querySelectorAll('select')].map(s=>[s.name,s.value]).filter(a=>a[1]!=='');
  let n=0;
  for(const row of rows){
    row.hidden=!asked.every(a=>row.dataset[a[0]]===a[1]);
    n+=!row.hidden;
  }
  shown.textContent=n+' of '+rows.length+' rows';
});
"""
_PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src $style_hash; \
script-src $script_hash; base-uri 'none'; form-action 'none'">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>$style</style>
</head>
<body>
<h1>$title</h1>
<p>$said</p>
<form hidden>$filters <output></output></form>
<table>
<thead><tr>$heads</tr></thead>
<tbody>
$rows
</tbody>
</table>
<script>$script</script>
</body>
</html>
""")


def worklist_page(worklist: pd.DataFrame, title: str) -> bytes:
    """The page, with lists to choose service, CWE and owner from where scripts run."""
    shown = worklist.head(MOST_ROWS)
    said = "Ranked by the expected loss that an hour's work removes. Real: the chance that a report is true."
    if len(shown) < len(worklist):
        said = f"The first {len(shown):,} of {len(worklist):,} flaws; the CSV file has all. {said}"
    return _PAGE.substitute(
        title=escape(title), said=escape(said), style=_STYLE, script=_SCRIPT, style_hash=_hash(_STYLE),
        script_hash=_hash(_SCRIPT), filters=" ".join(_filter(name, shown[name]) for name in _FILTERS),
        heads="".join(f'<th scope="col">{escape(head)}</th>' for head in _HEADS.values()),
        rows="\n".join(_row(one) for one in shown.to_dict("records")),
    ).encode("utf-8")  # fmt: skip


def _filter(name: str, column: pd.Series) -> str:
    values = sorted({_cell(name, {name: one}) for one in column.unique()})
    options = "".join(f'<option value="={escape(one)}">{escape(one) or "(none)"}</option>' for one in values)
    options = f'<option value="">all</option>{options}'
    return f'<label>{_HEADS[name]} <select name="{name}">{options}</select></label>'


def _row(entry: Mapping[Any, Any]) -> str:
    marks = "".join(f' data-{name}="={escape(_cell(name, entry))}"' for name in _FILTERS)
    cells = "".join(f"<td{_kind(name)}>{escape(_cell(name, entry))}</td>" for name in _HEADS)
    return f"<tr{marks}>{cells}</tr>"


def _kind(name: str) -> str:
    return ' class="number"' if name in ("rank", "cwe", "p_real", "risk_usd", "effort_hours") else ""


def _cell(name: str, entry: Mapping[Any, Any]) -> str:
    value = entry[name]
    match name:
        case "p_real":
            return f"{value:.2f} ({entry['p_real_low']:.2f} to {entry['p_real_high']:.2f})"
        case "risk_usd":
            return f"{value:,.0f}"
        case "effort_hours":
            return f"{value:.1f}"
        case "cwe":
            return str(value or "")
    return str(value)


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"
