from __future__ import annotations

import pickle
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from emofuse.data.corpora.audformat_database import read_audformat
from emofuse.data.manifest import load_corpus, save_corpus
from emofuse.errors import CorpusError, MissingExtraError
from emofuse.types import Skip, Utterance

audformat = pytest.importorskip("audformat")

FILES = ("wav/03a01Fa.wav", "wav/03a01Nc.wav", "wav/08b01Wa.wav", "wav/08b01Ta.wav")
LABELS = ("happiness", "neutral", "anger", "sadness")


def database(languages: tuple[str, ...] = ("de",)) -> Any:
    """Make a database without tables."""
    made = audformat.Database("made", languages=list(languages))
    made.schemes["emotion"] = audformat.Scheme(labels=[*LABELS, "fear"])
    made.schemes["confidence"] = audformat.Scheme("float", minimum=0, maximum=1)
    made.schemes["duration"] = audformat.Scheme("time")
    made.schemes["speaker"] = audformat.Scheme(
        labels={
            3: {"gender": "male", "age": 31, "language": "deu"},
            8: {"gender": "female", "age": 34, "language": "deu"},
        }
    )
    made.schemes["transcription"] = audformat.Scheme(labels={"a01": "Der Lappen.", "b01": "Was sind das?"})
    made.schemes["arousal"] = audformat.Scheme("float")
    made.raters["gold"] = audformat.Rater()  # of the type human, as in emodb
    made.raters["agreed"] = audformat.Rater("vote")
    made.raters["model"] = audformat.Rater("machine")
    for rater in ("r1", "r2", "r3"):
        made.raters[rater] = audformat.Rater("human")
    for split in ("train", "dev", "test", "other"):
        made.splits[split] = audformat.Split(split)
    return made


def add(made: Any, table: str, index: Any, split: str | None = None, **columns: tuple[str | None, str | None, list[Any]]) -> None:
    """Add a table; a column is a scheme, a rater and values, its name with __ for a dot."""
    made[table] = audformat.Table(index, split_id=split)
    for name, (scheme, rater, values) in columns.items():
        column = name.replace("__", ".")
        made[table][column] = audformat.Column(scheme_id=scheme, rater_id=rater)
        made[table][column].set(values)


def whole(*files: str) -> Any:
    return audformat.filewise_index(list(files))


def saved(made: Any, root: Path, *missing: str) -> Path:
    """Save a database, with empty files for its recordings."""
    made.save(str(root), storage_format="csv")
    for file in set(made.files) - set(missing):
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).touch()
    return root


def emodb() -> Any:
    """Make a database with the tables and columns that emodb has in audb."""
    made = database()
    gold = {"emotion": ("emotion", "gold"), "emotion__confidence": ("confidence", "gold")}
    for table, split, part in (
        ("emotion", None, slice(0, 4)),
        ("emotion.categories.test.gold_standard", "test", slice(2, 4)),
        ("emotion.categories.train.gold_standard", "train", slice(0, 2)),
    ):
        values = {"emotion": list(LABELS)[part], "emotion__confidence": [0.9, 1.0, 0.95, 0.5][part]}
        columns = {name: (*kind, values[name]) for name, kind in gold.items()}
        add(made, table, whole(*FILES[part]), split, **columns)
    seconds = audformat.utils.to_timedelta if False else None
    del seconds
    import pandas as pd

    add(
        made,
        "files",
        whole(*FILES),
        duration=("duration", None, list(pd.to_timedelta([1.5, 2, 3, 4], unit="s"))),
        speaker=("speaker", None, [3, 3, 8, 8]),
        transcription=("transcription", None, ["a01", "a01", "b01", "b01"]),
    )
    return made
