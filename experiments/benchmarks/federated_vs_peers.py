"""Private federated training against peers in one run; each in a process of its own on one thread.

Work FL-1: 1000 users x 50 rows x 20 features, 100 of them a round, 50 rounds, 5 full-batch steps of each,
updates clipped to 0.1, Gaussian noise of 0.1 on their sum, for logistic regression (21 weights) and a network
with one hidden layer (705). Then the cost of one round of all clients, from a thousand to a million of them.

Run from the repository root, with environments that hold the peers:
python experiments/benchmarks/federated_vs_peers.py --pfl /tmp/pfl/bin/python --flower /tmp/flwr/bin/python
"""

import argparse
import importlib.metadata
import json
import os
import platform
import resource
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

USERS, ROWS, FEATURES, COHORT, ROUNDS, STEPS = 1000, 50, 20, 100, 50, 5
CLIP, NOISE_MULTIPLIER, RATE, HIDDEN, REPEATS = 0.1, 1.0, 0.1, 32, 3
CURVE = (1_000, 10_000, 100_000, 1_000_000)
MODELS = ("logistic", "mlp")
TITLE = "Private federated training of small models"
COMMAND = (
    "python experiments/benchmarks/federated_vs_peers.py --pfl PYTHON_WITH_PFL --flower PYTHON_WITH_FLOWER"
)
EQUAL = (
    "Users, rows, first weights, rounds, local steps and rates, clipping, noise; one thread, a process each, "
    "held-out accuracy within noise. Without noise our weights are those of the plain loop."
)
#: Row -> its title, and what is not the same as in ours.
ROWS_OF_PEERS = {
    "pfl": ("pfl", "It draws exactly 100 users a round and trains them one by one in float32."),
    "loop": ("plain torch loop", "The same users a round as ours, one by one in float32."),
    "flower": (
        "Flower on ray",
        "It draws exactly 100 users a round, in ray's processes; one run, not three.",
    ),
}
TARGETS = {("pfl", "logistic"): 50.0, ("pfl", "mlp"): 20.0}
#: Key of a model -> how pages call it.
MODEL_NAMES = {"logistic": "logistic regression", "mlp": "one hidden layer of 32"}


def make_users(seed: int = 20261129) -> tuple[np.ndarray, np.ndarray]:
    """Features (users, rows, features) and labels (users, rows); the second half of users is held out."""
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((2 * USERS, ROWS, FEATURES))
    odds = features @ rng.normal(0, 0.5, FEATURES) + rng.normal(0, 0.5, (2 * USERS, 1))
    return features, (rng.random(odds.shape) < 1 / (1 + np.exp(-odds))).astype(np.float64)


def first_weights(model: str) -> np.ndarray:
    """Flat weights that every row starts with, as float32 holds them."""
    if model == "logistic":
        return np.zeros(FEATURES + 1)
    rng = np.random.default_rng(5)
    bounds = np.repeat([FEATURES**-0.5, HIDDEN**-0.5], [(FEATURES + 1) * HIDDEN, HIDDEN + 1])
    return rng.uniform(-bounds, bounds).astype(np.float32).astype(np.float64)


def accuracy(weights: np.ndarray, model: str) -> float:
    """Share of the rows of held-out users that flat weights call right."""
    features, labels = (one[USERS:].reshape(USERS * ROWS, -1) for one in make_users())
    if model == "logistic":
        odds = features @ weights[:-1] + weights[-1]
    else:
        cut = FEATURES * HIDDEN
        hidden = features @ weights[:cut].reshape(FEATURES, HIDDEN) + weights[cut : cut + HIDDEN]
        odds = np.maximum(hidden, 0) @ weights[cut + HIDDEN : -1] + weights[-1]
    return float(((odds > 0) == labels[:, 0]).mean())


def settings(precision: str):
    """FL-1 in the words of the bridge."""
    from dti_core.bridges.federated import FederatedSettings

    return FederatedSettings(
        rounds=ROUNDS, local_steps=STEPS, sampling_rate=COHORT / USERS, learning_rate=RATE,
        clipping_norm=CLIP, precision=precision,
    )  # fmt: skip


