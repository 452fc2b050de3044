"""The recipe of an experiment: strict, frozen models, validated once."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from emofuse.config.encoder_recipe import AudioRecipe, TextRecipe
from emofuse.config.value_types import (
    AnnotationPolicy,
    Directions,
    Epochs,
    FusionKind,
    HeadNorm,
    Labels,
    LearningRate,
    PoolingName,
    Positive,
    Precision,
    ProtocolName,
    Range,
    Seed,
    Selection,
    Share,
    Strict,
    Width,
    as_tuple,
)


class FusionRecipe(Strict):
    """How the streams are fused, and the width of the fusion.

    `asks` names the streams that are queries of the attention. With `residual`, each attention adds its query and
    normalises; `feed_forward` is the width of a feed-forward layer behind it, added and
    normalised too (0: none).
    """

    kind: FusionKind = "cross-attention"
    asks: Directions = "both"
    width: Annotated[int, Field(ge=2, le=65_536)] = 256
    heads: Annotated[int, Field(ge=1, le=1024)] = 8
    residual: bool = False
    feed_forward: Width = 0
    recurrent: bool = True
    attention_dropout: Share = 0.1
    recurrent_dropout: Share = 0.2

    @model_validator(mode="after")
    def _heads_divide(self) -> FusionRecipe:
        if self.width % self.heads or self.width % 2:
            raise ValueError(f"width {self.width} must be even and a multiple of heads {self.heads}")
        return self


class HeadRecipe(Strict):
    """The classifier: width of a hidden layer (0: none), dropout, whether the pooled vector is normalised.

    With `norm: batch` each of its values is normalised over the batch, and the hidden layer's too; with `true`
    each vector for itself.
    """

    hidden: Width = 0
    dropout: Share = 0.3
    norm: HeadNorm = False


class ModalityDropout(Strict):
    """The share of training utterances that lose one modality, never both."""

    audio: Share = 0.0
    text: Share = 0.0

    @model_validator(mode="after")
    def _never_both(self) -> ModalityDropout:
        if self.audio + self.text >= 1.0:
            raise ValueError("audio and text together must stay below 1: one modality always stays")
        return self


class SecondStageRecipe(Strict):
    """A second stage of training with balanced draws, at a lower rate (0 epochs: none).

    Kang et al. 2020 train the classifier alone again on classes that are drawn equally often (`trains: head`);
    MEDUSA (arXiv 2506.09556) has a second stage on balanced data for the whole network (`all`). Learning rates are
    those of the first stage times `lr_share`. With a validation part, the first stage's weights are kept where
    the second makes no better ones.
    """

    epochs: Annotated[int, Field(ge=0, le=100_000)] = 0
    balance: Annotated[tuple[str, ...], BeforeValidator(as_tuple), Field(min_length=1)] = ("label",)
    trains: Literal["head", "all"] = "head"
    lr_share: Annotated[float, Field(gt=0.0, le=1.0)] = 0.1


class SoupRecipe(Strict):
    """An average of the weights of several trainings from one start (Wortsman et al. 2022; 1 member: none).

    The members have the initial weights in common and differ in order, crops and dropout, which their seeds
    decide. `uniform` averages all; `greedy` begins with the best on the validation part and adds those that do
    not make it worse there.
    """

    members: Annotated[int, Field(ge=1, le=100)] = 1
    choice: Literal["uniform", "greedy"] = "uniform"


class TrainingRecipe(Strict):
    """How the network is trained; `lr` is for all but the encoders, `mix_lr` for a trained mix of layers.

    With `start: unimodal` the fused system begins with the encoders of the same fold and seed's unimodal systems
    and trains for `joint_epochs`. `auxiliary` weighs the losses of a head on each modality alone beside the fused
    one. With `soft_labels` the target of an utterance with votes is their shares; with `no_agreement` those on
    whom raters agreed on no label are trained on too, by their votes, and never scored (arXiv 2506.10930).
    `dimension_weight` weighs the loss of the dimensions beside that of the labels: their squared error or, with
    `ccc`, 1 - CCC (Lin 1989) over a micro-batch, by which the challenges of 2024 and 2025 are scored.
    `balance` names fields or tags whose values are drawn equally often, the first before the second, such as
    `[corpus, label, speaker]`; an epoch then draws as many utterances as there are, some of them twice. With
    `label_sets: corpus`, the loss of an utterance counts only the labels that occur with its value of this tag;
    without the tag, all labels. With `selection: fixed` the weights of the last `averaged_epochs` epochs are
    averaged (1: those of the last are kept) or, with `ema`, those of all steps: it is the share of a moving
    average that stays at each step. In the first `encoders_held` epochs the encoders are not trained; then their
    learning rate rises for as long as `warmup` says. `patience` is for `selection: best`.
    """

    epochs: Epochs = 30
    lr: LearningRate = 1e-3
    betas: Annotated[tuple[Share, Share], BeforeValidator(as_tuple)] = (
        0.9,
        0.98,
    )
    weight_decay: Annotated[float, Field(ge=0.0, le=10.0)] = 0.01
    batch_seconds: Positive = 60.0
    micro_seconds: Positive = 60.0
    warmup: Share = 0.1
    clip: Positive = 1.0
    precision: Precision = "auto"
    patience: Epochs | None = None
    encoders_held: Annotated[int, Field(ge=0, le=100_000)] = 0
    mix_lr: LearningRate | None = None
    start: Literal["scratch", "unimodal"] = "scratch"
    joint_epochs: Epochs | None = None
    auxiliary: Annotated[float, Field(ge=0.0, le=1e6)] = 0.0
    soft_labels: bool = False
    no_agreement: bool = False
    dimension_weight: Positive = 1.0
    dimension_loss: Literal["squared", "ccc"] = "squared"
    class_weights: bool = False
    label_smoothing: Share = 0.0
    balance: Annotated[tuple[str, ...], BeforeValidator(as_tuple)] = ()
    label_sets: str | None = None
    averaged_epochs: Annotated[int, Field(ge=1, le=1000)] = 3  # stochastic weight averaging, Izmailov et al. 2018
    ema: Share | None = None
    second_stage: SecondStageRecipe = SecondStageRecipe()
    soup: SoupRecipe = SoupRecipe()
    modality_dropout: ModalityDropout = ModalityDropout()
    gradient_checkpointing: bool = False


class AgreementRecipe(Strict):
    """How the votes of raters make a label.

    With `label: consensus` an utterance keeps the label that its corpus gives; with `votes` it gets the one with
    most votes after labels were merged, and none on a tie. A label with less than `minimum` of all votes is lost.
    """

    label: Literal["consensus", "votes"] = "consensus"
    minimum: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0


class CalibrationRecipe(Strict):
    """What confidence is calibrated for.

    The model abstains below the confidence at which `accuracy` was reached on validation (null: never); prediction
    sets contain the true label with probability `coverage`.
    """

    accuracy: Annotated[float, Field(gt=0.0, le=1.0)] | None = None
    coverage: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.9


class Recipe(Strict):
    """Everything that makes an experiment; see `recipes/` for whole ones.

    With `multi_label`, each label that raters voted for is a target of its own. `dimensions` names what is
    predicted beside labels, each with its lowest and highest value, such as `{valence: [1, 5]}`. `only` keeps the
    utterances with these values of a field or a tag, such as `{style: improvised}`; those with the values of
    `always_train` are trained on in every fold and tested in none, such as a second corpus. With
    `text_independent`, no text of a test part is in training: see `make_folds`. With `speaker_norm`,
    cross-validation also reports each system with speaker normalisation: see `experiment.speaker_norm`. `pooling:
    layers` pools each layer of an encoder as it is, side by side, for one modality alone or late fusion.
    """

    protocol: ProtocolName = "leave-one-session-out"
    text_independent: bool = False
    selection: Selection = "best"
    folds_seed: Seed = 0
    labels: Labels = "as-is"
    agreement: AgreementRecipe = AgreementRecipe()
    multi_label: bool = False
    dimensions: dict[str, Range] = Field(default_factory=dict)
    only: dict[str, str] = Field(default_factory=dict)
    always_train: dict[str, str] = Field(default_factory=dict)
    annotations: AnnotationPolicy = "strip"
    audio: AudioRecipe
    text: TextRecipe
    fusion: FusionRecipe = FusionRecipe()
    pooling: PoolingName = "statistics"
    speaker_norm: bool = False
    head: HeadRecipe = HeadRecipe()
    training: TrainingRecipe = TrainingRecipe()
    calibration: CalibrationRecipe = CalibrationRecipe()
    seeds: Annotated[tuple[Seed, ...], BeforeValidator(as_tuple), Field(min_length=1, max_length=1000)] = (0,)

    @model_validator(mode="after")
    def _average_of_all_epochs(self) -> Recipe:
        if self.training.ema is not None and self.selection != "fixed":
            raise ValueError("training.ema keeps an average, not the best epoch: use it with selection: fixed")
        if self.training.patience is not None and self.selection == "fixed":
            raise ValueError(
                "training.patience needs a validation part, and selection: fixed has none; "
                "leave patience out, or use selection: best"
            )
        return self

    @model_validator(mode="after")
    def _no_agreement_has_votes(self) -> Recipe:
        training = self.training
        if training.no_agreement and (self.multi_label or not training.soft_labels):
            raise ValueError(
                "training.no_agreement trains on votes where there is no label: use it with training.soft_labels: "
                "true, and without multi_label"
            )
        if training.no_agreement and "label" in training.balance:
            raise ValueError(
                "training.no_agreement has utterances without a label, which training.balance cannot draw by "
                "label; balance the second stage instead (training.second_stage), or leave one of them out"
            )
        return self

    @model_validator(mode="after")
    def _soup_that_can_be_tasted(self) -> Recipe:
        soup = self.training.soup
        if soup.members > 1 and soup.choice == "greedy" and self.selection == "fixed":
            raise ValueError(
                "training.soup.choice: greedy chooses members on a validation part, and selection: fixed has "
                "none; use uniform, or selection: best"
            )
        return self

    @model_validator(mode="after")
    def _sets_of_one_label(self) -> Recipe:
        if self.multi_label and self.training.label_sets is not None:
            raise ValueError("training.label_sets is for one label an utterance; with multi_label leave it out")
        if self.training.soft_labels and self.training.label_sets is not None:
            raise ValueError("training.label_sets is for labels, not for votes; leave it or soft_labels out")
        return self

    def as_dict(self) -> dict[str, Any]:
        """Return the resolved recipe as JSON and YAML would hold it."""
        return self.model_dump(mode="json")
