"""Paths of touches to a conversion or to none: distinct ones with how many users walked them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dti_core.studies.private_lift.model.cells import Array, Flags

Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Journeys:
    """Distinct paths, n of them, of at most `longest` touches, among C channels.

    steps : (n, longest) codes of channels, first touch first, -1 behind the last. converted, missed : (n,)
    users who walked the path and converted, or did not; paths without a touch count too.
    """

    steps: Codes
    converted: Array
    missed: Array
    n_channels: int

    @property
    def n_users(self) -> float:
        """Users of all paths."""
        return float(self.converted.sum() + self.missed.sum())

    @property
    def touched(self) -> Flags:
        """(n, C) whether a path holds a channel."""
        return np.any(self.steps[:, :, None] == np.arange(self.n_channels), axis=1)


def journeys_of(times: Array, converted: Flags) -> Journeys:
    """Users' touches in order of time, equal paths counted together.

    Parameters
    ----------
    times : (n_users, C) of the last impression of each channel, NaN without one. converted : (n_users,).
    """
    order = np.argsort(times, axis=1)  # NaN come last
    order[np.isnan(np.take_along_axis(times, order, axis=1))] = -1
    codes = (order + 1) @ (times.shape[1] + 1) ** np.arange(times.shape[1])
    _, first, place = np.unique(codes, return_index=True, return_inverse=True)
    won, missed = (np.bincount(place, weights=end, minlength=len(first)) for end in (converted, ~converted))
    return Journeys(order[first], won, missed, n_channels=times.shape[1])


def journeys_from(paths: tuple[tuple[int, ...], ...], converted: Array, missed: Array) -> Journeys:
    """Ragged paths with their counts, as a log of distinct paths gives them."""
    steps = np.full((len(paths), max(map(len, paths))), -1)
    for row, path in enumerate(paths):
        steps[row, : len(path)] = path
    return Journeys(steps, np.asarray(converted, float), np.asarray(missed, float), int(steps.max()) + 1)


def markov_removal(journeys: Journeys) -> Array:
    """Share of conversions lost if a channel's users went away, (C,), by a first-order Markov chain of touches.

    Source: Anderl, Becker, von Wangenheim, Schumann (2016).

    Assumes: the next touch depends on the present one alone, and who touches a removed channel never converts.
    """
    moves, wins, starts = _transitions(journeys)
    leaving = moves.sum(axis=1) + wins[0] + wins[1]
    chance = moves / np.where(leaving > 0, leaving, 1)[:, None]
    win = wins[0] / np.where(leaving > 0, leaving, 1)
    whole = _reaches(chance, win, starts)
    lost = []
    for channel in range(journeys.n_channels):
        kept = np.arange(journeys.n_channels) != channel
        lost.append(1 - _reaches(chance * kept[:, None] * kept, win * kept, starts * kept) / whole)
    return np.array(lost)


def _transitions(journeys: Journeys) -> tuple[Array, tuple[Array, Array], Array]:
    """Moves from channel to channel (C, C), ends of each kind (C,), starts (C,) over users with a touch."""
    steps, channels = journeys.steps, journeys.n_channels
    walks = journeys.converted + journeys.missed
    pairs = np.zeros((channels, channels))
    here, there = steps[:, :-1], steps[:, 1:]
    np.add.at(
        pairs, (here[there >= 0], there[there >= 0]), np.broadcast_to(walks[:, None], here.shape)[there >= 0]
    )
    some = steps[:, 0] >= 0
    last = steps[np.arange(len(steps)), (steps >= 0).sum(axis=1) - 1]
    ends = [np.bincount(last[some], weights=end[some], minlength=channels)
            for end in (journeys.converted, journeys.missed)]  # fmt: skip
    return pairs, (ends[0], ends[1]), np.bincount(steps[some, 0], weights=walks[some], minlength=channels)


def _reaches(chance: Array, win: Array, starts: Array) -> float:
    return float(starts @ np.linalg.solve(np.eye(len(win)) - chance, win))