def run_ours(model: str, seed: int, precision: str = "float64", vmap: bool = False, noise: bool = True):
    """Seconds, weights and share of clipped updates of the bridge."""
    from dti_core.bridges.federated import Clients, Logistic, Mlp, TorchModel, gaussian_noise, train

    features, labels = (one[:USERS].astype(precision) for one in make_users())
    starts = np.arange(USERS + 1) * ROWS
    clients = Clients(features.reshape(-1, FEATURES), labels.ravel(), starts)
    kernel = Logistic(FEATURES) if model == "logistic" else Mlp(FEATURES, HIDDEN)
    told, start = settings(precision), first_weights(model)
    if vmap:
        module = torch_module(model)
        kernel, start = TorchModel(module), flat(module)
    began = time.process_time()
    protect = gaussian_noise(NOISE_MULTIPLIER, told) if noise else None
    found = train(kernel, clients, told, np.random.default_rng(seed), protect, start=start)
    seconds = time.process_time() - began
    share = found.counts["clipped"].sum() / found.counts["cohort"].sum()
    return seconds, ours_from_torch(found.weights, model) if vmap else found.weights, float(share)


def torch_module(model: str, precision: str = "float32"):
    """The model as a torch module that starts with the same weights."""
    import torch
    from torch import nn

    torch.set_num_threads(1)
    weights = torch.from_numpy(first_weights(model).astype(precision))
    cut = FEATURES * HIDDEN
    if model == "logistic":
        module = nn.Sequential(nn.Linear(FEATURES, 1))
        parts = [weights[:-1][None], weights[-1:]]
    else:
        module = nn.Sequential(nn.Linear(FEATURES, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 1))
        layer = weights[:cut].view(FEATURES, HIDDEN).T
        parts = [layer, weights[cut : cut + HIDDEN], weights[cut + HIDDEN : -1][None], weights[-1:]]
    with torch.no_grad():
        for one, value in zip(module.to(weights.dtype).parameters(), parts, strict=True):
            one.copy_(value)
    return module


def flat(module) -> np.ndarray:
    """Parameters of a torch module, flat in its own order."""
    return np.concatenate([one.detach().numpy().ravel() for one in module.parameters()]).astype(np.float64)


def ours_from_torch(weights: np.ndarray, model: str) -> np.ndarray:
    """Flat weights in the order of the bridge, from torch's order."""
    if model == "logistic":
        return weights
    cut = FEATURES * HIDDEN
    return np.concatenate([weights[:cut].reshape(HIDDEN, FEATURES).T.ravel(), weights[cut:]])


def run_loop(model: str, seed: int, noise: bool = True, precision: str = "float32"):
    """One user after the other in torch, as one writes it; it draws the users that the bridge draws."""
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits

    module = torch_module(model, precision)
    data = zip(*(one[:USERS].astype(precision) for one in make_users()), strict=True)
    users = [[torch.from_numpy(part) for part in pair] for pair in data]
    begun, rng = time.process_time(), np.random.default_rng(seed)
    _, sampling, _, noises = rng.spawn(4)
    common = [one.detach().clone() for one in module.parameters()]
    n_clipped, n = 0, 0
    for _ in range(ROUNDS):
        total = [torch.zeros_like(one) for one in common]
        for user in np.flatnonzero(sampling.random(USERS) < COHORT / USERS):
            with torch.no_grad():
                for one, value in zip(module.parameters(), common, strict=True):
                    one.copy_(value)
            optimizer = torch.optim.SGD(module.parameters(), lr=RATE)
            for _ in range(STEPS):
                optimizer.zero_grad()
                binary_cross_entropy_with_logits(module(users[user][0])[:, 0], users[user][1]).backward()
                optimizer.step()
            with torch.no_grad():
                update = [one - value for one, value in zip(module.parameters(), common, strict=True)]
                length = float(torch.sqrt(sum((one**2).sum() for one in update)))
                for one, value in zip(total, update, strict=True):
                    one.add_(value * min(1.0, CLIP / length))
            n_clipped, n = n_clipped + (length > CLIP), n + 1
        for one, value in zip(common, total, strict=True):
            made = noises.normal(0, CLIP * NOISE_MULTIPLIER, one.shape) if noise else np.zeros(one.shape)
            one.add_((value + torch.from_numpy(made).to(value.dtype)) / COHORT)
    seconds = time.process_time() - begun
    weights = np.concatenate([one.numpy().ravel() for one in common]).astype(np.float64)
    return seconds, ours_from_torch(weights, model), n_clipped / n


