"""What an attacker would put into an output, a figure or a name.

HIT() marks a script that ran, FAR is a foreign host.
"""

# ruff: noqa: E501

import base64
from typing import Any

FAR = "http://canary.test"

#: HTML that runs a script as soon as a page with it opens, if nothing stops it.
RUNS = [
    "<script>HIT()</script>",
    "<ScRiPt/x>HIT()</sCrIpT >",
    "<div><script\x0ctype='module'>HIT()</script></div>",
    "<img src=x onerror=HIT()>",
    '<IMG """><SCRIPT>HIT()</SCRIPT>">',
    "<svg onload=HIT()></svg>",
    "<svg><script>HIT()</script></svg>",
    "<svg><animate onbegin=HIT() attributeName=x dur=1s /></svg>",
    "<svg><foreignObject><img src=x onerror=HIT()></foreignObject></svg>",
    '<p title="</p>"><!--><img src=x onerror=HIT()>-->',
    '<svg></p><style><a id="</style><img src=1 onerror=HIT()>">',
    "<textarea></textarea><img src=x onerror=HIT()></textarea>",
    "<xmp></xmp><img src=x onerror=HIT()>",
    "<![CDATA[><img src=x onerror=HIT()>]]>",
    "<iframe srcdoc=\"<script>parent.HIT()</script>\"></iframe>",
    '<iframe src="javascript:parent.HIT()"></iframe>',
    "<video><source src=x onerror=HIT()></video>",
    "<audio src=x onerror=HIT()></audio>",
    "<details open ontoggle=HIT()><summary>x</summary>y</details>",
    "<object data=x onerror=HIT()></object>",
    "<div><template shadowrootmode=open><img src=x onerror=HIT()></template></div>",
    "<style>@keyframes k{}</style><p style='animation:k 1s' onanimationstart=HIT()>x</p>",
    "<table><td><img src=x onerror=HIT()></td></table>",
    "<link rel=stylesheet href=x onerror=HIT()>",
    "<body onload=HIT()>",
    "<script>alert(1)</script>",
]  # fmt: skip

#: HTML that asks another host for something as soon as the page opens.
LOADS = [
    f"<img src={FAR}/a.png>",
    f"<img srcset='{FAR}/a.png 1x'>",
    f"<picture><source srcset={FAR}/a.png><img></picture>",
    f"<svg><image href={FAR}/a.png width=9 height=9 /></svg>",
    f"<svg><use href='{FAR}/a.svg#x' /></svg><img src={FAR}/b.png>",
    f"<p style='background:url({FAR}/a.png)'>x</p>",
    f"<table background={FAR}/a.png><tr><td>x</td></tr></table>",
    f"<style>p{{background:url({FAR}/a.png)}}</style><p>x</p>",
    f"<style>@import '{FAR}/a.css';</style>",
    f"<link rel=stylesheet href={FAR}/a.css>",
    f"<link rel=preload as=image href={FAR}/a.png>",
    f"<script src={FAR}/a.js></script>",
    f"<iframe src={FAR}/></iframe>",
    f"<object data={FAR}/></object>",
    f"<embed src={FAR}/>",
    f"<video poster={FAR}/a.png></video>",
    f"<audio src={FAR}/a.mp3 autoplay></audio>",
    f"<input type=image src={FAR}/a.png>",
    f"<meta http-equiv=refresh content='0;url={FAR}/'>",
    f"<base href={FAR}/><img src=a.png>",
]

