"""An export stands whole in its place with what was measured of it, or there is nothing of it."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from exports import CARD, exported_folder, model_folder, network, small_exported_folder, take_graph, words

import emofuse
from emofuse import Utterance, layout, load
from emofuse.data.preparation import AudioPreparation, Batch, Outputs, Preparation
from emofuse.errors import AudioError, CheckpointError, CorpusError, EmofuseError, ModalityError, RunError
from emofuse.inference.export import COPIED, export
from emofuse.inference.exported_folder import FORMAT, Exported
from emofuse.inference.onnx_runtime import OnnxRuntime
from emofuse.inference.parity import on_shapes
from emofuse.inference.runtime import Traits
from emofuse.model.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from emofuse.model.encoders.small_encoders import WordCNNConfig
from emofuse.types import Corpus, Prediction, Task

FILES = {
    layout.GRAPH,
    layout.EXPORT,
    layout.PREPARATION,
    layout.TOKENIZER,
    layout.CALIBRATION,
    layout.EVALUATION,
    layout.RELATIVE,
    layout.CARD,
}


@pytest.fixture(scope="module")
def model() -> Path:
    return model_folder()


@pytest.fixture
def ready(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the graph be one that is there already: writing one takes seconds."""
    take_graph(exported_folder(), monkeypatch)


@pytest.fixture(scope="module")
def small() -> Path:
    """Return an export in int8."""
    return small_exported_folder()


@pytest.fixture(params=["float32", "int8"])
def either(request: pytest.FixtureRequest, small: Path) -> Path:
    return small if request.param == "int8" else exported_folder()


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def refusal(call: Callable[[], object], kind: type[EmofuseError]) -> str:
    """Return what is said, one sentence on one line that can be printed after "error:"."""
    with pytest.raises(kind) as refused:
        call()
    assert type(refused.value) is kind
    said = str(refused.value)
    assert "\n" not in said
    assert "None" not in said
    return said


def test_an_exported_folder_holds_these_files(either: Path) -> None:
    assert names(either) == FILES
    assert not [path.name for path in either.parent.iterdir() if path.name.startswith(".exported")]


def test_the_record_says_what_was_exported_and_measured(either: Path, small: Path, model: Path) -> None:
    record, int8 = Exported.load(either), either == small
    network = load_checkpoint(model).model
    assert record.task == network.config.task
    assert record.modalities == ("audio", "text")
    assert record.missing_modalities
    assert record.precision == ("int8" if int8 else "float32")
    assert record.source == {"name": model.parent.name, "parameters": sum(p.numel() for p in network.parameters())}
    assert set(record.versions) == {"emofuse", "torch", "onnx", "onnxruntime"}
    assert record.versions["emofuse"] == emofuse.__version__
    assert record.format == FORMAT
    assert set(record.parity) == ({"float32", "int8"} if int8 else {"float32"})
    measured = record.parity["float32"]
    assert max(shape["largest"] for shape in measured["shapes"]) <= 1e-4
    assert len({(shape["batch"], shape["seconds"], shape["pieces"]) for shape in measured["shapes"]}) >= 4
    assert max(shape["batch"] for shape in measured["shapes"]) > 1
    sample = measured["sample"]
    assert sample["n"] == 32
    assert tuple(sample["labels"]) == record.task.labels
    assert sum(label["n"] for label in sample["labels"].values()) == 32
    assert max(label["logit"] for label in sample["labels"].values()) <= 1e-4
    assert sample["label_agreement"] == 1.0


def test_the_record_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    record = Exported.load(exported_folder())
    record.save(tmp_path)
    assert Exported.load(tmp_path) == record


def test_the_folder_names_no_place_on_this_machine(either: Path, model: Path) -> None:
    places = [str(model), str(either), str(Path(emofuse.__file__).parent), str(Path.home())]
    for path in either.iterdir():
        content = path.read_bytes()
        for place in places:
            assert place.encode() not in content, path.name


def test_the_card_is_the_models_own_and_what_the_export_is() -> None:
    card = (exported_folder() / layout.CARD).read_text()
    assert card.startswith(CARD)
    assert "ONNX graph in float32" in card
    assert f"from `{Exported.load(exported_folder()).source['name']}`" in card
    assert "int8" not in card


