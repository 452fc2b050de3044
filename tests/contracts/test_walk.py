"""The walk of a recording, from `emofuse predict clip.wav` to its JSON: which files it passes."""

from __future__ import annotations

import inspect
import json
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
from small_corpus import write_tone

import emofuse
from emofuse.__main__ import main
from emofuse.sound.clips import Clip
from emofuse.sound.speech_gate import SpeechGate

SOURCE = Path(emofuse.__file__).parent
MOST_STATIONS = 15
# The gate is asked beside the walk: a clip goes in, yes or no comes out.
MOST_GATE_STATIONS = 6
# Records and constants are no stations: they do nothing with the sound or its prediction.
NO_STATIONS = ("types/", "config/", "errors.py", "layout.py")
# Choosing the model looks at the command's arguments, among them the path, before there is a recording.
BEFORE_THE_WALK = ("__main__.py", "cli/main.py", "box.py")
RECORDS = {
    "Utterance", "Clip", "SoundFile", "FrameRange", "Item", "Ready", "Refused", "TooLong", "Batch", "Outputs",
    "Computed", "Prediction", "Skip",
}  # fmt: skip


class Tracer:
    """Notes the files whose functions take or return the sound of a recording, or what became of it.

    Args:
        name: of the recording; a text or path with it in it belongs to the recording.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.stations: dict[str, None] = {}

    def __call__(self, frame: FrameType, event: str, result: object) -> None:
        file, code = Path(frame.f_code.co_filename), frame.f_code
        if event not in ("call", "return") or code.co_name == "<module>" or not file.is_relative_to(SOURCE):
            return
        if event == "call":
            taken = inspect.getargvalues(frame)
            names = [*taken.args, *filter(None, (taken.varargs, taken.keywords))]
            values: list[object] = [taken.locals[name] for name in names if name in taken.locals]
        else:
            values = [result]
        station = file.relative_to(SOURCE).as_posix()
        if not station.startswith((*NO_STATIONS, *BEFORE_THE_WALK)) and any(map(self.belongs, values)):
            self.stations.setdefault(station)

    def belongs(self, value: object, depth: int = 0) -> bool:
        """Tell whether a value is the sound, its path or its prediction, or holds one of them."""
        if isinstance(value, np.ndarray):
            return value.size > 0
        if isinstance(value, str | Path):
            return self.name in str(value)
        if isinstance(value, dict):
            value = list(value.values())
        if isinstance(value, list | tuple) and type(value).__name__ not in RECORDS:
            return depth < 3 and any(self.belongs(one, depth + 1) for one in value)
        return type(value).__module__.startswith("emofuse.") and type(value).__name__ in RECORDS


def traced(run: Callable[[], Any], tracer: Tracer) -> None:
    """Run something with the tracer on, in its own threads too."""
    before = sys.getprofile()
    threading.setprofile(tracer)
    sys.setprofile(tracer)
    try:
        run()
    finally:
        sys.setprofile(before)
        threading.setprofile(None)


@pytest.mark.speech_gate
def test_the_question_whether_it_is_speech_passes_few_files_beside_the_walk() -> None:
    clip = Clip(np.random.default_rng(0).normal(size=16_000).astype(np.float32) * 0.1, 16_000)
    gate, tracer = SpeechGate(), Tracer("walking")
    traced(lambda: gate.has_speech(clip), tracer)
    assert "sound/speech_gate.py" in tracer.stations
    assert len(tracer.stations) <= MOST_GATE_STATIONS


def test_a_recording_passes_few_files_on_its_way_to_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recording = write_tone(tmp_path / "walking.wav", 300, 1.0, 0)
    monkeypatch.setattr(sys, "argv", ["emofuse", "predict", str(recording), "--format", "json"])

    def predict() -> None:
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code

    predict()  # whatever is imported on the way is imported now
    capsys.readouterr()
    tracer = Tracer("walking")
    traced(predict, tracer)
    (prediction,) = json.loads(capsys.readouterr().out)
    assert prediction["id"] == "walking"
    stations = list(tracer.stations)
    listing = "\n".join(f"{number:2} {station}" for number, station in enumerate(stations, start=1))
    print(listing)  # noqa: T201  # shown with -s, and where the test fails
    assert stations[0] == "cli/predict/predict_command.py"
    assert {"inference/predictor.py", "sound/clips.py", "inference/onnx_runtime.py"} <= set(stations)
    assert len(stations) <= MOST_STATIONS
