"""Do the secure sums keep their promise: one view says nothing, sums are exact, a mask cannot be guessed?"""

from itertools import count

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dti_core.bridges.fields import SEED_BYTES, keystream, recover_secret
from dti_core.bridges.secure_sum import (
    STAGES,
    FixedPoint,
    MaskedSumClient,
    MaskedSumServer,
    MaskedSumSettings,
    RoundAborted,
    Stage,
    implausible,
    pair_masks,
    run_round,
    secure_histogram,
)
from dti_core.lab.findings import Findings
from dti_core.lab.intervals import share
from dti_core.lab.record import Estimate
from dti_core.studies.private_lift.measures.views import N_BUCKETS, study_views

Words = NDArray[np.uint32]
#: The rounds that are counted: six of ten clients must stay.
ROUND = MaskedSumSettings(n_clients=10, threshold=6, length=50)
#: The rounds of which bytes are counted: clients, threshold, length of an update, neighbours (None: all).
COUNTED: tuple[tuple[int, int, int, int | None], ...] = (
    (8, 5, 705, None),
    (24, 13, 705, None),
    (24, 5, 705, 8),
)
#: A round in which one client's vector comes late, and the words by which a guess at its mask is judged.
LATE = MaskedSumSettings(n_clients=5, threshold=3, length=64)
JUDGED_WORDS, GUESSES_AT_ONCE = 16, 4096
#: Bits of a seed of ours.
OUR_BITS = 256
#: Honest reports beside a malformed one.
N_HONEST = 1000


def study_secrecy(
    seeds: np.random.SeedSequence, n_views: int, n_draws: int, n_rounds: int, n_attacks: int, seed_bits: int
) -> Findings:
    """Views of one aggregator, exactness under dropouts, guessed masks, malformed reports, bytes a client.

    Parameters
    ----------
    n_views, n_draws : views a classifier gets (several thousand), and how often it is tried.
    n_rounds : rounds a stage and number of clients that drop out.
    n_attacks, seed_bits : attacks on seeds of so many bits and on ours; each tries 2^seed_bits seeds.
    """
    views, rounds, attacks, malformed, counted = seeds.spawn(5)
    found = study_views(views, n_views, n_draws)
    found.add(study_dropouts(np.random.default_rng(rounds), n_rounds))
    found.add(study_guesses(np.random.default_rng(attacks), n_attacks, seed_bits))
    found.add(study_malformed(np.random.default_rng(malformed), n_rounds))
    found.add(study_bytes(np.random.default_rng(counted)))
    return found


def study_dropouts(rng: np.random.Generator, n_rounds: int) -> Findings:
    """Rounds with clients that drop out, at each stage: exact within the threshold, ended beyond it."""
    found, rows = Findings(), []
    spare = ROUND.n_clients - ROUND.threshold
    for stage in STAGES:
        for dropped in (0, 1, spare, spare + 1):
            ends = [_ending(stage, dropped, rng) for _ in range(n_rounds)]
            rows.append(
                [stage, dropped, dropped <= spare, n_rounds, ends.count("exact"), ends.count("ended")]
            )
    table = pd.DataFrame(rows, columns=["stage", "dropped", "within threshold", "rounds", "exact", "ended"])
    found.series["dropouts"] = table
    within = table["within threshold"]
    kept = share(int(table["exact"][within].sum()), int(table["rounds"][within].sum()))
    ended = share(int(table["ended"][~within].sum()), int(table["rounds"][~within].sum()))
    lost = [_without_recovery(rng) for _ in range(n_rounds)]
    found.estimates += [
        kept.estimate("rounds_exact_within_threshold", "share of rounds"),
        ended.estimate("rounds_ended_beyond_threshold", "share of rounds"),
        share(sum(lost), n_rounds).estimate("rounds_exact_without_recovery", "share of rounds"),
    ]
    return found


