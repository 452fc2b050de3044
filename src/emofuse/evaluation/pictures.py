"""Pictures for people: the confusion matrix, reliability, and what abstaining gains."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from emofuse.errors import MissingExtraError
from emofuse.evaluation.reliability import Bin, CoverageRisk


def confusion_picture(confusion: Sequence[Sequence[int]], labels: Sequence[str], title: str, path: Path) -> None:
    """Draw a confusion matrix as shares of each true label, with the counts written in.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    counts = np.asarray(confusion)
    shares = counts / counts.sum(axis=1, keepdims=True).clip(min=1)
    size = 1.6 + 0.7 * len(labels)
    figure = _figure(size, size)
    axes = figure.add_subplot()
    axes.imshow(shares, vmin=0.0, vmax=1.0, cmap="Blues")
    axes.set_xticks(range(len(labels)), labels, rotation=45, ha="right")
    axes.set_yticks(range(len(labels)), labels)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    axes.set_title(title)
    for (row, column), count in np.ndenumerate(counts):
        colour = "white" if shares[row, column] > 0.6 else "black"
        axes.text(column, row, str(count), ha="center", va="center", color=colour)
    _save(figure, path)


def reliability_picture(before: Sequence[Bin], after: Sequence[Bin], title: str, path: Path) -> None:
    """Draw accuracy against confidence, before and after calibration, dots as large as their bins are full.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    figure = _figure(5.0, 5.0)
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1, linestyle=":")
    for bins, name, colour, marker in ((before, "before", "tab:orange", "s"), (after, "after", "tab:blue", "o")):
        confidence, accuracy = [each.confidence for each in bins], [each.accuracy for each in bins]
        most = max((each.n for each in bins), default=1)
        axes.plot(confidence, accuracy, color=colour, linewidth=1)
        sizes = [10 + 30 * each.n / most for each in bins]
        axes.scatter(confidence, accuracy, sizes, color=colour, marker=marker, label=name)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("confidence")
    axes.set_ylabel("share that is right")
    axes.set_title(title)
    axes.legend(loc="upper left")
    _save(figure, path)


def coverage_risk_picture(curve: CoverageRisk, title: str, path: Path) -> None:
    """Draw the share of wrong answers among accepted utterances against the share that is accepted.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    figure = _figure(5.0, 4.0)
    axes = figure.add_subplot()
    axes.plot(curve.coverage, curve.risk, color="tab:blue", drawstyle="steps-pre", label=f"area {curve.area:.3f}")
    axes.set_xlim(0, 1)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("share of utterances accepted")
    axes.set_ylabel("share of them that is wrong")
    axes.set_title(title)
    axes.legend(loc="upper left")
    _save(figure, path)


def _figure(width: float, height: float) -> Any:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("train", "a picture") from error
    return Figure(figsize=(width, height), layout="constrained")


def _save(figure: Any, path: Path) -> None:
    figure.savefig(path, dpi=120, format="png", metadata={"Software": None})
