"""Waveform and text to arrays: the seam between recordings and any network, with numpy only.

Training, evaluation and prediction, with torch or without, go through the objects of this module, so that a
model gets the same input in use as in training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import Field, TypeAdapter

from emofuse import layout
from emofuse.config import AudioWindow
from emofuse.config.number_ranges import HIGHEST_RATE, LOWEST_RATE, MOST_BINS, find_out_of_range
from emofuse.data.text_preparation import TEXT_SETTINGS, TextPreparation
from emofuse.errors import AudioError, CheckpointError, brief_message
from emofuse.sound.clips import SAMPLE_RATE, Clip
from emofuse.sound.features import (
    FILTER_BANKS,
    HOP_SECONDS,
    WHISPER_SECONDS,
    AudioFeatures,
    to_level,
    trim_silence,
    whisper_log_mel,
)
from emofuse.types import MODALITIES, Modality
from emofuse.types.arrays import Float32Array, IntArray
from emofuse.untrusted.json_text import canonical_json, read_json_object

Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class AudioPreparation:
    """How a clip becomes the array that an audio encoder takes.

    Attributes:
        features: the waveform itself, (samples,), or frames of a filter bank, (frames, width).
        rate: samples per second that the encoder expects.
        normalise: bring the waveform of each utterance to mean 0 and variance 1.
        bins: mel bins.
        trim: cut the silence before and after speech.
        level: root mean square that each clip is brought to, 1 being full scale; None keeps its level.
        window_seconds: of Whisper: seconds of a window, or "clip" for 30 s, ended soon after the clip.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid", "strict": True}

    features: AudioFeatures = "waveform"
    rate: Annotated[int, Field(ge=LOWEST_RATE, le=HIGHEST_RATE)] = SAMPLE_RATE
    normalise: bool = False
    bins: Annotated[int, Field(ge=0, le=MOST_BINS)] = 0
    trim: bool = False
    level: Annotated[float, Field(gt=0.0, le=1.0)] | None = None
    window_seconds: AudioWindow = WHISPER_SECONDS

    def __call__(self, clip: Clip) -> Float32Array:
        """Prepare one clip.

        Raises:
            AudioError: the clip's rate is not the one that the encoder expects.
        """
        if clip.rate != self.rate:
            raise AudioError(f"the encoder takes {self.rate} Hz, not {clip.rate} Hz; resample the clip first")
        samples = trim_silence(clip.samples, clip.rate) if self.trim else clip.samples
        if self.level is not None:
            samples = to_level(samples, self.level)
        if self.normalise:
            samples = (samples - samples.mean()) / np.sqrt(samples.var() + 1e-7)
        if self.features == "waveform":
            return samples
        if self.features == "whisper-log-mel" and self.window_seconds != "clip":
            return whisper_log_mel(samples, self.rate, self.bins, self.window_seconds)
        return FILTER_BANKS[self.features].compute(samples, self.rate, self.bins)

    @property
    def width(self) -> int:
        """Values per time step; 0 for the waveform, whose steps are single samples."""
        return 0 if self.features == "waveform" else self.bins * FILTER_BANKS[self.features].stacked

    @property
    def steps_per_second(self) -> float:
        """Time steps of the array per second of sound."""
        if self.features == "waveform":
            return float(self.rate)
        return 1.0 / (HOP_SECONDS * FILTER_BANKS[self.features].stacked)


_AUDIO: TypeAdapter[AudioPreparation | None] = TypeAdapter(AudioPreparation | None)


@dataclass(frozen=True)
class Item:
    """One prepared utterance; None for an absent modality.

    Attributes:
        values: (samples,), (frames, width), or the features of a frozen encoder.
        ids: (pieces,), or the features of a frozen encoder.
    """

    values: npt.NDArray[Any] | None
    ids: npt.NDArray[Any] | None

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """The modalities that are present; a text of annotation tokens only is absent."""
        present = {"audio": self.values is not None, "text": self.ids is not None}
        return tuple(modality for modality in MODALITIES if present[modality])


