"""ESD (Zhou et al. 2021): ten Mandarin and ten English speakers, 350 sentences in each of five emotions.

`<0001-0020>/<emotion>/<speaker>_<number>.wav`, in some copies with `train`, `evaluation` and `test` below the
emotion, which then are the split; 35,000 recordings as published. Every sentence is said in every emotion, so the
words carry no information on it; the tag `sentence` is its number from 1 to 350 in a speaker's list.
`<speaker>/<speaker>.txt` holds a line for each recording: id, text and emotion, which is in Chinese for the
Mandarin speakers. Its encoding changes from speaker to speaker (ASCII, UTF-16, GB2312), and in places blanks stand
for the tabs. Layout, encodings, Chinese words and genders were confirmed in the corpus's ReadMe, its issues and
public readers; that two English tables (0016, 0017) are GB2312 is likely, not certain. A byte that does not fit
becomes U+FFFD, and a skip records it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from emofuse.data.corpora.prepared import Prepared, read_files, require_folder
from emofuse.types import Corpus, Skip, Utterance

NAME = re.compile(r"(\d{4})_(\d{6})")
LINE = re.compile(r"(\d{4}_\d{6})\s+(.*)")
LABELS = {"Neutral": "neutral", "Angry": "angry", "Happy": "happy", "Sad": "sad", "Surprise": "surprised"}
CHINESE = {"中立": "neutral", "生气": "angry", "快乐": "happy", "伤心": "sad", "惊喜": "surprised"}
SPLITS = {"train": "train", "evaluation": "validation", "test": "test"}
MEN = ("0004", "0005", "0006", "0008", "0010", "0011", "0012", "0013", "0014", "0020")
GENDERS = {f"{n:04}": "male" if f"{n:04}" in MEN else "female" for n in range(1, 21)}
LAST_MANDARIN = "0010"
SENTENCES = 350
PUBLISHED = 35_000
TABLE = "the table of a speaker"


@dataclass(frozen=True)
class Line:
    """What a speaker's table says of a recording; `label` is None where its last word is no emotion."""

    text: str
    label: str | None


def read_esd(root: Path) -> Prepared:
    """Read the recordings below `root` with the texts of the speakers' tables.

    Where a table lacks a recording its text is None, and a skip says so; so it does for lines without a recording.

    Raises:
        CorpusError: the folder is missing or holds no ESD recording.
    """
    require_folder(root, "ESD")
    lines, strange = _read_tables(root)
    reading = partial(_utterance, lines=lines)
    prepared = read_files(root, "ESD", reading, "0001/Angry/0001_000351.wav", PUBLISHED)
    stray = [skip for skip in prepared.skipped if skip.reason != TABLE]
    return replace(prepared, skipped=(*stray, *strange, *_differences(lines, prepared.corpus)))


def _read_tables(root: Path) -> tuple[dict[str, Line], list[Skip]]:
    """Return recording -> line; what is not a line of a table is skipped."""
    lines: dict[str, Line] = {}
    skipped: list[Skip] = []
    for path in sorted(filter(_is_table, root.rglob("*.txt"))):
        for number, line in enumerate(re.split(r"\r\n?|\n", _decoded(path.read_bytes())), start=1):
            place = f"{path.relative_to(root).as_posix()}:{number}"
            match = LINE.fullmatch(line.strip())
            if match is None:
                skipped += [Skip(place, "a line without the id of a recording and a text")] if line.strip() else []
            elif match[1] in lines:
                skipped.append(Skip(place, "a second line for a recording; the first is kept"))
            else:
                lines[match[1]] = _line(match[2])
                skipped += [Skip(place, "bytes in no known encoding became U+FFFD")] if "\ufffd" in line else []
    return lines, skipped


def _is_table(path: Path) -> bool:
    return path.stem in GENDERS and path.parent.name == path.stem


def _decoded(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace")
    if b"\0" in content:
        return content.decode("utf-16-le", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("gb18030", errors="replace")


def _line(rest: str) -> Line:
    """Part a text from the emotion after it, by a tab or by blanks; the emotion may be missing."""
    text, _, last = rest.replace("\t", " ").rpartition(" ")
    label = (LABELS | CHINESE).get(last)
    return Line(rest.strip() if label is None else text.strip(), label)


def _differences(lines: Mapping[str, Line], corpus: Corpus) -> list[Skip]:
    """Yield what is in a table or a recording alone, and where the two name different emotions."""
    skipped = [
        Skip(name, "in the table of the speaker, but not recorded")
        for name in sorted(lines.keys() - {u.id for u in corpus})
    ]
    for utterance in corpus:
        line = lines.get(utterance.id, Line("", None))
        if not line.text:
            skipped.append(Skip(utterance.id, "no text in the table of the speaker"))
        if line.label not in (None, utterance.label):
            skipped.append(Skip(utterance.id, "another emotion in the table of the speaker; the folder's is kept"))
    return skipped


def _utterance(path: Path, lines: Mapping[str, Line]) -> Utterance | str:
    """Return the utterance of a file, its folder and the tables, or the reason why there is none."""
    if _is_table(path):
        return TABLE
    match = NAME.fullmatch(path.stem)
    if match is None or path.suffix != ".wav":
        return "the name is not of the form 0001_000351.wav: speaker, number"
    speaker, number = match.groups()
    folder = path.parent.parent if path.parent.name in SPLITS else path.parent
    if speaker not in GENDERS or folder.name not in LABELS:
        return f"unknown speaker, or not in a folder of an emotion ({', '.join(LABELS)})"
    line = lines.get(path.stem)
    text = line.text if line and line.text else None
    return Utterance(
        id=path.stem,
        audio=path,
        text=text,
        text_source="gold" if text else None,
        label=LABELS[folder.name],
        speaker=f"esd_{speaker}",
        gender=GENDERS[speaker],
        language="zh" if speaker <= LAST_MANDARIN else "en",
        split=SPLITS.get(path.parent.name),
        tags={"source_label": folder.name, "sentence": str((int(number) - 1) % SENTENCES + 1)},
    )
