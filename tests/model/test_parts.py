"""The parts of the network, one promise each."""

from __future__ import annotations

from typing import get_args

import pytest
import torch
from networks import bert, difference_from_single, inputs, network, wav2vec2
from torch import nn

from emofuse.config import Directions, FusionKind, PoolingName
from emofuse.errors import RecipeError
from emofuse.model.attention import CrossModalAttention
from emofuse.model.encoder_wrappers import wrap_audio_encoder
from emofuse.model.encoders.small_encoders import Block, normalise_over_time, random_stretch
from emofuse.model.feature_encoders import BidirectionalLSTM, reverse_within
from emofuse.model.fusion import AbsentFrame, EarlyFusion, LateFusion, cross_attentions
from emofuse.model.heads import EmotionHead
from emofuse.model.layer_selection import LayerMix
from emofuse.model.masked_streams import Stream, at_least_one, mask_of_lengths
from emofuse.model.network import count_parameters
from emofuse.model.pooling import POOLED_WIDTH, POOLINGS, masked_mean, masked_statistics
from emofuse.model.speech_encoders import masked_group_norm, receptive_field
from emofuse.model.tuning import apply_tuning, is_frozen
from emofuse.types import Task


def stream(lengths: list[int], width: int = 8) -> Stream:
    torch.manual_seed(0)
    mask = mask_of_lengths(torch.tensor(lengths), max(lengths))
    return Stream(torch.randn(len(lengths), max(lengths), width), mask)


def test_masked_mean_ignores_padding() -> None:
    frames, mask = torch.tensor([[[2.0], [4.0], [99.0]]]), torch.tensor([[True, True, False]])
    assert masked_mean(Stream(frames, mask)).item() == 3.0


def test_statistics_pooling_is_mean_and_population_deviation_of_real_frames() -> None:
    given = stream([5, 2])
    pooled = masked_statistics(given)
    for row, length in enumerate((5, 2)):
        real = given.frames[row, :length].double().numpy()
        torch.testing.assert_close(pooled[row, :8].double().numpy(), real.mean(axis=0), atol=1e-6, rtol=0)
        torch.testing.assert_close(
            pooled[row, 8:].double().numpy(), (real.var(axis=0) + 1e-5) ** 0.5, atol=1e-6, rtol=0
        )


def test_statistics_pooling_has_finite_gradients_on_a_single_frame() -> None:
    frames = torch.ones(1, 1, 4, requires_grad=True)
    masked_statistics(Stream(frames, torch.ones(1, 1, dtype=torch.bool))).sum().backward()
    assert frames.grad is not None
    assert bool(frames.grad.isfinite().all())


def test_choices_and_their_names_agree() -> None:
    assert set(POOLINGS) == set(POOLED_WIDTH) == set(get_args(PoolingName))
    for kind in get_args(FusionKind):
        assert network(wav2vec2(), bert(), fusion=kind).config.fusion == kind


def test_attention_equals_torch_multi_head_attention() -> None:
    torch.manual_seed(0)
    ours = CrossModalAttention(8, 2, dropout=0.0, residual=False).eval()
    theirs = nn.MultiheadAttention(8, 2, batch_first=True).eval()
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([ours.query.weight, ours.key.weight, ours.value.weight]))
        theirs.in_proj_bias.copy_(torch.cat([ours.query.bias, ours.key.bias, ours.value.bias]))
        theirs.out_proj.weight.copy_(ours.output.weight)
        theirs.out_proj.bias.copy_(ours.output.bias)
    asking, answering = stream([6, 3]), stream([4, 2])
    expected, _ = theirs(asking.frames, answering.frames, answering.frames, key_padding_mask=~answering.mask)
    torch.testing.assert_close(ours(asking, answering).frames, expected, atol=1e-6, rtol=0)


def test_residual_attention_normalises_the_sum() -> None:
    attention = CrossModalAttention(8, 2, dropout=0.0, residual=True).eval()
    frames = attention(stream([6, 3]), stream([4, 2])).frames
    torch.testing.assert_close(frames.mean(dim=-1), torch.zeros(2, 6), atol=1e-5, rtol=0)


