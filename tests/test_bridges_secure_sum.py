"""The bridge `secure_sum`: exact sums whoever drops out, one clear end if too many do, refusals."""

import hmac
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dti_core.bridges.fields import Field64, Share, derive_key, expand_elements, expand_words, keystream
from dti_core.bridges.fields import expansion as streams
from dti_core.bridges.secure_sum import (
    STAGES,
    Aggregator,
    ClientRefusal,
    FixedPoint,
    MaskedSumClient,
    MaskedSumServer,
    MaskedSumSettings,
    RoundAborted,
    UnmaskingRequest,
    decode_sum,
    implausible,
    one_hot_reports,
    run_round,
    secure_histogram,
    share_reports,
    sum_updates,
)

#: Six clients of which four must stay.
SIX = MaskedSumSettings(n_clients=6, threshold=4, length=8)
UNEQUAL = "counts do not add up to the number of reports"


def words(n: int, length: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2**32, (n, length), dtype=np.uint32)


def clients_of(shape: MaskedSumSettings) -> list[MaskedSumClient]:
    return [MaskedSumClient(client, shape) for client in range(shape.n_clients)]


# From a seed to a stream


def test_the_stream_is_that_of_the_standard():
    """RFC 8439, appendix A.1, test vector 1: key, nonce and block counter 0."""
    expected = "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
    assert keystream(bytes(32), 32).hex() == expected
    assert expand_words(bytes(32), 2).tolist() == [0xADE0B876, 0x903DF1A0]


def test_words_that_are_no_elements_are_skipped(monkeypatch):
    """A stream is made that holds the modulus and the largest word, which chance shows once in 2^32."""
    drawn = np.array([7, Field64.modulus, 2**64 - 1, 9, 11, 13, 15, 17, 19], dtype="<u8").tobytes()
    monkeypatch.setattr(streams, "keystream", lambda seed, n_bytes: drawn[:n_bytes])
    seeds = np.zeros((2, 32), dtype=np.uint8)
    assert expand_elements(seeds, 3).tolist() == [[7, 9, 11], [7, 9, 11]]


def test_a_row_depends_on_its_seed_alone():
    seeds = np.arange(96, dtype=np.uint8).reshape(3, 32)
    together = expand_elements(seeds, 5)
    assert np.array_equal(together[1], expand_elements(seeds[1:2], 5)[0])
    assert len(np.unique(together)) == 15


def test_keys_of_one_secret_differ_by_purpose_round_and_party():
    keys = [
        derive_key(bytes(32), *what) for what in (("mask", 1, 2), ("mask", 2, 1), ("seal", 1, 2), ("mask", 1))
    ]
    assert len(set(keys)) == 4
    assert keys[0] == derive_key(bytes(32), "mask", 1, 2)


def test_keys_are_those_of_the_standard_worked_out_by_hand():
    """RFC 5869 with SHA-256 and no salt: one extraction, one block of expansion."""
    info = b"dti_core mask" + (7).to_bytes(8, "big") + (2).to_bytes(8, "big")
    extracted = hmac.digest(bytes(32), b"secret", "sha256")
    assert derive_key(b"secret", "mask", 7, 2) == hmac.digest(extracted, info + b"\x01", "sha256")


# Two aggregators

tables = arrays(
    np.int64, st.tuples(st.integers(0, 12), st.integers(1, 5)), elements=st.integers(-(2**40), 2**40)
)


