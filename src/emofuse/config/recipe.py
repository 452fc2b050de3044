"""What a recipe holds: strict, frozen models, checked once, then only numbers."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from emofuse.config.alter import AlterRecipe

ProtocolName = Literal["leave-one-session-out", "leave-one-speaker-out", "speaker-kfold", "predefined"]
Selection = Literal["best", "fixed"]
AnnotationPolicy = Literal["strip", "keep"]
VocabularyKind = Literal["words", "bpe"]
FusionKind = Literal["cross-attention", "concatenation", "late"]
# Which streams ask the other one by attention; one that does not is pooled as it is.
Directions = Literal["both", "audio", "text"]
PoolingName = Literal["statistics", "mean", "attentive"]
# Which transcript is read: the manifest's own, a written one, a recognised one, or one drawn each time.
TextSource = Literal["given", "gold", "asr", "mixed"]
Precision = Literal["auto", "no", "bf16", "fp16"]

Share: TypeAlias = Annotated[float, Field(ge=0.0, lt=1.0)]
Positive: TypeAlias = Annotated[float, Field(gt=0.0)]
Seed: TypeAlias = Annotated[int, Field(ge=0)]
Layers: TypeAlias = Literal["last", "weighted"] | Annotated[int, Field(ge=0)]
Tuning: TypeAlias = Annotated[str, Field(pattern=r"^(frozen|cnn-frozen|full|lora|top-[1-9]\d*)$")]


def _tuple(value: Any) -> Any:
    """Let a list in YAML or JSON be a tuple."""
    return tuple(value) if isinstance(value, list) else value


def _range(value: Any) -> Any:
    """Let a list of two numbers, the lower one first, be a range."""
    numbers = isinstance(value, list | tuple) and len(value) == 2 and all(type(v) in (int, float) for v in value)
    if not numbers or not all(map(math.isfinite, value)) or value[0] >= value[1]:
        raise ValueError("give the lowest and the highest value, such as [1, 5]")
    return (float(value[0]), float(value[1]))


def _labels(value: Any) -> Any:
    """Refuse what is neither the name of a label policy nor a mapping from labels to labels."""
    if isinstance(value, str) or (isinstance(value, dict) and all(isinstance(v, str) for v in value.values())):
        return value
    raise ValueError("give the name of a label policy, or a mapping from labels to labels")


Range: TypeAlias = Annotated[tuple[float, float], BeforeValidator(_range)]
Labels: TypeAlias = Annotated[str | dict[str, str], BeforeValidator(_labels)]


class _Strict(BaseModel):
    """Frozen, nothing converted, no unknown key."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class LoraRecipe(_Strict):
    """Low-rank adapters (Hu et al. 2021), for the tuning policy `lora`."""

    rank: Annotated[int, Field(ge=1)] = 8
    alpha: Positive = 16.0
    dropout: Share = 0.05


