"""A dataset of the library `datasets`: saved on disk with `save_to_disk`, or from the Hub by its name.

A column of the feature Audio is the recording, whatever its name; the others are read by their usual names,
as in `table.py`. Nothing is decoded, so neither torchcodec nor torchaudio is needed. Seen with datasets 5.2:
`Audio(decode=False)` gives a path or the bytes of a file, and `save_to_disk` packs the bytes and keeps the bare
name of the file; what was made from an array is bytes, too. The rows come one by one from mapped files.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emofuse.data.corpora.packed_audio import unpack
from emofuse.data.corpora.prepared import Prepared
from emofuse.data.corpora.user_table import COLUMNS
from emofuse.errors import CorpusError, MissingExtraError
from emofuse.types import Corpus, Skip, Utterance

SAVED = ("dataset_dict.json", "state.json")  # what `save_to_disk` leaves for a DatasetDict, and for a Dataset
UNLOADABLE = (OSError, ValueError, LookupError, RuntimeError, ImportError)
SPLITS = {"dev": "validation", "valid": "validation", "val": "validation"}


@dataclass(frozen=True)
class Part:
    """One split of a dataset.

    Attributes:
        columns: field of an utterance -> its column.
        tags: the columns that become tags.
        unfit: the columns that nothing is made of.
        classes: column of class numbers -> its feature, which knows the names.
    """

    rows: Iterable[Mapping[str, Any]]
    place: str
    name: str
    columns: Mapping[str, str]
    tags: tuple[str, ...]
    unfit: tuple[str, ...]
    classes: Mapping[str, Any]


def read_hf(source: Path, columns: Mapping[str, str] | None = None, audio_root: Path | None = None) -> Prepared:
    """Read a dataset from the folder `source`, or from the Hub by that name.

    The splits of a DatasetDict are the splits of its utterances (dev and valid are validation), and their ids
    begin with the name of the split, as numbers often restart in each. Class numbers become their names; labels
    stay as they are. Other columns of words and numbers become tags. Columns of anything else are skipped with a
    reason, and so are rows that have neither words nor a recording.

    Args:
        source: the folder, or the name on the Hub.
        columns: field of an utterance -> column; it goes before the usual names.
        audio_root: where packed recordings are written to, and where relative paths start.

    Raises:
        MissingExtraError: datasets is not installed.
        CorpusError: the dataset cannot be loaded, a column named in `columns` does not fit, a recording is packed
            and there is no `audio_root`, an id occurs twice, or no row is left.
    """
    try:
        import datasets
    except ImportError as error:
        raise MissingExtraError("corpora", "a dataset of the library datasets") from error
    loaded = _load(datasets, source)
    utterances: dict[str, Utterance] = {}
    skipped: list[Skip] = []
    for name, dataset in loaded.items() if isinstance(loaded, dict) else [("", loaded)]:
        part = _part(datasets, dataset, str(name), source, columns or {})
        reason = "a column of neither words nor numbers, and not the recording"
        skipped += [Skip(f"{part.place}.{column}", reason) for column in part.unfit]
        for number, row in enumerate(part.rows):
            place = f"{part.place}[{number}]"
            result = _utterance(part, row, number, utterances, audio_root)
            if isinstance(result, str):
                skipped.append(Skip(place, result))
            elif result.id in utterances:
                raise CorpusError(f"{place}: the id {result.id!r} occurs twice; name another by --column id=...")
            else:
                utterances[result.id] = result
    if not utterances:
        reason = f"; the first that is skipped: {skipped[0].id}, {skipped[0].reason}" if skipped else ""
        raise CorpusError(f"{source}: no row can be used{reason}; check --column and --root")
    return Prepared(Corpus(tuple(utterances.values()), name=source.name), tuple(skipped))


def _load(datasets: Any, source: Path) -> Any:
    """Return a Dataset, or a DatasetDict, which is a dict."""
    try:
        if any((source / name).is_file() for name in SAVED):
            return datasets.load_from_disk(str(source))
        return datasets.load_dataset(str(source.absolute()) if source.is_dir() else source.as_posix())
    except (*UNLOADABLE, datasets.exceptions.DatasetsError) as error:
        reason = str(error.__cause__ or error).strip().split("\n")[0]
        raise CorpusError(
            f"{source}: datasets cannot load it ({reason}); "
            "give a folder that save_to_disk wrote, or check the name on the Hub and the connection"
        ) from error


def _part(datasets: Any, dataset: Any, name: str, source: Path, named: Mapping[str, str]) -> Part:
    """Turn off the decoding of a split, and match its columns."""
    place = f"{source}[{name!r}]" if name else str(source)
    sounds, plain, classes = [], [], {}
    for column, feature in dataset.features.items():
        if isinstance(feature, datasets.Audio):
            sounds.append(column)
            dataset = dataset.cast_column(column, datasets.Audio(decode=False))
        if isinstance(feature, datasets.ClassLabel):
            classes[column] = feature
        if column in classes or (isinstance(feature, datasets.Value) and "binary" not in feature.dtype):
            plain.append(column)
    columns = _match_columns(plain, sounds, named, place)
    others = [column for column in dataset.features if column not in columns.values()]
    tags = tuple(column for column in others if column in plain)
    unfit = tuple(column for column in others if column not in plain)
    return Part(dataset, place, name, columns, tags, unfit, classes)


def _match_columns(plain: list[str], sounds: list[str], named: Mapping[str, str], place: str) -> dict[str, str]:
    """Return field -> column, as the user chose or by the usual names; Audio goes before a path to it."""
    names: dict[str, str] = {}
    for field, usual in COLUMNS.items():
        by_lower = {name.lower(): name for name in reversed(sounds or plain if field == "audio" else plain)}
        fitting = [by_lower[name] for name in usual if name in by_lower] or (sounds if field == "audio" else [])
        names |= {field: fitting[0]} if fitting else {}
    for field, column in named.items():
        fitting = [*sounds, *plain] if field == "audio" else plain
        if field not in COLUMNS:
            raise CorpusError(f"--column {field}: is no field of an utterance; fields are {', '.join(COLUMNS)}")
        if column not in fitting:
            raise CorpusError(f"{place}: no column {column!r} can be the {field}; choose of {', '.join(fitting)}")
        names[field] = column
    if "audio" not in names and "text" not in names:
        raise CorpusError(
            f"{place}: no column is Audio, or called {' or '.join(COLUMNS['audio'] + COLUMNS['text'])}; "
            "name them with --column audio=... or --column text=..."
        )
    return names


def _utterance(
    part: Part, row: Mapping[str, Any], number: int, utterances: Mapping[str, Utterance], audio_root: Path | None
) -> Utterance | str:
    """Return the utterance of a row, or the reason why there is none."""
    sound = part.columns.get("audio")
    plain = (*(column for column in part.columns.values() if column != sound), *part.tags)
    words = {column: _word(row[column], part.classes.get(column)) for column in plain}
    values = {field: words[column] for field, column in part.columns.items() if words.get(column)}
    entry = None if sound is None else row[sound]
    path, content = (entry["path"], entry["bytes"]) if isinstance(entry, dict) else (entry, None)
    audio = _recording(path or "", content, audio_root, part.place)
    if isinstance(audio, str):
        return audio
    if audio is None and "text" not in values:
        return "the row has neither audio nor text"
    start = f"{part.name}/" if part.name else ""
    name = start + (Path(path).stem if path else "row")
    made = f"{name}#{number}" if not path or name in utterances else name
    split = values.get("split", part.name)
    try:
        return Utterance(
            id=start + values["id"] if "id" in values else made,
            audio=audio,
            start=float(values["start"]) if "start" in values else None,
            end=float(values["end"]) if "end" in values else None,
            text=values.get("text"),
            text_source=values.get("text_source", "gold" if "text" in values else None),
            label=values.get("label"),
            speaker=values.get("speaker"),
            session=values.get("session"),
            gender=values.get("gender"),
            dialogue=values.get("dialogue"),
            language=values.get("language"),
            split=SPLITS.get(split.lower(), split) or None,
            tags={column: words[column] for column in part.tags if words[column]},
        )
    except ValueError as error:  # a CorpusError, as for an empty span, is one
        return str(error)


def _word(value: Any, feature: Any) -> str:
    """Write a value as a word; what is absent, NaN or a class below zero is the empty word."""
    if value is None or value != value:
        return ""
    if feature is None:
        return str(value).strip()
    return str(feature.int2str(value)) if value >= 0 else ""


def _recording(path: str, content: bytes | None, audio_root: Path | None, place: str) -> Path | str | None:
    """Return the path of a recording, the reason why it cannot be used, or None where there is none."""
    if os.path.isabs(path) and os.path.isfile(path):
        return Path(path)
    if content is not None and audio_root is None:
        raise CorpusError(f"{place}: recordings are packed into it; --root DIR says where to put the recordings")
    if content is not None and audio_root is not None:
        return unpack(path, content, audio_root)
    audio = os.path.abspath(os.path.join(audio_root or "", path))
    return None if not path else Path(audio) if os.path.isfile(audio) else f"no such file: {audio}"
