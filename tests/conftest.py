"""What all tests share: no hub, few threads, small corpora that the tests make themselves."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"  # before anything imports huggingface_hub
os.environ["OMP_NUM_THREADS"] = "1"  # before anything imports torch: small networks gain nothing from two
os.environ["TQDM_DISABLE"] = "1"  # before anything imports tqdm, as the command line does
os.environ["EMOFUSE_CACHE"] = tempfile.mkdtemp(prefix="emofuse-tests-")  # nothing of the user's is read or written

import numpy as np
import pytest
import soundfile

from emofuse.data.manifest import save_corpus
from emofuse.types import Corpus, Utterance

atexit.register(shutil.rmtree, os.environ["EMOFUSE_CACHE"], ignore_errors=True)

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


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Return 24 tones of six speakers in three sessions, four labels, each told by pitch and by a word."""
    return make_corpus(tmp_path_factory.mktemp("tones"))


@pytest.fixture(scope="session")
def manifest(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a manifest of the tones."""
    path = tmp_path_factory.mktemp("manifest") / "tones.jsonl"
    save_corpus(corpus, path)
    return path


@pytest.fixture(scope="session")
def data() -> Path:
    """Return the folder of real recordings, or skip."""
    folder = Path(os.environ.get("EMOFUSE_DATA", "nowhere"))
    if not folder.is_dir():
        pytest.skip("EMOFUSE_DATA does not name a folder of real recordings")
    return folder
