"""The parity table: every speech family alone, in a batch, and against plain `transformers`.

`python tests/golden/parity.py` prints it; it stands in `docs/parity.md`. The encoders are small, of the real
classes, with random weights; figures are the largest absolute difference in float32, beside the outputs' scale.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from networks import BANKS, BINS, SPEECH, bert, inputs, network, pad  # after its folder is on the path
from torch import Tensor

# An odd length, and one three times as long; Whisper's small window holds 200 frames.
SAMPLES = [5431, 16_293]
FRAMES = [33, 99]


@dataclass(frozen=True)
class Row:
    """How far one family is from itself and from `transformers`."""

    family: str
    encoder: float
    encoder_scale: float
    logits: float
    logits_scale: float
    plain: float


def measure() -> Iterator[Row]:
    """Yield a row for each speech family."""
    for family, config in {**SPEECH, **BANKS}.items():
        model = network(config, bert())
        lengths, bins = (FRAMES, BINS[family]) if family in BANKS else (SAMPLES, 0)
        rows = inputs(lengths, [7, 21], bins=bins)
        audio, text = pad([a for a, _ in rows]), pad([t for _, t in rows])
        with torch.no_grad():
            together = model.audio_encoder(*audio)
            alone = model.audio_encoder(*pad([rows[0][0]]))
            count = int(alone.mask.sum())
            logits = model(*audio, *text).logits[:1]
            single = model(*pad([rows[0][0]]), *pad([rows[0][1]])).logits
            plain = _plain(model.audio_encoder.backbone, family, rows[0][0])[:, :count]
        yield Row(
            family,
            _distance(together.frames[:1, :count], alone.frames[:, :count]),
            float(alone.frames[:, :count].abs().max()),
            _distance(logits, single),
            float(single.abs().max()),
            _distance(together.frames[:1, :count], plain),
        )


def table() -> str:
    """Return the parity table in Markdown."""
    head = (
        "family",
        "encoder, batch against alone",
        "scale",
        "logits, batch against alone",
        "scale",
        "against plain",
    )
    lines = [" | ".join(head), " | ".join("---" if n == 0 else "---:" for n in range(len(head)))]
    for row in measure():
        figures = (row.encoder, row.encoder_scale, row.logits, row.logits_scale, row.plain)
        cells = [f"{f:.1e}" if n % 2 == 0 else f"{f:.2f}" for n, f in enumerate(figures)]
        lines.append(" | ".join([row.family, *cells]))
    return "\n".join(f"| {line} |" for line in lines)


def _plain(backbone: torch.nn.Module, family: str, audio: Tensor) -> Tensor:
    """Return what the unmodified model of `transformers` gives of one utterance alone, unpadded."""
    if family == "whisper":  # takes whole windows only: silence follows, as its feature extractor has it
        window = 2 * backbone.config.max_source_positions
        silence = max(float(audio.max()) - 2.0, -1.5)
        filled = torch.nn.functional.pad(audio, (0, 0, 0, window - len(audio)), value=silence)
        return backbone(filled.T[None]).last_hidden_state
    if family == "w2v-bert":
        return backbone(input_features=audio[None]).last_hidden_state
    return backbone(audio[None]).last_hidden_state


def _distance(a: Tensor, b: Tensor) -> float:
    return float((a - b).abs().max())


if __name__ == "__main__":
    print(table())  # noqa: T201
