"""A small explanation, made by hand, and its recording."""

from __future__ import annotations

import numpy as np

from emofuse.inference.explain.explanation import Attention, Completeness, Explanation, Piece, Removal, Word
from emofuse.sound.clips import Clip

CLIP = Clip(np.sin(np.arange(4800) / 20).astype(np.float32) * 0.5, 16_000)


def explanation(text: str = "no", name: str = "m") -> Explanation:
    return Explanation(
        id=name, audio=f"{name}.wav", text=text, model=name, method="integrated gradients",
        label="sad", predicted="angry",
        probabilities={"angry": 0.75, "sad": 0.25}, target="the logit of sad", baselines={"audio": "a hiss"},
        words=(
            Word("[CLS]", 0, 0, True, 0.0, (Piece("[CLS]", 0, 0, True),)),
            Word(text, 0, len(text), False, -0.625, (Piece(text, 0, len(text), False, -0.625),)),
        ),
        moments=(0.5, -0.125, 0.0), step=0.1, seconds=0.3,
        completeness=Completeness(-0.25, -0.25, 0.001, True, 48),
        removals=(Removal("audio", "sad", {"angry": 0.375, "sad": 0.625}, False),),
        attention=Attention(((0.5, 0.25, 0.25), (0.0, 0.875, 0.125)), None, "with care"),
        notes=("mind this",),
    )  # fmt: skip
