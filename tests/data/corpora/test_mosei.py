from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from emofuse.data.corpora.mosei import read_mosei
from emofuse.errors import CorpusError, MissingExtraError
from emofuse.types import Skip, Utterance

AUDIO, TRANSCRIPTS = "Audio/Full/WAV_16000", "Transcript/Segmented/Combined"
ORDER = ("sentiment", "happy", "sad", "anger", "surprise", "disgust", "fear")
VIDEO = "-3g5yACwYnA"
# A rated interval: start, end, seven scores.
Rated = tuple[float, float, Sequence[float]]
RATED: Rated = (4.84, 13.71, (1.0, 0.6666667, 0.6666667, 0.0, 0.0, 0.0, 0.3333333))
NEUTRAL: Rated = (13.71, 20.0, (0.0,) * 7)


def line(video: str, segment: int, start: float, end: float, text: str = "Key is part of it.") -> str:
    return f"{video}___{segment}___{start}___{end}___{text}"


def write(raw: Path, lines: dict[str, list[str]], audio: Sequence[str] | None = None) -> None:
    """Write the transcripts, and an empty recording for each of them unless others are named."""
    (raw / AUDIO).mkdir(parents=True)
    (raw / TRANSCRIPTS).mkdir(parents=True)
    for video in lines if audio is None else audio:
        (raw / AUDIO / f"{video}.wav").touch()
    for video, rows in lines.items():
        (raw / TRANSCRIPTS / f"{video}.txt").write_text("\n".join(rows) + "\n", encoding="utf-8")


