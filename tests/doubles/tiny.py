"""A recipe that trains in a second."""

from __future__ import annotations

from pathlib import Path

TINY = """
protocol: leave-one-session-out
selection: fixed
audio: {config: {model_type: emofuse-log-mel-cnn, bins: 20, hidden_size: 16}, lr: 5e-3}
text: {config: {model_type: emofuse-word-cnn, hidden_size: 16, vocab_size: 60}, vocabulary: words, lr: 5e-3}
fusion: {width: 16, heads: 2}
training: {epochs: 3, lr: 5e-3, batch_seconds: 3, micro_seconds: 3, modality_dropout: {audio: 0.1, text: 0.1}}
"""


def write_recipe(path: Path, text: str = TINY) -> Path:
    """Write a recipe file."""
    path.write_text(text)
    return path
