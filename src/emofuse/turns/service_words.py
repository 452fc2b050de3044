"""Turns from services whose JSON is a list of words with times, which are joined to sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from emofuse.turns.timed_rows import (
    Row,
    by_channel,
    first_object,
    from_duration,
    objects,
    row,
    rows_of_words,
    with_punctuation,
    word,
)

Content = dict[str, Any]


def google_rows(keys: Content) -> list[Row]:
    """Return the rows of Google; the channels are the speakers where there are several."""
    results = objects(keys["results"])
    language = first_object(results).get("languageCode")
    channels = by_channel(results, "channelTag", "channel_tag")
    return [one for channel, of_channel in channels for one in _google_channel(of_channel, channel, language)]


def _google_channel(results: Sequence[Content], channel: Any, language: Any) -> list[Row]:
    """Return the rows of a channel; where speakers were told apart, its last result repeats all words."""
    rows: list[Row] = []
    words: list[Content] = []
    reached: Any = 0.0
    for result in results:
        best = first_object(result.get("alternatives"))
        end = from_duration(_either(result, "resultEndTime", "resultEndOffset", "result_end_time"))
        spoken = objects(best.get("words"))
        words += spoken
        if not spoken and best.get("transcript"):  # words without times: from the end of the last result
            rows.append(row((reached, end), best["transcript"], channel, language=language))
        reached = end
    tagged = [one for one in words if _google_speaker(one) is not None]
    return [*rows, *rows_of_words((_google_word(one, channel) for one in tagged or words), language)]


def _google_word(one: Content, channel: Any) -> Row:
    start = from_duration(_either(one, "startTime", "startOffset", "start_time", "start_offset") or 0.0)
    end = from_duration(_either(one, "endTime", "endOffset", "end_time", "end_offset"))
    return word((start, end), one.get("word"), _google_speaker(one) if channel is None else channel)


def _google_speaker(one: Content) -> Any:
    """Return the speaker of a word; number 0 is none."""
    return _either(one, "speakerLabel", "speakerTag", "speaker_label", "speaker_tag")


def _either(keys: Content, *names: str) -> Any:
    return next((keys[name] for name in names if keys.get(name)), None)


def is_google(keys: Content) -> bool:
    """Tell whether results are those of Google Speech-to-Text, of either version."""
    best = [first_object(one.get("alternatives")) for one in objects(keys.get("results"))]
    return any("transcript" in one and "timestamps" not in one for one in best)


def aws_rows(keys: Content) -> list[Row]:
    """Return the rows of Amazon Transcribe; speakers and channels stand beside the words, or apart from them."""
    results = keys["results"]
    labels, channels = (results.get(key) for key in ("speaker_labels", "channel_labels"))
    parts = objects(labels.get("segments")) if isinstance(labels, dict) else []
    speakers = {one.get("start_time"): one.get("speaker_label") for p in parts for one in objects(p.get("items"))}
    apart = objects(channels.get("channels")) if isinstance(channels, dict) else []
    grouped = (
        [(one.get("channel_label"), objects(one.get("items"))) for one in apart]
        if len(apart) > 1
        else by_channel(objects(results["items"]), "channel_label")
    )
    language = results.get("language_code")
    return [
        one for channel, items in grouped for one in rows_of_words(_aws_words(items, speakers, channel), language)
    ]


def _aws_words(items: Sequence[Content], speakers: Mapping[Any, Any], channel: Any) -> list[Row]:
    """Return the words of a channel of Amazon Transcribe; `speakers` are known by the start of their words."""
    words: list[Row] = []
    for item in items:
        text = first_object(item.get("alternatives")).get("content")
        if item.get("type") == "punctuation":
            with_punctuation(words, text)
            continue
        start = item.get("start_time")
        speaker = item.get("speaker_label") or speakers.get(start) if channel is None else channel
        words.append(word((start, item.get("end_time")), text, speaker))
    return words


def speechmatics_rows(keys: Content) -> list[Row]:
    """Return the rows of Speechmatics."""
    words: list[Row] = []
    for item in objects(keys["results"]):
        best = first_object(item.get("alternatives"))
        if item.get("type") == "punctuation":
            with_punctuation(words, best.get("content"))
        elif "content" in best:
            times = item.get("start_time"), item.get("end_time")
            words.append(word(times, best["content"], best.get("speaker")))
    return rows_of_words(words)


def rev_rows(keys: Content) -> list[Row]:
    """Return the rows of Rev.ai."""
    rows: list[Row] = []
    for part in objects(keys["monologues"]):
        words: list[Row] = []
        for one in objects(part.get("elements")):
            if one.get("type") == "text":
                words.append(word((one.get("ts"), one.get("end_ts")), one.get("value"), part.get("speaker")))
            else:
                with_punctuation(words, one.get("value"))
        rows += rows_of_words(words)
    return rows


def watson_rows(keys: Content) -> list[Row]:
    """Return the rows of IBM Watson, whose speakers are known by the start of their words."""
    speakers = {one.get("from"): one.get("speaker") for one in objects(keys.get("speaker_labels"))}
    words = [
        word((one[1], one[2]), one[0], speakers.get(one[1]))
        for result in objects(keys["results"])
        for one in first_object(result.get("alternatives")).get("timestamps") or ()
        if isinstance(one, list) and len(one) == 3
    ]
    return rows_of_words(words)


def timed_rows_of(keys: Content, key: str) -> list[Row]:
    """Return the rows of a list of words with times in seconds, among blanks and sounds."""
    spoken = (one for one in objects(keys[key]) if one.get("type", "word") == "word")
    return rows_of_words(map(plain_word, spoken), keys.get("language") or keys.get("language_code"))


def plain_word(one: Content) -> Row:
    """Return a word that has its times in seconds under `start` and `end`."""
    text = next((one[key] for key in ("punctuated_word", "word", "text") if key in one), None)
    return word((one.get("start"), one.get("end")), text, one.get("speaker", one.get("speaker_id")))
