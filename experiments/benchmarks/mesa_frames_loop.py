"""The closed loop's world of firms in mesa-frames, a row a firm: a peer of the vectorised world.

The same rules as in `mesa_loop.py`, in expressions of Polars that are made once. Needs mesa-frames in an
environment of its own, and nothing of the project: `closed_loop_world.py` starts it with
mesa_frames_loop.py INPUTS.npz LEVELS.npz REPEATS
It follows every draw in INPUTS, writes their levels, and prints CPU seconds of the first draw, by repeat.
"""

import importlib.metadata
import json
import os
import sys
import time
from functools import reduce
from operator import add
from typing import Any

os.environ["POLARS_MAX_THREADS"] = "1"

import numpy as np
import polars as pl
from mesa_frames import AgentSetPolars, ModelDF

#: Who tells what, by signal: a column of firms, if not oneself, and one of levels.
HEARD = {"closed": ("heard", "level_{}"), "frozen": (None, "first_{}"), "permuted": ("other", "level_{}")}


class Firms(AgentSetPolars):
    """All firms, a column a node for where they stand, stood at the start, and have news of."""

    _agents: pl.DataFrame

    def __init__(self, model: "FramesModel") -> None:
        super().__init__(model)
        start = {
            f"level_{n}": model.own[0][:, n] if n in model.settled else 0.0 for n in range(model.n_nodes)
        }
        fixed = {"unique_id": np.arange(len(model.base)), "base": model.base, "large": model.classes == 1}
        self.add(pl.DataFrame(fixed | start | {f"learned_{n}": 0.0 for n in model.technologies}))
        base = pl.col("base")
        self._agents = self._agents.with_columns(
            ((base * pl.col(name)).sum() / base.sum()).over("large").alias(name.replace("level", "first"))
            for name in start
        )
        self._write()

    def step(self) -> None:
        """A quarter: ask, deal, develop, respond."""
        model, quarter = self.model, pl.lit(self.model.quarter)
        news = [pl.Series(f"news_{n}", model.own[model.quarter][:, n]) for n in model.settled]
        firms = [pl.Series(name, getattr(model, name)[model.quarter]) for name in ("heard", "other")]
        told = [*firms, quarter.alias("quarter")]
        table = self._agents
        for columns in (
            [*news, *told],
            self.asking,
            self.dealing,
            self.using,
            self.responding,
            self.bounding,
        ):
            table = table.with_columns(columns)
        self.agents = table

    def _write(self) -> None:
        """The rules as expressions."""
        model, base, habits = self.model, pl.col("base"), self.model.habits
        feedback = ("need", "money", "deal")
        self.asking = [
            expression.alias(f"{word}_{n}")
            for word, nodes, kinds in (
                ("wanted", model.technologies + model.resources, feedback),
                ("paid", model.technologies, ("money",)),
            )
            for n in nodes for expression in [_sum(model.signals_into(n, kinds))]
        ]  # fmt: skip

        def total(word: str, nodes: list[int]) -> pl.Expr:
            return _sum([(base * pl.col(f"{word}_{n}").exp()).sum() for n in nodes])

        rate = (total("paid", model.technologies) / total("wanted", model.technologies)).log()
        learned = {n: pl.col(f"learned_{n}") for n in model.technologies}
        self.dealing = [
            (old + habits["learning"] * (rate + pl.col(f"wanted_{n}") - old)).alias(f"learned_{n}")
            for n, old in learned.items()
        ] + [
            ((base.sum() / total("wanted", [n])).log() + pl.col(f"wanted_{n}")).alias(f"level_{n}")
            for n in model.resources
        ]
        push = habits["push"] * pl.col("quarter")
        self.using = [
            (now + push + _sum(model.causes_of(n))).alias(f"level_{n}") for n, now in learned.items()
        ]
        level = {n: pl.col(f"level_{n}") for n in range(model.n_nodes)}
        self.responding = [
            (now + habits["adjustment"] * (pl.col(f"news_{n}") + _sum(model.causes_of(n)) - now)).alias(
                f"level_{n}"
            )
            for n, now in level.items() if n in model.settled
        ]  # fmt: skip
        self.bounding = [now.clip(-habits["bound"], habits["bound"]) for now in level.values()]
        self.telling = [
            ((base * here * now.exp()).sum() / (base * here).sum()).log().alias(f"{group}_{n}")
            for group, here in (
                ("small", ~pl.col("large")),
                ("large", pl.col("large")),
                ("all", pl.lit(True)),
            )
            for n in model.counted
            for now in [level[n]]
        ]


