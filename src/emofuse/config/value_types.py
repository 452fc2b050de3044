"""The words and numbers that recipes are made of, and what is wrong with others."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

ProtocolName = Literal["leave-one-session-out", "leave-one-speaker-out", "speaker-kfold", "predefined"]
Selection = Literal["best", "fixed"]
AnnotationPolicy = Literal["strip", "keep"]
VocabularyKind = Literal["words", "bpe"]
FusionKind = Literal["cross-attention", "concatenation", "late"]
# The stream of the queries of attention; a stream without attention is pooled as it is.
Directions = Literal["both", "audio", "text"]
# With "layers" each layer of an encoder is pooled as it is, and nothing lies between it and the head.
PoolingName = Literal["statistics", "mean", "attentive", "layers"]
# Which transcript is read: the manifest's own, a written one, a recognised one, or one drawn each time.
TextSource = Literal["given", "gold", "asr", "mixed"]
HeadNorm: TypeAlias = bool | Literal["batch"]
# Of the frames that an encoder gives, before the layers of the fusion.
FrameNorm = Literal["none", "layer", "batch"]
Precision = Literal["auto", "no", "bf16", "fp16"]

# Layers of an encoder, of which the largest known has 48.
MOST_LAYERS = 256
# The largest end of a range of dimensions.
LARGEST_END = 1e9

Share: TypeAlias = Annotated[float, Field(ge=0.0, lt=1.0)]
Positive: TypeAlias = Annotated[float, Field(gt=0.0, le=1e6)]
# Far above what any network learns with; beyond it, weights are no numbers after a step.
LearningRate: TypeAlias = Annotated[float, Field(gt=0.0, le=10.0)]
# What the generators of numpy and torch take.
Seed: TypeAlias = Annotated[int, Field(ge=0, lt=2**32)]
Epochs: TypeAlias = Annotated[int, Field(ge=1, le=100_000)]
# Of a layer; 0 where it may be left out.
Width: TypeAlias = Annotated[int, Field(ge=0, le=65_536)]
# Whisper's window: whole seconds, or the clip's own length and half a second of silence.
AudioWindow: TypeAlias = Literal["clip"] | Annotated[int, Field(ge=1, le=30)]
Tuning: TypeAlias = Annotated[str, Field(pattern=r"^(frozen|cnn-frozen|full|lora|top-[1-9]\d{0,2})$")]


def as_tuple(value: Any) -> Any:
    """Convert a list of YAML or JSON to a tuple."""
    return tuple(value) if isinstance(value, list) else value


def _layers(value: Any) -> Any:
    """Refuse a list of layers that is no list of indices, each once and in order."""
    if not isinstance(value, list | tuple):
        return value
    indices = all(type(index) is int and 0 <= index <= MOST_LAYERS for index in value)
    if len(value) < 2 or not indices or list(value) != sorted(set(value)):
        raise ValueError("name two layers or more by their indices in ascending order, such as [2, 3, 4]")
    return tuple(value)


def _range(value: Any) -> Any:
    """Convert a list of two numbers, the lower one first, to a range."""
    numbers = isinstance(value, list | tuple) and len(value) == 2 and all(type(v) in (int, float) for v in value)
    if not numbers or not all(-LARGEST_END <= end <= LARGEST_END for end in value) or value[0] >= value[1]:
        raise ValueError("give the lowest and the highest value, such as [1, 5]")
    return (float(value[0]), float(value[1]))


def _labels(value: Any) -> Any:
    """Refuse what is neither the name of a label policy nor a mapping from labels to labels."""
    if isinstance(value, str) or (isinstance(value, dict) and all(isinstance(v, str) for v in value.values())):
        return value
    raise ValueError("give the name of a label policy, or a mapping from labels to labels")


Layer: TypeAlias = Annotated[int, Field(ge=0, le=MOST_LAYERS)]
Layers: TypeAlias = Annotated[Literal["last", "weighted"] | Layer | tuple[Layer, ...], BeforeValidator(_layers)]
Range: TypeAlias = Annotated[tuple[float, float], BeforeValidator(_range)]
Labels: TypeAlias = Annotated[str | dict[str, str], BeforeValidator(_labels)]


class Strict(BaseModel):
    """Frozen, nothing converted, no unknown key."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")
