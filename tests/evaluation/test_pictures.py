from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib import colormaps
from matplotlib.image import imread

from emofuse.errors import MissingExtraError
from emofuse.evaluation.pictures import confusion_picture, coverage_risk_picture, reliability_picture
from emofuse.evaluation.reliability import coverage_risk, reliability

CONFUSION = [[9, 1, 0], [2, 3, 5], [0, 0, 0]]
LABELS = ("angry", "glücklich", "sad")


def draw(folder: Path, confusion: list[list[int]], name: str = "made.png") -> Path:
    confusion_picture(confusion, LABELS[: len(confusion)], "fusion, 3 seeds", folder / name)
    return folder / name


def test_a_picture_is_written_as_png(tmp_path: Path) -> None:
    path = draw(tmp_path, CONFUSION)
    assert path.read_bytes().startswith(b"\x89PNG\r\n")
    height, width, _ = imread(path).shape
    assert min(height, width) > 300


def test_the_same_counts_give_the_same_bytes(tmp_path: Path) -> None:
    assert draw(tmp_path, CONFUSION, "a.png").read_bytes() == draw(tmp_path, CONFUSION, "b.png").read_bytes()


def test_other_counts_give_another_picture(tmp_path: Path) -> None:
    other = [[1, 9, 0], [2, 3, 5], [0, 0, 0]]
    assert draw(tmp_path, CONFUSION, "a.png").read_bytes() != draw(tmp_path, other, "b.png").read_bytes()


def dark_share(path: Path) -> float:
    """Return the share of a picture that has the blue of a cell that holds all of its row."""
    darkest = colormaps["Blues"](1.0)[:3]
    return float(np.isclose(imread(path)[..., :3], darkest, atol=0.01).all(axis=2).mean())


def test_what_is_found_is_darker_than_what_is_missed(tmp_path: Path) -> None:
    found, missed = draw(tmp_path, [[9, 0], [0, 9]], "a.png"), draw(tmp_path, [[4, 5], [5, 4]], "b.png")
    assert dark_share(found) > 0.1
    assert dark_share(missed) == 0.0


def test_colours_are_shares_of_each_true_label_however_rare_it_is(tmp_path: Path) -> None:
    even, uneven = draw(tmp_path, [[9, 0], [0, 9]], "a.png"), draw(tmp_path, [[9, 0], [0, 1]], "b.png")
    assert dark_share(uneven) == pytest.approx(dark_share(even), rel=0.02)


def test_a_picture_does_not_tell_the_version_of_the_program_that_drew_it(tmp_path: Path) -> None:
    assert b"Matplotlib" not in draw(tmp_path, CONFUSION).read_bytes()


def test_a_class_that_does_not_occur_gives_no_warning(tmp_path: Path) -> None:
    with warnings.catch_warnings(action="error", category=RuntimeWarning):
        draw(tmp_path, CONFUSION)


def test_a_picture_without_matplotlib_is_refused_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"a picture needs .* pip install \"emofuse\[pages\]\""):
        draw(tmp_path, CONFUSION)


def confidences(sharpness: float) -> tuple[np.ndarray, np.ndarray]:
    """Draw confidences, and whether they were right, which does not depend on the sharpness."""
    chances = np.random.default_rng(0).uniform(0.25, 1, size=300)
    return chances**sharpness, np.random.default_rng(1).uniform(size=300) < chances


def draw_reliability(path: Path, sharpness: float) -> Path:
    before, after = (reliability(*confidences(each)) for each in (sharpness, 1.0))
    reliability_picture(before, after, "fusion, fold 1", path)
    return path


def draw_coverage(path: Path, sharpness: float) -> Path:
    coverage_risk_picture(coverage_risk(*confidences(sharpness)), "fusion, fold 1", path)
    return path


PICTURES = pytest.mark.parametrize("draw_it", [draw_reliability, draw_coverage])


@PICTURES
def test_pictures_of_confidence_are_png_and_the_same_for_the_same_numbers(
    tmp_path: Path, draw_it: Callable[[Path, float], Path]
) -> None:
    first, again = draw_it(tmp_path / "a.png", 0.5), draw_it(tmp_path / "b.png", 0.5)
    assert first.read_bytes().startswith(b"\x89PNG\r\n")
    assert first.read_bytes() == again.read_bytes()
    assert b"Matplotlib" not in first.read_bytes()


@PICTURES
def test_pictures_of_confidence_without_matplotlib_are_refused_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, draw_it: Callable[[Path, float], Path]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"a picture needs .* pip install \"emofuse\[pages\]\""):
        draw_it(tmp_path / "a.png", 0.5)


def test_a_reliability_picture_shows_what_was_before(tmp_path: Path) -> None:
    overconfident, sound = draw_reliability(tmp_path / "a.png", 0.3), draw_reliability(tmp_path / "b.png", 1.0)
    assert overconfident.read_bytes() != sound.read_bytes()
    orange = colormaps["tab10"](1)[:3]
    assert np.isclose(imread(overconfident)[..., :3], orange, atol=0.02).all(axis=2).any()


def test_a_picture_of_no_utterances_is_empty_and_no_error(tmp_path: Path) -> None:
    nothing = np.array([]), np.array([], dtype=np.bool_)
    reliability_picture(reliability(*nothing), reliability(*nothing), "nothing", tmp_path / "a.png")
    coverage_risk_picture(coverage_risk(*nothing), "nothing", tmp_path / "b.png")
    assert (tmp_path / "a.png").stat().st_size > 0
    assert (tmp_path / "b.png").stat().st_size > 0