def label(path: Path, ratings: dict[str, Sequence[Rated]], order: Sequence[str] | None = ORDER) -> None:
    """Write a label file of the CMU Multimodal SDK."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        group = file.create_group("All Labels")
        if order is not None:
            group["metadata/dimension names"] = [json.dumps(order)]
        for video, rows in ratings.items():
            group[f"data/{video}/intervals"] = [[start, end] for start, end, _ in rows]
            group[f"data/{video}/features"] = [list(scores) for *_, scores in rows]


def tree(root: Path, lines: Sequence[str], ratings: Sequence[Rated]) -> Path:
    """Write a release of one video."""
    write(root, {VIDEO: list(lines)})
    label(root / "CMU_MOSEI_Labels.csd", {VIDEO: ratings})
    return root


def test_a_segment_with_its_rating_is_an_utterance(tmp_path: Path) -> None:
    scores = (1.0, 0.5, 0.0, 0.0, 1.5, 0.0, 0.25)
    prepared = read_mosei(tree(tmp_path, [line(VIDEO, 0, 4.84, 13.71)], [(4.84, 13.71, scores)]))
    assert prepared.corpus.utterances == (
        Utterance(
            id=f"{VIDEO}_0",
            audio=tmp_path / AUDIO / f"{VIDEO}.wav",
            start=4.84,
            end=13.71,
            text="Key is part of it.",
            text_source="gold",
            label="surprised",
            votes={"happy": 0.5, "surprised": 1.5, "fearful": 0.25},
            dimensions={"valence": 1.0},
            speaker=f"mosei_{VIDEO}",
            session=VIDEO,
            dialogue=VIDEO,
            language="en",
            tags={"source_label": "happy surprise fear"},
        ),
    )
    assert prepared.corpus.name == "mosei"
    assert (prepared.skipped, prepared.incomplete) == ((), None)


@pytest.mark.parametrize("index", range(1, 7))
def test_each_score_stands_for_its_emotion(tmp_path: Path, index: int) -> None:
    scores = [1.0 if column == index else 0.0 for column in range(7)]
    (utterance,) = read_mosei(tree(tmp_path, [line(VIDEO, 0, 1.0, 2.0)], [(1.0, 2.0, scores)])).corpus
    expected = ("happy", "sad", "angry", "surprised", "disgusted", "fearful")[index - 1]
    assert (utterance.label, utterance.votes) == (expected, {expected: 1.0})
    assert utterance.tags == {"source_label": ORDER[index]}


def test_a_tie_has_votes_but_no_label(tmp_path: Path) -> None:
    (utterance,) = read_mosei(tree(tmp_path, [line(VIDEO, 0, 4.84, 13.71)], [RATED])).corpus
    assert utterance.label is None
    assert utterance.votes == pytest.approx({"happy": 2 / 3, "sad": 2 / 3, "fearful": 1 / 3})


def test_no_emotion_at_all_is_neutral(tmp_path: Path) -> None:
    (utterance,) = read_mosei(tree(tmp_path, [line(VIDEO, 0, 13.71, 20.0)], [NEUTRAL])).corpus
    assert (utterance.label, utterance.votes) == ("neutral", {"neutral": 1.0})
    assert utterance.tags == {"source_label": "none"}


def test_segments_are_joined_by_their_times_and_not_by_their_order(tmp_path: Path) -> None:
    lines = [line(VIDEO, 0, 4.84, 13.71), line(VIDEO, 1, 13.712, 19.96)]
    corpus = read_mosei(tree(tmp_path, lines, [NEUTRAL, RATED])).corpus
    assert [(u.id, u.end, u.label) for u in corpus] == [
        (f"{VIDEO}_0", 13.71, None),
        (f"{VIDEO}_1", 19.96, "neutral"),
    ]


def test_what_only_one_side_knows_is_skipped_with_a_reason(tmp_path: Path) -> None:
    lines = [line(VIDEO, 0, 4.84, 13.71), line(VIDEO, 1, 13.71, 19.9), line(VIDEO, 2, 4.84, 13.71)]
    prepared = read_mosei(tree(tmp_path, lines, [RATED, NEUTRAL]))
    assert [u.id for u in prepared.corpus] == [f"{VIDEO}_0"]
    assert prepared.skipped == (
        Skip(f"{VIDEO}_1", "transcribed, but no labelled interval has its times"),
        Skip(f"{VIDEO}_2", "transcribed, but no labelled interval has its times"),
        Skip(f"{VIDEO}[13.71-20]", "labelled, but no line of the transcript has its times"),
    )


def test_scores_that_are_no_numbers_are_skipped_with_a_reason(tmp_path: Path) -> None:
    lines = [line(VIDEO, 0, 4.84, 13.71), line(VIDEO, 1, 13.71, 20.0)]
    prepared = read_mosei(tree(tmp_path, lines, [RATED, (13.71, 20.0, (float("nan"),) * 7)]))
    assert prepared.skipped == (
        Skip(f"{VIDEO}[13.71-20]", "its scores are no numbers"),
        Skip(f"{VIDEO}_1", "transcribed, but no labelled interval has its times"),
    )


def test_underscores_in_the_video_and_in_the_words_are_theirs(tmp_path: Path) -> None:
    video = "_a___b_"
    write(tmp_path, {video: [line(video, 3, 4.84, 13.71, "Well _____ you know.")]})
    label(tmp_path / "CMU_MOSEI_Labels.csd", {video: [RATED]})
    (utterance,) = read_mosei(tmp_path).corpus
    assert (utterance.id, utterance.text) == (f"{video}_3", "Well _____ you know.")


def test_a_segment_without_words_has_no_text(tmp_path: Path) -> None:
    (utterance,) = read_mosei(tree(tmp_path, [line(VIDEO, 0, 4.84, 13.71, "")], [RATED])).corpus
    assert (utterance.text, utterance.text_source) == (None, None)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("and so on", "not of the form video___segment"),
        (f"{VIDEO}___1___2.0___3.0", "not of the form video___segment"),
        (f"{VIDEO}___1___2.0___x___text", "not of the form video___segment"),
        (line(VIDEO, 1, 3.0, 3.0), "with a span of time"),
        (line(VIDEO, 1, -1.0, 3.0), "with a span of time"),
        (line(VIDEO, 1, 1.0, float("inf")), "with a span of time"),
        (line("other", 1, 2.0, 3.0), "not of the form video___segment"),
        (line(VIDEO, 0, 4.84, 13.71, "again"), f"a second line for {VIDEO}_0; the first is kept"),
    ],
)
def test_lines_that_cannot_be_used_are_skipped_with_their_place(tmp_path: Path, bad: str, reason: str) -> None:
    prepared = read_mosei(tree(tmp_path, [line(VIDEO, 0, 4.84, 13.71), "", bad], [RATED]))
    assert [u.text for u in prepared.corpus] == ["Key is part of it."]
    (skip,) = prepared.skipped
    assert skip.id == f"{TRANSCRIPTS}/{VIDEO}.txt:3"
    assert reason in skip.reason


def test_videos_that_are_not_all_there_are_skipped_with_a_reason(tmp_path: Path) -> None:
    lines = {name: [line(name, 0, 4.84, 13.71)] for name in ("whole", "unheard", "unrated")}
    write(tmp_path, lines, audio=["whole", "unrated", "unwritten"])
    label(tmp_path / "CMU_MOSEI_Labels.csd", {name: [RATED] for name in ("whole", "unheard", "unwritten")})
    prepared = read_mosei(tmp_path)
    assert [u.id for u in prepared.corpus] == ["whole_0"]
    assert prepared.skipped == (
        Skip("unheard", f"labelled, but not in {AUDIO}"),
        Skip("unrated", "not labelled in CMU_MOSEI_Labels.csd"),
        Skip("unwritten", f"labelled, but not in {TRANSCRIPTS}"),
    )
    assert prepared.incomplete == f"1 of 3 labelled videos have no recording; unpack {AUDIO} again"


def test_stray_files_are_skipped_with_a_reason(tmp_path: Path) -> None:
    tree(tmp_path, [line(VIDEO, 0, 4.84, 13.71)], [RATED])
    (tmp_path / AUDIO / f"._{VIDEO}.wav").touch()
    (tmp_path / TRANSCRIPTS / "notes.doc").touch()
    assert read_mosei(tmp_path).skipped == (
        Skip(f"{AUDIO}/._{VIDEO}.wav", "hidden, or not a .wav file"),
        Skip(f"{TRANSCRIPTS}/notes.doc", "hidden, or not a .txt file"),
    )


@pytest.mark.parametrize(
    "place", ["CMU_MOSEI_Labels.csd", "Raw/CMU_MOSEI_Labels.csd", "Raw/Labels/CMU_MOSEI_Labels.csd"]
)
def test_the_folder_above_raw_will_do(tmp_path: Path, place: str) -> None:
    write(tmp_path / "Raw", {VIDEO: [line(VIDEO, 0, 4.84, 13.71)]})
    (tmp_path / place).parent.mkdir(exist_ok=True)
    label(tmp_path / place, {VIDEO: [RATED]}, order=None)
    assert len(read_mosei(tmp_path).corpus) == 1


def test_scores_in_another_order_are_refused(tmp_path: Path) -> None:
    write(tmp_path, {VIDEO: [line(VIDEO, 0, 4.84, 13.71)]})
    label(tmp_path / "CMU_MOSEI_Labels.csd", {VIDEO: [RATED]}, order=("anger", *ORDER[:3], *ORDER[4:]))
    with pytest.raises(CorpusError, match=r"its scores are anger, sentiment, .*, not sentiment, happy"):
        read_mosei(tmp_path)


def test_labels_of_another_width_are_refused(tmp_path: Path) -> None:
    write(tmp_path, {VIDEO: [line(VIDEO, 0, 4.84, 13.71)]})
    label(tmp_path / "CMU_MOSEI_Labels.csd", {VIDEO: [(4.84, 13.71, (1.0,))]})
    with pytest.raises(CorpusError, match=f"{VIDEO} has 1 scores, not 7"):
        read_mosei(tmp_path)


@pytest.mark.parametrize("content", [b"", b"<html>"])
def test_a_broken_label_file_is_refused(tmp_path: Path, content: bytes) -> None:
    pytest.importorskip("h5py")
    write(tmp_path, {VIDEO: [line(VIDEO, 0, 4.84, 13.71)]})
    (tmp_path / "CMU_MOSEI_Labels.csd").write_bytes(content)
    with pytest.raises(CorpusError, match=r"is not the label file of CMU-MOSEI .*; download it again"):
        read_mosei(tmp_path)


def test_another_computational_sequence_is_refused(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    write(tmp_path, {VIDEO: [line(VIDEO, 0, 4.84, 13.71)]})
    with h5py.File(tmp_path / "CMU_MOSEI_Labels.csd", "w") as file:
        file.create_group("words")
    with pytest.raises(CorpusError, match="is not the label file of CMU-MOSEI"):
        read_mosei(tmp_path)


def test_without_h5py_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {VIDEO: [line(VIDEO, 0, 4.84, 13.71)]})
    (tmp_path / "CMU_MOSEI_Labels.csd").touch()
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(MissingExtraError, match=r"the labels of CMU-MOSEI needs .*emofuse\[corpora\]"):
        read_mosei(tmp_path)


def test_a_release_without_its_parts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=rf"holds no {AUDIO}/\*\.wav; give the folder of the raw release"):
        read_mosei(tmp_path)
    (tmp_path / AUDIO).mkdir(parents=True)
    (tmp_path / AUDIO / f"{VIDEO}.wav").touch()
    with pytest.raises(CorpusError, match=rf"holds no {TRANSCRIPTS}/\*\.txt"):
        read_mosei(tmp_path)
    (tmp_path / TRANSCRIPTS).mkdir(parents=True)
    (tmp_path / TRANSCRIPTS / f"{VIDEO}.txt").touch()
    with pytest.raises(CorpusError, match=r"holds no CMU_MOSEI_Labels\.csd; download it"):
        read_mosei(tmp_path)


def test_a_release_in_which_nothing_fits_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no labelled segment has its recording and its words"):
        read_mosei(tree(tmp_path, [line(VIDEO, 0, 1.0, 2.0)], [RATED]))


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no such folder"):
        read_mosei(tmp_path / "nowhere")
