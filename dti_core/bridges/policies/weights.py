"""Policies in one file without code in it: safetensors, whose digest says which they are."""

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from dti_core.bridges.policies.policy import Policy, Shape
from dti_core.bridges.policies.settings import Sizes

_LENGTH_BYTES = 8


def save_policies(path: Path, policies: Mapping[str, Policy]) -> str:
    """Write policies by name in one step that survives a crash; the file's sha256.

    The same policies give the same bytes.
    """
    tensors = {
        f"{name}/{part}": network.theta
        for name, policy in policies.items()
        for part, network in policy.networks.items()
    }
    return write_tensors(path, tensors, {name: asdict(policy.shape) for name, policy in policies.items()})


def load_policies(content: bytes, sha256: str | None = None) -> dict[str, Policy]:
    """Policies by name.

    Parameters
    ----------
    content : of a file that `save_policies` wrote. sha256 : what it must have; None takes any.

    Raises
    ------
    ValueError : it is damaged, foreign, or not the one asked for.
    """
    try:
        tensors, shapes, digest = read_tensors(content)
        if sha256 is not None and digest != sha256:
            raise ValueError(f"its sha256 is {digest}, not {sha256}")
        policies = {name: Policy(_shape(shape)) for name, shape in shapes.items()}
        wanted = {
            f"{name}/{part}": network.theta
            for name, policy in policies.items()
            for part, network in policy.networks.items()
        }
        fill(wanted, tensors)
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        raise ValueError(
            f"it gives no policies: {error}. Take a file that save_policies wrote, or train them anew"
        ) from error
    return policies


def write_tensors(path: Path, tensors: Mapping[str, torch.Tensor], note: Mapping[str, Any]) -> str:
    """Replace `path` by tensors and a note (as JSON) about them, in one step; the sha256 of the file."""
    content = save(
        {name: tensor.detach().clone() for name, tensor in tensors.items()},
        {"note": json.dumps(note, sort_keys=True)},
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name[:40]}.", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return hashlib.sha256(content).hexdigest()


def read_tensors(content: bytes) -> tuple[dict[str, torch.Tensor], dict[str, Any], str]:
    """Tensors, the note and the sha256 of a file's content; ValueError if it is not of such a file."""
    try:
        tensors = load(content)
        length = int.from_bytes(content[:_LENGTH_BYTES], "little")
        note = json.loads(json.loads(content[_LENGTH_BYTES : _LENGTH_BYTES + length])["__metadata__"]["note"])
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise ValueError("it is damaged or another kind of file") from error
    if not isinstance(note, dict):
        raise ValueError("it is another kind of file")
    return tensors, note, hashlib.sha256(content).hexdigest()


def fill(wanted: Mapping[str, torch.Tensor], found: Mapping[str, torch.Tensor]) -> None:
    """Copy what was found in the place of what is wanted; ValueError unless they are alike and finite."""
    for name in wanted.keys() ^ found.keys():
        raise ValueError(f"tensor {name} is {'missing' if name in wanted else 'not known'}")
    for name, tensor in wanted.items():
        new = found[name]
        if new.shape != tensor.shape or new.dtype != tensor.dtype or not torch.isfinite(new).all():
            raise ValueError(f"tensor {name} must be finite, {tuple(tensor.shape)} of {tensor.dtype}")
    with torch.no_grad():
        for name, tensor in wanted.items():
            tensor.copy_(found[name])


def _shape(fields: Mapping[str, Any]) -> Shape:
    return Shape(**{**fields, "sizes": Sizes(**fields["sizes"])})
