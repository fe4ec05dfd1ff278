"""What a number called epsilon means: for whom, against which change, with which delta, by whose sums."""

import math
from dataclasses import dataclass
from typing import Literal

#: Which pairs of data sets are to look alike: one unit more or less, or one unit's data replaced by others.
Adjacency = Literal["add or remove one", "replace one"]
ADJACENCIES: tuple[Adjacency, ...] = ("add or remove one", "replace one")

#: How accountants are printed; any other text is printed as it is.
ACCOUNTANTS = {
    "pld": "PLD",
    "rdp": "RDP",
    "rdp_integer": "RDP, integer orders,",
    "rdp_classic": "RDP, integer orders, classic conversion,",
    "pure": "pure epsilon",
    "analytic": "analytic Gaussian",
    "skellam_pld": "exact Skellam PLD",
    "skellam_rdp": "Skellam RDP bound",
}


@dataclass(frozen=True, slots=True)
class Guarantee:
    """A privacy promise in full; an epsilon without these four words beside it says nothing.

    unit : whose data may change, such as "user" or "record".
    adjacency : what change, see `Adjacency`.
    epsilon, delta : the parameters of (epsilon, delta)-differential privacy; delta 0 is pure.
    accountant : a key of `ACCOUNTANTS`, or words that name who added up.

    Source: Dwork, Kenthapadi, McSherry, Mironov, Naor (2006).

    Raises
    ------
    ValueError for an empty word, another adjacency, a negative epsilon, or a delta outside [0, 1].
    """

    unit: str
    adjacency: Adjacency
    epsilon: float
    delta: float
    accountant: str

    def __post_init__(self) -> None:
        if not self.unit or not self.accountant:
            raise ValueError("a guarantee names its unit of privacy and its accountant")
        if self.adjacency not in ADJACENCIES:
            raise ValueError(f"adjacency '{self.adjacency}' is none of {', '.join(ADJACENCIES)}")
        if not self.epsilon >= 0 or not 0 <= self.delta <= 1:
            raise ValueError(f"epsilon {self.epsilon} must be at least 0, delta {self.delta} within [0, 1]")

    @property
    def text(self) -> str:
        """In words: "epsilon 1.0, delta 1e-06 a user (add or remove one), PLD accounting"."""
        if math.isinf(self.epsilon):
            return "no privacy (epsilon infinite)"
        accountant = ACCOUNTANTS.get(self.accountant, self.accountant)
        size = f"epsilon {_short(self.epsilon)}, delta {self.delta:g}"
        return f"{size} a {self.unit} ({self.adjacency}), {accountant} accounting"

    def __str__(self) -> str:
        return self.text


def compose(*guarantees: Guarantee) -> Guarantee:
    """What several releases about the same units promise together: epsilons and deltas add up.

    Source: Dwork, Roth (2014), theorem 3.16. Holds whatever the mechanisms are, so that releases that no
    common accountant knows can still be added; one that knows them all promises more.

    Raises
    ------
    ValueError if the guarantees are none, or differ in unit or adjacency.
    """
    kinds = {(one.unit, one.adjacency) for one in guarantees}
    if len(kinds) != 1:
        raise ValueError(f"only guarantees of one unit and adjacency add up, got {sorted(kinds)}")
    (unit, adjacency) = kinds.pop()
    epsilon, delta = sum(one.epsilon for one in guarantees), sum(one.delta for one in guarantees)
    return Guarantee(unit, adjacency, epsilon, min(1.0, delta), "basic composition")


def _short(number: float) -> str:
    return str(float(f"{number:.4g}"))
