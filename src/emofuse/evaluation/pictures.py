"""Figures of an evaluation: the confusion matrix, the reliability diagram and the coverage-risk curve."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from emofuse.evaluation.reliability import Bin, CoverageRisk
from emofuse.evaluation.scores import cell_texts
from emofuse.pages.figures import write_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# On cells darker than this share of the row, counts are written in white.
DARK_CELL = 0.6


def confusion_picture(confusion: Sequence[Sequence[float]], labels: Sequence[str], title: str, path: Path) -> None:
    """Draw a confusion matrix into a PNG file: colours are shares of each true label, numbers are counts.

    Those of several seeds are means.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    counts, cells = np.asarray(confusion, dtype=np.float64), np.asarray(cell_texts(confusion))
    shares = counts / counts.sum(axis=1, keepdims=True).clip(min=1)

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        axes.imshow(shares, vmin=0.0, vmax=1.0, cmap="Blues")
        axes.set_xticks(range(len(labels)), labels, rotation=45, ha="right")
        axes.set_yticks(range(len(labels)), labels)
        axes.set_xlabel("Predicted label")
        axes.set_ylabel("True label")
        axes.set_title(title)
        for (row, column), cell in np.ndenumerate(cells):
            colour = "white" if shares[row, column] > DARK_CELL else "black"
            axes.text(column, row, str(cell), ha="center", va="center", color=colour)

    side = 1.6 + 0.7 * len(labels)
    write_figure(draw, (side, side), path, "png")


def reliability_picture(before: Sequence[Bin], after: Sequence[Bin], title: str, path: Path) -> None:
    """Draw accuracy against confidence into a PNG file, before and after calibration.

    The area of a marker grows with the number of predictions in its bin.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        axes.plot([0, 1], [0, 1], color="grey", linewidth=1, linestyle=":", label="perfectly calibrated")
        for bins, name, colour, marker in (
            (before, "before calibration", "tab:orange", "s"),
            (after, "after calibration", "tab:blue", "o"),
        ):
            confidence, accuracy = [each.confidence for each in bins], [each.accuracy for each in bins]
            most = max((each.n for each in bins), default=1)
            sizes = [10 + 30 * each.n / most for each in bins]
            axes.plot(confidence, accuracy, color=colour, linewidth=1)
            axes.scatter(confidence, accuracy, sizes, color=colour, marker=marker, label=name)
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1.02)
        axes.set_xlabel("Mean confidence")
        axes.set_ylabel("Accuracy")
        axes.set_title(title)
        axes.legend(loc="upper left")

    write_figure(draw, (5.0, 5.0), path, "png")


def coverage_risk_picture(curve: CoverageRisk, title: str, path: Path) -> None:
    """Draw the error rate among accepted utterances against the share of accepted utterances into a PNG file.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        axes.plot(
            curve.coverage, curve.risk, color="tab:blue", drawstyle="steps-pre", label=f"area {curve.area:.3f}"
        )
        axes.set_xlim(0, 1)
        axes.set_ylim(bottom=0)
        axes.set_xlabel("Coverage (share of utterances accepted)")
        axes.set_ylabel("Risk (error rate among them)")
        axes.set_title(title)
        axes.legend(loc="upper left")

    write_figure(draw, (5.0, 4.0), path, "png")