class EncoderRecipe(_Strict):
    """An encoder: a pre-trained one by name or folder, or a new one from a configuration."""

    encoder: str | None = None
    config: dict[str, Any] | str | None = None
    revision: str | None = None
    layers: Layers = "last"
    tuning: Tuning = "full"
    lora: LoraRecipe = LoraRecipe()
    init_seed: Seed = 0
    lr: Positive = 1e-3

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

    With `trim` the silence before and after what is said is cut off, and `level` is the root mean square to which
    each recording is brought, in training and in use alike; `alter` is for training only.
    """

    max_seconds: Positive | None = None
    trim: bool = False
    level: Annotated[float, Field(gt=0.0, le=1.0)] | None = None
    alter: AlterRecipe = AlterRecipe()

    @model_validator(mode="after")
    def _frames_are_not_altered(self) -> AudioRecipe:
        if self.tuning == "frozen" and self.alter.copies:
            raise ValueError(
                "alter.copies are for encoders that learn; the frames of a frozen one are not altered"
            )
        return self


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
    max_tokens: Annotated[int, Field(ge=8)] | None = None

    @model_validator(mode="after")
    def _vectors_need_words(self) -> TextRecipe:
        if self.vectors is not None and (self.encoder is not None or self.vocabulary != "words"):
            raise ValueError("vectors start the embeddings of a config with vocabulary: words, nothing else")
        return self


class FusionRecipe(_Strict):
    """How the streams meet, and the width at which they do.

    `asks` says which stream asks the other, where attention joins them. With `residual`, each attention adds what
    asked and normalises; `feed_forward` is the width of a feed-forward layer behind it, likewise added and
    normalised (0: none).
    """

    kind: FusionKind = "cross-attention"
    asks: Directions = "both"
    width: Annotated[int, Field(ge=2)] = 256
    heads: Annotated[int, Field(ge=1)] = 8
    residual: bool = False
    feed_forward: Annotated[int, Field(ge=0)] = 0
    recurrent: bool = True
    attention_dropout: Share = 0.1
    recurrent_dropout: Share = 0.2

    @model_validator(mode="after")
    def _heads_divide(self) -> FusionRecipe:
        if self.width % self.heads or self.width % 2:
            raise ValueError(f"width {self.width} must be even and a multiple of heads {self.heads}")
        return self


class HeadRecipe(_Strict):
    """The classifier: width of a hidden layer (0: none), dropout, whether the pooled vector is normalised."""

    hidden: Annotated[int, Field(ge=0)] = 0
    dropout: Share = 0.3
    norm: bool = False


class ModalityDropout(_Strict):
    """The share of training utterances from which a modality is taken away, never both."""

    audio: Share = 0.0
    text: Share = 0.0

    @model_validator(mode="after")
    def _never_both(self) -> ModalityDropout:
        if self.audio + self.text >= 1.0:
            raise ValueError("audio and text together must stay below 1: one modality always stays")
        return self


class TrainingRecipe(_Strict):
    """How the network learns; `lr` is for all that is no encoder, `mix_lr` for a learnt layer mix.

    With `start: unimodal` the fused system begins with the encoders of the same fold and seed's unimodal systems
    and trains for `joint_epochs`. `auxiliary` weighs the losses of a head on each modality alone beside the fused
    one. With `soft_labels` an utterance that has votes is learnt from their shares.
    `dimension_weight` weighs the loss of the dimensions beside that of the labels.
    `balance` names fields or tags whose values are drawn equally often, the first before the second, such as
    `[corpus, label, speaker]`; an epoch then draws as many utterances as there are, some of them twice. With
    `label_sets: corpus`, an utterance is learnt against those labels only that occur with its value of this tag.
    """

    epochs: Annotated[int, Field(ge=1)] = 30
    lr: Positive = 1e-3
    betas: Annotated[tuple[Share, Share], BeforeValidator(_tuple)] = (
        0.9,
        0.98,
    )
    weight_decay: Annotated[float, Field(ge=0.0)] = 0.01
    batch_seconds: Positive = 60.0
    micro_seconds: Positive = 60.0
    warmup: Share = 0.1
    clip: Positive = 1.0
    precision: Precision = "auto"
    patience: Annotated[int, Field(ge=1)] | None = None
    encoders_held: Annotated[int, Field(ge=0)] = 0
    mix_lr: Positive | None = None
    start: Literal["scratch", "unimodal"] = "scratch"
    joint_epochs: Annotated[int, Field(ge=1)] | None = None
    auxiliary: Annotated[float, Field(ge=0.0)] = 0.0
    soft_labels: bool = False
    dimension_weight: Positive = 1.0
    class_weights: bool = False
    label_smoothing: Share = 0.0
    balance: Annotated[tuple[str, ...], BeforeValidator(_tuple)] = ()
    label_sets: str | None = None
    modality_dropout: ModalityDropout = ModalityDropout()
    gradient_checkpointing: bool = False


class AgreementRecipe(_Strict):
    """How the votes of raters make a label.

    With `label: consensus` an utterance keeps the label that its corpus gives; with `votes` it gets the one with
    most votes after labels were merged, and none on a tie. A label with less than `minimum` of all votes is lost.
    """

    label: Literal["consensus", "votes"] = "consensus"
    minimum: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0


class CalibrationRecipe(_Strict):
    """What confidence is to be good for.

    Utterances are answered from the confidence on at which `accuracy` was reached on validation (null: all are);
    prediction sets are made to hold the truth with probability `coverage`.
    """

    accuracy: Annotated[float, Field(gt=0.0, le=1.0)] | None = None
    coverage: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.9


class Recipe(_Strict):
    """Everything that makes an experiment; see `recipes/` for whole ones.

    With `multi_label`, each label that raters voted for is learnt for itself. `dimensions` names what is told
    beside labels, each with its lowest and highest value, such as `{valence: [1, 5]}`. `only` keeps the utterances
    with these values of a field or a tag, such as `{style: improvised}`. With `text_independent`, what is said in
    a test part is not heard in training: see `make_folds`. With `speaker_norm`, cross-validation also reports each
    system with the speakers' own statistics taken out: see `training.speaker_norm`.
    """

    protocol: ProtocolName = "leave-one-session-out"
    text_independent: bool = False
    selection: Selection = "best"
    folds_seed: Seed = 0
    labels: Labels = "as-is"
    agreement: AgreementRecipe = AgreementRecipe()
    multi_label: bool = False
    dimensions: dict[str, Range] = {}
    only: dict[str, str] = {}
    annotations: AnnotationPolicy = "strip"
    audio: AudioRecipe
    text: TextRecipe
    fusion: FusionRecipe = FusionRecipe()
    pooling: PoolingName = "statistics"
    speaker_norm: bool = False
    head: HeadRecipe = HeadRecipe()
    training: TrainingRecipe = TrainingRecipe()
    calibration: CalibrationRecipe = CalibrationRecipe()
    seeds: Annotated[tuple[Seed, ...], BeforeValidator(_tuple), Field(min_length=1)] = (0,)

    @model_validator(mode="after")
    def _sets_of_one_label(self) -> Recipe:
        if self.multi_label and self.training.label_sets is not None:
            raise ValueError("training.label_sets is for one label an utterance; with multi_label leave it out")
        return self

    def as_dict(self) -> dict[str, Any]:
        """Return the resolved recipe as JSON and YAML would hold it."""
        return self.model_dump(mode="json")
