"""Integrated gradients (Sundararajan et al. 2017) of one utterance, along the straight line to it from a baseline.

The line is cut into stretches, each integrated by itself. Networks that normalise their input change quickly where
there is little sound: stretches whose parts do not add up are halved until all of them do, or
there were too many gradients.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import torch
from captum.attr import IntegratedGradients
from torch import Tensor, nn

from emofuse.data.preparation import Batch
from emofuse.inference.explain.contributions import margin
from emofuse.inference.explain.explanation import Completeness
from emofuse.model.long_inputs import to_windows
from emofuse.model.masked_streams import as_tensors
from emofuse.model.network import EmotionModel
from emofuse.types.arrays import Float32Array, Float64Array

Tensors: TypeAlias = tuple[Tensor, ...]

# Gradients on each stretch, and where the first stretches end.
STEPS = 16
EDGES = (0.0, 1 / 16, 1 / 4, 1.0)
FEWEST = STEPS * (len(EDGES) - 1)
# What attributions may be apart from the difference that they explain, as a share of it.
TOLERANCE = 0.05
# How many time steps of sound are computed at once.
STEPS_AT_ONCE = 160_000


@dataclass(frozen=True)
class Subject:
    """What is explained, and what it is compared with.

    Attributes:
        model: the network.
        batch: the utterance alone.
        label: the number of the label.
        usual: what the sound is compared with, (samples,) or (width,); None without sound.
        mask: the piece that stands for an unknown word; None for an embedding of zeros.
        special: which pieces stay as they are in the baseline.
    """

    model: EmotionModel
    batch: Batch
    label: int
    usual: Float32Array | None
    mask: int | None
    special: tuple[bool, ...]


@dataclass(frozen=True)
class Attributions:
    """What each time step and each piece adds; None for a modality that is absent."""

    audio: Float64Array | None
    text: Float64Array | None
    completeness: Completeness


@dataclass(frozen=True)
class _Stretch:
    """A part of the line: where it lies, what each input adds on it, and what it should add up to."""

    low: float
    high: float
    parts: tuple[Float64Array, ...]
    difference: float

    @property
    def total(self) -> float:
        return float(sum(part.sum() for part in self.parts))

    @property
    def gap(self) -> float:
        return abs(self.total - self.difference)


def attribute(subject: Subject, limit: int) -> Attributions:
    """Attribute a label to the time steps and the pieces of an utterance.

    Args:
        subject: what is explained.
        limit: the most gradients to compute.
    """
    has_audio, has_text = bool(subject.batch.audio_mask.any()), bool(subject.batch.text_mask.any())
    # cuDNN differentiates recurrent layers in training mode only.
    with torch.backends.cudnn.flags(enabled=False):
        line = _Line(subject, has_audio, has_text)
        stretches = _integrate(line, limit)
    parts = iter([np.sum([one.parts[i] for one in stretches], axis=0) for i in range(has_audio + has_text)])
    difference, total = (sum(values) for values in zip(*((s.difference, s.total) for s in stretches), strict=True))
    completeness = Completeness(
        difference,
        total,
        abs(total - difference) / abs(difference) if difference else None,
        _add_up(stretches),
        STEPS * _computed(len(stretches)),
    )
    return Attributions(next(parts) if has_audio else None, next(parts) if has_text else None, completeness)


def _integrate(line: _Line, limit: int) -> list[_Stretch]:
    """Cut the line until its stretches add up, each by itself, or the limit is reached."""
    stretches = [line.stretch(low, high) for low, high in pairwise(EDGES)]
    while not _add_up(stretches) and STEPS * _computed(len(stretches) + 1) <= limit:
        worst = max(stretches, key=lambda one: one.gap)
        stretches.remove(worst)
        middle = (worst.low + worst.high) / 2
        stretches += [line.stretch(worst.low, middle), line.stretch(middle, worst.high)]
    return stretches


def _computed(stretches: int) -> int:
    """Return how many stretches were integrated to have so many: each cut replaces one by two."""
    first = len(EDGES) - 1
    return first + 2 * (stretches - first)


def _add_up(stretches: list[_Stretch]) -> bool:
    difference = sum(one.difference for one in stretches)
    return sum(one.gap for one in stretches) <= TOLERANCE * abs(difference)


class _Line:
    """The straight line from the baseline to the utterance, and the target along it."""

    def __init__(self, subject: Subject, has_audio: bool, has_text: bool) -> None:
        self.subject = subject
        self.has_audio, self.has_text = has_audio, has_text
        model = subject.model
        self.arrays = as_tensors(subject.batch.arrays(), model.device)
        self.inputs: Tensors = ()
        self.baselines: Tensors = ()
        if has_audio:
            values = self.arrays["input_values"]
            self.inputs += (values,)
            self.baselines += (torch.as_tensor(subject.usual).to(values).expand_as(values),)
        if has_text:
            with torch.no_grad():
                spoken, empty = self._embeddings()
            self.inputs += (spoken,)
            self.baselines += (empty,)
        self.at_once = max(1, min(STEPS, STEPS_AT_ONCE // self.arrays["input_values"].shape[1]))

    def stretch(self, low: float, high: float) -> _Stretch:
        """Integrate from one share of the line to another."""
        begin, end = self._at(low), self._at(high)
        attributed = IntegratedGradients(self.target).attribute(
            end, begin, n_steps=STEPS, method="gausslegendre", internal_batch_size=self.at_once
        )
        with torch.no_grad():
            difference = float(self.target(*end).double() - self.target(*begin).double())
        parts = tuple(one.detach().double().cpu().numpy().reshape(one.shape[1], -1).sum(1) for one in attributed)
        return _Stretch(low, high, parts, difference)

    def target(self, *inputs: Tensor) -> Tensor:
        """Return what is explained, (rows,): the label's logit less the mean of the others'."""
        rows, config = len(inputs[0]), self.subject.model.config
        arrays = {name: array.expand(rows, *array.shape[1:]) for name, array in self.arrays.items()}
        if self.has_audio:
            arrays["input_values"] = inputs[0]
        embeddings = inputs[-1] if self.has_text else None
        with _with_embeddings(self.subject.model, embeddings, arrays["text_mask"]), _laid_out(self.subject.model):
            logits = self.subject.model(**arrays).logits
        margins: Tensor = margin(logits, self.subject.label, config.multi_label)
        return margins

    def _at(self, share: float) -> Tensors:
        return tuple(torch.lerp(b, i, share) for b, i in zip(self.baselines, self.inputs, strict=True))

    def _embeddings(self) -> Tensors:
        """Return the pieces as the text encoder embeds them, and what stands in their place in the baseline."""
        embed = self.subject.model.text_encoder.backbone.get_input_embeddings()
        ids, mask = self.arrays["input_ids"], self.subject.mask
        spoken = embed(ids)
        empty = torch.zeros_like(spoken) if mask is None else embed(torch.full_like(ids, mask))
        kept = torch.tensor(self.subject.special, device=ids.device)[None, :, None]
        return spoken, torch.where(kept, spoken, empty)


@contextmanager
def _with_embeddings(model: EmotionModel, embeddings: Tensor | None, mask: Tensor) -> Iterator[None]:
    """Let the text encoder take these embeddings, (rows, pieces, width), in place of its own of the pieces."""
    if embeddings is None:
        yield
        return

    def given(_: nn.Module, __: Any, own: Tensor) -> Tensor:
        return to_windows(embeddings, mask, own.shape[1])[0]

    handle = model.text_encoder.backbone.get_input_embeddings().register_forward_hook(given)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def _laid_out(model: EmotionModel) -> Iterator[None]:
    """Hand gradients to batch norms laid out in memory as what these gave.

    For pictures of one column torch 2.13 differentiates them wrongly on processors where the two differ.
    """

    def watch(_: nn.Module, __: Any, output: Tensor) -> None:
        last = output.is_contiguous(memory_format=torch.channels_last)
        form = torch.channels_last if last else torch.contiguous_format
        if output.requires_grad:
            output.register_hook(lambda gradient: gradient.contiguous(memory_format=form))  # type: ignore[no-untyped-call]

    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    handles = [norm.register_forward_hook(watch) for norm in norms]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
