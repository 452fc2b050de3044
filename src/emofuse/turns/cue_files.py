"""Turns from cues: SRT, WebVTT, and what programs print as `[00:00.500 --> 00:02.720] words`."""

from __future__ import annotations

import html
import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from emofuse.errors import CorpusError
from emofuse.turns.language_codes import language_code
from emofuse.turns.rolling_captions import find_repetitions
from emofuse.turns.speaker_names import Prefixes
from emofuse.turns.turn_parsing import parse_seconds, turn_or_nothing
from emofuse.types import Turn

logger = logging.getLogger(__name__)

ARROW = "-->"
# All patterns are linear in the length of a line, which is stripped first: no two neighbouring repetitions share a
# character.
_TIME = r"\d[\d:.,]*s?"
_CUE = re.compile(
    rf"(?:[\[(]\s*)?(?P<start>{_TIME})\s*(?:-{{1,3}} ?>|=>|→|[\u2013\u2014]>?)\s*(?P<end>{_TIME})"
    r"(?:(?P<close>\s?[\])])(?P<after>.*)|(?P<rest>(?:[\s:].*)?))"
)
# A cue whose times stand between other marks; for text files only, where no words are "10:30 - 11:45".
_CLOCK = r"\d+:\d{2}(?::\d{2})?(?:[.,]\d{1,3})?"
_RANGE = re.compile(
    rf"(?:[\[(]\s*)?(?P<start>{_CLOCK})(?:\s*(?:[-\u2013\u2014~|,;/]|to\s)\s*|\s+)(?P<end>{_CLOCK})"
    r"(?:(?P<close>\s?[\])])(?P<after>.*)|(?P<rest>(?:[\s:|].*)?))"
)
# What looks like the times of a cue and is none: two clocks, or one with seconds or decimals that begins a line.
_DAMAGED = re.compile(
    r"[\[(]?(?:\d+:[\d:.,;]*\d\W+\d+:\d|\d+:\d+:\d+(?:[.,]\d+)?\s*(?:[-\])=>]|$)|\d+:\d+[.,]\d{2}"
    r"|\d+:\d+:\d+[.,]\d)"
)
_ARROWED = re.compile(r"[\[(]?\d+:\d[^>→]*(?:[-=]>|→)")
_SETTINGS = re.compile(r"(?:\s+[A-Za-z]\w*:\S+)+\s*")
_COMMENT = re.compile(r"(?:NOTE|STYLE|REGION)(?:\s.*)?")
_LANGUAGE_LINE = re.compile(r"^Language:[ \t]*(?P<language>[\w-]{2,40})", re.MULTILINE)
_VOICE = re.compile(r"<v(?:\.[^\s<>]*)?\s(?P<name>[^<>]+)>")
_MARKUP = re.compile(r"<[^<>]*>|\{\\[^{}]*\}")
# What whisper.cpp prints beside its cues.
_LOG = re.compile(
    r"(?:whisper_\w+|ggml_\w+|system_info|main|output_\w+|Detect\w+ language|load_backend)\b.*|WEBVTT.*"
)


@dataclass(frozen=True)
class _Cue:
    place: str
    span: tuple[float, float]
    lines: Sequence[str]


def has_cues(text: str) -> bool:
    """Tell whether a text has lines with the times of cues."""
    return text.startswith("WEBVTT") or any(
        _CUE.fullmatch(line) or _RANGE.fullmatch(line) for line in map(str.strip, text.split("\n"))
    )


def read_cues(text: str, path: Path) -> list[Turn]:
    """Read the cues of SRT, WebVTT or of the output of a program.

    The voice of a cue, `<v Name>`, or a name before its words is its speaker. In captions that roll, a line
    belongs to the first cue that shows it.

    Raises:
        CorpusError: the times of a cue are damaged, or there is no cue.
    """
    cues = _cues(text.split("\n"), path)
    if not cues:
        raise CorpusError(f"{path}: holds no cue, a line with {ARROW}; is it a subtitle file?")
    voices = [[_voices(line) for line in cue.lines] for cue in cues]
    prefixes = Prefixes.of(words for cue in voices for line in cue for voice, words in line if voice is None)
    shown = [[" ".join(words for _, words in line) for line in cue] for cue in voices]
    turns: list[Turn] = []
    for cue, lines, repetition in zip(cues, voices, find_repetitions([c.span for c in cues], shown), strict=True):
        parts = [part for line in lines[repetition.lines :] for part in line]
        if lines and not parts:
            continue  # it shows again what was spoken before
        if repetition.start:
            voice, words = parts[0]
            parts[0] = voice, words.removeprefix(repetition.start)
        for speaker, words in _by_speaker(parts, prefixes):
            turns += turn_or_nothing(cue.place, cue.span, speaker, words)
    language = _language(text)
    return turns if language is None else [replace(turn, language=language) for turn in turns]


