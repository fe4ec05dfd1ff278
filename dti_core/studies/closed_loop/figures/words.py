"""Names of the loop's nodes, arrows and priors as a reader writes them."""

from collections.abc import Mapping

from dti_core.lab.data import DataCard
from dti_core.lab.data.cards import simulated_card
from dti_core.lab.record import Result
from dti_core.lab.theme import PALETTE

PRIORS = ("log-uniform", "uniform")
#: What is told of a prior: small sizes are as likely as large ones, or every size is as likely as any other.
PRIOR_WORDS = {"log-uniform": "small sizes likelier (log-uniform)", "uniform": "all sizes alike (uniform)"}
COLOURS = dict(zip(PRIORS, PALETTE, strict=False))
KINDS = {
    "technology": "what technology does", "need": "need draws technology", "money": "money draws technology",
    "deal": "who needs is dealt more", "nature": "nature",
}  # fmt: skip
GRADES = {"observed": PALETTE[2], "published": PALETTE[0], "assumed": PALETTE[1]}


def word(prior: str) -> str:
    """A prior as it ends the names of estimates."""
    return prior.replace("-", "_")


def titles(result: Result) -> dict[str, str]:
    """Node -> its title; welfare is what all fields achieve."""
    nodes = result.series["nodes"]
    return dict(zip(nodes["node"], nodes["title"], strict=True)) | {"welfare": "All fields together"}


def arrow_titles(result: Result) -> dict[str, str]:
    """Arrow -> start and end in words."""
    named: Mapping[str, str] = titles(result)
    cards = result.series["cards"]
    return {row["arrow"]: f"{named[row['start']]} → {named[row['end']]}" for row in cards.to_dict("records")}


def movers(result: Result) -> dict[str, str]:
    """Arrow -> what moves it through its range: its paper, if others move with it, else its words."""
    cards, named = result.series["cards"], arrow_titles(result)
    shared = cards["paper"].value_counts()
    return {
        one["arrow"]: one["paper"] if shared[one["paper"]] > 1 else named[one["arrow"]]
        for one in cards.to_dict("records")
    }


def technologies(result: Result) -> dict[str, str]:
    """Technology -> its title, in the order of the cards."""
    nodes = result.series["nodes"]
    those = nodes[nodes["role"] == "technology"]
    return dict(zip(those["node"], those["title"], strict=True))


def of_firms(result: Result) -> DataCard:
    """The card of figures of firms, which are simulated."""
    return simulated_card(result.card, "firms", "firms in a loop of these cards")
