"""Recurrent layers over rows of different lengths."""

from __future__ import annotations

import torch
from networks import random_stream
from torch import nn

from emofuse.model.feature_encoders import BidirectionalLSTM, TemporalConvolution, reverse_within
from emofuse.model.masked_streams import Stream


def test_blstm_equals_a_packed_one() -> None:
    torch.manual_seed(0)
    ours = BidirectionalLSTM(8)
    packed = nn.LSTM(8, 4, batch_first=True, bidirectional=True)
    for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"):
        getattr(packed, name).data.copy_(getattr(ours.forwards, name))
        getattr(packed, f"{name}_reverse").data.copy_(getattr(ours.backwards, name))
    given = random_stream([6, 3, 1])
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


def test_a_convolution_is_the_same_in_training_and_in_use_its_gradients_too() -> None:
    layer, given = TemporalConvolution(8, 6), random_stream([6, 3, 1])
    outputs, gradients = [], []
    for training in (True, False):
        layer.train(training).zero_grad()
        frames = layer(given).zeroed().frames
        frames.square().sum().backward()
        outputs.append(frames.detach())
        gradients.append(
            [parameter.grad.clone() for parameter in layer.parameters() if parameter.grad is not None]
        )
    torch.testing.assert_close(*outputs)
    torch.testing.assert_close(*gradients)
