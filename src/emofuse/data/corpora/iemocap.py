"""IEMOCAP (Busso et al. 2008): five pairs of actors, scripted and improvised dialogues, 10,039 turns.

A turn is what `dialog/EmoEvaluation/<dialogue>.txt` evaluates; its sound is `sentences/wav/<dialogue>/<turn>.wav`
and its words stand in `dialog/transcriptions/<dialogue>.txt`. The three are joined by the id of the turn: the
times differ in the last digit. What only one of them knows (back-channels, ids with XX) is skipped with a reason.
The tag `take` tells the recordings of a script apart: who wears the markers, then the part, as in F_1, M_1b or F.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from emofuse.data.corpora.prepared import Prepared, require_folder
from emofuse.data.labels import POLICIES
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
# The last field names the speaker; the letter after the session is only that of the actor with the markers.
GENDERS = {"F": "female", "M": "male"}
DIMENSIONS = ("valence", "arousal", "dominance")  # in the order of a summary, which has activation for arousal

DIALOGUE = r"((Ses0[1-5])([FM])_((impro|script)\d\d)_?(\d?[a-z]?))"
TURN = re.compile(rf"{DIALOGUE}_([FM])[X\d]{{2}}\d")
NAME = re.compile(rf"{DIALOGUE}(_[FM][X\d]{{2}}\d)?")
SCORE = r"(\d+(?:\.\d+)?)"
SUMMARY = re.compile(rf"\[[\d.]+ - [\d.]+\]\s+(\w+)\s+(\w+)\s+\[{SCORE}, {SCORE}, {SCORE}\]")
# External raters are C-E1, C-E2, ...; self-ratings of the actors (C-F1, C-M1) are no votes.
RATING = re.compile(r"C-E\d+:([^(]*)")
SPOKEN = re.compile(r"(Ses\w+)\s+\[[^\]]*\]\s*:(.*)")

PUBLISHED = {
    "turns": 10_039, "neutral": 1708, "happy": 1636, "angry": 1103, "sad": 1084,
    "Ses01": 1085, "Ses02": 1023, "Ses03": 1151, "Ses04": 1031, "Ses05": 1241,
}  # fmt: skip


@dataclass(frozen=True)
class RatedTurn:
    """The ratings of one turn; `ratings` holds the words of each external rater."""

    id: str
    code: str
    dimensions: tuple[float, ...]
    ratings: tuple[str, ...] = ()


def read_iemocap(root: Path) -> Prepared:
    """Read the whole release; `root` is IEMOCAP_full_release or the folder that holds it.

    A missing session is skipped with a reason, and so is what lacks its recording or its evaluation.

    Raises:
        CorpusError: no session is there, one is only half there, or an evaluation is not what it should be.
    """
    require_folder(root, "IEMOCAP")
    release = _release(root)
    utterances: list[Utterance] = []
    skipped: list[Skip] = []
    for name in SESSIONS:
        if (release / name).is_dir():
            session = _read_session(release / name)
            utterances += session.corpus
            skipped += session.skipped
        else:
            skipped.append(Skip(name, f"missing session: there is no folder {release / name}"))
    if not utterances:
        raise CorpusError(f"{release}: no evaluated turn has its recording; unpack the release again")
    corpus = Corpus(tuple(utterances), name="iemocap")
    return Prepared(corpus, tuple(skipped), check_counts(corpus))


def check_counts(corpus: Corpus) -> str | None:
    """Return a sentence on how a corpus differs from the published counts; None if it does not."""
    four = [u for u in corpus.relabel(POLICIES["iemocap4"].mapping) if u.label]
    counts = Counter(str(word) for u in four for word in (u.label, u.session)) + Counter(turns=len(corpus))
    differing = [f"{word} {counts[word]} for {n}" for word, n in PUBLISHED.items() if counts[word] != n]
    if not differing:
        return None
    return (
        "the counts differ from the published ones (all turns; then those that are neutral, happy or excited, "
        f"angry or sad, by label and by session): {', '.join(differing)}"
    )


def _release(root: Path) -> Path:
    for folder in (root, root / RELEASE):
        if any((folder / session).is_dir() for session in SESSIONS):
            return folder
    raise CorpusError(
        f"{root}: holds no Session1 to Session5, nor a folder {RELEASE} with them; "
        f"unpack {RELEASE}.tar.gz and give the folder {RELEASE}"
    )


def _read_session(session: Path) -> Prepared:
    evaluations, skipped = _listed(session, EVALUATIONS)
    transcriptions, strange = _listed(session, TRANSCRIPTIONS)
    recordings, stray = _listed(session, RECORDINGS)
    texts, without_id = _texts(transcriptions)
    skipped += strange + stray + without_id
    for name in sorted({path.name for path in evaluations} - {path.name for path in transcriptions}):
        place = f"{session.name}/dialog/transcriptions/{name}"
        skipped.append(Skip(place, "missing transcription: the turns of this dialogue have no text"))
    wavs = {path.stem: path for path in recordings}
    turns = [turn for path in evaluations for turn in _turns(path)]
    for turn in turns:
        if turn.id not in wavs:
            skipped.append(Skip(turn.id, f"evaluated, but not recorded in {session.name}/sentences/wav"))
        for rating in turn.ratings:
            if not _labels(rating):
                skipped.append(Skip(turn.id, f"the vote {rating!r} names no known emotion and is left out"))
    for name in sorted((wavs.keys() | texts.keys()) - {turn.id for turn in turns}):
        done = "recorded" if name in wavs else "transcribed"
        skipped.append(Skip(name, f"{done}, but not evaluated in {session.name}/dialog/EmoEvaluation"))
    utterances = (_utterance(turn, wavs[turn.id], texts.get(turn.id)) for turn in turns if turn.id in wavs)
    return Prepared(Corpus(tuple(utterances), name=str(session)), tuple(skipped))


def _listed(session: Path, pattern: str) -> tuple[list[Path], list[Skip]]:
    """Return the files of a session that bear the name of a dialogue or a turn; the others are skipped."""
    paths = sorted(session.glob(pattern))
    files = [path for path in paths if NAME.fullmatch(path.stem)]
    if not files:
        raise CorpusError(f"{session}: holds no {pattern}; it is only half unpacked: unpack the release again")
    hidden, strange = "a hidden file that an archive program left", "not the name of a dialogue or a turn"
    return files, [
        Skip(path.relative_to(session.parent).as_posix(), hidden if path.name.startswith(".") else strange)
        for path in paths
        if not NAME.fullmatch(path.stem)
    ]


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not empty with their numbers; what is not UTF-8 is read as Windows-1252."""
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
            place = f"{path.relative_to(path.parents[3]).as_posix()}:{number}"
            if match is None:
                skipped.append(Skip(place, "a line without the id of a turn, such as a back-channel"))
            elif match[1] in texts:
                skipped.append(Skip(place, f"a second text for {match[1]}; the first is kept"))
            else:
                texts[match[1]] = match[2].strip()
    return texts, skipped


