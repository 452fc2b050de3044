"""A training that is interrupted, and killed, and gone on with, ends with the same weights as one that was not."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from preloaded import start_command
from safetensors.torch import load_file
from tiny import TINY, write_recipe

from emofuse import layout
from emofuse.cli.main import run
from emofuse.config import Recipe, load_recipe
from emofuse.errors import RunError
from emofuse.experiment.train import train
from emofuse.training.trainer import Progress
from emofuse.training.training_state import StateFile, TrainingState
from emofuse.types import Corpus, SystemName

# Dropout, so that what is drawn matters; speech of transformers draws from numpy's global generator.
SPEECH = """{model_type: wav2vec2, hidden_size: 16, num_hidden_layers: 2, num_attention_heads: 2,
  intermediate_size: 16, conv_dim: [8, 8, 8], conv_kernel: [10, 7, 10], conv_stride: [5, 8, 8],
  num_conv_pos_embeddings: 8, num_conv_pos_embedding_groups: 2, mask_time_length: 2,
  mask_time_prob: 0.5}"""
VARIANTS = {
    "fixed": TINY.replace("epochs: 3", "epochs: 4"),
    "moving average": TINY.replace("epochs: 3", "epochs: 4, ema: 0.9"),
    "best": TINY.replace("selection: fixed", "selection: best").replace("epochs: 3", "epochs: 4, patience: 3"),
    "speech": TINY.replace("{model_type: emofuse-log-mel-cnn, bins: 20, hidden_size: 16}", SPEECH),
}


class StoppedError(Exception):
    """What stops a training in these tests."""


def stop_after(epochs: int) -> object:
    """Return a reporter that stops a training in the middle of the epoch behind so many."""

    def report(progress: Progress) -> None:
        if progress.epoch > epochs:
            raise StoppedError

    return report


def recipe_of(tmp_path: Path, text: str) -> Recipe:
    return load_recipe(write_recipe(tmp_path / "recipe.yaml", text))


def assert_same_model(one: Path, other: Path) -> None:
    weights, others = (load_file(folder / layout.MODEL / layout.WEIGHTS) for folder in (one, other))
    assert weights.keys() == others.keys()
    for name, value in weights.items():
        assert torch.equal(value, others[name]), name


@pytest.fixture(scope="module")
def whole(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return what trains a variant without interruption, once."""

    @cache
    def trained(variant: str) -> Path:
        folder = tmp_path_factory.mktemp("whole")
        train(recipe_of(folder, VARIANTS[variant]), corpus, folder / "run", "audio")
        return folder / "run"

    return trained


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("epochs", [1, 2])
def test_a_training_goes_on_to_the_same_weights(
    variant: str, epochs: int, whole: Callable[[str], Path], corpus: Corpus, tmp_path: Path
) -> None:
    recipe = recipe_of(tmp_path, VARIANTS[variant])
    with pytest.raises(StoppedError):
        train(recipe, corpus, tmp_path / "cut", "audio", report=stop_after(epochs))  # type: ignore[arg-type]
    assert not (tmp_path / "cut" / layout.MODEL).exists()
    torch.manual_seed(99)  # another process would draw something else
    np.random.seed(99)  # noqa: NPY002
    train(recipe, corpus, tmp_path / "cut", "audio", resume=True)
    assert_same_model(whole(variant), tmp_path / "cut")
    lines = [(folder / layout.HISTORY).read_text().splitlines() for folder in (whole(variant), tmp_path / "cut")]
    losses = [[json.loads(line)["loss"] for line in history] for history in lines]
    assert losses[0] == losses[1]
    assert not (tmp_path / "cut" / layout.STATE).exists()


def stop_after_all(count: int) -> object:
    """Return a reporter that stops behind so many epochs, of whichever network."""
    seen: list[int] = []

    def report(progress: Progress) -> None:
        if not seen or seen[-1] != progress.epoch:
            seen.append(progress.epoch)
        if len(seen) > count:
            raise StoppedError

    return report


def test_unimodal_starts_go_on_too(corpus: Corpus, tmp_path: Path) -> None:
    text = TINY.replace("training: {", "training: {start: unimodal, joint_epochs: 2, ")
    recipe = recipe_of(tmp_path, text)
    train(recipe, corpus, tmp_path / "whole", "fusion")
    for count in (2, 2, 2):  # three epochs of audio, three of text, two of both: stopped in each of them
        with pytest.raises(StoppedError):
            train(recipe, corpus, tmp_path / "cut", "fusion", report=stop_after_all(count), resume=True)  # type: ignore[arg-type]
    assert (tmp_path / "cut" / "text" / layout.MODEL).exists()
    train(recipe, corpus, tmp_path / "cut", "fusion", resume=True)
    assert_same_model(tmp_path / "whole", tmp_path / "cut")
    assert not list((tmp_path / "cut").rglob(layout.STATE))


