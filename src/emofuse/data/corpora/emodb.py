"""EmoDB (Burkhardt et al. 2005): ten speakers, ten German sentences, seven emotions, in the file names.

`wav/<speaker><sentence><emotion><take>.wav`, as in `03a01Fa.wav`; 535 recordings as published.
"""

from __future__ import annotations

import re
from pathlib import Path

from emofuse.data.corpora.prepared import Prepared, read_files
from emofuse.types import Utterance

NAME = re.compile(r"(\d\d)([ab]\d\d)([A-Z])([a-z])")
# The codes are the first letters of the German words.
LABELS = {
    "W": "angry", "L": "bored", "E": "disgusted", "A": "fearful", "F": "happy", "T": "sad", "N": "neutral",
}  # fmt: skip
GENDERS = {
    **dict.fromkeys(("03", "10", "11", "12", "15"), "male"),
    **dict.fromkeys(("08", "09", "13", "14", "16"), "female"),
}
SENTENCES = {
    "a01": "Der Lappen liegt auf dem Eisschrank.",
    "a02": "Das will sie am Mittwoch abgeben.",  # codespell:ignore
    "a04": "Heute abend könnte ich es ihm sagen.",
    "a05": "Das schwarze Stück Papier befindet sich da oben neben dem Holzstück.",
    "a07": "In sieben Stunden wird es soweit sein.",
    "b01": "Was sind denn das für Tüten, die da unter dem Tisch stehen?",  # codespell:ignore
    "b02": "Sie haben es gerade hochgetragen und jetzt gehen sie wieder runter.",  # codespell:ignore
    "b03": "An den Wochenenden bin ich jetzt immer nach Hause gefahren und habe Agnes besucht.",
    "b09": "Ich will das eben wegbringen und dann mit Karl was trinken gehen.",
    "b10": "Die wird auf dem Platz sein, wo wir sie immer hinlegen.",  # codespell:ignore
}
PUBLISHED = 535


def read_emodb(root: Path) -> Prepared:
    """Read the recordings in `wav` below `root`, or in `root` itself; other files there are skipped with a reason.

    Raises:
        CorpusError: the folder is missing or holds no EmoDB recording.
    """
    folder = root / "wav" if (root / "wav").is_dir() else root
    return read_files(folder, "EmoDB", _utterance, "wav/03a01Fa.wav", PUBLISHED, root)


def _utterance(path: Path) -> Utterance | str:
    """Return the utterance of a file name, or the reason why there is none."""
    match = NAME.fullmatch(path.stem)
    if match is None or path.suffix != ".wav":
        return "the name is not of the form 03a01Fa.wav: speaker, sentence, emotion, take"
    speaker, sentence, emotion, take = match.groups()
    if speaker not in GENDERS or sentence not in SENTENCES or emotion not in LABELS:
        return f"unknown speaker, sentence or emotion code in {path.stem}"
    return Utterance(
        id=path.stem,
        audio=path,
        text=SENTENCES[sentence],
        text_source="gold",
        label=LABELS[emotion],
        speaker=f"emodb_{speaker}",
        gender=GENDERS[speaker],
        language="de",
        tags={"source_label": emotion, "sentence": sentence, "take": take},
    )
