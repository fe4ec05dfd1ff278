"""Paths of touches to a conversion or to none: distinct ones with how many users walked them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from dti_core.studies.private_lift.model.cells import Array, Flags

Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Journeys:
    """Distinct paths, n of them, of at most `longest` touches, among C channels.

    steps : (n, longest) codes of channels, first touch first, -1 behind the last. converted, missed :
    (..., n) users who walked the path and converted, or did not; paths without a touch count too. More axes
    hold more samples of the same paths.
    """

    steps: Codes
    converted: Array
    missed: Array
    n_channels: int

    @property
    def n_users(self) -> Array:
        """(...) users of all paths."""
        return np.asarray(self.converted.sum(axis=-1) + self.missed.sum(axis=-1))

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
    won, missed = (np.bincount(place, end, len(first)).astype(float) for end in (converted, ~converted))
    return Journeys(order[first], won, missed, n_channels=times.shape[1])


def journeys_from(paths: tuple[tuple[int, ...], ...], converted: Array, missed: Array) -> Journeys:
    """Ragged paths with their counts, as a log of distinct paths gives them."""
    steps = np.full((len(paths), max(map(len, paths))), -1)
    for row, path in enumerate(paths):
        steps[row, : len(path)] = path
    return Journeys(steps, np.asarray(converted, float), np.asarray(missed, float), int(steps.max()) + 1)


def markov_removal(journeys: Journeys) -> Array:
    """Share of conversions lost if a channel's users went away, (..., C), by a first-order chain of touches.

    Source: Anderl, Becker, von Wangenheim, Schumann (2016).

    Assumes: the next touch depends on the present one alone; who touches a removed channel never converts.
    """
    steps, channels = journeys.steps, journeys.n_channels
    walks, long = journeys.converted + journeys.missed, (steps >= 0).sum(axis=1)
    starts = walks @ _tally(steps[:, :1], channels)
    last = np.where(long > 0, steps[np.arange(len(steps)), long - 1], -1)[:, None]
    wins, losses = (ends @ _tally(last, channels) for ends in (journeys.converted, journeys.missed))
    pairs = np.where(steps[:, 1:] >= 0, steps[:, :-1] * channels + steps[:, 1:], -1)
    moves = (walks @ _tally(pairs, channels**2)).reshape(*walks.shape[:-1], channels, channels)
    leaving = moves.sum(axis=-1) + wins + losses
    leaving = np.where(leaving > 0, leaving, 1)
    chance, win = moves / leaving[..., None], wins / leaving
    whole, lost = _reached(chance, win, starts), []
    for channel in range(channels):
        kept = np.arange(channels) != channel
        lost.append(1 - _reached(chance * kept[:, None] * kept, win * kept, starts * kept) / whole)
    return np.stack(lost, axis=-1)


def _tally(codes: Codes, n_codes: int) -> csr_array:
    """(n, n_codes) how often each row holds each code; -1 is none."""
    row, column = np.nonzero(codes >= 0)
    return csr_array((np.ones(len(row)), (row, codes[row, column])), shape=(len(codes), n_codes))


def _reached(chance: Array, win: Array, starts: Array) -> Array:
    """Users who convert, (...), from moves (..., C, C) between channels, wins and starts (..., C)."""
    odds = np.linalg.solve(np.eye(win.shape[-1]) - chance, win[..., None])[..., 0]
    return np.asarray((starts * odds).sum(axis=-1))
