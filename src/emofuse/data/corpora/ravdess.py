"""RAVDESS (Livingstone & Russo 2018): 24 actors, two sentences, eight emotions, in the file names.

`Actor_<01-24>/MM-VV-EE-II-SS-RR-AA.wav`; only speech, audio only (MM 03, VV 01), is read.
"""

from __future__ import annotations

import re
from pathlib import Path

from emofuse.data.corpora.prepared import Prepared, require_folder
from emofuse.errors import CorpusError
from emofuse.types import Corpus, Skip, Utterance

NAME = re.compile(r"(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)")
LABELS = {
    "01": "neutral", "02": "calm", "03": "happy", "04": "sad", "05": "angry", "06": "fearful",
    "07": "disgusted", "08": "surprised",
}  # fmt: skip
INTENSITIES = {"01": "normal", "02": "strong"}
SENTENCES = {"01": "Kids are talking by the door.", "02": "Dogs are sitting by the door."}
AUDIO_ONLY, SPEECH = "03", "01"


def read_ravdess(root: Path) -> Prepared:
    """Read the speech files below `root`; songs, videos and strange names are skipped with a reason.

    Raises:
        CorpusError: the folder is missing or holds no RAVDESS speech file.
    """
    require_folder(root, "RAVDESS")
    utterances: dict[str, Utterance] = {}
    skipped: list[Skip] = []
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        place = path.relative_to(root).as_posix()
        found = _utterance(path)
        if isinstance(found, str):
            skipped.append(Skip(place, found))
        elif found.id in utterances:
            skipped.append(Skip(place, f"a second copy of {found.id}; RAVDESS is published with each file once"))
        else:
            utterances[found.id] = found
    if not utterances:
        raise CorpusError(
            f"{root}: no RAVDESS speech file found; expected Actor_01/03-01-01-01-01-01-01.wav and so on"
        )
    return Prepared(Corpus(tuple(utterances.values()), name="ravdess"), tuple(skipped))


def _utterance(path: Path) -> Utterance | str:
    """Return the utterance that a file name tells of, or why it tells of none."""
    match = NAME.fullmatch(path.stem)
    if path.name.startswith("."):
        return "a hidden file that an archive program left"
    if match is None:
        return "the name is not of the form MM-VV-EE-II-SS-RR-AA"
    modality, channel, emotion, intensity, sentence, repetition, actor = match.groups()
    if modality != AUDIO_ONLY or channel != SPEECH:
        return "not speech as audio only (MM 03, VV 01)"
    if path.suffix != ".wav":
        return "not a WAV file"
    if emotion not in LABELS or sentence not in SENTENCES or intensity not in INTENSITIES:
        return f"unknown emotion, intensity or sentence code in {path.stem}"
    return Utterance(
        id=path.stem,
        audio=path,
        text=SENTENCES[sentence],
        text_source="gold",
        label=LABELS[emotion],
        speaker=f"ravdess_{actor}",
        gender="male" if int(actor) % 2 else "female",
        language="en",
        tags={
            "source_label": emotion,
            "intensity": INTENSITIES[intensity],
            "sentence": sentence,
            "repetition": repetition,
        },
    )