#: HTML that waits for a click, a hover, a script of the book or another browser, or that is only odd.
WAITS = [
    "<math><mtext><table><mglyph><style><img src=x onerror=HIT()></style></mglyph></table></mtext></math>",
    '<math><mtext><h1><a><h6></a></h6><mglyph><svg><mtext><style><a title="</style><img src onerror=HIT()>"></style></h1>',
    f"<link rel=preconnect href={FAR}>",
    "<a href='javascript:HIT()'>x</a>",
    "<a href='jav&#x09;ascript:HIT()'>x</a>",
    "<a href='&#1;javascript:HIT()'>x</a>",
    "<a href='JaVaScRiPt&colon;HIT()'>x</a>",
    "<a href='\tjavascript:HIT()'>x</a>",
    "<a href='vbscript:HIT()'>x</a>",
    "<a href='data:text/html,<script>HIT()</script>'>x</a>",
    "<a href='feed:javascript:HIT()' target=_top>x</a>",
    f"<a href='#x' ping={FAR}/>x</a>",
    f"<blockquote cite={FAR}/>x</blockquote>",
    "<p onmouseover=HIT()>x</p>",
    "<b tabindex=0 onfocus=HIT() autofocus>x</b>",
    "<code onpointerenter=HIT()>x</code>",
    "<td onclick=HIT()>x</td>",
    "<p style='position:fixed;inset:0'>x</p>",
    "<p class='tex2jax_process math'>\\(\\href{javascript:HIT()}{x}\\)</p>",
    "<p class=math>\\[\\require{evil}\\unicode{x41}\\style{background:url(http://canary.test)}{x}\\]</p>",
    "<div class=dti-figure><p class=dti-figure-alt>x</p><div class=dti-plot></div><div class=dti-plot-data>{&quot;data&quot;:[{&quot;type&quot;:&quot;scattergeo&quot;}],&quot;layout&quot;:{}}</div></div>",
    "<a href='#' data-bs-toggle=tooltip data-bs-html=true data-bs-title='<img src=x onerror=HIT()>'>x</a>",
    "<a id=MathJax name=DOCUMENTATION_OPTIONS>x</a>",
    "<div class=toggle data-toggle=collapse>x</div>",
    "<p>&lt;script&gt;HIT()&lt;/script&gt;</p>",
    f"<form action={FAR}/><button>x</button></form>",
    "<form><button formaction='javascript:HIT()'>x</button></form>",
    "<svg><a xlink:href='javascript:HIT()'><text y=20>x</text></a></svg>",
    "<math href='javascript:HIT()'><mi>x</mi></math>",
    f"<link rel=dns-prefetch href={FAR}>",
    "<plaintext>",
    "<custom-tag onclick=HIT()>x</custom-tag>",
]

MARKDOWN = [
    "<script>HIT()</script>",
    "text <img src=x onerror=HIT()> text",
    "[x](javascript:HIT())",
    "[x](JAVASCRIPT&colon;HIT())",
    "[x]\n\n[x]: vbscript:HIT()",
    "<javascript:HIT()>",
    "[x](data:text/html;base64,PHNjcmlwdD5ISVQoKTwvc2NyaXB0Pg==)",
    f"![x]({FAR}/a.png)",
    "```{raw} html\n<script>HIT()</script>\n```",
    "```{include} /etc/passwd\n```",
    f":::{{figure}} {FAR}/a.png\n:::",
    "{raw}`<script>HIT()</script>` {download}`/etc/passwd` {eval}`1`",
    "{{ env.config.__class__ }}",
    "$\\href{javascript:HIT()}{x}$\n\n$$\\require{evil}$$",
    "| a |\n|---|\n| <img src=x onerror=HIT()> [x](javascript:HIT()) |",
]

TEXTS = [
    "</pre><script>HIT()</script>",
    "</td></table><script>HIT()</script>",
    '"><img src=x onerror=HIT()>',
    "](javascript:HIT()) [x](javascript:HIT())",
    "```\n```{include} /etc/passwd\n```",
    "`` ` {raw}`<script>HIT()</script>` {{ env }}",
    "\x1b]8;;javascript:HIT()\x07link\x1b]8;;\x07 \x1b[31mred",
    "\\(\\href{javascript:HIT()}{x}\\) $$\\require{x}$$ &lt;script&gt;",
    f"![x]({FAR}/a.png) <{FAR}/>",
    "--><script>HIT()</script><!-- ]]> %} {% include '/etc/passwd' %}",
]
#: One that is fit for a name: all of the above on one line.
NAME = " ".join(" ".join(TEXTS).split()).replace("\x1b", "").replace("\x07", "")

