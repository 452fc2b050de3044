"""A small model folder and what it is exported to, each made once a test run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from made_once import made_once
from networks import network

from emofuse import layout
from emofuse.data.corpora.demo_corpus import demo_corpus
from emofuse.data.preparation import AudioPreparation, Preparation, TextPreparation
from emofuse.data.relative_parts import RelativeParts
from emofuse.data.speaker_statistics import Moments
from emofuse.data.tokenization import learn_vocabulary
from emofuse.evaluation.calibration import Calibration
from emofuse.inference.export import export
from emofuse.model.checkpoint import Checkpoint, save_checkpoint
from emofuse.model.encoders.small_encoders import LogMelCNNConfig, WordCNNConfig

CARD = "# A small model\n"
# Far from 1, so that who forgets them is seen.
TEMPERATURES = {"audio": 2.5, "text": 0.4, "audio+text": 1.7}


def model_folder() -> Path:
    """Return the folder of a model that hears and reads; calibrated, with a card and an evaluation."""
    return made_once(layout.MODEL, _save_model)


def words() -> TextPreparation:
    """Return how words become one of 60 pieces."""
    texts = [utterance.text or "" for utterance in demo_corpus()]
    return TextPreparation(learn_vocabulary(texts, "words", 60))


def exported_folder() -> Path:
    """Return what that model is exported to, in float32."""
    model = model_folder()
    return made_once("exported", lambda out: export(model, out))


def small_exported_folder() -> Path:
    """Return what that model is exported to, in int8."""
    return made_once("exported-int8", _export_small)


def take_graph(folder: Path, patched: pytest.MonkeyPatch) -> None:
    """Take the graph of a folder, and its weights if they stand beside it, instead of writing one for seconds."""

    def write(_: object, __: object, path: Path) -> None:
        for file in folder.glob(layout.GRAPH + "*"):
            shutil.copyfile(file, path.parent / file.name)

    patched.setattr("emofuse.inference.graphs.write_graph", write)


def _export_small(out: Path) -> None:
    with pytest.MonkeyPatch.context() as patched:
        take_graph(exported_folder(), patched)
        export(model_folder(), out, int8=True)


def _save_model(folder: Path) -> None:
    model = network(
        LogMelCNNConfig(bins=20, hidden_size=16, strides=(2, 2)),
        WordCNNConfig(vocab_size=60, hidden_size=16),
        width=16,
        heads=2,
        missing_modalities=True,
    )
    preparation = Preparation(AudioPreparation("log-mel", bins=20), words())
    save_checkpoint(Checkpoint(model, preparation), folder)
    calibration = Calibration(temperatures=TEMPERATURES, priors=dict.fromkeys(model.config.task.labels, 0.25))
    (folder / layout.CALIBRATION).write_text(json.dumps(calibration.as_dict()))
    (folder / layout.EVALUATION).write_text('{"ua": 0.5}')
    (folder / layout.CARD).write_text(CARD)
    head = model.fusion.get_submodule("head").as_arrays()  # type: ignore[operator]
    RelativeParts(head, {"audio": Moments(np.zeros(head.width), np.ones(head.width))}).save(folder)
