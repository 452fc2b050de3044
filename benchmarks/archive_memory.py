"""Memory of predicting ten files and a thousand: does it grow with the archive?

The ten are the longest of the thousand, so that both meet the same largest one.

    python benchmarks/archive_memory.py MODEL RECORDINGS [--many 1000]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from emofuse.data.manifest import save_corpus
from emofuse.sound.clips import AUDIO_SUFFIXES, seconds_of
from emofuse.types import Corpus, Utterance

FEW = 10


def main() -> None:
    """Predict both archives in processes of their own; print each one's peak in MB, and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("recordings", type=Path)
    parser.add_argument("--many", type=int, default=1000)
    options = parser.parse_args()
    clips = sorted(p for p in options.recordings.rglob("*") if p.suffix.lower() in AUDIO_SUFFIXES)[: options.many]
    longest = sorted(clips, key=lambda clip: seconds_of(clip) or 0.0, reverse=True)[:FEW]
    few, many = (peak_mb(options.model, archive) for archive in (longest, clips))
    figures = {f"{FEW} files": few, f"{len(clips)} files": many, "ratio": round(many / few, 3)}
    print(json.dumps(figures))


def peak_mb(model: Path, clips: list[Path]) -> float:
    """Return the largest resident set of `emofuse predict` over an archive."""
    utterances = tuple(Utterance(str(number), audio=clip.absolute()) for number, clip in enumerate(clips))
    with tempfile.TemporaryDirectory() as folder:
        manifest = Path(folder) / "archive.jsonl"
        save_corpus(Corpus(utterances), manifest)
        command = [sys.executable, "-m", "emofuse", "predict", str(model), str(manifest), "--format", "jsonl"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    return round(usage.ru_maxrss / 1024, 1)


if __name__ == "__main__":
    main()
