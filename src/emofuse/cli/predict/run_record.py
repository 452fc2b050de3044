"""The record of a run in its output folder: the model and the options, whether it is complete, and its summary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emofuse import __version__, layout
from emofuse.cli.predict.journal import JOURNAL, Entry
from emofuse.cli.predict.predict_options import PredictOptions
from emofuse.cli.predict.transcript_files import TRANSCRIPT_SUFFIXES, TURN_SUFFIXES, side_files
from emofuse.errors import RunError
from emofuse.hub.model_settings import TOKENIZER_SETTINGS
from emofuse.hub.snapshots import VOCABULARY
from emofuse.untrusted.json_text import read_json

if TYPE_CHECKING:
    from emofuse.data.asr_engines import Engine
    from emofuse.inference.recognizer import EmotionRecognizer

# Lies beside the predictions: the model and the options of the run, and whether it is complete.
RUN_RECORD = "predictions.run.json"
# The hash of a file that belongs to recordings and cannot be read.
UNREADABLE = "unreadable"
# The files of a model folder that predictions depend on; its card and its evaluation may change.
FILES_THAT_PREDICT = (
    layout.CONFIG,
    layout.WEIGHTS,
    layout.WEIGHTS_INDEX,
    layout.PREPARATION,
    layout.TOKENIZER,
    layout.CALIBRATION,
    layout.EXPORT,
    layout.GRAPH,
    layout.SCOPE,
    *TOKENIZER_SETTINGS,
)


def run_identity(options: PredictOptions, recognizer: EmotionRecognizer, engine: Engine | None) -> dict[str, Any]:
    """Return everything that the predictions of a run depend on besides the inputs, as JSON holds it.

    Args:
        options: of the command.
        recognizer: the model.
        engine: the speech recognition engine, if one is used.
    """
    chosen = recognizer.chosen
    calibrated = None if chosen is None else chosen.calibrate
    text, segments, out = options.text, options.segments, options.output.folder
    return {
        "emofuse": __version__,
        "model": _model_digest(recognizer.folders),
        "format": options.output.format if options.output.each or options.timeline else None,
        "timeline": options.timeline,
        "text": text.text,
        "transcripts": _digest(text.transcripts, TRANSCRIPT_SUFFIXES, out),
        "columns": dict(text.columns) or None,
        "speakers": _digest(segments.speakers, TURN_SUFFIXES, out),
        "turns": _digest(segments.turns, TURN_SUFFIXES, out),
        "channels": options.call.channels,
        "analyse": options.call.analyse,
        "segmentation": segments.segmentation,
        "language": text.language,
        "smooth": segments.smooth,
        "baseline": segments.baseline,
        "page": options.page.used(),
        "allow_missing": options.model.allow_missing,
        "strict": options.model.strict,
        "priors": options.model.priors,
        "any_sound": options.model.any_sound,
        "relative_to": _relative(options, recognizer),
        "label_map": (chosen and dict(chosen.label_map)) or None,
        "calibrate": None if calibrated is None else _file_digest(Path(str(calibrated))),
        "asr": engine and [engine.name, engine.version],
    }


def _relative(options: PredictOptions, recognizer: EmotionRecognizer) -> list[str] | None:
    """Return what predictions are relative to and, where that is more than each recording, its moments' hash."""
    decision = recognizer.predictor.relative
    if options.model.relative_to is None:
        return None
    return [options.model.relative_to, *([] if decision is None else [decision.digest])]


def refuse_unfinished(out: Path, resume: bool) -> None:
    """Refuse a folder with a run that was interrupted, unless it is continued.

    Raises:
        RunError: there is one, or what is there is no record of a run.
    """
    earlier = None if resume else _read(out / RUN_RECORD)
    if earlier is not None and not earlier["complete"] and _has_results(out):
        raise RunError(f"{out}: has an interrupted run; add --resume to continue it, or choose another --out")


class RunRecord:
    """Records the model and the options of a run in its folder, and at the end that it is complete.

    Args:
        out: the output folder; it is made.
        identity: the model and the options, as JSON holds them.
        resume: continue the run in the folder.

    Raises:
        RunError: the folder has an incomplete run with results and `resume` is False, or the run to continue had a
            different model or different options.
    """

    def __init__(self, out: Path, identity: Mapping[str, Any], resume: bool) -> None:
        layout.make_folder(out)
        self._path = out / RUN_RECORD
        earlier = _read(self._path)
        if resume and earlier is not None:
            _refuse_changes(out, earlier["asked"], identity)
        elif resume and (out / layout.PREDICTIONS).exists():
            raise RunError(f"{out}: has predictions, but no record of their model; choose another --out")
        refuse_unfinished(out, resume)
        self._document = {"asked": dict(identity), "complete": False}
        layout.write_json(self._path, self._document)

    def complete(self, summary: Mapping[str, Any]) -> None:
        """Record that all inputs were tried, and with which result."""
        layout.write_json(self._path, self._document | {"complete": True, "summary": dict(summary)})


def _refuse_changes(out: Path, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    changed = [key for key in {**old, **new} if old.get(key) != new.get(key)]
    if changed:
        raise RunError(
            f"{out}: the run was started with a different {changed[0]} ({_short(old.get(changed[0]))}, not "
            f"{_short(new.get(changed[0]))}); use the same options, or choose another --out"
        )


def _has_results(out: Path) -> bool:
    """Tell whether a run has come to a first result: one that failed before it is in nobody's way."""
    try:
        with (out / JOURNAL).open("rb") as file:
            return any((entry := Entry.of_line(line)) is not None and entry.answer is not None for line in file)
    except OSError:
        return False


def _read(path: Path) -> dict[str, Any] | None:
    """Return the record of a run; None if there is none."""
    try:
        document: dict[str, Any] = read_json(path)
        if not (isinstance(document["asked"], dict) and isinstance(document["complete"], bool)):
            raise ValueError
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise RunError(f"{path}: is not the record of a run; choose another --out") from error
    return document


def _short(value: Any) -> str:
    return " ".join(str(value).split())[:60]


def model_files(folder: Path) -> list[Path]:
    """Return the files of a model folder that its predictions depend on."""
    return [
        one
        for one in folder.iterdir()
        if one.name in FILES_THAT_PREDICT
        or one.suffix in (".safetensors", ".data")
        or any(one.match(pattern) for pattern in VOCABULARY)
    ]


def _model_digest(folders: Mapping[str, Path]) -> str:
    """Return a hash of all files of a model that its predictions depend on."""
    from emofuse.data.cache import file_digest, key_of

    several = len(folders) > 1
    return key_of(
        files={
            f"{use}/{one.name}" if several else one.name: file_digest(one)
            for use, folder in folders.items()
            for one in model_files(folder)
        }
    )


def _digest(path: Path | None, suffixes: Sequence[str], out: Path | None) -> str | None:
    """Return a hash of a file, or of the files of a folder that are read; None without one."""
    if path is None:
        return None
    if not path.is_dir():
        return _file_digest(path)
    from emofuse.data.cache import key_of

    files = side_files(path, suffixes, out)
    return key_of(files={str(one.relative_to(path)): _file_digest(one) for one in files})


def _file_digest(path: Path) -> str:
    from emofuse.data.cache import file_digest

    try:
        return file_digest(path)
    except OSError:
        return UNREADABLE
