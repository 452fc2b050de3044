from __future__ import annotations

import io
import sys
import tracemalloc
import wave
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from emofuse.data.corpora.hub_dataset import read_hf
from emofuse.data.manifest import load_corpus, save_corpus
from emofuse.errors import CorpusError, MissingExtraError, RunError
from emofuse.types import Skip, Utterance

datasets = pytest.importorskip("datasets")


def sound(value: int, frames: int = 80) -> bytes:
    """Return the bytes of a WAV file."""
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes([value, 0]) * frames)
    return stream.getvalue()


def packed(*entries: tuple[str | None, bytes] | None, audio: str = "audio", **columns: list[Any]) -> Any:
    """Make a dataset of packed recordings, each with its path and its bytes, without an encoder of audio."""
    values = [None if entry is None else {"path": entry[0], "bytes": entry[1]} for entry in entries]
    storage = {"path": datasets.Value("string"), "bytes": datasets.Value("binary")}
    dataset = datasets.Dataset.from_dict({audio: values}, features=datasets.Features({audio: storage}))
    dataset = dataset.cast_column(audio, datasets.Audio())
    for name, column in columns.items():
        dataset = dataset.add_column(name, column)
    return dataset


def saved(dataset: Any, folder: Path) -> Path:
    dataset.save_to_disk(str(folder / "made"))
    return folder / "made"


def texts(**columns: list[Any]) -> Any:
    return datasets.Dataset.from_dict(columns)


def test_a_row_tells_all_and_other_columns_are_tags(tmp_path: Path) -> None:
    columns = {
        "id": ["u1"], "start": [0.5], "end": [2], "Text": [" Yes. "], "text_source": ["asr:x"], "emotion": ["joy"],
        "speaker": [7], "session": ["1"], "gender": ["F"], "dialogue": ["d1"], "language": ["en"],
        "split": ["dev"], "age": [31], "score": [0.5], "checked": [True], "mood": ["fine"],
    }  # fmt: skip
    prepared = read_hf(saved(packed(("a.wav", sound(1)), **columns), tmp_path), audio_root=tmp_path / "sounds")
    (path,) = (tmp_path / "sounds").iterdir()
    assert path.read_bytes() == sound(1)
    assert prepared.corpus.utterances == (
        Utterance(
            id="u1",
            audio=path,
            start=0.5,
            end=2.0,
            text="Yes.",
            text_source="asr:x",
            label="joy",
            speaker="7",
            session="1",
            gender="F",
            dialogue="d1",
            language="en",
            split="validation",
            tags={"age": "31", "score": "0.5", "checked": "True", "mood": "fine"},
        ),
    )
    assert prepared.corpus.name == "made"
    assert prepared.skipped == ()


def test_class_numbers_become_their_names_and_a_missing_class_is_none(tmp_path: Path) -> None:
    names = datasets.ClassLabel(names=["sad", "happy"])
    dataset = texts(text=["a", "b", "c"], label=[1, 0, -1], mood=[0, 1, None])
    dataset = dataset.cast_column("label", names).cast_column("mood", names)
    corpus = read_hf(saved(dataset, tmp_path)).corpus
    assert [u.label for u in corpus] == ["happy", "sad", None]
    assert [u.tags for u in corpus] == [{"mood": "sad"}, {"mood": "happy"}, {}]


def test_class_numbers_without_names_stay_numbers(tmp_path: Path) -> None:
    corpus = read_hf(saved(texts(text=["a", "b"], label=[1, 0]), tmp_path)).corpus
    assert [u.label for u in corpus] == ["1", "0"]


def test_the_splits_of_a_dict_are_splits_and_begin_the_ids(tmp_path: Path) -> None:
    parts = {
        name: texts(id=[0, 1], text=["a", "b"]) for name in ("train", "dev", "valid", "validation", "test", "x")
    }
    prepared = read_hf(saved(datasets.DatasetDict(parts), tmp_path))
    assert Counter(u.split for u in prepared.corpus) == {"train": 2, "validation": 6, "test": 2, "x": 2}
    assert [u.id for u in prepared.corpus][:3] == ["train/0", "train/1", "dev/0"]


