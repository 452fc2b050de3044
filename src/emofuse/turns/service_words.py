"""Turns from services whose JSON is a list of words with times, which are joined to sentences."""

from __future__ import annotations

from typing import Any

from emofuse.turns.timed_rows import (
    Row,
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
    """Return the rows of Google; where speakers were told apart, the last result repeats all words with them."""
    rows: list[Row] = []
    words: list[Content] = []
    reached: Any = 0.0
    language = first_object(keys["results"]).get("languageCode")
    for result in objects(keys["results"]):
        best = first_object(result.get("alternatives"))
        end = from_duration(_either(result, "resultEndTime", "resultEndOffset", "result_end_time"))
        spoken = objects(best.get("words"))
        words += spoken
        if not spoken and best.get("transcript"):  # words without times: from the end of the last result
            rows.append(row((reached, end), best["transcript"], language=language))
        reached = end
    tagged = [one for one in words if _google_speaker(one) is not None]
    return [*rows, *rows_of_words(map(_google_word, tagged or words), language)]


def _google_word(one: Content) -> Row:
    start = from_duration(_either(one, "startTime", "startOffset", "start_time", "start_offset") or 0.0)
    end = from_duration(_either(one, "endTime", "endOffset", "end_time", "end_offset"))
    return word((start, end), one.get("word"), _google_speaker(one))


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
    """Return the rows of Amazon Transcribe; speakers may stand beside the words, or apart from them."""
    results = keys["results"]
    labels = results.get("speaker_labels")
    parts = objects(labels.get("segments")) if isinstance(labels, dict) else []
    speakers = {one.get("start_time"): one.get("speaker_label") for p in parts for one in objects(p.get("items"))}
    words: list[Row] = []
    for item in objects(results["items"]):
        text = first_object(item.get("alternatives")).get("content")
        if item.get("type") == "punctuation":
            with_punctuation(words, text)
            continue
        start = item.get("start_time")
        speaker = item.get("speaker_label") or speakers.get(start) or item.get("channel_label")
        words.append(word((start, item.get("end_time")), text, speaker))
    return rows_of_words(words, results.get("language_code"))


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
