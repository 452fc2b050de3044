"""Figures drawn with matplotlib, without a screen: the same data always gives the same file."""

from __future__ import annotations

import base64
import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, TypeAlias

from emofuse.pages.extra import require_package

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FigureKind = Literal["png", "svg"]
Drawing: TypeAlias = Callable[["Figure"], None]

DOTS_PER_INCH = 120
# Neither the date nor the version of matplotlib is stored.
_METADATA: dict[FigureKind, dict[str, Any]] = {"png": {"Software": None}, "svg": {"Date": None}}


def write_figure(draw: Drawing, size: tuple[float, float], target: Path | BinaryIO, kind: FigureKind) -> None:
    """Draw a figure into a file.

    Args:
        draw: fills an empty figure.
        size: width and height in inches.
        target: the file, by its path or open for writing.
        kind: its format.

    Raises:
        MissingExtraError: matplotlib is not installed.
        OSError: the file cannot be written.
    """
    require_package("matplotlib", "a picture")
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    # Names are shown as they are, "$x^$" included; SVG keeps text as text and has no random identifiers.
    settings = rc_context({"text.parse_math": False, "svg.fonttype": "none", "svg.hashsalt": "emofuse"})
    with settings, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # a viewer may have letters that matplotlib's font lacks
        figure = Figure(figsize=size, layout="constrained")
        draw(figure)
        figure.savefig(target, format=kind, dpi=DOTS_PER_INCH, metadata=_METADATA[kind])


def svg_data_url(draw: Drawing, size: tuple[float, float]) -> str:
    """Draw a figure and return it as the address of an image in a page; see `write_figure`.

    An image is a document of its own: its styles need no leave of the page's security policy, and its identifiers
    do not meet those of another figure.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    file = io.BytesIO()
    write_figure(draw, size, file, "svg")
    return f"data:image/svg+xml;base64,{base64.b64encode(file.getvalue()).decode()}"
