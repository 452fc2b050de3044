"""Cross-validation at the size of IEMOCAP: 5,531 utterances, 7.0 h, five sessions of two speakers, generated.

Frozen small encoders, a light decide-half (width 64, no BLSTM); three systems x five folds. Prints seconds, peak
memory, and the same again for the second run, which finds every frame in the cache. With `--scale 4` the corpus is
four times as large, to see that memory does not grow with it.

    python benchmarks/iemocap_scale.py --folder /somewhere/with/2/GB [--scale 4] [--systems fusion] [--epochs 1]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import soundfile

from emofuse import save_corpus
from emofuse.types import Corpus, Utterance

UTTERANCES, HOURS, RATE = 5531, 7.0, 16_000
LABELS = ("angry", "happy", "neutral", "sad")
WORDS = {"angry": "never enough blame", "happy": "lovely bright laugh", "neutral": "table paper number",
         "sad": "lost empty quiet"}  # fmt: skip
RECIPE = """
protocol: leave-one-session-out
selection: fixed
audio:
  config: {model_type: wav2vec2, hidden_size: 64, num_hidden_layers: 2, num_attention_heads: 2,
           intermediate_size: 128, conv_dim: [32, 32, 32, 32, 32, 32, 32], num_conv_pos_embeddings: 16,
           num_conv_pos_embedding_groups: 4}
  tuning: frozen
text:
  config: {model_type: bert, hidden_size: 64, num_hidden_layers: 2, num_attention_heads: 2,
           intermediate_size: 128, vocab_size: 600}
  tuning: frozen
fusion: {width: 64, heads: 4, recurrent: false}
training: {epochs: 8, lr: 0.002, batch_seconds: 120, micro_seconds: 120}
"""


def generate(folder: Path, scale: int) -> Path:
    """Write recordings whose pitch tells a little of the label, and words that tell a little more."""
    manifest = folder / "manifest.jsonl"
    if manifest.is_file():
        return manifest
    rng = np.random.default_rng(0)
    count = UTTERANCES * scale
    lengths = np.clip(rng.lognormal(1.35, 0.55, count), 0.6, 34.0)
    lengths *= HOURS * 3600 * scale / lengths.sum()
    utterances = []
    for number, seconds in enumerate(lengths):
        label = LABELS[rng.integers(4)]
        session, gender = number % 5 + 1, "FM"[number // 5 % 2]
        path = folder / "audio" / f"{number:06}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, _voice(rng, float(seconds), LABELS.index(label), gender), RATE)
        words = [str(rng.choice(f"{WORDS[label]} so the and it was there you know".split())) for _ in range(6)]
        words += ["".join(rng.choice(list("aeioulmnrst"), 6)) for _ in range(5)]  # or all would say the same
        utterances.append(
            Utterance(f"{number:06}", audio=path, text=" ".join(words), text_source="gold", label=label,
                      speaker=f"{session}{gender}", session=f"session{session}", gender=gender)
        )  # fmt: skip
    save_corpus(Corpus(tuple(utterances), name="generated"), manifest)
    return manifest


def _voice(rng: np.random.Generator, seconds: float, label: int, gender: str) -> np.ndarray:  # type: ignore[type-arg]
    time_axis = np.arange(round(seconds * RATE)) / RATE
    pitch = (110.0 if gender == "M" else 200.0) * (1 + 0.08 * label + 0.05 * rng.normal())
    wave = sum(np.sin(2 * np.pi * pitch * k * time_axis) / k for k in range(1, 6))
    return (
        0.08 * wave * (1 + 0.5 * np.sin(2 * np.pi * 3 * time_axis)) + 0.02 * rng.normal(size=len(time_axis))
    ).astype(np.float32)


def run(manifest: Path, folder: Path, name: str, options: argparse.Namespace) -> None:
    """Cross-validate in a process of its own and print what it cost."""
    recipe = folder / "recipe.yaml"
    recipe.write_text(RECIPE)
    out = folder / f"run-{name}-{time.time_ns()}"
    command = [sys.executable, "-m", "emofuse", "crossval", str(recipe), "--manifest", str(manifest)]
    command += ["--out", str(out), "--systems", options.systems, "--set", f"training.epochs={options.epochs}"]
    environment = os.environ | {"EMOFUSE_CACHE": str(folder / "cache")}
    began = time.monotonic()
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    wall = time.monotonic() - began
    results = json.loads((out / "results.json").read_text())
    figures = {system: round(found["ua"]["mean"], 3) for system, found in results["systems"].items()}
    print(
        json.dumps(
            {"run": name, "scale": options.scale, "wall_s": round(wall, 1)} | results["cost"] | {"ua": figures}
        )
    )


def main() -> None:
    """Generate, then run twice."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--scale", type=int, default=1)
    parser.add_argument("--systems", default="audio,text,fusion")
    parser.add_argument("--epochs", type=int, default=8)
    options = parser.parse_args()
    folder = options.folder / f"scale-{options.scale}"
    manifest = generate(folder, options.scale)
    for name in ("first", "second"):
        run(manifest, folder, name, options)


if __name__ == "__main__":
    main()
