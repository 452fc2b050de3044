"""How two streams become one decision."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from emofuse.config import Directions, FusionKind
from emofuse.errors import RecipeError
from emofuse.model.attention import CrossModalAttention
from emofuse.model.configuration import EmotionConfig
from emofuse.model.heads import EmotionHead, EmotionOutput
from emofuse.model.masked_streams import Stream
from emofuse.model.pooling import POOLED_WIDTH, Pooling, build_pooling, for_two_streams


class AbsentFrame(nn.Module):
    """Replaces an absent stream by one learned frame, which the other modality can attend to."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.frame = nn.Parameter(torch.zeros(width))

    def forward(self, stream: Stream) -> Stream:
        """Return the stream; a row without a real frame has the learned one, alone."""
        first = torch.arange(stream.mask.shape[1], device=stream.mask.device) == 0
        filled = first & ~stream.mask.any(dim=1, keepdim=True)
        frames = torch.where(filled.unsqueeze(-1), self.frame.to(stream.frames.dtype), stream.frames)
        return Stream(frames, stream.mask | filled)


class EarlyFusion(nn.Module):
    """Pool both streams, concatenate, decide; with cross-modal attention both ways before it, or without.

    Args:
        width: of both streams.
        attentions: one with audio as the query, one with text; None for a stream without.
        pooling: from a stream to a vector; each stream gets one of its own where it has weights.
        head: takes both vectors, concatenated.
        auxiliary: a head on each pooled stream before the attention, for auxiliary losses; None without.
    """

    def __init__(
        self,
        width: int,
        attentions: tuple[nn.Module | None, nn.Module | None],
        pooling: Pooling,
        head: EmotionHead,
        auxiliary: tuple[EmotionHead, EmotionHead] | None = None,
    ) -> None:
        super().__init__()
        self.absent_audio = AbsentFrame(width)
        self.absent_text = AbsentFrame(width)
        self.audio_asks, self.text_asks = attentions
        self.audio_pooling, self.text_pooling = for_two_streams(pooling)
        self.head = head
        self.audio_head = auxiliary[0] if auxiliary else None
        self.text_head = auxiliary[1] if auxiliary else None

    def forward(self, audio: Stream, text: Stream) -> EmotionOutput:
        """Map two streams, (batch, time, width) each, to one decision."""
        audio, text = self.absent_audio(audio), self.absent_text(text)
        audio_logits = self._auxiliary(self.audio_head, self.audio_pooling, audio)
        text_logits = self._auxiliary(self.text_head, self.text_pooling, text)
        output = self.head(self._joined(audio, text))
        return EmotionOutput(output.logits, output.dimensions, audio_logits, text_logits, output.pooled)

    def _joined(self, audio: Stream, text: Stream) -> Tensor:
        """Return both pooled vectors after attention, concatenated."""
        attended_audio = audio if self.audio_asks is None else self.audio_asks(audio, text)
        attended_text = text if self.text_asks is None else self.text_asks(text, audio)
        return torch.cat([self.audio_pooling(attended_audio), self.text_pooling(attended_text)], dim=-1)

    def _auxiliary(self, head: nn.Module | None, pooling: Pooling, stream: Stream) -> Tensor | None:
        """Return the logits of a head on one modality, in training only."""
        return head(pooling(stream)).logits if head is not None and self.training else None


