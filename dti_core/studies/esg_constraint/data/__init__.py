"""Firm-year panels of the study, typed and validated, each with a card; never one in place of another."""

import hashlib
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from dti_core.lab.config import Config
from dti_core.lab.data import DataCard, DataSet, Problem, load_registry, read_user_table
from dti_core.lab.errors import DataError
from dti_core.studies.esg_constraint.data.africa import NAME as AFRICA
from dti_core.studies.esg_constraint.data.africa import load_africa
from dti_core.studies.esg_constraint.data.check import check_panel
from dti_core.studies.esg_constraint.data.kld import NAME as KLD
from dti_core.studies.esg_constraint.data.kld import load_kld
from dti_core.studies.esg_constraint.data.prepare import prepare_panel, validate_panel
from dti_core.studies.esg_constraint.data.schema import parse_map
from dti_core.studies.esg_constraint.worlds import WORLDS
from dti_core.studies.esg_constraint.worlds.raters import Truth, truth
from dti_core.studies.esg_constraint.worlds.settings import WorldSettings
from dti_core.studies.esg_constraint.worlds.simulate import simulate

#: Real panels inside packages: their firm column; all have a column year.
PACKAGED = dict.fromkeys(("snmesp", "innovation", "empluk", "grunfeld", "petersen"), "firm")
PACKAGED["innovation"] = "company"
PANELS = ("simulated", *PACKAGED, AFRICA, KLD, "yours")


@dataclass(frozen=True, slots=True)
class FirmPanel:
    """A panel ready for analysis.

    table : (n_firm_years, ...) sorted by firm and year; columns firm and year, the others numbers. Money is
        over total assets of the same year, growth a ratio to last year, log_assets ln of millions.
    truth : what is true in the world that made it, None for real data. unmatched : firms of a joined panel
    that found no partner, a row each, None for others.
    """

    table: pd.DataFrame
    truth: Truth | None = None
    unmatched: pd.DataFrame | None = None

    @property
    def rated(self) -> bool:
        """Whether the panel holds a rating, without which only the constraint side can be studied."""
        return "rating_a" in self.table

    @property
    def numbers(self) -> list[str]:
        """Names of the numeric columns besides firm and year."""
        return [str(name) for name in self.table if name not in ("firm", "year")]


@dataclass(frozen=True, slots=True)
class Parameters:
    """The knobs of the experiment file, typed; each is explained there."""

    panel: Literal[
        "simulated", "snmesp", "innovation", "empluk", "grunfeld", "petersen", "csr_africa", "kld", "yours"
    ]
    world: str
    data_path: str
    map: str
    measure: str
    controls: str
    winsorise: float
    n_draws: int
    n_power_draws: int
    n_resamples: int
    seed: int


def load(config: Config) -> tuple[FirmPanel, DataCard]:
    """The panel that `config.panel` names, and its card.

    A simulated panel is one draw of the world `config.world`, from the run's seeds.

    Raises
    ------
    DataError for a file that is missing, changed or unfit.
    """
    asked = config.typed(Parameters)
    if asked.panel == "yours":
        return load_yours(asked.data_path, asked.map)
    if asked.panel == "simulated":
        return load_simulated(asked.world, config.stream("panel", asked.world))
    if asked.panel == AFRICA:
        table, card = load_africa()
        return FirmPanel(validate_panel(table)), card
    if asked.panel == KLD:
        firms, source = load_packaged("innovation")
        joined, card = load_kld(asked.data_path, firms.table, source)
        return FirmPanel(validate_panel(joined.table), unmatched=joined.unmatched), card
    return load_packaged(asked.panel)


def check(table: pd.DataFrame, mapping: str = "") -> list[Problem]:
    """All problems of a user's table; `mapping` renames columns, 'theirs=ours, theirs=ours'."""
    return check_panel(table, parse_map(mapping))


def load_simulated(world: str, rng: np.random.Generator) -> tuple[FirmPanel, DataCard]:
    """One panel of a world, as an analyst would see it (latent ESG left out)."""
    if world not in WORLDS:
        raise DataError(f"no world '{world}'. Known: {', '.join(WORLDS)}.")
    settings = WORLDS[world].settings
    table = simulate(settings, [rng]).table()
    what = f"world '{world}', effect {settings.effect:g}, reverse effect {settings.reverse_effect:g}"
    card = DataCard(
        name=f"esg_{world}", title="Simulated panel of Chinese-like listed firms", origin="simulated",
        badge=f"Simulated data: {what}", source="Made by this study's simulator from its seeds.",
        licence="MIT", rows=len(table), columns=table.shape[1], sha256=_made_from(settings, rng),
        caveat="Calibrated to measured moments (printed beside their targets); its effects are assumptions.",
    )  # fmt: skip
    return FirmPanel(validate_panel(table), truth(settings)), card


def load_packaged(name: str) -> tuple[FirmPanel, DataCard]:
    """A real panel of an installed package, with its own column names besides firm and year."""
    source = _registered(name)
    if source.file.endswith(".txt"):
        table = source.table(sep=r"\s+", header=None, names=["firm", "year", "x", "y"])
    else:
        table = pd.read_pickle(source.stream(), compression="xz").drop(columns="rownames")
        table = table.rename(columns={PACKAGED[name]: "firm"})
    for column in table.columns.difference(["firm", "year"]):
        values = table[column]
        if not pd.api.types.is_numeric_dtype(values):
            values = values.map({"yes": 1.0, "no": 0.0})
        table[column] = values.astype(np.float64)
    first = ["firm", "year"]
    ordered = table[[*first, *table.columns.difference(first, sort=False)]]
    return FirmPanel(validate_panel(ordered)), source.card(name)


def load_yours(data_path: str, mapping: str = "") -> tuple[FirmPanel, DataCard]:
    """The user's file, checked as `dti data check` does, with ratios and growth made from its amounts.

    Raises
    ------
    DataError with all blocking problems at once.
    """
    if not data_path:
        files = "a CSV, Parquet or Stata file, a row a firm and year"
        raise DataError(f"panel='yours' needs data_path: {files}.")
    raw, card = read_user_table(data_path)
    names = parse_map(mapping)
    if blocking := [problem.text for problem in check_panel(raw, names) if problem.blocks]:
        lines = "\n".join(f"- {text}" for text in blocking)
        raise DataError(f"{card.title}: {len(blocking)} problem{'s' * (len(blocking) > 1)}.\n{lines}")
    return FirmPanel(validate_panel(prepare_panel(raw, names))), card


def _registered(name: str) -> DataSet:
    """The registry's row of one of this study's panels."""
    if name not in PACKAGED:
        raise DataError(f"no panel '{name}'. Known: {', '.join(PANELS)}.")
    registry = load_registry()
    if name not in registry:
        raise DataError(f"panel '{name}' is not in the registry experiments/data/packaged.yaml.")
    return registry[name]


def _made_from(settings: WorldSettings, rng: np.random.Generator) -> str:
    """Hash of what makes a simulated panel: its bytes differ in last digits from processor to processor."""
    return hashlib.sha256(f"{settings} {rng.bit_generator.seed_seq}".encode()).hexdigest()
