"""TESS, the Toronto emotional speech set (Dupuis & Pichora-Fuller 2010): two actresses, 200 words, seven emotions.

`<actress>_<word>_<emotion>.wav`, as in `OAF_back_angry.wav`, in one folder or in folders like `OAF_Sad` and
`YAF_pleasant_surprised`, which tell nothing that the name does not; 2800 recordings as published. The copy that
most people have holds the whole tree a second time inside itself, and one file there is called
`OA_bite_neutral.wav`: it belongs to the older actress (OAF). Names, folders, the misnamed file and the double tree
were confirmed in public readers of the corpus; that a copy might write out `ps` (pleasant surprise) was not.
"""

from __future__ import annotations

import re
from pathlib import Path

from emofuse.data.corpora.prepared import Prepared, read_files
from emofuse.types import Utterance

NAME = re.compile(r"(OAF|YAF)_([a-z]+)_([a-z_]+)", re.IGNORECASE)
LABELS = {
    "angry": "angry", "disgust": "disgusted", "fear": "fearful", "happy": "happy", "neutral": "neutral",
    "ps": "surprised", "sad": "sad",
    **dict.fromkeys(("pleasant_surprise", "pleasant_surprised", "surprise", "surprised"), "surprised"),
}  # fmt: skip
MISNAMED = {"OA_bite_neutral": "OAF_bite_neutral"}
PUBLISHED = 2800


def read_tess(root: Path) -> Prepared:
    """Read the recordings below `root`; second copies and other files are skipped with a reason.

    Raises:
        CorpusError: the folder is missing or holds no TESS recording.
    """
    return read_files(root, "TESS", _utterance, "OAF_angry/OAF_back_angry.wav", PUBLISHED)


def _utterance(path: Path) -> Utterance | str:
    """Return the utterance of a file name, or the reason why there is none."""
    name = MISNAMED.get(path.stem, path.stem)
    match = NAME.fullmatch(name)
    if match is None or path.suffix.lower() != ".wav":
        return "the name is not of the form OAF_back_angry.wav: actress, word, emotion"
    actress, word, emotion = match[1].upper(), match[2].lower(), match[3].lower()
    if emotion not in LABELS:
        return f"unknown emotion {match[3]!r}"
    return Utterance(
        id=name,
        audio=path,
        text=f"Say the word {word}.",
        text_source="gold",
        label=LABELS[emotion],
        speaker=f"tess_{actress}",
        gender="female",
        language="en",
        tags={"source_label": match[3], "word": word},
    )
