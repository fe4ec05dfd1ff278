"""CPU time of one walk-forward fold: the forecaster bridge, a plain loop and neuralforecast, side by side.

See README.md in this folder for what is counted and how to make the peer's environment.
"""

import argparse
import importlib.util
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from dti_core.bridges.forecaster import LstmSettings

HIDDEN, WINDOW_DAYS, HORIZON_DAYS, N_STEPS, BATCH, LEARNING_RATE = 32, 60, 21, 200, 256, 1e-3
TRAIN_DAYS, VALIDATION_DAYS, VALIDATION_STRIDE_DAYS = 1260, 252, 5
#: First decision day of each fold: three spread over 1990 to 2022, chosen before any run.
DECISION_DAYS = (2000, 4500, 7000)
HERE = Path(__file__).resolve()

COMMAND = "python experiments/benchmarks/lstm_vs_neuralforecast.py --peer-python /tmp/peer/bin/python"
TITLE = "Training the LSTM of one walk-forward fold"
PEER, LOOP = "neuralforecast, the same windows", "plain nn.LSTM loop"
EQUAL = (
    "The same 1,260 training days, windows and targets; 51,200 window-gradients in 200 Adam steps; 32 hidden "
    "units, one layer, learning rate; one thread. The median of three folds counts, of the fit alone."
)
SHARED = "Four neighbouring windows share one run of the network, about a third of the arithmetic"
#: Row of the table -> what it is, what differs from the peer.
COMPARED = {
    "bridge, 1 seed": ("One network", f"{SHARED}."),
    "bridge, 3 seeds at once (quick profile), per network": (
        "Three networks at once, a network",
        f"{SHARED}; the networks share batched products.",
    ),
    "bridge, 10 seeds at once (full profile), per network": (
        "Ten networks at once, a network",
        f"{SHARED}; the networks share batched products.",
    ),
    "bridge, 1 seed, each window alone": (
        "One network, each window run alone",
        "Not the arithmetic: only how it is carried out.",
    ),
}
NOISE = " The losses of one fold move by about half a percent from seed to seed; less says nothing."
#: Figure -> its unit, a warning, and the least ratio asked for: a fifth of the time at no worse a loss.
ASKED = {
    "cpu_seconds_median": ("CPU seconds a fit", "", 5.0),
    "validation_loss_mean": ("mean squared error on the same validation windows", NOISE, 1.0),
}


def comparisons() -> list[dict[str, Any]]:
    """What the book's speed page says of the table, with the places of the figures in it."""
    return [
        {
            "what": what,
            "ours": {"name": "our bridge", "at": ["table", row, figure]},
            "peer": {"name": name, "at": ["table", peer, figure]},
            "unit": unit,
            "equal": EQUAL,
            "differs": f"{differs}{warning}",
            "target": target if peer == PEER else None,
        }
        for row, (what, differs) in COMPARED.items()
        for peer, name in ((PEER, "neuralforecast"), (LOOP, "a plain loop over torch's LSTM"))
        for figure, (unit, warning, target) in ASKED.items()
    ]


def cpu_seconds() -> float:
    """User and system seconds of this process and its finished children."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def make_windows(folder: Path) -> list[Path]:
    """Scaled windows and targets of each fold, the same for all; plain log returns for the panel."""
    import pandas as pd

    from dti_core.bridges.forecaster import (
        future_returns,
        return_windows,
        training_samples,
        walk_forward_folds,
    )

    spec = importlib.util.find_spec("skfolio")
    data = Path(str(spec.origin)).parent / "datasets" / "data" / "sp500_dataset.csv.gz"
    returns = np.diff(np.log(pd.read_csv(data, index_col=0).to_numpy()), axis=0)
    paths = []
    for number, day in enumerate(DECISION_DAYS):
        (fold,) = walk_forward_folds(
            [day], refit_every=1, horizon_days=HORIZON_DAYS, window_days=WINDOW_DAYS,
            validation_days=VALIDATION_DAYS, train_days=TRAIN_DAYS,
        )  # fmt: skip
        parts = {"panel": returns[fold.train.start - WINDOW_DAYS + 1 : fold.train.stop + HORIZON_DAYS]}
        parts["stretch_x"], parts["stretch_y"] = training_samples(returns, fold.train, bridge_settings())
        for name, days in (("train", fold.train), ("val", fold.validation[::VALIDATION_STRIDE_DAYS])):
            windows = return_windows(returns, days, WINDOW_DAYS, HORIZON_DAYS)
            parts[f"{name}_x"] = windows.values[..., 0]
            parts[f"{name}_y"] = windows.standardise(future_returns(returns, days, HORIZON_DAYS))
        paths.append(folder / f"fold_{number}.npz")
        np.savez(paths[-1], **parts)
    return paths


def bridge_settings(shared_windows: int = 4) -> "LstmSettings":
    """The bridge at this script's sizes, without early stopping so that every step is taken."""
    from dti_core.bridges.forecaster import LstmSettings

    return LstmSettings(
        hidden=HIDDEN, window_days=WINDOW_DAYS, horizon_days=HORIZON_DAYS, n_steps=N_STEPS, batch=BATCH,
        learning_rate=LEARNING_RATE, patience=0, shared_windows=shared_windows, device="cpu",
    )  # fmt: skip