def _turns(path: Path) -> Iterator[RatedTurn]:
    """Yield the turns of an evaluation file: a summary line each, then the lines of the raters."""
    turn: RatedTurn | None = None
    for number, line in _lines(path):
        rating = RATING.match(line)
        if rating and turn:
            turn = replace(turn, ratings=(*turn.ratings, rating[1].strip()))
        elif line.startswith("["):
            if turn:
                yield turn
            turn = _turn(line, f"{path}:{number}")
    if turn:
        yield turn


def _turn(line: str, place: str) -> RatedTurn:
    match = SUMMARY.fullmatch(line)
    if match is None or TURN.fullmatch(match[1]) is None:
        form = "[start - end] turn label [valence, activation, dominance]"
        raise CorpusError(f"{place}: not of the form {form}: {line!r}; unpack the release again")
    if match[2] not in (*LABELS, NO_MAJORITY):
        raise CorpusError(f"{place}: unknown label {match[2]!r}; known are {', '.join((*LABELS, NO_MAJORITY))}")
    return RatedTurn(match[1], match[2], tuple(map(float, match.groups()[2:])))


def _labels(rating: str) -> list[str]:
    """Return the labels that a rater named; none at all where one of the words is unknown."""
    # The release spells "Neutral" and "Neutral state"; the first three letters distinguish all emotions.
    codes = [word.strip()[:3].lower() for word in rating.split(";") if word.strip()]
    return [LABELS[code] for code in codes] if LABELS.keys() >= set(codes) else []


def _votes(ratings: Iterable[str]) -> dict[str, float] | None:
    """Sum up the ratings: each rater has one vote, split equally where several labels are named."""
    votes: dict[str, float] = {}
    for labels in map(_labels, ratings):
        for label in labels:
            votes[label] = votes.get(label, 0.0) + 1 / len(labels)
    return votes or None


def _utterance(turn: RatedTurn, audio: Path, text: str | None) -> Utterance:
    match = TURN.fullmatch(turn.id)
    assert match is not None, turn.id
    dialogue, session, wearer, script, style, part, speaker = match.groups()
    return Utterance(
        id=turn.id,
        audio=audio,
        text=text or None,
        text_source="gold" if text else None,
        label=LABELS.get(turn.code),
        votes=_votes(turn.ratings),
        dimensions=dict(zip(DIMENSIONS, turn.dimensions, strict=True)),
        speaker=session + speaker,
        session=session,
        gender=GENDERS[speaker],
        dialogue=dialogue,
        language="en",
        tags={
            "source_label": turn.code,
            "style": STYLES[style],
            "script": script,
            "take": f"{wearer}_{part}" if part else wearer,
        },
    )
