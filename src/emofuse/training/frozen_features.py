"""The frames of frozen encoders: computed once, cached, shared by folds, seeds, systems and heads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from emofuse.config import Layers, Recipe
from emofuse.data.cache import ArrayCache, file_digest, key_of
from emofuse.data.preparation import AudioPreparation
from emofuse.errors import AudioError
from emofuse.model.batch_inference import computing_with, pick_device
from emofuse.model.checkpoint import Checkpoint
from emofuse.model.encoder_cache import frozen_hash
from emofuse.model.masked_streams import Stream
from emofuse.model.pooling import LayerStatistics
from emofuse.model.tuning import is_frozen
from emofuse.sound.clips import read_clip
from emofuse.training.audio_cache import AudioCache
from emofuse.types import Utterance
from emofuse.types.arrays import Float32Array, IntArray

# Counts up whenever the same encoder would give other frames: it is a part of every key.
PRODUCER = 1
# Settings that came later: where they are not used, frames are those that were kept before.
NEWER = ("trim", "level", "window_seconds")

# So many bytes of frames are held in memory in a run: every epoch reads all of them.
HELD_BYTES = 256 * 2**20
# An encoder with fewer weights computes the frames of an utterance in one thread.
SMALL_ENCODER = 20_000_000

Frames = npt.NDArray[np.floating[Any]]


@dataclass
class EncoderCost:
    """The work of encoders in a run.

    Attributes:
        encoder_forwards: utterances that went through an encoder, counted for each modality and pass.
        features: the cache that spares them.
    """

    encoder_forwards: int = 0
    features: ArrayCache = field(default_factory=lambda: ArrayCache("features", memory=HELD_BYTES))


@dataclass(frozen=True)
class FrameSource:
    """The frames of one frozen encoder: from the cache, else computed, one utterance at a time, and kept.

    Attributes:
        encoder: from prepared values and their mask to a stream.
        identity: everything that the frames depend on, other than the utterance.
        shape: of one frame: (width,), or (layers, width) before a learned layer mix.
        cost: counts the encoder forwards.
    """

    encoder: nn.Module
    identity: Mapping[str, Any]
    shape: tuple[int, ...]
    cost: EncoderCost

    def __call__(self, utterance: Mapping[str, Any], values: Callable[[], npt.NDArray[Any]]) -> Frames:
        """Return an utterance's frames, (time, width) or (time, layers, width), in half precision if that holds.

        Args:
            utterance: what identifies it, as JSON values.
            values: prepares it, where its frames are not in the cache.
        """
        key = key_of(**self.identity, utterance=dict(utterance))
        kept = self.cost.features.get(key)
        if kept is not None:
            return kept["frames"]
        frames = self._compute(values())
        self.cost.features.put(key, {"frames": frames})
        return frames

    def _compute(self, values: npt.NDArray[Any]) -> Frames:
        device = next(self.encoder.parameters()).device
        given = torch.from_numpy(values)[None].to(device)
        mask = torch.ones(given.shape[:2], dtype=torch.bool, device=device)
        self.encoder.eval()
        with computing_with(frame_threads(self.encoder)), torch.inference_mode():
            frames = self.encoder(given, mask).frames[0].float().cpu().numpy()
        self.cost.encoder_forwards += 1
        frames = frames if frames.ndim == 2 else frames.transpose(1, 0, 2)
        with np.errstate(over="ignore"):  # then it is kept in single precision
            half = frames.astype(np.float16)
        return half if np.isfinite(half).all() or not np.isfinite(frames).all() else frames


def frame_threads(encoder: nn.Module) -> int:
    """Return how many threads compute the frames of an utterance: one if the encoder is small.

    More make a small encoder no faster, and change the last digits of frames between machines.
    """
    small = sum(parameter.numel() for parameter in encoder.parameters()) < SMALL_ENCODER
    return 1 if small else torch.get_num_threads()


@dataclass(frozen=True)
class FrozenAudio:
    """Frames of the audio encoder."""

    source: FrameSource
    preparation: AudioPreparation

    def __call__(self, utterance: Utterance, store: AudioCache, copy: int = 0) -> Frames | None:
        """Return the frames of an utterance; None where it has no audio.

        Args:
            utterance: whose audio goes through the encoder.
            store: makes altered copies.
            copy: 0 for the recording as it is, else the number of an altered copy.

        Raises:
            AudioError: the recording cannot be used.
        """
        path = utterance.audio
        if path is None:
            return None
        try:
            digest = file_digest(path)
        except OSError as error:
            raise AudioError(
                f"{path}: cannot be read ({error.strerror}); check the path or the corpus root"
            ) from error
        key: dict[str, Any] = {"audio": digest, "start": utterance.start, "end": utterance.end}
        if copy:
            key |= {"altered": store.identity, "drawn": [utterance.id, copy]}

        def values() -> Float32Array:
            if copy and (altered := store(utterance, self.preparation, copy)) is not None:
                return altered
            return self.preparation(read_clip(path, utterance.start, utterance.end, self.preparation.rate))

        return self.source(key, values)


@dataclass(frozen=True)
class FrozenText:
    """Frames of the text encoder."""

    source: FrameSource

    def __call__(self, ids: IntArray) -> Frames:
        """Return the frames of word pieces, (pieces,)."""
        return self.source({"ids": ids.tolist()}, lambda: ids)


@dataclass(frozen=True)
class FrozenFeatureSources:
    """The sources of frames of a network's frozen encoders; None for a trained or absent encoder."""

    audio: FrozenAudio | None = None
    text: FrozenText | None = None