def test_a_dataset_without_splits_has_none(tmp_path: Path) -> None:
    (utterance,) = read_hf(saved(texts(text=["a"]), tmp_path)).corpus
    assert (utterance.split, utterance.id) == (None, "row#0")


def test_an_id_is_made_from_the_recording_and_the_row_where_that_repeats(tmp_path: Path) -> None:
    dataset = packed(("x/a.b.wav", sound(1)), ("y/a.b.wav", sound(2)), (None, sound(3)))
    corpus = read_hf(saved(dataset, tmp_path), audio_root=tmp_path / "sounds").corpus
    assert [u.id for u in corpus] == ["a.b", "a.b#1", "row#2"]


def test_an_id_that_is_given_twice_is_refused_with_its_row(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"made\[1\]: the id 'u' occurs twice; name another by --column id="):
        read_hf(saved(texts(id=["u", "u"], text=["a", "b"]), tmp_path))


def test_a_recording_on_disk_is_used_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(sound(1))
    folder = saved(texts(audio=[str(path)], text=["yes"]), tmp_path)
    (utterance,) = read_hf(folder).corpus
    assert (utterance.audio, utterance.id) == (path, "a")


def test_a_relative_path_starts_at_the_root(tmp_path: Path) -> None:
    (tmp_path / "sounds").mkdir()
    (tmp_path / "sounds/a.wav").write_bytes(sound(1))
    (utterance,) = read_hf(saved(texts(path=["a.wav"]), tmp_path), audio_root=tmp_path / "sounds").corpus
    assert utterance.audio == tmp_path / "sounds/a.wav"


def test_a_file_of_the_same_name_nearby_does_not_stand_in_for_a_packed_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.wav").write_bytes(b"another")
    folder = saved(packed(("a.wav", sound(1))), tmp_path)
    monkeypatch.chdir(tmp_path)
    (utterance,) = read_hf(folder, audio_root=tmp_path).corpus
    assert utterance.audio is not None
    assert utterance.audio.read_bytes() == sound(1)


def test_a_recording_goes_before_a_path_to_it(tmp_path: Path) -> None:
    dataset = packed(("a.wav", sound(1)), audio="speech", path=["lost/a.wav"])
    (utterance,) = read_hf(saved(dataset, tmp_path), audio_root=tmp_path / "sounds").corpus
    assert utterance.audio is not None
    assert utterance.audio.parent == tmp_path / "sounds"
    assert utterance.tags == {"path": "lost/a.wav"}


@pytest.mark.parametrize(
    ("name", "content", "extension"),
    [
        ("a.wav", sound(1), ".wav"),
        ("A.FLAC", b"fLaC...", ".flac"),
        ("a.strange", b"fLaC...", ".flac"),
        ("a", sound(1), ".wav"),
        (None, sound(1), ".wav"),
        (None, b"fLaC...", ".flac"),
        (None, b"OggS...", ".ogg"),
        (None, b"ID3....", ".mp3"),
        (None, b"\xff\xfb....", ".mp3"),
        (None, b"FORM1234AIFF", ".aiff"),
        (None, b"1234ftypM4A ", ".m4a"),
    ],
)
def test_the_extension_is_that_of_the_path_or_of_the_format(
    tmp_path: Path, name: str | None, content: bytes, extension: str
) -> None:
    (utterance,) = read_hf(saved(packed((name, content)), tmp_path), audio_root=tmp_path / "sounds").corpus
    assert utterance.audio is not None
    assert (utterance.audio.suffix, utterance.audio.read_bytes()) == (extension, content)


def test_no_name_in_a_dataset_leads_out_of_the_root(tmp_path: Path) -> None:
    folder = saved(packed(("../../evil.wav", sound(1)), ("b.w/../../x", sound(2))), tmp_path)
    corpus = read_hf(folder, audio_root=tmp_path / "deep" / "sounds").corpus
    assert {u.audio.parent for u in corpus if u.audio} == {tmp_path / "deep" / "sounds"}


