"""A cross-validation that is killed, at any moment, and gone on with ends as if it had not been."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from preloaded import start_command
from tiny import write_recipe

from emofuse import layout
from emofuse.cli.main import run

pytestmark = pytest.mark.usefixtures("empty_pictures")

FROZEN = """
protocol: leave-one-session-out
selection: best
audio:
  config: {model_type: wav2vec2, hidden_size: 16, num_hidden_layers: 1, num_attention_heads: 2,
           intermediate_size: 16, conv_dim: [8, 8, 8], conv_kernel: [10, 7, 10],
           conv_stride: [5, 8, 8], num_conv_pos_embeddings: 8,
           num_conv_pos_embedding_groups: 2}
  tuning: frozen
text: {config: {model_type: emofuse-word-cnn, hidden_size: 16, vocab_size: 60}, vocabulary: words, lr: 5e-3}
fusion: {width: 16, heads: 2}
training: {epochs: 2, lr: 5e-3, batch_seconds: 3, micro_seconds: 3, modality_dropout: {audio: 0.1, text: 0.1}}
seeds: [0, 1]
"""


# Three folds, two seeds, three systems.
JOBS = 18


def crossval(recipe: Path, manifest: Path, folder: Path) -> list[str]:
    return ["crossval", str(recipe), "--manifest", str(manifest), "--out", str(folder / "run"), "--resume"]


def finish(recipe: Path, manifest: Path, folder: Path) -> dict[str, Any]:
    """Let a run, new or killed, end in this process; return its results but for its cost."""
    assert run(crossval(recipe, manifest, folder)) == 0
    document = json.loads((folder / "run" / layout.RESULTS).read_text())
    return {key: value for key, value in document.items() if key not in ("cost", "looks")}


def jobs_done(folder: Path) -> int:
    return len(list(folder.glob(f"run/fold-*/seed-*/*/{layout.PREDICTIONS}")))


def kill(recipe: Path, manifest: Path, folder: Path, jobs: int, seconds: float) -> None:
    """Run it in a process of its own, and kill that so many seconds after so many jobs were done."""
    folder.mkdir()
    process = start_command(folder / "printed.txt", *crossval(recipe, manifest, folder))
    while jobs_done(folder) < jobs and process.is_alive():
        time.sleep(0.01)
    time.sleep(seconds)
    met = process.is_alive()
    process.kill()
    process.join()
    assert met, (folder / "printed.txt").read_text()


@pytest.fixture(scope="module")
def whole(manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Return a recipe, and the results of its run without a kill."""
    folder = tmp_path_factory.mktemp("whole")
    recipe = write_recipe(folder / "frozen.yaml", FROZEN)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOFUSE_CACHE", str(folder / "cache"))
        return recipe, finish(recipe, manifest, folder)


@pytest.fixture
def goes_on(
    whole: tuple[Path, dict[str, Any]], manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[int, float], None]:
    """Return what kills a new run, lets it go on, and compares it with the one that was not killed."""
    recipe, wanted = whole

    def check(jobs: int, seconds: float) -> None:
        folder = tmp_path / f"{jobs} {seconds:.3f}"
        monkeypatch.setenv("EMOFUSE_CACHE", str(folder / "cache"))
        kill(recipe, manifest, folder, jobs, seconds)
        assert jobs_done(folder) < JOBS
        assert finish(recipe, manifest, folder) == wanted, f"killed {seconds:.3f} s after {jobs} jobs"

    return check


def test_a_run_that_is_killed_goes_on_to_the_same_results(goes_on: Callable[[int, float], None]) -> None:
    goes_on(11, 0.0)


@pytest.mark.slow  # ten cross-validations
def test_ten_kills_at_random_moments_change_nothing(goes_on: Callable[[int, float], None]) -> None:
    moments = random.Random(5)
    for _ in range(10):
        goes_on(moments.randrange(1, JOBS - 3), moments.uniform(0.0, 0.3))