def _language(text: str) -> str | None:
    """Return the language that the head of a WebVTT file states, as those of video sites do."""
    head = text.split("\n\n", 1)[0]
    stated = _LANGUAGE_LINE.search(head) if head.startswith("WEBVTT") else None
    return language_code(stated["language"]) if stated else None


def _cues(lines: Sequence[str], path: Path) -> list[_Cue]:
    """Find the lines with times; what stands between two of them are the words of the first."""
    webvtt = lines[0].startswith("WEBVTT")
    skipped = _comments(lines) if webvtt else frozenset[int]()
    kept = {number: line.strip() for number, line in enumerate(lines) if number not in skipped}
    times = {number: match for number, line in kept.items() if (match := _CUE.fullmatch(line))}
    if not times and path.suffix.lower() not in (".srt", ".vtt"):
        times = {number: match for number, line in kept.items() if (match := _RANGE.fullmatch(line))}
    for number, line in kept.items():
        if number not in times and _looks_timed(line):
            raise CorpusError(
                f"{path}:{number + 1}: these are not the times of a cue; write 00:00:01,000 {ARROW} 00:00:02,000"
            )
    if not times:
        return []
    first = min(times)
    numbered = any(line.strip().isdecimal() for line in lines[max(0, first - 2) : first])
    on_screen = webvtt or times[first]["close"]  # there other lines are none of the speaker's
    if not on_screen and any(line and not line.isdecimal() for at, line in kept.items() if at < first):
        logger.warning("%s: what stands before the first cue, in line %d, is left out", path, first + 1)
    return [
        _cue(lines, (number, end), match, f"{path}:{number + 1}", skipped, (numbered, webvtt))
        for (number, match), end in zip(times.items(), [*list(times)[1:], len(lines)], strict=True)
    ]


def _cue(
    lines: Sequence[str],
    between: tuple[int, int],
    times: re.Match[str],
    place: str,
    skipped: frozenset[int],
    names: tuple[bool, bool],
) -> _Cue:
    """Return a cue with the lines below its times, up to the times of the next one."""
    number, end = between
    if end < len(lines) and end - 1 > number and _is_identifier(lines, end - 1, *names):
        end -= 1
    rest = (times["rest"] or times["after"] or "").removeprefix(":").removeprefix("|")
    words = [] if _SETTINGS.fullmatch(rest) else [rest]
    words += [line for at, line in enumerate(lines[number + 1 : end], start=number + 1) if at not in skipped]
    if times["close"]:  # on a screen, the cues stand among other lines
        words = [line for line in words if not _LOG.fullmatch(line.strip())]
    span = (parse_seconds(times["start"], place), parse_seconds(times["end"], place))
    return _Cue(place, span, [line.strip() for line in words if line.strip()])


def _is_identifier(lines: Sequence[str], at: int, numbered: bool, webvtt: bool) -> bool:
    """Tell whether the line above the times of a cue is its number or, in WebVTT, its name."""
    line = lines[at].strip()
    return (numbered and line.isdecimal()) or (webvtt and bool(line) and not lines[at - 1].strip())


def _comments(lines: Sequence[str]) -> frozenset[int]:
    """Return the numbers of the lines of a WebVTT file's head and of its comments and styles."""
    skipped, inside = set[int](), True
    for number, line in enumerate(lines):
        if ARROW in line or not line:
            inside = False
        elif not inside and (number == 0 or not lines[number - 1]):
            inside = _COMMENT.fullmatch(line) is not None
        if inside:
            skipped.add(number)
    return frozenset(skipped)


def _looks_timed(line: str) -> bool:
    return ARROW in line or _DAMAGED.match(line) is not None or _ARROWED.match(line) is not None


def _voices(line: str) -> list[tuple[str | None, str]]:
    """Return the speakers of a line and their words, without markup."""
    before, *voiced = _VOICE.split(line)
    parts: list[tuple[str | None, str]] = [(None, _plain(before))] if not voiced or _plain(before) else []
    parts += [
        (html.unescape(name).strip(), _plain(words)) for name, words in zip(voiced[::2], voiced[1::2], strict=True)
    ]
    return parts


def _by_speaker(parts: Sequence[tuple[str | None, str]], prefixes: Prefixes) -> Iterator[tuple[str | None, str]]:
    """Yield the speakers of a cue with all of their words; a line without a speaker goes on with the last one."""
    speaker, words = None, list[str]()
    for voice, line in parts:
        name, spoken = (voice, line) if voice is not None else prefixes.split(line)
        if name is not None and (speaker is not None or any(words)):
            yield speaker, " ".join(words)
            words = []
        speaker = name if name is not None else speaker
        words.append(spoken)
    yield speaker, " ".join(words)


def _plain(words: str) -> str:
    return " ".join(html.unescape(_MARKUP.sub("", words)).split())
