"""What a page may hold of a recording and of the people in it."""

from __future__ import annotations

from dataclasses import dataclass

from emofuse.pages.pseudonyms import Pseudonyms


@dataclass(frozen=True)
class PageContents:
    """What a page may hold.

    Attributes:
        audio: the recording, to be played, or a link to it; its waveform is drawn in any case.
        words: what was said.
        pseudonyms: stand for the names of people, recordings and files; None keeps the names.
    """

    audio: bool = True
    words: bool = True
    pseudonyms: Pseudonyms | None = None


EVERYTHING = PageContents()
