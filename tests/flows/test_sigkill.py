"""A cross-validation that is killed, at any moment, and gone on with ends as if it had not been."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tiny import write_recipe

FROZEN = """
protocol: leave-one-session-out
selection: best
audio:
  config: {model_type: wav2vec2, hidden_size: 16, num_hidden_layers: 1, num_attention_heads: 2,
           intermediate_size: 16, conv_dim: [8, 8, 8, 8, 8, 8, 8], num_conv_pos_embeddings: 8,
           num_conv_pos_embedding_groups: 2}
  tuning: frozen
text: {config: {model_type: emofuse-word-cnn, hidden_size: 16, vocab_size: 60}, vocabulary: words, lr: 5e-3}
fusion: {width: 16, heads: 2}
training: {epochs: 2, lr: 5e-3, batch_seconds: 3, micro_seconds: 3, modality_dropout: {audio: 0.1, text: 0.1}}
seeds: [0, 1]
"""


def start(recipe: Path, manifest: Path, out: Path, cache: Path) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-m",
        "emofuse",
        "crossval",
        recipe,
        "--manifest",
        manifest,
        "--out",
        out,
        "--resume",
    ]
    environment = os.environ | {"EMOFUSE_CACHE": str(cache)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def results_of(out: Path) -> dict[str, Any]:
    document = json.loads((out / "results.json").read_text())
    return {key: value for key, value in document.items() if key not in ("cost", "looks")}


def kill_and_go_on(recipe: Path, manifest: Path, out: Path, cache: Path, moments: list[float]) -> int:
    """Kill a run after so many seconds each time, then let it end; return how many kills met it running."""
    met = 0
    for moment in moments:
        process = start(recipe, manifest, out, cache)
        time.sleep(moment)
        met += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.communicate()
    process = start(recipe, manifest, out, cache)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors.decode()
    return met


@pytest.fixture(scope="module")
def whole(manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], float]:
    """Return a recipe, the results of its run without a kill, and the seconds that it took."""
    folder = tmp_path_factory.mktemp("whole")
    recipe = write_recipe(folder / "frozen.yaml", FROZEN)
    began = time.monotonic()
    kill_and_go_on(recipe, manifest, folder / "run", folder / "cache", [])
    return recipe, results_of(folder / "run"), time.monotonic() - began


def test_a_run_that_is_killed_goes_on_to_the_same_results(
    whole: tuple[Path, dict[str, Any], float], manifest: Path, tmp_path: Path
) -> None:
    recipe, wanted, seconds = whole
    met = kill_and_go_on(recipe, manifest, tmp_path / "run", tmp_path / "cache", [0.7 * seconds])
    assert met == 1
    assert results_of(tmp_path / "run") == wanted


@pytest.mark.slow
def test_ten_kills_at_random_moments_change_nothing(
    whole: tuple[Path, dict[str, Any], float], manifest: Path, tmp_path: Path
) -> None:
    recipe, wanted, seconds = whole
    moments = random.Random(5).choices([0.05 * step * seconds for step in range(4, 20)], k=10)
    for number, moment in enumerate(moments):
        folder = tmp_path / str(number)
        kill_and_go_on(recipe, manifest, folder / "run", folder / "cache", [moment])
        assert results_of(folder / "run") == wanted, f"killed after {moment:.1f} s"
