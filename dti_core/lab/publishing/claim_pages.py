"""What the book prints about claims: the tally, the studies with their verdicts, the filterable register."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import get_args

from dti_core.lab.config import load_experiment
from dti_core.lab.record import Record, Verdict, VerdictWord
from dti_core.lab.register import Claim, ExperimentTest, Register

_WORDS: tuple[VerdictWord, ...] = get_args(VerdictWord)
KINDS = {
    "experiment": "experiment on real data",
    "simulation": "simulation",
    "bibliographic": "check of dates and citations",
    "survey": "survey of people",
    "definition": "definition",
    "normative": "advice",
}


def raw(html: str) -> str:
    """Markdown that passes `html` through; no backtick in it can end the block."""
    return f"```{{raw}} html\n{html.replace('`', '&#96;')}\n```\n"


def plain(text: str) -> str:
    """Markdown that prints `text` as it stands, on one line."""
    return re.sub(r"([\\`*_{}\[\]<>$&!|~^#:%@])", r"\\\1", " ".join(text.split()))


def badge(word: str) -> str:
    """A verdict as HTML: colour, sign and word."""
    return f'<span class="dti-badge dti-{escape(word.replace(" ", "-"))}">{escape(word)}</span>'


def tally(verdicts: Iterable[Verdict]) -> str:
    """How the claims split, as a bar and as numbers."""
    counts = Counter(verdict.verdict for verdict in verdicts)
    present = [word for word in _WORDS if counts[word]]
    classes = {word: f"dti-{word.replace(' ', '-')}" for word in present}
    bar = "".join(f'<span class="{classes[word]}" style="flex:{counts[word]}"></span>' for word in present)
    items = "".join(f"<li>{badge(word)} {counts[word]}</li>" for word in present)
    return (
        f"<p><strong>{counts.total()} claims</strong> stand in the register.</p>"
        f'<div class="dti-bar" aria-hidden="true">{bar}</div><ul class="dti-tally">{items}</ul>'
    )


def verdicts_so_far(verdicts: Sequence[Verdict], register: Register, records: Mapping[str, Record]) -> str:
    """Tally of all claims, then one row a cited study, those with a chapter first, for the front page."""
    names: list[tuple[str, str, str]] = [
        (f"[{number}] {study.title}", study.domain, study.slug) for number, study in register.studies.items()
    ]
    rows = []
    names += [(title, "all three", slug) for slug, title in register.syntheses.items()]
    for title, domain, slug in sorted(names, key=lambda name: name[2] not in records):
        resting = [verdict for verdict in verdicts if register.claims[verdict.claim].owner == slug]
        rows.append(_study_row(title, domain, _chapter(slug, records.get(slug)), _said(resting)))
    by_rules = Counter(v.verdict for v in verdicts if register.claims[v.claim].decided_by_rules)
    said = "".join(f"<p>{badge(word)} {by_rules[word]}</p>" for word in _WORDS if by_rules[word])
    rows.append(_study_row("Dates and citations", "the register", "decided by code, without a run", said))
    head = "".join(f'<th scope="col">{name}</th>' for name in ("Cited study", "Chapter", "Verdicts"))
    table = _table("dti-stack dti-studies", "What became of the claims that rest on each study", head, rows)
    return raw(tally(verdicts) + "\n" + table)


def register_table(verdicts: Sequence[Verdict], register: Register, records: Mapping[str, Record]) -> str:
    """The whole register with its verdicts, one row a claim, and the form that filters it."""
    rows = [_claim_row(verdict, register.claims[verdict.claim], records) for verdict in verdicts]
    studies = sorted({study for claim in register.claims.values() if (study := claim.owner)})
    titles = ("Claim", "What the review says", "Citation", "How it is tested", "Verdict")
    head = "".join(f'<th scope="col">{title}</th>' for title in titles)
    table = _table(
        "dti-claims dti-stack", f"All {len(verdicts)} claims, in the order of the review", head, rows
    )
    return raw("\n".join([tally(verdicts), _filter_form(studies), table]))


def _table(classes: str, caption: str, head: str, rows: Iterable[str]) -> str:
    return (
        f'<div class="dti-scroll"><table class="dti-table {classes}"><caption>{escape(caption)}</caption>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n" + "\n".join(rows) + "\n</tbody></table></div>"
    )


def _chapter(slug: str, record: Record | None) -> str:
    if record is None:
        return '<span class="dti-why">no chapter yet</span>'
    experiment = load_experiment(slug)
    return (
        f'<a href="studies/{escape(slug)}.html">{escape(experiment.title)}</a>'
        f'<p class="dti-why">{escape(experiment.question)}</p>'
        f'<p><span class="dti-badge dti-data">{escape(record.data.badge)}</span></p>'
    )


def _said(verdicts: Sequence[Verdict]) -> str:
    judged = [verdict for verdict in verdicts if verdict.verdict != "not yet tested"]
    named = [(escape(verdict.claim), badge(verdict.verdict)) for verdict in judged]
    said = "".join(f'<p><a href="claims.html#{claim}">{claim}</a> {word}</p>' for claim, word in named)
    pending = sum(verdict.verdict == "not yet tested" for verdict in verdicts)
    return said + (f'<p class="dti-why">{pending} not yet tested</p>' if pending else "")


def _study_row(title: str, domain: str, chapter: str, said: str) -> str:
    name = f'{escape(title)}<p class="dti-why">{escape(domain)}</p>'
    return f'<tr><th scope="row">{name}</th><td>{chapter}</td><td>{said}</td></tr>'


def _claim_row(verdict: Verdict, claim: Claim, records: Mapping[str, Record]) -> str:
    cites = "".join(f"[{number}]" for number in claim.cites)
    kinds = ", ".join(KINDS[kind] for kind in claim.kind)
    if study := escape(claim.owner):
        link = f'<a href="studies/{study}.html">{study}</a>' if study in records else study
        kinds += f'<br><span class="dti-why">study {link}</span>'
    if claim.test:
        kinds += _how_tested(claim.test)
    state = "no citation" if claim.citation.state == "none" else claim.citation.state
    note = f'<br><span class="dti-why">{escape(claim.citation.note)}</span>' if claim.citation.note else ""
    because = escape(verdict.because + (f" Controls: {verdict.control}." if verdict.control else ""))
    name = escape(verdict.claim)
    return (
        f'<tr id="{name}" data-verdict="{escape(verdict.verdict)}" data-study="{study}" '
        f'data-kind="{"|".join(claim.kind)}"><th scope="row">{name}</th>'
        f'<td>{escape(claim.says)} <span class="dti-why">{cites}</span></td>'
        f"<td>{state}{note}</td><td>{kinds}</td>"
        f'<td>{badge(verdict.verdict)}<br><span class="dti-why">{because}</span></td></tr>'
    )


def _how_tested(test: ExperimentTest) -> str:
    bars = "".join(
        f"<li>{escape(bar.label)}: {bar.direction} than {bar.than:g}, "
        f"by {bar.smallest_effect:g} to matter</li>"
        for bar in test.estimates
    )
    return (
        f"<details><summary>how it reads</summary><p>{escape(test.reading)}</p>"
        f"<ul>{bars}</ul><p>{escape(test.why)}</p></details>"
    )


def _filter_form(studies: Iterable[str]) -> str:
    def choice(name: str, label: str, options: Mapping[str, str]) -> str:
        items = "".join(
            f'<option value="{escape(value)}">{escape(text)}</option>' for value, text in options.items()
        )
        return f'<label>{label}<select name="{name}"><option value="">all</option>{items}</select></label>'

    return (
        '<form class="dti-filter" aria-label="Filter the claims" hidden>'
        + choice("verdict", "Verdict", {word: word for word in _WORDS})
        + choice("study", "Study", {slug: slug for slug in studies})
        + choice("kind", "Test", KINDS)
        + '<label>Words<input type="search" name="words" placeholder="privacy, LSTM, C50"></label>'
        + '<p role="status"></p></form>'
    )
