"""The part of a recipe on its encoders."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

from emofuse.config.augmentation_recipe import AlterRecipe
from emofuse.config.value_types import (
    AudioWindow,
    FrameNorm,
    Layers,
    LearningRate,
    Positive,
    Seed,
    Share,
    Strict,
    TextSource,
    Tuning,
    VocabularyKind,
)


class LoraRecipe(Strict):
    """Low-rank adapters (Hu et al. 2021), for the tuning policy `lora`."""

    rank: Annotated[int, Field(ge=1, le=4096)] = 8
    alpha: Positive = 16.0
    dropout: Share = 0.05


class EncoderRecipe(Strict):
    """An encoder: a pre-trained one by name or folder, or a new one from a configuration.

    `encoder` is a folder, a model in the box, or a name on the Hub, in that order. Of an emofuse model, such as
    `box-open`, it means the encoder of this modality, with the preparation and tokenizer that it was trained with.

    `layers` is the last, one by its index (0: the embeddings), or a trained mix: of all (`weighted`) or of those
    that are listed, such as `[2, 3, 4]`.

    `frame_norm` normalises its frames before the layers of the fusion: each for itself (`layer`), or each of their
    values over the frames of the batch (`batch`, by running figures in use). Frames of pre-trained encoders hold
    values of very different size, from which a new layer learns little.
    """

    encoder: str | None = None
    config: dict[str, Any] | str | None = None
    revision: str | None = None
    layers: Layers = "last"
    frame_norm: FrameNorm = "none"
    tuning: Tuning = "full"
    lora: LoraRecipe = LoraRecipe()
    init_seed: Seed = 0
    lr: LearningRate = 1e-3

    @model_validator(mode="after")
    def _one_source(self) -> EncoderRecipe:
        if (self.encoder is None) == (self.config is None):
            raise ValueError("give either encoder (a name or folder) or config (for random weights)")
        return self

    def adapter(self) -> dict[str, Any] | None:
        """Return the settings of the adapters that the tuning policy puts in, or None."""
        return self.lora.model_dump() if self.tuning == "lora" else None


class AudioRecipe(EncoderRecipe):
    """The audio encoder; training crops clips at random to `max_seconds`, evaluation never crops.

    With `trim` the silence before and after speech is cut off, and `level` is the root mean square to which
    each recording is brought, in training and in use alike; `alter` is for training only. `window_seconds` is for
    Whisper, which was trained on windows of 30 s: how long its windows are (10 s where it is not given).
    """

    max_seconds: Positive | None = None
    window_seconds: AudioWindow | None = None
    trim: bool = False
    level: Annotated[float, Field(gt=0.0, le=1.0)] | None = None
    alter: AlterRecipe = AlterRecipe()


class TextRecipe(EncoderRecipe):
    """The text encoder; an encoder from a configuration learns its vocabulary from the training part.

    `vectors` is a file of word vectors in the format of GloVe, to start a vocabulary of words from. `source` says
    which transcript is read, where there are several; with `cells`, cross-validation trains every system that
    reads on written and on recognised text, and tests each on both.
    """

    source: TextSource = "given"
    cells: bool = False
    vectors: str | None = None
    vocabulary: VocabularyKind = "bpe"
    max_tokens: Annotated[int, Field(ge=8, le=1_000_000)] | None = None

    @model_validator(mode="after")
    def _vectors_need_words(self) -> TextRecipe:
        if self.vectors is not None and (self.encoder is not None or self.vocabulary != "words"):
            raise ValueError("vectors start the embeddings of a config with vocabulary: words, nothing else")
        return self
