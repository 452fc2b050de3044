"""EmoV-DB (Adigwe et al. 2018): four English speakers, CMU ARCTIC sentences, five styles, in the file names.

`<style>_<annotation document>_<sentence>.wav`, as in `amused_1-15_0001.wav`. The names lack the speaker: a
folder above does, as in the sorted release (`bea/Amused/`), in folders named like the archives of OpenSLR 115
(`bea_Amused/`) and where these archives were unpacked by speaker (`bea/`). The texts are not part of it: they are
read from festvox's `cmuarctic.data` where that lies below the folder, and the sentences are those of arctic_a. In
the unsorted release some recordings say another sentence (numediart/EmoV-DB, issue 2); the authors removed these
from the sorted one. The number of files differs between releases, so what is checked is that every speaker has
every style. No release that was looked at holds the French actor of the paper: no folder is known to name him.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from emofuse.data.corpora.prepared import Prepared, read_files, require_folder
from emofuse.errors import CorpusError
from emofuse.types import Corpus, Skip, Utterance

NAME = re.compile(r"([a-z]+)_(\d+-\d+)_(\d{4})", re.IGNORECASE)
# Files say anger, disgust and sleepiness where folders say Angry, Disgusted and Sleepy. The amused style is speech
# with laughter: happy. Sleepiness is none of our words, and bored would claim what nobody acted: other.
LABELS = {
    "amused": "happy", "anger": "angry", "angry": "angry", "disgust": "disgusted", "disgusted": "disgusted",
    "neutral": "neutral", "sleepiness": "other", "sleepy": "other",
}  # fmt: skip
GENDERS = {"bea": "female", "jenie": "female", "josh": "male", "sam": "male"}
UNRECORDED = {("josh", "angry"), ("josh", "disgusted")}
SENTENCES = "cmuarctic.data"
SENTENCE = re.compile(r'\(\s*arctic_a(\d{4})\s+"(.*)"\s*\)')


def read_emovdb(root: Path) -> Prepared:
    """Read the recordings below `root`, and their texts where `cmuarctic.data` lies there too.

    Files without speaker, style and sentence in their names are skipped with a reason.

    Raises:
        CorpusError: the folder is missing or holds no EmoV-DB recording, or `cmuarctic.data` holds no sentence.
    """
    require_folder(root, "EmoV-DB")
    listing = min(root.rglob(SENTENCES), default=None)
    texts = {} if listing is None else _texts(listing)

    def reading(path: Path) -> Utterance | str:
        return _utterance(path, root, texts)

    prepared = read_files(root, "EmoV-DB", reading, "bea/Amused/amused_1-15_0001.wav")
    used = None if listing is None else listing.relative_to(root).as_posix()
    skipped = [skip for skip in prepared.skipped if skip.id != used]
    if texts:
        reason = f"{SENTENCES} has no such sentence: the recording is kept without text"
        skipped += [Skip(u.id, reason) for u in prepared.corpus if u.text is None]
    return replace(prepared, skipped=tuple(skipped), incomplete=_missing_styles(prepared.corpus))


def _texts(listing: Path) -> dict[str, str]:
    """Return the sentences of arctic_a by their numbers."""
    try:
        lines = listing.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise CorpusError(f"{listing}: cannot be read ({error.strerror}); check its permissions") from error
    matches = [match for line in lines if (match := SENTENCE.fullmatch(line.strip()))]
    if not matches:
        raise CorpusError(
            f'{listing}: holds no line of the form ( arctic_a0001 "..." ); '
            "download it again from festvox.org/cmu_arctic, or remove it to read the recordings without text"
        )
    return {match[1]: match[2].replace('\\"', '"') for match in matches}


def _utterance(path: Path, root: Path, texts: Mapping[str, str]) -> Utterance | str:
    """Return the utterance of a file and its folders, or the reason why there is none."""
    match = NAME.fullmatch(path.stem)
    if match is None or path.suffix.lower() != ".wav":
        return "the name is not of the form amused_1-15_0001.wav: style, annotation document, sentence"
    style, document, sentence = match[1].lower(), match[2], match[3]
    if style not in LABELS:
        return f"unknown style {style!r}; known are {', '.join(LABELS)}"
    # From the nearest folder up to the root, and no further: a home may be called sam.
    folders = [*reversed(path.relative_to(root).parent.parts), root.name]
    words = [word for folder in folders for word in folder.lower().split("_")]
    speaker = next((word for word in words if word in GENDERS), None)
    if speaker is None:
        return f"no folder above it names a speaker ({', '.join(GENDERS)}), as in bea/Amused or bea_Amused"
    folder_style = next((word for word in words if word in LABELS), style)
    if LABELS[folder_style] != LABELS[style]:
        return f"the file is named {style}, but its folder {folder_style}"
    text = texts.get(sentence)
    return Utterance(
        id=f"{speaker}_{path.stem.lower()}",
        audio=path,
        text=text,
        text_source=None if text is None else "gold",
        label=LABELS[style],
        speaker=f"emovdb_{speaker}",
        gender=GENDERS[speaker],
        language="en",
        tags={"source_label": style, "sentence": sentence, "annotation_document": document},
    )


def _missing_styles(corpus: Corpus) -> str | None:
    """Return a sentence on the speakers that lack labels; None where each has all that were recorded."""
    cells = {(speaker, label) for speaker in GENDERS for label in dict.fromkeys(LABELS.values())} - UNRECORDED
    missing = sorted(cells - {(str(u.speaker).removeprefix("emovdb_"), u.label) for u in corpus})
    if not missing:
        return None
    listed = ", ".join(f"{speaker} {label}" for speaker, label in missing)
    return f"no recording of {listed}, which EmoV-DB was published with; unpack these archives too"