def run_pfl(model: str, seed: int):
    """Apple's pfl, as its tutorials write it, without evaluation."""
    import torch
    from pfl.aggregate.simulate import SimulatedBackend
    from pfl.algorithm.base import NNAlgorithmParams
    from pfl.algorithm.federated_averaging import FederatedAveraging
    from pfl.data.dataset import Dataset
    from pfl.data.federated_dataset import FederatedDataset
    from pfl.data.sampling import get_user_sampler
    from pfl.hyperparam.base import NNTrainHyperParams
    from pfl.metrics import Weighted
    from pfl.model.pytorch import PyTorchModel
    from pfl.privacy.gaussian_mechanism import GaussianMechanism
    from pfl.privacy.privacy_mechanism import CentrallyAppliedPrivacyMechanism
    from torch.nn.functional import binary_cross_entropy_with_logits

    np.random.seed(seed)  # noqa: NPY002  pfl draws from the global generators
    torch.manual_seed(seed)
    module = torch_module(model)
    module.loss = lambda x, y: binary_cross_entropy_with_logits(module(x)[:, 0], y)
    module.metrics = lambda x, y: {"nothing": Weighted(0.0, 1)}
    users = [
        tuple(torch.from_numpy(part).float() for part in pair) for pair in zip(*make_users(), strict=True)
    ]
    begun = time.process_time()
    data = FederatedDataset(
        lambda user: Dataset(users[user]), get_user_sampler("minimize_reuse", list(range(USERS)))
    )
    mechanism = CentrallyAppliedPrivacyMechanism(GaussianMechanism(CLIP, NOISE_MULTIPLIER))
    FederatedAveraging().run(
        NNAlgorithmParams(central_num_iterations=ROUNDS, evaluation_frequency=10**6, train_cohort_size=COHORT,
                          val_cohort_size=None),
        SimulatedBackend(data, data, postprocessors=[mechanism]),
        PyTorchModel(module, torch.optim.SGD, torch.optim.SGD(module.parameters(), lr=1.0)),
        NNTrainHyperParams(local_num_epochs=STEPS, local_learning_rate=RATE, local_batch_size=None),
    )  # fmt: skip
    return time.process_time() - begun, ours_from_torch(flat(module), model), float("nan")


def run_flower(model: str, seed: int):
    """Flower's simulation with clipping and noise on the server; all its processes are counted."""
    import torch
    from flwr.client import ClientApp, NumPyClient
    from flwr.common import ndarrays_to_parameters
    from flwr.server import ServerApp, ServerAppComponents, ServerConfig
    from flwr.server.strategy import DifferentialPrivacyServerSideFixedClipping, FedAvg
    from flwr.simulation import run_simulation
    from torch.nn.functional import binary_cross_entropy_with_logits

    features, labels = make_users()
    kept: list[list[np.ndarray]] = []

    class User(NumPyClient):
        def __init__(self, number: int) -> None:
            self.x, self.y = (torch.from_numpy(one[number]).float() for one in (features, labels))

        def fit(self, parameters, config):
            module = torch_module(model)
            with torch.no_grad():
                for one, value in zip(module.parameters(), parameters, strict=True):
                    one.copy_(torch.from_numpy(value))
            optimizer = torch.optim.SGD(module.parameters(), lr=RATE)
            for _ in range(STEPS):
                optimizer.zero_grad()
                binary_cross_entropy_with_logits(module(self.x)[:, 0], self.y).backward()
                optimizer.step()
            return [one.detach().numpy() for one in module.parameters()], ROWS, {}

    def server(context):
        first = [one.detach().numpy() for one in torch_module(model).parameters()]
        inner = FedAvg(
            fraction_fit=COHORT / USERS, min_fit_clients=COHORT, fraction_evaluate=0.0,
            initial_parameters=ndarrays_to_parameters(first),
            evaluate_fn=lambda _, arrays, __: kept.append([one.copy() for one in arrays]),
        )  # fmt: skip
        strategy = DifferentialPrivacyServerSideFixedClipping(inner, NOISE_MULTIPLIER, CLIP, COHORT)
        return ServerAppComponents(strategy=strategy, config=ServerConfig(num_rounds=ROUNDS))

    np.random.seed(seed)  # noqa: NPY002  Flower draws from the global generator
    app = ClientApp(client_fn=lambda context: User(int(context.node_config["partition-id"])).to_client())
    tree = Tree()
    run_simulation(
        ServerApp(server_fn=server), app, num_supernodes=USERS,
        backend_config={"client_resources": {"num_cpus": 1, "num_gpus": 0.0}},
    )  # fmt: skip
    seconds, megabytes = tree.stop()
    weights = np.concatenate([one.ravel() for one in kept[-1]]).astype(np.float64)
    return seconds, ours_from_torch(weights, model), megabytes


