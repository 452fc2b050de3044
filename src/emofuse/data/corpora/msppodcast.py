"""MSP-Podcast (Lotfian & Busso 2019; Busso et al. 2025): turns out of podcasts, rated by five raters or more.

A release holds `Audios/MSP-PODCAST_<podcast>_<turn>.wav`, `Labels/labels_consensus.csv` (or `.json`: file -> the
same fields), `Labels/labels_detailed.csv` (or `.json`: file -> rater -> fields) and `Transcripts/<name>.txt`.
Files and fields are as the readme of release 1.12 and public readers of releases 1.6 to 2.0 have them: before
1.10 the name has a c for the s of consensus, the folder is `Labels`, `labels` or `label`, and the table of the
raters has either a column EmoClass_Major or a column EmoDetail with `rater; primary; secondary, ...; A:..; V:..;
D:..;`. By that readme the transcripts are human, and not every turn has one.

Releases differ in size, so that nothing is said of a published count. The votes are the raters' primary emotions;
words of their own ("Other-...") are votes for other. X, no agreement, is a null label. Test2 and Test3 keep their
names as splits; Test3 is published without labels, so that its recordings have no row.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from emofuse.data.corpora.prepared import Prepared, read_files, require_folder
from emofuse.errors import CorpusError
from emofuse.types import Skip, Utterance
from emofuse.untrusted.json_text import parse_json

RECORDINGS, TRANSCRIPTS = "Audios", "Transcripts"
# The first that is there is read.
CONSENSUS = ("[Ll]abel*/labels_con[sc]ensus.csv", "[Ll]abel*/labels_con[sc]ensus.json")
DETAILED = ("[Ll]abel*/labels_detailed.csv", "[Ll]abel*/labels_detailed.json")

PODCAST = re.compile(r"MSP-PODCAST_\d+(?=_)")
DIMENSIONS = {"valence": "EmoVal", "arousal": "EmoAct", "dominance": "EmoDom"}
FIELDS = ("EmoClass", *DIMENSIONS.values(), "SpkrID", "Gender", "Split_Set")
# X is no agreement.
LABELS = {
    "A": "angry", "S": "sad", "H": "happy", "U": "surprised", "F": "fearful", "D": "disgusted", "C": "contempt",
    "N": "neutral", "O": "other", "X": None,
}  # fmt: skip
# What the raters choose from; a word of their own begins with Other.
VOTES = {
    "angry": "angry", "sad": "sad", "happy": "happy", "surprise": "surprised", "fear": "fearful",
    "disgust": "disgusted", "contempt": "contempt", "neutral": "neutral",
}  # fmt: skip
UNKNOWN = ("", "Unknown")
GENDERS = {"Male": "male", "Female": "female", **dict.fromkeys(UNKNOWN)}
SPLITS = {
    "Train": "train", "Development": "validation", "Validation": "validation", "Test1": "test", "Test2": "test2",
    "Test3": "test3",
}  # fmt: skip


def read_msppodcast(root: Path) -> Prepared:
    """Read a release; what has no label, no recording or no known code is skipped with a reason.

    Raises:
        CorpusError: the recordings or the consensus labels are missing, or a table is not what it should be.
    """
    require_folder(root, "MSP-Podcast")
    path = _first(root, CONSENSUS)
    if path is None:
        raise CorpusError(f"{root}: holds no Labels/labels_consensus.csv or .json; unpack the folder Labels there")
    rows, skipped = _consensus(path)
    votes, left_out = _votes(_first(root, DETAILED))
    texts = {file.stem: file for file in (root / TRANSCRIPTS).glob("*.txt")}
    prepared = read_files(
        root / RECORDINGS,
        "MSP-Podcast",
        lambda audio: _utterance(audio, rows.get(audio.name), votes.get(audio.name), texts.get(audio.stem)),
        f"{RECORDINGS}/MSP-PODCAST_0001_0008.wav",
        root=root,
    )
    unheard = rows.keys() - {audio.name for audio in (root / RECORDINGS).rglob("*.wav")}
    skipped += left_out
    skipped += [Skip(name, f"labelled, but not recorded in {RECORDINGS}") for name in sorted(unheard)]
    skipped += [Skip(name, f"rated, but not in {path.name}") for name in votes if name not in rows]
    skipped += [
        Skip(f"{TRANSCRIPTS}/{file.name}", f"no transcript of a recording in {path.name}")
        for file in sorted((root / TRANSCRIPTS).glob("*"))
        if file.suffix != ".txt" or f"{file.stem}.wav" not in rows
    ]
    if not texts:
        skipped.append(Skip(TRANSCRIPTS, "missing transcripts: no utterance has a text"))
    incomplete = f"{len(unheard)} of {len(rows)} labelled turns have no recording; unpack {RECORDINGS} again"
    return replace(prepared, skipped=(*prepared.skipped, *skipped), incomplete=incomplete if unheard else None)


def _first(root: Path, patterns: Iterable[str]) -> Path | None:
    return next((path for pattern in patterns for path in sorted(root.glob(pattern))), None)


def _table(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the name of the recording and the fields, row by row."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            if path.suffix == ".csv":
                yield from ((row["FileName"], row) for row in csv.DictReader(file))
                return
            for name, record in parse_json(file.read(), finite=False).items():
                if not isinstance(record, dict):
                    raise ValueError(f"{name} is no record")
                yield name, record
    except KeyError as error:
        raise CorpusError(f"{path}: has no column {error}; unpack the release again") from error
    except (OSError, ValueError, AttributeError, csv.Error) as error:
        raise CorpusError(f"{path}: cannot be read ({error}); unpack the release again") from error


def _consensus(path: Path) -> tuple[dict[str, dict[str, str]], list[Skip]]:
    """Return the name of each recording -> its fields as words."""
    rows: dict[str, dict[str, str]] = {}
    skipped: list[Skip] = []
    for name, row in _table(path):
        missing = [field for field in FIELDS if row.get(field) is None]
        if missing:
            raise CorpusError(f"{path}: {name} has no {missing[0]}; unpack the release again")
        if name in rows:
            skipped.append(Skip(name, f"a second row in {path.name}; the first is kept"))
        else:
            rows[name] = {field: str(row[field]).strip() for field in FIELDS}
    return rows, skipped


def _votes(path: Path | None) -> tuple[dict[str, dict[str, float]], list[Skip]]:
    """Return the name of each recording -> emotion -> how many raters chose it first."""
    if path is None:
        return {}, [Skip("Labels/labels_detailed.csv", "missing table of the raters: no utterance has votes")]
    votes: dict[str, dict[str, float]] = {}
    skipped: list[Skip] = []
    for name, row in _table(path):
        for word in _chosen(row, path):
            emotion = "other" if word.lower().startswith("other") else VOTES.get(word.lower())
            if emotion is None:
                skipped.append(Skip(name, f"the vote {word!r} names no known emotion and is left out"))
            else:
                counts = votes.setdefault(name, {})
                counts[emotion] = counts.get(emotion, 0.0) + 1.0
    return votes, skipped


def _chosen(row: Mapping[str, Any], path: Path) -> list[str]:
    """Return the primary emotions in a row: one in a table, one of each rater in a JSON record."""
    try:
        if path.suffix == ".json":
            return [rating["EmoClass_Major"].strip() for rating in row.values()]
        if "EmoDetail" in row:
            return [row["EmoDetail"].split(";")[1].strip()]
        return [row["EmoClass_Major"].strip()]
    except (LookupError, TypeError, AttributeError) as error:
        raise CorpusError(f"{path}: a row has no primary emotion: {row}; unpack the release again") from error


def _utterance(
    audio: Path, row: Mapping[str, str] | None, votes: Mapping[str, float] | None, transcript: Path | None
) -> Utterance | str:
    """Return the utterance of the row of a recording, or the reason why there is none."""
    if row is None:
        return "no row of the consensus labels tells of it"
    code, gender, split = row["EmoClass"], row["Gender"], row["Split_Set"]
    if code not in LABELS or gender not in GENDERS or split not in SPLITS:
        return f"unknown class, gender or split: {code!r}, {gender!r}, {split!r}"
    try:
        dimensions = {name: float(row[field]) for name, field in DIMENSIONS.items()}
    except ValueError as error:
        return f"an attribute is no number ({error})"
    text = transcript.read_text(encoding="utf-8-sig", errors="replace").strip() if transcript else ""
    podcast = PODCAST.match(audio.stem)
    return Utterance(
        id=audio.stem,
        audio=audio,
        text=text or None,
        text_source="gold" if text else None,
        label=LABELS[code],
        votes=votes,
        dimensions=dimensions,
        speaker=None if row["SpkrID"] in UNKNOWN else f"msppodcast_{row['SpkrID']}",
        gender=GENDERS[gender],
        dialogue=podcast[0] if podcast else None,
        language="en",
        split=SPLITS[split],
        tags={"source_label": code},
    )