def _ending(stage: Stage, dropped: int, rng: np.random.Generator) -> str:
    """How a round ends: exact, wrong, or ended without a sum."""
    vectors = rng.integers(2**32, size=(ROUND.n_clients, ROUND.length), dtype=np.uint32)
    clients = [MaskedSumClient(client, ROUND, rng.bytes) for client in range(ROUND.n_clients)]
    gone = rng.permutation(ROUND.n_clients)[:dropped].tolist()
    try:
        outcome = run_round(clients, list(vectors), 1, {stage: gone})
    except RoundAborted:
        return "ended"
    left = range(ROUND.n_clients) if stage == "unmasking" else sorted(set(range(ROUND.n_clients)) - set(gone))
    plain = vectors[list(left)].sum(axis=0, dtype=np.uint32)
    return "exact" if np.array_equal(outcome.total, plain) else "wrong"


def _without_recovery(rng: np.random.Generator) -> bool:
    """Negative control: masks that cancel in pairs, one client that drops out, and nothing to mend it."""
    n, masks = ROUND.n_clients, rng.integers(2**32, size=(ROUND.n_clients,) * 2, dtype=np.uint32)
    cancelling = np.triu(masks, 1) - np.triu(masks, 1).T
    return not cancelling[: n - 1].sum(dtype=np.uint32)


def study_guesses(rng: np.random.Generator, n_attacks: int, seed_bits: int) -> Findings:
    """A server that tries all short seeds on a late vector, of clients with short seeds and with ours."""
    found, rows = Findings(), []
    for bits in (seed_bits, OUR_BITS):
        hits = []
        for _ in range(n_attacks):
            left, update, code = late_vector(rng, bits)
            guessed = guess_update(left, code, seed_bits)
            hits.append(guessed is not None and np.array_equal(guessed, update))
        one = share(sum(hits), n_attacks)
        name = "late_vector_guessed_our_seed" if bits == OUR_BITS else "late_vector_guessed_short_seed"
        found.estimates.append(one.estimate(name, "share of attacks", client_bits=bits, tried_bits=seed_bits))
        rows.append([bits, seed_bits, n_attacks, one.value, one.low, one.high])
    names = ["bits of the client's seeds", "bits tried", "attacks", "uncovered", "low", "high"]
    found.series["guessed_masks"] = pd.DataFrame(rows, columns=names)
    return found


def late_vector(rng: np.random.Generator, seed_bits: int) -> tuple[Words, NDArray[np.int64], FixedPoint]:
    """What a server holds of client 0, whose vector it calls missing and has after all.

    The others have by then revealed the client's masking key, as the protocol lets them for a missing client.
    So the masks with neighbours come off, and only its own mask covers the vector.

    Returns
    -------
    The vector under its own mask alone, the true update in whole steps, and the code of updates.
    """

    drawn = count()

    def draw(n: int) -> bytes:
        """The two private keys as they are, then the seed of the own mask with its upper bits cleared."""
        text = rng.bytes(n)
        if n != SEED_BYTES or next(drawn) < 2:
            return text
        return (int.from_bytes(text, "little") % 2**seed_bits).to_bytes(n, "little")

    clients = [MaskedSumClient(k, LATE, draw if k == 0 else rng.bytes) for k in range(LATE.n_clients)]
    code, server = FixedPoint(1.0, LATE.n_clients), MaskedSumServer(LATE, 1)
    update = np.rint(rng.uniform(-1, 1, LATE.length) / code.step).astype(np.int64)
    rosters = server.collect_keys([one.advertise_keys(1) for one in clients])
    inboxes = server.collect_shares([one.share_keys(rosters[one.identity]) for one in clients])
    late, *masked = [one.mask_vector(inboxes[one.identity], code.words(update)) for one in clients]
    request = server.collect_vectors(masked)
    shares = [one.reveal(request).key_shares[0] for one in clients[1:]]
    private = recover_secret(shares, LATE.threshold).to_bytes(SEED_BYTES, "little")
    peers = {peer: keys.masking for peer, keys in rosters[0].items() if peer != 0}
    return late.values - pair_masks(0, private, peers, 1, LATE.length), update, code