@given(tables, st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_without_noise_the_histogram_is_the_plain_sum(reports: np.ndarray, size: int):
    plain = reports.sum(axis=0).tolist()
    assert secure_histogram(reports).tolist() == plain
    pieces = [reports[start : start + size] for start in range(0, max(1, len(reports)), size)]
    assert secure_histogram(iter(pieces)).tolist() == plain


@given(st.lists(st.integers(0, 63), max_size=200))
@settings(max_examples=30, deadline=None)
def test_one_hot_reports_are_counted(buckets: list[int]):
    counts = secure_histogram(one_hot_reports(np.array(buckets, dtype=int), 64, size=50))
    assert counts.tolist() == np.bincount(np.array(buckets, dtype=int), minlength=64).tolist()
    assert implausible(counts, len(buckets)) == ()


def test_one_share_is_a_seed_of_32_bytes_and_the_other_is_uniform():
    """Chi-squared over the top byte of 64,000 words, seeded; 99.9 % of 255 degrees of freedom: 330.5."""
    sent = share_reports(np.ones((1000, 64), dtype=np.int8), np.random.default_rng(3).bytes)
    assert sent.seeds.shape == (1000, 32)
    assert sent.bytes_a_client == 32 + 64 * 8
    counts = np.bincount((sent.shares >> np.uint64(56)).ravel().astype(int), minlength=256)
    assert ((counts - 250.0) ** 2 / 250).sum() < 330.5
    assert len(np.unique(sent.shares)) == 64_000


def test_shares_of_one_report_are_new_each_time_and_neither_holds_it_alone():
    report = np.eye(1, 64, 5, dtype=np.int64)
    first, second = share_reports(report), share_reports(report)
    assert not np.array_equal(first.seeds, second.seeds)
    assert not np.isin(Field64.decode(first.shares), (0, 1)).any()
    assert decode_sum(expand_elements(first.seeds, 64), first.shares).tolist() == report.tolist()


def test_each_aggregator_adds_its_own_noise_once():
    calls = []

    def noise(n: int) -> np.ndarray:
        calls.append(n)
        return np.array([10, -1000, 0]) * len(calls)

    reports = np.array([[1, 0, 0], [1, 0, 0], [0, 0, 1]])
    assert secure_histogram(reports, noise).tolist() == [2 + 30, -3000, 1]
    assert calls == [3, 3]
    with pytest.raises(ValueError, match=r"noise has shape \(2,\)"):
        secure_histogram(reports, lambda n: np.zeros(2, dtype=int))
    with pytest.raises(TypeError, match="not integers"):
        secure_histogram(reports, lambda n: np.full(n, 0.5))


def test_a_batch_is_released_once_and_not_when_small():
    one = Aggregator(2)
    one.add_shares(np.ones((3, 2), dtype=np.uint64))
    with pytest.raises(RoundAborted, match="3 reports are fewer than the minimum batch, 4"):
        one.release(minimum_batch=4)
    assert one.release(minimum_batch=3).tolist() == [3, 3]
    with pytest.raises(RoundAborted, match="released already"):
        one.release()
    with pytest.raises(RoundAborted, match="another batch"):
        one.add_shares(np.ones((1, 2), dtype=np.uint64))
    with pytest.raises(RoundAborted, match="minimum batch"):
        secure_histogram(np.eye(2, dtype=int), minimum_batch=3)


def test_memory_does_not_grow_with_the_number_of_reports():
    """15,000 reports of 64 elements are 7.7 MB of shares alone, and as much of masks."""
    tracemalloc.start()
    secure_histogram(one_hot_reports(np.zeros(15_000, dtype=int), 64, size=500))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4e6


@pytest.mark.parametrize(
    ("reports", "error", "why"),
    [
        (np.zeros(3, dtype=int), ValueError, "a row a client"),
        (np.zeros((2, 3)), TypeError, "not integers"),
        ([], ValueError, "no reports"),
        ([np.zeros((1, 2), dtype=int), np.zeros((1, 3), dtype=int)], ValueError, "3 buckets follow"),
        (np.full((3, 1), 2**62), ValueError, "leave the range"),
    ],
)
def test_reports_that_cannot_be_summed_are_refused(reports, error, why):
    with pytest.raises(error, match=why):
        secure_histogram(reports)


def test_buckets_that_do_not_exist_are_refused():
    with pytest.raises(ValueError, match="buckets run from 0 to 64"):
        list(one_hot_reports([0, 64], 64))


@pytest.mark.parametrize(
    ("malformed", "seen"),
    [
        ([1000, 0, 0], ("a count exceeds the number of reports", UNEQUAL)),
        ([0, 0, -900], ("a count is negative", UNEQUAL)),
        ([1, 1, 0], (UNEQUAL,)),
        ([-300, 301, 0], ()),
    ],
)  # fmt: skip
def test_a_malformed_report_moves_the_sum_and_only_some_are_seen(malformed, seen):
    """No proof of validity: a client that moves 300 users from one bucket to another leaves no trace."""
    honest = np.repeat(np.eye(3, dtype=int), 300, axis=0)
    counts = secure_histogram(np.vstack([honest, malformed]))
    assert (counts - 300).tolist() == malformed
    assert implausible(counts, 901) == seen


# Masked sums


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_sums_are_exact_whoever_drops_out_at_any_stage(data: st.DataObject):
    """Up to n - threshold clients in all, each at a stage of its own."""
    gone = data.draw(st.lists(st.integers(0, 5), max_size=2, unique=True))
    drops = {stage: [] for stage in STAGES}
    for client in gone:
        drops[data.draw(st.sampled_from(STAGES))].append(client)
    vectors = words(6, 8, data.draw(st.integers(0, 99)))
    outcome = run_round(clients_of(SIX), vectors, 1, drops)
    unsent = {client for stage in STAGES[:3] for client in drops[stage]}
    assert outcome.arrived == frozenset(range(6)) - unsent
    assert np.array_equal(outcome.total, vectors[sorted(outcome.arrived)].sum(axis=0, dtype=np.uint32))


@pytest.mark.parametrize("stage", STAGES)
def test_at_each_stage_two_may_drop_and_three_end_the_round(stage):
    vectors = words(6, 8)
    clients = clients_of(SIX)
    outcome = run_round(clients, vectors, 1, {stage: (0, 5)})
    kept = range(6) if stage == "unmasking" else range(1, 5)
    assert np.array_equal(outcome.total, vectors[list(kept)].sum(axis=0, dtype=np.uint32))
    with pytest.raises(
        RoundAborted, match=r"only 3 of 6 holders .* 4 are needed; the round ends and no vector"
    ):
        run_round(clients, vectors, 2, {stage: (0, 4, 5)})
    assert np.array_equal(run_round(clients, vectors, 3).total, vectors.sum(axis=0, dtype=np.uint32))


def test_few_neighbours_are_enough_and_an_emptied_neighbourhood_ends_the_round():
    shape = MaskedSumSettings(n_clients=12, threshold=3, length=8, n_neighbours=4, graph_seed=3)
    vectors = words(12, 8)
    outcome = run_round(clients_of(shape), vectors, 1, {"inputs": (2,), "unmasking": (7,)})
    assert np.array_equal(outcome.total, np.delete(vectors, 2, axis=0).sum(axis=0, dtype=np.uint32))
    whole = run_round(clients_of(replace(shape, n_neighbours=None, threshold=7)), vectors, 1)
    assert max(outcome.bytes_sent.values()) < min(whole.bytes_sent.values())
    emptied = sorted(shape.neighbours(0))[:3]
    with pytest.raises(RoundAborted, match="only 2 of 5 holders"):
        run_round(clients_of(shape), vectors, 1, {"inputs": emptied})


def test_neighbours_are_mutual_and_as_many_as_asked():
    shape = MaskedSumSettings(n_clients=11, threshold=4, length=1, n_neighbours=6, graph_seed=1)
    near = [shape.neighbours(client) for client in range(11)]
    assert {len(one) for one in near} == {6}
    assert all(client in near[peer] and peer != client for client in range(11) for peer in near[client])
    assert near != [replace(shape, graph_seed=2).neighbours(client) for client in range(11)]
    with pytest.raises(ValueError, match="client 11 is none of"):
        shape.neighbours(11)


@pytest.mark.parametrize(
    ("sizes", "why"),
    [
        ({"threshold": 3}, r"must lie in 4 ... 6, more than half"),
        ({"threshold": 7}, r"must lie in 4 ... 6"),
        ({"n_clients": 2, "threshold": 2}, "at least 3 clients"),
        ({"length": 0}, "length of 1"),
        ({"n_neighbours": 3}, "must be even"),
        ({"n_neighbours": 6}, "below 6 clients"),
        ({"n_neighbours": 4, "threshold": 2}, r"must lie in 3 ... 5"),
    ],
)
def test_settings_that_protect_nobody_are_refused(sizes, why):
    with pytest.raises(ValueError, match=why):
        replace(SIX, **sizes)


@given(st.integers(3, 40), st.data())
def test_a_server_with_two_stories_cannot_gather_both_secrets(n: int, data: st.DataObject):
    """Each holder answers once; both secrets of a client need twice the threshold."""
    shape = MaskedSumSettings(n, data.draw(st.integers(n // 2 + 1, n)), 1)
    assert 2 * shape.threshold > shape.n_holders


def test_bytes_of_a_client_are_those_counted_by_hand():
    """Keys 4 + 8 + 64; five sealed pairs of 4 + 66 + 16; a vector 4 + 32; six shares of 4 + 33 after 4."""
    sent = run_round(clients_of(SIX), words(6, 8), 1).bytes_sent
    assert set(sent.values()) == {76 + (4 + 5 * 86) + 36 + (4 + 6 * 37)}


# What a client refuses


def at_stage(stage: str, shape: MaskedSumSettings = SIX):
    """Clients, server and what goes out into a stage."""
    clients, server = clients_of(shape), MaskedSumServer(shape, 1)
    out = server.collect_keys([one.advertise_keys(1) for one in clients])
    if stage != "shares":
        out = server.collect_shares([one.share_keys(out[one.identity]) for one in clients])
    if stage == "unmasking":
        vectors = [one.mask_vector(out[one.identity], np.zeros(8, np.uint32)) for one in clients]
        out = server.collect_vectors(vectors[:-1])
    return clients, server, out


def test_a_round_number_serves_once():
    client = MaskedSumClient(0, SIX)
    first = client.advertise_keys(4)
    for used in (4, 3):
        with pytest.raises(ClientRefusal, match=f"round {used} was used, the last was 4"):
            client.advertise_keys(used)
    second = client.advertise_keys(5)
    assert len({first.sealing, first.masking, second.sealing, second.masking}) == 4
    clients = clients_of(SIX)
    run_round(clients, words(6, 8), 1)
    with pytest.raises(ClientRefusal, match="round 1 was used"):
        run_round(clients, words(6, 8), 1)


def test_stages_are_taken_in_order_and_once():
    clients, _, inboxes = at_stage("inputs")
    vector = np.zeros(8, np.uint32)
    with pytest.raises(ClientRefusal, match="stage unmasking was asked for with stage shares done"):
        clients[0].reveal(UnmaskingRequest(frozenset(range(6)), frozenset()))
    clients[0].mask_vector(inboxes[0], vector)
    with pytest.raises(ClientRefusal, match="stage inputs was asked for with stage inputs done"):
        clients[0].mask_vector(inboxes[0], vector + np.uint32(1))
    with pytest.raises(ClientRefusal, match="with no round"):
        MaskedSumClient(0, SIX).share_keys({})


def test_no_client_gives_both_the_key_and_the_own_mask_of_another():
    """In one request, or in two of which each is innocent alone."""
    clients, _, request = at_stage("unmasking")
    with pytest.raises(ClientRefusal, match=r"clients \[2\] are asked for both their key and their own mask"):
        clients[0].reveal(UnmaskingRequest(request.arrived, request.missing | {2}))
    with pytest.raises(ClientRefusal, match="with no round"):
        clients[0].reveal(request)
    given_ = clients[1].reveal(request)
    assert not given_.mask_shares.keys() & given_.key_shares.keys()
    other = UnmaskingRequest(request.arrived - {2}, request.missing | {2})
    with pytest.raises(ClientRefusal, match="with no round"):
        clients[1].reveal(other)


def test_a_client_refuses_to_be_called_missing_and_to_answer_for_few():
    clients, _, request = at_stage("unmasking")
    with pytest.raises(ClientRefusal, match="called missing"):
        clients[0].reveal(UnmaskingRequest(request.arrived - {0}, request.missing | {0}))
    with pytest.raises(ClientRefusal, match="only 3 holders have sent vectors; the threshold is 4"):
        clients[1].reveal(UnmaskingRequest(frozenset({1, 2, 3}), frozenset({0, 4, 5})))


def test_a_client_refuses_a_roster_that_was_tampered_with():
    def refused(change, why: str) -> None:
        clients, _, rosters = at_stage("shares")
        with pytest.raises(ClientRefusal, match=why):
            clients[0].share_keys(change(dict(rosters[0])))

    refused(lambda roster: {k: roster[k] for k in (0, 1, 2)}, "only 3 holders are in the roster")
    refused(lambda roster: {k: roster[k] for k in range(1, 6)}, "alters the own keys")
    refused(
        lambda roster: roster | {0: replace(roster[0], masking=bytes(31) + b"\x09")}, "alters the own keys"
    )
    refused(lambda roster: roster | {1: replace(roster[1], masking=roster[2].masking)}, "one key twice")
    refused(lambda roster: roster | {1: replace(roster[1], round_number=0)}, "another client or round")
    refused(lambda roster: roster | {1: replace(roster[1], sender=2)}, "another client or round")


def test_a_client_refuses_shares_that_were_changed_or_come_from_strangers():
    clients, _, inboxes = at_stage("inputs")
    changed = inboxes[0] | {3: bytes([inboxes[0][3][0] ^ 1]) + inboxes[0][3][1:]}
    with pytest.raises(ClientRefusal, match="client 3's were changed"):
        clients[0].mask_vector(changed, np.zeros(8, np.uint32))
    with pytest.raises(ClientRefusal, match=r"clients \[9\], which are not in the roster"):
        clients[1].mask_vector(inboxes[1] | {9: b""}, np.zeros(8, np.uint32))
    with pytest.raises(ClientRefusal, match="only 3 holders have sent shares"):
        clients[2].mask_vector({k: inboxes[2][k] for k in (0, 1)}, np.zeros(8, np.uint32))
    with pytest.raises(ClientRefusal, match="client 0's were changed"):
        clients[3].mask_vector(inboxes[3] | {0: inboxes[4][0]}, np.zeros(8, np.uint32))
    for wrong in (np.zeros(7, np.uint32), np.zeros(8, np.int64)):
        with pytest.raises(ClientRefusal, match=r"needed: uint32, \(8,\)"):
            clients[4].mask_vector(inboxes[4], wrong)


# What the server sees


def test_masked_vectors_are_uniform_and_only_their_whole_sum_is_plain():
    """Chi-squared over the top byte of 6 x 4000 words; 99.9 % of 255 degrees of freedom: 330.5."""
    shape, rng = replace(SIX, length=4000), np.random.default_rng(11)
    clients = [MaskedSumClient(client, shape, rng.bytes) for client in range(6)]
    server = MaskedSumServer(shape, 1)
    rosters = server.collect_keys([one.advertise_keys(1) for one in clients])
    inboxes = server.collect_shares([one.share_keys(rosters[one.identity]) for one in clients])
    masked = [one.mask_vector(inboxes[one.identity], np.zeros(4000, np.uint32)).values for one in clients]
    counts = np.bincount(np.concatenate(masked) >> np.uint32(24), minlength=256)
    assert ((counts - 93.75) ** 2 / 93.75).sum() < 330.5
    pairs_gone = np.sum(masked, axis=0, dtype=np.uint32)
    assert np.unique(pairs_gone).size > 3990, "the own masks still cover the sum"


def test_a_forged_share_ends_the_round():
    clients, server, request = at_stage("unmasking")
    revealed = [one.reveal(request) for one in clients[:-1]]

    def forged(which: str, of: int):
        """In a middle bit: X25519 ignores the lowest three of a key, whose change would change no mask."""
        shares = dict(getattr(revealed[0], which))
        shares[of] = Share(shares[of].x, shares[of].y ^ 2**100)
        return [replace(revealed[0], **{which: shares}), *revealed[1:]]

    for which, of in (("mask_shares", 1), ("key_shares", 5)):
        with pytest.raises(
            RoundAborted, match=f"secret of client {of} cannot be recovered: .*belong together"
        ):
            server.recover_sum(forged(which, of))
    with pytest.raises(RoundAborted, match="another key than it advertised"):
        server.recover_sum(forged("key_shares", 5)[:4])
    withheld = [
        replace(one, mask_shares={k: s for k, s in one.mask_shares.items() if k != 1}) for one in revealed
    ]
    with pytest.raises(
        RoundAborted, match="client 1 cannot be recovered: 0 shares are below the threshold of 4"
    ):
        server.recover_sum(withheld)
    with pytest.raises(ValueError, match="sent twice"):
        server.recover_sum([*revealed, revealed[0]])
    assert not server.recover_sum(revealed).any()


def test_an_unknown_stage_is_refused():
    with pytest.raises(ValueError, match="unknown stages"):
        run_round(clients_of(SIX), words(6, 8), 1, {"lunch": (1,)})


# Real updates as words


@given(arrays(np.float64, (5, 3), elements=st.floats(-2.5, 2.5)), st.sets(st.integers(0, 4), max_size=2))
@settings(max_examples=15, deadline=None)
def test_sums_of_updates_err_by_no_more_than_stated(updates: np.ndarray, gone: set[int]):
    found = sum_updates(updates, bound=2.5, threshold=3, drops={"inputs": gone})
    plain = np.delete(updates, sorted(gone), axis=0).sum(axis=0)
    assert np.abs(found - plain).max() <= FixedPoint(2.5, 5).largest_error + 1e-12
    assert FixedPoint(2.5, 5).largest_error < 5**2 * 2.5 / 2**32 * (1 + 1e-8)


def test_all_clients_at_the_bound_do_not_wrap_around():
    for n_clients in (1, 3, 1000):
        code = FixedPoint(1.0, n_clients)
        total = np.sum([code.encode([1.0, -1.0])] * n_clients, axis=0, dtype=np.uint32)
        assert np.allclose(code.decode_sum(total), [n_clients, -n_clients], rtol=1e-12, atol=0)


def test_numbers_beyond_the_bound_and_nan_are_refused():
    for wrong in (1.0000001, -2.0, np.nan):
        with pytest.raises(ValueError, match="beyond the bound"):
            FixedPoint(1.0, 4).encode([0.0, wrong])
    for settings_ in ((0.0, 4), (np.inf, 4), (1.0, 0), (1.0, 2**31)):
        with pytest.raises(ValueError, match="must be positive"):
            FixedPoint(*settings_)


def test_noise_in_whole_steps_passes_the_masks():
    """What client-side Skellam noise needs: integers added to words before masking come out in the sum."""
    code, noise = FixedPoint(1.0, 6), np.arange(-4, 4)
    vectors = [code.encode(np.full(8, 0.25)) + code.words(noise) for _ in range(6)]
    total = code.decode_sum(run_round(clients_of(SIX), vectors, 1).total)
    assert np.allclose(total, 1.5 + 6 * noise * code.step, rtol=0, atol=code.largest_error)


def test_a_round_whose_clients_fall_into_parts_is_aborted():
    """Two pairs of seats empty on opposite sides of the ring part it, though every client has its holders."""
    ring = MaskedSumSettings(n_clients=12, threshold=3, length=4, n_neighbours=4)
    seats = [0]
    while len(seats) < 12:
        near = sorted(ring.neighbours(seats[-1]) - set(seats))
        seats.append(max(near, key=lambda peer: len(ring.neighbours(seats[-1]) & ring.neighbours(peer))))
    parted = {seats[0], seats[1], seats[6], seats[7]}
    vectors = words(12, 4)
    with pytest.raises(RoundAborted, match="fall into parts"):
        run_round(clients_of(ring), vectors, 0, {"inputs": parted})
    whole = run_round(clients_of(ring), vectors, 0, {"inputs": {seats[0], seats[1]}})
    assert len(whole.arrived) == 10
    everybody = frozenset(range(12))
    assert ring.hang_together(everybody)
    assert not ring.hang_together(everybody - parted)


@pytest.mark.parametrize("odd", [np.zeros(3, dtype=np.uint32), np.zeros(8), [0] * 8, None])
def test_a_masked_vector_of_another_kind_aborts_the_round(odd):
    clients, server = clients_of(SIX), MaskedSumServer(SIX, 0)
    rosters = server.collect_keys([client.advertise_keys(0) for client in clients])
    inboxes = server.collect_shares([client.share_keys(rosters[client.identity]) for client in clients])
    masked = [client.mask_vector(inboxes[client.identity], words(1, 8)[0]) for client in clients]
    with pytest.raises(RoundAborted, match="client 0 is"):
        server.collect_vectors([replace(masked[0], values=odd), *masked[1:]])
    with pytest.raises(ClientRefusal, match="needed"):
        clients[0].mask_vector(inboxes[0], odd)
