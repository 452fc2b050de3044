"""The options of commands that write pages: what pages do not hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, TypeAlias

import typer

from emofuse import layout
from emofuse.pages.contents import PageContents
from emofuse.pages.pseudonyms import Pseudonyms

WithoutAudio: TypeAlias = Annotated[
    bool, typer.Option("--without-audio", help="Pages: neither hold the recording nor link to it.")
]
WithoutWords: TypeAlias = Annotated[
    bool, typer.Option("--without-words", help="Pages: leave out everything that was said.")
]
WithPseudonyms: TypeAlias = Annotated[
    bool,
    typer.Option("--pseudonyms", help="Pages and pictures: replace the names of speakers, recordings and files."),
]


@dataclass(frozen=True)
class PageOptions:
    """What pages and pictures do not hold.

    Attributes:
        without_audio: neither the recording nor a link to it.
        without_words: nothing that was said.
        pseudonyms: no names of people and files.
    """

    without_audio: bool = False
    without_words: bool = False
    pseudonyms: bool = False

    def contents(self) -> PageContents:
        """Return what pages may hold; the key of the pseudonyms is kept in the cache folder.

        Raises:
            RunError: the key cannot be kept.
        """
        pseudonyms = Pseudonyms.kept_in(layout.cache_folder()) if self.pseudonyms else None
        return PageContents(not self.without_audio, not self.without_words, pseudonyms)

    def used(self) -> list[str]:
        """Return the names of the options that are given."""
        given = {
            "--without-audio": self.without_audio,
            "--without-words": self.without_words,
            "--pseudonyms": self.pseudonyms,
        }
        return [name for name, used in given.items() if used]
