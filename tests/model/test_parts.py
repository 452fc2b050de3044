"""The parts of the network, one promise each."""

from __future__ import annotations

from typing import get_args

import pytest
import torch
from networks import bert, network, wav2vec2
from torch import nn

from emofuse.config import FusionKind, PoolingName
from emofuse.errors import RecipeError
from emofuse.model.attention import CrossModalAttention
from emofuse.model.batch import Stream, at_least_one, mask_of_lengths
from emofuse.model.encoders import audio_encoder
from emofuse.model.features import BidirectionalLSTM, reverse_within
from emofuse.model.fusion import AbsentFrame
from emofuse.model.layers import LayerMix
from emofuse.model.network import count_parameters
from emofuse.model.pooling import POOLED_WIDTH, POOLINGS, masked_mean, masked_statistics
from emofuse.model.scratch import Block, normalise_over_time, random_stretch
from emofuse.model.speech import masked_group_norm, receptive_field
from emofuse.model.tuning import apply_tuning, is_frozen


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
        audio_encoder(backbone, "last")


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
