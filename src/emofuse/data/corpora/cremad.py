"""CREMA-D (Cao et al. 2014): 91 actors, twelve sentences, six emotions, and the votes of listeners.

`AudioWAV/<actor>_<sentence>_<emotion>_<level>.wav`, as in `1001_IEO_HAP_LO.wav`, 7442 recordings, in a Git
repository that keeps them in Git LFS: without `git lfs pull` each is a few lines of text. One file is called
`1040_ITH_SAD_X.wav`, while all tables say XX. The label is the emotion that was acted. Voice, face and both were
rated apart; of `processedResults/tabulatedVotes.csv` only the votes on the voice alone are read, whose rows are
numbered from 100001 (200001 the face, 300001 both; the authors' R script numbers them so). The tag `voice_vote` is
what most voters chose, a tie joined by colons. Gender is from `VideoDemographics.csv`. All of this was confirmed
in the authors' repository, the odd file name in public readers. `1076_MTI_SAD_XX` is said to be silent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from emofuse.data.corpora.prepared import Prepared, read_files, require_folder
from emofuse.data.corpora.published_tables import read_rows
from emofuse.errors import CorpusError
from emofuse.types import Skip, Utterance

TITLE = "CREMA-D"
NAME = re.compile(r"(\d{4})_([A-Z]{3})_([A-Z]{3})_([A-Z]{2})")
LABELS = {
    "ANG": "angry", "DIS": "disgusted", "FEA": "fearful", "HAP": "happy", "NEU": "neutral", "SAD": "sad",
}  # fmt: skip
LETTERS = {code[0]: label for code, label in LABELS.items()}
LEVELS = {"LO": "low", "MD": "medium", "HI": "high", "XX": "unspecified"}
SENTENCES = {
    "DFA": "Don't forget a jacket.",
    "IEO": "It's eleven o'clock.",
    "IOM": "I'm on my way to the meeting.",
    "ITH": "I think I have a doctor's appointment.",
    "ITS": "I think I've seen this before.",
    "IWL": "I would like a new alarm clock.",
    "IWW": "I wonder what this is about.",
    "MTI": "Maybe tomorrow it will be cold.",
    "TAI": "The airplane is almost full.",
    "TIE": "That is exactly what happened.",
    "TSI": "The surface is slick.",
    "WSI": "We'll stop in a couple of minutes.",
}
MISNAMED = {"1040_ITH_SAD_X": "1040_ITH_SAD_XX"}
PUBLISHED = 7442

VOTES, DEMOGRAPHICS = "processedResults/tabulatedVotes.csv", "VideoDemographics.csv"
WITHOUT = {VOTES: "votes and no tag voice_vote", DEMOGRAPHICS: "gender"}
VOICE_ROWS = range(100_000, 200_000)
POINTER = b"version https://git-lfs"
PULL = "a pointer of Git LFS, not a recording; run `git lfs pull` in the repository"

Votes = Mapping[str, float]


def read_cremad(root: Path) -> Prepared:
    """Read the recordings in `AudioWAV` below `root`, or in `root` itself, with the tables of the repository.

    Without a table its facts are None, and a skip records it.

    Raises:
        CorpusError: the folder is missing, holds no recording or only pointers, or a table is not as published.
    """
    require_folder(root, TITLE)
    folder = root / "AudioWAV" if (root / "AudioWAV").is_dir() else root
    release = root.parent if root.name == "AudioWAV" else root
    wavs = sorted(folder.rglob("*.wav"))
    if wavs and all(map(_is_pointer, wavs)):
        raise CorpusError(f"{folder}: each recording is {PULL}")
    votes, genders = _voice_votes(release / VOTES), _genders(release / DEMOGRAPHICS)
    reading = partial(_utterance, votes=votes, genders=genders)
    prepared = read_files(folder, TITLE, reading, "AudioWAV/1001_DFA_ANG_XX.wav", PUBLISHED, root)
    missing = [
        Skip(name, f"no such table in {release}: no utterance has {facts}")
        for name, facts in WITHOUT.items()
        if not (release / name).is_file()
    ]
    unmatched = _unmatched(votes, {u.id for u in prepared.corpus}) if votes else []
    return replace(prepared, skipped=(*prepared.skipped, *missing, *unmatched))


def _unmatched(votes: Mapping[str, Votes], ids: set[str]) -> list[Skip]:
    unheard = [Skip(name, f"voted on in {VOTES}, but not recorded") for name in sorted(votes.keys() - ids)]
    return unheard + [Skip(name, f"no votes in {VOTES}") for name in sorted(ids - votes.keys())]


def _is_pointer(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(POINTER)) == POINTER


def _voice_votes(path: Path) -> dict[str, Votes]:
    """Return recording -> label -> votes on the voice alone; labels without a vote are left out."""
    votes: dict[str, Votes] = {}
    for line, row in read_rows(path, ("", *LETTERS, "fileName")) if path.is_file() else []:
        try:
            if int(row[""]) in VOICE_ROWS:
                counts = {label: float(row[letter]) for letter, label in LETTERS.items()}
                votes[row["fileName"]] = {label: count for label, count in counts.items() if count}
        except ValueError as error:
            raise CorpusError(f"{path}:{line}: the number of a row and its votes are numbers ({error})") from error
    return votes


def _genders(path: Path) -> dict[str, str]:
    rows = read_rows(path, ("ActorID", "Sex")) if path.is_file() else []
    return {row["ActorID"]: row["Sex"].lower() for _, row in rows}


def _utterance(path: Path, votes: Mapping[str, Votes], genders: Mapping[str, str]) -> Utterance | str:
    """Return the utterance of a file name and the tables, or the reason why there is none."""
    name = MISNAMED.get(path.stem, path.stem)
    match = NAME.fullmatch(name)
    if match is None or path.suffix != ".wav":
        return "the name is not of the form 1001_IEO_HAP_LO.wav: actor, sentence, emotion, level"
    actor, sentence, emotion, level = match.groups()
    if sentence not in SENTENCES or emotion not in LABELS or level not in LEVELS:
        return f"unknown sentence, emotion or level code in {path.stem}"
    if _is_pointer(path):
        return PULL
    tags = {"source_label": emotion, "acted": LABELS[emotion], "level": LEVELS[level], "sentence": sentence}
    ballots = votes.get(name, {})
    if ballots:
        tags["voice_vote"] = ":".join(label for label, count in ballots.items() if count == max(ballots.values()))
    return Utterance(
        id=name,
        audio=path,
        text=SENTENCES[sentence],
        text_source="gold",
        label=LABELS[emotion],
        votes=ballots or None,
        speaker=f"cremad_{actor}",
        gender=genders.get(actor),
        language="en",
        tags=tags,
    )
