"""Read who speaks when, and which words, from files in any of the usual formats."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from emofuse.errors import CorpusError
from emofuse.turns.cue_files import has_cues, read_cues
from emofuse.turns.eaf_tiers import read_eaf
from emofuse.turns.label_tracks import is_label_track, read_label_track
from emofuse.turns.plain_texts import read_plain_text
from emofuse.turns.rttm import RTTM_TURN, read_rttm
from emofuse.turns.speaker_names import MOST_NAME_WORDS, name_by_prefixes
from emofuse.turns.start_marks import has_start_marks, read_start_marks
from emofuse.turns.textgrid_tiers import read_textgrid
from emofuse.turns.turn_json import is_json, read_segments, read_timed_words
from emofuse.turns.turn_parsing import Length, decode
from emofuse.turns.turn_tables import NO_NAMES, Named, is_turn_table, read_table
from emofuse.turns.xml_captions import read_xml_captions
from emofuse.types import Turn

logger = logging.getLogger(__name__)

# How programs colour words on a screen.
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")

Content = list[Turn] | str
Reader = Callable[[str, Path], Content]
JsonReader = Callable[[str, Path, str | None, Length | None], Content]


def read_turns(
    path: Path, stem: str | None = None, length: Length | None = None, named: Named = NO_NAMES
) -> list[Turn]:
    """Read turns in order of their start, from a file in any of the formats of `SUFFIXES`.

    Args:
        path: the file; its suffix decides the format, for `.txt` its content.
        stem: the name of the recording without its suffix, for files with turns of several recordings.
        length: returns how long the recording is, in seconds, for times whose unit is not known otherwise, and for
            a last line without an end.
        named: for tables: field -> the name of its column, for those with other names.

    Raises:
        CorpusError: the file cannot be read, is damaged, holds no turn or has no times.
    """
    content = _read(path, stem, length, read_segments, named)
    if isinstance(content, str):
        raise CorpusError(f"{path}: has words without times and so no turns; give RTTM, CSV, TextGrid or SRT")
    if not content:
        raise CorpusError(f"{path}: holds no turn; check that it is the right file")
    return sorted(name_by_prefixes(content), key=_order)


def read_speakers(
    path: Path, stem: str | None = None, length: Length | None = None, named: Named = NO_NAMES
) -> list[Turn]:
    """Read turns of which some have a speaker; labels that can be names are taken as such where none has.

    See `read_turns` for the arguments.

    Raises:
        CorpusError: as for `read_turns`, or no turn has a speaker.
    """
    turns = read_turns(path, stem, length, named)
    if any(turn.speaker for turn in turns):
        return turns
    if not any(turn.text for turn in turns) or not all(_can_be_name(turn.text) for turn in turns if turn.text):
        raise CorpusError(f"{path}: names no speaker; give RTTM, or a table with a column called speaker")
    logger.warning("%s: its labels are taken as the names of speakers", path)
    return [replace(turn, speaker=turn.text, text=None, text_source=None) for turn in turns]


def read_words(
    path: Path, stem: str | None = None, length: Length | None = None, named: Named = NO_NAMES
) -> list[Turn] | str:
    """Read words or sentences with their times, in order, or one text without times.

    See `read_turns` for the arguments.

    Raises:
        CorpusError: the file cannot be read, is damaged, or holds no word.
    """
    content = _read(path, stem, length, read_timed_words, named)
    if isinstance(content, str):
        return content
    words = sorted((turn for turn in name_by_prefixes(content) if turn.text), key=_order)
    if not words:
        raise CorpusError(f"{path}: holds no words; check that it is the right file")
    return words


def _can_be_name(label: str | None) -> bool:
    return label is not None and len(label.split()) <= MOST_NAME_WORDS and label[-1] not in ".,?!"


def _read_text(text: str, path: Path, length: Length | None) -> Content:
    """Read a text by what it looks like; words without times if it looks like no format."""
    text = _COLOURS.sub("", text)
    first = text.lstrip().split("\n", 1)[0]
    if first.startswith("File type") or first.strip().strip('"') == "ooTextFile":
        return read_textgrid(text, path)
    if first.startswith(("<?xml", "<tt", "<timedtext", "<transcript>")):
        return read_xml_captions(text, path)
    named = next((name for beginning, name in OTHER_FORMATS.items() if first.startswith(beginning)), None)
    if named is not None:
        raise CorpusError(f"{path}: holds {named}, which are not read here; export SRT, VTT or TTML")
    if is_label_track(text):
        return read_label_track(text, path)
    if is_turn_table(text):
        return read_table(text.lstrip("\n"), path, length=length)
    if has_cues(text):
        return read_cues(text, path)
    if has_start_marks(text):
        return read_start_marks(text, path, length)
    return read_plain_text(text, path)


# How texts begin that hold subtitles of other kinds.
OTHER_FORMATS = {
    "[Script Info]": "subtitles of SubStation Alpha (ASS)",
    "<SAMI": "subtitles in SAMI",
    "{1}{1}": "subtitles in MicroDVD",
}
READERS: dict[str, Reader] = {
    ".textgrid": read_textgrid,
    ".eaf": read_eaf,
    ".srt": read_cues,
    ".vtt": read_cues,
    ".sbv": read_cues,
    ".ttml": read_xml_captions,
    ".dfxp": read_xml_captions,
}
TEXTS = (".txt", ".lrc")
TABLES = (".csv", ".tsv")
SUFFIXES = (".rttm", *TABLES, ".json", *READERS, *TEXTS)


def _read(path: Path, stem: str | None, length: Length | None, read_json: JsonReader, named: Named) -> Content:
    suffix, text = path.suffix.lower(), decode(path)
    if suffix == ".rttm" or (suffix == ".txt" and text.startswith(f"{RTTM_TURN} ")):
        return read_rttm(text, path, stem)
    if suffix in TABLES:
        return read_table(text, path, stem, length, named)
    if suffix == ".json" or (suffix == ".txt" and is_json(text)):
        return read_json(text, path, stem, length)
    if suffix == ".lrc":
        return read_start_marks(text, path, length)
    if suffix == ".txt":
        return _read_text(text, path, length)
    if suffix not in READERS:
        raise CorpusError(
            f"{path}: turns and words are read from {', '.join(SUFFIXES)}; convert it to one of them"
        )
    return READERS[suffix](text, path)


def _order(turn: Turn) -> tuple[float, float]:
    return turn.start, turn.end