def test_what_is_there_is_not_written_again_and_what_is_damaged_is(tmp_path: Path) -> None:
    folder, root = (
        saved(packed(("a.wav", sound(1)), ("b.wav", sound(2)), ("c.wav", sound(1))), tmp_path),
        tmp_path / "s",
    )
    first, second, third = (u.audio for u in read_hf(folder, audio_root=root).corpus)
    assert first is not None
    assert second is not None
    assert first == third
    before = first.stat().st_mtime_ns, first.stat().st_ino
    second.write_bytes(b"cut short")
    read_hf(folder, audio_root=root)
    assert (first.stat().st_mtime_ns, first.stat().st_ino) == before
    assert second.read_bytes() == sound(2)
    assert sorted(root.iterdir()) == sorted([first, second])


def test_packed_recordings_need_a_root(tmp_path: Path) -> None:
    with pytest.raises(
        CorpusError, match=r"made: recordings are packed .*; --root DIR says where to put the recordings"
    ):
        read_hf(saved(packed(("a.wav", sound(1))), tmp_path))


def test_a_root_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match=r"cannot be written .*; choose another place"):
        read_hf(saved(packed(("a.wav", sound(1))), tmp_path), audio_root=tmp_path / "file")


def test_what_cannot_be_put_into_place_leaves_nothing_behind(tmp_path: Path) -> None:
    folder, root = saved(packed(("a.wav", sound(1))), tmp_path), tmp_path / "sounds"
    (utterance,) = read_hf(folder, audio_root=root).corpus
    assert utterance.audio is not None
    utterance.audio.unlink()
    (utterance.audio / "in the way").mkdir(parents=True)
    with pytest.raises(RunError, match="cannot be written"):
        read_hf(folder, audio_root=root)
    assert list(root.iterdir()) == [utterance.audio]


def test_rows_that_cannot_be_used_are_skipped_each_with_its_place_and_reason(tmp_path: Path) -> None:
    dataset = packed(
        ("a.wav", sound(1)), ("b.wav", b""), (None, b"nothing known"), None, None, ("f.wav", sound(2)),
        text=["yes", "no", None, "well", "  ", "late"], start=[None, None, None, float("nan"), None, -1.0],
    )  # fmt: skip
    folder = saved(dataset, tmp_path)
    prepared = read_hf(folder, audio_root=tmp_path / "sounds")
    assert [(u.id, u.text) for u in prepared.corpus] == [("a", "yes"), ("row#3", "well")]
    assert prepared.skipped == (
        Skip(f"{folder}[1]", "the packed recording is empty"),
        Skip(f"{folder}[2]", "the packed recording has no name, and its format is unknown"),
        Skip(f"{folder}[4]", "the row has neither audio nor text"),
        Skip(f"{folder}[5]", "utterance 'f' has no valid span: start -1.0, end None"),
    )


def test_the_place_of_a_row_names_its_split(tmp_path: Path) -> None:
    parts = datasets.DatasetDict(train=texts(text=["a"]), test=texts(text=["b", None]))
    folder = saved(parts, tmp_path)
    assert [skip.id for skip in read_hf(folder).skipped] == [f"{folder}['test'][1]"]


@pytest.mark.parametrize("path", ["nowhere.wav", "/nowhere/a.wav", "hf://datasets/a/b.wav"])
def test_a_path_to_nothing_is_skipped(tmp_path: Path, path: str) -> None:
    prepared = read_hf(saved(texts(path=["", path], text=["yes", "no"]), tmp_path))
    assert [u.text for u in prepared.corpus] == ["yes"]
    assert [skip.reason.split(":")[0] for skip in prepared.skipped] == ["no such file"]


def test_a_start_that_is_no_number_is_skipped(tmp_path: Path) -> None:
    prepared = read_hf(saved(texts(text=["a", "b"], start=["1", "0:01"]), tmp_path))
    assert [u.start for u in prepared.corpus] == [1.0]
    assert "'0:01'" in prepared.skipped[0].reason


def test_columns_of_neither_words_nor_numbers_are_skipped_once(tmp_path: Path) -> None:
    dataset = packed(
        ("a.wav", sound(1)),
        ("b.wav", sound(2)),
        vector=[[0.1, 0.2], [0.3, 0.4]],
        raw=[b"x", b"y"],
        text=["a", "b"],
    )
    folder = saved(dataset, tmp_path)
    prepared = read_hf(folder, audio_root=tmp_path / "sounds")
    assert [u.tags for u in prepared.corpus] == [{}, {}]
    assert [skip.id for skip in prepared.skipped] == [f"{folder}.vector", f"{folder}.raw"]