def test_blstm_equals_a_packed_one() -> None:
    torch.manual_seed(0)
    ours = BidirectionalLSTM(8)
    packed = nn.LSTM(8, 4, batch_first=True, bidirectional=True)
    for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"):
        getattr(packed, name).data.copy_(getattr(ours.forwards, name))
        getattr(packed, f"{name}_reverse").data.copy_(getattr(ours.backwards, name))
    given = stream([6, 3, 1])
    sequence = nn.utils.rnn.pack_padded_sequence(given.frames, torch.tensor([6, 3, 1]), batch_first=True)
    expected, _ = nn.utils.rnn.pad_packed_sequence(packed(sequence)[0], batch_first=True)
    actual = ours(given).zeroed().frames
    torch.testing.assert_close(actual, expected, atol=1e-6, rtol=0)


def test_blstm_takes_a_row_without_frames() -> None:
    given = Stream(torch.randn(2, 3, 8), torch.tensor([[True, True, True], [False, False, False]]))
    assert bool(BidirectionalLSTM(8)(given).frames.isfinite().all())


def test_reversing_within_lengths_leaves_padding_in_place() -> None:
    frames = torch.tensor([[[1.0], [2.0], [3.0], [9.0]]])
    mask = torch.tensor([[True, True, True, False]])
    assert reverse_within(frames, mask).flatten().tolist() == [3.0, 2.0, 1.0, 9.0]


def test_masked_group_norm_equals_the_layer_on_each_row_alone() -> None:
    torch.manual_seed(0)
    norm = nn.GroupNorm(4, 4)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    frames, lengths = torch.randn(2, 4, 9), [9, 5]
    ours = masked_group_norm(frames, mask_of_lengths(torch.tensor(lengths), 9), norm)
    for row, length in enumerate(lengths):
        expected = norm(frames[row : row + 1, :, :length])[0]
        torch.testing.assert_close(ours[row, :, :length], expected, atol=1e-5, rtol=0)


def test_normalising_over_time_uses_real_frames_only() -> None:
    given = stream([7, 4])
    normalised = normalise_over_time(given.frames, given.mask)
    torch.testing.assert_close(normalised[1, :4].mean(dim=0), torch.zeros(8), atol=1e-6, rtol=0)


def test_an_absent_stream_becomes_one_learnt_frame() -> None:
    absent = AbsentFrame(2)
    nn.init.constant_(absent.frame, 5.0)
    given = Stream(torch.ones(2, 3, 2), torch.tensor([[True, True, False], [False, False, False]]))
    filled = absent(given)
    assert filled.mask.tolist() == [[True, True, False], [True, False, False]]
    assert filled.frames[1, 0].tolist() == [5.0, 5.0]
    assert filled.frames[0, 0].tolist() == [1.0, 1.0]


def test_layer_mix_starts_as_the_mean() -> None:
    frames = torch.randn(2, 3, 4, 5)
    mixed = LayerMix(3)(Stream(frames, torch.ones(2, 4, dtype=torch.bool)))
    torch.testing.assert_close(mixed.frames, frames.mean(dim=1))


def test_at_least_one_opens_only_empty_rows() -> None:
    mask = torch.tensor([[True, False], [False, False]])
    assert at_least_one(mask).tolist() == [[True, False], [True, False]]
    assert mask.tolist() == [[True, False], [False, False]]


def test_receptive_field_of_wav2vec2_is_25_ms() -> None:
    assert receptive_field((10, 3, 3, 3, 3, 2, 2), (5, 2, 2, 2, 2, 2, 2)) == 400


def test_random_stretch_hides_no_more_than_it_may() -> None:
    torch.manual_seed(0)
    hidden = random_stretch(200, 50, 10, torch.device("cpu")).sum(dim=1)
    assert 0 <= int(hidden.min()) < int(hidden.max()) <= 10


def test_even_kernels_are_refused() -> None:
    with pytest.raises(ValueError, match="odd"):
        Block(4, 4, kernel=4, stride=1, dropout=0.0)


def test_an_unknown_speech_family_is_refused_by_name() -> None:
    backbone = network(None, bert()).text_encoder.backbone
    with pytest.raises(RecipeError, match="'bert' with this configuration is not supported"):
        wrap_audio_encoder(backbone, "last")


