"""Displays in shops beside what a panel of households bought: products x shops x weeks."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dti_core.lab.data import DataCard, packaged

NAME, SALES = "promotions", "promotion_sales"
N_PRODUCTS, N_WEEKS = 150, 52
_NOWHERE = "0"


@dataclass(frozen=True, slots=True)
class ShopWeeks:
    """A row a product, shop and week, n of them, balanced: 150 products x 112 shops x 52 weeks.

    product, shop, week : (n,) codes. display : (n,) 1 = on display. units : (n,) bought by the panel.
    purchases : household, row, units of each purchase, so that what a household adds can be bounded.
    """

    product: NDArray[np.int64]
    shop: NDArray[np.int64]
    week: NDArray[np.int64]
    display: NDArray[np.float64]
    units: NDArray[np.float64]
    purchases: pd.DataFrame


def load_promotions() -> tuple[ShopWeeks, DataCard]:
    """The 150 products that were bought most often of those ever on display, in shops with displays.

    Raises
    ------
    DataError if the carrier is absent, with the command that brings it, or its files have changed.
    """
    source = packaged(NAME)
    keys = ["product_id", "store_id", "week"]
    on_display = [("display_location", "!=", _NOWHERE)]
    shown = pd.read_parquet(source.stream(), columns=keys, filters=on_display)
    sold = pd.read_parquet(packaged(SALES).stream(), columns=[*keys, "household_id", "quantity"])
    shops = np.sort(shown["store_id"].unique())
    sold = sold[sold["store_id"].isin(shops) & sold["product_id"].isin(shown["product_id"].unique())]
    products = np.sort(sold["product_id"].value_counts(sort=True).index[:N_PRODUCTS])
    grid = np.array(np.meshgrid(*map(np.arange, (len(products), len(shops), N_WEEKS)), indexing="ij"))
    product, shop, week = grid.reshape(3, -1)

    def row(table: pd.DataFrame) -> NDArray[np.int64]:
        place = np.searchsorted(products, table["product_id"]) * len(shops)
        return (place + np.searchsorted(shops, table["store_id"])) * N_WEEKS + table["week"].to_numpy() - 1

    inside = [one["product_id"].isin(products) & (one["week"] <= N_WEEKS) for one in (shown, sold)]
    shown, sold = shown[inside[0]], sold[inside[1]]
    display, units = np.zeros(len(product)), np.zeros(len(product))
    display[row(shown)] = 1.0
    bought = pd.DataFrame({"household": sold["household_id"], "row": row(sold), "units": sold["quantity"]})
    np.add.at(units, bought["row"], bought["units"])
    return ShopWeeks(product, shop, week, display, units, bought), source.card()
