"""A corpus without a fault, and every fault that the audit knows, to be planted into it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import soundfile
from small_corpus import LABELS, write_tone

from emofuse.types import Corpus, Utterance

SPEAKERS = ("1F", "1M", "2F", "2M", "3F", "3M")
PROTOCOL = "leave-one-session-out"


def rich_text(number: int) -> str:
    """Return a sentence of five words that shares one of them with the other sentences."""
    return f"the {' '.join(f'{word}{number}' for word in ('letter', 'came', 'over', 'yesterday'))}"


def text_corpus(per_label: int = 1) -> Corpus:
    """Make a corpus without a fault: 24 utterances, or more, of six speakers in three sessions."""
    rows = [(s, label) for s in SPEAKERS for label in LABELS * per_label]
    return Corpus(
        tuple(
            Utterance(
                f"{speaker}_{number:03}",
                text=rich_text(number),
                text_source="gold",
                label=label,
                speaker=speaker,
                session=speaker[0],
                gender={"F": "female", "M": "male"}[speaker[1]],
            )
            for number, (speaker, label) in enumerate(rows)
        ),
        name="clean",
    )


def sounding_corpus(folder: Path) -> Corpus:
    """Make the same with a recording each."""
    tones = [write_tone(folder / f"{u.id}.wav", 200 + 10 * n, 0.35, seed=n) for n, u in enumerate(text_corpus())]
    return Corpus(
        tuple(replace(u, audio=tone) for u, tone in zip(text_corpus(), tones, strict=True)), name="clean"
    )


def changed(corpus: Corpus, change: Callable[[Utterance], Mapping[str, Any]]) -> Corpus:
    return replace(corpus, utterances=tuple(replace(u, **change(u)) for u in corpus))


def changed_at(corpus: Corpus, ids: Collection[str], **values: Any) -> Corpus:
    return changed(corpus, lambda u: values if u.id in ids else {})


Planted: TypeAlias = tuple[Corpus, set[str]]
Plant: TypeAlias = Callable[[Corpus, Path], Planted]


def with_samples(
    corpus: Corpus, folder: Path, number: int, samples: Any, rate: int = 16_000, subtype: str = "PCM_16"
) -> Planted:
    """Give one utterance another recording."""
    path = folder / "planted.wav"
    soundfile.write(path, samples, rate, subtype=subtype)
    name = corpus.utterances[number].id
    return changed_at(corpus, {name}, audio=path), {name}


def noise(seconds: float = 0.4, loudness: float = 0.1, channels: int = 1) -> Any:
    return np.random.default_rng(9).normal(0, loudness, (round(16_000 * seconds), channels))


def speaker_overlap(corpus: Corpus, folder: Path) -> Planted:
    same = changed(corpus, lambda u: {"speaker": "1F"} if u.speaker == "2F" else {})
    return same, {u.id for u in same if u.speaker == "1F"}


def copy_under_another_speaker(corpus: Corpus, folder: Path) -> Planted:
    samples, rate = soundfile.read(corpus.utterances[0].audio, dtype="int16")
    soundfile.write(folder / "copy.flac", samples, rate)  # other bytes, the same sound
    copied, original = corpus.utterances[-1].id, corpus.utterances[0].id
    return changed_at(corpus, {copied}, audio=folder / "copy.flac"), {copied, original}


def quiet_copy_under_another_speaker(corpus: Corpus, folder: Path) -> Planted:
    once, ids = with_samples(corpus, folder, 0, noise(loudness=0.002))
    last = corpus.utterances[-1].id
    return changed_at(once, {last}, audio=folder / "planted.wav"), {*ids, last}


def missing(corpus: Corpus, folder: Path) -> Planted:
    return changed_at(corpus, {"1F_000", "3M_020"}, audio=folder / "gone.wav"), {"1F_000", "3M_020"}


def unreadable(corpus: Corpus, folder: Path) -> Planted:
    (folder / "text.wav").write_text("no sound")
    (folder / "empty.wav").touch()
    broken = changed_at(corpus, {"1F_000"}, audio=folder / "text.wav")
    return changed_at(broken, {"1F_001"}, audio=folder / "empty.wav"), {"1F_000", "1F_001"}


def text_is_label(corpus: Corpus, folder: Path) -> Planted:
    return changed_at(corpus, {"1F_000"}, text=" Angry! "), {"1F_000"}


def text_is_source_label(corpus: Corpus, folder: Path) -> Planted:
    return changed_at(corpus, {"1F_000"}, text="Wut", tags={"source_label": "wut"}), {"1F_000"}


def script_in_every_session(corpus: Corpus, folder: Path) -> Planted:
    """Let everybody say one sentence of the same script, beside three of their own."""
    fixed = "I told you not to come here"
    again = changed(corpus, lambda u: {"text": fixed} if u.id.endswith(("0", "5")) else {})
    return again, {u.id for u in again if u.text == fixed}


def copy_of_the_same_speaker(corpus: Corpus, folder: Path) -> Planted:
    first, second = corpus.utterances[:2]
    return changed_at(corpus, {second.id}, audio=first.audio), {first.id, second.id}


def copy_of_somebody_unknown(corpus: Corpus, folder: Path) -> Planted:
    copied, ids = copy_of_the_same_speaker(corpus, folder)
    return changed_at(copied, {copied.utterances[1].id}, speaker=None), ids


def annotation_tokens(corpus: Corpus, folder: Path) -> Planted:
    return changed_at(corpus, {"1F_000"}, text=f"[laughter] {rich_text(0)}"), {"1F_000"}


def fixed_sentences(corpus: Corpus, folder: Path) -> Planted:
    """Let every speaker say both of two sentences in every emotion, but for two that are free."""
    free = {"1F_000", "3M_023"}
    fixed = changed(corpus, lambda u: {} if u.id in free else {"text": f"dogs sit {int(u.id[-3:]) // 4 % 2}"})
    return fixed, {u.id for u in fixed} - free


def sentence_of_the_label(corpus: Corpus, folder: Path) -> Planted:
    return changed(corpus, lambda u: {"text": f"so {len(u.label or '')} {u.label} again"[:9]}), {
        u.id for u in corpus
    }


def no_text(corpus: Corpus, folder: Path) -> Planted:
    return changed_at(corpus, {"1F_000", "2F_008"}, text=None), {"1F_000", "2F_008"}


def one_emotion_a_speaker(corpus: Corpus, folder: Path) -> Planted:
    single = changed(corpus, lambda u: {"label": "sad"} if u.speaker == "1F" else {})
    return single, {u.id for u in single if u.speaker == "1F"}


def two_codes_a_speaker(corpus: Corpus, folder: Path) -> Planted:
    return changed_at(corpus, {"1F_000"}, gender="male"), {u.id for u in corpus if u.speaker == "1F"}


def two_spellings(corpus: Corpus, folder: Path) -> Planted:
    spelt = changed(corpus, lambda u: {"gender": "F"} if u.speaker == "2F" else {})
    return spelt, {u.id for u in spelt if u.gender in ("F", "female")}


def silent(corpus: Corpus, folder: Path) -> Planted:
    return with_samples(corpus, folder, 3, np.zeros(8000))


def nearly_silent(corpus: Corpus, folder: Path) -> Planted:
    return with_samples(corpus, folder, 3, noise(loudness=0.0007), subtype="FLOAT")


def clipped(corpus: Corpus, folder: Path) -> Planted:
    return with_samples(corpus, folder, 3, np.clip(noise(loudness=0.6), -1, 1))


def stereo(corpus: Corpus, folder: Path) -> Planted:
    return with_samples(corpus, folder, 3, noise(channels=2))


def other_rate(corpus: Corpus, folder: Path) -> Planted:
    return with_samples(corpus, folder, 3, noise(), rate=8000)


def short(corpus: Corpus, folder: Path) -> Planted:
    return with_samples(corpus, folder, 3, noise(0.29))


def rare(corpus: Corpus, folder: Path) -> Planted:
    """Let one label occur in session 1 only."""
    few = changed(corpus, lambda u: {"label": "sad"} if u.label == "happy" and u.session != "1" else {})
    return few, {u.id for u in few if u.label == "happy"}


def tie(corpus: Corpus, folder: Path) -> Planted:
    tied = Utterance("tie", text=rich_text(99), votes={"sad": 1.0, "happy": 1.0}, speaker="1F", session="1")
    return replace(corpus, utterances=(*corpus.utterances, tied)), {"tie"}


def not_spoken(corpus: Corpus, folder: Path) -> Planted:
    return changed_at(corpus, {"1F_000"}, tags={"text_not_spoken": "True"}), {"1F_000"}


def nobody(corpus: Corpus, folder: Path) -> Planted:
    return changed(corpus, lambda u: {"speaker": None}), {u.id for u in corpus}


def one_person_in_two_spellings(corpus: Corpus, folder: Path) -> Planted:
    spelt = changed_at(corpus, {"1F_000", "1F_001"}, speaker="1f")
    return spelt, {u.id for u in spelt if u.speaker in ("1F", "1f")}


def a_person_each(corpus: Corpus, folder: Path) -> Planted:
    return changed(corpus, lambda u: {"speaker": f"speaker of {u.id}"}), {u.id for u in corpus}


def dialogue_in_two_sessions(corpus: Corpus, folder: Path) -> Planted:
    ids = {"1F_000", "2F_008"}
    return changed_at(corpus, ids, dialogue="call 7"), ids


def one_label_in_two_spellings(corpus: Corpus, folder: Path) -> Planted:
    """Let the women of every session be angry with a capital."""
    spelt = changed(corpus, lambda u: {"label": "Angry"} if u.label == "angry" and u.gender == "female" else {})
    return spelt, {u.id for u in spelt if str(u.label).lower() == "angry"}


# Name of the fault -> what plants it, the code that names it, its severity.
PLANTS: dict[str, tuple[Plant, str, str]] = {
    "speaker in two sessions": (speaker_overlap, "speaker-overlap", "error"),
    "clip under two speakers": (copy_under_another_speaker, "duplicate-audio-across-speakers", "error"),
    "missing": (missing, "missing-audio", "error"),
    "unreadable": (unreadable, "unreadable-audio", "error"),
    "text is label": (text_is_label, "text-is-label", "error"),
    "text is source label": (text_is_source_label, "text-is-label", "error"),
    "script in every session": (script_in_every_session, "text-overlap", "warning"),
    "clip twice": (copy_of_the_same_speaker, "duplicate-audio", "warning"),
    "clip twice, once unknown": (copy_of_somebody_unknown, "duplicate-audio", "warning"),
    "annotation tokens": (annotation_tokens, "annotation-tokens", "note"),
    "fixed sentences": (fixed_sentences, "text-uninformative", "warning"),
    "sentence of the label": (sentence_of_the_label, "text-determines-label", "warning"),
    "no text": (no_text, "text-missing", "warning"),
    "one emotion a speaker": (one_emotion_a_speaker, "speaker-single-label", "warning"),
    "nobody is named": (nobody, "speaker-unknown", "warning"),
    "one person in two spellings": (one_person_in_two_spellings, "speaker-spelling", "warning"),
    "a person for each utterance": (a_person_each, "speaker-per-utterance", "warning"),
    "dialogue in two sessions": (dialogue_in_two_sessions, "dialogue-overlap", "warning"),
    "one label in two spellings": (one_label_in_two_spellings, "label-spelling", "warning"),
    "two codes a speaker": (two_codes_a_speaker, "gender-mixed", "warning"),
    "two spellings": (two_spellings, "gender-mixed", "warning"),
    "silent": (silent, "silent-audio", "warning"),
    "nearly silent": (nearly_silent, "silent-audio", "warning"),
    "clipped": (clipped, "clipped-audio", "warning"),
    "stereo": (stereo, "multichannel-audio", "note"),
    "another rate": (other_rate, "mixed-rates", "note"),
    "short": (short, "short-audio", "note"),
    "rare class": (rare, "rare-class", "warning"),
    "tie": (tie, "label-tie", "note"),
    "text not spoken": (not_spoken, "text-not-spoken", "warning"),
}
