"""Feature encoders: the layers between a large encoder and the attention."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from emofuse.model.masked_streams import Stream


class TemporalConvolution(nn.Module):
    """Conv1d of kernel 3 over the real frames, then ReLU: brings a stream to the fusion's width."""

    def __init__(self, width_in: int, width: int) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(width_in, width, kernel_size=3, padding=1)

    def forward(self, stream: Stream) -> Stream:
        """Map (batch, time, width_in) to (batch, time, width)."""
        frames = stream.zeroed().frames.transpose(1, 2)
        mixed = self._as_image(frames) if self.training else self.convolution(frames)
        return Stream(nn.functional.relu(mixed.transpose(1, 2)), stream.mask)

    def _as_image(self, frames: Tensor) -> Tensor:
        """Convolve rows of frames as images one pixel high: the same, and faster to train on processors.

        (batch, width_in, time), in memory with its widths last, -> (batch, width, time).
        """
        layer = self.convolution
        image = nn.functional.conv2d(
            frames.unsqueeze(2), layer.weight.unsqueeze(2), layer.bias, padding=(0, *layer.padding)
        )
        return image.squeeze(2)


class BidirectionalLSTM(nn.Module):
    """Two one-way LSTMs, the second over frames reversed within each length.

    The same numbers as a packed bidirectional LSTM, and exportable; a length of zero is allowed.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.forwards = nn.LSTM(width, width // 2, batch_first=True)
        self.backwards = nn.LSTM(width, width // 2, batch_first=True)

    def forward(self, stream: Stream) -> Stream:
        """Map (batch, time, width) to (batch, time, width)."""
        frames = stream.zeroed().frames
        ahead, _ = self.forwards(frames)
        back, _ = self.backwards(reverse_within(frames, stream.mask))
        return Stream(torch.cat([ahead, reverse_within(back, stream.mask)], dim=-1), stream.mask)


def reverse_within(frames: Tensor, mask: Tensor) -> Tensor:
    """Reverse the real frames of each row and leave the padding where it is."""
    steps = torch.arange(frames.shape[1], device=frames.device)
    lengths = mask.sum(dim=1, keepdim=True)
    source = torch.where(steps < lengths, lengths - 1 - steps, steps)
    return frames.gather(1, source.unsqueeze(-1).expand_as(frames))


class AudioFeatureEncoder(nn.Module):
    """Conv1d, Linear, BLSTM, dropout: the paper's audio feature encoding.

    Args:
        width_in: of the audio encoder's frames.
        width: of the frames that come out.
        dropout: after the BLSTM.
        recurrent: False leaves the BLSTM out.
    """

    def __init__(self, width_in: int, width: int, dropout: float, recurrent: bool) -> None:
        super().__init__()
        self.convolution = TemporalConvolution(width_in, width)
        self.projection = nn.Linear(width, width)
        self.recurrence = BidirectionalLSTM(width) if recurrent else None
        self.dropout = nn.Dropout(dropout)

    def forward(self, stream: Stream) -> Stream:
        """Map (batch, time, width_in) to (batch, time, width)."""
        stream = self.convolution(stream)
        stream = Stream(self.projection(stream.frames), stream.mask)
        if self.recurrence is not None:
            stream = self.recurrence(stream)
        return Stream(self.dropout(stream.frames), stream.mask)
