"""Turns from the JSON of services and programs that recognise speech, each known by its own keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

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
    Row,
    first_object,
    from_duration,
    from_milliseconds,
    from_ticks,
    objects,
    row,
    rows_of_words,
    word,
)

Content = dict[str, Any]


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


def find_service_rows(content: Content) -> list[Row] | None:
    """Return the rows of what a known service wrote; None where none is known that writes such keys."""
    inside = content.get("response")  # of a job of Google's
    keys = inside if isinstance(inside, dict) and "results" in inside else content
    return next((shape.rows(keys) for shape in SHAPES if shape.fits(keys)), None)


def _assemblyai(keys: Content) -> list[Row]:
    """Times are milliseconds; utterances are there where speakers were told apart."""
    language = keys.get("language_code")
    parts = objects(keys.get("utterances")) or objects(keys.get("sentences")) or objects(keys.get("paragraphs"))
    if not parts:
        return rows_of_words(map(_assemblyai_word, objects(keys.get("words"))), language)
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


def _is_assemblyai(keys: Content) -> bool:
    parts = [first_object(keys.get(name)) for name in ("utterances", "words", "sentences", "paragraphs")]
    return "segments" not in keys and any(
        "text" in one and "type" not in one and all(isinstance(one.get(key), int) for key in ("start", "end"))
        for one in parts
    )


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
                [plain_word(one) for one in objects(part.get("words"))],
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
    rows: list[Row] = []
    for phrase in phrases:
        best = first_object(phrase.get("nBest")) or phrase
        times = _azure_times(phrase)
        if best and times[0] is not None:
            words = [
                word(_azure_times(one), one.get("word") or one.get("text"), phrase.get("speaker"))
                for one in objects(best.get("words"))
            ]
            text = best.get("display") or best.get("text")
            rows.append(row(times, text, phrase.get("speaker"), words, phrase.get("locale")))
    return rows


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