@pytest.mark.parametrize(
    ("tuning", "learning"),
    [("full", "all"), ("frozen", "none"), ("cnn-frozen", "but the front end"), ("top-1", "one")],
)
def test_tuning_policies_mark_what_learns(tuning: str, learning: str) -> None:
    backbone = network(wav2vec2(), None).audio_encoder.backbone
    apply_tuning(backbone, tuning, "audio")
    learns = {name for name, parameter in backbone.named_parameters() if parameter.requires_grad}
    everything = {name for name, _ in backbone.named_parameters()}
    front = {name for name in everything if name.startswith("feature_extractor")}
    top = {name for name in everything if name.startswith("encoder.layers.2")}
    assert (
        learns == {"all": everything, "none": set(), "but the front end": everything - front, "one": top}[learning]
    )
    assert is_frozen(backbone) == (tuning == "frozen")


@pytest.mark.parametrize(
    ("tuning", "message"), [("cnn-frozen", "convolutional front end"), ("top-9", "has 2 layers")]
)
def test_tuning_that_does_not_apply_is_refused(tuning: str, message: str) -> None:
    backbone = network(None, bert()).text_encoder.backbone
    with pytest.raises(RecipeError, match=message):
        apply_tuning(backbone, tuning, "text")


def test_parameters_are_counted() -> None:
    assert count_parameters(nn.Linear(3, 4)) == 16


RANGES = Task(("a", "b", "c"), ("valence", "arousal"), ((1.0, 5.0), (-10.0, 0.0)))


@pytest.mark.parametrize(("raw", "expected"), [(-1.0, [1.0, -10.0]), (0.0, [3.0, -5.0]), (1.0, [5.0, 0.0])])
def test_a_dimension_spans_its_range_as_the_raw_output_goes_from_minus_one_to_one(
    raw: float, expected: list[float]
) -> None:
    head = EmotionHead(4, 0, 0.0, RANGES, norm=False)
    assert head.regressor is not None
    nn.init.zeros_(head.regressor.weight)
    nn.init.constant_(head.regressor.bias, raw)
    output = head(torch.randn(3, 4))
    assert output.logits.shape == (3, 3)
    assert output.dimensions.tolist() == [expected] * 3


def test_a_head_without_dimensions_tells_none() -> None:
    head = EmotionHead(4, 8, 0.0, Task(("a", "b")), norm=True)
    assert head.regressor is None
    assert head(torch.randn(3, 4)).dimensions is None
    assert head(torch.randn(3, 4)).logits.shape == (3, 2)


def test_a_head_normalises_over_the_batch_and_one_alone_by_the_running_figures() -> None:
    head = EmotionHead(4, 8, 0.0, Task(("a", "b")), norm="batch").train()
    vectors = torch.randn(5, 4) * 100 + 30
    inside: list[torch.Tensor] = []
    assert head.hidden is not None
    head.hidden.register_forward_pre_hook(lambda _, inputs: inside.append(inputs[0]))
    head(vectors)
    torch.testing.assert_close(inside[0].mean(dim=0), torch.zeros(4), atol=1e-5, rtol=0)
    alone = head(vectors[:1]).logits
    assert torch.equal(alone, head.eval()(vectors[:1]).logits)
    torch.testing.assert_close(head(vectors).logits[0], alone[0])


class Seen:
    """A pooling that remembers what it was given."""

    def __init__(self) -> None:
        self.streams: list[Stream] = []

    def __call__(self, given: Stream) -> torch.Tensor:
        self.streams.append(given)
        return masked_mean(given)


@pytest.mark.parametrize("asks", get_args(Directions))
def test_the_stream_that_does_not_ask_is_pooled_as_it_is(asks: Directions) -> None:
    torch.manual_seed(0)
    attentions = cross_attentions("cross-attention", asks, 8, 2, 0.0, False, 0)
    seen = Seen()
    fusion = EarlyFusion(8, attentions, seen, EmotionHead(16, 0, 0.0, RANGES, norm=False)).eval()
    audio, text = stream([6, 3]), stream([4, 2])
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


def test_fusion_without_attention_asks_nobody() -> None:
    for kind in ("concatenation", "late"):
        assert cross_attentions(kind, "both", 8, 2, 0.0, False, 0) == (None, None)  # type: ignore[arg-type]


@pytest.mark.parametrize("asks", get_args(Directions))
def test_a_batch_gives_what_its_utterances_give_alone_whoever_asks(asks: str) -> None:
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
    audio, text = stream([heard for heard, _ in PRESENT]), stream([read for _, read in PRESENT])
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
