"""The parity table holds, and stands in the docs with every family."""

from __future__ import annotations

from pathlib import Path

from parity import measure

DOCS = Path(__file__).parents[2] / "docs" / "parity.md"


def test_every_speech_family_is_the_same_alone_in_a_batch_and_in_transformers() -> None:
    page = DOCS.read_text(encoding="utf-8")
    for row in measure():
        assert row.encoder_scale > 0.3, row
        assert row.logits_scale > 0.3, row
        assert max(row.encoder, row.logits, row.plain) <= 1e-4, row
        assert f"| {row.family} |" in page