def fit_bridge(data: dict, seed: int, n_seeds: int, shared: bool) -> tuple[float, float]:
    """CPU seconds per network and its mean validation loss."""
    from dti_core.bridges.forecaster import fit_lstm

    name, settings = ("stretch", bridge_settings()) if shared else ("train", bridge_settings(1))
    seeds = range(seed * 100, seed * 100 + n_seeds)
    start = cpu_seconds()
    fitted = fit_lstm(data[f"{name}_x"], data[f"{name}_y"], data["val_x"], data["val_y"], settings, seeds)
    seconds = (cpu_seconds() - start) / n_seeds
    return seconds, float(np.mean((fitted.predict(data["val_x"]) - data["val_y"]) ** 2))


def fit_loop(data: dict, seed: int) -> tuple[float, float]:
    """The loop one would write first: torch's nn.LSTM, a linear head and automatic differentiation."""
    import torch

    torch.manual_seed(seed)
    x, y, val_x, val_y = (
        torch.from_numpy(data[k].astype(np.float32)) for k in ("train_x", "train_y", "val_x", "val_y")
    )
    start = cpu_seconds()
    lstm, head = torch.nn.LSTM(1, HIDDEN, batch_first=True), torch.nn.Linear(HIDDEN, 1)
    adam = torch.optim.Adam([*lstm.parameters(), *head.parameters()], lr=LEARNING_RATE)
    order = torch.cat([torch.randperm(len(x)) for _ in range(-(-N_STEPS * BATCH // len(x)))])
    for chosen in order[: N_STEPS * BATCH].split(BATCH):
        adam.zero_grad()
        loss = (head(lstm(x[chosen, :, None])[0][:, -1])[:, 0] - y[chosen]).square().mean()
        loss.backward()
        adam.step()
    seconds = cpu_seconds() - start
    with torch.no_grad():
        loss = (head(lstm(val_x[..., None])[0][:, -1])[:, 0] - val_y).square().mean()
    return seconds, float(loss)


def fit_peer(data: dict, seed: int, panel: bool) -> tuple[float, float | None]:
    """neuralforecast's LSTM: each window a series of its own (the same work), or the 20 stocks as one panel.

    Building their data set is left out of the time; their training loop, sampler and trainer are in it.
    """
    import pandas as pd
    from neuralforecast.losses.pytorch import MSE
    from neuralforecast.models import LSTM
    from neuralforecast.tsdataset import TimeSeriesDataset

    def dataset(rows: np.ndarray) -> TimeSeriesDataset:
        n, length = rows.shape
        frame = pd.DataFrame({
            "unique_id": np.repeat(np.arange(n), length), "ds": np.tile(np.arange(length), n),
            "y": rows.ravel().astype(np.float32),
        })  # fmt: skip
        return TimeSeriesDataset.from_df(frame)[0]

    model = LSTM(
        h=HORIZON_DAYS if panel else 1, input_size=WINDOW_DAYS, encoder_n_layers=1,
        encoder_hidden_size=HIDDEN, decoder_layers=1, loss=MSE(),
        max_steps=N_STEPS, learning_rate=LEARNING_RATE, random_seed=seed + 1,
        batch_size=data["panel"].shape[1] if panel else BATCH, windows_batch_size=BATCH,
        scaler_type="standard" if panel else "identity", accelerator="cpu", logger=False,
        enable_progress_bar=False, enable_checkpointing=False, enable_model_summary=False,
    )  # fmt: skip
    rows = data["panel"].T if panel else np.column_stack([data["train_x"], data["train_y"]])
    train = dataset(rows)
    start = cpu_seconds()
    model.fit(train)
    seconds = cpu_seconds() - start
    if panel:
        return seconds, None
    forecasts = np.asarray(model.predict(dataset(data["val_x"]))).ravel()
    return seconds, float(np.mean((forecasts - data["val_y"]) ** 2))


ROLES: dict[str, Callable[[dict, int], tuple[float, float | None]]] = {
    "bridge, 1 seed": lambda data, seed: fit_bridge(data, seed, 1, shared=True),
    "bridge, 3 seeds at once (quick profile), per network": lambda data, seed: fit_bridge(
        data, seed, 3, shared=True
    ),
    "bridge, 10 seeds at once (full profile), per network": lambda data, seed: fit_bridge(
        data, seed, 10, shared=True
    ),
    "bridge, 1 seed, each window alone": lambda data, seed: fit_bridge(data, seed, 1, shared=False),
    LOOP: fit_loop,
    "neuralforecast, the same windows": lambda data, seed: fit_peer(data, seed, panel=False),
    "neuralforecast, panel of 20 series, 21-day path": lambda data, seed: fit_peer(data, seed, panel=True),
}


def play(role: str, windows: Path, seed: int) -> None:
    """Child process: fit once, print one line of JSON."""
    import torch

    torch.set_num_threads(1)
    weight = torch.zeros(1, requires_grad=True)
    weight.grad = torch.zeros(1)
    torch.optim.Adam([weight]).step()  # the first step imports torch's compiler; nobody is charged for that
    data = dict(np.load(windows))
    seconds, loss = ROLES[role](data, seed)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        json.dumps(
            {"cpu_seconds": seconds, "validation_loss": loss, "peak_mb": peak_mb, "torch": torch.__version__}
        )
    )


def measure(role: str, python: str, windows: Path, seed: int) -> dict:
    """Run one role in a fresh process on one thread."""
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    command = [python, str(HERE), "--role", role, "--windows", str(windows), "--seed", str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **one_thread})
    if done.returncode:
        raise SystemExit(f"{role} failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def summarise(runs: dict[str, list[dict]]) -> dict[str, dict[str, Any]]:
    """A row for each role: medians and single values over the rounds, ratios of medians to both peers."""
    medians = {role: statistics.median(run["cpu_seconds"] for run in done) for role, done in runs.items()}
    table = {}
    for role, done in runs.items():
        losses = [run["validation_loss"] for run in done]
        table[role] = {
            "cpu_seconds_median": round(medians[role], 3),
            "cpu_seconds": [round(run["cpu_seconds"], 3) for run in done],
            "times_less_cpu_than": {
                peer: round(medians[peer] / medians[role], 2) for peer in ROLES if peer.startswith("neural")
            },
            "peak_mb_median": round(statistics.median(run["peak_mb"] for run in done)),
            "validation_loss": None if None in losses else [round(value, 5) for value in losses],
            "validation_loss_mean": None if None in losses else round(statistics.mean(losses), 5),
        }
    return table


def machine_words() -> str:
    """Processor and system, in words."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next(
        (line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine()
    )
    return f"{model}, {os.cpu_count()} cores, {platform.system()}, one thread a fit"


def main() -> None:
    """Alternate all roles over the folds and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer-python", help="python of the environment that holds neuralforecast")
    parser.add_argument("--rounds", type=int, default=3, help="rounds; each takes the next fold (default 3)")
    parser.add_argument("--out", type=Path, default=HERE.with_suffix(".json"))
    parser.add_argument("--role", choices=ROLES, help=argparse.SUPPRESS)
    parser.add_argument("--windows", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.role:
        play(given.role, given.windows, given.seed)
        return
    if not given.peer_python:
        parser.error("--peer-python is needed; README.md says how to make that environment")
    runs: dict[str, list[dict]] = {role: [] for role in ROLES}
    with tempfile.TemporaryDirectory() as folder:
        folds = make_windows(Path(folder))
        nulls = [float(np.mean(np.load(path)["val_y"] ** 2)) for path in folds]
        for number in range(given.rounds):
            for role in ROLES:
                python = given.peer_python if role.startswith("neuralforecast") else sys.executable
                runs[role].append(measure(role, python, folds[number % len(folds)], number))
                print(f"round {number + 1}: {role}: {runs[role][-1]}", flush=True)
    asked = "import importlib.metadata as m; print(m.version('neuralforecast'))"
    peer = subprocess.run([given.peer_python, "-c", asked], capture_output=True, text=True).stdout.strip()
    report = {
        "title": TITLE,
        "date": datetime.now(UTC).date().isoformat(),
        "command": COMMAND,
        "comparisons": comparisons(),
        "work": f"{N_STEPS} Adam steps of {BATCH} windows of {WINDOW_DAYS} days, hidden {HIDDEN}, one fold",
        "window_gradients_per_fit": N_STEPS * BATCH,
        "machine": machine_words(),
        "versions": {"python": platform.python_version(), "torch": version("torch"), "neuralforecast": peer},
        "table": summarise(runs),
        "validation_loss_of_forecasting_zero": [round(value, 5) for value in nulls],
    }
    given.out.write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