class Tree:
    """CPU seconds and resident memory of this process and all below it, looked at every half second."""

    def __init__(self) -> None:
        self.first, self.peak_mb, self.last_of = self._look()[0], 0.0, {}
        self.going = True
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def _look(self) -> tuple[dict[int, float], float]:
        ticks, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
        above, spent, held = {}, {}, {}
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                words = path.read_text().rsplit(")", 1)[1].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            number = int(path.parent.name)
            above[number] = int(words[1])
            spent[number] = (int(words[11]) + int(words[12])) / ticks
            held[number] = int(words[21]) * page / 2**20
        mine = {os.getpid()}
        for _ in range(8):
            mine |= {one for one, parent in above.items() if parent in mine}
        return {one: spent[one] for one in mine}, sum(held[one] for one in mine)

    def _watch(self) -> None:
        while self.going:
            spent, megabytes = self._look()
            self.last_of |= spent
            self.peak_mb = max(self.peak_mb, megabytes)
            time.sleep(0.5)

    def stop(self) -> tuple[float, float]:
        """CPU seconds since the start, of ended processes as last seen, and the largest memory together."""
        self.going = False
        self.thread.join()
        self.last_of |= self._look()[0]
        spent = sum(seconds - self.first.get(one, 0.0) for one, seconds in self.last_of.items())
        return spent, self.peak_mb


RUNS = {
    "ours": run_ours,
    "ours_float32": lambda model, seed: run_ours(model, seed, "float32"),
    "ours_vmap": lambda model, seed: run_ours(model, seed, "float32", vmap=True),
    "loop": run_loop,
    "pfl": run_pfl,
    "flower": run_flower,
}


def measure(row: str, model: str, seed: int) -> dict[str, float]:
    """One training of one row, in this process."""
    seconds, weights, third = RUNS[row](model, seed)
    held = third if row == "flower" else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found = {"cpu_s": seconds, "accuracy": accuracy(weights, model), "peak_mb": held}
    return found if row in ("flower", "pfl") else found | {"clipped_share": third}


def same_weights() -> dict[str, dict[str, float]]:
    """Largest gap between weights of the bridge and of the plain loop after all rounds without noise."""
    found: dict[str, dict[str, float]] = {}
    for model in MODELS:
        found[model] = {}
        for precision in ("float64", "float32"):
            loop = run_loop(model, 7, False, precision)[1]
            gap = np.abs(run_ours(model, 7, precision, noise=False)[1] - loop).max()
            found[model][precision] = float(gap)
    return found


