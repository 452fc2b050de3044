"""What is kept of a run over an archive, so that a run that was stopped goes on where it was."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from io import BufferedRandom
from pathlib import Path
from types import TracebackType
from typing import Any

from emofuse import layout
from emofuse.errors import RunError
from emofuse.types import Prediction

# Beside the answers: with which model and options they were begun.
BEGUN = "predictions.run.json"
ANSWERS = "predictions.jsonl"


def begin(out: Path, asked: Mapping[str, Any], resume: bool) -> None:
    """Write down with what a run is begun, or make sure that it goes on as it was begun.

    Args:
        out: the folder of its answers.
        asked: the model and the options, as JSON holds them.
        resume: go on with what is there.

    Raises:
        RunError: an unfinished run lies there and `resume` is False, or the one to go on with was begun otherwise.
    """
    layout.make_folder(out)
    path = out / BEGUN
    before = _read(path)
    if resume and before is not None:
        changed = [key for key in {**before["asked"], **asked} if before["asked"].get(key) != asked.get(key)]
        if changed:
            raise RunError(
                f"{out}: was begun with another {changed[0]} ({_short(before['asked'].get(changed[0]))}, not "
                f"{_short(asked.get(changed[0]))}); go on with that, or choose another --out"
            )
    elif resume and (out / ANSWERS).exists():
        raise RunError(f"{out}: does not say with which model it was begun; choose another --out")
    elif before is not None and not before["complete"]:
        raise RunError(
            f"{out}: holds a run that was stopped; add --resume to go on with it, or choose another --out"
        )
    layout.write_json(path, {"asked": dict(asked), "complete": False})


def complete(out: Path) -> None:
    """Write down that a run came to its end."""
    layout.write_json(out / BEGUN, (_read(out / BEGUN) or {"asked": {}}) | {"complete": True})


class Journal:
    """Answers as JSON Lines, each on disk before the next one is computed.

    A process that is killed may leave the beginning of a line at the end: it is dropped when the run goes on.

    Args:
        path: of the file.
        resume: keep the whole lines that stand there.

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
                answer = _answer(line, path)
                self.done[answer["id"]] = answer["audio"]
        self._file.truncate(whole)
        self._file.seek(whole)

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, line: str) -> None:
        """Write one answer.

        Raises:
            RunError: there is no room.
        """
        try:
            self._file.write(line.encode() + b"\n")
            self._file.flush()
        except OSError as error:
            raise RunError(
                f"{self.path}: cannot be written ({error.strerror}); make room, and add --resume"
            ) from error


def read_answers(path: Path) -> Iterator[Prediction]:
    """Yield the predictions of a journal, in order."""
    with path.open("rb") as file:
        for line in file:
            yield Prediction.from_dict(_answer(line, path))


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write lines as they come, whole or not at all.

    Raises:
        RunError: the file cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            for line in lines:
                file.write(f"{line}\n")
        temporary.replace(path)
    except OSError as error:
        raise RunError(f"{path}: cannot be written ({error.strerror}); choose another --out") from error
    finally:
        temporary.unlink(missing_ok=True)


def place_of(out: Path, identity: str, suffix: str) -> Path:
    """Return where the file of one input stands: below the folder, whatever its id.

    Raises:
        RunError: the id leads out of the folder.
    """
    place = Path(os.path.normpath(out / f"{identity}{suffix}"))
    if not place.is_relative_to(Path(os.path.normpath(out))):
        raise RunError(f"{identity}: leads out of {out}; give it an id that is a name")
    return place


def is_written(out: Path, suffix: str) -> Callable[[str], bool]:
    """Return what tells whether the file of an input stands already; files are written whole or not at all."""
    return lambda identity: place_of(out, identity, suffix).is_file()


def _answer(line: bytes, path: Path) -> dict[str, Any]:
    try:
        answer = json.loads(line)
        if not (isinstance(answer["id"], str) and "audio" in answer and "probabilities" in answer):
            raise ValueError
    except (ValueError, TypeError, KeyError) as error:
        raise RunError(f"{path}: holds something else than predictions; choose another --out") from error
    found: dict[str, Any] = answer
    return found


def _read(path: Path) -> dict[str, Any] | None:
    """Return what is written of a run; None where nothing is."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if not (isinstance(document["asked"], dict) and isinstance(document["complete"], bool)):
            raise ValueError
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise RunError(f"{path}: does not say how the run was begun; choose another --out") from error
    found: dict[str, Any] = document
    return found


def _short(value: Any) -> str:
    return " ".join(str(value).split())[:60]
