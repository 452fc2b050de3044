"""The record of a run over many inputs, so that an interrupted run can be resumed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BufferedRandom
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from emofuse import __version__, layout
from emofuse.cli.predict.predict_options import PredictOptions
from emofuse.errors import RunError
from emofuse.types import Prediction
from emofuse.untrusted.json_text import parse_json, read_json

if TYPE_CHECKING:
    from emofuse.data.asr_engines import Engine

# Lies beside the predictions: the model and the options of the run, and whether it is complete.
RUN_RECORD = "predictions.run.json"
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
)


def run_identity(options: PredictOptions, model: Path, engine: Engine | None) -> dict[str, Any]:
    """Return everything that the predictions of a run depend on besides the inputs, as JSON holds it.

    Args:
        options: of the command.
        model: the model folder.
        engine: the speech recognition engine, if one is used.
    """
    text, segments = options.text, options.segments
    return {
        "emofuse": __version__,
        "model": _model_digest(model),
        "format": options.output.format if options.output.each or options.timeline else None,
        "timeline": options.timeline,
        "text": text.text,
        "transcripts": _digest(text.transcripts),
        "columns": dict(text.columns) or None,
        "speakers": _digest(segments.speakers),
        "turns": _digest(segments.turns),
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
        "asr": engine and [engine.name, engine.version],
    }


@contextmanager
def recorded_run(out: Path, identity: Mapping[str, Any], resume: bool) -> Iterator[None]:
    """Record the model and the options of a run in its folder, and at the end that it is complete.

    Args:
        out: the output folder.
        identity: the model and the options, as JSON holds them.
        resume: continue the run in the folder.

    Raises:
        RunError: the folder has an incomplete run and `resume` is False, or the run to continue had a different
            model or different options.
    """
    layout.make_folder(out)
    path = out / RUN_RECORD
    earlier = _read(path)
    if resume and earlier is not None:
        old = earlier["asked"]
        changed = [key for key in {**old, **identity} if old.get(key) != identity.get(key)]
        if changed:
            raise RunError(
                f"{out}: the run was started with a different {changed[0]} ({_short(old.get(changed[0]))}, not "
                f"{_short(identity.get(changed[0]))}); use the same options, or choose another --out"
            )
    elif resume and (out / layout.PREDICTIONS).exists():
        raise RunError(f"{out}: has predictions, but no record of their model; choose another --out")
    elif earlier is not None and not earlier["complete"]:
        raise RunError(f"{out}: has an interrupted run; add --resume to continue it, or choose another --out")
    record = {"asked": dict(identity), "complete": False}
    layout.write_json(path, record)
    yield
    layout.write_json(path, record | {"complete": True})


class Journal:
    """Predictions as JSON Lines, each on disk before the next one is computed.

    A killed process may leave an incomplete last line: it is dropped when the run is resumed.

    Args:
        path: the file.
        resume: keep the complete lines of an earlier run.

    Raises:
        RunError: the file cannot be written, or holds something else.
    """

    def __init__(self, path: Path, resume: bool) -> None:
        self.path = path
        self.done: dict[str, str | None] = {}
        try:
            if not resume:
                path.unlink(missing_ok=True)
            self._file: BufferedRandom = open(path, "r+b" if path.exists() else "w+b")  # noqa: SIM115
        except OSError as error:
            raise RunError(f"{path}: cannot be written ({error.strerror}); choose another --out") from error
        whole = 0
        for line in self._file:
            if line.endswith(b"\n"):
                whole += len(line)
                prediction = _prediction(line, path)
                self.done[prediction["id"]] = prediction["audio"]
        self._file.truncate(whole)
        self._file.seek(whole)

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, line: str) -> None:
        """Write one line.

        Raises:
            RunError: the disk is full.
        """
        try:
            self._file.write(line.encode() + b"\n")
            self._file.flush()
        except OSError as error:
            raise RunError(
                f"{self.path}: cannot be written ({error.strerror}); free some space, and add --resume"
            ) from error


def read_journal(path: Path) -> Iterator[Prediction]:
    """Yield the predictions of a journal, in order."""
    with path.open("rb") as file:
        for line in file:
            try:
                yield Prediction.from_dict(_prediction(line, path))
            except (TypeError, ValueError, KeyError) as error:
                raise RunError(f"{path}: holds something other than predictions; choose another --out") from error


def file_of(out: Path, identity: str, suffix: str) -> Path:
    """Return the path of one input's file, which lies in the folder whatever the id of the input.

    Raises:
        RunError: the id leads out of the folder.
    """
    path = Path(os.path.normpath(out / f"{identity}{suffix}"))
    if not path.is_relative_to(Path(os.path.normpath(out))):
        raise RunError(f"{identity}: the id leads out of the folder {out}; rename it")
    return path


def _prediction(line: bytes, path: Path) -> dict[str, Any]:
    try:
        prediction: dict[str, Any] = parse_json(line)
        if not (isinstance(prediction["id"], str) and "audio" in prediction and "probabilities" in prediction):
            raise ValueError
    except (ValueError, TypeError, KeyError) as error:
        raise RunError(f"{path}: holds something other than predictions; choose another --out") from error
    return prediction


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
        if one.name in FILES_THAT_PREDICT or one.suffix in (".safetensors", ".data")
    ]


def _model_digest(folder: Path) -> str:
    """Return a hash of all files of a model that its predictions depend on."""
    from emofuse.data.cache import file_digest, key_of

    return key_of(files={one.name: file_digest(one) for one in model_files(folder)})


def _digest(path: Path | None) -> str | None:
    """Return a hash of a file, or of the files of a folder; None without one."""
    if path is None:
        return None
    from emofuse.data.cache import file_digest, key_of

    if path.is_dir():
        files = [one for one in path.rglob("*") if one.is_file()]
        return key_of(files={str(one.relative_to(path)): file_digest(one) for one in files})
    return file_digest(path)
