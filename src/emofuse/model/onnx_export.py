"""The network as one ONNX graph: audio, text and both, any batch, any length, masks included."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from emofuse.data.preparation import INPUTS, POOLED, Batch
from emofuse.errors import CheckpointError, MissingExtraError, brief_message
from emofuse.model.configuration import EmotionConfig
from emofuse.model.masked_streams import as_tensors
from emofuse.model.network import EmotionModel
from emofuse.model.speech_encoders import FilterbankSpeechEncoder

# Weights of more than this stand in a file beside the graph: one file of protobuf holds 2 GiB at most.
LARGEST_FILE = 1_500_000_000


class OnnxLSTM(nn.Module):
    """A one-way LSTM of one layer as the operator that ONNX has for it.

    torch's exporter would unroll it for one length, or write a loop whose length it then takes for fixed. Runs
    in an export only.

    Args:
        source: whose weights it takes; ONNX orders the gates input, output, forget, cell.
    """

    def __init__(self, source: nn.LSTM) -> None:
        super().__init__()
        self.width = source.hidden_size

        def ordered(name: str) -> Tensor:
            entry, forget, cell, output = getattr(source, name).detach().chunk(4)
            return torch.cat([entry, output, forget, cell])

        self.weight = nn.Parameter(ordered("weight_ih_l0")[None])
        self.recurrence = nn.Parameter(ordered("weight_hh_l0")[None])
        self.bias = nn.Parameter(torch.cat([ordered("bias_ih_l0"), ordered("bias_hh_l0")])[None])

    def forward(self, frames: Tensor) -> tuple[Tensor, None]:
        """Map (batch, time, width_in) to (batch, time, width)."""
        batch, time = frames.shape[:2]
        (out,) = torch.onnx.ops.symbolic_multi_out(
            "LSTM",
            (frames.transpose(0, 1), self.weight, self.recurrence, self.bias),
            {"hidden_size": self.width},
            dtypes=(frames.dtype,),
            shapes=((time, 1, batch, self.width),),
        )
        return out.squeeze(1).transpose(0, 1), None


class _Graph(nn.Module):
    """The network with its inputs in the order of `INPUTS`, and tensors only as its outputs."""

    def __init__(self, network: EmotionModel, names: list[str]) -> None:
        super().__init__()
        self.network = network
        self.names = names

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Return logits, dimensions where the task has some, and the pooled vectors that they are made from."""
        output = self.network(**dict(zip(self.names, inputs, strict=True)))
        decided = (output.logits,) if output.dimensions is None else (output.logits, output.dimensions)
        return (*decided, output.pooled)


def graph_inputs(config: EmotionConfig) -> list[str]:
    """Return the names of what the graph of a network takes, in order."""
    return [name for modality in config.modalities for name in INPUTS[modality]]


def write_graph(network: EmotionModel, example: Batch, path: Path) -> None:
    """Write a network as an ONNX graph; beside it `NAME.data` if it is large.

    Inputs are those of `INPUTS` that the network takes. Outputs are `logits`, `dimensions` where the task has
    some, and `pooled`, the vectors that both are made from.

    Args:
        network: in evaluation mode.
        example: any batch that the network takes, of two rows or more; its sizes do not matter.
        path: of the graph.

    Raises:
        CheckpointError: a part of the network cannot be written as a graph.
        MissingExtraError: what writes graphs is not installed.
    """
    try:
        import onnxscript  # noqa: F401  # torch asks for it in the middle of its work, with a traceback
    except ImportError as error:
        raise MissingExtraError("export", "writing a graph") from error
    tensors = as_tensors(example.arrays())
    names = graph_inputs(network.config)
    outputs = ["logits", *(["dimensions"] if network.config.dimensions else []), POOLED]
    free = torch.export.Dim.DYNAMIC
    with _exportable(network), _quiet():
        try:
            program = torch.onnx.export(
                _Graph(network, names).eval(),
                tuple(tensors[name] for name in names),
                dynamo=True,
                dynamic_shapes=(tuple({0: free, 1: free} for _ in names),),
                input_names=names,
                output_names=outputs,
                verbose=False,
            )
        except (torch.onnx.OnnxExporterError, RuntimeError) as error:
            raise CheckpointError(
                f"the network cannot be written as a graph: {_family(network)}; use it with torch "
                f"({brief_message(error)})"
            ) from error
    assert program is not None  # it is None only for the older exporter
    _forget_origin(program.model)
    program.save(path, external_data=weights_bytes(network) > LARGEST_FILE)


def _forget_origin(model: Any) -> None:
    """Take out of a graph where on this machine, and in whose code, each of its nodes came from."""
    for holder in (model, model.graph, *model.graph.all_nodes()):
        holder.metadata_props.clear()
        holder.doc_string = None
    for node in model.graph.all_nodes():
        for value in node.outputs:
            value.metadata_props.clear()
    for value in (*model.graph.inputs, *model.graph.initializers.values()):
        value.metadata_props.clear()


def weights_bytes(network: nn.Module) -> int:
    """Return how much memory a network's weights take."""
    return sum(value.numel() * value.element_size() for value in network.parameters())


@contextmanager
def _exportable(network: EmotionModel) -> Iterator[None]:
    """Put parts in place that an exporter can follow, and the network's own back afterwards."""
    recurrent = [
        (module, name, child)
        for module in network.modules()
        for name, child in module.named_children()
        if isinstance(child, nn.LSTM)
    ]
    conformers = [m.backbone for m in network.modules() if isinstance(m, FilterbankSpeechEncoder)]
    kinds = [backbone.config._attn_implementation for backbone in conformers]
    for module, name, child in recurrent:
        setattr(module, name, OnnxLSTM(child))
    for backbone in conformers:
        # It reshapes what attention gives, which fails on the strides that torch's own has in an export.
        backbone.set_attn_implementation("eager")
    try:
        yield
    finally:
        for module, name, child in recurrent:
            setattr(module, name, child)
        for backbone, kind in zip(conformers, kinds, strict=True):
            backbone.set_attn_implementation(kind)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep torch's remarks on its own export away; what matters is measured afterwards."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _family(network: EmotionModel) -> str:
    """Name the encoders of a network."""
    config: Any = network.config
    encoders: list[PreTrainedModel] = [c for c in (config.audio_encoder, config.text_encoder) if c is not None]
    return " and ".join(encoder.model_type for encoder in encoders)