@dataclass(frozen=True)
class Batch:
    """Named arrays, each with its mask; an absent modality is a row whose mask is all False.

    Attributes:
        input_values: (batch, samples) or (batch, frames, width), float32, zero where masked.
        audio_mask: (batch, samples or frames), True where there is sound; a prefix of each row.
        input_ids: (batch, pieces), int64.
        text_mask: (batch, pieces), True where there is a piece; a prefix of each row.
    """

    input_values: Float32Array
    audio_mask: Booleans
    input_ids: IntArray
    text_mask: Booleans

    def __len__(self) -> int:
        return len(self.audio_mask)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return the arrays under the names that `EmotionModel.forward` takes."""
        return {
            "input_values": self.input_values,
            "audio_mask": self.audio_mask,
            "input_ids": self.input_ids,
            "text_mask": self.text_mask,
        }


# The output of a graph with the vectors that the network decides from.
POOLED = "pooled"
# The arrays of a batch that hold each modality.
INPUTS: dict[Modality, tuple[str, str]] = {
    "audio": ("input_values", "audio_mask"),
    "text": ("input_ids", "text_mask"),
}


class Outputs(NamedTuple):
    """The outputs of a network for a batch, before any softmax.

    Attributes:
        logits: (batch, labels).
        dimensions: (batch, dimensions), as the corpus scales them; None where the task has none.
        pooled: (batch, width), the vectors that the network decides from; None where it does not give them.
    """

    logits: Float32Array
    dimensions: Float32Array | None = None
    pooled: Float32Array | None = None


@dataclass(frozen=True)
class Preparation:
    """Everything between an utterance and a network; None for a modality that the network does not take."""

    audio: AudioPreparation | None
    text: TextPreparation | None

    def __call__(self, clip: Clip | None, text: str | None) -> Item:
        """Prepare one utterance; a modality that the network does not take is ignored."""
        values = self.audio(clip) if self.audio and clip else None
        ids = self.text(text) if self.text and text else None
        return Item(values, ids if ids is not None and len(ids) else None)

    def shortened(self, text: str | None) -> str | None:
        """Return what of a text is left out because the network takes no more; None where nothing is."""
        return self.text.shortened(text) if self.text and text else None

    def collate(self, items: Sequence[Item]) -> Batch:
        """Pad prepared utterances to one batch."""
        width = (self.audio.width,) if self.audio and self.audio.width else ()
        values, audio_mask = pad([item.values for item in items], np.float32, 0, width)
        pad_id = self.text.pad_id if self.text else 0
        ids, text_mask = pad([item.ids for item in items], np.int64, pad_id, ())
        return Batch(values, audio_mask, ids, text_mask)

    def save(self, folder: Path) -> None:
        """Write `preprocessor_config.json` and, with text, `tokenizer.json`."""
        settings: dict[str, Any] = {"processor_class": "EmotionProcessor", "audio": None, "text": None}
        if self.audio:
            settings["audio"] = asdict(self.audio)
        if self.text:
            settings["text"] = {"annotations": self.text.annotations, "pad_id": self.text.pad_id}
            layout.write_text(folder / layout.TOKENIZER, self.text.tokenizer.to_str(pretty=False))
        layout.write_json(folder / layout.PREPARATION, settings)

    @classmethod
    def load(cls, folder: Path) -> Preparation:
        """Read what `save` wrote.

        Raises:
            CheckpointError: a file is missing or does not hold preparation settings.
        """
        path = folder / layout.PREPARATION
        try:
            settings = read_json_object(path)
            wrong = find_out_of_range(settings)
            if wrong is not None:
                raise ValueError(wrong)
            audio = _AUDIO.validate_json(canonical_json(settings["audio"]))
            if audio is not None and audio.features != "waveform" and not audio.bins:
                raise ValueError("a filter bank needs bins")
            text = TEXT_SETTINGS.validate_json(canonical_json(settings["text"] or None))
        except FileNotFoundError as error:
            raise CheckpointError(f"{path}: no such file; the model folder is incomplete") from error
        except (KeyError, ValueError, OSError) as error:
            raise CheckpointError(
                f"{path}: does not hold emofuse's settings ({brief_message(error)}); save the model again"
            ) from error
        return cls(audio, None if text is None else TextPreparation.read(folder, text))


def pad(
    rows: Sequence[npt.NDArray[Any] | None], kind: type[np.generic], value: int, tail: tuple[int, ...]
) -> tuple[npt.NDArray[Any], Booleans]:
    """Pad rows of different lengths to the longest, at least one step; return them with their mask."""
    lengths = np.array([0 if row is None else len(row) for row in rows])
    steps = max(1, int(lengths.max(initial=0)))
    padded = np.full((len(rows), steps, *tail), value, dtype=kind)
    for target, row in zip(padded, rows, strict=True):
        if row is not None:
            target[: len(row)] = row
    return padded, np.arange(steps) < lengths[:, None]
