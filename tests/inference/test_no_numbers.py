"""What a network computes is a prediction if it is a number, and else the failure of that utterance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from exports import exported_folder

from emofuse import Prediction, Utterance, load
from emofuse.data.preparation import Batch, Outputs
from emofuse.errors import OutputError
from emofuse.evaluation.calibration import Calibration, predictions_of
from emofuse.inference.onnx_runtime import OnnxRuntime
from emofuse.inference.recognizer import EmotionRecognizer
from emofuse.types import Skip, Task

ROWS = [Utterance("a", text="I am so happy"), Utterance("b", text="leave me alone")]


class Faulty:
    """Computes what another runtime does, but for a sentence of more than four pieces no numbers."""

    def __init__(self, runtime: OnnxRuntime, value: float) -> None:
        self.runtime, self.value = runtime, np.float32(value)
        self.traits, self.padded_seconds = runtime.traits, runtime.padded_seconds

    def __call__(self, batch: Batch) -> Outputs:
        logits = self.runtime(batch).logits.copy()
        logits[batch.text_mask.sum(axis=1) > 5, 0] = self.value
        return Outputs(logits)

    def embed(self, batch: Batch) -> np.ndarray:
        return self(batch).logits


def faulty(value: float) -> EmotionRecognizer:
    good = load(exported_folder()).predictor
    return EmotionRecognizer(replace(good, runtime=Faulty(good.runtime, value), allow_missing=True))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_an_utterance_of_which_no_number_was_computed_fails_alone(value: float) -> None:
    recognizer = faulty(value)
    failed, predicted = list(recognizer.predict_many(ROWS))
    assert isinstance(failed, Skip)
    assert failed.reason.startswith("a: the network computed what is no number")
    assert isinstance(predicted, Prediction)
    for once in (lambda: recognizer.predict(text=ROWS[0].text), lambda: list(recognizer.embed(ROWS[:1]))):
        with pytest.raises(OutputError, match="computed what is no number"):
            once()


def test_a_run_never_stores_what_is_no_number() -> None:
    outputs = Outputs(np.array([[0.0, 1.0], [np.nan, 1.0]], dtype=np.float32))
    with pytest.raises(OutputError, match="b: the network"):
        predictions_of(outputs, ROWS, [("text",)] * 2, Task(("x", "y")), Calibration())
    dimensions = np.array([[np.inf], [0.0]], dtype=np.float32)
    task = Task(("x", "y"), ("valence",), ((1.0, 5.0),))
    with pytest.raises(OutputError, match="a: the network"):
        predictions_of(
            Outputs(np.zeros((2, 2), np.float32), dimensions), ROWS, [("text",)] * 2, task, Calibration()
        )
