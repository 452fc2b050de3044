"""Workbooks: the columns of CSV, numbers as numbers, text as text whatever it begins with, in Excel's bounds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import call
from workbook_reader import sheets_of

from emofuse.cli.predict import workbooks
from emofuse.cli.predict.formats import COLUMNS
from emofuse.cli.predict.workbooks import save_predictions, save_timeline
from emofuse.errors import RunError
from emofuse.types import ExcludedSpan, Prediction, Segment, Timeline, Utterance

LABELS = ("angry", "sad")
FORMULA = '=HYPERLINK("http://evil", "x")'


def prediction(identity: str = "a", text: str = "no") -> Prediction:
    utterance = Utterance(identity, text=text, speaker="+Ann")
    return Prediction.of(utterance, {"angry": 0.25, "sad": 0.75}, ("text",))


def test_a_row_has_the_columns_of_csv_and_text_is_no_formula(tmp_path: Path) -> None:
    path = tmp_path / "predictions.xlsx"
    silent = Prediction.without_speech(Utterance("b", text="-1"))
    save_predictions([prediction(FORMULA, "bell \a and cr \r"), silent], LABELS, path)
    assert list(tmp_path.iterdir()) == [path]
    ((name, (header, first, second)),) = sheets_of(path).items()
    assert (name, header) == ("predictions", [*COLUMNS, "p_angry", "p_sad"])
    row = dict(zip(map(str, header), first, strict=True))
    assert (row["id"], row["text"], row["speaker"]) == (FORMULA, "bell \a and cr \r", "+Ann")
    assert (row["confidence"], row["p_angry"], row["abstained"], row["speech"]) == (0.75, 0.25, False, True)
    assert dict(zip(map(str, header), second, strict=False))["speech"] is False


def test_a_timeline_has_segments_what_was_not_analysed_and_the_whole(tmp_path: Path) -> None:
    segments = (Segment(0.0, 1.5, "sad", {"angry": 0.2, "sad": 0.8}, 0.8, speaker=FORMULA),)
    timeline = Timeline("call", "call.wav", 9.0, LABELS, segments, (ExcludedSpan(2.0, 3.0, "a tone"),))
    save_timeline(timeline, tmp_path / "call.xlsx")
    sheets = sheets_of(tmp_path / "call.xlsx")
    header, row = sheets["segments"]
    values = dict(zip(map(str, header), row, strict=True))
    assert (values["start"], values["end"], values["speaker"], values["p_sad"]) == (0.0, 1.5, FORMULA, 0.8)
    assert sheets["not analysed"] == [["start", "end", "reason"], [2.0, 3.0, "a tone"]]
    facts = dict(row for row in sheets["recording"] if len(row) == 2)
    assert (facts["label"], facts["seconds"]) == ("sad", 9.0)


def test_the_same_predictions_make_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.xlsx", "b.xlsx"):
        save_predictions([prediction()], LABELS, tmp_path / name)
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()


def test_bounds_of_excel_are_named_or_marked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_predictions([prediction(text="x" * 40_000)], LABELS, tmp_path / "long.xlsx")
    text = sheets_of(tmp_path / "long.xlsx")["predictions"][1][COLUMNS.index("text")]
    assert isinstance(text, str)
    assert (len(text), text[-6:]) == (32_767, " [...]")
    monkeypatch.setattr(workbooks, "MOST_ROWS", 3)
    with pytest.raises(RunError, match=r"/many\.xlsx: a sheet holds 3 rows; choose another --format, such as csv"):
        save_predictions([prediction(str(n)) for n in range(3)], LABELS, tmp_path / "many.xlsx")
    assert [path.name for path in tmp_path.iterdir()] == ["long.xlsx"]


def test_an_interrupt_leaves_no_temporary_file(tmp_path: Path) -> None:
    def interrupted() -> Iterator[Prediction]:
        yield prediction()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        save_predictions(interrupted(), LABELS, tmp_path / "a.xlsx")
    assert list(tmp_path.iterdir()) == []


def test_predict_writes_workbooks_into_a_folder_only(
    capsys: pytest.CaptureFixture[str], model: Path, wavs: Path, tmp_path: Path
) -> None:
    code, out, err = call(capsys, "predict", model, wavs, "--format", "xlsx")
    assert (code, out, err) == (2, "", "error: --format xlsx: cannot be written to stdout; add --out\n")
    arguments = ("predict", model, wavs, "--format", "xlsx", "--out")
    assert call(capsys, *arguments, tmp_path / "all")[0] == 0
    assert [row[0] for row in sheets_of(tmp_path / "all" / "predictions.xlsx")["predictions"]] == [
        "id",
        "high",
        "low",
    ]
    assert call(capsys, *arguments, tmp_path / "each", "--each")[0] == 0
    assert sheets_of(tmp_path / "each" / "low.xlsx")["predictions"][1][0] == "low"
    assert call(capsys, *arguments, tmp_path / "lines", "--timeline", "--any-sound")[0] == 0
    assert sheets_of(tmp_path / "lines" / "low.xlsx")["segments"][1][0] == "low"
