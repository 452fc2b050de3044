"""The voice CNN: exact in any batch, in training as in use; its changes to the spectrum; attentive pooling."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from networks import bert, difference_from_single, inputs, logits, network, pad, settle, voice
from torch import Tensor, nn

from emofuse.config import AudioRecipe
from emofuse.data.preparation import Batch
from emofuse.errors import RecipeError
from emofuse.inference.onnx_runtime import OnnxRuntime
from emofuse.inference.runtime import Traits
from emofuse.model.build import audio_preparation, encoder_config
from emofuse.model.encoder_wrappers import wrap_audio_encoder
from emofuse.model.encoders.masked_layers import (
    Gate,
    MaskedBatchNorm2d,
    downsample_mask,
    masked_average_pool,
    zero_padding_2d,
)
from emofuse.model.encoders.spectral_augmentation import (
    SpectralAugmentation,
    add_floor,
    augment_spectrum,
    hide_parts,
    random_stretch,
    warp_bins,
)
from emofuse.model.encoders.voice_cnn import VoiceCNN, VoiceCNNConfig, normalised_views
from emofuse.model.masked_streams import Stream, mask_of_lengths
from emofuse.model.network import EmotionModel
from emofuse.model.onnx_export import write_graph
from emofuse.model.pooling import AttentiveStatistics, build_pooling, for_two_streams, masked_statistics

TOLERANCE = 1e-5
# Odd and even, a single frame, an absent row, one and a bit of what makes a frame.
LENGTHS = [31, 104, 1, 0, 9, 77]
STILL = {"warp": 0.0, "shift": 0.0, "tilt": 0.0, "floor": 0.0, "masks": 0}


def encoder(**settings: object) -> VoiceCNN:
    torch.manual_seed(0)
    return settle(VoiceCNN(voice(**settings))).eval()


def pictures(lengths: list[int], channels: int = 4, bins: int = 6) -> tuple[Tensor, Tensor]:
    """Return a picture, zero in its padding, channels last in memory, and its mask."""
    torch.manual_seed(0)
    mask = mask_of_lengths(torch.tensor(lengths), max(lengths))
    picture = torch.randn(len(lengths), max(lengths), bins, channels).permute(0, 3, 1, 2)
    return zero_padding_2d(picture, mask), mask


def rows(lengths: list[int] = LENGTHS) -> list[Tensor]:
    return [audio - 5.0 for audio, _ in inputs(lengths, [1] * len(lengths), bins=20)]


@torch.no_grad()
def test_an_utterance_gives_the_same_frames_alone_and_in_any_batch() -> None:
    model = encoder()
    values, mask = pad(rows())
    together = model(values, mask).last_hidden_state
    assert together[1].std() > 0.1
    for frames, row in zip(together, rows(), strict=True):
        if len(row):
            alone = model(*pad([row])).last_hidden_state[0]
            torch.testing.assert_close(frames[: len(alone)], alone, atol=TOLERANCE, rtol=0)
            assert not frames[len(alone) :].any()


@torch.no_grad()
def test_what_stands_in_padding_changes_nothing() -> None:
    model = encoder()
    values, mask = pad(rows())
    junk = torch.where(mask.unsqueeze(2), values, 1e3)
    assert torch.equal(model(values, mask).last_hidden_state, model(junk, mask).last_hidden_state)


@torch.no_grad()
def test_frame_lengths_are_those_that_come_out() -> None:
    model = encoder()
    for length in (1, 2, 8, 9, 31, 104):
        frames = model(*pad(rows([length]))).last_hidden_state
        assert frames.shape == (1, int(model.frame_lengths(torch.tensor(length))), 24)
    assert model.frame_lengths(torch.tensor([0, 16, 17])).tolist() == [0, 2, 3]


@pytest.mark.parametrize("fusion", ["cross-attention", "concatenation", "late"])
@pytest.mark.parametrize("pooling", ["statistics", "mean", "attentive"])
def test_the_whole_network_batches_exactly_with_each_pooling(fusion: str, pooling: str) -> None:
    model = settle(network(voice(), bert(), fusion=fusion, pooling=pooling))
    utterances = inputs(LENGTHS, [7, 30, 1, 5, 0, 3], bins=20)
    assert logits(model, utterances).std() > 0.3  # the figures compared are of unit size
    assert difference_from_single(model, utterances) < 1e-4


def test_alone_it_batches_exactly_with_attentive_pooling() -> None:
    model = settle(network(voice(), None, pooling="attentive"))
    assert difference_from_single(model, inputs(LENGTHS, [1] * len(LENGTHS), bins=20)) < 1e-4


def test_padding_has_no_part_in_training() -> None:
    """More of it, and junk within it, moves neither what comes out nor a gradient nor a running figure."""
    values, mask = pad(rows())
    results = []
    for extra in (0, 37):
        model = encoder(**STILL).train()
        wide = nn.functional.pad(mask, (0, extra))
        junk = torch.where(wide.unsqueeze(2), nn.functional.pad(values, (0, 0, 0, extra)), 50.0)
        frames = model(junk, wide).last_hidden_state[:, :13]
        frames.square().sum().backward()
        norm = model.stem_norm.norm
        results.append([frames, model.stem.weight.grad, model.projection.weight.grad, norm.running_var])
    for tight, loose in zip(*results, strict=True):
        torch.testing.assert_close(tight, loose, atol=1e-4, rtol=1e-4)


def test_every_weight_learns() -> None:
    model = encoder().train()
    torch.manual_seed(0)
    model(*pad(rows())).last_hidden_state.square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert bool(parameter.grad.isfinite().all()), name
        assert bool(parameter.grad.any()), name


@pytest.mark.parametrize("lengths", [[0, 0], [1, 0], [3]])
def test_next_to_nothing_can_be_trained_on(lengths: list[int]) -> None:
    model = encoder().train()
    frames = model(*pad(rows(lengths))).last_hidden_state
    frames.sum().backward()
    assert bool(frames.isfinite().all())
    assert all(bool(p.grad.isfinite().all()) for p in model.parameters() if p.grad is not None)


def test_it_learns_in_half_precision_with_figures_in_single() -> None:
    values, mask = pad(rows())
    single, half = encoder(**STILL).train(), encoder(**STILL).train()
    expected = single(values, mask).last_hidden_state
    with torch.autocast("cpu", torch.bfloat16):
        frames = half(values, mask).last_hidden_state
    frames.float().square().sum().backward()
    torch.testing.assert_close(frames.float(), expected, atol=0.15, rtol=0.1)
    assert all(bool(p.grad.isfinite().all()) for p in half.parameters())
    assert {value.dtype for value in half.state_dict().values()} == {torch.float32, torch.int64}
    torch.testing.assert_close(
        half.stem_norm.norm.running_var, single.stem_norm.norm.running_var, atol=1e-3, rtol=1e-2
    )


def test_the_spectrum_is_changed_in_training_only_and_as_the_seed_says() -> None:
    values, mask = pad(rows())
    model = encoder()

    def hear(seed: int) -> Tensor:
        torch.manual_seed(seed)
        frames: Tensor = model(values, mask).last_hidden_state
        return frames.detach()

    assert torch.equal(hear(1), hear(2))
    model.train()
    assert torch.equal(hear(1), hear(1))
    assert not torch.allclose(hear(1), hear(2), atol=1e-2)


def test_the_norm_in_training_is_that_of_the_real_cells() -> None:
    picture, mask = pictures([9, 4, 0, 1])
    norm, plain = MaskedBatchNorm2d(4).train(), nn.BatchNorm1d(4).train()
    for _ in range(2):
        normalised = norm(picture + 3.0, mask)
        real = (picture + 3.0).permute(0, 2, 3, 1)[mask].flatten(0, 1)
        expected = plain(real)
    torch.testing.assert_close(normalised.permute(0, 2, 3, 1)[mask].flatten(0, 1), expected)
    torch.testing.assert_close(norm.norm.running_mean, plain.running_mean)
    torch.testing.assert_close(norm.norm.running_var, plain.running_var)
    assert not normalised.permute(0, 2, 3, 1)[~mask].any()
    assert normalised.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("bins", [6, 5])
def test_halving_and_gating_see_real_cells_only(bins: int) -> None:
    lengths = [9, 4, 1, 7]
    picture, mask = pictures(lengths, bins=bins)
    torch.manual_seed(0)
    gate = Gate(4)
    halved, left = masked_average_pool(picture, mask), downsample_mask(mask, 5)
    gated = gate(picture, mask)
    for row, length in enumerate(lengths):
        alone, real = picture[row : row + 1, :, :length], mask[row : row + 1, :length]
        torch.testing.assert_close(halved[row, :, : left[row].sum()], masked_average_pool(alone, real)[0])
        torch.testing.assert_close(gated[row, :, :length], gate(alone, real)[0])
    plain = nn.functional.avg_pool2d(picture[:1], 2, ceil_mode=True)
    torch.testing.assert_close(halved[:1], plain)  # the longest row has no padding


def test_neither_view_knows_the_level_and_one_knows_the_shape() -> None:
    values, mask = pad(rows())
    views = normalised_views(values, mask)
    torch.testing.assert_close(normalised_views(values + 2.0, mask), views, atol=1e-5, rtol=0)
    row = rows()[1].double()
    expected = (row - row.mean(0)) / (row.var(0, unbiased=False).sqrt() + 0.5)
    torch.testing.assert_close(views[1, 1, :104].double(), expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(views[1, 0, :104].double(), (row - row.mean()) / 4.0, atol=1e-5, rtol=0)
    assert not views.permute(0, 2, 3, 1)[~mask].any()


def test_changes_of_nothing_change_nothing() -> None:
    values, mask = pad(rows())
    assert torch.equal(augment_spectrum(values, mask, SpectralAugmentation()), values)


def test_warping_is_what_sampling_a_grid_gives() -> None:
    torch.manual_seed(0)
    frames = torch.randn(3, 7, 20)
    torch.manual_seed(1)
    warped = warp_bins(frames, 0.2, 2.0)
    torch.manual_seed(1)
    stretch, shift = (1 + 0.2 * (2 * torch.rand(3, 1) - 1)), 2.0 * (2 * torch.rand(3, 1) - 1) * 2 / 20
    grid = torch.zeros(3, 2, 3)
    grid[:, 0, 0], grid[:, 1, 1], grid[:, 1, 2] = 1.0, stretch[:, 0], (stretch - 1 + shift)[:, 0]
    picture = frames.transpose(1, 2).unsqueeze(1)
    places = nn.functional.affine_grid(grid, list(picture.shape), align_corners=False)
    expected = nn.functional.grid_sample(picture, places, padding_mode="border", align_corners=False)
    torch.testing.assert_close(warped, expected.squeeze(1).transpose(1, 2), atol=1e-5, rtol=0)


def test_a_noise_floor_lifts_what_is_quiet_in_its_share_of_the_utterances() -> None:
    torch.manual_seed(0)
    frames = torch.full((400, 8, 20), -12.0)
    frames[:, :, :5] = 0.0
    mask = torch.ones(400, 8, dtype=torch.bool)
    lifted = add_floor(frames, mask, 0.3)
    noisy = (lifted != frames).flatten(1).any(1)
    assert 0.2 < float(noisy.float().mean()) < 0.4
    assert float((lifted[noisy][:, :, :5] - 0.0).abs().max()) < 0.5
    assert float(lifted[noisy][:, :, 5:].mean(dim=(1, 2)).min()) > -13.0
    assert float(lifted[noisy][:, :, 5:].mean(dim=(1, 2)).max()) < -4.0
    louder = add_floor(frames + 3.0, mask, 1.0) - 3.0  # relative to the utterance, not to the scale
    torch.testing.assert_close(
        louder[:, :, 5:].mean(), add_floor(frames, mask, 1.0)[:, :, 5:].mean(), atol=0.5, rtol=0
    )


def test_hidden_parts_hold_the_mean_of_the_utterance() -> None:
    torch.manual_seed(0)
    frames, mask = torch.randn(200, 40, 20), mask_of_lengths(torch.tensor([40, 10] * 100), 40)
    hidden = hide_parts(frames, mask, SpectralAugmentation(bin_mask=3, time_mask=6, masks=2))
    changed = hidden != frames
    assert 1 <= int(changed.all(dim=1).sum(dim=1).max()) <= 6
    assert 1 <= int(changed.all(dim=2).sum(dim=1).max()) <= 12
    assert int(changed.all(dim=2)[1::2, 10:].sum()) == 0  # no stretch is spent on padding
    means = torch.stack([row[real].mean() for row, real in zip(frames, mask, strict=True)])
    torch.testing.assert_close(hidden[changed], means[:, None, None].expand_as(frames)[changed])


def test_a_stretch_stays_within_its_row() -> None:
    torch.manual_seed(0)
    lengths = torch.tensor([50, 8, 1, 0] * 50)
    hidden = random_stretch(200, 50, 10, torch.device("cpu"), lengths)
    assert not (hidden & ~mask_of_lengths(lengths, 50)).any()
    assert hidden.view(50, 4, 50).sum(dim=2).amax(dim=0).tolist() == [10, 4, 0, 0]


def test_attentive_pooling_weighs_real_frames() -> None:
    torch.manual_seed(0)
    pooling = AttentiveStatistics(8)
    frames, mask = torch.randn(2, 6, 8), mask_of_lengths(torch.tensor([6, 3]), 6)
    pooled = pooling(Stream(frames, mask))
    for row, length in enumerate((6, 3)):
        real = frames[row, :length]
        weight = pooling.score(torch.tanh(pooling.hidden(real))).softmax(dim=0)
        mean = (weight * real).sum(dim=0)
        deviation = ((weight * real.square()).sum(dim=0) - mean.square() + 1e-5).sqrt()
        torch.testing.assert_close(pooled[row], torch.cat([mean, deviation]), atol=1e-5, rtol=0)
    nn.init.zeros_(pooling.score.weight)
    nn.init.zeros_(pooling.score.bias)
    torch.testing.assert_close(pooling(Stream(frames, mask)), masked_statistics(Stream(frames, mask)))


def test_attentive_pooling_of_an_absent_row_is_finite_whatever_stands_there() -> None:
    pooling, mask = AttentiveStatistics(8), mask_of_lengths(torch.tensor([3, 0]), 5)
    frames = torch.randn(2, 5, 8, requires_grad=True)
    pooled = pooling(Stream(frames, mask))
    pooled.sum().backward()
    assert bool(pooled.isfinite().all())
    assert frames.grad is not None
    assert bool(frames.grad.isfinite().all())
    assert not frames.grad[1].any()
    short = pooling(Stream(torch.full((1, 1, 8), 9.0), mask_of_lengths(torch.tensor([0]), 1)))
    torch.testing.assert_close(pooled[1:], short)


def test_each_stream_learns_to_attend_for_itself_and_other_poolings_learn_nothing() -> None:
    for fusion in ("cross-attention", "late"):
        names = {
            name.split(".")[1]
            for name in network(voice(), bert(), fusion=fusion, pooling="attentive").state_dict()
        }
        assert {"audio_pooling", "text_pooling"} <= names
        plain = network(voice(), bert(), fusion=fusion).state_dict()
        assert not [name for name in plain if "pooling" in name]
    audio, text = for_two_streams(build_pooling("attentive", 8))
    assert audio is not text
    assert for_two_streams(masked_statistics) == (masked_statistics, masked_statistics)


def test_a_recipe_can_ask_for_it() -> None:
    recipe = AudioRecipe(
        config={"model_type": "emofuse-voice-cnn", "bins": 40, "widths": [8, 16], "blocks": [1, 1]}
    )
    config = encoder_config(recipe, "audio")
    assert isinstance(config, VoiceCNNConfig)
    preparation = audio_preparation(recipe, config)
    assert (preparation.features, preparation.bins) == ("log-mel", 40)
    model = VoiceCNN(config)
    assert model.projection.in_features == 16 * 10
    assert wrap_audio_encoder(model, "last", 30).width == 192
    with pytest.raises(RecipeError, match="has only its last layer"):
        wrap_audio_encoder(model, "weighted", 30)


def test_it_is_saved_and_read_whole(tmp_path: Path) -> None:
    model = settle(network(voice(), bert(), pooling="attentive"))
    model.save_pretrained(tmp_path)
    read = EmotionModel.from_pretrained(tmp_path).eval()
    utterances = inputs(LENGTHS, [7, 30, 1, 5, 0, 3], bins=20)
    assert torch.equal(logits(read, utterances), logits(model, utterances))


def test_its_graph_says_the_same_at_other_sizes(tmp_path: Path) -> None:
    model = settle(network(voice(widths=(4, 8), blocks=(1, 1)), None, pooling="attentive", recurrent=False))

    def batch_of(lengths: list[int]) -> Batch:
        utterances = inputs(lengths, [1] * len(lengths), bins=20)
        arrays = (*pad([audio for audio, _ in utterances]), *pad([text for _, text in utterances]))
        return Batch(*(array.numpy() for array in arrays))

    write_graph(model, batch_of([100, 83]), tmp_path / "model.onnx")
    runtime = OnnxRuntime(
        tmp_path / "model.onnx", Traits("voice", model.config.task, ("audio",), False), threads=1
    )
    for lengths in (LENGTHS, [1], [77, 77, 77], [350, 16]):
        wanted = logits(model, inputs(lengths, [1] * len(lengths), bins=20)).numpy()
        assert np.abs(runtime(batch_of(lengths)).logits - wanted).max() < 1e-4


@pytest.mark.parametrize(
    "settings",
    [
        {"bins": 0},
        {"widths": []},
        {"widths": 16},
        {"warp": "much"},
        {"time_mask": -3},
        {"widths": [8]},
        {"blocks": [1, 0, 1, 1]},
    ],
)
def test_sizes_of_which_no_network_can_be_made_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"out of range for a voice CNN|give a list"):
        VoiceCNN(VoiceCNNConfig(**settings))
