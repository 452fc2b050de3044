"""Turns from the JSON of services: their words, times and speakers, and no text beside times that nobody read."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from emofuse.errors import CorpusError
from emofuse.turns.turn_files import read_turns, read_words

# Each says "I know. No!", from 0.5 to 1.5 and from 2 to 2.5 s, by two speakers where it tells them apart.
KNOW, NO = ("I know.", 0.5, 1.5), ("No!", 2.0, 2.5)


def assembly_words(*rows: tuple[str, int, int, str | None]) -> list[dict[str, Any]]:
    return [{"text": t, "start": s, "end": e, "confidence": 0.9, "speaker": who} for t, s, e, who in rows]


ASSEMBLYAI = {
    "id": "5",
    "status": "completed",
    "language_code": "en_us",
    "text": "I know. No!",
    "audio_duration": 3,
    "words": assembly_words(("I", 500, 700, "A"), ("know.", 800, 1500, "A"), ("No!", 2000, 2500, "B")),
    "utterances": [
        {
            "speaker": "A",
            "start": 500,
            "end": 1500,
            "text": "I know.",
            "words": assembly_words(("I", 500, 700, "A"), ("know.", 800, 1500, "A")),
        },
        {
            "speaker": "B",
            "start": 2000,
            "end": 2500,
            "text": "No!",
            "words": assembly_words(("No!", 2000, 2500, "B")),
        },
    ],
}
DEEPGRAM_WORDS = [
    {"word": "i", "punctuated_word": "I", "start": 0.5, "end": 0.7, "speaker": 0},
    {"word": "know", "punctuated_word": "know.", "start": 0.8, "end": 1.5, "speaker": 0},
    {"word": "no", "punctuated_word": "No!", "start": 2.0, "end": 2.5, "speaker": 1},
]
DEEPGRAM = {
    "metadata": {"duration": 3.0},
    "results": {
        "channels": [
            {
                "detected_language": "en",
                "alternatives": [{"transcript": "I know. No!", "words": DEEPGRAM_WORDS}],
            }
        ]
    },
}
DEEPGRAM_UTTERANCES = {
    "results": {
        "channels": DEEPGRAM["results"]["channels"],  # type: ignore[index]
        "utterances": [
            {
                "start": 0.5,
                "end": 1.5,
                "channel": 0,
                "transcript": "I know.",
                "speaker": 0,
                "words": DEEPGRAM_WORDS[:2],
            },
            {
                "start": 2.0,
                "end": 2.5,
                "channel": 0,
                "transcript": "No!",
                "speaker": 1,
                "words": DEEPGRAM_WORDS[2:],
            },
        ],
    }
}
GOOGLE = {
    "results": [
        {
            "alternatives": [
                {
                    "transcript": "I know.",
                    "words": [
                        {"word": "I", "startTime": "0.500s", "endTime": "0.700s"},
                        {"word": "know.", "startTime": "0.800s", "endTime": "1.500s"},
                    ],
                }
            ],
            "languageCode": "en-us",
        },
        {
            "alternatives": [
                {
                    "words": [
                        {"word": "I", "startTime": "0.500s", "endTime": "0.700s", "speakerTag": 1},
                        {"word": "know.", "startTime": "0.800s", "endTime": "1.500s", "speakerTag": 1},
                        {"word": "No!", "startTime": "2s", "endTime": "2.500s", "speakerTag": 2},
                    ]
                }
            ]
        },
    ]
}
GOOGLE_V2 = {
    "response": {
        "results": [
            {
                "alternatives": [
                    {
                        "transcript": "I know. No!",
                        "words": [
                            {
                                "word": "I",
                                "startOffset": {"nanos": 500000000},
                                "endOffset": "0.7s",
                                "speakerLabel": "1",
                            },
                            {
                                "word": "know.",
                                "startOffset": "0.8s",
                                "endOffset": {"seconds": "1", "nanos": 500000000},
                                "speakerLabel": "1",
                            },
                            {"word": "No!", "startOffset": "2s", "endOffset": "2.5s", "speakerLabel": "2"},
                        ],
                    }
                ],
                "languageCode": "en-US",
            }
        ]
    }
}
GOOGLE_WITHOUT_WORDS = {
    "results": [
        {"alternatives": [{"transcript": "I know."}], "resultEndTime": "1.5s", "languageCode": "en-us"},
        {"alternatives": [{"transcript": "No!"}], "resultEndTime": "2.5s"},
    ]
}


def aws_word(text: str, start: str, end: str) -> dict[str, Any]:
    return {"type": "pronunciation", "start_time": start, "end_time": end, "alternatives": [{"content": text}]}


def aws_mark(mark: str) -> dict[str, Any]:
    return {"type": "punctuation", "alternatives": [{"content": mark}]}


AWS = {
    "jobName": "j",
    "results": {
        "language_code": "en-US",
        "transcripts": [{"transcript": "I know. No!"}],
        "items": [
            aws_word("I", "0.5", "0.7"),
            aws_word("know", "0.8", "1.5"),
            aws_mark("."),
            aws_word("No", "2.0", "2.5"),
            aws_mark("!"),
        ],
        "speaker_labels": {
            "segments": [
                {
                    "items": [
                        {"start_time": "0.5", "speaker_label": "spk_0"},
                        {"start_time": "0.8", "speaker_label": "spk_0"},
                    ]
                },
                {"items": [{"start_time": "2.0", "speaker_label": "spk_1"}]},
            ]
        },
    },
}


def azure(keys: tuple[str, str], times: tuple[Any, Any], text: str, speaker: int) -> dict[str, Any]:
    phrase = {"speaker": speaker, "locale": "en-US", "nBest": [{"display": text, "lexical": text.lower()}]}
    return dict(zip(keys, times, strict=True)) | phrase


TICKS, DURATIONS = ("offsetInTicks", "durationInTicks"), ("offset", "duration")
AZURE = {
    "combinedRecognizedPhrases": [{"display": "I know. No!"}],
    "recognizedPhrases": [
        azure(TICKS, (5_000_000, 10_000_000), "I know.", 1),
        azure(TICKS, (20_000_000, 5_000_000), "No!", 2),
    ],
}
AZURE_DURATIONS = {
    "recognizedPhrases": [
        azure(DURATIONS, ("PT0.5S", "PT1S"), "I know.", 1),
        azure(DURATIONS, ("PT2S", "PT0.5S"), "No!", 2),
    ]
}
AZURE_FAST = {
    "combinedPhrases": [{"text": "I know. No!"}],
    "phrases": [
        {
            "offsetMilliseconds": 500,
            "durationMilliseconds": 1000,
            "text": "I know.",
            "speaker": 1,
            "locale": "en-US",
        },
        {"offsetMilliseconds": 2000, "durationMilliseconds": 500, "text": "No!", "speaker": 2, "locale": "en-US"},
    ],
}
SPEECHMATICS = {
    "format": "2.9",
    "results": [
        {"type": "word", "start_time": 0.5, "end_time": 0.7, "alternatives": [{"content": "I", "speaker": "S1"}]},
        {
            "type": "word",
            "start_time": 0.8,
            "end_time": 1.5,
            "alternatives": [{"content": "know", "speaker": "S1"}],
        },
        {"type": "punctuation", "start_time": 1.5, "end_time": 1.5, "alternatives": [{"content": "."}]},
        {"type": "word", "start_time": 2.0, "end_time": 2.5, "alternatives": [{"content": "No", "speaker": "S2"}]},
        {"type": "punctuation", "start_time": 2.5, "end_time": 2.5, "alternatives": [{"content": "!"}]},
    ],
}
REV = {
    "monologues": [
        {
            "speaker": 0,
            "elements": [
                {"type": "text", "value": "I", "ts": 0.5, "end_ts": 0.7},
                {"type": "punct", "value": " "},
                {"type": "text", "value": "know", "ts": 0.8, "end_ts": 1.5},
                {"type": "punct", "value": "."},
            ],
        },
        {
            "speaker": 1,
            "elements": [
                {"type": "text", "value": "No", "ts": 2.0, "end_ts": 2.5},
                {"type": "punct", "value": "!"},
            ],
        },
    ]
}
WATSON = {
    "results": [
        {
            "final": True,
            "alternatives": [{"transcript": "I know.", "timestamps": [["I", 0.5, 0.7], ["know.", 0.8, 1.5]]}],
        },
        {"final": True, "alternatives": [{"transcript": "No!", "timestamps": [["No!", 2.0, 2.5]]}]},
    ],
    "speaker_labels": [
        {"from": 0.5, "to": 0.7, "speaker": 0},
        {"from": 0.8, "to": 1.5, "speaker": 0},
        {"from": 2.0, "to": 2.5, "speaker": 1},
    ],
}
ELEVENLABS = {
    "language_code": "eng",
    "text": "I know. No!",
    "words": [
        {"text": "I", "start": 0.5, "end": 0.7, "type": "word", "speaker_id": "speaker_0"},
        {"text": " ", "start": 0.7, "end": 0.8, "type": "spacing", "speaker_id": "speaker_0"},
        {"text": "know.", "start": 0.8, "end": 1.5, "type": "word", "speaker_id": "speaker_0"},
        {"text": "(sigh)", "start": 1.6, "end": 1.9, "type": "audio_event", "speaker_id": "speaker_0"},
        {"text": "No!", "start": 2.0, "end": 2.5, "type": "word", "speaker_id": "speaker_1"},
    ],
}
PLAIN_WORDS = [
    {"word": "I", "start": 0.5, "end": 0.7, "conf": 1.0},
    {"word": "know.", "start": 0.8, "end": 1.5},
    {"word": "No!", "start": 2.0, "end": 2.5},
]
VOSK = {"result": PLAIN_WORDS, "text": "I know. No!"}
OPENAI = {
    "task": "transcribe",
    "language": "english",
    "duration": 3.0,
    "text": "I know. No!",
    "words": PLAIN_WORDS,
}
YOUTUBE = {
    "wireMagic": "pb3",
    "events": [
        {"tStartMs": 0, "dDurationMs": 3000, "id": 1},
        {"tStartMs": 500, "dDurationMs": 1000, "segs": [{"utf8": "I"}, {"utf8": " know.", "tOffsetMs": 300}]},
        {"tStartMs": 1900, "dDurationMs": 600, "aAppend": 1, "segs": [{"utf8": "\n"}]},
        {"tStartMs": 2000, "dDurationMs": 500, "segs": [{"utf8": "No!"}]},
    ],
}


@pytest.mark.parametrize(
    ("content", "speakers", "language"),
    [
        pytest.param(ASSEMBLYAI, ("A", "B"), "en", id="AssemblyAI"),
        pytest.param({**ASSEMBLYAI, "utterances": None}, ("A", "B"), "en", id="AssemblyAI, words"),
        pytest.param(DEEPGRAM, ("speaker_0", "speaker_1"), "en", id="Deepgram"),
        pytest.param(DEEPGRAM_UTTERANCES, ("speaker_0", "speaker_1"), "en", id="Deepgram, utterances"),
        pytest.param(GOOGLE, ("speaker_1", "speaker_2"), "en", id="Google"),
        pytest.param(GOOGLE_V2, ("1", "2"), "en", id="Google, v2"),
        pytest.param(AWS, ("spk_0", "spk_1"), "en", id="Amazon"),
        pytest.param(AZURE, ("speaker_1", "speaker_2"), "en", id="Azure"),
        pytest.param(AZURE_DURATIONS, ("speaker_1", "speaker_2"), "en", id="Azure, durations"),
        pytest.param(AZURE_FAST, ("speaker_1", "speaker_2"), "en", id="Azure, fast"),
        pytest.param(SPEECHMATICS, ("S1", "S2"), None, id="Speechmatics"),
        pytest.param(REV, ("speaker_0", "speaker_1"), None, id="Rev"),
        pytest.param(WATSON, ("speaker_0", "speaker_1"), None, id="Watson"),
        pytest.param(ELEVENLABS, ("speaker_0", "speaker_1"), "en", id="ElevenLabs"),
        pytest.param(VOSK, (None, None), None, id="Vosk"),
        pytest.param([VOSK], (None, None), None, id="Vosk, results"),
        pytest.param(OPENAI, (None, None), "en", id="OpenAI"),
        pytest.param(YOUTUBE, (None, None), None, id="YouTube"),
    ],
)
def test_services_are_read_with_times_and_speakers(
    tmp_path: Path, content: Any, speakers: tuple[str | None, ...], language: str | None
) -> None:
    path = tmp_path / "talk.json"
    path.write_text(json.dumps(content))
    turns = read_turns(path)
    assert [(turn.text, turn.start, turn.end) for turn in turns] == [KNOW, NO]
    assert [turn.speaker for turn in turns] == list(speakers)
    assert {turn.language for turn in turns} == {language}
    words = read_words(path)
    assert " ".join(turn.text or "" for turn in words if not isinstance(turn, str)) == "I know. No!"


def test_google_without_words_has_ends_only(tmp_path: Path) -> None:
    path = tmp_path / "talk.json"
    path.write_text(json.dumps(GOOGLE_WITHOUT_WORDS))
    assert [(one.text, one.start, one.end) for one in read_turns(path)] == [("I know.", 0, 1.5), ("No!", 1.5, 2.5)]


def google_call(tags: tuple[int, int], spoken: bool) -> dict[str, Any]:
    first, second = GOOGLE["results"][0]["alternatives"], [{"transcript": "No!", "words": GOOGLE_NO}]  # type: ignore[index]
    if not spoken:
        first, second = [{"transcript": "I know."}], [{"transcript": "No!"}]
    return {
        "results": [
            {"alternatives": first, "channelTag": tags[0], "resultEndTime": "1.5s"},
            {"alternatives": second, "channelTag": tags[1], "resultEndTime": "2.5s"},
        ]
    }


GOOGLE_NO = [{"word": "No!", "startTime": "2s", "endTime": "2.5s"}]
CHANNEL_WORDS = [[{**one, "speaker": 0} for one in words] for words in (DEEPGRAM_WORDS[:2], DEEPGRAM_WORDS[2:])]
DEEPGRAM_CALL = {"results": {"channels": [{"alternatives": [{"words": words}]} for words in CHANNEL_WORDS]}}
DEEPGRAM_CALL_UTTERANCES = {
    "results": {
        "channels": DEEPGRAM_CALL["results"]["channels"],
        "utterances": [
            {"start": start, "end": end, "channel": number, "transcript": text, "speaker": 0, "words": words}
            for number, (words, (text, start, end)) in enumerate(zip(CHANNEL_WORDS, (KNOW, NO), strict=True))
        ],
    }
}
DEEPGRAM_CALL_ALONE = json.loads(json.dumps(DEEPGRAM_CALL_UTTERANCES).replace('"speaker"', '"nobody"'))
AZURE_CALL = {
    "recognizedPhrases": [
        {**phrase, "channel": n, "speaker": 1} for n, phrase in enumerate(AZURE["recognizedPhrases"])
    ]
}
AZURE_FAST_CALL = {
    "phrases": [
        {**phrase, "channel": n, "speaker": None, "words": [{"text": phrase["text"], **azure_times}]}
        for n, phrase in enumerate(AZURE_FAST["phrases"])  # type: ignore[arg-type]
        for azure_times in [{key: phrase[key] for key in ("offsetMilliseconds", "durationMilliseconds")}]  # type: ignore[index]
    ]
}
AWS_ITEMS = AWS["results"]["items"]  # type: ignore[index]
AWS_CALL = {
    "results": {
        "items": AWS_ITEMS,
        "channel_labels": {
            "channels": [
                {"channel_label": "ch_0", "items": AWS_ITEMS[:3]},
                {"channel_label": "ch_1", "items": AWS_ITEMS[3:]},
            ]
        },
    }
}
AWS_LABELLED_CALL = {
    "results": {"items": [{**one, "channel_label": f"ch_{int(n > 2)}"} for n, one in enumerate(AWS_ITEMS)]}
}


@pytest.mark.parametrize(
    ("content", "speakers"),
    [
        pytest.param(DEEPGRAM_CALL, ("speaker_0", "speaker_1"), id="Deepgram"),
        pytest.param(DEEPGRAM_CALL_UTTERANCES, ("speaker_0", "speaker_1"), id="Deepgram, utterances"),
        pytest.param(DEEPGRAM_CALL_ALONE, ("speaker_0", "speaker_1"), id="Deepgram, without speakers"),
        pytest.param(google_call((1, 2), spoken=True), ("speaker_1", "speaker_2"), id="Google"),
        pytest.param(google_call((1, 1), spoken=True), (None, None), id="Google, one channel"),
        pytest.param(AZURE_CALL, ("speaker_0", "speaker_1"), id="Azure"),
        pytest.param(AZURE_FAST_CALL, ("speaker_0", "speaker_1"), id="Azure, fast"),
        pytest.param(AWS_CALL, ("ch_0", "ch_1"), id="Amazon"),
        pytest.param(AWS_LABELLED_CALL, ("ch_0", "ch_1"), id="Amazon, labels of words"),
    ],
)
def test_channels_of_a_call_are_its_speakers(tmp_path: Path, content: Any, speakers: tuple[Any, Any]) -> None:
    path = tmp_path / "talk.json"
    path.write_text(json.dumps(content))
    turns, words = read_turns(path), read_words(path)
    assert [(turn.text, turn.start, turn.end) for turn in turns] == [KNOW, NO]
    assert [turn.speaker for turn in turns] == list(speakers)
    said = [(turn.speaker, turn.text) for turn in words if not isinstance(turn, str)]
    assert (said[0][0], said[-1]) == (speakers[0], (speakers[1], "No!"))


def test_results_of_google_without_words_follow_those_of_their_channel(tmp_path: Path) -> None:
    path = tmp_path / "talk.json"
    path.write_text(json.dumps(google_call((1, 2), spoken=False)))
    assert [(one.speaker, one.start, one.end) for one in read_turns(path)] == [
        ("speaker_1", 0.0, 1.5),
        ("speaker_2", 0.0, 2.5),
    ]


def test_words_of_channels_that_overlap_stay_together(tmp_path: Path) -> None:
    path = tmp_path / "talk.json"
    rows = [("I", "0.5", "0.7", 0), ("no", "0.6", "0.9", 1), ("know", "0.8", "1.5", 0), ("no", "1.0", "1.2", 1)]
    items = [{**aws_word(text, start, end), "channel_label": f"ch_{n}"} for text, start, end, n in rows]
    path.write_text(json.dumps({"results": {"items": items}}))
    assert [(one.speaker, one.text, one.start, one.end) for one in read_turns(path)] == [
        ("ch_0", "I know", 0.5, 1.5),
        ("ch_1", "no no", 0.6, 1.2),
    ]


def test_words_are_joined_in_the_order_of_their_starts_to_the_last_end(tmp_path: Path) -> None:
    path = tmp_path / "talk.json"
    words = [("know", 0.8, 1.5), ("I", 0.5, 0.7), ("no", 1.0, 1.2)]
    path.write_text(json.dumps({"result": [{"word": t, "start": s, "end": e} for t, s, e in words]}))
    assert [(one.text, one.start, one.end) for one in read_turns(path)] == [("I know no", 0.5, 1.5)]


@pytest.mark.parametrize(
    "own",
    [{"acoustic_model": "m"}, {"audio_url": "u"}, {"id": "5", "audio_duration": 1}, {"id": "5", "status": "x"}],
)
def test_milliseconds_of_assemblyai_are_known_by_its_keys(
    tmp_path: Path, own: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "talk.json"
    path.write_text(json.dumps({"sentences": [{"start": 0, "end": 12, "text": "I"}], **own}))
    assert [turn.end for turn in read_turns(path, length=lambda: 20.0)] == [0.012]
    assert not caplog.records


def test_other_whole_numbers_are_milliseconds_only_where_the_length_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "talk.json"
    path.write_text(json.dumps({"utterances": [{"start": 500, "end": 12_000, "text": "hello"}]}))
    with caplog.at_level(logging.WARNING):
        assert [turn.end for turn in read_turns(path, length=lambda: 12.1)] == [12.0]
    assert "talk.json: its times are taken as milliseconds" in caplog.text
    for end, seconds in ((12_000, 13_000.0), (12_000, 5.0), (12, 15.0), (12, None)):
        path.write_text(json.dumps({"utterances": [{"start": 0, "end": end, "text": "hello"}]}))
        with pytest.raises(CorpusError, match="has times under 'utterances', in a form that is not known"):
            read_turns(path, length=lambda seconds=seconds: seconds)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ({**YOUTUBE, "events": [{"tStartMs": "0", "segs": [{"utf8": "I"}]}]}, "YouTube"),
        (google_call((1, 1), spoken=False) | {"results": [{"alternatives": [{"transcript": "I", "words": [
            {"word": "I", "startTime": {"seconds": "x"}}]}]}]}, "Google Speech-to-Text"),
        ({"results": [{"final": True, "alternatives": [{"timestamps": 3}]}]}, "IBM Watson"),
        ({"results": [{"final": True, "alternatives": [{"timestamps": [["a", [0], 1]]}]}]}, "IBM Watson"),
        ({"results": {"items": [aws_word("I", "0", "1") | {"start_time": [0]}]}}, "Amazon Transcribe"),
    ],
)  # fmt: skip
def test_what_a_service_does_not_write_is_refused_by_its_name(tmp_path: Path, content: Any, name: str) -> None:
    path = tmp_path / "talk.json"
    path.write_text(json.dumps(content))
    with pytest.raises(CorpusError, match=f"talk.json: is not what {name} writes; export it again"):
        read_turns(path)


def test_silent_results_of_vosk_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "talk.json"
    path.write_text(json.dumps([{"text": ""}, VOSK, {"result": [], "text": ""}]))
    assert [(turn.text, turn.start, turn.end) for turn in read_turns(path)] == [KNOW, NO]
    path.write_text(json.dumps([{"text": ""}]))
    with pytest.raises(CorpusError, match="holds no turn"):
        read_turns(path)
    path.write_text(json.dumps([VOSK, {"text": "no times"}]))
    with pytest.raises(CorpusError, match="segment 0"):
        read_turns(path)


@pytest.mark.parametrize(
    ("language", "text"), [("zh-CN", "\u4f60\u597d"), ("en-US", "\u4f60 \u597d"), (None, "\u4f60 \u597d")]
)
def test_words_are_joined_as_their_language_is_written(tmp_path: Path, language: str | None, text: str) -> None:
    path = tmp_path / "talk.json"
    words = [aws_word("\u4f60", "0.5", "0.7"), aws_word("\u597d", "0.8", "1.5")]
    path.write_text(json.dumps({"results": {"items": words, "language_code": language}}))
    assert [turn.text for turn in read_turns(path)] == [text]


@pytest.mark.parametrize(
    ("content", "key"),
    [
        ({"text": "I know.", "tokens": [{"t": "I", "start_ms": 5}]}, "tokens"),
        ({"text": "I know.", "result": {"lines": [{"said": "I", "StartTime": 0}]}}, "result"),
        ({"text": "I know.", "paragraphs": [{"runs": [{"timestamp": "0:01"}]}]}, "paragraphs"),
    ],
)
def test_a_text_beside_times_that_are_not_known_is_refused(tmp_path: Path, content: Any, key: str) -> None:
    path = tmp_path / "talk.json"
    path.write_text(json.dumps(content))
    with pytest.raises(CorpusError, match=f"has times under '{key}', in a form that is not known; export SRT"):
        read_words(path)


def test_a_text_beside_other_things_is_a_text(tmp_path: Path) -> None:
    path = tmp_path / "talk.json"
    path.write_text(json.dumps({"text": "I know.", "words": [], "model": {"name": "m"}, "tags": [{"id": 5}]}))
    assert read_words(path) == "I know."