def guess_update(masked: Words, code: FixedPoint, seed_bits: int) -> NDArray[np.int64] | None:
    """The update under a mask whose seed is below 2^seed_bits, by trying them all; None if none leaves one.

    A seed is right when it leaves small numbers in `JUDGED_WORDS` words; wrong ones do in less than one of
    2^37 tries with five clients.
    """
    for start in range(0, 2**seed_bits, GUESSES_AT_ONCE):
        seeds = range(start, min(start + GUESSES_AT_ONCE, 2**seed_bits))
        streams = b"".join(
            [keystream(seed.to_bytes(SEED_BYTES, "little"), 4 * JUDGED_WORDS) for seed in seeds]
        )
        masks = np.frombuffer(streams, dtype="<u4").reshape(-1, JUDGED_WORDS)
        left = (masked[:JUDGED_WORDS] - masks).view(np.int32).astype(np.int64)
        for hit in np.flatnonzero((np.abs(left) <= code.levels).all(axis=1)):
            whole = keystream(seeds[hit].to_bytes(SEED_BYTES, "little"), 4 * len(masked))
            return (masked - np.frombuffer(whole, dtype="<u4")).view(np.int32).astype(np.int64)
    return None


def study_malformed(rng: np.random.Generator, n_draws: int) -> Findings:
    """What one malformed report among honest ones does to the counts, and how often the sums give it away."""
    found, rows = Findings(), []
    for kind in ("none", "two buckets", "boosted", "random", "moved"):
        moved, seen = [], []
        for _ in range(n_draws):
            honest = np.eye(N_BUCKETS, dtype=np.int64)[rng.integers(N_BUCKETS // 8, size=N_HONEST)]
            plain = honest.sum(axis=0)
            report = malformed_report(kind, plain, rng)
            counts = secure_histogram(np.vstack([honest, report]), random_bytes=rng.bytes)
            moved.append(int(np.abs(counts - plain).max()))
            seen.append(bool(implausible(counts, N_HONEST + 1)))
        one, name = share(sum(seen), n_draws), kind.replace(" ", "_")
        found.estimates.append(one.estimate(f"malformed_seen_{name}", "share of batches", report=kind))
        rows.append([kind, float(np.median(moved)), one.value, one.low, one.high])
    names = ["malformed report", "a count moves by", "seen in the sums", "low", "high"]
    found.series["malformed"] = pd.DataFrame(rows, columns=names)
    return found


def malformed_report(kind: str, counts: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """A report (n_buckets,): honest for "none"; "moved" empties the fullest bucket into the emptiest."""
    report = np.zeros(N_BUCKETS, dtype=np.int64)
    match kind:
        case "two buckets":
            report[:2] = 1
        case "boosted":
            report[0] = N_HONEST
        case "random":
            report = rng.integers(-(2**40), 2**40, N_BUCKETS)
        case "moved":
            report[[counts.argmax(), counts.argmin()]] = -counts.max(), counts.max() + 1
        case _:
            report[0] = 1
    return report


def study_bytes(rng: np.random.Generator) -> Findings:
    """Bytes that one client sends, and how many its bare vector would take."""
    histogram = SEED_BYTES + 8 * N_BUCKETS
    rows: list[list[object]] = [["histogram, two aggregators", N_BUCKETS, 8 * N_BUCKETS, histogram]]
    found = Findings([_exact_bytes("histogram_bytes", histogram, protocol="two aggregators")])
    for n, threshold, length, near in COUNTED:
        shape = MaskedSumSettings(n, threshold, length, near)
        clients = [MaskedSumClient(client, shape, rng.bytes) for client in range(n)]
        sent = run_round(clients, [np.zeros(length, dtype=np.uint32)] * n, 1).bytes_sent
        title = f"masked sum, {n} clients, {shape.n_holders - 1} neighbours"
        rows.append([title, length, 4 * length, max(sent.values())])
        name = f"masked_bytes_{n}_clients_{shape.n_holders - 1}_neighbours"
        found.estimates.append(_exact_bytes(name, max(sent.values()), protocol=title))
    names = ["protocol", "numbers", "bytes, bare", "bytes, sent by a client"]
    found.series["bytes"] = pd.DataFrame(rows, columns=names)
    return found


def _exact_bytes(name: str, value: float, **at: str | float) -> Estimate:
    return Estimate(name, value, value, value, "bytes a client", 1, how="counted, no interval", at=at)