#: Kinds of output that a book never takes.
KINDS: list[dict[str, Any]] = [
    {mime: "HIT()", "text/plain": "x"}
    for mime in (
        "application/javascript", "text/javascript", "application/ecmascript", "image/svg+xml", "text/latex",
        "application/vnd.jupyter.widget-view+json", "application/vnd.vegalite.v5+json", "application/pdf", "video/mp4",
        "text/html;charset=utf-8", "TEXT/HTML", "application/xhtml+xml", "application/json", "text/vnd.mermaid",
        "application/vnd.bokehjs_exec.v0+json", "application/papermill.record/text/html",
        "application/papermill.record/image/svg+xml", "application/papermill.record/application/javascript",
    )
]  # fmt: skip
IMAGES = [
    {"image/png": base64.b64encode(b"<script>HIT()</script>").decode()},
    {"image/jpeg": base64.b64encode(b"\x89PNG\r\n\x1a\n<svg onload=HIT()>").decode()},
    {"image/png": "data:image/svg+xml,<svg onload=HIT()>"},
    {"image/png": "<img src=x onerror=HIT()>"},
    {"image/gif": "R0lGODlhAQABAAAAACw="},
]


def figure(
    trace: dict[str, Any] | None = None, layout: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    """JSON of a figure with title, caption and alt text, changed as given."""
    base = {"title": {"text": "Title"}, "meta": {"caption": "Caption.", "alt": "Alt."}}
    drawn = {"type": "scatter", "y": [1, 2]} | (trace or {})
    drawn = {key: value for key, value in drawn.items() if value is not None}
    return {"data": [drawn], "layout": base | (layout or {})} | more


_LINK = f"<a href='javascript:HIT()'>x</a> <a href='{FAR}/' target=_top>y</a>"
FIGURES = [
    figure({"name": _LINK, "showlegend": True}),
    figure({"text": [_LINK, "<script>HIT()</script>"], "mode": "text"}),
    figure({"hovertemplate": "<%{customdata}>x", "customdata": [f"a href='{FAR}/'", "b"]}),
    figure({"type": "bar", "x": ["<img src=x onerror=HIT()>", "a < b"]}),
    figure({"type": "table", "header": {"values": [_LINK]}, "cells": {"values": [[_LINK]]}, "y": None}),
    figure({"type": "pie", "labels": [_LINK, "</script><script>HIT()</script>"], "values": [1, 2], "y": None}),
    figure(layout={"title": {"text": "</script><script>HIT()</script>"}}),
    figure(layout={"title": {"text": "$\\href{javascript:HIT()}{x}$", "subtitle": {"text": _LINK}}}),
    figure(layout={"meta": {"caption": "</figcaption><script>HIT()</script>", "alt": '"><img src=x onerror=HIT()>'}}),
    figure(layout={"annotations": [{"text": _LINK, "captureevents": True}]}),
    figure(layout={"annotations": [{"text": f"<span style='background:url({FAR}/a.png)'>x</span>"}]}),
    figure(layout={"xaxis": {"title": {"text": _LINK}, "tickvals": [0, 1], "ticktext": [_LINK, "<b onclick=HIT()>x</b>"]}}),
    figure(layout={"font": {"family": f"x;background:url({FAR}/a.png)"}}),
    figure(layout={"paper_bgcolor": f"url({FAR}/a.png)"}),
    figure(layout={"images": [{"source": f"{FAR}/a.png"}]}),
    figure(layout={"images": [{"source": "//canary.test/a.png"}]}),
    figure(layout={"images": [{"source": "data:image/svg+xml,<svg onload=HIT()>"}]}),
    figure(layout={"map": {"style": f"{FAR}/style.json"}}),
    figure({"type": "scattergeo", "lat": [1], "lon": [1], "y": None}),
    figure({"type": "scattermap", "lat": [1], "lon": [1], "y": None}),
    figure({"type": "scattergl"}),
    figure({"type": "image", "source": f"{FAR}/a.png", "y": None}),
    figure({"onclick": "HIT()"}),
    figure(layout={"evil": "<script>"}),
    figure(layout={"sliders": [{"steps": [{"method": "relayout", "args": [{"images[0].source": f"{FAR}/a.png"}]}]}]}),
    figure(layout={"updatemenus": [{"buttons": [{"method": "restyle", "args": ["type", "scattergeo"]}]}]}),
    figure(layout={"updatemenus": [{"buttons": [{"method": "relayout", "args": ["images[0].source", f"{FAR}/a.png"]}]}]}),
    figure(config={"plotlyServerURL": FAR, "topojsonURL": FAR}),
    figure(frames=[{"name": "a", "layout": {"images": [{"source": f"{FAR}/a.png"}]}}]),
    {"data": "HIT()", "layout": []},
    ["HIT()"],
]  # fmt: skip