def test_how_often_int8_gives_the_same_label_stands_in_the_record_and_on_the_card(
    small: Path, corpus: Corpus
) -> None:
    said = Exported.load(small).parity["int8"]["sample"]
    assert said["n"] == 32
    assert 0.9 < said["label_agreement"] <= 1.0
    card = (small / layout.CARD).read_text()
    assert f"{said['label_agreement']:.1%} of those utterances the same label" in card
    whole, coarse = load(exported_folder()), load(small)
    pairs = list(zip(whole.predict_many(corpus), coarse.predict_many(corpus), strict=True))
    apart = [abs(a.probabilities[a.label] - b.probabilities[a.label]) for a, b in pairs]  # type: ignore[union-attr]
    assert 0.0 < max(apart) < 0.1  # another graph, and yet near


def test_what_is_measured_is_returned_and_recorded(
    ready: None, model: Path, manifest: Path, tmp_path: Path
) -> None:
    measured = export(model, tmp_path / "out", int8=True, sample=manifest)
    assert Exported.load(tmp_path / "out").parity == measured
    assert 1 <= measured["float32"]["sample"]["n"] <= 24


def test_a_run_folder_stands_for_the_model_in_it(ready: None, model: Path, tmp_path: Path) -> None:
    export(model.parent, tmp_path / "out")
    assert Exported.load(tmp_path / "out").source["name"] == model.parent.name


def test_probabilities_are_those_of_torch_under_the_models_own_temperatures(
    model: Path, corpus: Corpus, tmp_path: Path
) -> None:
    assert (exported_folder() / layout.CALIBRATION).read_bytes() == (model / layout.CALIBRATION).read_bytes()
    shutil.copytree(exported_folder(), tmp_path / "cold")
    (tmp_path / "cold" / layout.CALIBRATION).unlink()
    ours, theirs, cold = load(exported_folder()), load(model, device="cpu"), load(tmp_path / "cold")
    wanted = ("audio+text", "audio", "text")
    asked = [corpus.utterances[1], replace(corpus.utterances[2], text=None), Utterance("t", text="so furious")]
    for pattern, utterance in zip(wanted, asked, strict=True):
        said, expected, uncalibrated = (next(r.predict_many([utterance])) for r in (ours, theirs, cold))
        assert isinstance(said, Prediction)
        assert "+".join(said.modalities) == pattern
        assert said.probabilities == pytest.approx(expected.probabilities, abs=1e-4)  # type: ignore[union-attr]
        assert said.probabilities != pytest.approx(uncalibrated.probabilities, abs=1e-2)  # type: ignore[union-attr]


