"""A recording of two hours with known turns: are they found, how fast, and in how much memory?

Clips of speech, their silence cut off, stand between pauses of half a second to three; noise lies under all of it.

    python benchmarks/long_recording.py MODEL RECORDINGS [--hours 2] [--decibels 20] [--seed 0]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from emofuse.sound.clips import AUDIO_SUFFIXES, SAMPLE_RATE, read_clip
from emofuse.sound.features import to_level, trim_silence
from emofuse.types.arrays import Samples

NEAR = 0.3
LEVEL = 0.06
LONGEST_CLIP = 10.0
# Where a clip begins and ends is plain if a threshold 10 dB higher says nearly the same.
PLAIN, STRICTER = 0.15, 25.0


def main() -> None:
    """Make the recording, tell its timeline in a process of its own, and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("recordings", type=Path)
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--decibels", type=float, default=20.0, help="speech above noise")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    clips = sorted(p for p in options.recordings.rglob("*") if p.suffix.lower() in AUDIO_SUFFIXES)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recording.flac"
        turns, plain = write_recording(path, clips, options.hours * 3600, options.decibels, rng)
        timeline, seconds, peak = tell(options.model, path)
    found = [(segment["start"], segment["end"]) for segment in timeline["segments"]]
    hits = np.array([is_found(turn, found) for turn in turns])
    print(
        json.dumps(
            {
                "turns": len(turns),
                "within_0.3_s": round(float(hits.mean()), 4),
                "plain_turns": int(plain.sum()),
                "plain_within_0.3_s": round(float(hits[plain].mean()), 4),
                "segments": len(found),
                "segmentation": timeline["segmentation"],
                "peak_mb": peak,
                "seconds": round(seconds, 1),
                "times_real_time": round(timeline["seconds"] / seconds, 1),
            }
        )
    )


def write_recording(
    path: Path, clips: list[Path], seconds: float, decibels: float, rng: np.random.Generator
) -> tuple[list[tuple[float, float]], npt.NDArray[np.bool_]]:
    """Write the recording, turn by turn; return when each begins and ends, and where that is plain."""
    turns, plain, now = [], [], 0.0
    noise = LEVEL * 10 ** (-decibels / 20)
    with soundfile.SoundFile(path, "w", SAMPLE_RATE, 1) as file:
        while now < seconds:
            speech, unmistaken = _speech(clips[int(rng.integers(len(clips)))])
            if len(speech) > LONGEST_CLIP * SAMPLE_RATE:
                continue
            pause = rng.uniform(0.5, 3.0)
            silence = np.zeros(round(pause * SAMPLE_RATE), dtype=np.float32)
            stretch = np.concatenate([silence, speech])
            file.write(stretch + noise * rng.standard_normal(len(stretch), dtype=np.float32))
            begun = now + len(silence) / SAMPLE_RATE
            now += len(stretch) / SAMPLE_RATE
            turns.append((begun, now))
            plain.append(unmistaken)
    return turns, np.array(plain)


def _speech(clip: Path) -> tuple[Samples, bool]:
    samples = read_clip(clip).samples
    whole = trim_silence(samples, SAMPLE_RATE, margin=0.0)
    strict = trim_silence(whole, SAMPLE_RATE, decibels=STRICTER, margin=0.0)
    return to_level(whole, LEVEL), len(whole) - len(strict) <= PLAIN * SAMPLE_RATE


def tell(model: str, path: Path) -> tuple[dict, float, float]:  # type: ignore[type-arg]  # a JSON document
    """Return the timeline, how long it took, and the most memory that it took, in MB."""
    out = path.with_suffix(".json")
    command = [sys.executable, "-m", "emofuse", "predict", model, str(path), "--timeline", "--format", "json"]
    begun = time.perf_counter()
    with out.open("w") as file:
        process = subprocess.Popen(command, stdout=file)
        _, status, usage = os.wait4(process.pid, 0)
    taken = time.perf_counter() - begun
    if status:
        raise SystemExit(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    return json.loads(out.read_text()), taken, round(usage.ru_maxrss / 1024, 1)


def is_found(turn: tuple[float, float], found: list[tuple[float, float]]) -> bool:
    """Tell whether a segment begins, and one ends, within 0.3 s of where a turn does."""
    starts, ends = (np.array([one[place] for one in found]) for place in (0, 1))
    return bool(np.abs(starts - turn[0]).min() <= NEAR and np.abs(ends - turn[1]).min() <= NEAR)


if __name__ == "__main__":
    main()
