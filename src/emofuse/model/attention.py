"""Cross-modal attention: the queries are one stream, keys and values the other."""

from __future__ import annotations

from torch import Tensor, nn

from emofuse.model.masked_streams import Stream


class FeedForward(nn.Module):
    """Two layers with GELU between, added to what went in, then normalised."""

    def __init__(self, width: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(width, hidden), nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden, width), nn.Dropout(dropout)
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, frames: Tensor) -> Tensor:
        """Map (batch, time, width) to (batch, time, width)."""
        return self.norm(frames + self.layers(frames))


class CrossModalAttention(nn.Module):
    """Multi-head attention whose queries are one stream and whose keys and values are the other.

    Our own over scaled-dot-product attention: torch's `MultiheadAttention` gives NaN where all keys are
    masked. The keys' mask must have a real frame in every row: an absent stream is one learned frame.

    Args:
        width: of both streams.
        heads: attention heads; they divide the width.
        dropout: on the attention weights, in training.
        residual: add the query and normalise, as transformers do; the paper does not say.
        feed_forward: width of a feed-forward layer after it, added and normalised likewise; 0 for none.
    """

    def __init__(self, width: int, heads: int, dropout: float, residual: bool, feed_forward: int = 0) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"{heads} heads do not divide a width of {width}")
        self.heads = heads
        self.dropout = dropout
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.output = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width) if residual else None
        self.feed_forward = FeedForward(width, feed_forward, dropout) if feed_forward else None

    def forward(self, query_stream: Stream, key_stream: Stream) -> Stream:
        """Return what each query frame attends to in the other stream: (batch, time, width)."""
        attended = nn.functional.scaled_dot_product_attention(
            self._split(self.query(query_stream.frames)),
            self._split(self.key(key_stream.frames)),
            self._split(self.value(key_stream.frames)),
            attn_mask=key_stream.mask[:, None, None, :],
            dropout_p=self.dropout if self.training else 0.0,
        )
        frames = self.output(attended.transpose(1, 2).flatten(2))
        if self.norm is not None:
            frames = self.norm(query_stream.frames + frames)
        if self.feed_forward is not None:
            frames = self.feed_forward(frames)
        return Stream(frames, query_stream.mask)

    def _split(self, frames: Tensor) -> Tensor:
        """(batch, time, width) -> (batch, heads, time, width / heads)."""
        return frames.unflatten(2, (self.heads, -1)).transpose(1, 2)
