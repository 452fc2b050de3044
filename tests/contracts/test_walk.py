"""The walk of a recording, from `emofuse predict clip.wav` to its JSON: which files it passes."""

from __future__ import annotations

import inspect
import json
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
import soundfile

import emofuse
from emofuse.__main__ import main
from emofuse.sound.clips import SAMPLE_RATE, read_clip
from emofuse.types.arrays import Samples

SOURCE = Path(emofuse.__file__).parent
PREFIX = f"{SOURCE}{os.sep}"
# A file of floating-point samples passes one more, which looks whether they are integers that are to be scaled.
MOST_STATIONS = {"PCM_16": 15, "FLOAT": 16}
# Records and constants are no stations: they do nothing with the sound or its prediction.
NO_STATIONS = ("types/", "config/", "errors.py", "layout.py")
# Choosing the model looks at the command's arguments, among them the path, before there is a recording; then its
# weights are looked at, which are arrays too.
BEFORE_THE_WALK = ("__main__.py", "cli/main.py", "box.py", "inference/graph_vetting.py")
RECORDS = {
    "Utterance", "Clip", "SoundFile", "FrameRange", "Item", "Ready", "Refused", "TooLong", "Batch", "Outputs",
    "Computed", "Prediction", "Skip", "SpeechSpan", "FrameScores", "Turn",
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
        code = frame.f_code
        if (
            event not in ("call", "return")
            or not code.co_filename.startswith(PREFIX)
            or code.co_name == "<module>"
        ):
            return
        if event == "call":
            taken = inspect.getargvalues(frame)
            names = [*taken.args, *filter(None, (taken.varargs, taken.keywords))]
            values: list[object] = [taken.locals[name] for name in names if name in taken.locals]
        else:
            values = [result]
        station = Path(code.co_filename).relative_to(SOURCE).as_posix()
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


@pytest.fixture(scope="module")
def spoken() -> Samples:
    """Return an utterance of the demo corpus: speech, so that the gate, which is on by default, lets it pass."""
    return read_clip(SOURCE / "demo" / "audio" / "demo_f1_001.opus").samples


@pytest.mark.speech_gate
@pytest.mark.parametrize("subtype", MOST_STATIONS)
def test_a_recording_passes_few_files_on_its_way_to_json(
    spoken: Samples,
    subtype: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    recording = tmp_path / "walking.wav"
    soundfile.write(recording, spoken, SAMPLE_RATE, subtype)
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
    assert prediction["label"] is not None
    stations = list(tracer.stations)
    listing = "\n".join(f"{number:2} {station}" for number, station in enumerate(stations, start=1))
    print(listing)  # noqa: T201  # shown with -s, and where the test fails
    assert stations[0] == "cli/predict/predict_command.py"
    assert {
        "inference/predictor.py",
        "inference/onnx_runtime.py",
        "sound/clips.py",
        "sound/speech_turns.py",
        "sound/tones.py",
    } <= set(stations)
    assert len(stations) <= MOST_STATIONS[subtype]
