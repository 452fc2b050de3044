"""An exported folder run by ONNX Runtime: no torch, no transformers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from emofuse import layout
from emofuse.box import name_of
from emofuse.data.preparation import INPUTS, POOLED, Batch, Outputs, Preparation
from emofuse.errors import CheckpointError, OutputError, brief_message
from emofuse.inference.exported_folder import Exported, Precision
from emofuse.inference.graph_vetting import refuse_unusable_graph
from emofuse.inference.runtime import Traits
from emofuse.onnx_library import failures, onnxruntime
from emofuse.threads import usable_processors
from emofuse.types import MODALITIES
from emofuse.types.arrays import Float32Array
from emofuse.untrusted.bounded_files import refuse_links_outside

# The kind of numbers that each input takes.
TYPES = {
    "input_values": "tensor(float)",
    "audio_mask": "tensor(bool)",
    "input_ids": "tensor(int64)",
    "text_mask": "tensor(bool)",
}
# What ONNX Runtime raises for a graph that it cannot use.
UNUSABLE = (
    failures.Fail,
    failures.InvalidArgument,
    failures.InvalidGraph,
    failures.InvalidProtobuf,
    failures.NoSuchFile,
    failures.NotImplemented,
    failures.RuntimeException,
)


class OnnxRuntime:
    """Runs a graph on the processor.

    A graph in 8 bits finds its scales in the numbers that it is given, in those of all rows together: a row would
    get other digits in other company. It is given one row at a time, without padding.

    Args:
        graph: the file.
        traits: what the graph was made from.
        threads: how many compute at once; None takes the processors that this process may use.
        precision: of the graph.

    Raises:
        CheckpointError: the file is not a graph that ONNX Runtime can run.
    """

    padded_seconds = 0.0

    def __init__(
        self, graph: Path, traits: Traits, threads: int | None = None, precision: Precision = "float32"
    ) -> None:
        self.traits = traits
        self._one_by_one = precision == "int8"
        self.threads = threads or usable_processors()
        try:
            self._session = onnxruntime.InferenceSession(
                graph, _options(self.threads), providers=["CPUExecutionProvider"]
            )
        except UNUSABLE as error:
            raise CheckpointError(f"{graph}: is not a whole graph; export or copy the model again") from error
        self._graph = graph
        self._names = [node.name for node in self._session.get_inputs()]
        self._outputs = [node.name for node in self._session.get_outputs()]
        if not _fits(self._session, traits):
            raise CheckpointError(
                f"{graph}: is not the graph that {layout.EXPORT} describes; export the model again"
            )

    def __call__(self, batch: Batch) -> Outputs:
        """Map a batch to logits, dimensions and, where the graph has them, pooled vectors.

        Raises:
            OutputError: the graph fails, or computes something else than it declares.
        """
        found = dict(zip(self._outputs, self._run(self._outputs, batch), strict=True))
        pooled = found.pop(POOLED, None)
        if [one.shape for one in found.values()] != [(len(batch), width) for width in _widths(self.traits)]:
            raise OutputError(f"{self._graph}: does not compute what it declares; export the model again")
        logits, *dimensions = found.values()
        return Outputs(logits, dimensions[0] if dimensions else None, pooled)

    def embed(self, batch: Batch) -> Float32Array:
        """Map a batch to the pooled vectors that the model decides from, (batch, width).

        Raises:
            CheckpointError: the graph does not output them.
        """
        if POOLED not in self._outputs:
            raise CheckpointError(
                f"{self._graph}: the graph does not output its pooled vectors; export the model again, "
                "or load the model folder that it was exported from"
            )
        return self._run([POOLED], batch)[0]

    def _run(self, wanted: list[str], batch: Batch) -> list[Float32Array]:
        feed = {name: array for name, array in batch.arrays().items() if name in self._names}
        try:
            if not self._one_by_one:
                outputs: list[Float32Array] = self._session.run(wanted, feed)
                return outputs
            rows = [self._session.run(wanted, row) for row in self._rows(feed)]
        except UNUSABLE as error:
            raise OutputError(
                f"{self._graph}: the graph fails ({brief_message(error)}); export the model again"
            ) from error
        return [np.concatenate(values) for values in zip(*rows, strict=True)]

    def _rows(self, feed: dict[str, npt.NDArray[Any]]) -> Iterator[dict[str, npt.NDArray[Any]]]:
        """Yield each row of named arrays as a batch of one, without what pads it to the length of others."""
        pairs = [INPUTS[modality] for modality in self.traits.modalities]
        lengths = {mask: np.maximum(1, feed[mask].sum(axis=1)) for _, mask in pairs}
        for row in range(len(feed[self._names[0]])):
            yield {name: feed[name][row : row + 1, : lengths[pair[1]][row]] for pair in pairs for name in pair}

    def takes(self, preparation: Preparation) -> bool:
        """Return whether a preparation makes arrays of the modalities and the width that the graph takes."""
        made = {"audio": preparation.audio is not None, "text": preparation.text is not None}
        shapes = {node.name: node.shape for node in self._session.get_inputs()}
        wanted = shapes.get("input_values", [])[2:]
        width = preparation.audio.width if preparation.audio else 0
        modalities = tuple(modality for modality in MODALITIES if made[modality])
        return modalities == self.traits.modalities and wanted == ([width] if width else [])


def load_onnx(folder: Path, threads: int | None = None) -> tuple[OnnxRuntime, Preparation]:
    """Read an exported folder.

    Raises:
        CheckpointError: it is not whole.
    """
    refuse_links_outside(folder)
    record = Exported.load(folder)
    traits = Traits(name_of(folder), record.task, record.modalities, record.missing_modalities)
    preparation = Preparation.load(folder)
    refuse_unusable_graph(folder / layout.GRAPH)
    runtime = OnnxRuntime(folder / layout.GRAPH, traits, threads, record.precision)
    if not runtime.takes(preparation):
        raise CheckpointError(f"{folder}: {layout.PREPARATION} is not that of its graph; export the model again")
    return runtime, preparation


def _fits(session: onnxruntime.InferenceSession, traits: Traits) -> bool:
    """Return whether a graph has the inputs and outputs of a model: names, kinds of numbers, sizes."""
    wanted = [name for modality in traits.modalities for name in INPUTS[modality]]
    inputs, outputs = session.get_inputs(), [node for node in session.get_outputs() if node.name != POOLED]
    return (
        [node.name for node in inputs] == wanted
        and all(node.type == TYPES[node.name] for node in inputs)
        and not any(isinstance(size, int) for node in inputs for size in node.shape[:2])
        and [node.shape[-1] if node.shape else None for node in outputs] == _widths(traits)
        and all(node.type == "tensor(float)" for node in outputs)
    )


def _widths(traits: Traits) -> list[int]:
    """Return how many numbers each output has: one for each label, and for each dimension."""
    return [len(found) for found in (traits.task.labels, traits.task.dimensions) if found]


def _options(threads: int) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # errors only; warnings are for authors of graphs
    # Every clip has a length of its own: a memory plan kept for each would grow with the archive.
    options.enable_mem_pattern = False
    # Idle threads sleep, so that decoding gets a processor.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    return options
