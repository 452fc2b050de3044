"""IEMOCAP (Busso et al. 2008): five pairs of actors, scripted and improvised dialogues, 10,039 turns.

A turn is what `dialog/EmoEvaluation/<dialogue>.txt` evaluates; its sound is `sentences/wav/<dialogue>/<turn>.wav`
and its words stand in `dialog/transcriptions/<dialogue>.txt`. The three are joined by the id of the turn: the
times differ in the last digit. What only one of them knows (back-channels, ids with XX) is skipped with a reason.
The tag `take` tells the recordings of a script apart: who wears the markers, then the part, as in F_1, M_1b or F.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from emofuse.data.corpora.prepared import Prepared, require_folder
from emofuse.data.labels import apply_policy
from emofuse.errors import CorpusError
from emofuse.types import Corpus, Skip, Utterance

RELEASE = "IEMOCAP_full_release"
SESSIONS = ("Session1", "Session2", "Session3", "Session4", "Session5")
# The folders beside hold one file per rater; the summaries at the top have it all.
EVALUATIONS, TRANSCRIPTIONS = "dialog/EmoEvaluation/*.txt", "dialog/transcriptions/*.txt"
RECORDINGS = "sentences/wav/*/*.wav"

LABELS = {
    "ang": "angry", "hap": "happy", "exc": "excited", "sad": "sad", "neu": "neutral", "fru": "frustrated",
    "fea": "fearful", "sur": "surprised", "dis": "disgusted", "oth": "other",
}  # fmt: skip
NO_MAJORITY = "xxx"
STYLES = {"impro": "improvised", "script": "scripted"}
# The last field names the speaker; the letter after the session only says who wears the markers.
GENDERS = {"F": "female", "M": "male"}

DIALOGUE = r"(Ses0[1-5])([FM])_((impro|script)\d\d)_?(\d?[a-z]?)"
TURN = re.compile(DIALOGUE + r"_([FM])[X\d]{2}\d")
FILE = re.compile(DIALOGUE + r"(?:_[FM][X\d]{2}\d)?")
NUMBER = r"(\d+(?:\.\d+)?)"
SUMMARY = re.compile(rf"\[{NUMBER} - {NUMBER}\]\s+(\S+)\s+(\S+)\s+\[{NUMBER}, {NUMBER}, {NUMBER}\]")
# External raters are C-E1, C-E2, ...; what the actors say of themselves (C-F1, C-M1) is no vote.
RATER = re.compile(r"C-E\d+:([^(]*)")
SPOKEN = re.compile(r"(Ses\w+)\s+\[[^\]]*\]\s*:(.*)")

PUBLISHED = {
    "turns": 10_039, "neutral": 1708, "happy": 1636, "angry": 1103, "sad": 1084,
    "Ses01": 1085, "Ses02": 1023, "Ses03": 1151, "Ses04": 1031, "Ses05": 1241,
}  # fmt: skip


@dataclass(frozen=True)
class Turn:
    """What the raters made of one turn."""

    id: str
    code: str
    dimensions: Mapping[str, float] = field(hash=False)
    votes: Mapping[str, float] = field(hash=False)


def read_iemocap(root: Path) -> Prepared:
    """Read the whole release; `root` is IEMOCAP_full_release or the folder that holds it.

    A missing session is skipped with a reason, and so is everything that lacks its recording or its evaluation.

    Raises:
        CorpusError: no session is there, one is only half there, or an evaluation is not what it should be.
    """
    require_folder(root, "IEMOCAP")
    release = _release(root)
    utterances: list[Utterance] = []
    skipped: list[Skip] = []
    for name in SESSIONS:
        if not (release / name).is_dir():
            skipped.append(Skip(name, f"missing session: there is no folder {release / name}"))
            continue
        session = _read_session(release / name)
        utterances += session.corpus
        skipped += session.skipped
    if not utterances:
        raise CorpusError(f"{release}: no evaluated turn has its recording; unpack the release again")
    return Prepared(Corpus(tuple(utterances), name="iemocap"), tuple(skipped))


def check_counts(corpus: Corpus) -> str | None:
    """Say in one sentence how a corpus as read differs from the published counts; None if it does not."""
    four, _ = apply_policy(corpus, "iemocap4")
    labelled = [u for u in four if u.label is not None]
    found = Counter({"turns": len(corpus)})
    found.update(u.label for u in labelled if u.label)
    found.update(u.session for u in labelled if u.session)
    differing = [
        f"{name} {found[name]} instead of {count}" for name, count in PUBLISHED.items() if found[name] != count
    ]
    if not differing:
        return None
    return (
        "these counts (turns; neutral, happy with excited, angry and sad, in all and by session) differ from "
        f"the published 5531 of 10039: {', '.join(differing)}"
    )


def _release(root: Path) -> Path:
    for folder in (root, root / RELEASE):
        if any((folder / session).is_dir() for session in SESSIONS):
            return folder
    raise CorpusError(
        f"{root}: neither it nor a folder {RELEASE} in it holds Session1 to Session5; "
        f"unpack {RELEASE}.tar.gz and give the folder {RELEASE}"
    )


def _read_session(session: Path) -> Prepared:
    evaluations, skipped = _listed(session, EVALUATIONS)
    transcriptions, strange = _listed(session, TRANSCRIPTIONS)
    recordings, stray = _listed(session, RECORDINGS)
    skipped += strange + stray
    for name in sorted({path.stem for path in evaluations} - {path.stem for path in transcriptions}):
        place = f"{session.name}/dialog/transcriptions/{name}.txt"
        skipped.append(Skip(place, "missing transcription: the turns of this dialogue have no text"))
    texts, idless = _texts(transcriptions)
    skipped += idless
    wavs = {path.stem: path for path in recordings}
    evaluated: set[str] = set()
    utterances: list[Utterance] = []
    for turn in (turn for path in evaluations for turn in _evaluated(path)):
        if isinstance(turn, Skip):
            skipped.append(turn)
            continue
        evaluated.add(turn.id)
        if turn.id in wavs:
            utterances.append(_utterance(turn, wavs[turn.id], texts.get(turn.id)))
        else:
            place = f"{session.name}/sentences/wav/{turn.id.rsplit('_', 1)[0]}/{turn.id}.wav"
            skipped.append(Skip(turn.id, f"evaluated, but there is no recording {place}"))
    for name in sorted((wavs.keys() | texts.keys()) - evaluated):
        having = " and ".join(what for what, ids in (("recorded", wavs), ("transcribed", texts)) if name in ids)
        skipped.append(Skip(name, f"{having}, but no file of dialog/EmoEvaluation evaluates it"))
    return Prepared(Corpus(tuple(utterances), name=session.name), tuple(skipped))


def _listed(session: Path, pattern: str) -> tuple[list[Path], list[Skip]]:
    """Return the files of a session that bear the name of a dialogue or a turn; the others are skipped."""
    files: list[Path] = []
    skipped: list[Skip] = []
    for path in sorted(session.glob(pattern)):
        if path.name.startswith("."):
            skipped.append(Skip(_place(path, session), "a hidden file that an archive program left"))
        elif FILE.fullmatch(path.stem) is None:
            skipped.append(Skip(_place(path, session), "not the name of a dialogue or a turn"))
        else:
            files.append(path)
    if not files:
        raise CorpusError(f"{session}: holds no {pattern}; it is only half unpacked: unpack the release again")
    return files, skipped


def _place(path: Path, session: Path) -> str:
    return path.relative_to(session.parent).as_posix()


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Number the lines of a file that are not empty; what is not UTF-8 is read as Windows-1252, as it was typed."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
    for number, line in enumerate(re.split(r"\r\n?|\n", text), start=1):
        if line.strip():
            yield number, line.strip()


def _texts(paths: Iterable[Path]) -> tuple[dict[str, str], list[Skip]]:
    """Return turn -> raw text; lines without the id of a turn are skipped."""
    texts: dict[str, str] = {}
    skipped: list[Skip] = []
    for path in paths:
        for number, line in _lines(path):
            match = SPOKEN.fullmatch(line)
            place = f"{_place(path, path.parents[2])}:{number}"
            if match is None:
                skipped.append(Skip(place, "a line without the id of a turn, as a back-channel has it"))
            elif match[1] in texts:
                skipped.append(Skip(place, f"a second text for {match[1]}; the first is kept"))
            else:
                texts[match[1]] = match[2].strip()
    return texts, skipped


def _evaluated(path: Path) -> Iterator[Turn | Skip]:
    """Yield the turns of an evaluation file, and a skip for each vote that names no known emotion."""
    turn: Turn | None = None
    for number, line in _lines(path):
        rater = RATER.match(line)
        if line.startswith("["):
            if turn:
                yield turn
            turn = _turn(line, f"{path}:{number}")
        elif rater and turn:
            votes = _with_vote(turn.votes, rater[1])
            if votes is None:
                reason = f"the vote {rater[1].strip()!r} on {turn.id} names no known emotion; it is left out"
                yield Skip(f"{_place(path, path.parents[2])}:{number}", reason)
            else:
                turn = Turn(turn.id, turn.code, turn.dimensions, votes)
    if turn:
        yield turn


def _turn(line: str, place: str) -> Turn:
    match = SUMMARY.fullmatch(line)
    if match is None or TURN.fullmatch(match[3]) is None:
        raise CorpusError(
            f"{place}: not a summary of the form [start - end] turn label [valence, activation, dominance]: {line!r}"
        )
    code = match[4]
    if code not in LABELS and code != NO_MAJORITY:
        raise CorpusError(f"{place}: unknown label {code!r}; known are {', '.join((*LABELS, NO_MAJORITY))}")
    names = ("valence", "arousal", "dominance")
    return Turn(match[3], code, dict(zip(names, map(float, match.groups()[4:]), strict=True)), {})


def _with_vote(votes: Mapping[str, float], named: str) -> dict[str, float] | None:
    """Add one rater's vote, split equally where several labels are named; None if one is unknown."""
    # "Neutral" and "Neutral state", "Excited" and "Excitement": three letters tell them all apart.
    words = [word.strip() for word in named.split(";") if word.strip()]
    labels = [LABELS.get(word[:3].lower()) for word in words]
    counted = dict(votes)
    for label in labels:
        if label is None:
            return None
        counted[label] = counted.get(label, 0.0) + 1 / len(labels)
    return counted


def _utterance(turn: Turn, audio: Path, text: str | None) -> Utterance:
    match = TURN.fullmatch(turn.id)
    assert match is not None, turn.id
    session, wearer, script, style, part, speaker = match.groups()
    return Utterance(
        id=turn.id,
        audio=audio,
        text=text or None,
        text_source="gold" if text else None,
        label=LABELS.get(turn.code),
        votes=turn.votes or None,
        dimensions=turn.dimensions,
        speaker=session + speaker,
        session=session,
        gender=GENDERS[speaker],
        dialogue=turn.id.rsplit("_", 1)[0],
        language="en",
        tags={
            "source_label": turn.code,
            "style": STYLES[style],
            "script": script,
            "take": f"{wearer}_{part}" if part else wearer,
        },
    )
