"""nEMO (Christop 2024): nine actors, ninety Polish sentences, six emotions, 4,481 recordings.

As in the repository amu-cai/nEMO: `data.tsv` with a row for each recording (file_id, emotion, raw_text,
normalized_text, speaker_id, gender, age) and `samples/<speaker>_<emotion>_<sentence>.wav`, as in
`samples/EB0_anger_1.wav`. Files, columns and codes were seen there. The ids of the speakers have blanks before
them, and quotation marks are part of the text.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from emofuse.data.corpora.prepared import Prepared, read_files, require_folder
from emofuse.errors import CorpusError
from emofuse.types import Skip, Utterance

TABLE, RECORDINGS = "data.tsv", "samples"
COLUMNS = ("file_id", "emotion", "raw_text", "speaker_id", "gender", "age")
LABELS = {
    "anger": "angry", "fear": "fearful", "happiness": "happy", "sadness": "sad", "surprised": "surprised",
    "neutral": "neutral",
}  # fmt: skip
GENDERS = ("female", "male")
PUBLISHED = 4481


def read_nemo(root: Path) -> Prepared:
    """Read the recordings in the table; a row without its recording, or the reverse, is skipped.

    Raises:
        CorpusError: the folder, its table or its recordings are missing, or the table is not that of nEMO.
    """
    require_folder(root, "nEMO")
    rows, skipped = _rows(root / TABLE)
    prepared = read_files(
        root / RECORDINGS, "nEMO", lambda path: _utterance(path, rows), "samples/EB0_anger_1.wav", PUBLISHED, root
    )
    for name in rows:
        if not (root / RECORDINGS / name).is_file():
            skipped.append(Skip(f"{RECORDINGS}/{name}", f"a row of {TABLE} without its recording"))
    return replace(prepared, skipped=(*prepared.skipped, *skipped))


def _rows(path: Path) -> tuple[dict[str, dict[str, str]], list[Skip]]:
    """Return name of the file -> row; rows that are cut short or come twice are skipped."""
    reader = csv.DictReader(io.StringIO(_content(path)), delimiter="\t", quoting=csv.QUOTE_NONE)
    missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
    if missing:
        raise CorpusError(f"{path}: has no column {missing[0]!r}; fetch {TABLE} of amu-cai/nEMO again")
    rows: dict[str, dict[str, str]] = {}
    skipped: list[Skip] = []
    for row in reader:
        place = f"{TABLE}:{reader.line_num}"
        if None in row or None in row.values():
            skipped.append(Skip(place, "not as many values as there are columns"))
        elif row["file_id"] in rows:
            skipped.append(Skip(place, f"a second row for {row['file_id']}; the first is kept"))
        else:
            rows[row["file_id"]] = {column: row[column].strip() for column in COLUMNS}
    return rows, skipped


def _content(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise CorpusError(f"{path}: no such table; give the folder of amu-cai/nEMO that holds it") from error
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(f"{path}: cannot be read ({error}); fetch it again") from error


def _utterance(path: Path, rows: Mapping[str, Mapping[str, str]]) -> Utterance | str:
    """Return the utterance of the row of a file, or the reason why there is none."""
    row = rows.get(path.name)
    if path.suffix != ".wav":
        return "not a WAV file"
    if row is None:
        return f"no row of {TABLE} tells of it"
    emotion, speaker, gender = row["emotion"], row["speaker_id"], row["gender"]
    stem, _, sentence = path.stem.rpartition("_")
    if stem != f"{speaker}_{emotion}":
        return f"{TABLE} says {speaker} and {emotion}, which is not what the name says"
    if emotion not in LABELS or gender not in GENDERS:
        return f"unknown emotion or gender in {TABLE}: {emotion!r}, {gender!r}"
    return Utterance(
        id=path.stem,
        audio=path,
        text=row["raw_text"] or None,
        text_source="gold" if row["raw_text"] else None,
        label=LABELS[emotion],
        speaker=f"nemo_{speaker}",
        gender=gender,
        language="pl",
        tags={"source_label": emotion, "sentence": sentence, "age": row["age"]},
    )
