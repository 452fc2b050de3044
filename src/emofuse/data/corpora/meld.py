"""MELD (Poria et al. 2019): 13,708 turns of dialogues from a comedy series, seven emotions, with a fixed split.

A row of `train_sent_emo.csv`, `dev_sent_emo.csv` or `test_sent_emo.csv` is a turn; its recording is
`dia<dialogue>_utt<turn>` in `train_splits`, `dev_splits_complete` or `output_repeated_splits_test`, wherever in
`MELD.Raw` these were unpacked. They are videos; a WAV or FLAC file of the same name is taken where there is one.
Dialogues are numbered within each split, so an id names it. Texts keep the characters that the conversion by the
authors left in them. In the release `dev_dia110_utt7` has no video, `train_dia125_utt3` has a broken one, and some
videos have no row: the authors' repository and its issues confirm it. 132 turns of the test split have a second
video, `final_videos_test<name>`. The authors call these safe to ignore; several public readers hold them for the
right cuts and the first ones for wrong. Here the first is read, and the tag `second_cut` names the other.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath

from emofuse.data.corpora.prepared import Prepared, require_folder
from emofuse.data.corpora.published_tables import read_rows
from emofuse.errors import CorpusError
from emofuse.types import Corpus, Skip, Utterance

SPLITS = {"train": "train", "dev": "validation", "test": "test"}
TABLES = {f"{split}_sent_emo.csv": split for split in SPLITS}
FOLDERS = {
    "train_splits": "train", "dev_splits_complete": "dev", "output_repeated_splits_test": "test",
    **{split: split for split in SPLITS},
}  # fmt: skip
SUFFIXES = (".wav", ".flac", ".mp4")  # the first that is there is read
SECOND_CUT = "final_videos_test"
NAME = re.compile(rf"({SECOND_CUT})?dia\d+_utt\d+")
LABELS = {
    "neutral": "neutral", "joy": "happy", "sadness": "sad", "anger": "angry", "surprise": "surprised",
    "fear": "fearful", "disgust": "disgusted",
}  # fmt: skip
TAGS = {
    "source_label": "Emotion", "sentiment": "Sentiment", "season": "Season", "episode": "Episode",
    "start_time": "StartTime", "end_time": "EndTime",
}  # fmt: skip
COLUMNS = ("Utterance", "Speaker", "Dialogue_ID", "Utterance_ID", *TAGS.values())
PUBLISHED = {"train": 9989, "dev": 1109, "test": 2610}
UNRECORDED = {"train": 0, "dev": 1, "test": 0}


@dataclass(frozen=True)
class Release:
    """The files of a release: split -> table, id -> recording, id -> name of the second cut, and the rest."""

    tables: Mapping[str, Path]
    recordings: Mapping[str, Path]
    second_cuts: Mapping[str, str]
    skipped: tuple[Skip, ...]


def read_meld(root: Path) -> Prepared:
    """Read the turns that have a recording; `root` is MELD.Raw or a folder that holds it.

    Turns without a recording, recordings without a turn and other files are skipped with a reason.

    Raises:
        CorpusError: no table or no recording of a turn is there, or a table is not what it should be.
    """
    require_folder(root, "MELD")
    release = _release(root)
    if not release.tables:
        raise CorpusError(f"{root}: holds no {', '.join(TABLES)}; give the folder MELD.Raw as it was published")
    utterances: dict[str, Utterance] = {}
    skipped = list(release.skipped)
    tables = [(split, release.tables[split]) for split in SPLITS if split in release.tables]
    rows = [(split, row) for split, path in tables for row in read_rows(path, COLUMNS)]
    for split, row in rows:
        result = _utterance(split, row.values, release)
        place = f"{release.tables[split].name}:{row.line}"
        if isinstance(result, str):
            skipped.append(Skip(place, result))
        elif result.id in utterances:
            skipped.append(Skip(place, "a second row for a turn; the first is kept"))
        else:
            utterances[result.id] = result
    if not utterances:
        raise CorpusError(
            f"{root}: no turn has its recording, such as train_splits/dia0_utt0.mp4; "
            "unpack the archives train.tar.gz, dev.tar.gz and test.tar.gz inside MELD.Raw"
        )
    unread = sorted(release.recordings.keys() - utterances.keys())
    skipped += [Skip(name, "recorded, but no row can be read for it") for name in unread]
    corpus = Corpus(tuple(utterances.values()), name="meld")
    return Prepared(corpus, tuple(skipped), _shortfall(corpus))


def _shortfall(corpus: Corpus) -> str | None:
    """Return a sentence on missing or surplus turns; None if only the one without a video is missing."""
    counts = Counter(u.id.partition("_")[0] for u in corpus)
    differing = [
        f"{split} {counts[split]} for {turns}"
        for split, turns in PUBLISHED.items()
        if not turns - UNRECORDED[split] <= counts[split] <= turns
    ]
    if not differing:
        return None
    return f"the numbers of turns differ from the published ones: {', '.join(differing)}; unpack MELD.Raw again"


def _release(root: Path) -> Release:
    """Sort out the files below a folder, those nearest to the top first."""
    tables: dict[str, Path] = {}
    takes: dict[str, list[Path]] = {}
    second_cuts: dict[str, str] = {}
    skipped: list[Skip] = []
    places = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
    for place in sorted(places, key=lambda place: (len(place.parts), place)):
        name = f"{_split(place)}_{place.stem.removeprefix(SECOND_CUT)}"
        if place.name in TABLES and TABLES[place.name] not in tables:
            tables[TABLES[place.name]] = root / place
        elif reason := _stray(place):
            skipped.append(Skip(place.as_posix(), reason))
        elif place.name.startswith(SECOND_CUT):
            second_cuts[name] = place.name
            skipped.append(Skip(place.as_posix(), "a second cut of a turn; the first is read"))
        else:
            takes.setdefault(name, []).append(root / place)
    recordings = {name: min(paths, key=lambda path: SUFFIXES.index(path.suffix)) for name, paths in takes.items()}
    copies = (path for name, paths in takes.items() for path in paths if path.parent != recordings[name].parent)
    skipped += [Skip(path.relative_to(root).as_posix(), "another copy of a recording") for path in copies]
    return Release(tables, recordings, second_cuts, tuple(skipped))


def _split(place: PurePath) -> str | None:
    return next((FOLDERS[part] for part in reversed(place.parts[:-1]) if part in FOLDERS), None)


def _stray(place: PurePath) -> str | None:
    """Return the reason why a file is no recording of a turn; None if it is one."""
    if place.name.startswith("."):
        return "a hidden file that an archive program left"
    if place.name in TABLES:
        return "a second copy of a table; the one nearest to the top is read"
    if place.suffix not in SUFFIXES or NAME.fullmatch(place.stem) is None:
        return "neither a table of turns nor a recording with a name like dia0_utt0.mp4"
    if _split(place) is None:
        return f"a recording in no folder of a split ({', '.join(FOLDERS)})"
    return None


def _utterance(split: str, row: Mapping[str, str], release: Release) -> Utterance | str:
    """Return the utterance of a row, or the reason why there is none."""
    dialogue = f"{split}_dia{row['Dialogue_ID'].strip()}"
    name = f"{dialogue}_utt{row['Utterance_ID'].strip()}"
    if row["Emotion"] not in LABELS:
        return f"unknown emotion {row['Emotion']!r}"
    if name not in release.recordings:
        return f"no recording of the turn in the folders of {split}"
    text = row["Utterance"]
    tags = {tag: row[column] for tag, column in TAGS.items()}
    if name in release.second_cuts:
        tags["second_cut"] = release.second_cuts[name]
    return Utterance(
        id=name,
        audio=release.recordings[name],
        text=text or None,
        text_source="gold" if text else None,
        label=LABELS[row["Emotion"]],
        speaker=f"meld_{row['Speaker'].strip()}",
        dialogue=dialogue,
        language="en",
        split=SPLITS[split],
        tags=tags,
    )