def test_a_killed_process_is_gone_on_with(manifest: Path, tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path / "r.yaml", TINY.replace("epochs: 3", "epochs: 15"))
    wanted = ["train", str(recipe), "--manifest", str(manifest), "--system", "text"]
    process = start_command(tmp_path / "printed.txt", *wanted, "--out", tmp_path / "cut")
    deadline = time.monotonic() + 120
    while not (tmp_path / "cut" / layout.STATE).exists():
        assert process.is_alive(), (tmp_path / "printed.txt").read_text()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert not (tmp_path / "cut" / layout.MODEL).exists()
    assert run([*wanted, "--out", str(tmp_path / "cut")]) == 2  # not without being asked for
    assert run([*wanted, "--out", str(tmp_path / "cut"), "--resume"]) == 0
    assert run([*wanted, "--out", str(tmp_path / "whole")]) == 0
    assert_same_model(tmp_path / "whole", tmp_path / "cut")
    assert run([*wanted, "--out", str(tmp_path / "whole"), "--resume"]) == 0  # complete: nothing is done


@pytest.mark.parametrize("system", ["audio", "text"])
def test_what_is_of_another_training_is_refused(system: SystemName, corpus: Corpus, tmp_path: Path) -> None:
    recipe = recipe_of(tmp_path, TINY)
    with pytest.raises(StoppedError):
        train(recipe, corpus, tmp_path / "cut", "audio", report=stop_after(1))  # type: ignore[arg-type]
    with pytest.raises(RunError, match="holds a training that was interrupted; continue it with --resume"):
        train(recipe, corpus, tmp_path / "cut", "audio")
    other = recipe if system == "text" else recipe_of(tmp_path, TINY.replace("epochs: 3", "epochs: 4"))
    with pytest.raises(RunError, match="of another recipe or corpus"):
        train(other, corpus, tmp_path / "cut", system, resume=True)


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "state", "x")
    assert file.load() is None
    file.save(
        TrainingState(
            {"a": torch.ones(2)}, {0: {"step": torch.tensor(1.0)}}, [{"a": torch.zeros(2)}], {"best": None}
        )
    )
    whole = file.load()
    assert whole is not None
    assert whole.weights["a"].tolist() == [1.0, 1.0]
    assert whole.optimizer[0]["step"] == 1.0
    assert whole.kept[0]["a"].tolist() == [0.0, 0.0]
    file.path.write_bytes(file.path.read_bytes()[:-9])
    with pytest.raises(RunError, match="is damaged"):
        file.load()


def test_unimodal_models_of_another_training_are_not_started_from(corpus: Corpus, tmp_path: Path) -> None:
    text = TINY.replace("training: {", "training: {start: unimodal, joint_epochs: 2, ")
    with pytest.raises(StoppedError):
        train(recipe_of(tmp_path, text), corpus, tmp_path / "out", "fusion", report=stop_after_all(6))  # type: ignore[arg-type]
    assert (tmp_path / "out" / "text" / layout.MODEL).exists()
    other = recipe_of(tmp_path, text.replace("lr: 5e-3, batch", "lr: 4e-3, batch"))
    for resume in (False, True):
        with pytest.raises(RunError, match=r"another recipe|was interrupted"):
            train(other, corpus, tmp_path / "out", "fusion", resume=resume)


def test_going_on_leaves_the_recipe_and_a_complete_model_alone(corpus: Corpus, tmp_path: Path) -> None:
    recipe, other = recipe_of(tmp_path, TINY), recipe_of(tmp_path, TINY.replace("epochs: 3", "epochs: 4"))
    train(recipe, corpus, tmp_path / "out", "text")
    before = (tmp_path / "out" / layout.RECIPE).read_text()
    assert train(recipe, corpus, tmp_path / "out", "text", resume=True) == []
    with pytest.raises(RunError, match="of another recipe or corpus"):
        train(other, corpus, tmp_path / "out", "text", resume=True)
    assert (tmp_path / "out" / layout.RECIPE).read_text() == before


def test_a_corpus_with_other_speakers_is_another_one(corpus: Corpus, tmp_path: Path) -> None:
    recipe = recipe_of(tmp_path, TINY)
    with pytest.raises(StoppedError):
        train(recipe, corpus, tmp_path / "out", "text", report=stop_after(1))  # type: ignore[arg-type]
    renamed = replace(corpus, utterances=tuple(replace(u, speaker=f"x{u.speaker}") for u in corpus))
    with pytest.raises(RunError, match="of another recipe or corpus"):
        train(recipe, renamed, tmp_path / "out", "text", resume=True)


class ScalingAccelerator(Accelerator):
    """An accelerator with the gradient scaler of fp16, which accelerate itself makes on a GPU only."""

    def __init__(self, mixed_precision: str) -> None:
        super().__init__(mixed_precision=mixed_precision)
        self.scaler = torch.amp.GradScaler("cpu", init_scale=4.0, growth_interval=5)


def test_a_resumed_training_has_its_gradient_scaler(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[ScalingAccelerator] = []

    def accelerator(mixed_precision: str) -> ScalingAccelerator:
        made.append(ScalingAccelerator(mixed_precision))
        return made[-1]

    monkeypatch.setattr("emofuse.training.fit.Accelerator", accelerator)
    recipe = recipe_of(tmp_path, TINY)
    train(recipe, corpus, tmp_path / "whole", "text")
    with pytest.raises(StoppedError):
        train(recipe, corpus, tmp_path / "cut", "text", report=stop_after(2))  # type: ignore[arg-type]
    train(recipe, corpus, tmp_path / "cut", "text", resume=True)
    whole, _, resumed = (one.scaler.state_dict() for one in made)
    assert whole["scale"] > 4.0  # it has grown
    assert resumed == whole
    assert_same_model(tmp_path / "whole", tmp_path / "cut")
