"""The manifest: JSON Lines, one utterance a line; its errors name the file, the line and the way out."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from emofuse import layout
from emofuse.errors import CorpusError
from emofuse.types import Corpus, Utterance
from emofuse.untrusted.json_text import canonical_json

# Of a value in a message.
LONGEST_SHOWN = 80
KEYS = tuple(field.name for field in fields(Utterance))
_ROW = TypeAdapter(Utterance)


def load_corpus(path: str | Path) -> Corpus:
    """Read a manifest; relative audio paths are taken from the manifest's folder.

    Raises:
        CorpusError: the file cannot be read, or a line is not an utterance; the message names the line.
    """
    path = Path(path)
    lines: dict[str, int] = {}
    utterances = []
    for number, utterance in _rows(path):
        if utterance.id in lines:
            raise CorpusError(
                f"{path}:{number}: the id {utterance.id!r} is already on line {lines[utterance.id]}; "
                "give each utterance its own id"
            )
        lines[utterance.id] = number
        utterances.append(utterance)
    if not utterances:
        raise CorpusError(f"{path}: holds no utterance; write one with `emofuse prepare`")
    return Corpus(tuple(utterances), name=path.stem)


def save_corpus(corpus: Corpus, path: str | Path) -> None:
    """Write a manifest; audio below its folder is written relative to it, other audio absolute.

    Raises:
        RunError: the file cannot be written.
    """
    path = Path(path)
    folders = (path.parent.absolute(), path.parent.resolve())
    layout.write_json_lines(path, (_as_row(utterance, folders) for utterance in corpus))


def _rows(path: Path) -> Iterator[tuple[int, Utterance]]:
    folder = path.parent.resolve()
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield number, _utterance(line, f"{path}:{number}", folder)
    except FileNotFoundError as error:
        raise CorpusError(f"{path}: no such manifest; make one with `emofuse prepare`") from error
    except IsADirectoryError as error:
        raise CorpusError(f"{path}: is a folder; name the manifest in it, or make one") from error
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path}: is not UTF-8 text; save it as UTF-8") from error
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read ({error.strerror})") from error


def _utterance(line: str, place: str, folder: Path) -> Utterance:
    try:
        utterance = _ROW.validate_json(line)
    except ValidationError as error:
        raise CorpusError(f"{place}: {_explain(error)}") from error
    return replace(utterance, audio=folder / utterance.audio) if utterance.audio else utterance


def _explain(error: ValidationError) -> str:
    """Put pydantic's first finding into one sentence."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])[:LONGEST_SHOWN]
    if first["type"] == "value_error":
        return str(first["ctx"]["error"])
    if first["type"] == "json_invalid" or not key:
        return "is not a JSON object; one utterance a line, as `emofuse prepare` writes it"
    if first["type"] == "unexpected_keyword_argument":
        near = difflib.get_close_matches(key, KEYS, n=1)
        return f"unknown key {key!r}" + (
            f"; did you mean {near[0]!r}?" if near else f"; keys are {', '.join(KEYS)}"
        )
    if first["type"] == "missing":
        return f"the key {key!r} is missing; every utterance needs one"
    return f"the value of {key!r} is wrong: {first['msg'].lower()}, not {_shown(first['input'])}"


def _shown(value: Any) -> str:
    """Return a value as the line has it, or the beginning of it."""
    try:
        text = canonical_json(value, str)
    except ValueError:  # Python prints no number of thousands of digits
        return "a number of thousands of digits"
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


def _as_row(utterance: Utterance, folders: tuple[Path, ...]) -> dict[str, Any]:
    row = asdict(utterance)
    if utterance.audio:
        audio = utterance.audio.absolute()
        below = next((folder for folder in folders if audio.is_relative_to(folder)), None)
        row["audio"] = audio.relative_to(below).as_posix() if below else str(audio)
    return row
