"""The campaign that is studied, simulated, real or the user's, with its card; none replaces another."""

import hashlib

import numpy as np
import pandas as pd

from dti_core.lab.config import Config
from dti_core.lab.data import DataCard, Problem, read_user_table
from dti_core.lab.errors import DataError
from dti_core.studies.private_lift.data.campaign import Campaign, campaign_of_table, campaign_of_users
from dti_core.studies.private_lift.data.check import check_campaign
from dti_core.studies.private_lift.data.hillstrom import load_hillstrom
from dti_core.studies.private_lift.data.parameters import Parameters
from dti_core.studies.private_lift.data.schema import our_names, parse_map, parse_shares
from dti_core.studies.private_lift.worlds import MARKETS
from dti_core.studies.private_lift.worlds.users import simulate_users

__all__ = ["Campaign", "Parameters", "check", "load", "load_simulated", "load_yours"]


def load(config: Config) -> tuple[Campaign, DataCard]:
    """The campaign that `config.campaign` names, and its card.

    Raises
    ------
    DataError for a file that is missing, changed or unfit, with all blocking problems of the user's at once.
    """
    asked = config.typed(Parameters)
    if asked.campaign == "yours":
        return load_yours(asked.data_path, asked.map, asked.shares)
    if asked.campaign == "hillstrom":
        return load_hillstrom()
    return load_simulated(asked.world, asked.n_users, config.stream("campaign", asked.world))


def check(table: pd.DataFrame, mapping: str = "", shares: str = "") -> list[Problem]:
    """All problems of a user's table.

    Parameters
    ----------
    mapping : new names of columns, 'theirs=ours, theirs=ours', and 'their arm=control'. shares : planned
    share of each arm, or of those assigned to a channel, 'arm=0.9, other arm=0.1'.
    """
    return check_campaign(table, *parse_map(mapping), parse_shares(shares))


def load_yours(data_path: str, mapping: str = "", shares: str = "") -> tuple[Campaign, DataCard]:
    """The user's table, checked as `dti data check` does."""
    if not data_path:
        raise DataError("campaign='yours' needs data_path: a CSV, Parquet or Stata file, a row a user.")
    raw, card = read_user_table(data_path)
    if blocking := [problem.text for problem in check(raw, mapping, shares) if problem.blocks]:
        lines = "\n".join(f"- {text}" for text in blocking)
        raise DataError(f"{card.title}: {len(blocking)} problem{'s' * (len(blocking) > 1)}.\n{lines}")
    columns, control = parse_map(mapping)
    named = our_names(raw.columns, columns)
    return campaign_of_table(raw[list(named)].set_axis(list(named.values()), axis=1), control), card


def load_simulated(world: str, n_users: int, rng: np.random.Generator) -> tuple[Campaign, DataCard]:
    """One campaign of a world, as an analyst would see it."""
    if world not in MARKETS:
        raise DataError(f"no world '{world}'. Known: {', '.join(MARKETS)}.")
    market = MARKETS[world].settings
    campaign = campaign_of_users(simulate_users(market, n_users, rng))
    made_from = f"{market} {n_users} {rng.bit_generator.seed_seq}"
    card = DataCard(
        name=f"private_lift_{world}", title="Simulated campaign with a randomised holdout",
        origin="simulated", badge=f"Simulated data: {MARKETS[world].title}", licence="MIT",
        source="Made by this study's simulator from its seeds.", rows=n_users,
        columns=2 * len(campaign.channels) + 4,
        sha256=hashlib.sha256(made_from.encode()).hexdigest(),
        caveat="Its effects are assumptions; conversion and reach are set near published moments.",
    )  # fmt: skip
    return campaign, card
