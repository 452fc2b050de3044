"""Turns from the JSON of services and programs that recognise speech, each known by its own keys."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emofuse.errors import CorpusError
from emofuse.turns.service_words import (
    aws_rows,
    google_rows,
    is_google,
    plain_word,
    rev_rows,
    speechmatics_rows,
    timed_rows_of,
    watson_rows,
)
from emofuse.turns.timed_rows import (
    MOST_MILLISECONDS,
    Row,
    by_channel,
    first_object,
    from_duration,
    from_milliseconds,
    from_ticks,
    objects,
    row,
    rows_of_words,
    word,
)
from emofuse.turns.turn_parsing import Length, are_milliseconds

logger = logging.getLogger(__name__)

Content = dict[str, Any]
# What AssemblyAI writes beside its words, all keys of a set.
ASSEMBLYAI_KEYS = (
    {"acoustic_model"},
    {"language_model"},
    {"audio_url"},
    {"id", "status"},
    {"id", "audio_duration"},
)


@dataclass(frozen=True)
class Shape:
    """How a service writes what it recognised.

    Attributes:
        name: of the service.
        fits: tells its files by their keys.
        rows: returns their rows, as `timed_rows` makes them.
    """

    name: str
    fits: Callable[[Content], bool]
    rows: Callable[[Content], list[Row]]


def find_service_rows(content: Content, path: Path, length: Length | None) -> list[Row] | None:
    """Return the rows of what a known service wrote; None where none is known that writes such keys.

    Args:
        content: of the file, or one of several in it.
        path: for messages.
        length: how long the recording is, which tells whether whole numbers are milliseconds.

    Raises:
        CorpusError: its keys are those of a service, and their values are not.
    """
    inside = content.get("response")  # of a job of Google's
    keys = inside if isinstance(inside, dict) and "results" in inside else content
    shape = next((shape for shape in SHAPES if shape.fits(keys)), None)
    if shape is not None:
        try:
            return shape.rows(keys)
        except (TypeError, ValueError, OverflowError, LookupError) as error:
            raise CorpusError(f"{path}: is not what {shape.name} writes; export it again") from error
    if are_milliseconds(_whole_spans(keys), length):
        logger.warning("%s: its times are taken as milliseconds", path)
        return _assemblyai(keys)
    return None


def _assemblyai(keys: Content) -> list[Row]:
    """Times are milliseconds; utterances are there where speakers were told apart."""
    language = keys.get("language_code")
    name, parts = _assemblyai_parts(keys)
    if name == "words":
        return rows_of_words(map(_assemblyai_word, parts), language)
    return [
        row(
            (from_milliseconds(part.get("start")), from_milliseconds(part.get("end"))),
            part.get("text"),
            part.get("speaker"),
            [_assemblyai_word(one) for one in objects(part.get("words"))],
            language,
        )
        for part in parts
    ]


def _assemblyai_word(one: Content) -> Row:
    times = from_milliseconds(one.get("start")), from_milliseconds(one.get("end"))
    return word(times, one.get("text"), one.get("speaker"))


def _assemblyai_parts(keys: Content) -> tuple[str, list[Content]]:
    """Return the first list that has objects, and its name."""
    names = ("utterances", "sentences", "paragraphs", "words")
    return next(((name, parts) for name in names if (parts := objects(keys.get(name)))), ("words", []))


def _is_assemblyai(keys: Content) -> bool:
    return bool(_whole_spans(keys)) and any(names <= keys.keys() for names in ASSEMBLYAI_KEYS)


def _whole_spans(keys: Content) -> list[tuple[int, int]]:
    """Return starts and ends of texts in whole numbers, as AssemblyAI writes them; nothing for others."""
    parts = _assemblyai_parts(keys)[1]
    spans = [
        (start, end)
        for one in parts
        if "text" in one and "type" not in one
        for start, end in [(one.get("start"), one.get("end"))]
        if isinstance(start, int) and isinstance(end, int) and max(start, end) < MOST_MILLISECONDS
    ]
    return spans if len(spans) == len(parts) else []


def _deepgram(keys: Content) -> list[Row]:
    results = keys["results"]
    utterances, channels = objects(results.get("utterances")), objects(results.get("channels"))
    language = first_object(channels).get("detected_language")
    several = len(channels) > 1
    if utterances:
        return [
            row(
                (part.get("start"), part.get("end")),
                part.get("transcript"),
                part.get("channel") if several else part.get("speaker"),
                [
                    plain_word({**one, "speaker": part.get("channel")} if several else one)
                    for one in objects(part.get("words"))
                ],
                language,
            )
            for part in utterances
        ]
    rows: list[Row] = []
    for number, channel in enumerate(channels):
        words = objects(first_object(channel.get("alternatives")).get("words"))
        named = ({**one, "speaker": number} if several else one for one in words)
        rows += rows_of_words(map(plain_word, named), channel.get("detected_language"))
    return rows


def _azure(keys: Content) -> list[Row]:
    """Both of its forms: batch, with ticks or durations, and fast transcription, with milliseconds."""
    phrases = objects(keys.get("recognizedPhrases")) or objects(keys.get("phrases"))
    return [
        _azure_row(phrase, phrase.get("speaker") if channel is None else channel)
        for channel, of_channel in by_channel(phrases, "channel")
        for phrase in of_channel
        if _azure_times(phrase)[0] is not None
    ]


def _azure_row(phrase: Content, speaker: Any) -> Row:
    best = first_object(phrase.get("nBest")) or phrase
    words = [
        word(_azure_times(one), one.get("word") or one.get("text"), speaker) for one in objects(best.get("words"))
    ]
    text = best.get("display") or best.get("text")
    return row(_azure_times(phrase), text, speaker, words, phrase.get("locale"))


def _azure_times(one: Content) -> tuple[Any, Any]:
    for offset, length, seconds in (
        ("offsetInTicks", "durationInTicks", from_ticks),
        ("offsetMilliseconds", "durationMilliseconds", from_milliseconds),
        ("offset", "duration", from_duration),
    ):
        if offset in one:
            start, lasts = seconds(one[offset]), seconds(one.get(length))
            whole = isinstance(start, int | float) and isinstance(lasts, int | float)
            return start, start + lasts if whole else lasts
    return None, None


def _youtube(keys: Content) -> list[Row]:
    """Events of captions; those of automatic ones go on while the next is shown."""
    events = [one for one in objects(keys["events"]) if "segs" in one and not one.get("aAppend")]
    shown = [(one, "".join(str(part.get("utf8", "")) for part in objects(one["segs"]))) for one in events]
    kept = [(one, text) for one, text in shown if text.strip()]
    rows: list[Row] = []
    for number, (event, text) in enumerate(kept):
        start = event.get("tStartMs") or 0
        end = start + (event.get("dDurationMs") or 0)
        if number + 1 < len(kept):
            end = min(end, max(start, kept[number + 1][0].get("tStartMs") or 0))
        rows.append(row((from_milliseconds(start), from_milliseconds(end)), text))
    return rows


def _has_results(keys: Content, key: str) -> bool:
    results = keys.get("results")
    return isinstance(results, dict) and isinstance(results.get(key), list)


def _in(key: str, *names: str) -> Callable[[Content], bool]:
    """Return what tells whether the first object of a list has some keys."""
    return lambda keys: set(names) <= first_object(keys.get(key)).keys()


SHAPES = (
    Shape("AssemblyAI", _is_assemblyai, _assemblyai),
    Shape("Deepgram", lambda keys: _has_results(keys, "channels"), _deepgram),
    Shape("Amazon Transcribe", lambda keys: _has_results(keys, "items"), aws_rows),
    Shape("Azure Speech", _in("recognizedPhrases", "nBest"), _azure),
    Shape("Azure Speech", _in("phrases", "offsetMilliseconds"), _azure),
    Shape("Google Speech-to-Text", is_google, google_rows),
    Shape("Speechmatics", _in("results", "type", "alternatives"), speechmatics_rows),
    Shape("IBM Watson", _in("results", "final", "alternatives"), watson_rows),
    Shape("Rev.ai", _in("monologues", "elements"), rev_rows),
    Shape("YouTube", lambda keys: "wireMagic" in keys and isinstance(keys.get("events"), list), _youtube),
    Shape("ElevenLabs", _in("words", "type", "text", "start"), lambda keys: timed_rows_of(keys, "words")),
    Shape("OpenAI", _in("words", "word", "start", "end"), lambda keys: timed_rows_of(keys, "words")),
    Shape("Vosk", _in("result", "word", "start", "end"), lambda keys: timed_rows_of(keys, "result")),
    Shape("pyannote", _in("diarization", "speaker", "start", "end"), lambda keys: objects(keys["diarization"])),
)
