"""What the first screen answers: how far the register is decided, in sentences whose numbers are counted."""

from collections.abc import Mapping, Sequence

from dti_core.book.front import loop_told
from dti_core.book.loop import DECIDED, SIZE, counts_of, draw_loop, nodes
from dti_core.book.strip import claim_strip, places
from dti_core.lab.record import Record, Verdict, VerdictWord
from dti_core.lab.register import Register
from dti_core.lab.say import listed

Counts = Mapping[VerdictWord, int]


def first_screen(
    register: Register, verdicts: Sequence[Verdict], records: Mapping[str, Record]
) -> dict[str, object]:
    """What the templates show of it: the answer, the arrows of the loop, strips of tested claims."""
    claims = register.claims
    by_rules = counts_of(one for one in verdicts if claims[one.claim].decided_by_rules)
    whole = counts_of(one for one in verdicts if "loop" in claims[one.claim].arrows)
    strips = {
        one.claim: claim_strip(claims[one.claim], one, records)
        for one in verdicts
        if any(test.study in records for test in claims[one.claim].tests)
    }
    return {
        "answer": short_answer(whole),
        "loop_told": loop_told(records),
        "account": account(counts_of(verdicts), by_rules),
        "arrows": draw_loop(register, verdicts),
        "nodes": nodes(),
        "loop_size": SIZE,
        "places": places(),
        "strips": strips,
        "decided_by_experiment": [one for one in strips.values() if one.verdict.verdict in DECIDED],
    }


def short_answer(whole: Counts) -> str:
    """What the claims on the whole loop, with these verdicts, say about whether it closes."""
    total = sum(whole.values())
    if not _decided(whole):
        return f"Nobody knows yet: of the {total} claims about the whole loop none is decided."
    if whole.get("supported", 0) == total:
        return f"Yes: all {total} claims about the whole loop are supported."
    told = listed([f"{whole[word]} {_be(whole[word])} {word}" for word in DECIDED if whole.get(word)])
    start = "Not as told" if whole.get("refuted") else "Not settled"
    return f"{start}: of the {total} claims about the whole loop {told}."


def account(counts: Counts, by_rules: Counts) -> str:
    """How many claims are decided and by what, and how many wait; follows "Of n claims"."""
    decided, ruled, waiting = _decided(counts), _decided(by_rules), counts.get("not yet tested", 0)
    told = f"{decided} {_be(decided)} decided: "
    told += listed([f"{counts.get(word, 0) or 'none'} {word}" for word in DECIDED])
    told += f", {ruled} of them by dates and citations alone" * bool(ruled)
    told += f"; {waiting} still wait{'s' if waiting == 1 else ''} for an experiment" * bool(waiting)
    return f"{told}."


def _decided(counts: Counts) -> int:
    return sum(counts.get(word, 0) for word in DECIDED)


def _be(count: int) -> str:
    return "is" if count == 1 else "are"
