"""Fusion of two streams, of which one may be absent."""

from __future__ import annotations

from typing import get_args

import pytest
import torch
from networks import bert, difference_from_single, inputs, network, random_stream, wav2vec2
from torch import nn

from emofuse.config import Directions, FusionKind
from emofuse.model.fusion import AbsentFrame, EarlyFusion, LateFusion, cross_attentions
from emofuse.model.heads import EmotionHead
from emofuse.model.masked_streams import Stream
from emofuse.model.pooling import masked_mean
from emofuse.types import Task


def test_fusions_and_their_names_agree() -> None:
    for kind in get_args(FusionKind):
        assert network(wav2vec2(), bert(), fusion=kind).config.fusion == kind


def test_an_absent_stream_becomes_one_learned_frame() -> None:
    absent = AbsentFrame(2)
    nn.init.constant_(absent.frame, 5.0)
    given = Stream(torch.ones(2, 3, 2), torch.tensor([[True, True, False], [False, False, False]]))
    filled = absent(given)
    assert filled.mask.tolist() == [[True, True, False], [True, False, False]]
    assert filled.frames[1, 0].tolist() == [5.0, 5.0]
    assert filled.frames[0, 0].tolist() == [1.0, 1.0]


RANGES = Task(("a", "b", "c"), ("valence", "arousal"), ((1.0, 5.0), (-10.0, 0.0)))


class Seen:
    """A pooling that remembers what it was given."""

    def __init__(self) -> None:
        self.streams: list[Stream] = []

    def __call__(self, given: Stream) -> torch.Tensor:
        self.streams.append(given)
        return masked_mean(given)


@pytest.mark.parametrize("asks", get_args(Directions))
def test_the_stream_without_queries_is_pooled_as_it_is(asks: Directions) -> None:
    torch.manual_seed(0)
    attentions = cross_attentions("cross-attention", asks, 8, 2, 0.0, False, 0)
    seen = Seen()
    fusion = EarlyFusion(8, attentions, seen, EmotionHead(16, 0, 0.0, RANGES, norm=False)).eval()
    audio, text = random_stream([6, 3]), random_stream([4, 2])
    output = fusion(audio, text)
    assert output.logits.shape == (2, 3)
    for modality, given, other, pooled, attention in (
        ("audio", audio, text, seen.streams[0], attentions[0]),
        ("text", text, audio, seen.streams[1], attentions[1]),
    ):
        assert torch.equal(pooled.mask, given.mask)
        if asks in ("both", modality):
            assert attention is not None
            torch.testing.assert_close(pooled.frames, attention(given, other).frames)
            assert not torch.equal(pooled.frames, given.frames)
        else:
            assert attention is None
            assert torch.equal(pooled.frames, given.frames)


def test_fusion_without_attention_has_no_queries() -> None:
    for kind in ("concatenation", "late"):
        assert cross_attentions(kind, "both", 8, 2, 0.0, False, 0) == (None, None)  # type: ignore[arg-type]


@pytest.mark.parametrize("asks", get_args(Directions))
def test_a_batch_gives_what_its_utterances_give_alone_whatever_the_queries(asks: str) -> None:
    model = network(wav2vec2(), bert(), asks=asks, residual=True, feed_forward=16)
    assert (model.fusion.audio_asks is not None, model.fusion.text_asks is not None) == (
        asks != "text",
        asks != "audio",
    )
    assert difference_from_single(model, inputs([5431, 16293, 300, 0, 9001], [7, 30, 1, 5, 0])) < 1e-4


def heads() -> tuple[EmotionHead, EmotionHead]:
    torch.manual_seed(0)
    return EmotionHead(8, 0, 0.0, RANGES, norm=False), EmotionHead(8, 0, 0.0, RANGES, norm=False)


PRESENT = [(5, 4), (3, 0), (0, 2)]


@pytest.mark.parametrize("multi_label", [False, True])
def test_late_fusion_averages_the_probabilities_of_what_is_there(multi_label: bool) -> None:
    audio_head, text_head = heads()
    fusion = LateFusion(masked_mean, audio_head, text_head, multi_label)
    audio, text = random_stream([heard for heard, _ in PRESENT]), random_stream([read for _, read in PRESENT])
    output = fusion(audio, text)

    def squash(logits: torch.Tensor) -> torch.Tensor:
        return logits.sigmoid() if multi_label else logits.softmax(dim=-1)

    heard, read = audio_head(masked_mean(audio)), text_head(masked_mean(text))
    for row, (frames, pieces) in enumerate(PRESENT):
        there = [one for one, length in ((heard, frames), (read, pieces)) if length]
        mean = torch.stack([squash(one.logits[row]) for one in there]).mean(dim=0)
        torch.testing.assert_close(squash(output.logits[row]), mean, atol=1e-5, rtol=1e-4)
        told = torch.stack([one.dimensions[row] for one in there]).mean(dim=0)
        torch.testing.assert_close(output.dimensions[row], told)


def test_late_fusion_can_say_that_several_labels_are_there() -> None:
    """The logarithm of a share, whose sigmoid is at most one half, could not."""
    model = network(wav2vec2(), bert(), fusion="late", multi_label=True)
    for head in (model.fusion.audio_head, model.fusion.text_head):
        nn.init.constant_(head.classifier.bias, 6.0)
        nn.init.zeros_(head.classifier.weight)
    (audio, text), *_ = inputs([5431], [7])
    ones = torch.ones(1, 5431, dtype=torch.bool), torch.ones(1, 7, dtype=torch.bool)
    with torch.no_grad():
        chances = model(audio[None], ones[0], text[None], ones[1]).logits.sigmoid()
    assert float(chances.min()) > 0.99