class FramesModel(ModelDF):
    """A world of firms under one draw of sizes; `inputs` are arrays by name, of `closed_loop_world.py`."""

    def __init__(self, inputs: dict[str, Any], draw: int) -> None:
        super().__init__(seed=0)
        roles = inputs["roles"].tolist()
        self.n_nodes = len(roles)
        self.technologies = [n for n, role in enumerate(roles) if role == "technology"]
        self.resources = [n for n, role in enumerate(roles) if role == "resource"]
        self.settled = [n for n, role in enumerate(roles) if role in ("need", "money")]
        self.base, self.classes = inputs["base"], inputs["classes"]
        self.own, self.heard, self.other = inputs["own"], inputs["heard"], inputs["mixed"]
        self.counted = inputs["counted"].tolist()
        self.habits = json.loads(str(inputs["habits"]))
        words = (inputs[word].tolist() for word in ("kinds", "starts", "ends"))
        chosen = inputs["sizes"][draw].tolist(), inputs["signals"][draw].T.tolist()
        self.arrows = [arrow for arrow in zip(*words, *chosen, strict=True) if arrow[3]]
        self.quarter = 0
        self.firms = Firms(self)
        self.agents += self.firms

    def signals_into(self, node: int, kinds: tuple[str, ...]) -> list[pl.Expr]:
        """What the arrows of feedback into a node tell, times their sizes."""
        found = []
        for kind, start, end, size, (to_small, to_large) in self.arrows:
            if end == node and kind in kinds:
                told = _told(to_small, start)
                if to_large != to_small:
                    told = pl.when(pl.col("large")).then(_told(to_large, start)).otherwise(told)
                found.append(size * told)
        return found

    def causes_of(self, node: int) -> list[pl.Expr]:
        """What moves an outcome."""
        return [
            size * pl.col(f"level_{start}")
            for kind, start, end, size, _ in self.arrows if end == node and kind in ("technology", "nature")
        ]  # fmt: skip

    def run(self) -> np.ndarray:
        """(n_quarters, n_groups, n_counted) levels of small, large and all firms."""
        told = []
        for quarter in range(len(self.own)):
            self.quarter = quarter
            self.step()
            told.append(self.firms.agents.select(self.firms.telling))
        return pl.concat(told).to_numpy().reshape(len(self.own), 3, len(self.counted))


def _told(signal: str, node: int) -> pl.Expr:
    if signal == "off":
        return pl.lit(0.0)
    who, column = HEARD[signal]
    level = pl.col(column.format(node))
    return level.gather(pl.col(who)) if who else level


def _sum(parts: list[pl.Expr]) -> pl.Expr:
    return reduce(add, parts, pl.lit(0.0))


def main(source: str, target: str, repeats: int) -> None:
    """Follow all draws; print CPU seconds of the first."""
    with np.load(source) as file:
        inputs = {name: file[name] for name in file.files}
    np.savez(target, levels=np.array([FramesModel(inputs, d).run() for d in range(len(inputs["sizes"]))]))
    seconds = []
    for _ in range(repeats):
        begun = time.process_time()
        FramesModel(inputs, 0).run()
        seconds.append(time.process_time() - begun)
    versions = {name: importlib.metadata.version(name) for name in ("mesa-frames", "polars", "numpy")}
    print(json.dumps({"cpu_s": seconds, "versions": versions}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
