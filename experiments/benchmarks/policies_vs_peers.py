"""Training agents that share weights: the bridge `policies` beside stable-baselines3 with supersuit.

Two works, each row in a process of its own on one thread. `patching`: patch planning of 11 services under a
tight budget; the peer steps it in plain Python, which is faster for one estate than PettingZoo over the
batched simulator. `spread`: simple_spread, batched for the bridge and mpe2's own for the peer; that both are
equal is checked first. Run from the repository root, with an environment that holds the peers:
python experiments/benchmarks/policies_vs_peers.py --peer-python /tmp/peer/bin/python
"""

import argparse
import importlib.metadata
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

SEEDS = (0, 1, 2)
TITLE = "Training agents that share weights"
COMMAND = "python experiments/benchmarks/policies_vs_peers.py --peer-python PYTHON_WITH_PEERS"
#: Rounds, worlds of a round, how often each is played, and what a round does: the same for both sides.
PATCHING = {"rounds": 10, "worlds": 16, "replicas": 8, "steps": 12, "agents": 11, "hidden": 32, "epochs": 3,
            "minibatches": 4, "learning_rate": 3e-3}  # fmt: skip
SPREAD = {"rounds": 20, "worlds": 15, "replicas": 8, "steps": 25, "agents": 3, "hidden": 64, "epochs": 10,
          "minibatches": 22, "learning_rate": 1e-3}  # fmt: skip
WORKS = {"patching": PATCHING, "spread": SPREAD}
#: Environments of the peer side by side; its step length in simple_spread is its own default.
PEER_ENVS = {"patching": 16, "spread": 10}
PEER_LEARNING_RATE = {"patching": 3e-3, "spread": 3e-4}
SERVICES, WORLD = 11, "tight_budget"
#: Episodes of simple_spread on which policies are judged, and on which both implementations are compared.
JUDGED, COMPARED = range(1_000_000, 1_000_400), range(40)
PEER = "stable-baselines3 PPO, supersuit"
WHAT = {"patching": "Training 11 services to plan patches", "spread": "Training on simple_spread"}
TARGETS = {"patching": 10.0, "spread": 5.0}
EQUAL = (
    "Joint frames, rows of a round, passes and steps of Adam, layers and units; one thread, a process each. "
)
ALIKE = {
    "patching": EQUAL + "Rules and rewards of the estates, equal to rounding.",
    "spread": EQUAL
    + "Worlds and rewards, equal to rounding; returns of trained policies stand in the report.",
}
DIFFERS = {
    "patching": "The bridge draws its estates within the time and learns from services that have a choice; "
    "the peer's estates are drawn before and stepped in plain Python, and it learns from all services.",
    "spread": "The bridge steps 120 worlds at once in arrays, the peer 10 environments of mpe2; baselines, "
    "discount and step length are each side's own.",
}


def frames(work: str) -> int:
    """Joint frames of one training."""
    told = WORKS[work]
    return told["rounds"] * told["worlds"] * told["replicas"] * told["steps"]


def measured(seconds: float, work: str) -> dict[str, Any]:
    """Seconds of a training, for 1,000 joint frames, and the memory of this process."""
    return {
        "cpu_s": seconds, "cpu_s_per_1000_frames": 1e3 * seconds / frames(work),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }  # fmt: skip


def make(work: str):
    """The batched simulator of a work."""
    if work == "spread":
        from simple_spread import SimpleSpread

        return SimpleSpread()
    from patch_simulator import rule

    from dti_core.studies.patch_planning.methods.agents import Planning
    from dti_core.studies.patch_planning.worlds.draws import draw_estate

    like = draw_estate(WORLD, SERVICES, 0)
    return Planning(lambda seed: draw_estate(WORLD, SERVICES, seed), like, rule())


def run_ours(work: str, seed: int) -> dict[str, Any]:
    """A training with IPPO."""
    from dti_core.bridges.policies import Ippo, train

    told = WORKS[work]
    algorithm = Ippo(
        n_iterations=told["rounds"], n_estates=told["worlds"], n_replicas=told["replicas"],
        hidden=told["hidden"], n_epochs=told["epochs"], n_minibatches=told["minibatches"],
        learning_rate=told["learning_rate"], own_reward=True,
    )  # fmt: skip
    begun = time.process_time()
    policy = train(lambda: make(work), algorithm, seed)
    found = measured(time.process_time() - begun, work)
    return found | ({"return": ours_return(policy)} if work == "spread" else {})