@pytest.mark.parametrize("what", ["a model folder", "a file in a folder", "a file"])
def test_a_place_that_holds_something_else_is_left_alone(
    what: str, ready: None, model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    if what == "a file":
        out.write_text("mine")
    elif what == "a file in a folder":
        out.mkdir()
        (out / "letter").write_text("mine")
    else:
        shutil.copytree(model, out)
    before = names(tmp_path)
    assert "holds something that is not an export" in refusal(lambda: export(model, out), RunError)
    assert names(tmp_path) == before


def test_a_model_folder_is_not_replaced_by_its_own_export(ready: None, model: Path) -> None:
    before = names(model)
    assert "choose another folder" in refusal(lambda: export(model, model), RunError)
    assert names(model) == before


@pytest.mark.parametrize("what", ["a model", "letters"])
def test_a_folder_with_a_file_of_the_same_name_is_left_alone(
    what: str, ready: None, model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    if what == "a model":
        shutil.copytree(model, out, dirs_exist_ok=True)
    (out / layout.EXPORT).write_text('{"of": "another program"}')
    (out / "letter").write_text("mine")
    before = names(out)
    with contextlib.suppress(RunError):
        export(model, out)
    assert names(out) == before


def test_a_model_is_not_deleted_with_an_older_export_around_it(ready: None, model: Path, tmp_path: Path) -> None:
    shutil.copytree(exported_folder(), tmp_path / "out")
    shutil.copytree(model, tmp_path / "out" / "mine")
    with contextlib.suppress(RunError):
        export(tmp_path / "out" / "mine", tmp_path / "out")
    assert (tmp_path / "out" / "mine" / layout.WEIGHTS).is_file()


def test_an_export_replaces_an_older_one(ready: None, model: Path, small: Path, tmp_path: Path) -> None:
    shutil.copytree(small, tmp_path / "out")
    export(model, tmp_path / "out")
    assert Exported.load(tmp_path / "out").precision == "float32"
    assert names(tmp_path / "out") == FILES
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("out", ["out", "deep/below/out", "out/", "./out", "empty", "with space/ö"])
def test_out_may_be_written_in_many_ways(
    out: str, ready: None, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    export(os.path.relpath(model), out)
    assert names(tmp_path / out) == FILES
    assert load(out).predict(text="so furious").model == Path(out).name


def test_out_may_be_the_empty_folder_that_one_stands_in(
    ready: None, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        export(model, ".")
    except RunError as error:
        assert "choose another folder" in str(error)  # noqa: PT017  # either will do
    else:
        assert names(tmp_path) == FILES


def test_what_is_exported_is_not_exported_again(tmp_path: Path) -> None:
    said = refusal(lambda: export(exported_folder(), tmp_path / "out"), CheckpointError)
    assert "is an exported model, without weights for torch" in said
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_no_model_is_named(tmp_path: Path) -> None:
    assert "nowhere" in refusal(lambda: export(tmp_path / "nowhere", tmp_path / "out"), CheckpointError)
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_named(ready: None, model: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said = refusal(lambda: export(model, tmp_path / "file" / "out"), RunError)
    assert "cannot be written" in said


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (KeyboardInterrupt(), KeyboardInterrupt),
        (RuntimeError("out of memory"), RuntimeError),
        (OSError(28, "No space left on device"), RunError),
    ],
    ids=["interrupted", "failed", "full"],
)
@pytest.mark.parametrize("older", [False, True], ids=["fresh", "older"])
def test_what_is_interrupted_leaves_nothing_new_and_what_was_there(
    raised: BaseException,
    kind: type[BaseException],
    older: bool,
    ready: None,
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "out"
    if older:
        shutil.copytree(exported_folder(), out)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    def quantise(*_: object, **__: object) -> None:
        raise raised

    monkeypatch.setattr("emofuse.inference.quantise.quantise", quantise)
    with pytest.raises(kind):
        export(model, out, int8=True)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert out.exists() == older
    assert [path.name for path in tmp_path.iterdir()] == (["out"] if older else [])


def test_what_a_killed_export_left_behind_is_no_part_of_the_next(ready: None, model: Path, tmp_path: Path) -> None:
    """In a container every process may be number 1."""
    left = tmp_path / f".out.{os.getpid()}.tmp"
    left.mkdir()
    (left / "model.onnx.data").write_bytes(b"half")
    export(model, tmp_path / "out")
    assert names(tmp_path / "out") == FILES


@pytest.mark.parametrize("shift", [3e-4, -3e-4, np.nan, np.inf])
def test_a_graph_that_is_unlike_torch_is_refused_and_nothing_is_written(
    shift: float, ready: None, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = OnnxRuntime.__call__

    def shifted(self: OnnxRuntime, batch: Batch) -> Outputs:
        outputs = own(self, batch)
        logits = outputs.logits.copy()
        logits[-1, 0] += np.float32(shift)
        return outputs._replace(logits=logits)

    monkeypatch.setattr(OnnxRuntime, "__call__", shifted)
    said = refusal(lambda: export(model, tmp_path / "out"), CheckpointError)
    assert "from torch's, more than 1e-04; nothing was written, use the model with torch" in said
    assert not list(tmp_path.iterdir())


class Telling:
    """A runtime that tells one dimension, always the same."""

    padded_seconds = 0.0

    def __init__(self, told: float) -> None:
        self.told = told
        self.traits = Traits("telling", Task(("a", "b"), ("valence",), ((0.0, 1.0),)), ("audio",), False)

    def __call__(self, batch: Batch) -> Outputs:
        labels, dimensions = np.zeros((len(batch), 2)), np.full((len(batch), 1), self.told)
        return Outputs(labels.astype(np.float32), dimensions.astype(np.float32))


@pytest.mark.parametrize(
    "told",
    [0.75, np.nan],
)
def test_dimensions_are_compared_too(told: float) -> None:
    found = on_shapes(Telling(told), Telling(0.5), Preparation(AudioPreparation(), None))
    assert not any(shape.largest <= 1e-4 for shape in found)


def test_a_model_whose_weights_are_no_numbers_is_refused(ready: None, model: Path, tmp_path: Path) -> None:
    shutil.copytree(model, tmp_path / "model")
    checkpoint = load_checkpoint(model)
    with torch.no_grad():
        checkpoint.model.fusion.head.classifier.bias[0] = torch.nan
    save_checkpoint(checkpoint, tmp_path / "model")
    assert "holds what is no number" in refusal(
        lambda: export(tmp_path / "model", tmp_path / "out"), CheckpointError
    )
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a model that only reads: the graph of one is written in no time."""
    folder = tmp_path_factory.mktemp("reader") / "model"
    model = network(None, WordCNNConfig(vocab_size=60, hidden_size=16), width=16, heads=2)
    save_checkpoint(Checkpoint(model, Preparation(None, words())), folder)
    return folder


@pytest.fixture(scope="module")
def beside(reader: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return its export, with its weights beside the graph, as of a large model."""
    out = tmp_path_factory.mktemp("large") / "exported"
    with pytest.MonkeyPatch.context() as patched:
        enlarge(patched)
        export(reader, out)
    return out


def enlarge(patched: pytest.MonkeyPatch) -> None:
    patched.setattr("emofuse.model.onnx_export.LARGEST_FILE", 0)
    patched.setattr("emofuse.inference.graphs.LARGEST_FILE", 0)


@pytest.mark.parametrize("int8", [False, True], ids=["float32", "int8"])
def test_large_weights_stand_beside_the_graph_and_move_with_it(
    int8: bool, reader: Path, beside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    enlarge(monkeypatch)
    take_graph(beside, monkeypatch)
    export(reader, tmp_path / "out", int8=int8)
    weights = layout.GRAPH + ".data"
    assert names(tmp_path / "out") == FILES - set(COPIED) | {weights}
    assert (tmp_path / "out" / weights).stat().st_size > 1000
    (tmp_path / "out").rename(tmp_path / "moved")
    wanted = load(reader, device="cpu").predict(text="so furious")
    said = load(tmp_path / "moved").predict(text="so furious")
    assert said.probabilities == pytest.approx(wanted.probabilities, abs=5e-2 if int8 else 1e-4)
    (tmp_path / "moved" / weights).unlink()
    assert f"{weights}: cannot be read (No such file" in refusal(lambda: load(tmp_path / "moved"), CheckpointError)


def test_weights_are_stored_in_8_bits_where_computing_in_8_bits_changes_more(
    reader: Path, beside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emofuse.inference.graphs.LARGEST_CHANGE", -1.0)  # any change is too large
    monkeypatch.setattr("emofuse.inference.quantise.SMALLEST_TABLE_BYTES", 0)
    enlarge(monkeypatch)
    take_graph(beside, monkeypatch)
    measured = export(reader, tmp_path / "out", int8=True)["int8"]
    assert measured["convolutions"] == "stored"
    assert measured["considered"]["label_agreement"] <= measured["sample"]["label_agreement"]
    wanted = load(reader, device="cpu").predict(text="so furious")
    found = load(tmp_path / "out").predict(text="so furious")
    assert found.probabilities == pytest.approx(wanted.probabilities, abs=5e-2)


def test_a_model_without_calibration_card_and_evaluation_is_exported_without(beside: Path) -> None:
    card = (beside / layout.CARD).read_text()
    assert "ONNX graph in float32" in card
    assert not {layout.CALIBRATION, layout.EVALUATION} & names(beside)
    assert load(beside).predict(text="so furious").modalities == ("text",)
    with pytest.raises(ModalityError, match="the model takes text; give it that"):
        load(beside).predict(audio="unheard.wav")


def test_a_sample_of_which_nothing_can_be_used_is_refused(
    ready: None, model: Path, corpus: Corpus, tmp_path: Path
) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.touch()
    refusal(lambda: export(model, tmp_path / "out", sample=empty), CorpusError)
    silent = Corpus((Utterance("a", text="[LAUGHTER]"), Utterance("b", text=" ")))
    said = refusal(lambda: export(model, tmp_path / "out", sample=silent), CorpusError)
    assert said == "the sample has no utterance that the model can take; name another one"
    gone = Corpus((replace(corpus.utterances[0], audio=tmp_path / "gone.wav"),))
    assert "gone.wav" in refusal(lambda: export(model, tmp_path / "out", sample=gone), AudioError)
    assert [path.name for path in tmp_path.iterdir()] == ["empty.jsonl"]


def test_a_sample_with_modalities_missing_is_compared_as_it_is(
    ready: None, model: Path, corpus: Corpus, tmp_path: Path
) -> None:
    kinds = (corpus.utterances[0], Utterance("t", text="so lonely"), replace(corpus.utterances[1], text=None))
    measured = export(model, tmp_path / "out", sample=Corpus(kinds))
    assert measured["float32"]["sample"]["n"] >= 1
