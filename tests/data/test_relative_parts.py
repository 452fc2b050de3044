"""What relative predictions need of a model, in a file that holds arrays and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from emofuse import layout
from emofuse.data.relative_parts import Affine, HeadWeights, RelativeParts
from emofuse.data.speaker_statistics import Moments
from emofuse.errors import CheckpointError

WIDTH, HIDDEN, SOUND = 6, 4, 3


def affine(*shape: int, seed: int = 0) -> Affine:
    rng = np.random.default_rng(seed)
    return Affine(rng.normal(size=shape), rng.normal(size=shape[:1]))


def parts() -> RelativeParts:
    head = HeadWeights(
        affine(2, HIDDEN, seed=1), affine(WIDTH, seed=2), True, affine(HIDDEN, WIDTH), affine(1, HIDDEN, seed=3)
    )
    return RelativeParts(
        head, {"audio": Moments(np.arange(3.0), np.ones(3)), "audio+text": Moments(*np.ones((2, 3)))}
    )


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    parts().save(tmp_path)
    return tmp_path


def test_what_is_written_is_read(saved: Path) -> None:
    read, vector = RelativeParts.load(saved), np.linspace(-1, 2, WIDTH)
    np.testing.assert_allclose(read.head(vector).logits, parts().head(vector).logits, atol=1e-6)
    np.testing.assert_allclose(read.head(vector).dimensions, parts().head(vector).dimensions, atol=1e-6)
    assert set(read.trained) == {"audio", "audio+text"}
    np.testing.assert_array_equal(read.trained["audio"].mean, [0, 1, 2])


def test_a_head_without_a_hidden_layer_is_one_product(tmp_path: Path) -> None:
    plain = replace(parts(), head=HeadWeights(affine(2, WIDTH)))
    plain.save(tmp_path)
    vector = np.arange(WIDTH, dtype=np.float32)
    wanted = affine(2, WIDTH).weight @ vector + affine(2, WIDTH).bias
    np.testing.assert_allclose(RelativeParts.load(tmp_path).head(vector).logits[0], wanted, rtol=1e-5)
    assert RelativeParts.load(tmp_path).head(vector).dimensions is None


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("labels.weight", np.full((2, HIDDEN), np.nan, np.float32)),
        ("labels.weight", np.zeros((2, HIDDEN + 1), np.float32)),
        ("hidden.bias", np.zeros(HIDDEN + 1, np.float32)),
        ("norm.weight", np.zeros(1, np.float32)),
        ("audio.mean", np.zeros(WIDTH + 1, np.float32)),
        ("audio.variance", np.full(SOUND, -1, np.float32)),
        ("audio.variance", None),
        ("labels.bias", None),
        ("code", np.zeros(1, np.float32)),
    ],
)
def test_a_file_that_is_not_whole_is_refused_in_one_sentence(
    saved: Path, name: str, values: np.ndarray | None
) -> None:
    arrays = {key: value for key, value in load_file(saved / layout.RELATIVE).items() if key != name}
    save_file(
        arrays if values is None else arrays | {name: values}, saved / layout.RELATIVE, {"layer-norm": "yes"}
    )
    with pytest.raises(CheckpointError, match="safetensors: is not what relative"):
        RelativeParts.load(saved)


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / layout.RELATIVE).write_bytes(b"\x80\x04pickle")
    with pytest.raises(CheckpointError, match="is not what"):
        RelativeParts.load(tmp_path)
