"""The state of a training after each epoch, from which an interrupted training resumes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from emofuse import layout
from emofuse.errors import RunError
from emofuse.untrusted.json_text import parse_json, to_json

Weights: TypeAlias = dict[str, Tensor]
# Key of the record in the file's metadata: tensors and record are one file, written whole or not at all.
RECORD = "record"


@dataclass(frozen=True)
class TrainingState:
    """A training after an epoch.

    Attributes:
        weights: of the network, without those of frozen encoders.
        optimizer: what `Optimizer.state_dict` has under "state".
        kept: the weights that the selection keeps so far.
        record: everything else, as JSON values.
    """

    weights: Weights
    optimizer: dict[int, dict[str, Tensor]]
    kept: list[Weights]
    record: dict[str, Any]


@dataclass(frozen=True)
class StateFile:
    """The file from which a training resumes.

    Attributes:
        path: of the file.
        identity: of recipe, seed and data; the file of another training is refused.
    """

    path: Path
    identity: str

    def save(self, training: TrainingState) -> None:
        """Write a training state and the states of the random generators, whole or not at all."""
        tensors = {f"weights.{name}": value for name, value in training.weights.items()}
        for number, values in training.optimizer.items():
            tensors |= {f"optimizer.{number}.{name}": value for name, value in values.items()}
        for number, weights in enumerate(training.kept):
            tensors |= {f"kept.{number}.{name}": value for name, value in weights.items()}
        tensors["random.torch"] = torch.get_rng_state()
        if torch.cuda.is_available():
            tensors["random.cuda"] = torch.cuda.get_rng_state()
        record = {"identity": self.identity, "numpy": _numpy_state()}
        whole = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
        layout.write_bytes(self.path, save(whole, {RECORD: to_json(record | training.record)}))

    def load(self) -> TrainingState | None:
        """Read the training state and restore the random generators; None where nothing was saved.

        Raises:
            RunError: the file is damaged, or belongs to another training.
        """
        if not self.path.is_file():
            return None
        try:
            with safe_open(self.path, "pt") as file:
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # not a mapping
                record = parse_json(file.metadata()[RECORD])
        except (SafetensorError, OSError, ValueError, LookupError, TypeError) as error:
            raise RunError(f"{self.path}: is damaged; delete it, and train from the start") from error
        if record["identity"] != self.identity:
            raise RunError(f"{self.path}: is of another recipe or corpus; choose another folder, or delete it")
        _restore_random_state(tensors, record["numpy"])
        parts = _nested(tensors)
        optimizer = {int(number): values for number, values in parts.get("optimizer", {}).items()}
        kept = [parts["kept"][number] for number in sorted(parts.get("kept", {}), key=int)]
        return TrainingState(_of(tensors, "weights"), optimizer, kept, record)

    def beside(self, name: str) -> StateFile:
        """Return the file of another stage or member of the same training."""
        return StateFile(self.path.with_name(f"{self.path.stem}.{name}{self.path.suffix}"), self.identity)

    def clear(self) -> None:
        """Delete the file, and those of all stages and members: the training is complete."""
        for path in (self.path, *self.path.parent.glob(f"{self.path.stem}.*{self.path.suffix}")):
            path.unlink(missing_ok=True)


def _numpy_state() -> dict[str, Any]:
    """Return the state of numpy's global generator, as JSON values: encoders of transformers draw from it."""
    state: Any = np.random.get_state(legacy=False)  # noqa: NPY002
    return dict(state) | {"state": {"key": state["state"]["key"].tolist(), "pos": state["state"]["pos"]}}


def _restore_random_state(tensors: Weights, numpy_state: dict[str, Any]) -> None:
    """Restore the random generators."""
    torch.set_rng_state(tensors["random.torch"])
    keys = np.array(numpy_state["state"]["key"], dtype=np.uint32)
    np.random.set_state(numpy_state | {"state": numpy_state["state"] | {"key": keys}})  # noqa: NPY002
    if "random.cuda" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["random.cuda"])


def _of(tensors: Weights, kind: str) -> Weights:
    """Return the tensors of one kind, by the rest of their names."""
    return {name.removeprefix(f"{kind}."): v for name, v in tensors.items() if name.startswith(f"{kind}.")}


def _nested(tensors: Weights) -> dict[str, dict[str, Weights]]:
    """Return kind -> number -> name -> tensor, of the kinds that are numbered."""
    nested: dict[str, dict[str, Weights]] = {}
    for kind in ("optimizer", "kept"):
        for name, value in _of(tensors, kind).items():
            number, _, rest = name.partition(".")
            nested.setdefault(kind, {}).setdefault(number, {})[rest] = value
    return nested
