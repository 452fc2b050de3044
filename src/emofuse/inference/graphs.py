"""Write the graph of a network and measure it: against torch, and int8 in the better of two forms."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from emofuse import layout
from emofuse.data.preparation import Batch, Item, Preparation
from emofuse.errors import CheckpointError
from emofuse.evaluation.calibration import Calibration
from emofuse.inference.exported_folder import Precision
from emofuse.inference.onnx_runtime import OnnxRuntime
from emofuse.inference.parity import noise, on_shapes, on_utterances
from emofuse.inference.torch_runtime import TorchRuntime
from emofuse.model.onnx_export import LARGEST_FILE, graph_inputs, weights_bytes, write_graph

# How far a logit of a float32 graph may be from torch's.
TOLERANCE = 1e-4
# The same of an int8 graph: only a broken graph differs more; its agreement is measured and reported.
INT8_TOLERANCE = 1e3
# A graph with products in 8 bits that changes a label, or a probability by more, is not taken where one with
# weights stored in 8 bits changes less: that few utterances agree tells little.
LARGEST_CHANGE = 0.05
# How often two graphs are timed, alternately.
ROUNDS = 3


@dataclass(frozen=True)
class ExportSubject:
    """The network that is exported, and the utterances on which the graph is measured.

    Attributes:
        torch: the network.
        preparation: from clips and texts to arrays.
        calibration: of its probabilities.
        compared: utterances on which graph and network are compared.
        scale_items: others, from which the scales of convolutions in 8 bits are computed.
    """

    torch: TorchRuntime
    preparation: Preparation
    calibration: Calibration
    compared: Sequence[Item]
    scale_items: Sequence[Item] = ()

    @property
    def large(self) -> bool:
        """Whether the weights need a file beside the graph."""
        return weights_bytes(self.torch.model) > LARGEST_FILE

    def batches(self, items: Sequence[Item]) -> list[Batch]:
        """Return utterances as batches of one."""
        return [self.preparation.collate([item]) for item in items]


def make_graph(subject: ExportSubject, folder: Path, int8: bool) -> dict[str, Any]:
    """Write the graph of a network into a folder.

    Returns:
        "float32" and, with `int8`, "int8" -> what was measured: `shapes`, `sample` (see `parity`); of int8 also
        `convolutions`, their precision ("stored": all weights are stored in 8 bits, and computed with in
        float32), and `considered`, the graph that was tried and not taken: how often its label agreed and, if
        it has its convolutions in 8 bits, how much faster it was.

    Raises:
        CheckpointError: the network cannot be written as a graph, or the graph is not like it.
    """
    whole = _place(folder, "float32")
    write_graph(subject.torch.model, _example(subject.preparation), whole)
    parity = {"float32": _measure(subject, whole, "float32")}
    _refuse_unlike(parity["float32"], TOLERANCE)
    chosen = whole
    if int8:
        chosen, parity["int8"] = _in_int8(subject, folder, whole)
    for file in chosen.parent.iterdir():
        file.rename(folder / file.name)
    for made in folder.iterdir():
        if made.is_dir():
            shutil.rmtree(made)
    return parity


def largest_difference(measured: dict[str, Any]) -> float:
    """Return how far a logit is from torch's at most, of all that was measured of one graph."""
    differences = [shape["largest"] for shape in measured["shapes"]]
    differences += [label["logit"] for label in measured["sample"]["labels"].values()]
    return float(np.max(differences))  # what is not a number stays that


def _place(folder: Path, name: str) -> Path:
    """Return where a graph goes: a folder of its own, for its weights may stand beside it."""
    return layout.make_folder(folder / name) / layout.GRAPH


def _example(preparation: Preparation) -> Batch:
    """Return a batch to follow the network with; its sizes leave no trace in the graph."""
    rng = np.random.default_rng(0)
    return preparation.collate([noise(preparation, 1.0, 9, rng), noise(preparation, 0.83, 7, rng)])


def _measure(subject: ExportSubject, graph: Path, precision: Precision) -> dict[str, Any]:
    """Compare a graph with torch, on noise of many sizes and on the sample."""
    ours, theirs = OnnxRuntime(graph, subject.torch.traits, precision=precision), subject.torch
    shapes = on_shapes(ours, theirs, subject.preparation)
    sample = on_utterances(ours, theirs, subject.compared, subject.preparation, subject.calibration)
    return {"shapes": [asdict(shape) for shape in shapes], "sample": sample}


def _refuse_unlike(measured: dict[str, Any], tolerance: float) -> None:
    largest = largest_difference(measured)
    if not largest <= tolerance:  # what is not a number is refused too
        raise CheckpointError(
            f"the graph's logits are {largest:.1e} from torch's, more than {tolerance:.0e}; nothing was written, "
            "use the model with torch"
        )


def _in_int8(subject: ExportSubject, folder: Path, whole: Path) -> tuple[Path, dict[str, Any]]:
    """Return the graph in 8 bits that wins, and what was measured of it."""
    from emofuse.inference.quantise import has_convolutions, quantise, quantise_convolutions, quantise_weights

    products = _place(folder, "products")
    quantise(whole, products, subject.large)
    measured = _measure(subject, products, "int8") | {"convolutions": "float32", "considered": None}
    if not _changes_little(measured):
        stored = _place(folder, "stored")
        quantise_weights(whole, stored, subject.large)
        rival = _measure(subject, stored, "int8")
        if _likeness(rival) >= _likeness(measured):
            _refuse_unlike(rival, INT8_TOLERANCE)
            considered = {"label_agreement": measured["sample"]["label_agreement"]}
            return stored, rival | {"convolutions": "stored", "considered": considered}
    _refuse_unlike(measured, INT8_TOLERANCE)
    if not subject.scale_items or not has_convolutions(products):
        return products, measured
    everything = _place(folder, "everything")
    names = graph_inputs(subject.torch.model.config)
    arrays = [batch.arrays() for batch in subject.batches(subject.scale_items)]
    samples = [{name: each[name] for name in names} for each in arrays]
    quantise_convolutions(products, everything, samples, subject.large)
    rival = _measure(subject, everything, "int8")
    faster = _how_much_faster(subject, everything, products)
    agreements = [one["sample"]["label_agreement"] for one in (rival, measured)]
    considered = {"label_agreement": agreements[0], "faster": faster}
    if faster > 1.0 and agreements[0] >= agreements[1]:
        return everything, rival | {"convolutions": "int8", "considered": considered}
    return products, measured | {"considered": considered}


def _changes_little(measured: dict[str, Any]) -> bool:
    agreement, change = _likeness(measured)
    return agreement == 1.0 and -change <= LARGEST_CHANGE


def _likeness(measured: dict[str, Any]) -> tuple[float, float]:
    """Return how like torch a graph is on the sample: the share of equal labels, then minus the largest change."""
    sample = measured["sample"]
    changes = [label["probability"] for label in sample["labels"].values()]
    return sample["label_agreement"], -float(np.max(changes))


def _how_much_faster(subject: ExportSubject, graph: Path, other: Path) -> float:
    """Return how many times faster one graph is than another, timed in turn on the sample."""
    runtimes = [OnnxRuntime(path, subject.torch.traits, precision="int8") for path in (graph, other)]
    taken = np.zeros((ROUNDS, 2))
    for measured in taken:
        for batch in subject.batches(subject.compared):
            for place, runtime in enumerate(runtimes):
                begun = time.perf_counter()
                runtime(batch)
                measured[place] += time.perf_counter() - begun
    return float(np.median(taken[:, 1] / taken[:, 0]))
