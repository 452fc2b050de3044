"""Normalisation of pooled vectors, and of the frames that an encoder gives."""

from __future__ import annotations

from torch import Tensor, nn

from emofuse.config import FrameNorm
from emofuse.model.masked_streams import Stream


class BatchNorm(nn.BatchNorm1d):
    """Batch normalisation of vectors; one alone has no spread to be measured and goes by the running figures."""

    def forward(self, vectors: Tensor) -> Tensor:
        """Map (batch, width) to the same."""
        if not self.training or len(vectors) > 1:  # in this order: in use, a graph must not depend on the batch
            return super().forward(vectors)
        return nn.functional.batch_norm(
            vectors, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
        )


class FrameLayerNorm(nn.LayerNorm):
    """Normalise each frame for itself."""

    def forward(self, stream: Stream) -> Stream:  # type: ignore[override]
        """Map (batch, time, width) to the same."""
        return Stream(super().forward(stream.frames), stream.mask)


class FrameBatchNorm(nn.Module):
    """Normalise each value of the frames over the real frames of the batch, in use by running figures."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = BatchNorm(width)

    def forward(self, stream: Stream) -> Stream:
        """Map (batch, time, width), whatever stands in its padding, to the same."""
        frames = stream.frames.flatten(0, 1)
        if not self.training:
            return Stream(self.norm(frames).view_as(stream.frames), stream.mask)
        real = stream.mask.flatten().nonzero().squeeze(1)
        normalised = self.norm(frames.index_select(0, real))
        whole = normalised.new_zeros(frames.shape).index_copy(0, real, normalised)
        return Stream(whole.view_as(stream.frames), stream.mask)


def frame_norm(kind: FrameNorm, width: int) -> FrameLayerNorm | FrameBatchNorm | None:
    """Return what normalises an encoder's frames before the layers of the fusion; None for nothing."""
    if kind == "none":
        return None
    return FrameLayerNorm(width) if kind == "layer" else FrameBatchNorm(width)
