"""Sums of which nobody sees a part: histograms from two aggregators, model updates under pairwise masks.

Without noise both give exactly the plain sum. Noise for differential privacy is the caller's: of each
aggregator by a callable, or in whole steps on a client's words before they are masked.

Assumes: honest but curious aggregators and server. Research code: not audited, not constant-time, without
proofs that a report is valid.

Source: Corrigan-Gibbs, Boneh (2017); Bonawitz et al. (2017); Bell et al. (2020).
"""

from dti_core.bridges.secure_sum.client import MaskedSumClient
from dti_core.bridges.secure_sum.fixed_point import FixedPoint
from dti_core.bridges.secure_sum.histograms import (
    Aggregator,
    SharedReports,
    decode_sum,
    implausible,
    one_hot_reports,
    secure_histogram,
    share_reports,
)
from dti_core.bridges.secure_sum.masks import pair_masks
from dti_core.bridges.secure_sum.messages import MaskedVector, UnmaskingRequest
from dti_core.bridges.secure_sum.refusals import ClientRefusal, RoundAborted, SecureSumError
from dti_core.bridges.secure_sum.rounds import RoundOutcome, run_round, sum_updates
from dti_core.bridges.secure_sum.server import MaskedSumServer
from dti_core.bridges.secure_sum.settings import STAGES, MaskedSumSettings, Stage

__all__ = [
    "STAGES", "Aggregator", "ClientRefusal", "FixedPoint", "MaskedSumClient", "MaskedSumServer",
    "MaskedSumSettings", "MaskedVector", "RoundAborted", "RoundOutcome", "SecureSumError",
    "SharedReports", "Stage", "UnmaskingRequest", "decode_sum", "implausible", "one_hot_reports",
    "pair_masks", "run_round", "secure_histogram", "share_reports", "sum_updates",
]  # fmt: skip
