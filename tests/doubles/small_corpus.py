"""A small corpus of tones that the tests make themselves: pitch and words both tell the label."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from emofuse.types import Corpus, Utterance

LABELS = ("angry", "happy", "neutral", "sad")
WORDS = {"angry": "furious", "happy": "wonderful", "neutral": "table", "sad": "lonely"}


def write_tone(path: Path, hertz: float, seconds: float, seed: int, rate: int = 16_000) -> Path:
    """Write a tone with a little noise."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    samples = 0.3 * np.sin(2 * np.pi * hertz * time) + 0.01 * rng.normal(size=len(time))
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples.astype(np.float32), rate)
    return path


def make_corpus(folder: Path, sessions: int = 3, takes: int = 1) -> Corpus:
    """Make a corpus of two speakers a session whose pitch and words both tell the label."""
    utterances = []
    for session in range(1, sessions + 1):
        for gender in ("F", "M"):
            for number, label in enumerate(LABELS * takes):
                identity = f"s{session}{gender}_{number}"
                hertz = 200.0 * (1 + LABELS.index(label)) + 10 * session
                seed = session * 100 + number + (50 if gender == "M" else 0)
                audio = write_tone(folder / f"{identity}.wav", hertz, 0.4 + 0.05 * number, seed)
                utterances.append(
                    Utterance(
                        identity,
                        audio=audio,
                        text=f"the {WORDS[label]} thing number {number}",
                        text_source="gold",
                        label=label,
                        speaker=f"s{session}{gender}",
                        session=f"session{session}",
                        gender={"F": "female", "M": "male"}[gender],
                    )
                )
    return Corpus(tuple(utterances), name="tones")
