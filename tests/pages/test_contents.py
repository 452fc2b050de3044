"""A page holds everything unless it is said otherwise."""

from __future__ import annotations

from emofuse.pages.contents import EVERYTHING


def test_a_page_holds_everything_by_default() -> None:
    assert (EVERYTHING.audio, EVERYTHING.words, EVERYTHING.pseudonyms) == (True, True, None)
