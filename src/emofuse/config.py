"""Recipes: what to train and how, read once, checked once, then only numbers."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from emofuse.errors import RecipeError

ProtocolName = Literal["leave-one-session-out", "leave-one-speaker-out", "speaker-kfold", "predefined"]
Selection = Literal["best", "fixed"]
AnnotationPolicy = Literal["strip", "keep"]
VocabularyKind = Literal["words", "bpe"]
FusionKind = Literal["cross-attention", "concatenation", "late"]
PoolingName = Literal["statistics", "mean"]
Precision = Literal["auto", "no", "bf16", "fp16"]

Share: TypeAlias = Annotated[float, Field(ge=0.0, lt=1.0)]
Positive: TypeAlias = Annotated[float, Field(gt=0.0)]
Seed: TypeAlias = Annotated[int, Field(ge=0)]
Layers: TypeAlias = Literal["last", "weighted"] | Annotated[int, Field(ge=0)]
Tuning: TypeAlias = Annotated[str, Field(pattern=r"^(frozen|cnn-frozen|full|lora|top-[1-9]\d*)$")]


def _tuple(value: Any) -> Any:
    """Let a list in YAML or JSON be a tuple."""
    return tuple(value) if isinstance(value, list) else value


def _labels(value: Any) -> Any:
    """Refuse what is neither the name of a label policy nor a mapping from labels to labels."""
    if isinstance(value, str) or (isinstance(value, dict) and all(isinstance(v, str) for v in value.values())):
        return value
    raise ValueError("give the name of a label policy, or a mapping from labels to labels")


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
    """The audio encoder; training crops clips at random to `max_seconds`, evaluation never crops."""

    max_seconds: Positive | None = None


class TextRecipe(EncoderRecipe):
    """The text encoder; an encoder from a configuration learns its vocabulary from the training part.

    `vectors` is a file of word vectors in the format of GloVe, to start a vocabulary of words from.
    """

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

    With `residual`, each attention adds what asked and normalises; `feed_forward` is the width of a feed-forward
    layer behind it, likewise added and normalised (0: none).
    """

    kind: FusionKind = "cross-attention"
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
    class_weights: bool = False
    label_smoothing: Share = 0.0
    modality_dropout: ModalityDropout = ModalityDropout()
    gradient_checkpointing: bool = False


class Recipe(_Strict):
    """Everything that makes an experiment; see `recipes/` for whole ones."""

    protocol: ProtocolName = "leave-one-session-out"
    text_independent: Literal[False] = False
    selection: Selection = "best"
    folds_seed: Seed = 0
    labels: Labels = "as-is"
    annotations: AnnotationPolicy = "strip"
    audio: AudioRecipe
    text: TextRecipe
    fusion: FusionRecipe = FusionRecipe()
    pooling: PoolingName = "statistics"
    head: HeadRecipe = HeadRecipe()
    training: TrainingRecipe = TrainingRecipe()
    seeds: Annotated[tuple[Seed, ...], BeforeValidator(_tuple), Field(min_length=1)] = (0,)

    def as_dict(self) -> dict[str, Any]:
        """Return the resolved recipe as JSON and YAML would hold it."""
        return self.model_dump(mode="json")


class _Loader(yaml.SafeLoader):
    """YAML in which `3e-5` is a number, as everybody means it."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:\d[\d_]*)(?:\.\d*)?(?:[eE][-+]?\d+)$"),
    list("-+0123456789"),
)


def load_recipe(path: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe and change it by `key=value` overrides, such as `training.epochs=3`.

    Raises:
        RecipeError: the file cannot be read, or a key or value is wrong; the message names the key.
    """
    path = Path(path)
    try:
        values = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except FileNotFoundError as error:
        raise RecipeError(f"{path}: no such recipe; see the folder recipes/") from error
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: cannot be read as a recipe ({error})") from error
    except (yaml.YAMLError, ValueError) as error:
        raise RecipeError(f"{path}: is not YAML ({_first_line(error)})") from error
    if not isinstance(values, dict):
        raise RecipeError(f"{path}: is not a recipe; it needs keys such as audio, text, training")
    for override in overrides:
        values = _override(values, override)
    return make_recipe(values, str(path))


def make_recipe(values: Mapping[str, Any], place: str = "recipe") -> Recipe:
    """Check a recipe given as a mapping.

    Raises:
        RecipeError: a key or value is wrong; the message names the key and, for a typo, the nearest one.
    """
    try:
        return Recipe.model_validate(dict(values))
    except ValidationError as error:
        raise RecipeError(f"{place}: {_explain(error)}") from error


def dump_recipe(recipe: Recipe) -> str:
    """Return the resolved recipe as YAML."""
    return yaml.safe_dump(recipe.as_dict(), sort_keys=False, allow_unicode=True)


def _override(values: Mapping[str, Any], override: str) -> dict[str, Any]:
    """Return the values with one `a.b.c=value` set; of encoder and config the new one replaces the other."""
    key, sign, text = override.partition("=")
    if not sign or not key:
        raise RecipeError(f"--set {override}: write it as key=value, such as training.epochs=3")
    try:
        value = yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, ValueError) as error:
        raise RecipeError(f"--set {override}: the value is not YAML ({_first_line(error)})") from error
    return _with(values, key.split("."), value, override)


def _with(values: Mapping[str, Any], keys: Sequence[str], value: Any, override: str) -> dict[str, Any]:
    changed = dict(values)
    first, rest = keys[0], keys[1:]
    if rest:
        inner = changed.get(first) or {}
        if not isinstance(inner, Mapping):
            raise RecipeError(f"--set {override}: {first!r} holds a value, not further keys")
        changed[first] = _with(inner, rest, value, override)
    else:
        changed[first] = value
    other = {"encoder": "config", "config": "encoder"}.get(first)
    if other and value is not None:
        changed.pop(other, None)
    return changed


def _explain(error: ValidationError) -> str:
    """Put pydantic's first finding into one sentence that names the key."""
    first = error.errors()[0]
    keys = [str(part) for part in first["loc"] if not re.search(r"[\[\],]", str(part))]
    key = ".".join(keys) or "the recipe"
    if first["type"] == "extra_forbidden":
        valid = _keys_beside(keys)
        near = difflib.get_close_matches(keys[-1], valid, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"keys here are {', '.join(valid)}"
        return f"unknown key {key!r}; {hint}"
    if first["type"] == "missing":
        return f"the key {key!r} is missing"
    if first["type"] == "value_error":
        return f"{key}: {first['ctx']['error']}"
    message = first["msg"][0].lower() + first["msg"][1:]
    choices = re.findall(r"'([^']+)'", str(first.get("ctx", {}).get("expected", "")))
    near = difflib.get_close_matches(str(first["input"]), choices, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"{key}: {message}, not {first['input']!r}{hint}"


def _keys_beside(keys: Sequence[str]) -> list[str]:
    model: type[BaseModel] = Recipe
    for key in keys[:-1]:
        kind = model.model_fields[key].annotation if key in model.model_fields else None
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            break
        model = kind
    return list(model.model_fields)


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())[:120]
