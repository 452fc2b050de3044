"""What the workers of a benchmark do: make the models, run one of five systems, measure the machine's peak.

Each `open_` function is called in a process of its own; those of ONNX never import torch.
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
    """One network in three forms: its model folder, and two exports of it."""

    torch: Path
    float32: Path
    int8: Path


@dataclass(frozen=True)
class BenchModels:
    """The models that are compared.

    Attributes:
        folders: where they are.
        model: a short description.
        parameters: number of parameters.
        longest_text: the most tokens that the text encoder takes at once; None without a limit.
    """

    folders: Folders
    model: str
    parameters: int
    longest_text: int | None


@dataclass(frozen=True)
class ChunkResult:
    """The result of a system for a chunk of utterances.

    Attributes:
        seconds: from prepared arrays to logits.
        labels: the most probable one of each utterance, as an index.
        peak_rss_mb: the most memory that its process has used so far.
    """

    seconds: float
    labels: tuple[int, ...]
    peak_rss_mb: float


def _transformers(folders: Folders, threads: int, rows: int) -> Forward:
    from emofuse.inference.bench.bench_networks import PlainTransformers
    from emofuse.model.batch_inference import use_threads

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


def open_system(name: SystemName, folders: Folders, threads: int) -> Callable[[Sequence[Item]], ChunkResult]:
    """Load a system; return a function that runs a chunk and measures the time."""
    forward = SYSTEMS[name](folders, threads)

    def run(items: Sequence[Item]) -> ChunkResult:
        began = perf_counter()
        logits = forward(items)
        seconds = perf_counter() - began
        return ChunkResult(seconds, tuple(int(index) for index in logits.argmax(axis=1)), peak_memory_mb())

    return run


def open_maker(place: Path, seed: int, threads: int) -> Callable[[Path | None], BenchModels]:
    """Return a function that makes the compared models from a model folder, or else from the paper's network."""
    from emofuse.model.batch_inference import (
        use_threads,
    )  # first: without torch, it raises with the way to install it

    use_threads(threads)
    from emofuse.inference.bench.bench_networks import save_paper_network
    from emofuse.inference.export import export

    def make(model: Path | None) -> BenchModels:
        folders = Folders(model or place / "model", place / "float32", place / "int8")
        if model is None:
            save_paper_network(folders.torch, seed)
        models = _described(folders, "random weights" if model is None else model.resolve().name)
        export(folders.torch, folders.float32)
        export(folders.torch, folders.int8, int8=True)
        return models

    return make


def _described(folders: Folders, origin: str) -> BenchModels:
    from emofuse.inference.bench.bench_networks import describe
    from emofuse.model.checkpoint import load_checkpoint
    from emofuse.model.network import count_parameters

    network = load_checkpoint(folders.torch).model
    longest = network.text_encoder.longest if "text" in network.config.modalities else None
    return BenchModels(folders, describe(network, origin), count_parameters(network), longest)


def open_counter(folder: Path, threads: int) -> Callable[[Sequence[Item]], int]:
    """Load a model; return a function that counts the operations of utterances run one by one."""
    from emofuse.inference.bench.bench_networks import count_flops
    from emofuse.model.batch_inference import use_threads
    from emofuse.model.checkpoint import load_checkpoint

    use_threads(threads)
    return partial(count_flops, load_checkpoint(folder))


def open_peak(threads: int) -> Callable[[int], float]:
    """Return a function that measures float32 operations per second, the best of several matrix products."""
    from emofuse.inference.bench.peak import MatrixProducts

    return MatrixProducts(threads)