def frozen_feature_sources(checkpoint: Checkpoint, recipe: Recipe, cost: EncoderCost) -> FrozenFeatureSources:
    """Return the sources of frames of the encoders that a recipe freezes."""
    model, preparation = checkpoint.model, checkpoint.preparation
    audio = text = None
    for encoder in (model.get_submodule(f"{modality}_encoder") for modality in model.config.modalities):
        if is_frozen(encoder):
            encoder.to(pick_device(None))  # training moves the network there only later
    if preparation.audio is not None and is_frozen(model.audio_encoder):
        standard = asdict(AudioPreparation())
        settings = {n: v for n, v in asdict(preparation.audio).items() if n not in NEWER or v != standard[n]}
        settings = {"modality": "audio"} | settings
        source = _source((model.audio_encoder, model.audio_pooled), recipe.audio.layers, settings, cost)
        audio = FrozenAudio(source, preparation.audio)
    if preparation.text is not None and is_frozen(model.text_encoder):
        read = (model.text_encoder, model.text_pooled)
        text = FrozenText(_source(read, recipe.text.layers, {"modality": "text"}, cost))
    return FrozenFeatureSources(audio, text)


class _PooledEncoder(nn.Module):
    """An encoder whose layers are pooled at once."""

    def __init__(self, encoder: nn.Module, pooled: LayerStatistics) -> None:
        super().__init__()
        self.encoder, self.pooled = encoder, pooled

    def forward(self, values: Tensor, mask: Tensor) -> Stream:
        """Map what the encoder takes to (batch, 1, width)."""
        stream: Stream = self.pooled(self.encoder(values, mask))
        return stream


def _source(
    parts: tuple[Any, nn.Module | None], layers: Layers, settings: Mapping[str, Any], cost: EncoderCost
) -> FrameSource:
    """Return the source of what an encoder gives, pooled already where the network pools it as it is."""
    encoder, pooled = parts
    config = {name: str(v) for name, v in encoder.backbone.config.to_dict().items() if not name.startswith("_")}
    identity = {
        "producer": PRODUCER,
        "encoder": frozen_hash(encoder.backbone),
        "config": key_of(**config),
        "layers": layers,
        "settings": dict(settings),
        "torch": torch.__version__,
        "device": next(encoder.parameters()).device.type,
    }
    if isinstance(pooled, LayerStatistics):
        return FrameSource(_PooledEncoder(encoder, pooled), identity | {"pooled": 1}, (pooled.width,), cost)
    mixed = encoder.selection.mixed
    shape = (mixed, encoder.width) if mixed else (encoder.width,)
    return FrameSource(encoder, identity, shape, cost)
