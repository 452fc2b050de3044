"""RAVDESS (Livingstone & Russo 2018): 24 actors, two sentences, eight emotions, in the file names.

`Actor_<01-24>/MM-VV-EE-II-SS-RR-AA.wav`; only speech, audio only (MM 03, VV 01), is read.
"""

from __future__ import annotations

import re
from pathlib import Path

from emofuse.data.corpora.prepared import Prepared, read_files
from emofuse.types import Utterance

NAME = re.compile(r"(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)")
LABELS = {
    "01": "neutral", "02": "calm", "03": "happy", "04": "sad", "05": "angry", "06": "fearful",
    "07": "disgusted", "08": "surprised",
}  # fmt: skip
INTENSITIES = {"01": "normal", "02": "strong"}
SENTENCES = {"01": "Kids are talking by the door.", "02": "Dogs are sitting by the door."}
AUDIO_ONLY, SPEECH = "03", "01"
PUBLISHED = 1440


def read_ravdess(root: Path) -> Prepared:
    """Read the speech files below `root`; songs, videos and strange names are skipped with a reason.

    Raises:
        CorpusError: the folder is missing or holds no RAVDESS speech file.
    """
    example = "Actor_01/03-01-01-01-01-01-01.wav"
    return read_files(root, "RAVDESS", _utterance, example, PUBLISHED)


def _utterance(path: Path) -> Utterance | str:
    """Return the utterance of a file name, or the reason why there is none."""
    match = NAME.fullmatch(path.stem)
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
