"""SAVEE (Haq & Jackson 2010): four men from Surrey, seven emotions, 120 sentences each, in the file names.

`AudioData/<DC|JE|JK|KL>/<emotion><number>.wav`, as in `DC/sa03.wav`, or flat, as in `DC_sa03.wav`; 480 recordings
as published: 15 sentences for each emotion and 30 for neutral. Speakers, codes and numbers were confirmed in the
corpus's own Info.txt. Of the 15 sentences of an emotion three are common to all emotions and are also said
neutrally, two belong to the emotion, ten are its own; that the common ones are the first three is from memory. The
files come without their sentences: `text` is None, and the tag `sentence` holds the number within the emotion.
"""

from __future__ import annotations

import re
from pathlib import Path

from emofuse.data.corpora.prepared import Prepared, read_files
from emofuse.types import Utterance

NAME = re.compile(r"(?:([A-Z]{2})_?)?([a-z]{1,2})(\d\d)")
SPEAKERS = ("DC", "JE", "JK", "KL")
LABELS = {
    "a": "angry", "d": "disgusted", "f": "fearful", "h": "happy", "n": "neutral", "sa": "sad", "su": "surprised",
}  # fmt: skip
SENTENCES = {**dict.fromkeys(LABELS, 15), "n": 30}
PUBLISHED = 480


def read_savee(root: Path) -> Prepared:
    """Read the recordings in `AudioData` below `root`, or in `root` itself; other files are skipped with a reason.

    Raises:
        CorpusError: the folder is missing or holds no SAVEE recording.
    """
    folder = root / "AudioData" if (root / "AudioData").is_dir() else root
    return read_files(folder, "SAVEE", _utterance, "AudioData/DC/a01.wav", PUBLISHED, root)


def _utterance(path: Path) -> Utterance | str:
    """Return the utterance of a file and its folder, or the reason why there is none."""
    match = NAME.fullmatch(path.stem)
    if match is None or path.suffix != ".wav":
        return "the name is not of the form DC/sa03.wav or DC_sa03.wav: speaker, emotion, sentence"
    speaker, emotion, sentence = match[1] or path.parent.name, match[2], match[3]
    if speaker not in SPEAKERS:
        return f"neither the name nor the folder is of a speaker ({', '.join(SPEAKERS)})"
    if emotion not in LABELS or not 1 <= int(sentence) <= SENTENCES[emotion]:
        return f"unknown emotion code or sentence number in {path.stem}"
    return Utterance(
        id=f"{speaker}_{emotion}{sentence}",
        audio=path,
        label=LABELS[emotion],
        speaker=f"savee_{speaker}",
        gender="male",
        language="en",
        tags={"source_label": emotion, "sentence": sentence},
    )
