"""`emofuse export` as its users meet it."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
from command_line import call
from exports import exported_folder, model_folder

from emofuse import layout


@pytest.fixture(scope="module")
def model() -> Path:
    return model_folder()


@pytest.fixture(autouse=True)
def ready(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the graph be one that is there already: writing one takes seconds."""
    graph = exported_folder() / layout.GRAPH

    def write(_: object, __: object, path: Path) -> None:
        shutil.copyfile(graph, path)

    monkeypatch.setattr("emofuse.inference.graphs.write_graph", write)


def test_export_tells_how_far_it_is_from_torch_and_what_to_do_next(
    capsys: pytest.CaptureFixture[str], model: Path, tmp_path: Path
) -> None:
    code, out, err = call(capsys, "export", model, "--out", tmp_path / "small")
    assert (code, err) == (0, "")
    said = " ".join(out.split())
    assert "float32 compared with torch on 32 utterances: 100.0% have the same label" in said
    for label in ("angry", "happy", "neutral", "sad"):
        assert label in said
    assert "max logit difference on noise of other sizes: 1 x 0.01 s, 1 piece:" in said
    assert "emofuse predict" in said


def test_what_was_exported_predicts(
    capsys: pytest.CaptureFixture[str], model: Path, manifest: Path, tmp_path: Path
) -> None:
    assert call(capsys, "export", model, "--out", tmp_path / "small")[0] == 0
    rows = []
    for folder in (tmp_path / "small", model):
        code, out, err = call(capsys, "predict", folder, manifest, "--format", "jsonl")
        assert (code, err) == (0, "")
        rows.append([json.loads(line) for line in out.splitlines()])
    assert len(rows[0]) == 24
    for said, wanted in zip(*rows, strict=True):
        assert said.keys() == wanted.keys()
        assert said["label"] == wanted["label"]
        assert said["probabilities"] == pytest.approx(wanted["probabilities"], abs=1e-4)


def test_int8_is_reported_beside_float32(
    capsys: pytest.CaptureFixture[str], model: Path, manifest: Path, tmp_path: Path
) -> None:
    options = ("--out", tmp_path / "small", "--int8", "--sample", manifest)
    code, out, err = call(capsys, "export", model, *options)
    assert (code, err) == (0, "")
    assert "float32 compared with torch" in out
    assert "int8 compared with torch" in out


def test_json_is_one_document_and_the_one_that_was_recorded(
    capsys: pytest.CaptureFixture[str], model: Path, tmp_path: Path
) -> None:
    code, out, err = call(capsys, "export", model, "--out", tmp_path / "small", "--int8", "--json")
    assert (code, err) == (0, "")
    measured = json.loads(out)
    assert set(measured) == {"float32", "int8"}
    assert json.loads((tmp_path / "small" / layout.EXPORT).read_text())["parity"] == measured


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("no model", "nowhere"),
        ("an export", "is an exported model, without weights for torch"),
        ("a full place", "holds something that is not an export"),
        ("no sample", "gone.jsonl"),
        ("an empty sample", "empty.jsonl"),
        ("no place", "--out"),
    ],
)
def test_what_cannot_be_exported_gets_one_line_and_exit_code_2(
    what: str, said: str, capsys: pytest.CaptureFixture[str], model: Path, tmp_path: Path
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter").touch()
    (tmp_path / "empty.jsonl").touch()
    out = ("--out", tmp_path / "small")
    arguments = {
        "no model": (tmp_path / "nowhere", *out),
        "an export": (exported_folder(), *out),
        "a full place": (model, "--out", tmp_path / "full"),
        "no sample": (model, *out, "--sample", tmp_path / "gone.jsonl"),
        "an empty sample": (model, *out, "--sample", tmp_path / "empty.jsonl"),
        "no place": (model,),
    }
    before = sorted(tmp_path.rglob("*"))
    code, printed, err = call(capsys, "export", *arguments[what])
    assert (code, printed) == (2, "")
    assert len(err.splitlines()) == 1, err
    assert err.startswith("error: ")
    assert said in err
    assert sorted(tmp_path.rglob("*")) == before


def test_without_what_writes_graphs_the_extra_is_named(
    capsys: pytest.CaptureFixture[str], model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # the graph is to be written
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    code, _, err = call(capsys, "export", model, "--out", tmp_path / "small")
    assert code == 2
    assert err == 'error: writing a graph needs an optional part: pip install "emofuse[export]"\n'
    assert not list(tmp_path.iterdir())