class MadeOnTheFly:
    """Clients of 50 rows that are computed from their number when they are asked for (splitmix64)."""

    def __init__(self, n_clients: int) -> None:
        self.n_clients, self.seconds = n_clients, 0.0
        self.slopes = np.random.default_rng(3).normal(0, 0.5, FEATURES)

    def n_rows(self, ids: np.ndarray) -> np.ndarray:
        """50 for each."""
        return np.full(len(ids), ROWS)

    def rows(self, ids: np.ndarray, picks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Uniform features of variance 1, labels from a logistic model."""
        begun, columns = time.process_time(), FEATURES + 1
        places = (ids[:, None] * ROWS + picks)[..., None] * columns + np.arange(columns)
        z = places.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        uniform = ((z ^ (z >> np.uint64(31))) >> np.uint64(11)) * 2.0**-53
        features = (uniform[..., :-1] - 0.5) * np.sqrt(12)
        labels = (uniform[..., -1] < 1 / (1 + np.exp(-(features @ self.slopes)))) * 1.0
        self.seconds += time.process_time() - begun
        return features, labels


def measure_curve(n_clients: int) -> dict[str, float]:
    """One round of all clients, in this process: seconds with and without making the rows, peak memory."""
    from dti_core.bridges.federated import FederatedSettings, Logistic, gaussian_noise, train

    clients = MadeOnTheFly(n_clients)
    told = FederatedSettings(rounds=1, local_steps=STEPS, sampling_rate=1.0, clipping_norm=CLIP)
    begun = time.process_time()
    train(Logistic(FEATURES), clients, told, np.random.default_rng(1), gaussian_noise(1.0, told))
    seconds = time.process_time() - begun
    return {
        "n_clients": n_clients, "cpu_s": seconds - clients.seconds, "making_rows_cpu_s": clients.seconds,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "rows_mb_if_held": n_clients * ROWS * (FEATURES + 1) * 8 / 2**20,
    }  # fmt: skip


def in_own_process(python: str, *arguments: str):
    """What this script prints in a fresh interpreter on one thread."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    quiet = {"RAY_DEDUP_LOGS": "0", "FLWR_TELEMETRY_ENABLED": "0", "PYTHONPATH": str(Path.cwd())}
    done = subprocess.run(
        [python, __file__, *arguments], capture_output=True, text=True, check=False,
        env={**os.environ, **threads, **quiet},
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def summarise(runs: list[dict[str, float]]) -> dict[str, object]:
    """Median seconds and memory, mean accuracy and all values of the runs of one row."""
    found: dict[str, object] = {
        "median_cpu_s": float(np.median([one["cpu_s"] for one in runs])),
        "cpu_s": [round(one["cpu_s"], 4) for one in runs],
        "peak_mb": float(np.median([one["peak_mb"] for one in runs])),
        "accuracy": float(np.mean([one["accuracy"] for one in runs])),
        "accuracies": [round(one["accuracy"], 5) for one in runs],
    }
    if "clipped_share" in runs[0]:
        found["clipped_share"] = float(np.mean([one["clipped_share"] for one in runs]))
    return found


def comparisons(peers: list[str]) -> list[dict[str, object]]:
    """What the book's speed page says of the report, with the places of the figures in it."""
    figures = {"median_cpu_s": "CPU seconds, median of three trainings", "peak_mb": "MB at the peak"}
    return [
        {
            "what": f"FL-1, {MODEL_NAMES[model]}",
            "ours": {"name": "all clients of a round at once", "at": [model, "ours", figure]},
            "peer": {"name": ROWS_OF_PEERS[peer][0], "at": [model, peer, figure]},
            "unit": unit, "equal": EQUAL, "differs": ROWS_OF_PEERS[peer][1],
            "target": TARGETS.get((peer, model)) if figure == "median_cpu_s" else None,
        }
        for figure, unit in figures.items() for peer in peers for model in MODELS
    ]  # fmt: skip


def report(pfl: str, flower: str | None) -> dict[str, object]:
    """All rows, the check of equal weights and the curve."""
    rows = {"ours": sys.executable, "ours_float32": sys.executable, "ours_vmap": sys.executable,
            "loop": sys.executable, "pfl": pfl}  # fmt: skip
    peers = ["pfl", "loop", *(["flower"] if flower else [])]
    found: dict[str, object] = {
        "title": TITLE, "date": datetime.now(UTC).date().isoformat(), "command": COMMAND,
        "comparisons": comparisons(peers),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, one thread a process",
        "python": platform.python_version(),
        "versions": in_own_process(sys.executable, "versions", "numpy", "scipy", "torch")
        | in_own_process(pfl, "versions", "pfl")
        | (in_own_process(flower, "versions", "flwr", "ray") if flower else {}),
    }  # fmt: skip
    for model in MODELS:
        runs: dict[str, list[dict[str, float]]] = {row: [] for row in rows}
        for seed in range(REPEATS):
            for row, python in rows.items():
                runs[row].append(in_own_process(python, "measure", row, model, str(seed)))
        found[model] = {row: summarise(values) for row, values in runs.items()}
        if flower:
            found[model]["flower"] = summarise([in_own_process(flower, "measure", "flower", model, "0")])
    found["largest_weight_gap_to_the_loop"] = in_own_process(sys.executable, "same")
    found["one_round_of_all_clients"] = [in_own_process(sys.executable, "curve", str(n)) for n in CURVE]
    return found


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["measure", row, model, seed]:
            print(json.dumps(measure(row, model, int(seed))))
        case ["curve", n]:
            print(json.dumps(measure_curve(int(n))))
        case ["same"]:
            print(json.dumps(same_weights()))
        case ["versions", *names]:
            print(json.dumps({name: importlib.metadata.version(name) for name in names}))
        case _:
            parser = argparse.ArgumentParser()
            parser.add_argument("--pfl", required=True)
            parser.add_argument("--flower")
            told = parser.parse_args()
            text = json.dumps(report(told.pfl, told.flower), indent=1)
            Path(__file__).with_suffix(".json").write_text(text + "\n", encoding="utf-8")
            print(text)
