"""`EmotionProcessor`: the preparation of `data/preparation.py` as transformers knows processors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from transformers import AutoProcessor, BatchFeature, ProcessorMixin

from emofuse import layout
from emofuse.data.preparation import Preparation
from emofuse.errors import AudioError
from emofuse.hub.snapshots import Source, folder_of
from emofuse.model.configuration import EmotionConfig
from emofuse.model.masked_streams import as_tensors
from emofuse.sound.clips import SAMPLE_RATE, Clip


class EmotionProcessor(ProcessorMixin):
    """Turns waveforms and texts into what `EmotionModel` takes; saved beside it.

    Args:
        preparation: what does the work, with numpy only.
    """

    def __init__(self, preparation: Preparation) -> None:
        self.preparation = preparation

    @classmethod
    def get_attributes(cls) -> list[str]:
        """Return no parts: there is neither a feature extractor nor a tokenizer of transformers inside."""
        return []

    def __repr__(self) -> str:
        return f"EmotionProcessor({self.preparation!r})"

    def __call__(
        self,
        audio: Any = None,
        text: str | list[str | None] | None = None,
        sampling_rate: int = SAMPLE_RATE,
    ) -> BatchFeature:
        """Prepare a batch; tensors are named `input_values, audio_mask, input_ids, text_mask`.

        Args:
            audio: one waveform, (samples,), or a list of them; None where there is none.
            text: one text or a list of them; None where there is none.
            sampling_rate: of the waveforms, in Hz.

        Raises:
            AudioError: the rate is not the model's, or there are not as many waveforms as texts.
        """
        waveforms = audio if isinstance(audio, list) else [audio]
        texts = text if isinstance(text, list) else [text]
        count = max(len(waveforms), len(texts))
        waveforms = waveforms * count if audio is None else waveforms
        texts = texts * count if text is None else texts
        if len(waveforms) != len(texts):
            raise AudioError(
                f"{len(waveforms)} waveforms and {len(texts)} texts: give as many of one as of the other"
            )
        clips = [
            None if waveform is None else Clip(np.asarray(waveform, dtype=np.float32), sampling_rate)
            for waveform in waveforms
        ]
        items = [self.preparation(clip, words) for clip, words in zip(clips, texts, strict=True)]
        return BatchFeature(as_tensors(self.preparation.collate(items).arrays()))

    def save_pretrained(self, save_directory: str | Path, **_: Any) -> list[str]:
        """Write the preparation's files."""
        self.preparation.save(layout.make_folder(Path(save_directory)))
        return []

    @classmethod
    def from_pretrained(
        cls, pretrained_model_name_or_path: str | Path, revision: str | None = None, **_: Any
    ) -> EmotionProcessor:
        """Read a preparation from a model folder or the Hub.

        Raises:
            CheckpointError: a file is missing or does not hold preparation settings.
        """
        source = Source(str(pretrained_model_name_or_path), revision)
        return cls(Preparation.load(folder_of(source, (layout.PREPARATION, layout.TOKENIZER))))


AutoProcessor.register(EmotionConfig, EmotionProcessor, exist_ok=True)
