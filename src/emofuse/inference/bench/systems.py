"""What the workers of a benchmark do: make the models, run one of five systems, measure the machine's peak.

Each function that opens something is called in a process of its own; those of ONNX never import torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Literal

import numpy as np

from emofuse.data.preparation import Item
from emofuse.inference.bench.bench_utterances import CHUNK
from emofuse.peak_memory import peak_memory_mb
from emofuse.types.arrays import Float32Array

SystemName = Literal["transformers single", "transformers batch", "torch", "onnx float32", "onnx int8"]
# Prepared utterances to logits, (utterances, labels).
Forward = Callable[[Sequence[Item]], Float32Array]


@dataclass(frozen=True)
class Folders:
    """One network three times: its model folder, and what was exported from it."""

    torch: Path
    float32: Path
    int8: Path


@dataclass(frozen=True)
class Made:
    """What is compared.

    Attributes:
        folders: where it lies.
        model: it in a few words.
        parameters: how many numbers it holds.
        longest_text: how many pieces its text encoder takes at once; None without a limit.
    """

    folders: Folders
    model: str
    parameters: int
    longest_text: int | None


@dataclass(frozen=True)
class Turn:
    """What a system says of a chunk of utterances.

    Attributes:
        seconds: from prepared arrays to logits.
        labels: the likeliest of each utterance, as an index.
        peak_rss_mb: the most memory that its process has held so far.
    """

    seconds: float
    labels: tuple[int, ...]
    peak_rss_mb: float


def _transformers(folders: Folders, threads: int, rows: int) -> Forward:
    from emofuse.inference.bench.bench_networks import PlainTransformers
    from emofuse.model.forward import use_threads

    use_threads(threads)
    return PlainTransformers(folders.torch, rows)


def _one_by_one(folder: Path, threads: int) -> Forward:
    """Run a folder as the recogniser does on processors."""
    from emofuse.inference.model_folders import open_folder

    runtime, preparation = open_folder(folder, "cpu", threads)
    return lambda items: np.concatenate([runtime(preparation.collate([item])).logits for item in items])


SYSTEMS: dict[SystemName, Callable[[Folders, int], Forward]] = {
    "transformers single": partial(_transformers, rows=1),
    "transformers batch": partial(_transformers, rows=CHUNK),
    "torch": lambda folders, threads: _one_by_one(folders.torch, threads),
    "onnx float32": lambda folders, threads: _one_by_one(folders.float32, threads),
    "onnx int8": lambda folders, threads: _one_by_one(folders.int8, threads),
}


def open_system(name: SystemName, folders: Folders, threads: int) -> Callable[[Sequence[Item]], Turn]:
    """Load a system; what is returned runs a chunk and takes the time."""
    forward = SYSTEMS[name](folders, threads)

    def run(items: Sequence[Item]) -> Turn:
        began = perf_counter()
        logits = forward(items)
        seconds = perf_counter() - began
        return Turn(seconds, tuple(int(index) for index in logits.argmax(axis=1)), peak_memory_mb())

    return run


def open_maker(place: Path, seed: int, threads: int) -> Callable[[Path | None], Made]:
    """Return what makes, of a model folder or else of the paper's network, all that is compared."""
    from emofuse.model.forward import use_threads  # first: where there is no torch, it says how to get it

    use_threads(threads)
    from emofuse.inference.bench.bench_networks import save_paper_network
    from emofuse.inference.export import export

    def make(model: Path | None) -> Made:
        folders = Folders(model or place / "model", place / "float32", place / "int8")
        if model is None:
            save_paper_network(folders.torch, seed)
        made = _described(folders, "random weights" if model is None else model.resolve().name)
        export(folders.torch, folders.float32)
        export(folders.torch, folders.int8, int8=True)
        return made

    return make


def _described(folders: Folders, origin: str) -> Made:
    from emofuse.inference.bench.bench_networks import describe
    from emofuse.model.checkpoint import load_checkpoint
    from emofuse.model.network import count_parameters

    network = load_checkpoint(folders.torch).model
    longest = network.text_encoder.longest if "text" in network.config.modalities else None
    return Made(folders, describe(network, origin), count_parameters(network), longest)


def open_counter(folder: Path, threads: int) -> Callable[[Sequence[Item]], int]:
    """Load a model; what is returned counts the operations of utterances run one by one."""
    from emofuse.inference.bench.bench_networks import count_flops
    from emofuse.model.checkpoint import load_checkpoint
    from emofuse.model.forward import use_threads

    use_threads(threads)
    return partial(count_flops, load_checkpoint(folder))


def open_peak(threads: int) -> Callable[[int], float]:
    """Return what measures float32 operations a second, of the best of several matrix products."""
    from emofuse.inference.bench.peak import MatrixProducts

    return MatrixProducts(threads)
