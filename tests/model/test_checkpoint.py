"""A model folder is read back bit for bit, or refused with one sentence."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from networks import BANKS, BINS, LABELS, SPEECH, TEXT, bert, inputs, logits, network, wav2vec2
from preloaded import run_code
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModel, AutoProcessor

from emofuse import EmotionModel, EmotionProcessor, layout
from emofuse.data.preparation import AudioPreparation, Preparation, TextPreparation
from emofuse.data.tokenization import learn_vocabulary
from emofuse.errors import AudioError, CheckpointError, RunError
from emofuse.model.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from emofuse.sound.clips import Clip

ROWS = inputs([5431, 9001], [7, 12])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tokenizer = learn_vocabulary(["say it again", "say it now"], "words", 90)
    preparation = Preparation(AudioPreparation(normalise=True), TextPreparation(tokenizer))
    save_checkpoint(Checkpoint(network(wav2vec2(), bert()), preparation), tmp_path / "model")
    return tmp_path / "model"


def test_saved_and_loaded_gives_the_same_logits_bit_for_bit(folder: Path) -> None:
    assert torch.equal(logits(load_checkpoint(folder).model, ROWS), logits(network(wav2vec2(), bert()), ROWS))


@pytest.mark.parametrize("family", [*SPEECH, *BANKS])
def test_every_speech_family_survives_its_folder_bit_for_bit(family: str, tmp_path: Path) -> None:
    model = network(SPEECH.get(family) or BANKS[family], None)
    rows = inputs([61, 103], [1, 1], bins=BINS[family]) if family in BANKS else ROWS
    model.save_pretrained(tmp_path)
    assert torch.equal(logits(EmotionModel.from_pretrained(tmp_path).eval(), rows), logits(model, rows))


@pytest.mark.parametrize("family", TEXT)
def test_every_text_family_survives_its_folder_bit_for_bit(family: str, tmp_path: Path) -> None:
    model = network(None, TEXT[family])
    model.save_pretrained(tmp_path)
    assert torch.equal(logits(EmotionModel.from_pretrained(tmp_path).eval(), ROWS), logits(model, ROWS))


def test_a_new_process_gives_the_same_logits_bit_for_bit(folder: Path) -> None:
    audio, text = ROWS[0]
    np.savez(folder / "row.npz", audio=audio.numpy(), text=text.numpy())
    code = (
        "import sys, numpy, torch, emofuse\n"
        "row = numpy.load(sys.argv[1] + '/row.npz')\n"
        "audio, text = (torch.from_numpy(row[key])[None] for key in ('audio', 'text'))\n"
        "model = emofuse.EmotionModel.from_pretrained(sys.argv[1]).eval()\n"
        "with torch.no_grad():\n"
        "    heard, read = (torch.ones_like(row, dtype=bool) for row in (audio, text))\n"
        "    logits = model(audio, heard, text, read).logits\n"
        "sys.stdout.write(logits.numpy().tobytes().hex())\n"
    )
    assert (
        run_code(folder / "printed.txt", code, folder)
        == logits(load_checkpoint(folder).model, ROWS[:1]).numpy().tobytes().hex()
    )


def test_auto_classes_know_the_folder(folder: Path) -> None:
    assert AutoConfig.from_pretrained(folder).task.labels == LABELS
    assert isinstance(AutoModel.from_pretrained(folder), EmotionModel)
    assert isinstance(AutoProcessor.from_pretrained(folder), EmotionProcessor)


def test_processor_names_the_tensors_that_the_model_takes(folder: Path) -> None:
    processor, model = EmotionProcessor.from_pretrained(folder), EmotionModel.from_pretrained(folder).eval()
    waves = [np.sin(np.arange(4000, dtype=np.float32)), None]
    batch = processor(audio=waves, text=["say it now", "again"])
    assert set(batch) == {"input_values", "audio_mask", "input_ids", "text_mask"}
    assert batch["audio_mask"].any(dim=1).tolist() == [True, False]
    with torch.no_grad():
        assert model(**batch).logits.shape == (2, 4)
    with pytest.raises(AudioError, match="2 waveforms and 3 texts"):
        processor(audio=waves, text=["a", "b", "c"])
    with pytest.raises(AudioError, match="16000 Hz, not 8000 Hz"):
        processor(audio=waves[0], sampling_rate=8000)
    one = processor(text="say it now")
    assert one["text_mask"].any()
    assert not one["audio_mask"].any()


def test_processor_survives_its_own_folder(folder: Path, tmp_path: Path) -> None:
    processor = EmotionProcessor.from_pretrained(folder)
    processor.save_pretrained(tmp_path / "again")
    again = EmotionProcessor.from_pretrained(tmp_path / "again").preparation
    clip = Clip(np.ones(800, dtype=np.float32), 16_000)
    assert again(clip, "say it").ids.tolist() == processor.preparation(clip, "say it").ids.tolist()  # type: ignore[union-attr]
    assert "EmotionProcessor(" in repr(processor)


def change_weights(folder: Path, drop: str = "", add: str = "", halve: str = "") -> None:
    weights = load_file(folder / layout.WEIGHTS)
    weights = {name: value for name, value in weights.items() if not drop or drop not in name}
    weights = {name: value[:2].clone() if halve and halve in name else value for name, value in weights.items()}
    if add:
        weights[add] = torch.zeros(3)
    save_file(weights, folder / layout.WEIGHTS, metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"drop": "classifier"}, "'fusion.head.classifier.bias' is missing"),
        ({"add": "stranger"}, "'stranger' is left over"),
        ({"halve": "classifier.weight"}, "'fusion.head.classifier.weight' has another shape"),
    ],
)
def test_weights_that_do_not_fit_are_refused(folder: Path, change: dict[str, str], message: str) -> None:
    change_weights(folder, **change)
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(folder)


def test_a_label_list_of_the_wrong_length_is_refused(folder: Path) -> None:
    config = json.loads((folder / layout.CONFIG).read_text())
    config["id2label"]["4"] = "bored"
    (folder / layout.CONFIG).write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match="has another shape"):
        load_checkpoint(folder)


@pytest.mark.parametrize("change", [{"width": "abc"}, {"audio_encoder": []}, {"references": {"audio": {}}}])
def test_a_damaged_configuration_is_refused(folder: Path, change: dict[str, object]) -> None:
    config = json.loads((folder / layout.CONFIG).read_text())
    (folder / layout.CONFIG).write_text(json.dumps(config | change))
    with pytest.raises(CheckpointError):
        load_checkpoint(folder)


def test_a_truncated_file_of_weights_is_refused(folder: Path) -> None:
    content = (folder / layout.WEIGHTS).read_bytes()
    (folder / layout.WEIGHTS).write_bytes(content[: len(content) // 2])
    with pytest.raises(CheckpointError, match="is no whole file of weights"):
        load_checkpoint(folder)


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        (layout.CONFIG, "not a model folder"),
        (layout.WEIGHTS, "has no weights"),
        (layout.TOKENIZER, "tokenizer.json"),
    ],
)
def test_an_incomplete_folder_is_refused(folder: Path, missing: str, message: str) -> None:
    (folder / missing).unlink()
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(folder)


def test_saving_replaces_an_older_model_whole(folder: Path) -> None:
    checkpoint = load_checkpoint(folder)
    (folder / "old").touch()
    save_checkpoint(checkpoint, folder)
    assert not (folder / "old").exists()
    assert [path.name for path in folder.parent.iterdir()] == ["model"]


def test_a_place_that_cannot_be_written_is_named(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="cannot be written"):
        save_checkpoint(load_checkpoint(folder), tmp_path / "file" / "model")