class LateFusion(nn.Module):
    """Two decisions of their own, averaged as probabilities over the modalities that are present.

    Args:
        pooling: from a stream to a vector; each stream gets one of its own where it has weights.
        audio_head: decides on audio.
        text_head: decides on text.
        multi_label: labels are independent, so that the probability of each is a sigmoid.
    """

    def __init__(
        self, pooling: Pooling, audio_head: EmotionHead, text_head: EmotionHead, multi_label: bool = False
    ) -> None:
        super().__init__()
        self.multi_label = multi_label
        self.audio_pooling, self.text_pooling = for_two_streams(pooling)
        self.audio_head = audio_head
        self.text_head = text_head

    def forward(self, audio: Stream, text: Stream) -> EmotionOutput:
        """Map two streams, (batch, time, width) each, to the logits of mean probabilities, and mean dimensions.

        `pooled` is what both heads get, side by side; a modality that is absent is zero there.
        """
        outputs = [self.audio_head(self.audio_pooling(audio)), self.text_head(self.text_pooling(text))]
        present = torch.stack([audio.mask.any(dim=1), text.mask.any(dim=1)]).unsqueeze(-1)
        share = present / present.sum(dim=0, keepdim=True).clamp(min=1)
        logits = self._mean([output.logits for output in outputs], share)
        pooled = torch.cat([output.pooled * there for output, there in zip(outputs, present, strict=True)], dim=-1)
        if outputs[0].dimensions is None:
            return EmotionOutput(logits=logits, pooled=pooled)
        dimensions = torch.stack([output.dimensions for output in outputs])
        return EmotionOutput(logits=logits, dimensions=(dimensions * share).sum(dim=0), pooled=pooled)

    def _mean(self, logits: Sequence[Tensor], share: Tensor) -> Tensor:
        stacked = torch.stack(list(logits))
        if self.multi_label:
            # In logarithms: a probability near 1 has no digits left.
            logs = torch.log(share.clamp(min=1e-12))
            there = torch.logsumexp(nn.functional.logsigmoid(stacked) + logs, dim=0)
            return there - torch.logsumexp(nn.functional.logsigmoid(-stacked) + logs, dim=0)
        return torch.log((stacked.softmax(dim=-1) * share).sum(dim=0).clamp(min=1e-12))


class SingleModality(nn.Module):
    """Pool one stream and decide: the paper's unimodal systems."""

    def __init__(self, pooling: Pooling, head: EmotionHead) -> None:
        super().__init__()
        self.pooling = pooling
        self.head = head

    def forward(self, stream: Stream) -> EmotionOutput:
        """Map a stream, (batch, time, width), to a decision."""
        return self.head(self.pooling(stream))


def cross_attentions(
    kind: FusionKind, asks: Directions, width: int, heads: int, dropout: float, residual: bool, feed_forward: int
) -> tuple[nn.Module | None, nn.Module | None]:
    """Return the attentions with audio and with text as the query; None where early fusion has none."""
    audio, text = (
        CrossModalAttention(width, heads, dropout, residual, feed_forward)
        if kind == "cross-attention" and asks in ("both", modality)
        else None
        for modality in ("audio", "text")
    )
    return audio, text


def build_fusion(config: EmotionConfig, widths: Sequence[int]) -> EarlyFusion | LateFusion | SingleModality:
    """Build the layers after the streams, whose widths stand in the order of the modalities.

    Raises:
        RecipeError: attention is asked for, and there are vectors instead of streams.
    """
    first, last = (width * POOLED_WIDTH[config.pooling] for width in (widths[0], widths[-1]))
    pooling = build_pooling(config.pooling, widths[0])

    def head(width: int) -> EmotionHead:
        return EmotionHead(width, config.head_hidden, config.head_dropout, config.task, config.head_norm)

    if len(config.modalities) < 2:
        return SingleModality(pooling, head(first))
    if config.fusion == "late":
        return LateFusion(pooling, head(first), head(last), config.multi_label)
    if config.pooling == "layers":
        raise RecipeError(
            "pooling: layers gives one vector a modality, and there is nothing that attention could weigh; use "
            "fusion.kind: late, train one modality alone, or choose another pooling"
        )
    attentions = cross_attentions(
        config.fusion,
        config.asks,
        config.width,
        config.heads,
        config.attention_dropout,
        config.residual,
        config.feed_forward,
    )
    auxiliary = (head(first), head(first)) if config.auxiliary else None
    return EarlyFusion(config.width, attentions, pooling, head(2 * first), auxiliary)
