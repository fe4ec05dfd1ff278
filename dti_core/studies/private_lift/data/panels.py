"""Purchases of a panel of households, with what was on display and in the leaflet that day."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dti_core.lab.data import DataCard, packaged
from dti_core.studies.private_lift.data.trials import pickled

#: Registered panels -> what was bought.
PANELS = {"catsup": "ketchup", "cracker": "crackers"}


@dataclass(frozen=True, slots=True)
class Panel:
    """A row a purchase, n of them, one of B brands bought in each.

    household : (n,) codes. display, feature : (n, B) 1 = the brand was on display, or in the leaflet.
    price : (n, B), as printed; its unit is not stated. chosen : (n, B) 1 = the brand that was bought.
    """

    household: NDArray[np.int64]
    display: NDArray[np.float64]
    feature: NDArray[np.float64]
    price: NDArray[np.float64]
    chosen: NDArray[np.float64]

    def first(self, most: int) -> "Panel":
        """The first `most` purchases of each household, in the order of the file."""
        kept = pd.Series(self.household).groupby(self.household).cumcount().to_numpy() < most
        columns = (self.household, self.display, self.feature, self.price, self.chosen)
        return Panel(*(column[kept] for column in columns))


def load_panel(name: str) -> tuple[Panel, DataCard]:
    """One of PANELS and its card.

    Raises
    ------
    DataError if the carrier is absent, with the command that brings it, or its file has changed.
    """
    table = pickled(name)
    brands = [column.removeprefix("disp.") for column in table if column.startswith("disp.")]
    display, feature, price = (
        table[[f"{kind}.{brand}" for brand in brands]].to_numpy(np.float64)
        for kind in ("disp", "feat", "price")
    )
    chosen = (table["choice"].to_numpy()[:, None] == np.array(brands)).astype(np.float64)
    household = pd.factorize(table["id"])[0].astype(np.int64)
    return Panel(household, display, feature, price, chosen), packaged(name).card()
