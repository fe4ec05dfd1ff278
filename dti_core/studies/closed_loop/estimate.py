"""Cards -> return ratios, worlds of firms, worth of arrows, dates, other chapters' numbers -> Result."""

import numpy as np
import pandas as pd

from dti_core.lab.config import Config
from dti_core.lab.data import DataCard
from dti_core.lab.findings import Findings, gather
from dti_core.lab.kept import keep
from dti_core.lab.record import Result
from dti_core.studies.closed_loop.data import Loop, Parameters
from dti_core.studies.closed_loop.measures.dates import study_dates
from dti_core.studies.closed_loop.measures.decisive import study_decisive
from dti_core.studies.closed_loop.measures.effects import Trial, follow_all, study_controls, study_effects
from dti_core.studies.closed_loop.measures.evidence import study_evidence
from dti_core.studies.closed_loop.measures.flips import study_flips
from dti_core.studies.closed_loop.measures.ratio import study_ratio
from dti_core.studies.closed_loop.measures.shocks import study_shocks
from dti_core.studies.closed_loop.measures.worth import study_worth
from dti_core.studies.closed_loop.model.draws import PRIORS, draw_places, sizes_at
from dti_core.studies.closed_loop.worlds import WORLDS


@keep
def estimate(config: Config, loop: Loop, card: DataCard) -> Result:
    """All that the chapter says of the loop that the cards describe."""
    asked = config.typed(Parameters)
    size, seeds = (asked.n_firms, asked.n_quarters), config.seeds
    places = draw_places(loop, asked.n_assumptions, config.stream("assumptions"))
    sizes = {prior: sizes_at(loop, places, prior) for prior in PRIORS}
    worlds = tuple(int(word) for word in seeds("worlds").generate_state(asked.n_worlds))
    found = follow_all(loop, places, Trial(loop, places[:0], *size, worlds))
    effects = study_effects(loop, found)
    effects.estimates += study_controls(loop, *size, asked.n_controls, seeds("control worlds"))
    everything = gather([
        study_ratio(loop, asked.n_draws, asked.n_controls, seeds("ratio")),
        study_decisive(loop, asked.n_permutations, config.stream("decisive")),
        effects,
        study_flips(loop, sizes, found, config.stream("flips")),
        study_worth(loop, places, *size, asked.n_permutations, asked.n_controls, seeds("worth")),
        study_shocks(loop, places, *size, seeds("shocks")),
        study_dates(asked.n_controls, config.stream("dates")),
        study_evidence(asked.n_controls, config.stream("evidence")),
        Findings(series=_tables(loop)),
    ])  # fmt: skip
    return Result(config, card, tuple(everything.estimates), everything.series)


def _tables(loop: Loop) -> dict[str, pd.DataFrame]:
    """The loop itself, for whoever draws it or moves its arrows."""
    nodes = pd.DataFrame({"node": loop.nodes, "title": loop.titles, "field": loop.fields, "role": loop.roles,
                          "better": loop.better})  # fmt: skip
    names = np.array(loop.nodes)
    cards = pd.DataFrame({
        "arrow": loop.arrows, "start": names[loop.starts], "end": names[loop.ends], "kind": loop.kinds,
        "grade": loop.grades, "paper": loop.papers, "middle": loop.middle, "low": loop.low, "high": loop.high,
        "source": loop.sources,
    })  # fmt: skip
    return {"nodes": nodes, "cards": cards}


def worlds_in_words() -> pd.DataFrame:
    """The worlds in which every claim is judged."""
    return pd.DataFrame([{"world": world.title, "role": world.role} for world in WORLDS.values()])
