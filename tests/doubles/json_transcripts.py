"""JSON as programs that transcribe write it, a short one of each: written for the tests."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

TRANSCRIPTS: tuple[Any, ...] = (  # one a line or two, as the programs that write it nest it

    {"language": "en", "segments": [{"start": 1.0, "end": 2.5, "text": "one", "speaker": "Ann",
     "words": [{"word": "one", "start": 1.0, "end": 1.4, "probability": 0.9}]}]},
    {"chunks": [{"timestamp": [1.0, 2.5], "text": "one"},
     {"timestamp": [3.0, None], "text": "two"}], "text": "one"},
    {"transcription": [{"timestamps": {"from": "00:00:01,000", "to": "00:00:02,500"},
     "offsets": {"from": 1000, "to": 2500}, "text": "one"}]},
    {"id": "5", "status": "completed", "utterances": [
     {"speaker": "A", "start": 1000, "end": 2500, "text": "one", "confidence": 0.9, "words": []}],
     "words": [{"text": "one", "start": 1000, "end": 1400, "speaker": "A"}], "text": "one"},
    {"utterances": [{"start": 1000, "end": 2500, "text": "one"}]},
    {"results": {"channels": [{"alternatives": [{"transcript": "one", "words": [
     {"word": "one", "start": 1.0, "end": 1.4, "speaker": 0}]}]}]}},
    {"results": [{"alternatives": [{"transcript": "one", "words": [
     {"startTime": "1.0s", "endTime": "1.4s", "word": "one", "speakerTag": 1}]}]}]},
    {"results": {"items": [{"type": "pronunciation", "start_time": "1.0", "end_time": "1.4",
     "speaker_label": "spk_0",
     "alternatives": [{"content": "one", "confidence": "0.9"}]}, {"type": "punctuation",
     "alternatives": [{"content": "."}]}], "transcripts": [{"transcript": "one."}]}},
    {"results": {"items": [{"type": "pronunciation", "start_time": "1.0", "end_time": "1.4",
     "channel_label": "ch_0", "alternatives": [{"content": "one"}]}],
     "speaker_labels": {"segments": [{"items": [{"start_time": "1.0", "speaker_label": "spk_0"}]}]},
     "channel_labels": {"channels": [
      {"channel_label": "ch_0", "items": [{"start_time": "1.0", "end_time": "1.4",
       "alternatives": [{"content": "one"}]}]}, {"channel_label": "ch_1", "items": []}]}}},
    {"results": [{"channelTag": 1, "alternatives": [{"transcript": "one", "words": [{"word": "one",
     "startTime": {"seconds": "1", "nanos": 500}, "endTime": {"seconds": "2"}}]}]},
     {"channelTag": 2, "alternatives": [{"transcript": "two"}], "resultEndTime": "2.5s"}]},
    {"phrases": [{"offsetMilliseconds": 1000, "durationMilliseconds": 500, "text": "One.", "channel": 0},
     {"offsetMilliseconds": 1000, "durationMilliseconds": 500, "text": "Two.", "channel": 1}]},
    {"recognizedPhrases": [{"offsetInTicks": 10000000, "durationInTicks": 5000000, "speaker": 1,
     "nBest": [{"display": "One."}]}], "combinedRecognizedPhrases": [{"display": "One."}]},
    {"results": [{"final": True, "alternatives": [{"timestamps": [["one", 1.0, 1.4]], "transcript": "one"}]}],
     "speaker_labels": [{"from": 1.0, "to": 1.4, "speaker": 0}]},
    {"monologues": [{"speaker": 0, "elements": [{"type": "text", "value": "one", "ts": 1.0, "end_ts": 1.4}]}]},
    {"wireMagic": "pb3", "events": [{"tStartMs": 1000, "dDurationMs": 1500,
     "segs": [{"utf8": "one"}, {"utf8": " two", "tOffsetMs": 400}]}]},
    {"result": [{"word": "one", "start": 1.0, "end": 1.4, "conf": 1.0}], "text": "one"},
    [{"id": 1, "data": {"audio": "talk.wav"}, "annotations": [{"result": [
     {"id": "a", "from_name": "labels", "type": "labels",
      "value": {"start": 1.0, "end": 2.5, "labels": ["Ann"]}},
     {"id": "a", "from_name": "text", "type": "textarea",
      "value": {"start": 1.0, "end": 2.5, "text": ["one"]}}]}]}],
)  # fmt: skip
OTHER_VALUES: tuple[Any, ...] = (None, 1, -1, "x", "", [], {}, [[]], [{}], True, 1e308, "1e400", {"a": 1})


def with_one_other_value() -> Iterator[Any]:
    """Yield each transcript with each of its values in turn replaced by one of another kind."""
    for transcript in TRANSCRIPTS:
        for place in _places(transcript):
            for other in OTHER_VALUES:
                yield _replaced(transcript, place, other)


def _places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield place
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield from _places(value[key], (*place, key))


def _replaced(transcript: Any, place: tuple[Any, ...], other: Any) -> Any:
    if not place:
        return other
    result = copy.deepcopy(transcript)
    parent = result
    for key in place[:-1]:
        parent = parent[key]
    parent[place[-1]] = other
    return result