def test_a_list_of_labels_is_no_label(tmp_path: Path) -> None:
    prepared = read_hf(saved(texts(text=["a"], label=[["sad", "angry"]]), tmp_path))
    assert [u.label for u in prepared.corpus] == [None]
    assert len(prepared.skipped) == 1


def test_a_column_that_is_named_goes_before_the_usual_one(tmp_path: Path) -> None:
    dataset = texts(text=["yes"], label=["elated"], coarse=["happy"])
    (utterance,) = read_hf(saved(dataset, tmp_path), {"label": "coarse"}).corpus
    assert (utterance.label, utterance.tags) == ("happy", {"label": "elated"})


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"labell": "mood"}, "--column labell: is no field of an utterance; fields are id, audio, "),
        ({"label": "mood"}, r"made: no column 'mood' can be the label; choose of text, emotion"),
        ({"text": "vector"}, r"made: no column 'vector' can be the text; choose of text, emotion"),
    ],
)
def test_a_choice_of_column_that_does_not_fit_is_refused(
    tmp_path: Path, columns: dict[str, str], reason: str
) -> None:
    with pytest.raises(CorpusError, match=reason):
        read_hf(saved(texts(text=["yes"], emotion=["happy"], vector=[[1.0]]), tmp_path), columns)


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"foo": ["a"]}, "no column is Audio, or called path or audio .*; name them with --column audio="),
        ({"text": [""]}, r"no row can be used; the first that is skipped: .*made\[0\], the row has neither"),
        ({"text": []}, "datasets cannot load it"),
    ],
)
def test_what_holds_no_utterance_is_refused(tmp_path: Path, columns: dict[str, list[str]], reason: str) -> None:
    with pytest.raises(CorpusError, match=reason):
        read_hf(saved(texts(**columns), tmp_path))


def test_a_name_on_the_hub_that_cannot_be_reached_is_refused_in_one_sentence() -> None:
    with pytest.raises(CorpusError, match=r"nobody/nothing: datasets cannot load it .*; give a folder") as caught:
        read_hf(Path("nobody/nothing"))
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_no_dataset_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.doc").touch()
    with pytest.raises(CorpusError, match=r"datasets cannot load it .*; give a folder that save_to_disk wrote"):
        read_hf(tmp_path)


def test_a_dataset_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    folder = saved(texts(text=["a"]), tmp_path)
    (arrow,) = folder.glob("*.arrow")
    arrow.write_bytes(arrow.read_bytes()[:10])
    with pytest.raises(CorpusError, match="datasets cannot load it"):
        read_hf(folder)


def test_a_folder_of_parquet_files_is_read_as_from_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    (tmp_path / "clone").mkdir()
    texts(text=["a"], label=["sad"]).to_parquet(tmp_path / "clone/train-0.parquet")
    (utterance,) = read_hf(tmp_path / "clone").corpus
    assert (utterance.label, utterance.split) == ("sad", "train")


def test_memory_does_not_grow_with_the_recordings(tmp_path: Path) -> None:
    frames = 200_000
    folder = saved(packed(*((f"{n}.wav", sound(n, frames)) for n in range(60))), tmp_path)
    tracemalloc.start()
    try:
        assert len(read_hf(folder, audio_root=tmp_path / "sounds").corpus) == 60
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 60 * 2 * frames / 2


def test_no_library_of_audio_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = saved(packed(("a.wav", sound(1))), tmp_path)
    for name in ("torchcodec", "torchaudio"):
        monkeypatch.setitem(sys.modules, name, None)
    assert len(read_hf(folder, audio_root=tmp_path / "sounds").corpus) == 1


def test_what_is_read_becomes_a_manifest_that_is_read_back_equal(tmp_path: Path) -> None:
    folder = saved(packed(("a.wav", sound(1)), label=["sad"]), tmp_path)
    corpus = read_hf(folder, audio_root=tmp_path / "sounds").corpus
    save_corpus(corpus, tmp_path / "made.jsonl")
    assert load_corpus(tmp_path / "made.jsonl") == corpus


def test_without_the_library_the_command_to_install_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingExtraError, match=r'needs an optional part: pip install "emofuse\[corpora\]"'):
        read_hf(tmp_path)