def ours_return(policy) -> float:
    """Mean return an agent and episode of the likeliest actions."""
    game = make("spread")
    game.reset(JUDGED)
    total = 0.0
    while not game.done:
        total += game.step(policy.act(game.observe())).shares.mean()
    return float(total)


def run_peer(work: str, seed: int, estates: str) -> dict[str, Any]:
    """The same amount of training with stable-baselines3; CPU seconds of learning alone."""
    import supersuit
    import torch
    from stable_baselines3 import PPO
    from stable_baselines3.common.utils import set_random_seed

    torch.set_num_threads(1)
    set_random_seed(seed)
    told, n_envs = WORKS[work], PEER_ENVS[work]
    env = supersuit.pettingzoo_env_to_vec_env_v1(peer_env(work, estates))
    env = supersuit.concat_vec_envs_v1(env, n_envs, num_cpus=1, base_class="stable_baselines3")
    env.venv.reset(seed=1000 * seed)  # the wrapper passes no seeds on
    rows = frames(work) * told["agents"] // told["rounds"]
    own = {"gamma": 1.0, "gae_lambda": 1.0, "ent_coef": 0.003} if work == "patching" else {}
    model = PPO(
        "MlpPolicy", env, n_steps=rows // told["agents"] // n_envs,
        batch_size=-(-rows // told["minibatches"]), n_epochs=told["epochs"], device="cpu",
        learning_rate=PEER_LEARNING_RATE[work], policy_kwargs={"net_arch": [told["hidden"]] * 2}, **own,
    )  # fmt: skip
    begun = time.process_time()
    model.learn(frames(work) * told["agents"])
    found = measured(time.process_time() - begun, work)
    if model.num_timesteps != frames(work) * told["agents"]:
        raise RuntimeError(f"the peer played {model.num_timesteps} rows")
    return found | ({"return": peer_return(model)} if work == "spread" else {})


def peer_env(work: str, estates: str):
    """The environment that the peer steps."""
    if work == "spread":
        from mpe2 import simple_spread_v3

        return simple_spread_v3.parallel_env(N=3, max_cycles=25)
    from plain_patching import PlainEnv

    told = json.loads(Path(estates).read_text(encoding="utf-8"))
    return PlainEnv(told["estates"], told["price"], masks=False)


def peer_return(model) -> float:
    """As `ours_return`, played in mpe2."""
    env, total = peer_env("spread", ""), 0.0
    for seed in JUDGED:
        seen, _ = env.reset(seed=seed)
        while env.agents:
            acts, _ = model.predict(np.stack([seen[agent] for agent in env.agents]), deterministic=True)
            seen, rewards, *_ = env.step(dict(zip(env.agents, acts.tolist(), strict=True)))
            total += sum(rewards.values()) / 3
    return total / len(JUDGED)


def game_actions() -> np.ndarray:
    """(T, N, A) random actions on which both implementations are compared."""
    return np.random.default_rng(7).integers(0, 5, (25, len(COMPARED), 3))


def trace_peer(path: str) -> None:
    """What mpe2 shows and pays for those actions, written to a file."""
    env, actions = peer_env("spread", ""), game_actions()
    seen, paid = np.zeros((26, len(COMPARED), 3, 18)), np.zeros((25, len(COMPARED), 3))
    for k, seed in enumerate(COMPARED):
        shown, _ = env.reset(seed=seed)
        names = list(env.agents)
        seen[0, k] = [shown[name] for name in names]
        for step in range(25):
            shown, rewards, *_ = env.step(dict(zip(names, actions[step, k].tolist(), strict=True)))
            seen[step + 1, k] = [shown[name] for name in names]
            paid[step, k] = [rewards[name] for name in names]
    np.savez(path, seen=seen, paid=paid)


def largest_gap(path: str) -> dict[str, float]:
    """Largest gap between the batched game and mpe2, in what is seen and paid; and how often agents touch."""
    game, actions, theirs = make("spread"), game_actions(), np.load(path)
    game.reset(COMPARED)
    seen, paid = [game.observe().features], []
    for act in actions:
        paid.append(game.step(act).shares)
        seen.append(game.observe().features)
    near = np.linalg.norm(theirs["seen"][..., 10:14].reshape(-1, 2), axis=1) < 0.3
    gap = {
        "seen": float(np.abs(np.stack(seen) - theirs["seen"]).max()),
        "paid": float(np.abs(np.stack(paid) - theirs["paid"]).max()),
        "share_of_pairs_that_touch": float(near.mean()),
    }
    if max(gap["seen"], gap["paid"]) > 1e-5 or not near.any():
        raise RuntimeError(f"the batched game is not mpe2's: {gap}")
    return gap


def write_estates(path: str) -> None:
    """As many estates as the bridge draws in a training, for the peer."""
    from patch_simulator import PRICE, drawn, plain_lists

    estates = plain_lists(drawn(SERVICES, PATCHING["rounds"] * PATCHING["worlds"])[0])
    Path(path).write_text(json.dumps({"estates": estates, "price": PRICE}), encoding="utf-8")


def in_own_process(python: str, *arguments: str) -> Any:
    """What this script prints in a fresh interpreter on one thread."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    done = subprocess.run(
        [python, __file__, *arguments], stdout=subprocess.PIPE, text=True, check=True,
        env={**os.environ, **threads, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
    )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1])


def comparisons() -> list[dict[str, Any]]:
    """What the book's speed page says of the report, with the places of the figures in it."""
    figure = "cpu_s_per_1000_frames"
    return [
        {
            "what": WHAT[work],
            "ours": {"name": "IPPO of the bridge", "at": [work, "ours", figure]},
            "peer": {"name": PEER, "at": [work, "peer", figure]},
            "unit": "CPU seconds for 1,000 joint frames, median of three trainings",
            "equal": ALIKE[work], "differs": DIFFERS[work], "target": TARGETS[work],
        }
        for work in WORKS
    ]  # fmt: skip


def summarise(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians, and all values, of the trainings of one row."""
    found: dict[str, Any] = {name: float(np.median([one[name] for one in runs])) for name in runs[0]}
    found["joint_frames_per_cpu_s"] = 1e3 / found["cpu_s_per_1000_frames"]
    return found | {f"{name}_by_seed": [round(one[name], 4) for one in runs] for name in runs[0]}


def report(peer: str) -> dict[str, Any]:
    """The check that games are equal, and all rows."""
    found: dict[str, Any] = {
        "title": TITLE, "date": datetime.now(UTC).date().isoformat(), "command": COMMAND,
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, one thread a process",
        "python": platform.python_version(),
        "versions": in_own_process(sys.executable, "versions", "numpy", "torch")
        | in_own_process(peer, "versions", "stable_baselines3", "supersuit", "pettingzoo", "mpe2"),
        "comparisons": comparisons(), "settings": WORKS,
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        estates, trace = f"{folder}/estates.json", f"{folder}/trace.npz"
        write_estates(estates)
        in_own_process(peer, "trace", trace)
        found["largest_gap_to_mpe2"] = largest_gap(trace)
        for work in WORKS:
            runs: dict[str, list[dict[str, Any]]] = {"ours": [], "peer": []}
            for seed in map(str, SEEDS):
                runs["ours"].append(in_own_process(sys.executable, "ours", work, seed))
                runs["peer"].append(in_own_process(peer, "peer", work, seed, estates))
            found[work] = {row: summarise(some) for row, some in runs.items()}
            found[work]["times"] = found[work]["peer"]["cpu_s"] / found[work]["ours"]["cpu_s"]
            print(work, json.dumps(found[work]), flush=True)
    return found


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["ours", work, seed]:
            print(json.dumps(run_ours(work, int(seed))))
        case ["peer", work, seed, estates]:
            print(json.dumps(run_peer(work, int(seed), estates)))
        case ["trace", path]:
            trace_peer(path)
            print("{}")
        case ["versions", *names]:
            print(json.dumps({name: importlib.metadata.version(name) for name in names}))
        case _:
            parser = argparse.ArgumentParser()
            parser.add_argument("--peer-python", required=True)
            text = json.dumps(report(parser.parse_args().peer_python), indent=1)
            Path(__file__).with_suffix(".json").write_text(text + "\n", encoding="utf-8")
