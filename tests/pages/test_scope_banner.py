"""What a model is for: a sentence, and whether it is a demonstration."""

from __future__ import annotations

import pytest

from emofuse.pages.scope_banner import ScopeBanner


@pytest.mark.parametrize(
    ("scope", "kind", "sentence"),
    [
        ("a demonstration for acted English", "demonstration", "A demonstration for acted English."),
        ("The demo corpus only.", "demonstration", "The demo corpus only."),
        ("German calls", "stated", "German calls."),
        ("democracies", "stated", "Democracies."),
        (None, "unknown", ""),
    ],
)
def test_a_scope_is_a_sentence(scope: str | None, kind: str, sentence: str) -> None:
    assert ScopeBanner.of(scope) == ScopeBanner(kind, sentence)  # type: ignore[arg-type]
