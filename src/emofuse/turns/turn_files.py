"""Read who speaks when, and which words, from files in any of the usual formats."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from emofuse.errors import CorpusError
from emofuse.turns.annotation_tiers import read_eaf, read_textgrid
from emofuse.turns.cue_files import has_cues, read_cues
from emofuse.turns.label_tracks import is_label_track, read_label_track
from emofuse.turns.rttm import RTTM_TURN, read_rttm
from emofuse.turns.speaker_prefixes import name_by_prefixes, without_prefixes
from emofuse.turns.turn_parsing import decode
from emofuse.turns.turn_tables import read_segments, read_table, read_timed_words
from emofuse.types import Turn

Content = list[Turn] | str
Reader = Callable[[str, Path], Content]


def read_turns(path: Path, stem: str | None = None) -> list[Turn]:
    """Read turns in order of their start: RTTM, CSV, TSV, TextGrid, EAF, SRT, VTT, JSON, label tracks.

    Args:
        path: the file; its suffix decides the format, for `.txt` its content.
        stem: the name of the recording without its suffix, for files with turns of several recordings.

    Raises:
        CorpusError: the file cannot be read, is damaged, holds no turn or has no times.
    """
    content = _read(path, stem, READERS)
    if isinstance(content, str):
        raise CorpusError(f"{path}: has words without times and so no turns; give RTTM, CSV, TextGrid or SRT")
    if not content:
        raise CorpusError(f"{path}: holds no turn; check that it is the right file")
    return sorted(name_by_prefixes(content), key=_order)


def read_words(path: Path, stem: str | None = None) -> list[Turn] | str:
    """Read words or sentences with their times, in order, or one text without times.

    Raises:
        CorpusError: the file cannot be read, is damaged, or holds no word.
    """
    content = _read(path, stem, READERS | {".json": read_timed_words})
    if isinstance(content, str):
        return content
    words = sorted((turn for turn in name_by_prefixes(content) if turn.text), key=_order)
    if not words:
        raise CorpusError(f"{path}: holds no words; check that it is the right file")
    return words


def read_text(text: str, path: Path) -> Content:
    """Read a plain text: words without times, unless it looks like another format."""
    first = text.lstrip().split("\n", 1)[0]
    if has_cues(text):
        return read_cues(text, path)
    if first.startswith("File type") or first.strip('"') == "ooTextFile":
        return read_textgrid(text, path)
    return read_label_track(text, path) if is_label_track(text) else without_prefixes(text)


READERS: dict[str, Reader] = {
    ".csv": read_table,
    ".tsv": read_table,
    ".textgrid": read_textgrid,
    ".eaf": read_eaf,
    ".srt": read_cues,
    ".vtt": read_cues,
    ".json": read_segments,
    ".txt": read_text,
}


def _read(path: Path, stem: str | None, readers: dict[str, Reader]) -> Content:
    suffix, text = path.suffix.lower(), decode(path)
    if suffix == ".rttm" or (suffix == ".txt" and text.startswith(f"{RTTM_TURN} ")):
        return read_rttm(text, path, stem)
    if suffix not in readers:
        raise CorpusError(
            f"{path}: turns and words are read from .rttm, {', '.join(sorted(readers))}; convert it to one of them"
        )
    return readers[suffix](text, path)


def _order(turn: Turn) -> tuple[float, float]:
    return turn.start, turn.end
