"""What pages do not hold: each option by itself, and all together."""

from __future__ import annotations

from emofuse import layout
from emofuse.cli.page_options import PageOptions
from emofuse.pages.contents import EVERYTHING
from emofuse.pages.pseudonyms import KEY_FILE


def test_what_pages_hold_is_what_is_not_left_out() -> None:
    assert PageOptions().contents() == EVERYTHING
    contents = PageOptions(True, True, True).contents()
    assert (contents.audio, contents.words) == (False, False)
    assert contents.pseudonyms == PageOptions(pseudonyms=True).contents().pseudonyms is not None
    assert (layout.cache_folder() / KEY_FILE).is_file()


def test_options_that_are_given_are_named() -> None:
    assert PageOptions().used() == []
    assert PageOptions(without_words=True, pseudonyms=True).used() == ["--without-words", "--pseudonyms"]
